"""How a channel goes with the clock: by hour of the week, by hour of the day, by day of the week."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.report.block import Block
from amiss.series.clock import Clock

__all__ = ["Calendar"]

_HOUR, _DAY = 3600.0, 86_400.0
_HOURS, _DAYS = 24, 7
_DEVIATION = 0.01
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class Calendar:
    """The steps of one clock in the order of their hour of the week."""

    def __init__(self, clock: Clock) -> None:
        hour_of_week = (clock.seconds() // _HOUR + 3 * _HOURS) % (_HOURS * _DAYS)  # 1970-01-01 was a Thursday
        self._order = np.argsort(hour_of_week.astype(np.int16), kind="stable")
        ends = np.bincount(hour_of_week.astype(np.int64), minlength=_HOURS * _DAYS).cumsum()
        self._slots = np.split(np.arange(len(self._order)), ends[:-1])

    @classmethod
    def of(cls, clock: Clock) -> Calendar | None:
        """The calendar of a clock; None where there are not two days of hours."""
        interval = clock.interval_seconds
        long = bool(interval) and interval <= _DAY / 8 and clock.step[-1] * interval >= 2 * _DAY
        return cls(clock) if long else None

    def figures(self, x: Vector, unit: float, block: Block) -> dict[str, Any]:
        """Deviation by hour of the week, in usual deviations; quantiles by hour of the day and day of the week.

        Parameters
        ----------
        x : (n_cells,)
            Values of the channel; NaN where missing.
        unit
            What they are rounded to.
        """
        ordered = x[self._order]
        there = x[~np.isnan(x)]
        middle = float(np.median(there)) if len(there) else 0.0
        scale = 1.4826 * float(np.median(np.abs(there - middle))) if len(there) else 0.0
        scale = scale or (float(there.std()) if len(there) else 0.0) or 1.0
        slots = [ordered[slot] for slot in self._slots]
        week = np.array([(_mean(slot) - middle) / scale for slot in slots])
        by_hour = [np.concatenate(slots[hour::_HOURS]) for hour in range(_HOURS)]
        by_day = [np.concatenate(slots[day * _HOURS : (day + 1) * _HOURS]) for day in range(_DAYS)]
        return {
            "week": block.add(week, unit=_DEVIATION),
            "hours": block.add(_quantiles(by_hour), unit=unit),
            "days": block.add(_quantiles(by_day), unit=unit),
        }


def _mean(x: Vector) -> float:
    known = x[~np.isnan(x)]
    return float(known.mean()) if len(known) else float("nan")


def _quantiles(groups: list[Vector]) -> npt.NDArray[np.float64]:
    """Quantiles of each group, one after the other."""
    found = []
    for group in groups:
        known = group[~np.isnan(group)]
        found.append(np.quantile(known, _QUANTILES) if len(known) else np.full(len(_QUANTILES), np.nan))
    return np.concatenate(found)
