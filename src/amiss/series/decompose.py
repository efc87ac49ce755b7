"""Robust decomposition of a series into trend, seasons and rest, with the band that it is expected in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.series.levels import lasting_steps
from amiss.series.seasons import Positions, Season, find_seasons, profile, without_holes

__all__ = ["Decomposition", "bridged", "decompose", "decompose_in_levels"]

_ROUNDS = 3
_TREND_SHARE = 20
"""A series without a season: its trend is what a twentieth of it has in common."""
_CYCLES = 3
"""Of the longest season, that its trend has in common: what lasts a day is no trend of daily values."""
_SHORTEST_TREND, _LONGEST_TREND = 25, 20_001
_SHORT_HOLE = 3
_FEWEST_A_PHASE = 8
"""Cycles from which on a place in the cycle has a spread of its own."""
_SPREAD_FLOOR = 0.3
"""Of the spread of all: no place in a cycle is taken to be more regular than so."""


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A series in parts; `trend + sum of seasonal + rest` is the series itself.

    Attributes
    ----------
    seasons
        What repeats in it, shortest period first.
    trend, rest : (n_rows,)
        What changes slowly, and what is left.
    seasonal : (n_seasons, n_rows)
        What each season adds.
    spread : (n_rows,)
        Usual size of `rest` at each row, as a standard deviation.
    steps : (n_steps,)
        First rows of the levels that the trend jumps to; none where steps were not looked for.
    """

    seasons: tuple[Season, ...]
    trend: Vector
    seasonal: Vector
    rest: Vector
    spread: Vector
    steps: Positions = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def expected(self) -> Vector:
        """What trend and seasons let expect, (n_rows,)."""
        whole: Vector = self.trend + self.seasonal.sum(axis=0)
        return whole


def decompose(
    x: Vector,
    seasons: Sequence[Season] | None = None,
    interval_seconds: float = 0.0,
    steps: Positions | None = None,
) -> Decomposition:
    """Take a series apart.

    Trend and seasons are medians: of the rows around, and of the same place in the cycles around. So a spike, or an
    event shorter than half the window, leaves no trace in them. They are found in turns. Costs O(n × log n).

    Parameters
    ----------
    x : (n_rows,)
        Values at equal steps; NaN where missing, and then in `rest` too.
    seasons
        What repeats; None finds it.
    interval_seconds
        Time between two rows, where known.
    steps
        Rows at which the trend jumps, ascending; None for a trend without jumps.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series.decompose import decompose
    >>> t = np.arange(2000)
    >>> x = 0.01 * t + 3 * np.sin(t / 24 * 2 * np.pi) + 0.1 * np.random.default_rng(0).normal(size=2000)
    >>> x[1000] += 2
    >>> parts = decompose(x)
    >>> parts.seasons[0].period, int(np.argmax(parts.rest / parts.spread))
    (24.0, 1000)
    """
    found = tuple(find_seasons(x, interval_seconds) if seasons is None else seasons)
    width = _trend_width(len(x), found)
    whole = np.zeros(len(x)) if np.isnan(x).all() else x
    trend = _median(whole, width, steps)
    seasonal = np.zeros((len(found), len(x)))
    for _ in range(_ROUNDS if found else 0):
        for k, season in enumerate(found):
            others = seasonal.sum(axis=0) - seasonal[k]
            pattern = profile(whole - trend - others, season)
            seasonal[k] = pattern - pattern.mean()
        trend = _median(whole - seasonal.sum(axis=0), width, steps)
    rest = x - trend - seasonal.sum(axis=0)
    kept = np.empty(0, np.int64) if steps is None else steps
    return Decomposition(found, trend, seasonal, rest, _spread(rest, found), kept)


def decompose_in_levels(x: Vector, interval_seconds: float = 0.0) -> Decomposition:
    """Take a series apart, with a trend that jumps where the level goes over to another one at once and for long.

    The median alone bends through such a step, from half its window before to half after it, and so tells of rows
    before a step that they are too low.

    Parameters
    ----------
    x : (n_rows,)
        Values at equal steps; NaN where missing.
    interval_seconds
        Time between two rows, where known.
    """
    smooth = decompose(x, None, interval_seconds)
    width = _trend_width(len(x), smooth.seasons)
    steps = lasting_steps(x - smooth.seasonal.sum(axis=0), float(np.median(smooth.spread)), width)
    if not len(steps):
        return smooth
    # A large step hides what repeats: seasons are looked for anew in what is on one level.
    level = _median(x, len(x), steps)
    return decompose(x, find_seasons(x - level, interval_seconds), interval_seconds, steps)


def bridged(x: Vector, interval_seconds: float = 0.0) -> Vector:
    """A series whose holes hold what trend and seasons let expect; short ones the straight line between their ends.

    A long straight line would be the oddest course of a series with a season.
    """
    whole = without_holes(x)
    missing = np.isnan(x)
    if not missing.any() or missing.all():
        return whole
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
    first, last = edges[::2], edges[1::2]
    long = last - first > _SHORT_HOLE
    if not long.any():
        return whole
    expected = decompose(x, None, interval_seconds).expected
    for a, b in zip(first[long].tolist(), last[long].tolist(), strict=True):
        whole[a:b] = expected[a:b]
    return whole


def _trend_width(n: int, seasons: Sequence[Season]) -> int:
    if seasons:
        return min(round(_CYCLES * seasons[-1].period) | 1, max(n // 2, 1) | 1, _LONGEST_TREND)
    return int(np.clip(n // _TREND_SHARE, _SHORTEST_TREND, _LONGEST_TREND)) | 1


def _median(x: Vector, width: int, steps: Positions | None = None) -> Vector:
    """Median of the rows around each, none of them beyond a step; where values are missing, of those there."""
    if steps is not None and len(steps):
        return np.concatenate([_median(part, width) for part in np.split(x, steps)])
    from scipy.ndimage import median_filter

    there = np.flatnonzero(~np.isnan(x))
    # Beyond an end the rows before it, mirrored: were the outermost repeated, it would be half of all.
    smooth = median_filter(x[there], size=min(width, len(there)), mode="reflect")
    rows: Vector = np.interp(np.arange(len(x)), there, smooth)
    return rows


def _spread(rest: Vector, seasons: Sequence[Season]) -> Vector:
    """Robust deviation of the rest: of all rows, or of each place in the longest cycle that is seen often enough."""
    n = len(rest)
    there = rest[~np.isnan(rest)]
    spread = _deviation(there)
    usable = [season for season in seasons if n >= _FEWEST_A_PHASE * season.period]
    if not usable or not spread > 0:
        return np.full(n, max(spread, np.finfo(float).tiny))
    season = usable[-1]
    phase = season.phase(np.arange(n, dtype=np.float64))
    size = np.abs(np.nan_to_num(rest))
    order = np.argsort(phase, kind="stable")
    by_phase = np.array([np.median(part) for part in np.split(size[order], _starts(phase[order], season.n_phases))])
    width = max(3, season.n_phases // 24)
    # Neighbouring places have like spreads: what they tell together is less of a chance.
    smooth = np.convolve(np.pad(by_phase, width, mode="wrap"), np.ones(width) / width, mode="same")[width:-width]
    around: Vector = np.maximum(1.4826 * smooth, _SPREAD_FLOOR * spread)[phase]
    return around


def _starts(phase: Positions, n_phases: int) -> npt.NDArray[np.intp]:
    return np.searchsorted(phase, np.arange(1, n_phases))


def _deviation(rest: Vector) -> float:
    if not len(rest):
        return 0.0
    robust = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
    return robust or float(rest.std())
