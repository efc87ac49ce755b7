"""Slow wandering of the trend to where it has never been."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amiss.core.summary import Vector
from amiss.series.decompose import Decomposition

__all__ = ["Wander", "wander"]

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


def _hinge(at: Vector, y: Vector, onset: int) -> tuple[float, int, float, float]:
    """Squares that a level up to a row and a line from there on leave; the row, the level, the slope."""
    gone = np.maximum(at - onset, 0.0)
    x = gone - gone.mean()
    square = float(x @ x)
    slope = float(x @ y) / square if square > 0 else 0.0
    level = float(y.mean() - slope * gone.mean())
    left = y - level - slope * gone
    return float(left @ left), onset, level, slope
