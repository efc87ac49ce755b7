"""Sensors that say nothing, or the same for ever: events of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
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
_FEWEST_ROWS, _FEWEST_RUN = 50, 10
_LONGER = 3.0
"""A value is stuck that stays so many times as long as the longest stay so far."""
_CHANGING = 0.5
"""Only channels that usually change can be stuck: from this share of the rows on."""


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
        For how many rows the value has stayed.
    begins
        Whether it begins with this row; otherwise it ends with it.
    """

    row: int
    code: int
    column: int
    run: int
    begins: bool


class Presence:
    """How often each entity is heard, and how long its channels keep their values; 40 bytes an entity, 13 a channel.

    Attributes
    ----------
    interval, longest : (n_entities,)
        Usual, and longest time between two rows, in seconds; NaN and 0 before the second row.
    n_gaps : (n_entities,)
        How many gaps there were.
    """

    def __init__(self) -> None:
        self.interval, self.longest = np.zeros(0), np.zeros(0)
        self.n_gaps, self.n_told = np.zeros(0, np.int64), np.zeros(0, np.int32)
        self.silent = np.zeros(0, np.bool_)
        self.run = np.zeros((0, 0), np.int32)
        self.longest_run, self.changes = self.run.copy(), self.run.copy()
        self.stuck = np.zeros((0, 0), np.bool_)

    def grow(self, n: int, n_columns: int) -> None:
        """Make room for so many entities of so many channels."""
        if n <= len(self.interval) and self.run.shape[1] == n_columns:
            return
        self.interval, self.longest = grown(self.interval, n, np.nan), grown(self.longest, n, 0.0)
        self.n_gaps, self.n_told = grown(self.n_gaps, n, 0), grown(self.n_told, n, 0)
        self.silent = grown(self.silent, n, False)
        for name in ("run", "longest_run", "changes", "stuck"):
            array = getattr(self, name)
            setattr(self, name, grown(array if array.shape[1] == n_columns else array[:0, :1].repeat(n_columns, 1)
                                      if array.shape[1] else np.zeros((0, n_columns), array.dtype), n, 0))  # fmt: skip

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
        self.n_told[found] += 1
        return found

    # Values that stay ----------------------------------------------------------------------------------

    def watch(self, codes: Codes, X: Matrix, last_row: Matrix, n_rows: Codes) -> list[Stuck]:
        """Take up values, before the roster does; gives the channels that begin or cease to be stuck."""
        if not len(codes):
            return []
        order, first = in_series(codes)
        who, values = codes[order], X[order]
        before = np.empty_like(values)
        before[1:] = values[:-1]
        before[first] = last_row[who[first]]
        same = (values == before) | np.isnan(values)
        position = np.arange(len(who))
        start = np.zeros(len(who), np.int64)
        start[first] = first
        start = np.maximum.accumulate(start)
        # How long each value has stayed: since the last change in this batch, or since before it.
        change = np.where(same, -1, position[:, None])
        last_change = np.maximum.accumulate(change, axis=0)
        here = last_change >= start[:, None]
        run = np.where(here, position[:, None] - last_change, position[:, None] - start[:, None] + 1 + self.run[who])
        found = self._told(order, who, run, n_rows)
        last = np.append(first[1:], len(who)) - 1
        ended = np.where(~same, np.where(np.vstack([here[:1] & False, here[:-1]]) & (position > start)[:, None],
                                         np.vstack([run[:1], run[:-1]]),
                                         position[:, None] - start[:, None] + self.run[who]), 0)  # fmt: skip
        np.maximum.at(self.longest_run, who, np.where(self.stuck[who], 0, ended).astype(np.int32))
        np.add.at(self.changes, who, (~same).astype(np.int32))
        self.run[who[last]] = run[last]
        return found

    def _told(self, order: Codes, who: Codes, run: npt.NDArray[Any], n_rows: Codes) -> list[Stuck]:
        usual = np.maximum(_LONGER * (self.longest_run[who] + 1), _FEWEST_RUN)
        varies = (n_rows[who] >= _FEWEST_ROWS)[:, None] & (
            self.changes[who] >= _CHANGING * np.maximum(n_rows[who], 1)[:, None]
        )
        stuck = (run >= usual) & varies | (run > 0) & self.stuck[who]
        moves = stuck | self.stuck[who]
        found = []
        for i, j in zip(*np.nonzero(moves), strict=True):
            code, now = int(who[i]), bool(stuck[i, j]) and run[i, j] > 0
            if now != self.stuck[code, j]:
                self.stuck[code, j] = now
                found.append(Stuck(int(order[i]), code, int(j), int(run[i, j]), now))
        return sorted(found, key=lambda each: each.row)

    def state(self) -> dict[str, Any]:
        """All of it, as arrays."""
        return dict(vars(self))

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a `state`."""
        for name in vars(self):
            setattr(self, name, state[name])
