"""Where a series goes over to another level and stays there: steps that are certain, found before the trend is."""

from __future__ import annotations

import numpy as np

from amiss.core.summary import Vector
from amiss.series.seasons import Positions
from amiss.series.segment import Cost, noise_of, pelt

__all__ = ["lasting_steps"]

_CERTAIN = 4.0
"""Usual misses between the levels on both sides of a step."""
_SHARP = 0.6
"""Of a step that the rows right beside it show: a slope shows little of it there."""
_BESIDE = 7
"""Rows right beside a step."""
_FINEST = 1e-3
"""Of the range: no miss is taken to be usually smaller, though a series may repeat exactly."""
_BLOCKS_A_LEVEL = 8
_MOST_BLOCKS = 2000
_EARLY, _PENALTY = 3, 4.0
"""Blocks of a level that is cut by an end; and what a step must gain, over the logarithm of the number of blocks."""


def lasting_steps(y: Vector, spread: float, width: int) -> Positions:
    """First rows of the levels that a series goes over to at once and for long.

    Parameters
    ----------
    y : (n_rows,)
        Values less what seasons add; NaN where missing.
    spread
        Usual miss, as a standard deviation.
    width
        Rows in the median that is the trend: a level shorter than half of it leaves no trace in the trend.

    Returns
    -------
    Rows, ascending.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series.levels import lasting_steps
    >>> y = np.random.default_rng(0).normal(size=1000)
    >>> y[600:] += 8
    >>> lasting_steps(y, 1.0, 101)
    array([600])
    """
    there = np.flatnonzero(~np.isnan(y))
    least = max(width // 2, 2 * _BESIDE)
    if len(there) < 2 * least or not np.ptp(y[there]) > 0:
        return np.empty(0, np.int64)
    z = (y[there] - np.median(y[there])) / max(spread, _FINEST * float(np.ptp(y[there])))
    points = _without_bumps(z, _placed(z, _coarse(z, least), least), least)
    while len(points):
        size = np.abs([_jump(z, points, k, 2 * least) for k in range(len(points))])
        worst = int(np.argmin(size))
        if size[worst] > _CERTAIN:
            break
        points = np.delete(points, worst)
    sharp = [k for k, at in enumerate(points) if _is_sharp(z, points, k, least)]
    rows: Positions = there[points[sharp]].astype(np.int64)
    return rows


def _coarse(z: Vector, least: int) -> Positions:
    """Change points of the medians of blocks, by exact search."""
    block = max(least // _BLOCKS_A_LEVEL, 1, int(np.ceil(len(z) / _MOST_BLOCKS)))
    n = len(z) // block
    medians = np.median(z[: n * block].reshape(n, block), axis=1)
    noise = noise_of(medians)
    cost = Cost.of(medians, "mean", max(noise.variance, 1e-3))
    penalty = _PENALTY * min(noise.memory, 10.0) * np.log(max(n, 2))
    found: Positions = pelt(cost, penalty, _EARLY) * block
    return found


def _edges(points: Positions, k: int, n: int, most: int) -> tuple[int, int]:
    """Rows up to which the levels on both sides of a point reach, at most so many."""
    low = int(points[k - 1]) if k else 0
    high = int(points[k + 1]) if k + 1 < len(points) else n
    return max(low, int(points[k]) - most), min(high, int(points[k]) + most)


def _placed(z: Vector, points: Positions, least: int) -> Positions:
    """Each point at the row that parts the levels beside it best, by absolute misses."""
    moved = points.copy()
    for k in range(len(points)):
        low, high = _edges(points, k, len(z), least)
        at = int(points[k])
        before, after = np.median(z[low:at]), np.median(z[at:high])
        # What a row says for the level before, less what it says for the one after.
        gain = np.cumsum(np.abs(z[low:high] - after) - np.abs(z[low:high] - before))
        moved[k] = low + 1 + int(np.argmax(gain[:-1])) if high - low > 1 else at
    return np.unique(moved)


def _jump(z: Vector, points: Positions, k: int, most: int) -> float:
    """Usual misses from the level before a point to that after it, by the medians of so many rows at most."""
    low, high = _edges(points, k, len(z), most)
    at = int(points[k])
    return float(np.median(z[at:high]) - np.median(z[low:at]))


def _without_bumps(z: Vector, points: Positions, least: int) -> Positions:
    """The points without levels that are too short to be lasting: both their ends go, or one where it leads on."""
    while len(points):
        length = np.diff(np.concatenate([[0], points, [len(z)]])).astype(np.float64)
        # A level that an end cuts is half in the mirror there.
        length[[0, -1]] *= 2
        k = int(np.argmin(length))
        if length[k] >= least:
            break
        if 0 < k < len(points):
            low, high = _edges(points, k - 1, len(z), least)[0], _edges(points, k, len(z), least)[1]
            on = np.median(z[points[k] : high]) - np.median(z[low : points[k - 1]])
            sizes = [abs(_jump(z, points, each, least)) for each in (k - 1, k)]
            kept = points[k - 1 + int(np.argmax(sizes))]
            around = np.delete(points, [k - 1, k])
            points = np.sort(np.append(around, kept)) if abs(on) > _CERTAIN else around
        else:
            points = np.delete(points, min(k, len(points) - 1))
    return points


def _is_sharp(z: Vector, points: Positions, k: int, least: int) -> bool:
    at = int(points[k])
    whole = _jump(z, points, k, 2 * least)
    beside = np.median(z[at : at + _BESIDE]) - np.median(z[max(at - _BESIDE, 0) : at])
    return bool(beside * np.sign(whole) > _SHARP * abs(whole))
