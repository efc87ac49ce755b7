"""Bursts of a score: where it is high, how far one anomaly shows in it, and its separate peaks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.series.seasons import autocorrelation

__all__ = ["excursions", "highest_around", "peaks", "reach", "runs", "widened"]

_RELATED = 0.2
"""Correlation below which scores say something new."""
_LONGEST_SHARE = 20


def reach(scores: Vector) -> int:
    """Rows over which one anomaly shows in the scores: from there on they are hardly correlated.

    At least 1, and at most a twentieth of the series. Ranks are correlated, so that one high burst does not decide.
    """
    n = len(scores)
    most = max(n // _LONGEST_SHARE, 1)
    if n < 3 or not np.ptp(scores) > 0:
        return 1
    rank = np.empty(n)
    rank[np.argsort(scores, kind="stable")] = np.arange(n)
    r = autocorrelation(rank - rank.mean(), most + 1)
    below = np.flatnonzero(r < _RELATED)
    return int(min(max(below[0], 1), most)) if len(below) else most


def peaks(scores: Vector, apart: int) -> npt.NDArray[np.int64]:
    """Rows of the highest scores that are at least `apart` rows from one another, ascending.

    Taken from the highest down, each hides what is nearer than `apart`: so many separate chances to be odd there were.
    """
    tops = _tops(scores)
    kept = np.ones(len(tops), np.bool_)
    first = np.searchsorted(tops, tops - apart, side="right")
    last = np.searchsorted(tops, tops + apart, side="left")
    for k in np.argsort(scores[tops], kind="stable")[::-1].tolist():
        if kept[k] and last[k] - first[k] > 1:
            kept[first[k] : last[k]] = False
            kept[k] = True
    return tops[kept]


def excursions(scores: Vector, apart: int) -> npt.NDArray[np.int64]:
    """Rows of the separate peaks, of those that belong to one excursion the highest alone, ascending.

    Neighbouring peaks are one excursion if the score stays above the middle of all peaks from one to the other: what
    rises for long, as a drift does, has had one chance to be high, and not one every `apart` rows.
    """
    found = peaks(scores, apart)
    if len(found) < 2:
        return found
    middle = np.median(scores[found])
    lowest = np.minimum.reduceat(scores, found)[:-1]
    group = np.append(0, np.cumsum(lowest <= middle))
    order = np.lexsort((scores[found], group))
    highest: npt.NDArray[np.int64] = found[order[np.append(np.diff(group[order]) > 0, True)]]
    return highest


def _tops(scores: Vector) -> npt.NDArray[np.int64]:
    """Rows higher than those beside them, the middle one of several that are equal; beyond the ends all is lower."""
    change = np.flatnonzero(scores[1:] != scores[:-1])
    first, last = np.append(0, change + 1), np.append(change, len(scores) - 1)
    level = np.concatenate([[-np.inf], scores[first[: len(scores)]], [-np.inf]])
    high = (level[1:-1] > level[:-2]) & (level[1:-1] > level[2:])
    middle: npt.NDArray[np.int64] = (first[high] + last[high]) // 2
    return middle


def highest_around(scores: Vector, rows: int) -> Vector:
    """The highest score within so many rows of each, (n_rows,)."""
    from scipy.ndimage import maximum_filter1d

    highest: Vector = maximum_filter1d(scores, 2 * rows + 1, mode="nearest")
    return highest


def runs(high: npt.NDArray[np.bool_], apart: int) -> list[tuple[int, int]]:
    """First and last row of each stretch of high rows; stretches nearer than `apart` rows are one."""
    rows = np.flatnonzero(high)
    if not len(rows):
        return []
    cut = np.flatnonzero(np.diff(rows) > apart)
    first = rows[np.append(0, cut + 1)]
    last = rows[np.append(cut, len(rows) - 1)]
    return list(zip(first.tolist(), last.tolist(), strict=True))


def widened(spans: list[tuple[int, int]], scores: Vector, least: Vector, most: int) -> list[tuple[int, int]]:
    """The same stretches, each with the rows beside it whose scores reach its own `least`.

    At most `most` rows to each side, and never into another one: of a peak that is hardly high enough the top alone is
    high, and what happened is beside it.
    """
    wide = []
    ends = [-1, *(last for _, last in spans)]
    begins = [*(first for first, _ in spans[1:]), len(scores)]
    for (first, last), low, end, begin in zip(spans, least.tolist(), ends, begins, strict=False):
        before = scores[max(first - most, end + 1) : first][::-1] < low
        after = scores[last + 1 : min(last + most, begin - 1) + 1] < low
        wide.append((first - _all_until(before), last + _all_until(after)))
    return wide


def _all_until(stop: npt.NDArray[np.bool_]) -> int:
    return int(np.argmax(stop)) if stop.any() else len(stop)
