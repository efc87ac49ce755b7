"""Probabilities from scores: what calibration is worth, by how many labelled rows are held out for it.

Run: python benchmarks/accuracy/probabilities.py FOLDER [--seeds N]

FOLDER holds NAME.npz with X and y. A third of at most 12,000 rows is learnt from, so many of the second third as are
said calibrate, and the rest is judged. Figures are shares of what it costs to say the share of anomalies of every row:
the squared error (Brier score) and the logarithmic one, means over tables and detectors. As learnt: the scores of
detectors from labels, read as log-odds.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression

from amiss.core.catalog import detector_class
from amiss.pipeline.labelled import fitted_on
from amiss.supervised._space import put, space_of
from amiss.thresholds.chances import Chances

MOST_ROWS = 12_000
HELD_OUT = (100, 300, 1000, 4000)
FEWEST = 5
DETECTORS = ("random_forest", "gradient_boosting", "naive_bayes", "logistic_regression", "knn", "isolation_forest")
RARER = (5, 15, 50, 100, 200, 500, MOST_ROWS)


def errors(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Squared and logarithmic."""
    safe = np.clip(p, 1e-9, 1 - 1e-9)
    return np.array([np.mean((p - y) ** 2), -np.mean(np.where(y, np.log(safe), np.log1p(-safe)))])


def scored(path: Path, seed: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Scores of the rows that each detector has not learnt, and which of these are anomalies."""
    with np.load(path) as arrays:
        X, y = arrays["X"].astype(np.float64), arrays["y"] > 0
    rows = np.random.default_rng(seed).permutation(len(X))[:MOST_ROWS]
    X, y = X[rows], y[rows]
    n = len(X) // 3
    if not 0 < y[:n].sum() < n:
        return
    Z = put(X, space_of(X[:n]))
    for name in DETECTORS:
        detector = fitted_on(detector_class(name)(), Z[:n], y[:n].astype(np.int64))
        yield name, detector.score_rows(np.ascontiguousarray(Z[n:])), y[n:]


def ways(scores: np.ndarray, odd: np.ndarray) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """What turns scores into probabilities: ours, and scikit-learn's two."""
    learnt = Chances.learnt(scores, odd)
    assert learnt is not None
    return {
        "isotonic, half a row more at the ends": learnt.probability,
        "isotonic": IsotonicRegression(out_of_bounds="clip").fit(scores, odd).predict,
        "Platt's line": _SigmoidCalibration().fit(scores, odd).predict,
    }


def judged(scores: np.ndarray, odd: np.ndarray, n: int, by_labels: bool) -> dict[str, np.ndarray]:
    """Errors of each way, as shares of those of saying one share of every row."""
    rest = slice(len(scores) // 2, None)
    plain = errors(odd[rest], np.full(len(odd[rest]), odd[:n].mean()))
    said = {way: predict(scores[rest]) for way, predict in ways(scores[:n], odd[:n]).items()}
    said |= {"as learnt": 0.5 * (1 + np.tanh(0.5 * scores[rest]))} if by_labels else {}
    return {way: errors(odd[rest], p) / plain for way, p in said.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    told: dict[tuple[bool, int], list[dict[str, np.ndarray]]] = {}
    for path in sorted(args.folder.glob("*.npz")):
        for seed in range(args.seeds):
            for name, scores, odd in scored(path, seed):
                half, by_labels = len(scores) // 2, detector_class(name).capabilities.labels
                for n in (n for n in HELD_OUT if n <= half and odd[half:].any()):
                    rarer = min(odd[:n].sum(), n - odd[:n].sum())
                    if rarer >= FEWEST:
                        group = int(np.searchsorted(RARER, rarer, side="right")) - 1
                        told.setdefault((by_labels, group), []).append(judged(scores, odd, n, by_labels))
    print(
        "| learns from | rarer sort held out | n | way | squared | logarithmic |\n| --- | --- | --- | --- | --- | --- |"
    )
    for (by_labels, group), each in sorted(told.items(), key=lambda pair: (not pair[0][0], pair[0][1])):
        for way in each[0]:
            square, logarithm = np.mean([found[way] for found in each], axis=0)
            learns, rows = "labels" if by_labels else "normal rows", f"{RARER[group]}–{RARER[group + 1] - 1}"
            print(f"| {learns} | {rows} | {len(each)} | {way} | {square:.3f} | {logarithm:.3f} |")


if __name__ == "__main__":
    main()
