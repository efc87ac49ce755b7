"""Promises on false alarms, asked and reached, over many draws of six shapes of data.

Run: python benchmarks/accuracy/promises.py [--draws 200] [--rows 5000] [detector …]
With PEER_PYTHON set to a Python that has PyOD, its `contamination=0.1` is looked at on the same data.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import amiss
from amiss.pipeline.model import Model

SHAPES = ("normal", "heavy tails", "skewed", "clusters", "uniform", "mixed")
DIRT = ("shifted", "scattered", "clump")
RATES = (1e-1, 1e-2, 1e-3, 1e-4)
SHARES = (0.05, 0.1, 0.2)
FRESH = 20_000
PARAMS = {"knn": {"sample_size": 512}}
PEER = """
import sys, numpy as np
from pyod.models.iforest import IForest
with np.load(sys.argv[1]) as file:
    false = [1 - file["y"][IForest(contamination=0.1, random_state=0).fit(X).labels_ == 1].mean() for X in file["X"]]
print(np.mean(false))
"""


def normal_rows(shape: str, random: np.random.Generator, n: int) -> np.ndarray:
    if shape == "normal":
        return random.normal(size=(n, 4))
    if shape == "heavy tails":
        return random.standard_t(3, size=(n, 3))
    if shape == "skewed":
        return random.lognormal(size=(n, 3))
    if shape == "clusters":
        far = random.random((n, 1)) < 0.3
        return np.where(far, random.normal(-4, 0.5, (n, 4)), random.normal(3, 1.5, (n, 4)))
    if shape == "uniform":
        return random.uniform(size=(n, 5))
    related = random.normal(size=(n, 2)) @ np.array([[1.0, 0.9], [0.0, 0.4]])
    counted = random.poisson(3, n), random.integers(0, 5, n), random.exponential(size=n)
    return np.column_stack([related, *counted])


def odd_rows(shape: str, kind: str, random: np.random.Generator, n: int) -> np.ndarray:
    """Rows some eight deviations of the shape away: each in its own direction, anywhere in a box, or all together."""
    X = normal_rows(shape, random, n)
    usual = normal_rows(shape, random, 4000)
    middle, spread = np.median(usual, axis=0), usual.std(axis=0)
    if kind == "scattered":
        return middle + spread * random.uniform(-8, 8, size=X.shape)
    direction = random.normal(size=(1 if kind == "clump" else n, X.shape[1]))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    near = 0.3 * spread * random.normal(size=X.shape) if kind == "clump" else X - middle
    return middle + near + 8 * spread * direction


def fitted(X: np.ndarray, detector: str, draw: int) -> Model:
    return amiss.fit(X, detector=detector, params=PARAMS.get(detector), false_alarms=0.01, seed=draw)


def scores_of(model: Model, X: np.ndarray) -> np.ndarray:
    names = [f"column_{j + 1}" for j in range(X.shape[1])]
    return model.score_frame(amiss.core.frame.Frame.of(dict(zip(names, X.T, strict=True))))


def draws(n_draws: int, shape: str) -> Iterator[tuple[int, np.random.Generator]]:
    for draw in range(n_draws):
        yield draw, np.random.default_rng([draw, SHAPES.index(shape)])


def reached_rates(detector: str, n_draws: int, n_rows: int) -> None:
    print(f"\nreached over asked false alarms, {detector}, {n_rows:,} rows, mean of {n_draws} draws")
    heads = [f"{rate:g}" for rate in RATES]
    print(f"{'':12s} {'clean':^32s}   {'5 % dirt':^32s}   {'dirt found':>10s}   power of the oracle's at 0.01, 0.001")
    print(f"{'asked':12s} " + " ".join(f"{h:>7s}" for h in heads) + "    " + " ".join(f"{h:>7s}" for h in heads))
    for shape in SHAPES:
        clean, dirty, found, power = [], [], [], []
        for draw, random in draws(n_draws, shape):
            X = normal_rows(shape, random, n_rows)
            fresh = normal_rows(shape, random, FRESH)
            odd = odd_rows(shape, DIRT[draw % len(DIRT)], random, n_rows // 20)
            model = fitted(X, detector, draw)
            p = model.threshold.p_value(scores_of(model, fresh))
            clean.append([(p <= rate).mean() / rate for rate in RATES])
            power.append(powers(model, fresh, odd))
            model = fitted(random.permutation(np.vstack([X[len(odd) :], odd])), detector, draw)
            p = model.threshold.p_value(scores_of(model, fresh))
            dirty.append([(p <= rate).mean() / rate for rate in RATES])
            found.append(model.promise.dirt)
        text = ["   ".join(" ".join(f"{v:7.2f}" for v in np.mean(part, axis=0)) for part in (clean, dirty))]
        ours, best = np.mean(power, axis=0)
        text += [f"{np.mean(found):10.1%}", " ".join(f"{v:6.3f}" for v in ours / best)]
        print(f"{shape:12s} " + "   ".join(text), flush=True)


def powers(model: Model, fresh: np.ndarray, odd: np.ndarray) -> list[list[float]]:
    """Share of the anomalies found, and that found by the threshold which 20,000 further normal rows tell."""
    usual, far = scores_of(model, fresh), scores_of(model, odd)
    ours = [float((model.threshold.p_value(far) <= rate).mean()) for rate in (1e-2, 1e-3)]
    best = [float((far > np.quantile(usual, 1 - rate)).mean()) for rate in (1e-2, 1e-3)]
    return [ours, best]


def discovery_shares(detector: str, n_draws: int) -> None:
    """Fit on 1,000 clean rows and score 1,000 of which 2 % are anomalies; or look at these alone."""
    print(f"\nfalse share of the alarms (share of the anomalies found), {detector}, mean of {n_draws} draws")
    print(f"{'asked':12s} " + " ".join(f"{q:^15g}" for q in SHARES) + "  detect alone:")
    batches: list[np.ndarray] = []
    for shape in SHAPES:
        figures = []
        for draw, random in draws(n_draws, shape):
            X = normal_rows(shape, random, 1000)
            odd = odd_rows(shape, DIRT[draw % len(DIRT)], random, 20)
            batch = np.vstack([normal_rows(shape, random, 980), odd])
            y = np.arange(1000) >= 980
            model = fitted(X, detector, draw)
            row = []
            for q in SHARES:
                row += false_and_found(model.with_false_discoveries(q).score(batch).is_anomaly, y)
            alone = amiss.detect(
                batch, detector=detector, params=PARAMS.get(detector), false_discoveries=0.1, seed=draw
            )
            figures.append(row + false_and_found(alone.is_anomaly, y))
            if shape == "mixed":
                batches.append(batch)
        mean = np.mean(figures, axis=0)
        pairs = [f"{a:.3f} ({b:.2f})".center(15) for a, b in zip(mean[::2], mean[1::2], strict=True)]
        print(f"{shape:12s} " + " ".join(pairs[:-1]) + f"  at 0.1: {pairs[-1]}", flush=True)
    peer(batches)


def false_and_found(alarm: np.ndarray, y: np.ndarray) -> list[float]:
    return [(alarm & ~y).sum() / max(alarm.sum(), 1), (alarm & y).sum() / y.sum()]


def peer(batches: list[np.ndarray]) -> None:
    python = os.environ.get("PEER_PYTHON")
    if python is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "batches.npz"
        np.savez(path, X=np.array(batches), y=np.arange(1000) >= 980)
        done = subprocess.run([python, "-c", PEER, path], capture_output=True, text=True, check=True)
    print(f"{'mixed':12s} PyOD, IForest(contamination=0.1): {float(done.stdout):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--only", choices=("rates", "discoveries"))
    parser.add_argument("detectors", nargs="*", default=["mahalanobis", "knn", "isolation_forest"])
    given = parser.parse_args()
    for detector in given.detectors:
        if given.only != "discoveries":
            reached_rates(detector, given.draws, given.rows)
        if given.only != "rates":
            discovery_shares(detector, given.draws)


if __name__ == "__main__":
    main()
