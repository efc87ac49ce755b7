"""AUC of detectors over labelled tables, and of peers beside them; no labels, no options.

Run: python benchmarks/accuracy/tables.py FOLDER [detector …] [--protocol one-class [--clean]]
     [--peers PYTHON --cache FOLDER]

FOLDER holds NAME.npz with X and y. PYTHON is that of benchmarks/peers/README.md; what the peers reach does not change
with amiss, so it is kept under the cache folder and read from there the next time.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from peers import PEERS, Peers
from sklearn.metrics import average_precision_score, roc_auc_score

import amiss

SEEDS = (0, 1, 2)
MOST_ROWS = 10_000
FAR = 0.10
DETECTORS = ["ensemble", "isolation_forest", "hbos", "ecod", "knn", "pca", "robust_covariance"]


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows to learn from, rows to score and their labels; `test` is `train` where the same rows are judged."""

    train: np.ndarray
    test: np.ndarray
    y: np.ndarray


def cut(path: Path, protocol: str, seed: int) -> Cut:
    """All rows at once, or a random half of the normal ones to learn from and the rest to score."""
    with np.load(path) as arrays:
        X, y = arrays["X"].astype(np.float64), arrays["y"]
    random = np.random.default_rng(seed)
    if len(X) > MOST_ROWS:
        rows = random.permutation(len(X))[:MOST_ROWS]
        X, y = X[rows], y[rows]
    if protocol == "same-rows":
        return Cut(X, X, y)
    normal = random.permutation(np.flatnonzero(y == 0))
    learnt = np.zeros(len(X), bool)
    learnt[normal[: len(normal) // 2]] = True
    return Cut(X[learnt], X[~learnt], y[~learnt])


def ours(name: str, cut: Cut, seed: int, clean: bool) -> tuple[np.ndarray, float]:
    """Scores and CPU seconds, of everything amiss does to a table."""
    start = time.process_time()
    if cut.test is cut.train:
        scores = amiss.detect(cut.train, detector=name, seed=seed).scores
    else:
        scores = amiss.fit(cut.train, detector=name, seed=seed, clean=clean).score(cut.test).scores
    return scores, time.process_time() - start


def figures(y: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    return float(roc_auc_score(y, scores)), float(average_precision_score(y, scores))


def ranks(values: np.ndarray) -> np.ndarray:
    """Rank of each method on each table, 1 the best, equal ones sharing: (n_tables, n_methods)."""
    better = values[:, None, :] > values[:, :, None]
    equal = values[:, None, :] == values[:, :, None]
    return better.sum(axis=2) + (equal.sum(axis=2) + 1) / 2


def print_summary(names: list[str], n_ours: int, values: np.ndarray, seconds: np.ndarray) -> None:
    """`values` and `seconds` are (n_tables, n_seeds, n_methods, 2) and (n_tables, n_seeds, n_methods)."""
    mean = values.mean(axis=1)
    rank = ranks(mean[:, :, 0]).mean(axis=0)
    peers = mean[:, n_ours:, 0]
    behind = f" median distance to the best peer | tables > {FAR:.2f} behind it |" if peers.size else ""
    print(f"| method | AUC-ROC | AUC-PR | mean rank | CPU s |{behind}")
    print("| --- | --- | --- | --- | --- |" + " --- | --- |" * bool(behind))
    for j in np.argsort(-mean[:, :, 0].mean(axis=0), kind="stable"):
        roc, pr = mean[:, j].mean(axis=0)
        row = f"| {names[j]} | {roc:.4f} | {pr:.4f} | {rank[j]:.2f} | {seconds[:, :, j].sum():.1f} |"
        if behind:
            gap = np.delete(peers, j - n_ours, axis=1).max(axis=1) if j >= n_ours else peers.max(axis=1)
            gap = gap - mean[:, j, 0]
            row += f" {np.median(gap):+.3f} | {np.sum(gap > FAR)} |"
        print(row)


def print_tables(names: list[str], tables: list[str], values: np.ndarray) -> None:
    print(f"\n| AUC-ROC | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}")
    for name, row in zip(tables, values.mean(axis=1)[:, :, 0], strict=True):
        print(f"| {name} | {' | '.join(f'{v:.3f}' for v in row)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("detectors", nargs="*", default=DETECTORS)
    parser.add_argument("--protocol", choices=("same-rows", "one-class"), default="same-rows")
    parser.add_argument("--clean", action="store_true", help="one-class: say that the rows learnt are normal")
    parser.add_argument("--peers", metavar="PYTHON", help="Python that has PyOD")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="where the peers' figures are kept")
    parser.add_argument("--peers-only", action="store_true", help="fill the cache")
    parser.add_argument("--tables", action="store_true", help="print each table's AUC-ROC too")
    options = parser.parse_args()
    paths = sorted(options.folder.glob("*.npz"))
    mine = [] if options.peers_only else options.detectors
    peers = Peers(options.peers, options.cache, options.protocol) if options.peers or options.cache else None
    names = [f"`{name}`" for name in mine] + ([f"PyOD {name}" for name in PEERS] if peers else [])
    values = np.zeros((len(paths), len(SEEDS), len(names), 2))
    seconds = np.zeros(values.shape[:3])
    for i, path in enumerate(paths):
        for k, seed in enumerate(SEEDS):
            rows = cut(path, options.protocol, seed)
            for j, name in enumerate(mine):
                scores, seconds[i, k, j] = ours(name, rows, seed, options.clean)
                values[i, k, j] = figures(rows.y, scores)
            for j, name in enumerate(PEERS if peers else (), start=len(mine)):
                values[i, k, j], seconds[i, k, j] = peers.figures(name, path.stem, seed, rows, figures)
    print(f"{len(paths)} tables, {len(SEEDS)} seeds, {options.protocol}\n")
    print_summary(names, len(mine), values, seconds)
    if options.tables:
        print_tables(names, [path.stem for path in paths], values)
    if peers:
        peers.close()


if __name__ == "__main__":
    main()
