"""Detectors that learn from normal rows alone, on labelled network data, and PyOD's beside them.

Run: python benchmarks/accuracy/one_class.py FOLDER [--sets nsl,unsw,cic,iot,zeek] [--detectors NAME,…] [--seeds N]
     [--peers PYTHON] [--fit]

FOLDER is that of labels.py. NSL-KDD is learnt from the normal rows of its training file and judged on its test file,
Zeek from one day to the other; of the others a fifth is judged in each seed, identical rows together. A fifth of the
normal rows, identical ones together, is kept for the cut that 5 % of them exceed; of the others at most 20,000 are
learnt. All know the columns from the rows learnt alone: ours by the preparation that `amiss compare` uses, the peers by
one column for each word and standardised ones. With `--fit` the default is also asked as `amiss fit --clean` does it,
with the cut that the model itself finds for 5 % false alarms.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from labels import SETS, Labelled, f1, fold_of
from peers import PEERS, Peers

import amiss
from amiss.core.frame import Frame
from amiss.evaluate.measures import cut_for_rate
from amiss.evaluate.ranking import auc_roc
from amiss.pipeline.labelled import fitted_on
from amiss.pipeline.recipe import Recipe
from amiss.prepare.preparation import Preparation
from amiss.prepare.roles import Wishes, infer_schema
from amiss.summaries.table import TableSummary

RATE = 0.05
N_FOLDS = 5
MOST_LEARNT, MOST_HELD, MOST_QUADRATIC = 20_000, 10_000, 5_000
STUDENT = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 10: 2.26}
"""What a mean of so many exceeds, in standard errors, in one case of twenty."""
DETECTORS = (
    "ensemble,isolation_forest,extended_isolation_forest,knn,lof,inne,hbos,ecod,copod,pca,mahalanobis,gmm,kde,loda,"
    "one_class_svm"
)
NETWORK_PEERS = {name: model for name, model in PEERS.items() if name != "MCD"} | {
    "OCSVM": "pyod.models.ocsvm.OCSVM",
    "PCA": "pyod.models.pca.PCA",
}
"""MCD takes as long as all others together on columns of words, and is never near the best there."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Normal rows to learn from, normal rows for the cut, rows to judge, and the kind of the latter."""

    train: pl.DataFrame
    held: pl.DataFrame
    test: pl.DataFrame
    kind: np.ndarray
    unseen: np.ndarray | None


def cut_of(data: Labelled, seed: int) -> Cut:
    random = np.random.default_rng(seed)
    if data.test is not None:
        table, kind = data.table, data.kind
        test, truth = data.test
    else:
        judged = fold_of(data.table, N_FOLDS, seed) == 0
        table, kind = data.table.filter(pl.Series(~judged)), data.kind[~judged]
        test, truth = data.table.filter(pl.Series(judged)), data.kind[judged]
    normal = table.filter(pl.Series(kind == ""))
    held = fold_of(normal, N_FOLDS, seed + 100) == 0
    learnt, kept = (random.permutation(np.flatnonzero(which)) for which in (~held, held))
    return Cut(
        normal[np.sort(learnt[:MOST_LEARNT])], normal[np.sort(kept[:MOST_HELD])], test, truth, data.unseen
    )  # fmt: skip


def ours(name: str, cut: Cut, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Scores of the rows held out and of those to judge, and CPU seconds."""
    detector = Recipe(detector=name, seed=seed, clean=True).make_detector()
    summary = TableSummary.of(Frame.of(cut.train), capacity=10_000)
    preparation = Preparation.of(
        infer_schema(summary, Wishes()), summary, fill_missing=not detector.capabilities.missing
    )
    X, H, T = (preparation.transform(Frame.of(table)) for table in (cut.train, cut.held, cut.test))
    start = time.process_time()
    fitted = fitted_on(detector, X, np.zeros(len(X), np.int64))
    return fitted.score_rows(H), fitted.score_rows(T), time.process_time() - start


def fit_clean(cut: Cut, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Scores and flags of the rows to judge by `amiss fit --clean --false-alarms 5%`, and CPU seconds."""
    start = time.process_time()
    model = amiss.fit(pl.concat([cut.train, cut.held]), clean=True, false_alarms=f"{100 * RATE:g}%", seed=seed)
    result = model.score(cut.test)
    return result.scores, result.is_anomaly, time.process_time() - start


def one_hot(cut: Cut) -> tuple[np.ndarray, np.ndarray]:
    """The rows learnt, and the others, in standardised columns: one for each number and for each word."""
    columns: list[list[np.ndarray]] = [[], []]
    others = pl.concat([cut.held, cut.test])
    for name in cut.train.columns:
        if cut.train[name].dtype.is_numeric():
            for part, table in zip(columns, (cut.train, others), strict=True):
                part.append(table[name].cast(pl.Float64).fill_null(-1).to_numpy())
            continue
        for word in cut.train[name].drop_nulls().unique().sort():
            for part, table in zip(columns, (cut.train, others), strict=True):
                part.append((table[name] == word).fill_null(value=False).to_numpy().astype(float))
    X, T = (np.column_stack(part) for part in columns)
    scale = X.std(axis=0)
    scale[scale == 0] = 1.0
    return (X - X.mean(axis=0)) / scale, (T - X.mean(axis=0)) / scale


def peers_scores(peers: Peers, cut: Cut, seed: int) -> Iterator[tuple[str, np.ndarray, np.ndarray, float]]:
    X, T = one_hot(cut)
    few = np.random.default_rng(seed).permutation(len(X))[:MOST_QUADRATIC]
    for name, model in NETWORK_PEERS.items():
        scores, seconds = peers.scores(model, seed, X[few] if name == "OCSVM" else X, T)
        yield f"PyOD {name}", scores[: len(cut.held)], scores[len(cut.held) :], seconds


def figures(cut: Cut, scores: np.ndarray, flagged: np.ndarray, seconds: float) -> dict[str, float]:
    y = cut.kind != ""
    found = {
        "AUC-ROC": auc_roc(y, scores), "F1": f1(y, flagged), "reached": float(flagged[~y].mean()),
        "recall": float(flagged[y].mean()),
    }  # fmt: skip
    if cut.unseen is not None:
        found["unseen"] = float(flagged[cut.unseen].mean())
    return found | {"CPU s": seconds}


def judged(data: Labelled, names: list[str], seeds: int, peers: Peers | None, fit: bool) -> dict[str, list]:
    found: dict[str, list[dict[str, float]]] = {}
    for seed in range(seeds):
        cut = cut_of(data, seed)
        scored = [(f"`{name}`", *ours(name, cut, seed)) for name in names]
        if peers is not None:
            scored += list(peers_scores(peers, cut, seed))
        for name, held, scores, seconds in scored:
            flagged = scores > cut_for_rate(held, RATE)
            found.setdefault(name, []).append(figures(cut, scores, flagged, seconds))
        if fit:
            found.setdefault("`amiss fit --clean`", []).append(figures(cut, *fit_clean(cut, seed)))
    return found


def print_table(title: str, found: dict[str, list[dict[str, float]]]) -> None:
    columns = list(next(iter(found.values()))[0])
    print(f"\n### {title}\n\n| detector | " + " | ".join(columns) + " |\n| --- |" + " --- |" * len(columns))
    for name, lines in sorted(found.items(), key=lambda pair: -np.mean([line["AUC-ROC"] for line in pair[1]])):
        cells = []
        for column in columns:
            values = np.array([line[column] for line in lines])
            if column == "CPU s":
                cells.append(f"{values.mean():.1f}")
                continue
            error = STUDENT.get(len(values), 2.0) * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0
            cells.append(f"{values.mean():.3f} ± {error:.3f}" if len(values) > 1 else f"{values[0]:.3f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--detectors", default=DETECTORS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--peers", metavar="PYTHON", help="Python that has PyOD")
    parser.add_argument("--fit", action="store_true", help="also by amiss fit --clean")
    args = parser.parse_args()
    peers = Peers(args.peers, None, "") if args.peers else None
    for name in args.sets.split(","):
        found = judged(SETS[name](args.folder), args.detectors.split(","), args.seeds, peers, args.fit)
        print_table(f"{name}, {args.seeds} seeds", found)
    if peers is not None:
        peers.close()


if __name__ == "__main__":
    main()
