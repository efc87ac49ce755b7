"""The door for labelled series: how good are these scores, and these flags?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn

from amiss.core.errors import ParameterError
from amiss.evaluate.affiliation import Affiliation, affiliation
from amiss.evaluate.events import OperatingPoint, at_operating_point
from amiss.evaluate.ranges import range_precision, range_recall
from amiss.evaluate.ranking import auc_pr, auc_roc
from amiss.evaluate.truth import Flags, as_flags, as_scores, runs
from amiss.evaluate.vus import volume, vus_pr, vus_roc

__all__ = ["METRICS", "Decisions", "Judgement", "judge", "measure", "point_adjusted_f1"]

METRICS: Mapping[str, Callable[..., float]] = MappingProxyType(
    {"vus_pr": vus_pr, "auc_pr": auc_pr, "auc_roc": auc_roc, "vus_roc": vus_roc}
)
"""Measures of scores by name, those to look at first before the others."""

_WINDOWED = ("vus_pr", "vus_roc")
_REFUSED = ("point_adjusted_f1", "point_adjust_f1", "pa_f1", "f1_pa", "f1_point_adjusted", "point_adjusted")


@dataclass(frozen=True, slots=True)
class Decisions:
    """Flags at one threshold, judged.

    Attributes
    ----------
    point
        Events found, false bursts, delay, and precision and recall by rows.
    affiliation
        Affiliation precision and recall.
    range_precision, range_recall
        Precision and recall of ranges, flat and without an existence reward.
    """

    point: OperatingPoint
    affiliation: Affiliation
    range_precision: float
    range_recall: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """Scores of one series against its labels.

    Attributes
    ----------
    n_rows, n_events
        Rows, and labelled events.
    anomaly_share
        Share of the rows that are labelled, in (0, 1): the AUC-PR of a random order.
    window
        The widest window of VUS, in rows.
    vus_pr, auc_pr, vus_roc, auc_roc
        Of the scores, see the functions of these names.
    decisions
        Of the flags; None where there are none.
    """

    n_rows: int
    n_events: int
    anomaly_share: float
    window: int
    vus_pr: float
    auc_pr: float
    vus_roc: float
    auc_roc: float
    decisions: Decisions | None


def judge(
    labels: Any,
    scores: Any,
    *,
    threshold: float | None = None,
    flags: Any = None,
    window: int = 100,
    time: Any = None,
    gap: int = 0,
) -> Judgement:
    """Judge the scores of a labelled series, and its flags where a threshold or flags are given.

    Parameters
    ----------
    labels : (n_rows,)
        1 for an anomaly, 0 for a normal row, in order of time. Each run of 1 is an event.
    scores : (n_rows,)
        Higher is more anomalous.
    threshold
        A row is flagged at and above this score.
    flags : (n_rows,)
        1 where the detector says anomaly, instead of a threshold.
    window
        The widest window of VUS, in rows; `amiss.evaluate.vus.vus_window` gives that of the TSB-AD benchmark.
    time : (n_rows,)
        Time of each row, as dates or in seconds; with it there are false bursts per day and a delay in seconds.
    gap
        Flags with so many unflagged rows or fewer between them are one burst.

    Raises
    ------
    DataError
        Labels, scores, flags or time that cannot be judged; labels of one kind only.
    ParameterError
        Both a threshold and flags.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros(1000, int)
    >>> labels[700:720] = 1
    >>> scores = np.random.default_rng(0).normal(size=1000) + 4 * labels
    >>> judged = judge(labels, scores, threshold=3)
    >>> round(judged.vus_pr, 2), round(judged.auc_pr, 2)
    (0.94, 0.94)
    >>> judged.decisions.point.share_found, judged.decisions.point.n_false_bursts
    (1.0, 1)
    """
    truth = as_flags(labels)
    checked = as_scores(scores, n_rows=len(truth))
    if threshold is not None and flags is not None:
        raise ParameterError(
            "both a threshold and flags", where="parameters 'threshold' and 'flags' of judge", mend="give one of them"
        )
    if threshold is not None:
        flags = checked >= threshold
    surface = volume(truth, checked, window)
    return Judgement(
        n_rows=len(truth),
        n_events=len(runs(truth)[0]),
        anomaly_share=float(truth.mean()),
        window=int(window),
        vus_pr=surface.vus_pr,
        auc_pr=auc_pr(truth, checked),
        vus_roc=surface.vus_roc,
        auc_roc=auc_roc(truth, checked),
        decisions=None if flags is None else _decided(truth, flags, time, gap),
    )


def measure(name: str, labels: Any, scores: Any, *, window: int = 100) -> float:
    """A measure of scores by its name, one of `METRICS`; `window` is that of VUS.

    Raises
    ------
    ParameterError
        No such measure, or one that is refused: see `point_adjusted_f1`.

    Examples
    --------
    >>> measure("auc_pr", [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.8333333333333333
    """
    plain = str(name).lower().replace("-", "_").replace(" ", "_")
    if plain in _REFUSED:
        point_adjusted_f1()
    if plain not in METRICS:
        raise ParameterError(
            f"there is no measure {name!r}",
            where="parameter 'name' of measure",
            mend="give one of " + ", ".join(METRICS),
        )
    if plain in _WINDOWED:
        return METRICS[plain](labels, scores, window)
    return METRICS[plain](labels, scores)


def point_adjusted_f1(*_: Any, **__: Any) -> NoReturn:
    """Refused: it cannot tell a good detector from a poor one.

    It takes every row of an event for found as soon as one is flagged. A detector whose point-wise F1 is .36 then has
    1.0, and random flags come close to it where events are long.

    Raises
    ------
    ParameterError
        Always, with the reason.

    References
    ----------
    Kim, S., Choi, K., Choi, H.-S., Lee, B. & Yoon, S. (2022). Towards a rigorous evaluation of time-series anomaly
    detection.
    """
    raise ParameterError(
        "point-adjusted F1 is not computed: it counts a whole event as found from one flagged row, so that detectors "
        "with a point-wise F1 of .36 reach 1.0",
        mend="use vus_pr or auc_pr for scores; share_found, false bursts and delay for flags "
        "(amiss.evaluate.events.at_operating_point)",
    )


def _decided(labels: Flags, flags: Any, time: Any, gap: int) -> Decisions:
    flagged = as_flags(flags, name="flags", n_rows=len(labels))
    return Decisions(
        point=at_operating_point(labels, flagged, time=time, gap=gap),
        affiliation=affiliation(labels, flagged),
        range_precision=range_precision(labels, flagged),
        range_recall=range_recall(labels, flagged),
    )
