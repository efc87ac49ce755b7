"""Which detector sees which kind of anomaly: planted kinds, mean AUC-ROC.

Run: python benchmarks/accuracy/kinds.py [detector …]     (prints a table in Markdown)

Each kind is planted into rows of three backgrounds with 8 columns: one cloud of related columns, three clusters of
unlike density, and skewed heavy-tailed columns; 3 % of the rows are anomalies (the clump: 5 %). The same rows are
learnt from and scored, without labels. Mean over the backgrounds and five seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from sklearn.metrics import roc_auc_score

import amiss
from amiss.core.catalog import detector_names

N_ROWS, N_COLUMNS, SHARE, CLUMP, SEEDS = 2000, 8, 0.03, 0.05, range(5)
Random = np.random.Generator
Matrix = np.ndarray


def cloud(random: Random) -> Matrix:
    hidden = random.normal(size=(N_ROWS, 3)) @ random.normal(size=(3, N_COLUMNS))
    return hidden + 0.4 * random.normal(size=hidden.shape)


def clusters(random: Random) -> Matrix:
    centers = 9 * random.normal(size=(3, N_COLUMNS))
    width = np.array([0.4, 1.0, 2.5])
    which = random.integers(3, size=N_ROWS)
    return centers[which] + width[which, None] * random.normal(size=(N_ROWS, N_COLUMNS))


def skewed(random: Random) -> Matrix:
    common = random.normal(size=(N_ROWS, 1))
    return np.exp(0.6 * common + 0.5 * random.normal(size=(N_ROWS, N_COLUMNS)))


def one_column(X: Matrix, odd: Matrix, random: Random) -> None:
    """One value just beyond the column's range."""
    column = random.integers(N_COLUMNS, size=len(odd))
    low, high = X.min(axis=0)[column], X.max(axis=0)[column]
    reach = (high - low) * random.uniform(0.05, 0.5, len(odd))
    X[odd, column] = np.where(random.random(len(odd)) < 0.5, low - reach, high + reach)


def many_columns(X: Matrix, odd: Matrix, random: Random) -> None:
    """Every value a little far out, none beyond the range."""
    low, high = np.quantile(X, [0.02, 0.98], axis=0)
    X[odd] = np.where(random.random((len(odd), N_COLUMNS)) < 0.5, low, high)


def broken_relation(X: Matrix, odd: Matrix, random: Random) -> None:
    """Usual values that do not belong together."""
    for row in odd:
        X[row] = X[random.integers(len(X), size=N_COLUMNS), np.arange(N_COLUMNS)]


def local(X: Matrix, odd: Matrix, random: Random) -> None:
    """Near their cluster, but further out than its own rows: five of its own neighbour distances."""
    for row in odd:
        gaps = np.linalg.norm(X - X[row], axis=1)
        direction = random.normal(size=N_COLUMNS)
        X[row] += direction / np.linalg.norm(direction) * 5 * np.sort(gaps)[5]


def clump(X: Matrix, odd: Matrix, random: Random) -> None:
    """A tight group of rows of their own, outside the others."""
    center = np.median(X, axis=0) + 2.5 * X.std(axis=0) * random.choice([-1, 1], N_COLUMNS)
    X[odd] = center + 0.05 * X.std(axis=0) * random.normal(size=(len(odd), N_COLUMNS))


KINDS: dict[str, Callable[[Matrix, Matrix, Random], None]] = {
    "one column": one_column,
    "many columns": many_columns,
    "broken relation": broken_relation,
    "local": local,
    "clump": clump,
}


def main() -> None:
    names = sys.argv[1:] or list(detector_names())
    figures = {name: {kind: [] for kind in KINDS} for name in names}
    for kind, plant in KINDS.items():
        for background in (cloud, clusters, skewed):
            for seed in SEEDS:
                random = np.random.default_rng(seed)
                X = background(random)
                odd = random.permutation(N_ROWS)[: int(N_ROWS * (CLUMP if plant is clump else SHARE))]
                plant(X, odd, random)
                y = np.isin(np.arange(N_ROWS), odd)
                for name in names:
                    scores = amiss.detect(X, detector=name, seed=seed).scores
                    figures[name][kind].append(roc_auc_score(y, scores))
    print("| detector | " + " | ".join(KINDS) + " | mean |")
    print("| --- " * (len(KINDS) + 2) + "|")
    mean = {name: [float(np.mean(values)) for values in kinds.values()] for name, kinds in figures.items()}
    for name in sorted(names, key=lambda name: -np.mean(mean[name])):
        print(f"| `{name}` | " + " | ".join(f"{v:.2f}" for v in mean[name]) + f" | {np.mean(mean[name]):.2f} |")


if __name__ == "__main__":
    main()
