"""Sequential detectors: events scored and learnt per CPU second of one thread, beside their peers, in one run.

Run: python benchmarks/speed/sequential.py [PEER_PYTHON]     (a Python with river, krcf and pysad installed)

Normal rows with 10 features. Each event is scored before it is learnt. Ours through the public door: one row of a
matrix a call, or 256. Peers one by one, the only way that they know; their rows lie ready as dictionaries or arrays
(see peer_streams.py). Half-space trees with the paper's 25 trees of height 15 on both sides, the random cut forest with
40 trees of 256 points. A B A B …, medians.
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

from amiss.detectors import HalfSpaceTrees, RandomCutForest

RUNS = 3
N_ROWS, N_FOR_PEER, WARM = 40_000, 5_000, 2_000
PAPER = {"n_trees": 25, "height": 15, "window": 250, "smallest_share": 0.1}
LINES = (
    ("half-space trees, one by one", "River, 25 trees of height 15", "20"),
    ("half-space trees, by 256", "River, 25 trees of height 15", "80"),
    ("half-space trees of our default, one by one", "River, 25 trees of height 15", ""),
    ("half-space trees, 10 of height 8, one by one", "River, its default of 10 trees of height 8", ""),
    ("half-space trees, 10 of height 8, by 256", "River, its default of 10 trees of height 8", ""),
    ("half-space trees with contributions, one by one", "River, 25 trees of height 15", ""),
    ("random cut forest, one by one", "krcf, score and update", "2"),
    ("random cut forest, by 256", "krcf, score and update", ""),
    ("random cut forest with contributions, one by one", "krcf, attribution and update", "2"),
)


def rate(work: Callable[[np.ndarray], Any], X: np.ndarray, size: int) -> float:
    parts = [X[i : i + size] for i in range(0, len(X), size)]
    start = time.process_time()
    for part in parts:
        work(part)
    return len(X) / (time.process_time() - start)


def ours(X: np.ndarray) -> dict[str, float]:
    def trees(**options: Any) -> HalfSpaceTrees:
        return HalfSpaceTrees(**options).fit(X[:WARM])

    few = {**PAPER, "n_trees": 10, "height": 8}
    forest = RandomCutForest(n_trees=40, sample_size=256).fit(X[:WARM])
    return {
        "half-space trees, one by one": rate(trees(**PAPER).score_partial_fit, X, 1),
        "half-space trees, by 256": rate(trees(**PAPER).score_partial_fit, X, 256),
        "half-space trees of our default, one by one": rate(trees().score_partial_fit, X, 1),
        "half-space trees, 10 of height 8, one by one": rate(trees(**few).score_partial_fit, X, 1),
        "half-space trees, 10 of height 8, by 256": rate(trees(**few).score_partial_fit, X, 256),
        "half-space trees with contributions, one by one": rate(trees(**PAPER).explain_partial_fit, X, 1),
        "random cut forest, one by one": rate(forest.score_partial_fit, X, 1),
        "random cut forest, by 256": rate(forest.score_partial_fit, X, 256),
        "random cut forest with contributions, one by one": rate(forest.explain_partial_fit, X, 1),
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
        if python:
            theirs = statistics.median(found[peer] for _, found in runs)
            cells = [peer, f"{theirs:,.0f}", f"{mine / theirs:.1f}"]
        print(f"| {name} | {mine:,.0f} | {' | '.join(cells)} | {asked and '≥ ' + asked} |")


if __name__ == "__main__":
    main()
