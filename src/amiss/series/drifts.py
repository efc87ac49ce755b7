"""Slow wandering of the trend to where it has never been."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amiss.core.summary import Vector
from amiss.series.decompose import Decomposition

__all__ = ["Wander", "drifting", "wander"]

_RISEN = 3.0
"""Usual misses that a trend wanders at least."""
_STEADY = 0.25
"""Of the way: what the trend may be off a straight one, as a standard deviation."""
_SEEN = 0.5
"""Of the way: what the trend may have been off its level before."""
_POINTS, _ONSETS = 400, 80
_FEWEST = 20
_FINEST = 1e-9
"""Of the range of the trend: spreads below are rounding."""
_BLOCKS, _FEWEST_A_BLOCK = 200, 5
"""Stretches of a history whose medians are looked at for a drift, and rows in one at least."""
_EARLIEST, _LATEST = 0.2, 0.95
"""Of the history: a drift has begun between; what comes before says what the level was."""
_PER_RATIO, _RATIO = 0.43, 1.75
"""−log of the share of random walks that go so many times as far as they miss the line: fitted on 100,000 of them."""
_SURE = 4.6
"""One random walk in a hundred goes so straight."""
_ARRIVED = 0.8
"""Of the rows of a drift: from there on it has gone so far that it is told."""


@dataclass(frozen=True, slots=True)
class Wander:
    """A way that the trend has gone.

    Attributes
    ----------
    onset
        Row from which it goes.
    level
        Where it was until then.
    way
        How far it has gone in usual misses, with its sign.
    """

    onset: int
    level: float
    way: float


def wander(parts: Decomposition, last: int) -> Wander | None:
    """The slow way that the trend has gone up to a row, if it has gone one, steadily, beyond all it was before.

    A level and from some row on a straight line that leaves it are laid through the trend, by least squares.
    """
    earlier = parts.steps[parts.steps <= last]
    start = int(earlier[-1]) if len(earlier) else 0
    if last - start < 2 * _FEWEST:
        return None
    at = np.unique(np.linspace(start, last, _POINTS).astype(np.int64))
    y = parts.trend[at]
    onsets = at[: -_FEWEST : max(len(at) // _ONSETS, 1)].tolist()
    fits = [_hinge(at.astype(np.float64), y, onset) for onset in onsets]
    squares, onset, level, slope = min(fits, key=lambda fit: fit[0])
    way = slope * (last - onset)
    before = np.abs(y[at <= onset] - level).max()
    off = np.sqrt(squares / len(at))
    usual = max(float(np.median(parts.spread[start : last + 1])), _FINEST * float(np.ptp(y)))
    if not (abs(way) > _RISEN * usual and off < _STEADY * abs(way) and before < _SEEN * abs(way)):
        return None
    return Wander(onset, level, way / usual) if last - onset >= _FEWEST and onset > start else None


def drifting(x: Vector) -> tuple[float, int] | None:
    """−log of how often chance goes so straight away from a level, and the row from which on it has gone far.

    A level and from some stretch on a straight line to the end are laid through the medians of stretches. How far the
    line goes, in what the medians miss it by, is compared with random walks, which go farther than all that keeps to a
    level, however much its rows hang together. None where one walk in a hundred goes as straight. Seasons longer than a
    stretch are no noise and hide a drift: there its windows are unlike all others.

    Parameters
    ----------
    x : (n_rows,)
        A history, NaN where missing.
    """
    size = max(len(x) // _BLOCKS, _FEWEST_A_BLOCK)
    n = len(x) // size
    blocks = x[len(x) - n * size :].reshape(n, size)
    usable = ~np.isnan(blocks).all(axis=1)
    if int(usable.sum()) < _FEWEST:
        return None
    at = np.flatnonzero(usable).astype(np.float64)
    y = np.nanmedian(blocks[usable], axis=1)
    unit = float(np.abs(y).max()) or 1.0
    way, off, onset = _straightest(at, y / unit)
    if not (_EARLIEST <= onset / n <= _LATEST) or not way > 0:
        return None
    said = _PER_RATIO * (way / max(off, _FINEST * way) - _RATIO)
    first = len(x) - n * size + round((onset + _ARRIVED * (n - 1 - onset)) * size)
    return (said, first) if said > _SURE else None


def _straightest(at: Vector, y: Vector) -> tuple[float, float, int]:
    """How far the line goes that leaves its level where the squares are least, what is missed by, and from where on."""
    onsets = np.arange(0, int(at[-1]) - _FEWEST // 2, 2)
    gone = np.maximum(at - onsets[:, None], 0.0)
    gone -= gone.mean(axis=1, keepdims=True)
    gap, square = y - y.mean(), np.einsum("ij,ij->i", gone, gone)
    slope = gone @ gap / square
    left = np.maximum(float(gap @ gap) - slope**2 * square, 0.0)
    best = int(np.argmin(left))
    way = abs(float(slope[best])) * (float(at[-1]) - float(onsets[best]))
    return way, float(np.sqrt(left[best] / len(y))), int(onsets[best])


def _hinge(at: Vector, y: Vector, onset: int) -> tuple[float, int, float, float]:
    """Squares that a level up to a row and a line from there on leave; the row, the level, the slope."""
    gone = np.maximum(at - onset, 0.0)
    x = gone - gone.mean()
    square = float(x @ x)
    slope = float(x @ y) / square if square > 0 else 0.0
    level = float(y.mean() - slope * gone.mean())
    left = y - level - slope * gone
    return float(left @ left), onset, level, slope
