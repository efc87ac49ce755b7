"""Exponential smoothing of level, damped trend and season, all additive: forecasts, and the constants that fit best."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from amiss.core.summary import Matrix, Vector

__all__ = ["Constants", "Start", "fitted", "foretold"]

_LEVEL = (0.02, 0.06, 0.15, 0.3, 0.6, 0.9)
_TREND = (0.0, 0.02, 0.1, 0.3)
_SEASON = (0.0, 0.05, 0.15, 0.4)
_FINER = (0.6, 1.0, 1.5)
_FEWEST_ROWS = 10
_CLIP = 4.0
_DEVIATION = 1.4826


class Constants(NamedTuple):
    """How fast level, trend and season are learnt, each in [0, 1]; 0 leaves it as it is."""

    level: float
    trend: float
    season: float


@dataclass(frozen=True, slots=True)
class Start:
    """Where a series begins.

    Attributes
    ----------
    level
        Before its first value.
    season : (period,)
        What the season adds to the first values; a single 0 for none.
    """

    level: float
    season: Vector


def foretold(x: Vector, start: Start, constants: Constants, damping: float, limit: float = np.inf) -> Vector:
    """What each value is expected to be by those before it, (n_rows,).

    Parameters
    ----------
    x : (n_rows,)
        Values at equal steps; from a missing one nothing is learnt.
    start
        Level and season before the first of them; the trend begins at 0.
    constants, damping
        How fast is learnt, and what the trend keeps of itself from row to row.
    limit
        A larger miss counts as this one, in the unit of x.
    """
    alpha, beta, gamma = constants
    level, trend, season = start.level, 0.0, start.season.tolist()
    period, place = len(season), 0
    expected = np.empty(len(x))
    # Numbers of Python's own: for one series they are faster than arrays of length one.
    for i, value in enumerate(x.tolist()):
        trend *= damping
        level += trend
        said = level + season[place]
        expected[i] = said
        miss = value - said
        if miss == miss:
            miss = min(max(miss, -limit), limit)
            level += alpha * miss
            trend += alpha * beta * miss
            season[place] += gamma * miss
        place = place + 1 if place + 1 < period else 0
    return expected


def fitted(x: Vector, start: Start, damping: float) -> tuple[Constants, float]:
    """The constants with the least squared miss, and the usual size of a miss (their median).

    Looked for on a coarse grid and then near the best; misses beyond four usual ones are clipped, so that anomalies do
    not choose. `x` has no holes.
    """
    seasonal = len(start.season) > 1
    grid = np.array(list(product(_LEVEL, _TREND, _SEASON if seasonal else (0.0,))))
    if len(x) < _FEWEST_ROWS:
        return Constants(0.3, 0.0, 0.15 if seasonal else 0.0), 0.0
    misses = _misses(x, start, grid, damping)
    usual = float(np.median(np.abs(misses), axis=0).min())
    best = grid[_least(misses, usual)]
    near = np.minimum([best * factors for factors in product(_FINER, repeat=3)], 1.0)
    misses = _misses(x, start, near, damping)
    chosen = _least(misses, usual)
    return Constants(*near[chosen].tolist()), float(np.median(np.abs(misses[:, chosen])))


def _misses(x: Vector, start: Start, grid: Matrix, damping: float) -> Matrix:
    """Of each value by each set of constants, (n_rows, n_sets)."""
    alpha, beta, gamma = np.ascontiguousarray(grid.T)
    both = alpha * beta
    level, trend = np.full(len(grid), start.level), np.zeros(len(grid))
    season = np.tile(start.season[:, None], len(grid))
    misses = np.empty((len(x), len(grid)))
    for i, value in enumerate(x.tolist()):
        place, miss = season[i % len(season)], misses[i]
        trend *= damping
        level += trend
        np.subtract(value, level, out=miss)
        miss -= place
        level += alpha * miss
        trend += both * miss
        place += gamma * miss
    return misses


def _least(misses: Matrix, usual: float) -> int:
    limit = _CLIP * _DEVIATION * usual or np.inf
    with np.errstate(over="ignore", invalid="ignore"):
        loss = np.square(np.clip(misses, -limit, limit)).mean(axis=0)
    return int(np.argmin(np.nan_to_num(loss, nan=np.inf)))
