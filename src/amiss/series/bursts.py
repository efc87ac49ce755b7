"""Bursts of a score: where it is high, how far one anomaly shows in it, and its separate peaks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.series.seasons import autocorrelation

__all__ = ["peaks", "reach", "runs"]

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
    from scipy.signal import find_peaks

    lowest = scores.min(initial=0.0) - 1.0
    padded = np.concatenate([[lowest], scores, [lowest]])
    found, _ = find_peaks(padded, distance=max(apart, 1))
    highest: npt.NDArray[np.int64] = found.astype(np.int64) - 1
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
