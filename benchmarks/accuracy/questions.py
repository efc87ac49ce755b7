"""Anomalies found by asking a person 50 questions: ours, a fixed order, and coniferest's AADForest and PineForest.

Run: PYTHON benchmarks/accuracy/questions.py FOLDER [--seeds 3] [--questions 50] [--sets NAME,…]

PYTHON has amiss and coniferest 0.2.2 installed; without coniferest its columns are left out. FOLDER holds NAME.npz with
X and y; tables with fewer than 50 anomalies are left out, no row of the others is.
Each method asks about the row that it ranks first among those not asked yet, is told the truth, and learns from it
before it asks again; all have their defaults. The fixed order is scikit-learn's isolation forest. Figures are means
over the seeds; CPU seconds are of the questions alone, without the first fit. Seeds seed methods: rows and truth are
the same. How much a sum varies from seed to seed stands beside it.

Then patterns called normal: beside ten rows that we rank highest stand three near-duplicates of each, in each column a
twentieth of a deviation away, by the column's quartiles (a column of which half of the values are equal stays as it
is); the ten are called normal, and the near-duplicates still shown are counted.
Last, CPU seconds for a verdict and the next question on 100,000 rows.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.ensemble import IsolationForest

from amiss.core.frame import Frame
from amiss.feedback import TriageRanker
from amiss.prepare.preparation import Preparation
from amiss.prepare.roles import Wishes, infer_schema
from amiss.summaries.table import TableSummary

FEWEST = 50
PATTERNS, COPIES, JITTER = 10, 3, 0.05
LARGE = (100_000, 10)
Asked = Callable[[np.ndarray, np.ndarray, int, int], tuple[int, float]]


def prepared(X: np.ndarray) -> np.ndarray:
    """As amiss prepares any table."""
    table = Frame.of(X)
    summary = TableSummary.of(table, capacity=20_000)
    return Preparation.of(infer_schema(summary, Wishes()), summary, fill_missing=False).transform(table)


def ours(X: np.ndarray, y: np.ndarray, seed: int, n: int) -> tuple[int, float]:
    ranker = TriageRanker(seed=seed).fit(prepared(X))
    start, found = time.process_time(), 0
    for _ in range(n):
        row = ranker.next_question().row
        found += int(y[row])
        ranker.label(row, "anomaly" if y[row] else "normal")
    return found, time.process_time() - start


def fixed(X: np.ndarray, y: np.ndarray, seed: int, n: int) -> tuple[int, float]:
    scores = IsolationForest(random_state=seed).fit(X).score_samples(X)
    return int(y[np.argsort(scores, kind="stable")[:n]].sum()), 0.0


def of_peer(name: str) -> Asked:
    def asked(X: np.ndarray, y: np.ndarray, seed: int, n: int) -> tuple[int, float]:
        from coniferest.aadforest import AADForest
        from coniferest.label import Label
        from coniferest.pineforest import PineForest

        model = {"AADForest": AADForest, "PineForest": PineForest}[name](random_seed=seed, n_jobs=1).fit(X)
        free, known, labels = np.ones(len(X), bool), [], []
        start = time.process_time()
        for _ in range(n):
            row = int(np.argmin(np.where(free, np.asarray(model.score_samples(X)), np.inf)))
            free[row] = False
            known.append(row)
            labels.append(Label.ANOMALY if y[row] else Label.REGULAR)
            model.fit_known(X, X[known], np.array(labels))
        return int(y[known].sum()), time.process_time() - start

    return asked


def tables(folder: Path, wanted: str) -> list[tuple[str, np.ndarray, np.ndarray]]:
    found = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as arrays:
            X, y = np.ascontiguousarray(arrays["X"], np.float64), arrays["y"].astype(np.int64)
        if y.sum() >= FEWEST and (not wanted or path.stem in wanted.split(",")):
            found.append((path.stem, X, y))
    return found


def shown_again(X: np.ndarray, seed: int) -> tuple[int, int]:
    """Near-duplicates of rows called normal that are still shown, and how many there are."""
    random = np.random.default_rng(seed)
    rows = TriageRanker(seed=seed).fit(prepared(X)).ranking()[:PATTERNS]
    like = np.repeat(X[rows], COPIES, axis=0)
    low, high = np.quantile(X, [0.25, 0.75], axis=0)
    like += random.normal(size=like.shape) * JITTER * (high - low) / 1.349
    ranker = TriageRanker(seed=seed).fit(prepared(np.vstack([X, like])))
    for row in rows.tolist():
        ranker.label(row, "normal")
    return sum(not ranker.is_hidden(row) for row in range(len(X), len(X) + len(like))), len(like)


def key_press(seed: int) -> list[float]:
    """CPU seconds of each of 50 verdicts with the next question, on many rows."""
    X = np.random.default_rng(seed).normal(size=LARGE)
    ranker = TriageRanker(seed=seed).fit(X)
    taken = []
    for i in range(50):
        row = ranker.next_question().row
        start = time.process_time()
        ranker.label(row, "anomaly" if i % 2 else "normal")
        ranker.next_question()
        taken.append(time.process_time() - start)
    return taken


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folder", type=Path)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--questions", type=int, default=50)
    options.add_argument("--sets", default="")
    given = options.parse_args()
    methods: dict[str, Asked] = {"amiss": ours, "fixed order": fixed}
    if find_spec("coniferest"):
        methods |= {name: of_peer(name) for name in ("AADForest", "PineForest")}
    sets = tables(given.folder, given.sets)
    print(f"| table | rows | anomalies | {' | '.join(methods)} | CPU seconds |")
    print("|---" * (len(methods) + 4) + "|")
    found = np.zeros((len(sets), given.seeds, len(methods)))
    for t, (name, X, y) in enumerate(sets):
        seconds = np.zeros(len(methods))
        for seed in range(given.seeds):
            for m, method in enumerate(methods.values()):
                found[t, seed, m], taken = method(X, y, seed, given.questions)
                seconds[m] += taken / given.seeds
        figures = " | ".join(f"{value:.1f}" for value in found[t].mean(axis=0))
        print(
            f"| {name} | {len(X):,} | {y.sum():,} | {figures} | {' / '.join(f'{s:.1f}' for s in seconds)} |", flush=True
        )
    total = found.sum(axis=0)
    sums = " | ".join(
        f"{mean:.1f} ± {deviation:.1f}" for mean, deviation in zip(total.mean(0), total.std(0), strict=True)
    )
    print(f"| sum | | | {sums} | |")
    print(f"\nOurs over the best of the others: {total.mean(0)[0] / total.mean(0)[1:].max():.3f}")
    behind = (found[:, :, 1] - found[:, :, 0]).mean(axis=1)
    print(f"Most that ours is behind the fixed order on a table: {behind.max():.1f}")
    again = np.array([shown_again(X, seed) for _, X, _ in sets for seed in range(given.seeds)]).sum(axis=0)
    print(f"Near-duplicates of rows called normal shown again: {again[0]} of {again[1]} ({again[0] / again[1]:.1%})")
    taken = key_press(0)
    print(f"A verdict on {LARGE[0]:,} rows: median {np.median(taken):.3f}, most {max(taken):.3f} CPU seconds")


if __name__ == "__main__":
    main()
