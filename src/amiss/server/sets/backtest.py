"""What would have raised an alarm at another threshold: the peaks of rows that were rare, by how rare they were."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.server.sets.files import SavedSet
from amiss.server.sets.library import SetLibrary, SetView
from amiss.server.sets.listing import entity_of
from amiss.server.sets.verdicts import Verdicts
from amiss.store.store import Store

__all__ = ["Backtest", "Backtests", "Peak", "peaks_of"]

_DAY = 86_400.0
_DAYS = 30.0
_RAREST = 0.02
"""p-value up to which a row can be a peak at all."""
_MOST_PEAKS = 5000
_MOST_ROWS = 50_000
_MOST_EVENTS = 5000
_MOST_SETS = 20
_STEPS = 5.0
"""Usual intervals between two rare rows up to which they are one peak."""
_SHORTEST = 60.0
_KEPT_SECONDS = 30.0
_HIGHEST = 300.0

Peak = tuple[str | None, float, float, str | None, str | None]
"""Entity, time, level, id of the event, and what was said of it."""


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """One detector, and what its threshold does.

    Attributes
    ----------
    source
        Name of the source or set.
    set_id
        Of a set; None for a live source.
    judge, asked, reached
        What judges, and what was promised and reached, in words; `reached` None where that is not known.
    days
        From the first row looked at to the last; None where rows have no time.
    threshold
        In levels, −log10 of the p-value: peaks at or above it raise an alarm.
    peaks
        At most 5,000, the strongest first.
    n_rows
        How many rows there were.
    """

    source: str
    set_id: str | None
    judge: str
    asked: str
    reached: str | None
    days: float | None
    threshold: float
    peaks: list[Peak]
    n_rows: int


def peaks_of(
    groups: npt.NDArray[np.int64], times: npt.NDArray[np.float64], levels: npt.NDArray[np.float64], gap: float
) -> npt.NDArray[np.int64]:
    """Positions of the highest row of each stretch of rows of one group that are no further than `gap` apart.

    Parameters
    ----------
    groups, times, levels : (n_rows,)
        Ascending by group, and within it by time.
    gap
        In the unit of the times.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.server.sets.backtest import peaks_of
    >>> peaks_of(np.array([0, 0, 0, 1]), np.array([1.0, 2.0, 50.0, 51.0]), np.array([3.0, 4.0, 2.5, 5.0]), gap=5.0)
    array([1, 2, 3])
    """
    if not len(times):
        return np.empty(0, np.int64)
    begins = np.append(True, (np.diff(groups) != 0) | (np.diff(times) > gap))
    stretch = np.cumsum(begins) - 1
    order = np.lexsort((-levels, stretch))
    first = np.append(True, np.diff(stretch[order]) != 0)
    return np.sort(order[first])


class Backtests:
    """Backtests of live sources and of sets, each made anew at most every half minute.

    Parameters
    ----------
    store
        Where history, events and labels are; None for none.
    library
        The sets.
    clock
        Gives the seconds since 1970.
    """

    def __init__(self, store: Store | None, library: SetLibrary, clock: Callable[[], float]) -> None:
        self._store, self._library, self._clock = store, library, clock
        self._lock = threading.Lock()
        self._made: dict[str, tuple[float, Backtest | None]] = {}

    def all(self) -> list[Backtest]:
        """Of each live source, then of each set that is ready, the newest first."""
        found = [self._kept(name, partial(self._live, name)) for name in self._sources()]
        ready = [view for view in self._library.listed(limit=_MOST_SETS) if view.state == "ready"]
        found += [self._kept(f"set {view.id}", partial(self._of_set, view)) for view in ready]
        return [each for each in found if each is not None]

    def _kept(self, key: str, make: Callable[[], Backtest | None]) -> Backtest | None:
        now = self._clock()
        with self._lock:
            made_at, made = self._made.get(key, (-math.inf, None))
            if not 0 <= now - made_at < _KEPT_SECONDS:
                made = make()
                self._made[key] = now, made
        return made

    def _sources(self) -> list[str]:
        if self._store is None:
            return []
        known = [watch.source for watch in self._store.watches()]
        return list(dict.fromkeys([*known, *self._store.sources()]))

    def _live(self, source: str) -> Backtest | None:
        assert self._store is not None
        since = self._clock() - _DAYS * _DAY
        kept = self._store.hours_of(source, since=since) or self._store.hours_of(source)
        if kept is not None and kept[1] - _DAYS * _DAY < since:
            # Of what has ended, the last month that there is.
            since = kept[1] - _DAYS * _DAY
            kept = self._store.hours_of(source, since=since)
        if kept is None:
            return None
        begin, end, n_rows = max(kept[0], since), kept[1], kept[2]
        names = self._store.entities_of(source)
        gap = max(_SHORTEST, _STEPS * (end - begin) * len(names) / max(n_rows, 1))
        rows = self._store.rare_rows(source, since=since, most=_RAREST, limit=_MOST_ROWS)
        levels = _levels(rows.p_values)
        places = peaks_of(rows.series, rows.times, levels, gap)
        places = places[np.argsort(-levels[places], kind="stable")]
        flagged = _flagged(rows.series, rows.times, rows.is_anomaly, rows.series[places], rows.times[places], gap)
        told = _Told(self._store, source, since, gap)
        peaks = [told.peak(names.get(int(rows.series[k])), float(rows.times[k]), float(levels[k]))
                 for k in places[:_MOST_PEAKS]]  # fmt: skip
        watch = next((each for each in self._store.watches() if each.source == source), None)
        days = max((end - begin) / _DAY, 1 / 24)
        return Backtest(
            source=source, set_id=None, judge=watch.judge if watch else "", asked=watch.asked if watch else "",
            reached=f"{int(flagged.sum()) / days:.3g} alarms a day", days=days,
            threshold=_threshold(levels[places], flagged), peaks=peaks, n_rows=n_rows,
        )  # fmt: skip

    def _of_set(self, view: SetView) -> Backtest | None:
        saved = self._library.saved(view.id)
        facts = saved.facts
        if facts.kind == "network":
            # What hosts do is no question of one threshold.
            return None
        rows = np.asarray(saved.ranking[:_MOST_ROWS])
        p_values = np.asarray(saved.p_values[rows], np.float64)
        rows = rows[(p_values <= _RAREST) | saved.flags[rows]]
        verdicts = Verdicts(self._store.labels(source=view.label_source) if self._store is not None else [])
        places = rows if saved.places is None else saved.places[rows]
        order = np.argsort(places, kind="stable")
        rows, places = rows[order], places[order]
        times, levels = saved.times[places], _levels(saved.p_values[rows])
        highest = np.arange(len(rows))
        if facts.kind == "series" and facts.start is not None and facts.stop is not None:
            interval = (facts.stop - facts.start) * max(len(facts.groups), 1) / max(facts.n_rows, 1)
            highest = peaks_of(_groups(saved, places), times, levels, _STEPS * interval)
        highest = highest[np.argsort(-levels[highest], kind="stable")]
        peaks: list[Peak] = []
        for k in highest[:_MOST_PEAKS].tolist():
            entity, row = entity_of(saved, int(rows[k])), int(rows[k])
            verdict = verdicts.of(entity, float(times[k]) if facts.timed else None, str(row))
            peaks.append((entity, float(times[k]), float(levels[k]), None, verdict))
        days = (facts.stop - facts.start) / _DAY if facts.timed and facts.start is not None and facts.stop else None
        cut = _threshold(levels[highest], saved.flags[rows[highest]])
        reached = None if facts.reached is None else f"{100 * facts.reached:.3g}% of the calibration rows"
        return Backtest(
            source=view.name, set_id=view.id, judge=facts.detector, asked=facts.asked, reached=reached, days=days,
            threshold=cut, peaks=peaks, n_rows=facts.n_rows,
        )  # fmt: skip


class _Told:
    """Events and labels of a source, by entity."""

    def __init__(self, store: Store, source: str, since: float, gap: float) -> None:
        self._verdicts = Verdicts(store.labels(source=source))
        self._ids: dict[str | None, list[str]] = {}
        spans: dict[str | None, list[tuple[float, float]]] = {}
        for event in store.events(source=source, since=since, limit=_MOST_EVENTS):
            end = event.updated if event.ended is None else event.ended
            self._ids.setdefault(event.entity, []).append(event.id)
            spans.setdefault(event.entity, []).append((event.opened - gap, end + gap))
        self._spans = {entity: np.array(found) for entity, found in spans.items()}

    def peak(self, entity: str | None, time: float, level: float) -> Peak:
        """A peak with the event that it is of, and what was said of it."""
        return entity, time, level, self._event(entity, time), self._verdicts.of(entity, time)

    def _event(self, entity: str | None, time: float) -> str | None:
        spans = self._spans.get(entity)
        if spans is None:
            return None
        here = np.flatnonzero((spans[:, 0] <= time) & (time <= spans[:, 1]))
        return self._ids[entity][int(here[0])] if len(here) else None


def _flagged(
    series: npt.NDArray[Any], times: npt.NDArray[Any], flags: npt.NDArray[Any], of: npt.NDArray[Any],
    at: npt.NDArray[Any], gap: float,
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """Whether a row within reach of each peak raised an alarm."""
    alarms = np.flatnonzero(flags)
    found = np.zeros(len(of), np.bool_)
    for number in np.unique(series[alarms]):
        own = times[alarms[series[alarms] == number]]
        here = np.flatnonzero(of == number)
        after = np.searchsorted(own, at[here] - gap)
        found[here] = (after < len(own)) & (own[np.minimum(after, len(own) - 1)] <= at[here] + gap)
    return found


def _threshold(levels: npt.NDArray[np.float64], flagged: npt.NDArray[np.bool_]) -> float:
    """The level above which there are as many peaks as raised an alarm; `levels` descend."""
    n = int(flagged.sum())
    if not len(levels):
        return -math.log10(_RAREST)
    return float(levels[n - 1]) if n else float(levels[0]) + 0.01


def _levels(p_values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    known = np.nan_to_num(p_values, nan=1.0)
    return np.asarray(np.abs(np.log10(np.maximum(known, 10.0**-_HIGHEST))), np.float64)


def _groups(saved: SavedSet, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    firsts = np.array([group.first for group in saved.facts.groups] or [0])
    return np.searchsorted(firsts, places, side="right") - 1
