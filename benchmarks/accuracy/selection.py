"""Which half of the features to keep where there are no labels: mean AUC-ROC of two detectors on what is left.

Run: python benchmarks/accuracy/selection.py [folder of .npz tables]     (prints a table in Markdown)

Tables with nine features or more; at most 3,000 rows of each, three draws. Features are scaled robustly; each measure
keeps half of them, the labels only judge. "select" is `amiss.prepare.selection` as it is: one of each correlated group,
then heavy tails.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from amiss.detectors import KNN, IsolationForest
from amiss.evaluate.ranking import auc_roc
from amiss.prepare.scales import robust_scale
from amiss.prepare.selection import select
from amiss.prepare.worth import heavy_tails, ranked, standardised, variances

FOLDER = Path(__file__).parents[2] / ".." / "shared" / "data" / "tabular"
N_ROWS, N_NEIGHBORS, SEEDS = 3000, 5, range(3)


def entropy(X):
    """Of 32 bins of equal width."""
    found = np.empty(X.shape[1])
    for j, column in enumerate(X.T):
        share = np.histogram(column, 32)[0] / len(column)
        found[j] = -np.sum(share[share > 0] * np.log(share[share > 0]))
    return found


def laplacian(X):
    """He, Cai & Niyogi (2005): low where near rows have near values; on at most 1,500 rows."""
    from sklearn.neighbors import kneighbors_graph

    Z = np.clip(standardised(X), -5, 5)[:1500]
    graph = kneighbors_graph(Z, N_NEIGHBORS)
    near = graph.maximum(graph.T)
    degree = np.asarray(near.sum(axis=1)).ravel()
    centred = Z - (degree @ Z) / degree.sum()
    power = np.maximum(degree @ centred**2, 1e-12)
    return (power - np.sum(centred * (near @ centred), axis=0)) / power


def redundancy(X):
    """Largest rank correlation with another feature, those with the highest taken out one after another."""
    Z = standardised(ranked(X))
    correlation = np.abs(Z.T @ Z) / len(Z) - np.eye(X.shape[1])
    left, order = np.ones(X.shape[1], bool), []
    while left.any():
        order.append(int(np.argmax(np.where(left, np.max(correlation * left, axis=1), -1))))
        left[order[-1]] = False
    found = np.empty(len(order))
    found[order] = -np.arange(len(order))
    return found


MEASURES = {
    "heavy tails (kurtosis)": heavy_tails,
    "high variance": variances,
    "low entropy": lambda X: -entropy(X),
    "high entropy": entropy,
    "low Laplacian score": lambda X: -laplacian(X),
    "high Laplacian score": laplacian,
    "little redundancy": lambda X: -redundancy(X),
}


def choices(X, random):
    """Columns by name of the measure."""
    n_kept = (X.shape[1] + 1) // 2
    chosen = {name: np.argsort(-measure(X), kind="stable")[:n_kept] for name, measure in MEASURES.items()}
    chosen["select"] = select(X, method="heavy_tails", n_features=n_kept).chosen
    return chosen | {"at random": random.permutation(X.shape[1])[:n_kept], "all features": np.arange(X.shape[1])}


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    rows, n_tables = {}, 0
    for path in sorted(folder.glob("*.npz")):
        held = np.load(path)
        if held["X"].shape[1] < 9:
            continue
        n_tables += 1
        for seed in SEEDS:
            random = np.random.default_rng(seed)
            taken = random.permutation(len(held["X"]))[:N_ROWS]
            X, y = held["X"][taken].astype(float), held["y"][taken]
            location, scale = robust_scale(X)
            X = np.clip((X - location) / scale, -1e3, 1e3)
            X = X[:, variances(X) > 0]
            for name, columns in choices(X, random).items():
                part = np.ascontiguousarray(X[:, columns])
                aucs = [auc_roc(y, kind.fit(part).anomaly_score(part)) for kind in (KNN(), IsolationForest())]
                rows.setdefault(name, []).append(aucs)
    print(f"{n_tables} tables, {len(SEEDS)} draws of at most {N_ROWS:,} rows\n")
    print("| half of the features by | knn | isolation_forest |\n| --- | --- | --- |")
    for name, aucs in sorted(rows.items(), key=lambda row: -np.mean(row[1])):
        print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in np.mean(aucs, axis=0)) + " |")


if __name__ == "__main__":
    main()
