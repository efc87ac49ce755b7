"""Mean AUC of detectors over labelled tables: fit and score the same rows, no labels, no options.

Run: python benchmarks/accuracy/tables.py FOLDER [detector …]   (FOLDER holds NAME.npz with X and y)
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

import amiss

SEEDS = (0, 1, 2)
MOST_ROWS = 10_000


def table(path: Path, seed: int) -> tuple[np.ndarray, np.ndarray]:
    with np.load(path) as arrays:
        X, y = arrays["X"].astype(np.float64), arrays["y"]
    if len(X) > MOST_ROWS:
        rows = np.random.default_rng(seed).permutation(len(X))[:MOST_ROWS]
        X, y = X[rows], y[rows]
    return X, y


def main() -> None:
    paths = sorted(Path(sys.argv[1]).glob("*.npz"))
    names = sys.argv[2:] or [
        "ensemble",
        "isolation_forest",
        "hbos",
        "ecod",
        "knn",
        "pca",
        "robust_covariance",
    ]
    figures = {name: np.zeros((len(paths), len(SEEDS), 2)) for name in names}
    seconds = dict.fromkeys(names, 0.0)
    for i, path in enumerate(paths):
        for k, seed in enumerate(SEEDS):
            X, y = table(path, seed)
            for name in names:
                start = time.process_time()
                scores = amiss.detect(X, detector=name, seed=seed).scores
                seconds[name] += time.process_time() - start
                figures[name][i, k] = roc_auc_score(y, scores), average_precision_score(y, scores)
        row = "  ".join(f"{figures[n][i, :, 0].mean():.3f}/{figures[n][i, :, 1].mean():.3f}" for n in names)
        print(f"{path.stem:22s} {row}", flush=True)
    print(f"\n{'detector':20s} AUC-ROC  AUC-PR  CPU seconds")
    for name in names:
        roc, pr = figures[name].mean(axis=(0, 1))
        print(f"{name:20s} {roc:.4f}   {pr:.4f}  {seconds[name]:.1f}")


if __name__ == "__main__":
    main()
