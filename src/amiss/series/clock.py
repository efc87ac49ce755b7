"""The clock of one series: its sampling interval, and where each row stands on a regular grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector

__all__ = ["Clock", "Gap"]

_NEAR = 0.3
"""Of an interval: a step that misses a whole number of them by less is regular, but for jitter."""
_GRAIN = 0.1
"""Of the middle step: steps that differ by less count as one kind."""
_REGULAR = 0.9
"""Share of the steps that must be regular."""
_COMMON = 0.3
"""Share of the steps that the most common one must have to be the interval."""
_GAP_STEPS = 1.5
_LONGEST_GAP = 200
"""Grid steps from which on a gap is cut short: what nobody measured must not fill the memory."""
_CALENDAR, _MOST_REPEATS = (3600.0, 86_400.0, 604_800.0), 2016
_CLOCK_CHANGES = (1800.0, 3600.0)
_MOST_CHANGES = 50
"""A clock that goes back more often is no clock that is put back, but a file out of order."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without rows.

    Attributes
    ----------
    after, before
        Seconds since 1970 of the last row before it, and of the first after it.
    n_missing
        Number of rows that should have been there.
    """

    after: float
    before: float
    n_missing: int


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the rows of one series stand in time.

    Attributes
    ----------
    interval_seconds
        Usual time between two rows; 0 where there are fewer than two different times.
    regular
        Whether nearly all steps are whole numbers of intervals. Otherwise the grid averages the rows of each interval.
    start
        Seconds since 1970 of the first grid step.
    cell : (n_rows,)
        Grid row of each row, in the order of the rows given; −1 where a row has no time.
    step : (n_cells,)
        Number of intervals from `start` to each grid row: it jumps where a gap was cut short.
    gaps
        Times without rows, in order.
    n_disordered, n_repeated, n_untimed
        Rows that stand before an earlier one, that have the time of another, and that have none.
    clock_changes
        Seconds since 1970 at which the clock was put back, as at the end of daylight saving.
    """

    interval_seconds: float
    regular: bool
    start: float
    cell: npt.NDArray[np.int64]
    step: npt.NDArray[np.int64]
    gaps: tuple[Gap, ...]
    n_disordered: int
    n_repeated: int
    n_untimed: int
    clock_changes: tuple[float, ...]

    @classmethod
    def of(cls, times: Vector) -> Clock:
        """The clock of the rows of one series.

        Parameters
        ----------
        times : (n_rows,)
            Seconds since 1970, NaN where a row has none; in any order.
        """
        timed = np.flatnonzero(~np.isnan(times))
        given = times[timed]
        moments, place = np.unique(given, return_inverse=True)
        back = np.flatnonzero(np.diff(given) < 0)
        steps = np.diff(moments)
        interval = _interval(steps) if len(steps) else 0.0
        regular = _regular_share(steps, interval) >= _REGULAR if len(steps) else True
        number = _numbers(moments, interval, regular)
        step, cell_of_number, gaps = _short(number, moments, _repeats(interval))
        cell = np.full(len(times), -1, np.int64)
        cell[timed] = cell_of_number[place]
        return cls(
            interval, bool(regular), float(moments[0]) if len(moments) else 0.0, cell, step, gaps,
            len(back), len(given) - len(moments), len(times) - len(timed),
            _put_back(given, back),
        )  # fmt: skip

    @classmethod
    def counting(cls, n_rows: int) -> Clock:
        """The clock of rows without a time: one step each."""
        steps = np.arange(n_rows)
        return cls(0.0, True, 0.0, steps, steps, (), 0, 0, 0, ())

    @property
    def n_cells(self) -> int:
        """Number of grid rows."""
        return len(self.step)

    def onto_grid(self, X: Matrix) -> Matrix:
        """Rows on the grid, (n_cells, n_features): the mean of those that share a cell, NaN in gaps."""
        rows = self.cell >= 0
        cell = self.cell[rows]
        if len(cell) == self.n_cells and (np.diff(cell) == 1).all():
            return X[rows] if not rows.all() else X
        grid = np.empty((self.n_cells, X.shape[1]))
        for j in range(X.shape[1]):
            column = X[rows, j]
            there = ~np.isnan(column)
            count = np.bincount(cell[there], minlength=self.n_cells)
            total = np.bincount(cell[there], weights=column[there], minlength=self.n_cells)
            grid[:, j] = np.divide(total, count, out=np.full(self.n_cells, np.nan), where=count > 0)
        return grid

    def from_grid(self, values: Vector, untimed: float) -> Vector:
        """What each row's cell holds, (n_rows,); `untimed` where a row has no time."""
        rows: Vector = np.where(self.cell >= 0, values[self.cell], untimed)
        return rows

    def seconds(self) -> Vector:
        """Seconds since 1970 of each grid row; its number where there is no time."""
        seconds: Vector = self.start + self.step.astype(np.float64) * (self.interval_seconds or 1.0)
        return seconds


def _interval(steps: Vector) -> float:
    """The most common step where there is one, otherwise the middle one."""
    middle = float(np.median(steps))
    grain = max(middle * _GRAIN, 1e-6)
    kinds, counts = np.unique(np.round(steps / grain), return_counts=True)
    most = int(np.argmax(counts))
    if counts[most] >= _COMMON * len(steps):
        return float(np.median(steps[np.round(steps / grain) == kinds[most]]))
    return middle


def _regular_share(steps: Vector, interval: float) -> float:
    whole = steps / interval
    return float((np.abs(whole - np.maximum(np.round(whole), 1.0)) <= _NEAR).mean())


def _numbers(moments: Vector, interval: float, regular: bool) -> npt.NDArray[np.int64]:
    """Number of the interval that each moment falls into, from 0."""
    if len(moments) < 2:
        return np.zeros(len(moments), np.int64)
    if not regular:
        number: npt.NDArray[np.int64] = np.floor((moments - moments[0]) / interval).astype(np.int64)
        return number
    # Step by step: an interval that is off by a millionth would otherwise drift away over a long history.
    whole = np.maximum(np.round(np.diff(moments) / interval), 1.0).astype(np.int64)
    return np.append(np.zeros(1, np.int64), np.cumsum(whole))


def _repeats(interval: float) -> int:
    """Steps after which the hour, the day or the week is the same again: the longest of them that is not too many."""
    whole = [seconds / interval for seconds in _CALENDAR] if interval > 0 else []
    steps = [round(n) for n in whole if n >= 1 and abs(n - round(n)) < 1e-3 * n and n <= _MOST_REPEATS]
    return max(steps, default=1)


def _short(
    number: npt.NDArray[np.int64], moments: Vector, repeats: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], tuple[Gap, ...]]:
    """Grid steps with long gaps cut short, the grid row of each moment, and all gaps."""
    if not len(number):
        return number, number, ()
    jump = np.diff(number)
    holes = np.flatnonzero(jump > _GAP_STEPS)
    gaps = tuple(Gap(float(moments[i]), float(moments[i + 1]), int(jump[i]) - 1) for i in holes)
    # As many steps are cut as let the clock stand where it would: seasons must not slip.
    beyond = np.maximum(jump - (_LONGEST_GAP + 1), 0)
    kept = jump - beyond // repeats * repeats
    cell = np.append(0, np.cumsum(kept))
    step = np.arange(cell[-1] + 1)
    cut = np.flatnonzero(jump > kept)
    shift = np.zeros(len(step), np.int64)
    shift[cell[cut + 1]] = (jump - kept)[cut]
    return step + np.cumsum(shift), cell, gaps


def _put_back(given: Vector, back: npt.NDArray[np.int64]) -> tuple[float, ...]:
    """Where the times, in the order of the rows, go back by what clocks are put back by, and run on from there."""
    if not 0 < len(back) <= _MOST_CHANGES:
        return ()
    steps = np.diff(given)
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    lost = usual - steps[back]
    near = [abs(lost - change) < 0.5 * max(usual, 1.0) for change in _CLOCK_CHANGES]
    return tuple(given[back[np.any(near, axis=0)]].tolist())
