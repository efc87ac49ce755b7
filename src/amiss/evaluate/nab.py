"""The score of the Numenta Anomaly Benchmark: early finds are worth more, false rows cost, one threshold for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from amiss.core.errors import DataError, ParameterError
from amiss.core.params import Whole, check
from amiss.core.summary import Vector
from amiss.evaluate.truth import Flags, Rows, as_flags, as_scores, runs

__all__ = ["NAB_PROFILES", "NabProfile", "NabScore", "nab", "probation"]

_STEEPNESS = 5.0
_FAR = 3.0
"""So many lengths of a window behind it a false row costs its full weight."""
_PROBATION_SHARE, _PROBATION_ROWS = 0.15, 750


@dataclass(frozen=True, slots=True)
class NabProfile:
    """What matters to a user.

    Attributes
    ----------
    found
        Worth of a window whose first row is flagged.
    false
        Cost of a flagged row far from any window.
    missed
        Cost of a window without a flagged row.
    """

    found: float = 1.0
    false: float = 0.11
    missed: float = 1.0


NAB_PROFILES: Mapping[str, NabProfile] = MappingProxyType(
    {
        "standard": NabProfile(),
        "reward_low_fp_rate": NabProfile(false=0.22),
        "reward_low_fn_rate": NabProfile(missed=2.0),
    }
)
"""The benchmark's three profiles."""


@dataclass(frozen=True, slots=True)
class NabScore:
    """The result for one profile.

    Attributes
    ----------
    score
        100 where each window is flagged at its first row and nothing else is; 0 where nothing is flagged. No lower end.
    threshold
        The threshold of the score, one for all series; a row is flagged at or above it. Infinite: nothing is flagged.
    raw
        The sum before it was set between nothing and perfection.
    n_found, n_windows
        Windows flagged anywhere, and windows in all.
    n_false
        Flagged rows outside the windows.
    """

    score: float
    threshold: float
    raw: float
    n_found: int
    n_windows: int
    n_false: int


def nab(
    series: Iterable[tuple[Any, Any]],
    *,
    threshold: float | None = None,
    n_probation: Sequence[int] | None = None,
    profiles: Mapping[str, NabProfile] = NAB_PROFILES,
) -> dict[str, NabScore]:
    """Scores by the rule of the Numenta Anomaly Benchmark (NAB), a result for each profile.

    Each run of label 1 is a window. The first flagged row in it counts, the earlier the more; each flagged row outside
    costs, less so shortly after a window. Rows of the probationary period count for nothing.

    NAB sets the threshold where the score is best *on the labels it is scored with*, one for all series but another
    for each profile. So this is not what a user reaches who has no labels: give a `threshold` for that.

    Parameters
    ----------
    series
        A pair of labels (n_rows,) and scores (n_rows,) for each series; the scores of all series on one scale.
    threshold
        Flag at and above this score; None looks for the best as NAB does.
    n_probation
        Rows at the head of each series that do not count; None takes NAB's own, see `probation`.
    profiles
        What matters; NAB's three by default.

    Raises
    ------
    DataError
        Labels or scores that cannot be judged (the series is named), or no window in any series.
    ParameterError
        `n_probation` has another length than there are series, or holds anything but whole numbers from 0.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros(1000, int)
    >>> labels[500:600] = 1
    >>> scores = np.zeros(1000)
    >>> scores[[550, 900]] = 1
    >>> found = nab([(labels, scores)])["standard"]  # half-way through its window, and one false row
    >>> found.n_found, found.n_false, round(found.score, 2)
    (1, 1, 87.49)

    References
    ----------
    Lavin, A. & Ahmad, S. (2015). Evaluating real-time anomaly detection algorithms: the Numenta Anomaly Benchmark.
    """
    if threshold is not None and np.isnan(threshold):
        raise ParameterError("threshold is NaN", where="parameter 'threshold' of nab", mend="give a number, or None")
    parts = _parts(list(series), n_probation)
    n_windows = sum(part.n_windows for part in parts)
    if not n_windows:
        raise DataError(
            "no series has a labelled window after its probationary period, so there is nothing to find",
            mend="give at least one series with anomalies; for false alarms alone see amiss.evaluate.events",
        )
    curves = _curves(parts)
    return {name: _best(curves, profile, n_windows, threshold) for name, profile in profiles.items()}


def probation(n_rows: int) -> int:
    """Rows at the head of a series that NAB leaves out: 15 %, at most 750.

    Examples
    --------
    >>> probation(4032), probation(10320)
    (604, 750)
    """
    return min(int(np.floor(_PROBATION_SHARE * n_rows)), _PROBATION_ROWS)


@dataclass(frozen=True, slots=True)
class _Part:
    """One series after its probation: what flagging each row changes once all with higher scores are flagged."""

    scores: Vector
    worth: Vector
    cost: Vector
    found: Vector
    false: Vector
    n_windows: int


def _parts(series: list[tuple[Any, Any]], n_probation: Sequence[int] | None) -> list[_Part]:
    if not series:
        raise DataError("there is no series to score", mend="give a pair of labels and scores for each series")
    if n_probation is not None and len(n_probation) != len(series):
        raise ParameterError(
            f"n_probation has {len(n_probation)} values for {len(series)} series",
            where="parameter 'n_probation' of nab",
            mend="give a number of rows for each series, or None",
        )
    parts = []
    for k, (labels, scores) in enumerate(series):
        try:
            truth = as_flags(labels)
            checked = as_scores(scores, n_rows=len(truth))
        except DataError as error:
            place = f"series {k}" + (f": {error.where}" if error.where else "")
            raise DataError(error.what, where=place, mend=error.mend) from None
        start = probation(len(truth)) if n_probation is None else n_probation[k]
        check("nab", {"n_probation": Whole(0)}, {"n_probation": start})
        parts.append(_part(truth, checked, int(start)))
    return parts


@dataclass(frozen=True, slots=True)
class _Curves:
    """What has come of flagging everything at or above each level, from the highest down; at the first, nothing."""

    levels: Vector
    worth: Vector
    cost: Vector
    found: Vector
    false: Vector


def _curves(parts: list[_Part]) -> _Curves:
    scores = np.concatenate([part.scores for part in parts])
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))

    def summed(changes: list[Vector]) -> Vector:
        return np.concatenate([[0.0], np.cumsum(np.concatenate(changes)[order])[ends]])

    return _Curves(
        levels=np.concatenate([[np.inf], ordered[ends]]),
        worth=summed([part.worth for part in parts]),
        cost=summed([part.cost for part in parts]),
        found=summed([part.found for part in parts]),
        false=summed([part.false for part in parts]),
    )


def _best(curves: _Curves, profile: NabProfile, n_windows: int, threshold: float | None) -> NabScore:
    raw = profile.found * curves.worth - profile.false * curves.cost - profile.missed * (n_windows - curves.found)
    at = int(np.argmax(raw)) if threshold is None else int((curves.levels >= threshold).sum()) - 1
    nothing, perfect = -profile.missed * n_windows, profile.found * n_windows
    return NabScore(
        score=100 * (float(raw[at]) - nothing) / (perfect - nothing),
        threshold=float(curves.levels[at] if threshold is None else threshold),
        raw=float(raw[at]),
        n_found=round(curves.found[at]),
        n_windows=n_windows,
        n_false=round(curves.false[at]),
    )


def _part(labels: Flags, scores: Vector, start: int) -> _Part:
    first, last = runs(labels)
    worth, found = np.zeros(len(labels)), np.zeros(len(labels))
    n_windows = 0
    for a, b in zip(first, last, strict=True):
        rows = np.arange(max(a, start), b + 1)
        if len(rows):
            n_windows += 1
            worth[rows], found[rows] = _steps(scores[rows], _worth(rows, a, b))
    false = ~labels
    cost = np.where(false, _cost(len(labels), first, last), 0.0)
    return _Part(
        scores[start:], worth[start:], cost[start:], found[start:], false[start:].astype(np.float64), n_windows
    )


def _steps(scores: Vector, worth: Vector) -> tuple[Vector, Vector]:
    """How the best worth so far rises as rows are flagged in the order of their scores, and where it first does."""
    order = np.argsort(-scores, kind="stable")
    rise, first = np.empty(len(scores)), np.zeros(len(scores))
    rise[order] = np.diff(np.maximum.accumulate(worth[order]), prepend=0.0)
    first[order[0]] = 1.0
    return rise, first


def _worth(rows: Rows, first: int, last: int) -> Vector:
    """Of flagging each row of a window: 1 at its head, about 0 at its end."""
    position = (rows - last - 1) / (last - first + 1)
    return _sigmoid(position) / _sigmoid(np.array(-1.0))


def _cost(n_rows: int, first: Rows, last: Rows) -> Vector:
    """Of flagging each row as a false one: 1 before any window, about 0 right behind one, growing to 1 again."""
    if not len(first):
        return np.ones(n_rows)
    rows = np.arange(n_rows)
    before = np.searchsorted(last, rows, side="left") - 1
    behind = (rows - last[before]) / np.maximum(last - first, 1)[before]
    return np.where((before < 0) | (behind >= _FAR), 1.0, -_sigmoid(np.clip(behind, 0.0, _FAR)))


def _sigmoid(position: Vector) -> Vector:
    return 2 / (1 + np.exp(_STEEPNESS * position)) - 1
