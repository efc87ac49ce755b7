"""Forests grown on values in bins against scikit-learn's on the values themselves, all else alike.

Run: python benchmarks/accuracy/forests.py FOLDER [--seeds N] [--sets NAME,…]

FOLDER holds tabular/NAME.npz with X and y, and network/ as in labels.py. A random half of a table, 5,000 rows at most,
is learnt, the rest is scored, 10,000 rows at most; the network's training and test files are drawn from likewise.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from labels import SETS, prepared
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.model_selection import train_test_split

from amiss.evaluate.ranking import auc_pr, auc_roc
from amiss.supervised import ExtraTrees, RandomForest
from amiss.supervised._trees import VotingTrees

LEARNT, SCORED = 5000, 10_000
NETWORKS = ("nsl", "unsw", "cic", "iot")


class Theirs(VotingTrees):
    """scikit-learn's forest, its leaves smoothed as ours."""

    n_jobs = None
    smoothing = 0.5
    class_weight = "balanced"

    def __init__(self, kind: type = RandomForestClassifier, seed: int = 0) -> None:
        self.kind, self.seed = kind, seed

    def _grown(self, X, y, weight):
        return self.kind(100, random_state=self.seed).fit(X, y, sample_weight=weight).estimators_


def halves(y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    train, test = train_test_split(np.arange(len(y)), test_size=0.5, stratify=y, random_state=seed)
    return some(train, y, LEARNT, seed), some(test, y, SCORED, seed)


def some(rows: np.ndarray, y: np.ndarray, n: int, seed: int) -> np.ndarray:
    if len(rows) <= n:
        return rows
    return train_test_split(rows, train_size=n, stratify=y[rows], random_state=seed)[0]


def cut(folder: Path, name: str, seed: int) -> tuple[np.ndarray, ...]:
    """Rows to learn from and their labels, rows to be scored and theirs."""
    if name not in NETWORKS:
        with np.load(folder / f"tabular/{name}.npz") as arrays:
            X, y = arrays["X"].astype(float), arrays["y"].ravel().astype(int)
        train, test = halves(y, seed)
        return X[train], y[train], X[test], y[test]
    data = SETS[name](folder / "network")
    if data.test is None:
        train, test = halves(data.kind != "", seed)
        tables, kinds = (data.table[train], data.table[test]), (data.kind[train], data.kind[test])
    else:
        tables, kinds = _drawn((data.table, data.kind), LEARNT, seed), _drawn(data.test, SCORED, seed)
        tables, kinds = (tables[0], kinds[0]), (tables[1], kinds[1])
    split = prepared(tables[0], kinds[0], tables[1], kinds[1], seed)
    return split.X, (split.kind != "").astype(int), split.T, (split.truth != "").astype(int)


def _drawn(part: tuple[pl.DataFrame, np.ndarray], n: int, seed: int) -> tuple[pl.DataFrame, np.ndarray]:
    rows = some(np.arange(len(part[1])), part[1] != "", n, seed)
    return part[0][rows], part[1][rows]


def judged(folder: Path, name: str, n_seeds: int) -> Iterator[list[float]]:
    """For each seed AUC-ROC, AUC-PR and CPU seconds of our forest, theirs, our extra trees, theirs."""
    for seed in range(n_seeds):
        X, y, T, truth = cut(folder, name, seed)
        line = []
        for detector in (
            RandomForest(random_state=seed), Theirs(RandomForestClassifier, seed),
            ExtraTrees(random_state=seed), Theirs(ExtraTreesClassifier, seed),
        ):  # fmt: skip
            start = time.process_time()
            detector.fit(X, y)
            seconds = time.process_time() - start
            scores = detector.anomaly_score(T)
            line += [auc_roc(truth, scores), auc_pr(truth, scores), seconds]
        yield line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets")
    args = parser.parse_args()
    tables = [path.stem for path in sorted((args.folder / "tabular").glob("*.npz"))]
    names = args.sets.split(",") if args.sets else [*tables, *NETWORKS]
    print("| set |" + "".join(f" {w} ROC | sk ROC | {w} PR | sk PR | {w} s | sk s |" for w in ("RF", "ET")))
    print("|---" * 13 + "|")
    means = []
    for name in names:
        mean = np.mean(list(judged(args.folder, name, args.seeds)), axis=0)
        means.append(mean)
        print(line_of(name, mean), flush=True)
    print(line_of("mean", np.mean(means, axis=0)))


def line_of(name: str, mean: np.ndarray) -> str:
    cells = [f"{mean[k + at]:.4f}" for k in (0, 6) for at in (0, 3, 1, 4, 2, 5)]
    return f"| {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
