"""What the page of a comparison draws: plain values, as few as its figures need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from amiss.evaluate.courses import SERIES_FIGURES
from amiss.evaluate.curves import ScorePart, cost_envelope, cut_counts, shares_by_score, thinned
from amiss.evaluate.draws import Figure
from amiss.evaluate.fold_ranks import fold_figures, over_folds
from amiss.evaluate.measures import RATES
from amiss.evaluate.probabilities import CalibrationBin
from amiss.evaluate.truth import Flags
from amiss.report.rank_figure import rank_figure

if TYPE_CHECKING:
    from amiss.evaluate.candidate import Candidate
    from amiss.evaluate.comparison import Comparison, Selected
    from amiss.evaluate.decisions import RowJudgement

__all__ = ["comparison_data"]

_MEASURES = {
    "f1": "F1", "precision": "precision", "recall": "recall", "false_alarm_rate": "false alarms", "mcc": "MCC",
    "balanced_accuracy": "balanced accuracy", "accuracy": "accuracy", "auc_roc": "AUC-ROC", "auc_pr": "AUC-PR",
    **SERIES_FIGURES, "brier": "Brier score", "own_brier": "Brier score, uncalibrated",
    "alarms_per_day": "alarms a day", "false_alarms_per_day": "false alarms a day",
}  # fmt: skip
_COSTS = {"fit": "fit, s", "score": "score, ms", "memory": "memory, MB"}
_LONG_COSTS = {"fit": "CPU seconds of one fit", "score": "CPU milliseconds of scoring 1,000 rows",
               "memory": "memory at the highest, MB"}  # fmt: skip
_LESS_IS_BETTER = {
    "false_alarm_rate", "false_bursts", "brier", "own_brier", "alarms_per_day", "false_alarms_per_day", *_COSTS,
}  # fmt: skip
_SHOWN = 4
_MOST_POINTS = 300
_POINTS_IN_ALL = 15_000
"""Points of all curves together, so that the page of many detectors stays small."""


def comparison_data(told: Comparison) -> dict[str, Any]:
    """All that the scripts of the page draw."""
    judged = [(c, c.judged) for c in told.candidates if c.judged is not None]
    truth = told.y > 0
    n_anomalies = int(truth.sum())
    p_values = told.verdict.p_values if told.verdict else {}
    most = min(_MOST_POINTS, _POINTS_IN_ALL // max(len(judged), 1))
    kinds = judged[0][1].kinds if judged else ()
    return {
        "measure": told.measure,
        "columns": _columns(told, [each for _, each in judged]),
        "n_anomalies": n_anomalies,
        "n_normal": len(truth) - n_anomalies,
        "shown": _shown([c for c, _ in judged]),
        "detectors": [
            {
                "name": c.name,
                "learns": c.learns_from,
                "p": p_values.get(c.name),
                "figures": _figures(c, each),
                "params": _params(c),
                "rates": _rates(each),
                "notes": list(each.notes),
                "confusion": each.confusion,
                "kinds": [_kind(kind.n_found, kind.recall) for kind in each.kinds],
                "unseen": None if each.unseen is None else _kind(each.unseen.n_found, each.unseen.recall),
                "said": {
                    name: [_bin(part) for part in parts]
                    for name, parts in (("calibrated", each.calibration), ("own", each.own_calibration))
                },
                **_curves(truth, c, most),
            }
            for c, each in judged
        ],
        "kinds": [{"name": kind.kind, "n": kind.n_rows, "seen": kind.seen} for kind in kinds],
        "n_unseen": next((each.unseen.n_rows for _, each in judged if each.unseen is not None), 0),
        "ranks": _ranks(told, [c for c, _ in judged]),
        "costs": _LONG_COSTS,
        "selection": None if told.selection is None else _selection(told.selection),
    }


def _columns(told: Comparison, judged: Sequence[RowJudgement]) -> list[dict[str, Any]]:
    """Keys and titles of the figures, that which decides first."""
    there = {name for each in judged for name in each.figures}
    titles = {name: title for name, title in _MEASURES.items() if name in there}
    titles = {name: titles[name] for name in sorted(titles, key=lambda name: name != told.measure)}
    titles |= {"unseen": "recall, kinds never learnt"} if any(each.unseen for each in judged) else {}
    if judged:
        titles |= {f"at_{k}": f"recall at {100 * rate:g}%" for k, rate in enumerate(RATES)} | _COSTS
    return [{"key": name, "title": title, "less": name in _LESS_IS_BETTER} for name, title in titles.items()]


def _figures(candidate: Candidate, judged: RowJudgement) -> dict[str, Any]:
    """Each figure as its value, how it is written, and its interval."""
    told = dict(judged.figures) | {f"at_{k}": at.recall for k, at in enumerate(judged.rates)}
    told |= {} if judged.unseen is None else {"unseen": judged.unseen.recall}
    costs = {
        "fit": candidate.fit_seconds,
        "score": 1000 * candidate.score_seconds,
        "memory": candidate.peak_bytes / 1e6,
    }
    plain = {name: [_plain(value), "—" if value != value else f"{value:.3g}", ""] for name, value in costs.items()}
    return {name: [_plain(figure.value), *_written(figure)] for name, figure in told.items()} | plain


def _rates(judged: RowJudgement) -> list[str]:
    """What was reached where a rate was asked for, and what a cut read off the labels would find."""
    said = []
    for at in judged.rates:
        found = f"found {at.recall} with {at.reached} reached" if at.recall.value == at.recall.value else "no cut"
        said.append(f"{100 * at.asked:g}% asked: {found}; {at.recall_on_curve} read off the curve")
    return said


def _written(figure: Figure) -> tuple[str, str]:
    value, _, rest = str(figure).partition(" ")
    return value, "" if figure.low != figure.low else rest.strip("()")


def _kind(n_found: int, recall: Figure) -> list[Any]:
    return [n_found, _written(recall)[1]]


def _shown(judged: Sequence[Candidate]) -> list[int]:
    """The best, and the best of the other sort where all of these are of one."""
    chosen = list(range(min(_SHOWN, len(judged))))
    sorts = {judged[k].learns_from for k in chosen}
    other = next((k for k, c in enumerate(judged) if c.learns_from not in sorts), None)
    return [*chosen[: _SHOWN - 1], other] if other is not None and len(sorts) == 1 else chosen


def _params(candidate: Candidate) -> list[str]:
    """What tuning chose, each once with the number of splits that chose it."""
    said = [", ".join(f"{name} = {value}" for name, value in one.items()) or "the defaults" for one in candidate.params]
    return [f"{text} ({said.count(text)} of {len(said)} splits)" for text in dict.fromkeys(said)]


def _curves(truth: Flags, candidate: Candidate, most: int) -> dict[str, Any]:
    """Counts as steps from one point to the next; all empty where rows are of one class."""
    if truth.all() or not truth.any():
        return {"found": [], "false": [], "cost": [[], []], "shares": []}
    found, false = cut_counts(truth, candidate.scores)
    chosen = thinned(found, false, most)
    at, cost = cost_envelope(found, false)
    drawn = np.unique(np.linspace(0, len(at) - 1, min(len(at), most)).astype(int))
    return {
        "found": np.diff(found[chosen]).tolist(),
        "false": np.diff(false[chosen]).tolist(),
        "cost": [at[drawn].round(5).tolist(), cost[drawn].round(5).tolist()],
        "shares": [_part(part) for part in shares_by_score(truth, candidate.scores)],
    }


def _bin(part: CalibrationBin) -> list[float]:
    came = (part.came.value, part.came.low, part.came.high)
    return [part.n_rows, *(float(f"{share:.3g}") for share in (part.said, *came))]


def _part(part: ScorePart) -> list[float]:
    came = (part.came.value, part.came.low, part.came.high)
    return [part.start, part.end, part.n_rows, *(round(share, 4) for share in came)]


def _ranks(told: Comparison, judged: Sequence[Candidate]) -> dict[str, Any] | None:
    """Ranks over the folds; None where there is nothing to rank."""
    if told.n_splits < 2 or len(judged) < 2:
        return None
    truth = told.y > 0
    table = np.column_stack([fold_figures(truth, c.scores, c.flags, told.sizes, told.measure) for c in judged])
    # A fold without a figure for any is left out; a detector without one in any other cannot be ranked.
    folds = ~np.isnan(table).all(axis=1)
    kept = np.flatnonzero(~np.isnan(table[folds]).any(axis=0)).tolist()
    if len(kept) < 2 or folds.sum() < 2:
        return None
    return rank_figure(over_folds(table[:, kept], [judged[k].name for k in kept], test_share=_test_share(told)))


def _test_share(told: Comparison) -> float:
    """Share of the rows that a fold is judged on; forward in time, the k-th fold learns from k times as many."""
    if told.split != "forward":
        return 1 / told.n_splits
    ratio = float(np.mean(1 / np.arange(1, told.n_splits + 1)))
    return ratio / (1 + ratio)


def _selection(selection: Selected) -> dict[str, Any]:
    stable = selection.stability
    return {
        "method": selection.method.replace("_", " "),
        "columns": list(selection.columns.items()),
        "n_splits": selection.n_splits,
        "stability": None if stable is None else [_plain(v) for v in (stable.value, stable.low, stable.high)],
    }


def _plain(value: float) -> float | None:
    return None if value != value else round(float(value), 6)
