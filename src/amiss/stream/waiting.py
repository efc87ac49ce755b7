"""Rows that wait for those that may still come before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from amiss.stream.readings import Readings

__all__ = ["Waiting"]

_MOST_PARTS = 64
_AHEAD_SECONDS = 60.0
"""Rows that are dated ahead by more are refused before."""
_MOST_ROWS = 100_000


@dataclass(slots=True)
class _Part:
    """Rows that came together, in order of time; those before `start` have been let go."""

    readings: Readings
    start: int
    came: float | None

    @property
    def n_rows(self) -> int:
        return self.readings.n_rows - self.start


class Waiting:
    """Puts a stream in order of time, over its batches, as long as no row is later than is said.

    A row waits until one has come that is newer by `lateness_seconds`, or for so long by the clock where nothing comes.
    Rows of one time go by the names of their entities, and those of one entity as they came. So what is let go depends
    neither on how rows were shuffled within that time, nor on how they were cut into batches. What is dated ahead of
    the clock lets nothing go before its time.

    Costs what its rows take; 100,000 wait at most, then the oldest go before their time, and are counted.

    Parameters
    ----------
    lateness_seconds
        How much older than the newest row one may be that is still put in its place.
    most_rows
        So many wait at most.

    Attributes
    ----------
    n_rows
        How many wait.
    n_early
        How many had to go before their time.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.stream.readings import Readings
    >>> from amiss.stream.waiting import Waiting
    >>> waiting = Waiting(10.0)
    >>> def came(*times):
    ...     return Readings(None, np.array(times, float), {"a": [f"row {t}" for t in times]}, [])
    >>> waiting.push(came(0, 8, 5, 13), now=100.0).times
    array([0.])
    >>> waiting.push(came(3, 16), now=100.0).columns
    {'a': ['row 3', 'row 5']}
    >>> waiting.push(came(), now=111.0).times
    array([ 8., 13., 16.])
    """

    def __init__(self, lateness_seconds: float, most_rows: int = _MOST_ROWS) -> None:
        self.lateness_seconds, self.most_rows = lateness_seconds, most_rows
        self.n_rows = self.n_early = 0
        self._parts: list[_Part] = []
        self._newest = -np.inf

    def push(self, readings: Readings, now: float, *, last: bool = False) -> Readings:
        """Take in rows that came at `now`; gives those that need wait no longer, in order; all where these are last."""
        if readings.n_rows:
            self._newest = max(self._newest, float(readings.times.max()))
            self._parts.append(_Part(_in_order([readings]), 0, now))
            self.n_rows += readings.n_rows
        until = np.inf if last else self._until(now)
        found = self._let_go(until)
        if self.n_rows > self.most_rows:
            before = self.n_rows
            times = np.concatenate([part.readings.times[part.start :] for part in self._parts])
            early = self._let_go(float(np.partition(times, before - self.most_rows - 1)[before - self.most_rows - 1]))
            self.n_early += early.n_rows
            found = _in_order([found, early])
        if len(self._parts) > _MOST_PARTS:
            self._parts = [self._whole()]
        return found

    def _until(self, now: float) -> float:
        """Up to which time rows need wait no longer."""
        until = min(self._newest, now) - self.lateness_seconds
        for part in self._parts:
            # After a restart, or where the clock was set back, it is as if they had come now.
            part.came = now if part.came is None or part.came > now else part.came
            waited, newest = now - part.came, float(part.readings.times[-1])
            if waited >= self.lateness_seconds:
                # What is still ahead of the clock then is no longer ahead of its time: the clock was set back.
                until = max(until, newest if waited >= self.lateness_seconds + _AHEAD_SECONDS else min(newest, now))
        return until

    def _let_go(self, until: float) -> Readings:
        found = []
        for part in self._parts:
            end = int(np.searchsorted(part.readings.times, until, "right"))
            if end > part.start:
                found.append(part.readings.at(np.arange(part.start, end)))
                self.n_rows -= end - part.start
                part.start = end
        self._parts = [part for part in self._parts if part.n_rows]
        return _in_order(found)

    def resume(self, now: float, since: float) -> None:
        """Nobody has listened from `since` to `now`: what waits has not waited meanwhile."""
        for part in self._parts:
            part.came = None if part.came is None else min(part.came + max(now - since, 0.0), now)

    def _whole(self) -> _Part:
        rest = [part.readings.at(np.arange(part.start, part.readings.n_rows)) for part in self._parts]
        return _Part(_in_order(rest), 0, max((p.came for p in self._parts if p.came is not None), default=None))

    def state(self) -> dict[str, Any]:
        """The rows that wait, as arrays; when they came is not kept."""
        rest = self._whole().readings
        told = msgspec.json.encode([rest.entities, rest.columns])
        return {"times": rest.times, "rows": np.frombuffer(told, np.uint8), "newest": float(self._newest)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a `state`; ValueError if its parts do not fit together."""
        entities, columns = msgspec.json.decode(np.asarray(state["rows"], np.uint8).tobytes())
        times = np.array(state["times"], np.float64)
        of_columns = [entities] if entities is not None else []
        if any(len(values) != len(times) for values in [*of_columns, *columns.values()]):
            raise ValueError("the rows that wait do not fit together")
        self._newest, self.n_rows = float(state["newest"]), len(times)
        self._parts = [_Part(Readings(entities, times, columns, []), 0, None)] if len(times) else []


def _in_order(parts: Sequence[Readings]) -> Readings:
    """Rows of all parts, by time, then by the name of their entity, then as they came."""
    whole = _joined([part for part in parts if part.n_rows])
    times, names = whole.times, whole.entities
    if len(times) < 2:
        return whole
    order = np.argsort(times, kind="stable")
    if names is not None and bool((np.diff(times[order]) == 0).any()):
        order = np.array(sorted(range(len(times)), key=lambda i: (times[i], names[i])), np.intp)
    return whole if bool((np.diff(order) == 1).all()) else whole.at(order)


def _joined(parts: Sequence[Readings]) -> Readings:
    if len(parts) == 1:
        return Readings(parts[0].entities, parts[0].times, parts[0].columns, [])
    entities: list[str] | None = None
    if any(part.entities is not None for part in parts):
        entities = [name for part in parts for name in (part.entities or [""] * part.n_rows)]
    names = dict.fromkeys(name for part in parts for name in part.columns)
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for part in parts:
        for name in names:
            columns[name] += part.columns.get(name) or [None] * part.n_rows
    times = np.concatenate([part.times for part in parts]) if parts else np.zeros(0)
    return Readings(entities, times, columns, [])
