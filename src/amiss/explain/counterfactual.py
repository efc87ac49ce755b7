"""The smallest change that makes a row normal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector

__all__ = ["Judge", "smallest_change"]

_GRID = 48
_MOST_COLUMNS = 5
"""Columns changed one by one, the best first; beyond so many the nearest normal row shows the way."""


@dataclass(frozen=True, slots=True)
class Judge:
    """How rows are judged.

    Attributes
    ----------
    score
        Scores of rows.
    is_anomaly
        Decisions for scores.
    limits
        For each feature that has one, the lowest and highest prepared value allowed: rows beyond are never normal.
    """

    score: Callable[[Matrix], Vector]
    is_anomaly: Callable[[Vector], npt.NDArray[np.bool_]]
    limits: Mapping[int, tuple[float, float]] = field(default_factory=dict)

    def normal(self, X: Matrix) -> npt.NDArray[np.bool_]:
        """Whether each row raises no alarm."""
        return self.accepts(X, self.score(X))

    def accepts(self, X: Matrix, scores: Vector) -> npt.NDArray[np.bool_]:
        """Whether each row raises no alarm, its score being known."""
        found = ~self.is_anomaly(scores)
        for j in self.limits:
            found &= ~self.beyond(X[:, j], j)
        return found

    def beyond(self, values: Vector, j: int) -> npt.NDArray[np.bool_]:
        """Which prepared values of feature `j` are beyond its limit; a missing one is beyond none."""
        low, high = self.limits.get(j, (-np.inf, np.inf))
        return (values < low) | (values > high)


def smallest_change(x: Vector, judge: Judge, values: Mapping[int, Vector], nearest: Vector) -> dict[int, float]:
    """New values by feature with which `x` raises no alarm; empty where it raises none, or none are found.

    One column that is enough is preferred to two, and the smallest move to a larger one. Where no single column is
    enough, the one that lowers the score most is changed first and another is sought; one beyond its limit comes before
    all others. In the end each value goes back towards its own as far as the row stays normal.

    Parameters
    ----------
    values
        For each feature that may change, the prepared values that occur, ascending where they are numbers.
    nearest : (n_features,)
        A normal row: the way out where five columns are not enough.
    """
    if judge.normal(x[None, :])[0]:
        return {}
    forced = [j for j in judge.limits if judge.beyond(x[[j]], j)[0]]
    changed: dict[int, float] = {}
    for _ in range(min(_MOST_COLUMNS + len(forced), len(values))):
        here = _with(x, changed)
        left = [j for j in forced if j not in changed] or [j for j in values if j not in changed]
        enough, best = _one_more(here, judge, {j: values[j] for j in left if j in values}, nearest)
        if enough:
            changed |= enough
            return _settled(x, judge, values, changed)
        if not best:
            break
        changed |= best
    return _towards(x, judge, nearest)


def _with(x: Vector, changed: Mapping[int, float]) -> Vector:
    out = x.copy()
    out[list(changed)] = list(changed.values())
    return out


def _tried(x: Vector, j: int, values: Vector) -> Matrix:
    rows = np.repeat(x[None, :], len(values), axis=0)
    rows[:, j] = values
    return rows


def _one_more(
    x: Vector, judge: Judge, values: Mapping[int, Vector], nearest: Vector
) -> tuple[dict[int, float], dict[int, float]]:
    """The column and value that are enough with the smallest move, and those with the lowest score."""
    enough: tuple[float, int, float] | None = None
    lowest: tuple[float, int, float] | None = None
    for j, occurring in values.items():
        coarse = _some(occurring)
        if not len(coarse):
            continue
        tried = _tried(x, j, coarse)
        scores = judge.score(tried)
        # Where several are as good, as with a score that tells the worst column alone: the one most like a normal row.
        alike = np.flatnonzero(scores <= scores.min())
        k = int(alike[np.abs(coarse[alike] - np.nan_to_num(nearest[j])).argmin()])
        if lowest is None or scores[k] < lowest[0]:
            lowest = (float(scores[k]), j, float(coarse[k]))
        good = coarse[judge.accepts(tried, scores)]
        if len(good):
            value = _nearest_normal(x, j, judge, occurring, good)
            move = _move(x[j], value)
            if enough is None or move < enough[0]:
                enough = (move, j, value)
    return (
        {enough[1]: enough[2]} if enough else {},
        {lowest[1]: lowest[2]} if lowest else {},
    )


def _some(occurring: Vector) -> Vector:
    if len(occurring) <= _GRID:
        return occurring
    return occurring[np.unique(np.linspace(0, len(occurring) - 1, _GRID).astype(np.int64))]


def _move(own: float, value: float) -> float:
    return 0.0 if np.isnan(own) else abs(value - own)


def _nearest_normal(x: Vector, j: int, judge: Judge, occurring: Vector, good: Vector) -> float:
    """Of all values that occur, the nearest to the row's own that is enough; `good` are some that are."""
    if np.isnan(x[j]):
        return float(good[len(good) // 2])
    best = float(good[np.abs(good - x[j]).argmin()])
    nearer = occurring[np.abs(occurring - x[j]) < abs(best - x[j])]
    nearer = nearer[np.argsort(np.abs(nearer - x[j]), kind="stable")]
    if len(nearer):
        # Nearer ones that the coarse search has left out: the last of them touch the best one.
        last = nearer[-2 * _GRID :]
        fine = last[judge.normal(_tried(x, j, last))]
        best = float(fine[0]) if len(fine) else best
    return best


def _settled(x: Vector, judge: Judge, values: Mapping[int, Vector], changed: dict[int, float]) -> dict[int, float]:
    """Take back what is not needed, and bring each other value nearer to the row's own."""
    for j in list(changed):
        rest = {i: v for i, v in changed.items() if i != j}
        here = _with(x, rest)
        if judge.normal(here[None, :])[0]:
            changed = rest
        else:
            tried = np.append(_some(values[j]), changed[j])
            good = tried[judge.normal(_tried(here, j, tried))]
            changed[j] = _nearest_normal(here, j, judge, values[j], good)
    return changed


def _towards(x: Vector, judge: Judge, nearest: Vector) -> dict[int, float]:
    """Take over the values of a normal row, the farthest first, until the row is normal."""
    if not judge.normal(nearest[None, :])[0]:
        return {}  # as where all rows of an entity are beyond a limit
    gap = np.nan_to_num(np.abs(nearest - x), nan=1.0)
    changed: dict[int, float] = {}
    for j in np.argsort(-gap, kind="stable"):
        changed[int(j)] = float(nearest[j])
        if judge.normal(_with(x, changed)[None, :])[0]:
            break
    for j in list(changed):
        rest = {i: v for i, v in changed.items() if i != j}
        if rest and judge.normal(_with(x, rest)[None, :])[0]:
            changed = rest
    return changed
