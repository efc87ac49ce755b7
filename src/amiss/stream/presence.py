"""Sensors that say nothing, or the same for ever: events of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.kernels.stays import FIELDS, LONGEST, Usual, advance_stays
from amiss.stream.roster import grown, in_series

__all__ = ["Presence", "Stuck"]

Codes = npt.NDArray[np.int64]

_FEWEST_GAPS = 10
"""So many gaps tell what is usual."""
_SILENT, _LONGEST = 2.5, 2.0
"""Times its usual gap, and times the longest one so far, after which a sensor is silent."""
_PULL = 0.1
"""By how much a gap moves what is usual."""
_OUTLYING = 3.0
_TOLD = 3
"""Silences told after which such gaps are held to be usual."""
_USUAL = Usual(longer=3.0, least_run=10, least_rows=50, changing=0.5)
"""A value is stuck that stays three times as long as any before, in a channel that changes with every second row."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """A channel of an entity that repeats its value.

    Attributes
    ----------
    row
        Position of the row, among those advanced with, that tells.
    code, column
        Number of the entity, and of the channel.
    run
        How many rows have had the value.
    begins
        Whether it begins with this row; otherwise it ends with it.
    """

    row: int
    code: int
    column: int
    run: int
    begins: bool


class Presence:
    """How often each entity is heard, and how long its channels keep their values; 15 bytes an entity, 28 a channel.

    Attributes
    ----------
    interval, longest : (n_entities,)
        Usual, and longest time between two rows, in seconds; NaN and 0 before the second row.
    n_gaps : (n_entities,)
        How many gaps there were.
    """

    def __init__(self) -> None:
        # Half the memory of times; they are no more exact than that.
        self.interval, self.longest = np.zeros(0, np.float32), np.zeros(0, np.float32)
        self.n_gaps, self.n_told = np.zeros(0, np.int32), np.zeros(0, np.int16)
        self.silent = np.zeros(0, np.bool_)
        self.last: Matrix = np.zeros((0, 0))
        self.stays = np.zeros((0, 0, FIELDS), np.int32)

    def grow(self, n: int, n_columns: int) -> None:
        """Make room for so many entities of so many channels."""
        if n > len(self.interval):
            self.interval, self.longest = grown(self.interval, n, np.nan), grown(self.longest, n, 0.0)
            self.n_gaps, self.n_told = grown(self.n_gaps, n, 0), grown(self.n_told, n, 0)
            self.silent = grown(self.silent, n, False)
        if n > len(self.last) or self.last.shape[1] != n_columns:
            fits = self.last.shape[1] == n_columns
            self.last = grown(self.last if fits else np.zeros((0, n_columns)), n, np.nan)
            self.stays = grown(self.stays if fits else np.zeros((0, n_columns, FIELDS), np.int32), n, 0)

    def forget(self, codes: Codes) -> None:
        """Unlearn entities that have gone, so that others can have their numbers."""
        self.interval[codes], self.last[codes] = np.nan, np.nan
        for part in (self.longest, self.n_gaps, self.n_told, self.silent, self.stays):
            part[codes] = 0

    # Silence -------------------------------------------------------------------------------------------

    def hear(self, codes: Codes, times: Vector, last_time: Vector) -> Codes:
        """Take up when entities were heard, before the roster does; gives those whose silence is over."""
        order, first = in_series(codes)
        when, who = times[order], codes[order]
        gaps = np.diff(when, prepend=np.nan)
        gaps[first] = when[first] - last_time[who[first]]
        back = np.unique(who[first][self.silent[who[first]]])
        told = np.zeros(len(who), np.bool_)
        told[first] = self.silent[who[first]] & (self.n_told[who[first]] < _TOLD)
        self._learn(who, gaps, ~np.isnan(gaps) & (gaps > 0) & ~told)
        self.silent[back] = False
        return back

    def _learn(self, who: Codes, gaps: Vector, counted: npt.NDArray[np.bool_]) -> None:
        who, gaps = who[counted], gaps[counted]
        if not len(who):
            return
        np.maximum.at(self.longest, who, gaps)
        n = len(self.interval)
        usual = np.where(np.isnan(self.interval[who]), gaps, self.interval[who])
        gaps = np.minimum(gaps, _OUTLYING * usual)
        count = np.bincount(who, minlength=n)
        there = np.flatnonzero(count)
        mean = np.bincount(who, gaps, minlength=n)[there] / count[there]
        before = np.where(np.isnan(self.interval[there]), mean, self.interval[there])
        # The first gaps count alike, later ones as an exponential mean.
        pull = 1 - (1 - np.maximum(_PULL, 1 / (self.n_gaps[there] + 1))) ** count[there]
        self.interval[there] = before + pull * (mean - before)
        self.n_gaps[there] += count[there]

    def falls_silent(self, now: float, last_time: Vector) -> Codes:
        """Entities that have been silent for longer than is usual at this moment of the data, each told once."""
        n = len(self.interval)
        limit = np.maximum(_SILENT * self.interval, _LONGEST * self.longest)
        found = np.flatnonzero((self.n_gaps >= _FEWEST_GAPS) & ~self.silent & (now - last_time[:n] > limit))
        self.silent[found] = True
        self.n_told[found] = np.minimum(self.n_told[found] + 1, _TOLD)
        return found

    # Values that stay ----------------------------------------------------------------------------------

    def watch(self, codes: Codes, X: Matrix) -> list[Stuck]:
        """Take up values; gives the channels that begin or cease to be stuck."""
        moves = advance_stays(X, codes, self.last, self.stays, _USUAL)
        return [
            Stuck(i, int(codes[i]), j, abs(int(moves[i, j])), bool(moves[i, j] > 0))
            for i, j in zip(*(part.tolist() for part in np.nonzero(moves)), strict=True)
        ]

    def longest_stay(self, code: int, column: int) -> int:
        """For how many rows a value of a channel has stayed at most, before it was stuck."""
        return int(self.stays[code, column, LONGEST]) + 1

    def state(self) -> dict[str, Any]:
        """All of it, as arrays."""
        return dict(vars(self))

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a `state`."""
        for name in vars(self):
            setattr(self, name, state[name])
