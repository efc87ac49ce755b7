"""Sequential detectors: events scored and learnt per CPU second of one thread, beside their peers, in one run.

Run: python benchmarks/speed/sequential.py [PEER_PYTHON]     (a Python with river, krcf and pysad installed)

Normal rows with 10 features. Each event is scored before it is learnt. Ours through the public door: one row of a
matrix a call, or 256. Peers one by one, the only way that they know; their rows lie ready as dictionaries or arrays
(see peer_streams.py). Half-space trees with the same number of trees, height and window of 250 on both sides, the
random cut forest with 40 trees of 256 points. A B A B …, medians.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from amiss.detectors import HalfSpaceTrees, OnlineMahalanobis, RandomCutForest

RUNS = 3
N_ROWS, N_FOR_PEER, WARM = 40_000, 5_000, 2_000
SIZES = ((25, 15), (25, 10), (25, 8), (10, 8))
"""Trees and their height: the paper's, two between, and River's default."""
LINES = (
    *((f"half-space trees, {n} of height {h}, one by one", f"River, {n} trees of height {h}", "20") for n, h in SIZES),
    *((f"half-space trees, {n} of height {h}, by 256", f"River, {n} trees of height {h}", "80") for n, h in SIZES),
    ("half-space trees with contributions, one by one", "River, 25 trees of height 15", ""),
    ("random cut forest, one by one", "krcf, score and update", "2"),
    ("random cut forest, by 256", "krcf, score and update", ""),
    ("random cut forest with contributions, one by one", "krcf, attribution and update", "2"),
    ("online Mahalanobis, one by one", "", ""),
    ("online Mahalanobis, by 256", "", ""),
)


def rate(work: Callable[[np.ndarray], Any], X: np.ndarray, size: int) -> float:
    parts = [X[i : i + size] for i in range(0, len(X), size)]
    start = time.process_time()
    for part in parts:
        work(part)
    return len(X) / (time.process_time() - start)


def ours(X: np.ndarray) -> dict[str, float]:
    def trees(n_trees: int, height: int) -> HalfSpaceTrees:
        return HalfSpaceTrees(n_trees, height, window=250, smallest_share=0.1).fit(X[:WARM])

    forest = RandomCutForest(n_trees=40, sample_size=256).fit(X[:WARM])
    distance = OnlineMahalanobis().fit(X[:WARM])
    found = {}
    for n, height in SIZES:
        for words, size in (("one by one", 1), ("by 256", 256)):
            work = trees(n, height).score_partial_fit
            found[f"half-space trees, {n} of height {height}, {words}"] = rate(work, X, size)
    return {
        **found,
        "half-space trees with contributions, one by one": rate(trees(*SIZES[0]).explain_partial_fit, X, 1),
        "random cut forest, one by one": rate(forest.score_partial_fit, X, 1),
        "random cut forest, by 256": rate(forest.score_partial_fit, X, 256),
        "random cut forest with contributions, one by one": rate(forest.explain_partial_fit, X, 1),
        "online Mahalanobis, one by one": rate(distance.score_partial_fit, X, 1),
        "online Mahalanobis, by 256": rate(distance.score_partial_fit, X, 256),
    }


def peers(python: str, X: np.ndarray) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, X)
        script = Path(__file__).with_name("peer_streams.py")
        command = [python, "-I", str(script), "speed", str(path)]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, float] = json.loads(out)
    return found


def main() -> None:
    python = sys.argv[1] if len(sys.argv) > 1 else None
    X = np.random.default_rng(0).normal(size=(N_ROWS, 10))
    runs = [(ours(X), peers(python, X[:N_FOR_PEER]) if python else {}) for _ in range(RUNS)]
    print("| what | events / CPU s | beside | its events / CPU s | times | asked |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, peer, asked in LINES:
        mine = statistics.median(found[name] for found, _ in runs)
        cells = ["", "", ""]
        if python and peer:
            theirs = statistics.median(found[peer] for _, found in runs)
            cells = [peer, f"{theirs:,.0f}", f"{mine / theirs:.1f}"]
        print(f"| {name} | {mine:,.0f} | {' | '.join(cells)} | {asked and '≥ ' + asked} |")


if __name__ == "__main__":
    main()
