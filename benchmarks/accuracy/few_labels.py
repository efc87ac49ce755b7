"""A few labels beside many rows that nobody has looked at: what they add to the default, and what they would be alone.

Run: python benchmarks/accuracy/few_labels.py FOLDER [--seeds N] [--budgets 10,30,100] [--draws random,half,…]

FOLDER holds NAME.npz with X and y. Of at most 4,000 rows a half is learnt from and the other half judged, anomalies
evenly parted. So many of the rows learnt from have a label: drawn at `random`; `half` of them anomalies, but never more
than two thirds of those that there are; `anomalies` alone, half as many; or the `highest` by the default, as somebody
who looks through alarms labels them. Where no anomaly is drawn there is nothing to learn, and the draw is left out.
The columns are prepared as `amiss` prepares any table. Methods that need labels of both sorts and have those of one
give every row the same score.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np

from amiss.core.catalog import detector_class
from amiss.core.frame import Frame
from amiss.core.rarity import surprise_of
from amiss.evaluate.ranking import auc_pr, auc_roc
from amiss.prepare.preparation import Preparation
from amiss.prepare.roles import Wishes, infer_schema
from amiss.summaries.table import TableSummary

MOST_ROWS = 4000
DRAWS = ("random", "half", "anomalies", "highest")
CLEARLY = 0.02
UNKNOWN = -1


def parted(path: Path, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Prepared rows to learn from and their truth, and those to judge and theirs."""
    with np.load(path) as arrays:
        X, y = arrays["X"].astype(np.float64), arrays["y"].astype(np.int64)
    rows = np.random.default_rng(seed).permutation(len(X))[:MOST_ROWS]
    learnt = np.zeros(len(X), bool)
    for kind in (0, 1):
        of = rows[y[rows] == kind]
        learnt[of[: len(of) // 2]] = True
    judged = np.setdiff1d(rows, np.flatnonzero(learnt))
    table = Frame.of(X[learnt])
    summary = TableSummary.of(table, capacity=MOST_ROWS)
    preparation = Preparation.of(infer_schema(summary, Wishes()), summary, fill_missing=False)
    return preparation.transform(table), y[learnt], preparation.transform(Frame.of(X[judged])), y[judged]


def labels_of(how: str, n: int, truth: np.ndarray, usual: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The truth of the rows that get a label, −1 for the others."""
    odd, normal = (random.permutation(np.flatnonzero(truth == kind)) for kind in (1, 0))
    few = odd[: min(n // 2, max(2 * len(odd) // 3, 1))]
    chosen = {
        "random": random.permutation(len(truth))[:n],
        "half": np.concatenate([few, normal[: n - len(few)]]),
        "anomalies": few,
        "highest": np.argsort(-usual, kind="stable")[:n],
    }[how]
    y = np.full(len(truth), UNKNOWN)
    y[chosen] = truth[chosen]
    return y


def scores_of(X: np.ndarray, y: np.ndarray, T: np.ndarray, plain: tuple[np.ndarray, np.ndarray]) -> dict:
    """Scores of the rows to judge by each method, and CPU seconds; `plain` are the default's of both parts."""
    known, same = y != UNKNOWN, np.zeros(len(T))
    both = 0 < y[known].sum() < known.sum()
    asked = np.where(known, y, np.nan)
    usual = np.sort(plain[0])
    wide, wide_T = (np.column_stack([Z, surprise_of(s, usual)]) for Z, s in ((X, plain[0]), (T, plain[1])))
    methods = {
        "`partly_labelled`": lambda: fitted("partly_labelled", X, asked).score_rows(T),
        "`positive_unlabelled`": lambda: fitted("positive_unlabelled", X, asked).score_rows(T),
        "`hybrid`, unlabelled rows as normal": lambda: fitted(
            "hybrid", X, np.maximum(y, 0), learner="positive_unlabelled"
        ).score_rows(T),
        "`random_forest` on the labelled": lambda: fitted("random_forest", X[known], y[known]).score_rows(T),
        "the same, the default's score a column (as XGBOD)": lambda: fitted(
            "random_forest", wide[known], y[known]
        ).score_rows(wide_T),
        "scikit-learn's self-training forest": lambda: self_trained(X, y, T),
    }
    found = {"`ensemble`, no labels": (plain[1], 0.0)}
    for name, method in methods.items():
        start = time.process_time()
        able = both or name.startswith(("`partly", "`positive", "`hybrid"))
        found[name] = (method() if able else same, time.process_time() - start)
    return found


def fitted(name: str, X: np.ndarray, y: np.ndarray, **params: object):
    return detector_class(name)(**params).fit(np.ascontiguousarray(np.nan_to_num(X)), y)


def self_trained(X: np.ndarray, y: np.ndarray, T: np.ndarray) -> np.ndarray:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.semi_supervised import SelfTrainingClassifier

    forest = RandomForestClassifier(class_weight="balanced", random_state=0)
    return SelfTrainingClassifier(forest, threshold=0.9).fit(X, y).predict_proba(T)[:, 1]


def print_table(how: str, n: int, told: dict[str, list[dict[str, tuple[float, float, float]]]]) -> None:
    """The mean over tables of the mean over seeds, and where it is clearly worse than without labels."""
    names = list(next(iter(told.values()))[0])
    table = np.array([np.mean([[each[name] for name in names] for each in seeds], axis=0) for seeds in told.values()])
    n_draws = sum(len(seeds) for seeds in told.values())
    print(f"\n### {n} labels, {how}: {len(told)} tables, {n_draws} draws\n")
    print("| method | AUC-ROC | AUC-PR | lowest AUC-ROC against no labels | tables below by .02 | CPU s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for j in np.argsort(-table[:, :, 1].mean(axis=0), kind="stable"):
        change = table[:, j, 0] - table[:, 0, 0]
        roc, pr, seconds = table[:, j].mean(axis=0)
        worse = int((change < -CLEARLY).sum())
        print(f"| {names[j]} | {roc:.3f} | {pr:.3f} | {change.min():+.3f} | {worse} | {seconds:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budgets", default="10,30,100")
    parser.add_argument("--draws", default=",".join(DRAWS))
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    wanted = [(how, int(n)) for how in args.draws.split(",") for n in args.budgets.split(",")]
    told: dict[tuple[str, int], dict[str, list]] = {each: {} for each in wanted}
    for path in sorted(args.folder.glob("*.npz")):
        for seed in range(args.seeds):
            X, truth, T, judged = parted(path, seed)
            if not truth.any():
                continue
            plain = detector_class("ensemble")().fit(X)
            scores = plain.score_rows(X), plain.score_rows(T)
            random = np.random.default_rng(seed)
            for how, n in wanted:
                y = labels_of(how, n, truth, scores[0], random)
                if (y == 1).any():
                    found = scores_of(X, y, T, scores)
                    figures = {k: (auc_roc(judged, s), auc_pr(judged, s), cpu) for k, (s, cpu) in found.items()}
                    told[how, n].setdefault(path.stem, []).append(figures)
    for (how, n), found in told.items():
        print_table(how, n, found)


if __name__ == "__main__":
    main()
