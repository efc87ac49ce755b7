"""One channel of a series as the page draws it: values, band, parts, and how it goes with the clock."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.pipeline.series_rows import duration_words
from amiss.pipeline.story import Band, Story
from amiss.report.block import Block, Place
from amiss.report.calendar_figures import Calendar
from amiss.report.layers import Grain, add_band, add_values, averaged, extremes
from amiss.series.seasons import Season

__all__ = ["TrackMaker"]

_CURVE_POINTS = 240
_LARGEST = 1e280
"""Larger values are drawn at the edge: sums of them must still be numbers."""
_FINENESS = (128.0, 32.0)
"""Into how many units half the usual band is divided, in short series and in long ones: finer cannot be seen."""
_CURVE_LEVELS = 400
_SIXTEEN_BITS = 65_534
_FINEST = 1e-12


class TrackMaker:
    """Makes the tracks of one series."""

    def __init__(self, story: Story, grain: Grain, calendar: Calendar | None, block: Block) -> None:
        self._story, self._grain, self._calendar, self._block = story, grain, calendar, block

    def track(self, j: int, name: str, rows: npt.NDArray[np.int64]) -> dict[str, Any]:
        """The track of a channel, with its values at some usual rows."""
        band, block = self._story.band(j), self._block
        floor, ceiling = self._story.bounds(j)
        x, expected, half = (np.clip(part, -_LARGEST, _LARGEST) for part in (band.x, band.expected, band.half))
        unit = _unit(x, half, _FINENESS[self._grain.values > 1])
        trend = _curve(band.in_unit(band.parts.trend, location=True))
        rest = _ends(band.in_unit(band.parts.rest, location=False))
        return {
            "name": name,
            "unit": unit,
            "floor": floor,
            "ceiling": ceiling,
            "low": float(np.nanmin(x)) if len(x) and not np.isnan(x).all() else 0.0,
            "x": add_values(x, self._grain, unit, block),
            "expected": add_band(expected, self._grain, unit, block),
            "half": add_band(half, self._grain, unit, block),
            "usual": block.add(x[rows], unit=unit),
            "trend": _add_curve(trend, block),
            "rest": _add_curve(rest, block),
            "seasons": [self._season(band, n, season) for n, season in enumerate(band.parts.seasons)],
            **(self._calendar.figures(x, unit, block) if self._calendar else {}),
        }

    def _season(self, band: Band, n: int, season: Season) -> dict[str, Any]:
        interval = self._story.member.clock.interval_seconds
        lasts = duration_words(season.period * interval) if interval else f"{season.period:.4g} rows"
        phases = band.in_unit(band.parts.seasonal[n][: season.n_phases], location=False)
        cycle = _add_curve(_curve(phases), self._block)
        words = f"{lasts}, which foretells {season.strength:.0%} of what changes within it"
        return {"period": lasts, "words": words, "cycle": cycle}


def _unit(x: Vector, half: Vector, fineness: float) -> float:
    """What values are rounded to: 1, 2 or 5 of a power of ten, small beside the band, as far as 16 bits go."""
    there = x[~np.isnan(x)]
    held = float(there.max() / _SIXTEEN_BITS - there.min() / _SIXTEEN_BITS) if len(there) else 0.0
    # Where nothing varies, what a number of its size can hold is as fine as it gets.
    finest = float(np.abs(there).max(initial=0.0)) * _FINEST
    wanted = max(float(np.median(half)) / fineness, held, finest)
    if not wanted > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(wanted))
    rounds = [m * power for m in (1.0, 2.0, 5.0, 10.0)]
    below = [unit for unit in rounds if held <= unit <= wanted]
    return below[-1] if below else next(unit for unit in rounds if unit >= wanted)


def _curve(values: Vector) -> Vector:
    """A part of the decomposition with as many points as a small picture shows."""
    return averaged(values, -(-len(values) // _CURVE_POINTS))


def _ends(values: Vector) -> Vector:
    """The same of what is left over, whose means would hide what stands out: lowest and highest in turns."""
    step = -(-2 * len(values) // _CURVE_POINTS)
    return values if step == 1 else np.stack(extremes(values, step), axis=1).ravel()


def _add_curve(values: Vector, block: Block) -> Place:
    there = values[~np.isnan(values)]
    extent = float(there.max() / _CURVE_LEVELS - there.min() / _CURVE_LEVELS) if len(there) else 0.0
    return block.add(values, unit=extent)
