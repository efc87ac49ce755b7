"""Accuracy on labelled series: VUS-PR of detectors for series, and what the promise on events gives.

Run: python benchmarks/accuracy/series.py FOLDER [univariate|multivariate] [detector …] [--each]

FOLDER holds `index.csv` and the files that it names, with the columns `label` (1 in an anomaly) and `train` (1 in the
leading part that may be learnt from). One channel: the detector learns and scores the whole series, of at most 20,000
rows. Several channels: it learns the leading part and scores all. Window of VUS: the dominant lag of the first channel,
as TSB-AD takes it. Peers, in this process and of scikit-learn: neighbours, k-means and principal components of windows.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import uniform_filter1d

from amiss.core.catalog import detector_class
from amiss.evaluate.vus import vus_pr, vus_window

LONGEST = 20_000
ASIDE = ("timestamp", "label", "train", "changepoint")
KEPT_APART = ("SMD",)
"""Reported beside the mean: its series are few and long."""
Score = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def read(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, labels, and which rows may be learnt from."""
    table = pl.read_csv(path) if path.suffix == ".gz" else pl.read_parquet(path)
    values = table.select(name for name in table.columns if name not in ASIDE).to_numpy().astype(float)
    return np.ascontiguousarray(values), table["label"].to_numpy().astype(int), table["train"].to_numpy() == 1


def ours(name: str) -> Score:
    def score(X: np.ndarray, learnt: np.ndarray, window: int) -> np.ndarray:
        return detector_class(name)().fit(learnt).anomaly_score(X)

    return score


def parts(X: np.ndarray, window: int) -> np.ndarray:
    return sliding_window_view(X, window, axis=0).reshape(len(X) - window + 1, -1)


def rows(scores: np.ndarray, n: int, window: int) -> np.ndarray:
    """Each window's score in its middle, the ends repeated."""
    before = (window - 1) // 2
    return np.pad(scores, (before, n - len(scores) - before), mode="edge")


def neighbors(X: np.ndarray, learnt: np.ndarray, window: int) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=10).fit(parts(learnt, window))
    return rows(found.kneighbors(parts(X, window))[0].mean(axis=1), len(X), window)


def clusters(X: np.ndarray, learnt: np.ndarray, window: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    model = KMeans(n_clusters=20, n_init=1, random_state=0).fit(parts(learnt, window))
    distance = rows(model.transform(parts(X, window)).min(axis=1), len(X), window)
    return uniform_filter1d(distance, 50 if X.shape[1] > 1 else 1)


def components(X: np.ndarray, learnt: np.ndarray, window: int) -> np.ndarray:
    from sklearn.decomposition import PCA

    P = parts(learnt, window)
    model = PCA(n_components=0.5).fit(P)
    Q = parts(X, window)
    miss = ((Q - model.inverse_transform(model.transform(Q))) ** 2).sum(axis=1)
    return uniform_filter1d(rows(miss, len(X), window), 50 if X.shape[1] > 1 else 1)


PEERS: dict[str, Score] = {
    "windows, 10 neighbours (scikit-learn)": neighbors,
    "windows, 20 clusters (scikit-learn)": clusters,
    "windows, principal components (scikit-learn)": components,
}


def scaled(X: np.ndarray, learnt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    deviation = learnt.std(axis=0)
    scale = np.where(deviation > 1e-9, deviation, 1.0)
    return (X - learnt.mean(axis=0)) / scale, (learnt - learnt.mean(axis=0)) / scale


def judge(folder: Path, kind: str, score: Score, peer: bool) -> list[tuple[str, str, float, float]]:
    """Source, series, VUS-PR and CPU seconds of every series of a kind that has events."""
    found = []
    index = pl.read_csv(folder / "index.csv").filter((pl.col("kind") == kind) & (pl.col("events") > 0))
    for line in index.iter_rows(named=True):
        if kind == "univariate" and line["n"] > LONGEST:
            continue
        X, labels, train = read(folder / line["file"])
        learnt = X if kind == "univariate" else np.ascontiguousarray(X[train])
        window = vus_window(X)
        if peer:
            X, learnt = scaled(X, learnt)
        start = time.process_time()
        scores = np.nan_to_num(score(X, learnt, window if kind == "univariate" else 10))
        cost = time.process_time() - start
        found.append((line["dataset"], line["series"], vus_pr(labels, scores, window), cost))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("kind", choices=("univariate", "multivariate"))
    parser.add_argument("detectors", nargs="*", default=["series_ensemble"])
    parser.add_argument("--each", action="store_true", help="every series by itself")
    options = parser.parse_args()
    print("| detector | mean VUS-PR | by source | " + ", ".join(KEPT_APART) + " | CPU s |")
    print("| --- | --- | --- | --- | --- |")
    for name, score in {**{name: ours(name) for name in options.detectors}, **PEERS}.items():
        found = judge(options.folder, options.kind, score, name in PEERS)
        near = [line for line in found if line[0] not in KEPT_APART]
        apart = [line[2] for line in found if line[0] in KEPT_APART]
        sources = sorted({line[0] for line in near})
        by_source = np.mean([np.mean([line[2] for line in near if line[0] == source]) for source in sources])
        mean, cost = np.mean([line[2] for line in near]), sum(line[3] for line in found)
        print(f"| {name} | {mean:.3f} | {by_source:.3f} | {np.mean(apart) if apart else np.nan:.3f} | {cost:.1f} |")
        if options.each:
            for source, series, value, _ in found:
                print(f"|   {source} {series} | {value:.3f} | | | |")


if __name__ == "__main__":
    main()
