"""Live series as sets: columns of the store's history, read once and gone on with as rows come."""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import ParameterError
from amiss.io.files.sink import replaced
from amiss.server.problems import Problem
from amiss.server.sets.course import Course, Track, grown
from amiss.server.sets.facts import SetColumn, Usual, usual_numbers
from amiss.server.sets.library import SetView
from amiss.store.columns import HistoryColumns, SeriesRecord
from amiss.store.store import Store

__all__ = ["PREFIX", "LiveSet", "LiveSets"]

PREFIX = "live-"
_ID = re.compile(r"live-([0-9]{1,18})\Z")
_LATE_SECONDS = 300.0
"""Rows that come later than so are seen when all are read anew."""
_AGAIN_SECONDS = 1.0
_CHECK_SECONDS = 3600.0
"""So often it is looked whether rows came late, or are kept no more."""
_HOUR = 3600.0
_LONG = 100_000
"""Rows from which on a series is kept in a file: the store takes two seconds for a million of them."""
_MORE = 1.1
_MOST_WARM = 10_000
_MOST_VALUES = 60_000_000
"""Kept in memory for all series together: half a gigabyte."""
_LEAST_ROOM = 1024
_TIME = "time"

Vector = npt.NDArray[np.float64]


class LiveSet:
    """One series of the history.

    Parameters
    ----------
    store
        Where its rows are.
    record
        Whose they are.
    now
        Gives seconds that never go back.
    place
        File in which a long series is kept for the next server; None for none.
    """

    def __init__(
        self,
        store: Store,
        record: SeriesRecord,
        now: Callable[[], float] = time.monotonic,
        place: Path | None = None,
    ) -> None:
        self.record = record
        self._store, self._now, self._place = store, now, place
        self._n_saved = 0
        self._lock = threading.Lock()
        self._read_at = self._checked_at = -np.inf
        self._buffers: list[npt.NDArray[Any]] = []
        self._levels: dict[tuple[int, int], list[npt.NDArray[Any]]] = {}
        self._n = 0

    @property
    def n_values(self) -> int:
        """Values kept in memory."""
        return self._n * (len(self.record.columns) + 4)

    def fresh(self) -> LiveSet:
        """Itself, with the rows that have come since it was last asked."""
        with self._lock:
            now = self._now()
            if now - self._read_at < _AGAIN_SECONDS:
                return self
            if not self._n:
                self._load()
            check = now - self._checked_at >= _CHECK_SECONDS
            if (check and not self._is_true()) or not self._n:
                self._take(0, self._store.history_columns(self.record.id))
            else:
                since = float(self.times[-1]) - _LATE_SECONDS
                kept = int(np.searchsorted(self.times, since))
                self._take(kept, self._store.history_columns(self.record.id, since=since))
            self._checked_at = now if check else self._checked_at
            self._read_at = now
            self._save()
        return self

    def _is_true(self) -> bool:
        """Whether the rows in memory are those of the store, as far as its totals and its first and last row say."""
        if not self._n:
            return False
        now = next(iter(self._store.series(number=self.record.id)), None)
        if now is None or now.start is None or now.start < self.times[0]:
            return False
        self._drop(int(np.searchsorted(self.times, now.start)))
        last = self._store.history_columns(self.record.id, since=float(self.times[-1])) if self._n else None
        if last is None or not len(last.times) or last.times[0] != self.times[-1]:
            return False
        own = [self._column(4 + j)[-1] for j in range(len(self.record.columns))]
        hours = float(np.ceil(self.times[0] / _HOUR)) * _HOUR, float(np.floor(self.times[-1] / _HOUR) - 1) * _HOUR
        counted = self._store.counted(self.record.id, since=hours[0], until=hours[1])
        n_own = max(0, int(np.diff(np.searchsorted(self.times, hours))[0]))
        return bool(np.array_equal(last.values[0], own, equal_nan=True)) and counted == n_own

    def _drop(self, n: int) -> None:
        """Forget the first rows, which the store keeps no more."""
        if n:
            parts = [self._column(k)[n:].copy() for k in range(len(self._buffers))]
            rows = HistoryColumns(
                times=parts[0], scores=parts[1], p_values=parts[2], is_anomaly=parts[3],
                values=np.stack(parts[4:], axis=1) if len(parts) > 4 else np.empty((len(parts[0]), 0)),
            )  # fmt: skip
            self._take(0, rows)

    def _load(self) -> None:
        """Rows that an earlier server has kept; whether they are true is looked at after."""
        if self._place is None or not self._place.exists():
            return
        try:
            kept = np.load(self._place, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError):
            return
        if kept.ndim != 2 or kept.dtype != np.float64 or len(kept) != 4 + len(self.record.columns):
            return
        rows = HistoryColumns(
            times=kept[0], scores=kept[1], p_values=kept[2], is_anomaly=kept[3] > 0, values=kept[4:].T
        )
        self._take(0, rows)
        self._n_saved = self._n

    def _save(self) -> None:
        if self._place is None or self._n < max(_LONG, _MORE * self._n_saved):
            return
        with replaced(self._place) as aside, aside.open("wb") as out:
            np.save(out, np.stack([self._column(k) for k in range(len(self._buffers))], axis=0, dtype=np.float64))
        self._n_saved = self._n

    def _take(self, kept: int, rows: HistoryColumns) -> None:
        """Put rows after the first `kept`, and make what stands above the columns go on."""
        n = kept + len(rows.times)
        parts = [rows.times, rows.scores, rows.p_values, rows.is_anomaly, *rows.values.T]
        if not len(rows.times):
            parts = [np.empty(0)] * (4 + len(self.record.columns))
        if not self._buffers or n > len(self._buffers[0]):
            room = max(_LEAST_ROOM, n + n // 2)
            types = [np.float64, np.float64, np.float64, np.bool_] + [np.float64] * len(self.record.columns)
            before, self._buffers = self._buffers, [np.empty(room, kind) for kind in types]
            for old, new in zip(before, self._buffers, strict=False):
                new[:kept] = old[:kept]
        for buffer, part in zip(self._buffers, parts, strict=True):
            buffer[kept:n] = part
        self._n = n
        for k, extreme in self._drawn():
            levels = self._levels.get((k, extreme is np.fmax), [])
            self._levels[k, extreme is np.fmax] = grown(levels, self._column(k), kept, extreme)

    def _drawn(self) -> list[tuple[int, np.ufunc]]:
        columns = range(4, 4 + len(self.record.columns))
        return [(1, np.fmax), *((k, extreme) for k in columns for extreme in (np.fmin, np.fmax))]

    def _column(self, k: int) -> npt.NDArray[Any]:
        return self._buffers[k][: self._n]

    @property
    def times(self) -> Vector:
        """Seconds, ascending."""
        return self._column(0)

    @property
    def scores(self) -> Vector:
        """Anomaly scores."""
        return self._column(1)

    @property
    def p_values(self) -> Vector:
        """NaN where there was none."""
        return self._column(2)

    @property
    def flags(self) -> npt.NDArray[np.bool_]:
        """Which rows raise an alarm."""
        return self._column(3)

    def values(self, rows: Sequence[int]) -> list[dict[str, float | str | None]]:
        """What some rows hold, by the names of the columns."""
        columns = [self._column(4 + j)[list(rows)].tolist() for j in range(len(self.record.columns))]
        names = self.record.columns
        return [
            {name: x if x == x else None for name, x in zip(names, row, strict=True)}
            for row in zip(*columns, strict=True)
        ]

    def course(self, names: list[str], entity: str | None = None) -> Course:
        """What is drawn of some columns; an entity other than its own is none of it.

        Raises
        ------
        ParameterError
            There is no such column or entity.
        """
        if entity is not None and entity != self.record.entity:
            raise ParameterError(f"there is no entity {entity[:100]!r} in this set", where="entity")
        tracks = {name: self.track(name) for name in names}
        scores = [self._column(1), *self._levels.get((1, True), [])]
        return Course(self.times, 0, self._n, tracks, scores, np.flatnonzero(self.flags))

    def track(self, name: str) -> Track:
        """A column that can be drawn."""
        if name not in self.record.columns:
            raise ParameterError(f"there is no column of numbers {name[:100]!r}", where="columns")
        k = 4 + self.record.columns.index(name)
        x = self._column(k)
        return Track([x, *self._levels[k, False]], [x, *self._levels[k, True]])

    def usual(self, name: str) -> Usual:
        """What a column mostly holds."""
        return usual_numbers(self.track(name).lows[0])

    def view(self) -> SetView:
        """As the API tells of it, by the rows that are in memory."""
        there = self._n > 0
        ends = (float(self.times[0]), float(self.times[-1])) if there else (None, None)
        return _view(self.record, self._n, int(self.flags.sum()) if there else 0, ends)


class LiveSets:
    """All series of a store's history.

    Parameters
    ----------
    store
        The store.
    folder
        Where long series are kept for the next server, so that their first picture does not wait for the store; None
        for nowhere. It belongs to this store.
    now
        Gives seconds that never go back.
    """

    def __init__(self, store: Store, folder: Path | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._store, self._folder, self._now = store, folder, now
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._open: OrderedDict[int, LiveSet] = OrderedDict()

    def listed(self, *, limit: int = 100, offset: int = 0) -> list[SetView]:
        """Some of the series, by the totals that the store has made of them."""
        found = self._store.series(limit=limit, offset=offset)
        return [_view(each, each.n_rows, each.n_anomalies, (each.start, each.stop)) for each in found]

    def warm(self) -> int:
        """Read the long series of which nothing is kept yet, so that nobody waits for them; how many there were."""
        n_read = 0
        for record in self._store.series(limit=_MOST_WARM) if self._folder is not None else []:
            place = None if self._folder is None else self._folder / f"{PREFIX}{record.id}.npy"
            if place is not None and record.n_rows >= _LONG and not place.exists():
                LiveSet(self._store, record, self._now, place).fresh()
                n_read += 1
        return n_read

    def get(self, set_id: str) -> LiveSet:
        """One series with the rows of this second; the one asked for longest ago is forgotten where there are too many.

        Raises
        ------
        Problem
            There is none of this id (404).
        """
        found = _ID.match(set_id)
        records = self._store.series(number=int(found[1])) if found and int(found[1]) not in self._open else []
        with self._lock:
            number = int(found[1]) if found else -1
            if records and number not in self._open:
                place = None if self._folder is None else self._folder / f"{PREFIX}{number}.npy"
                self._open[number] = LiveSet(self._store, records[0], self._now, place)
            if number not in self._open:
                raise Problem(404, "there is no such set", where=set_id[:64], mend="GET /api/sets lists them")
            self._open.move_to_end(number)
            live = self._open[number]
        live.fresh()
        with self._lock:
            while len(self._open) > 1 and sum(each.n_values for each in self._open.values()) > _MOST_VALUES:
                self._open.popitem(last=False)
        return live


def _view(record: SeriesRecord, n_rows: int, n_anomalies: int, ends: tuple[float | None, float | None]) -> SetView:
    name = record.source if record.entity is None else f"{record.source}: {record.entity}"
    return SetView(
        id=f"{PREFIX}{record.id}", name=name, kind="live", state="ready", progress=1.0, message="",
        created=ends[0] or 0.0, n_rows=n_rows, n_anomalies=n_anomalies,
        columns=[SetColumn(_TIME, "time"), *(SetColumn(column, "number") for column in record.columns)],
        time_column=_TIME, entities=[] if record.entity is None else [record.entity], start=ends[0], stop=ends[1],
        label_source=record.source,
    )  # fmt: skip
