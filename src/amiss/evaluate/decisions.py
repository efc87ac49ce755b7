"""Rows judged by their labels: what the scores and the flags are worth, each figure with its interval."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from amiss.core.errors import DataError
from amiss.core.params import Between, Domain, Whole, check
from amiss.core.summary import Matrix, Vector
from amiss.evaluate.draws import Draws, Figure, area_figure, figure, group_codes, levels_of
from amiss.evaluate.events import seconds_of
from amiss.evaluate.measures import RATES, areas, cut_for_rate, decided
from amiss.evaluate.probabilities import CalibrationBin, brier_draws, brier_score, calibration_curve
from amiss.evaluate.ranking import auc_pr, auc_roc
from amiss.evaluate.truth import Flags, Rows, as_flags, as_scores

__all__ = ["AtRate", "KindRecall", "RowJudgement", "judge_rows"]


_INSIDE = Between(0, 1, open_low=True, open_high=True)
_DOMAINS: Mapping[str, Domain] = {"n_draws": Whole(100), "level": _INSIDE, "seed": Whole(0)}
_FEW_GROUPS = 10
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class AtRate:
    """What is found at a false-alarm rate that was asked for.

    Attributes
    ----------
    asked
        The rate, in (0, 1).
    cut
        A row is flagged above this score, chosen from normal rows of the calibration alone; None without calibration,
        infinite where the calibration rows are too few to support the rate, NaN where each row has a cut of its own.
    recall, reached
        Share of the anomalies, and of the normal rows, above the cut; NaN without one.
    recall_on_curve
        The same with the cut read off the labels that are judged: for comparison with published figures. Nobody has
        that cut before the labels.
    """

    asked: float
    cut: float | None
    recall: Figure
    reached: Figure
    recall_on_curve: Figure


@dataclass(frozen=True, slots=True)
class KindRecall:
    """Share of the anomalies of one kind that are flagged.

    Attributes
    ----------
    kind
        Its name.
    n_rows, n_found
        Its rows, and the flagged ones.
    recall
        Their ratio.
    seen
        Whether the kind occurs in training; None where that was not said.
    """

    kind: str
    n_rows: int
    n_found: int
    recall: Figure
    seen: bool | None


@dataclass(frozen=True, slots=True)
class RowJudgement:
    """Scores and flags of rows against their labels.

    Attributes
    ----------
    n_rows, n_anomalies
        Rows, and those labelled as anomalies.
    confusion
        True positives, false negatives, false positives, true negatives; None without flags.
    figures
        By name. Of scores: "auc_roc", "auc_pr"; of probabilities: "brier", and "own_brier" of those before they were
        calibrated. Of flags: "accuracy", "balanced_accuracy",
        "precision", "recall", "f1", "mcc", "false_alarm_rate", and with time "alarms_per_day",
        "false_alarms_per_day".
    rates
        At each of `RATES`.
    kinds
        Recall of each kind, the most frequent first; empty without kinds or flags.
    unseen
        Recall on all anomalies of kinds that training did not have; None where there is none or it was not said.
    calibration, own_calibration
        Probabilities, and those before they were calibrated, against what came; empty where there are none.
    notes
        What is not defined or not sure, and why.
    """

    n_rows: int
    n_anomalies: int
    confusion: tuple[int, int, int, int] | None
    figures: Mapping[str, Figure]
    rates: tuple[AtRate, ...]
    kinds: tuple[KindRecall, ...]
    unseen: KindRecall | None
    calibration: tuple[CalibrationBin, ...]
    own_calibration: tuple[CalibrationBin, ...]
    notes: tuple[str, ...]


def judge_rows(
    labels: Any,
    scores: Any,
    *,
    flags: Any = None,
    calibration: Any = None,
    cuts: Any = None,
    kinds: Sequence[Any] | None = None,
    known_kinds: Collection[Any] | None = None,
    groups: Any = None,
    time: Any = None,
    probabilities: bool = False,
    chances: Any = None,
    own_chances: Any = None,
    n_draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> RowJudgement:
    """Judge the scores of labelled rows, and the flags where there are any.

    Rows of one score count as one step of a curve, whatever their order. What is not defined is NaN, and a note says
    why: precision where nothing is flagged, recall without anomalies, a curve with one class. F1 is 0 where no anomaly
    is flagged, MCC is 0 where all rows or none are.

    Parameters
    ----------
    labels : (n_rows,)
        1 for an anomaly, 0 for a normal row.
    scores : (n_rows,)
        Higher is more anomalous.
    flags : (n_rows,)
        1 where the detector says anomaly; its threshold must not come from these labels.
    calibration : (n_calibration,)
        Scores of normal rows that the detector has not learnt from, and that are not among those judged: the cuts of
        `rates` come from them.
    cuts : (n_rates, n_rows)
        In place of a calibration, the cut of each row at each of `RATES`: where splits have cuts of their own. Infinite
        ones support no rate.
    kinds : (n_rows,)
        What each anomaly is; whatever stands at a normal row is not looked at.
    known_kinds
        The kinds that training has had.
    groups : (n_rows,)
        Rows that hang together: entities, sessions, stretches of time. Intervals then come from redrawing groups.
    time : (n_rows,)
        As dates or in seconds, in any order, for alarms per day.
    probabilities
        Scores are chances of an anomaly, in [0, 1].
    chances : (n_rows,)
        Such chances beside scores that are none.
    own_chances : (n_rows,)
        Those that the scores were before they were calibrated, to be judged beside `chances`.
    n_draws, level, seed
        Of the intervals.

    Raises
    ------
    DataError
        Labels, scores, flags or groups that cannot be judged, or probabilities outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> labels = np.arange(2000) < 100
    >>> scores = random.normal(size=2000) + 3 * labels
    >>> judged = judge_rows(labels, scores, flags=scores > 2, calibration=random.normal(size=999))
    >>> print(judged.figures["f1"])
    .76 (.70–.81)
    >>> print(judged.rates[1].recall, judged.rates[1].reached)
    .84 (.76–.90) .013 (.0083–.018)
    """
    check("judge_rows", _DOMAINS, {"n_draws": n_draws, "level": level, "seed": seed})
    truth = as_flags(labels)
    checked = as_scores(scores, n_rows=len(truth))
    codes = None if groups is None else group_codes(groups, len(truth))
    draws = Draws(truth, codes, n_draws, seed)
    notes = _notes(truth, codes)
    flagged = None if flags is None else as_flags(flags, name="flags", n_rows=len(truth))
    figures, on_curve = _of_scores(truth, checked, draws, level)
    said = {"brier": _chances(checked if probabilities else chances, len(truth)),
            "own_brier": _chances(own_chances, len(truth))}  # fmt: skip
    for name, p in said.items():
        if p is not None:
            figures[name] = figure(brier_score(truth, p), brier_draws(truth, p, draws), level)
    curves = [() if p is None else calibration_curve(truth, p, level=level) for p in said.values()]
    if flagged is not None:
        days = None if time is None else _days(time, len(truth))
        figures |= _of_flags(truth, flagged, draws, level, days)
        notes += ["no row is flagged, so there is no precision"] if not flagged.any() else []
    rates = _at_rates(truth, checked, _cuts(calibration, cuts, len(truth)), on_curve, draws, level)
    notes += [_unsupported(at) for at in rates if at.cut is not None and np.isinf(at.cut)]
    told, unseen = _by_kind(truth, flagged, kinds, known_kinds, draws, level)
    return RowJudgement(
        n_rows=len(truth),
        n_anomalies=int(truth.sum()),
        confusion=None if flagged is None else _confusion(truth, flagged),
        figures=MappingProxyType(figures),
        rates=rates,
        kinds=told,
        unseen=unseen,
        calibration=curves[0],
        own_calibration=curves[1],
        notes=tuple(notes),
    )


def _notes(truth: Flags, codes: Rows | None) -> list[str]:
    notes = []
    if not truth.any():
        notes.append("there is no anomaly among these rows: recall, F1 and both curves are not defined")
    if truth.all():
        notes.append("there is no normal row: the false-alarm rate and the ROC curve are not defined")
    if codes is not None and codes.max() + 1 < _FEW_GROUPS:
        notes.append(f"intervals rest on {int(codes.max()) + 1} groups: take them for too narrow")
    return notes


def _of_scores(truth: Flags, scores: Vector, draws: Draws, level: float) -> tuple[dict[str, Figure], list[Figure]]:
    """Areas, and recall on the curve at each rate."""
    nan = float("nan")
    if truth.all() or not truth.any():
        only = 1.0 if truth.all() else nan
        return {"auc_roc": Figure(nan, nan, nan), "auc_pr": Figure(only, only, only)}, [Figure(nan, nan, nan)] * 3
    rows, n_levels = levels_of(truth, scores)
    share = float(truth.mean())
    found, false = (np.bincount(rows[of], minlength=n_levels)[None, :] / of.sum() for of in (truth, ~truth))
    exact = _exact(truth, scores)
    # Levels are coarser than scores: the draws are moved by what that makes of the rows as they are.
    coarse, spread = areas(found, false, share), areas(*draws.curves(rows, n_levels), share)
    moved = [np.clip(s + (e - c[0]), 0, 1) for e, c, s in zip(exact, coarse, spread, strict=True)]
    told = [area_figure(e, s, level) for e, s in zip(exact[:2], moved[:2], strict=True)]
    told += [figure(e, s, level) for e, s in zip(exact[2:], moved[2:], strict=True)]
    return {"auc_roc": told[0], "auc_pr": told[1]}, told[2:]


def _exact(truth: Flags, scores: Vector) -> list[float]:
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True)) if len(scores) > 1 else np.array([0])
    found, false = np.cumsum(truth[order])[ends] / truth.sum(), np.cumsum(~truth[order])[ends] / (~truth).sum()
    on_curve = [float(np.max(found[false <= rate], initial=0.0)) for rate in RATES]
    return [auc_roc(truth, scores), auc_pr(truth, scores), *on_curve]


def _of_flags(truth: Flags, flagged: Flags, draws: Draws, level: float, days: float | None) -> dict[str, Figure]:
    share = float(truth.mean())
    point = [np.array([flagged[of].mean() if of.any() else np.nan]) for of in (truth, ~truth)]
    drawn = [draws.share(flagged, of) for of in (truth, ~truth)]
    told, spread = decided(point[0], point[1], share), decided(drawn[0], drawn[1], share)
    if days is not None:
        for values, (recall, false) in ((told, point), (spread, drawn)):
            alarms = share * np.nan_to_num(recall) + (1 - share) * np.nan_to_num(false)
            values["alarms_per_day"] = len(truth) / days * alarms
            values["false_alarms_per_day"] = len(truth) / days * (1 - share) * np.nan_to_num(false)
    return {name: figure(float(told[name][0]), spread[name], level) for name in told}


def _confusion(truth: Flags, flagged: Flags) -> tuple[int, int, int, int]:
    tp, fp = int((truth & flagged).sum()), int((~truth & flagged).sum())
    n_anomalies = int(truth.sum())
    return tp, n_anomalies - tp, fp, len(truth) - n_anomalies - fp


def _at_rates(
    truth: Flags, scores: Vector, cuts: Matrix | None, on_curve: list[Figure], draws: Draws, level: float
) -> tuple[AtRate, ...]:
    none = Figure(float("nan"), float("nan"), float("nan"))
    told = []
    for rate, curve, at in zip(RATES, on_curve, [None] * len(RATES) if cuts is None else cuts, strict=True):
        if at is None or np.isinf(at).any():
            told.append(AtRate(rate, None if at is None else float("inf"), none, none, curve))
            continue
        above = scores > at
        recall, reached = (
            figure(float(above[of].mean()), draws.share(above, of), level) if of.any() else none
            for of in (truth, ~truth)
        )
        told.append(AtRate(rate, float(at[0]) if (at == at[0]).all() else float("nan"), recall, reached, curve))
    return tuple(told)


def _cuts(calibration: Any, cuts: Any, n_rows: int) -> Matrix | None:
    """The cut of each row at each rate: (n_rates, n_rows), or (n_rates, 1) where all rows have the same."""
    if cuts is not None:
        given = np.asarray(cuts, np.float64)
        if given.shape != (len(RATES), n_rows):
            raise DataError("cuts are needed for each rate and row", where=f"shape {given.shape}, {n_rows:,} rows")
        return given
    if calibration is None:
        return None
    normal = as_scores(calibration)
    return np.array([[cut_for_rate(normal, rate)] for rate in RATES])


def _unsupported(at: AtRate) -> str:
    need = int(np.ceil(1 / at.asked)) - 1
    return f"a false-alarm rate of {at.asked:.1%} needs {need:,} calibration rows or more: no cut can promise it here"


def _by_kind(
    truth: Flags,
    flagged: Flags | None,
    kinds: Sequence[Any] | None,
    known: Collection[Any] | None,
    draws: Draws,
    level: float,
) -> tuple[tuple[KindRecall, ...], KindRecall | None]:
    if flagged is None or kinds is None:
        return (), None
    words = np.array([str(kind) for kind in kinds])
    if words.shape != truth.shape:
        raise DataError(
            "kinds and labels differ in length", where=f"{len(truth):,} labels, {len(words):,} kinds",
            mend="give one kind a row",
        )  # fmt: skip
    seen = None if known is None else {str(kind) for kind in known}

    def told(name: str, rows: Flags, is_seen: bool | None) -> KindRecall:
        recall = figure(float(flagged[rows].mean()), draws.share(flagged, rows), level)
        return KindRecall(name, int(rows.sum()), int(flagged[rows].sum()), recall, is_seen)

    names, code = np.unique(words, return_inverse=True)
    code = np.where(truth, code.reshape(-1), -1)
    counts = np.bincount(code[truth], minlength=len(names))
    each = [
        told(str(names[k]), code == k, None if seen is None else str(names[k]) in seen)
        for k in np.argsort(-counts, kind="stable")[: int((counts > 0).sum())]
    ]
    new = np.zeros(len(truth), bool) if seen is None else truth & ~np.isin(words, sorted(seen))
    return tuple(each), told("kinds never seen in training", new, False) if new.any() else None


def _chances(given: Any, n_rows: int) -> Vector | None:
    if given is None:
        return None
    scores = as_scores(given, n_rows=n_rows)
    odd = (scores < 0) | (scores > 1)
    if odd.any():
        raise DataError(
            "probabilities lie outside [0, 1]",
            where=f"scores, {int(odd.sum()):,} values, first at row {int(np.argmax(odd))}: {scores[odd][0]:g}",
            mend="give probabilities=False for scores that are no chances",
        )
    return scores


def _days(time: Any, n_rows: int) -> float:
    """The time that the rows stand for: from the first to the last, and one usual step."""
    clock = np.sort(seconds_of(time, n_rows))
    return float(clock[-1] - clock[0] + np.median(np.diff(clock))) / _DAY
