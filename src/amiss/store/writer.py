"""One transaction of writing: all of it is kept, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from amiss.core.notification import Notification
from amiss.store.json_text import clean_text, to_json
from amiss.store.records import DeadLetter, EventRecord, HistoryBatch, SilenceRecord
from amiss.store.series import Series, SeriesWriter
from amiss.store.watches import WatchRecord

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["Writer", "row_of"]

_LARGEST = 2**63 - 1
_N_DEAD_LETTERS = 10_000
_BODY_BYTES = 4096


def row_of(record: msgspec.Struct) -> dict[str, Any]:
    """A record's fields as every database takes them.

    NaN becomes none, whole numbers stay within 64 bits, structures become JSON.
    """
    return {name: _kept(getattr(record, name)) for name in record.__struct_fields__}


def _kept(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return None if value != value else value
    if isinstance(value, int):
        return max(-_LARGEST, min(int(value), _LARGEST))
    return value if value is None or isinstance(value, bytes) else to_json(value)


class Writer:
    """What `Store.writing` hands out: what is put lies in the store once the block has ended without an error."""

    def __init__(self, connection: Connection, series: Series) -> None:
        self._connection = connection
        self._series = series
        self._history: SeriesWriter | None = None

    def put_events(self, events: Iterable[EventRecord]) -> None:
        """Write events, each in the place of an older state of itself; who acknowledged it stays."""
        self._put(
            "EVENTS", [row_of(event) for event in events], keys=("id",), keep=("acknowledged_by", "acknowledged_at")
        )

    def put_alarm_states(self, states: Mapping[str, Any]) -> None:
        """Write the life cycle of alarms by fingerprint; None takes one away."""
        kept = {clean_text(fingerprint): state for fingerprint, state in states.items()}
        self._delete("ALARMS", "fingerprint", [name for name, state in kept.items() if state is None])
        rows = [{"fingerprint": name, "state": to_json(state)} for name, state in kept.items() if state is not None]
        self._put("ALARMS", rows, keys=("fingerprint",))

    def queue(self, notifications: Iterable[Notification], sinks: Sequence[str], now: float) -> int:
        """Put notifications into the outbox, once for each sink; those that are there already stay as they are.

        Returns
        -------
        int
            How many were new.
        """
        rows = [
            {"id": clean_text(f"{notification.id}@{sink}"), "sink": clean_text(sink), "notification": text,
             "fingerprint": clean_text(notification.fingerprint), "state": "waiting", "n_tries": 0, "due_at": now,
             "last_error": "", "created": now}
            for notification in notifications
            for text in (to_json(notification),)
            for sink in sinks
        ]  # fmt: skip
        if not rows:
            return 0
        from amiss.store.tables import DELIVERIES

        insert = _insert(self._connection.dialect.name)(DELIVERIES).on_conflict_do_nothing(index_elements=["id"])
        return len(self._connection.execute(insert.returning(DELIVERIES.c.id), rows).all())

    def put_silences(self, silences: Iterable[SilenceRecord]) -> None:
        """Write silences, each in the place of one with its id; what it has hidden so far stays counted."""
        self._put("SILENCES", [row_of(silence) for silence in silences], keys=("id",), keep=("n_hidden",))

    def count_hidden(self, hidden: Mapping[str, int]) -> None:
        """Add to what silences have hidden, by their ids."""
        from sqlalchemy import bindparam, update

        from amiss.store.tables import SILENCES

        if rows := [{"silence": clean_text(name), "more": more} for name, more in hidden.items()]:
            added = update(SILENCES).where(SILENCES.c.id == bindparam("silence"))
            self._connection.execute(added.values(n_hidden=SILENCES.c.n_hidden + bindparam("more")), rows)

    def put_watch(self, watch: WatchRecord) -> None:
        """Write how a watch is doing, in the place of what it said before."""
        row = {"source": clean_text(watch.source), "seen_at": watch.seen_at, "body": to_json(watch)}
        self._put("WATCHES", [row], keys=("source",))

    def put_history(self, batch: HistoryBatch) -> None:
        """Write scored rows; those of a time that was taken away already are left out, as are those without a time."""
        self._history = self._history or SeriesWriter(self._connection, self._series)
        self._history.put(batch)

    def put_dead_letters(self, letters: Iterable[DeadLetter]) -> None:
        """Keep records that were not understood, the last 10,000 of them, of each its first 4,096 bytes."""
        rows = [
            row_of(letter) | {"body": letter.body[:_BODY_BYTES], "size_bytes": max(letter.size_bytes, len(letter.body))}
            for letter in letters
        ][-_N_DEAD_LETTERS:]
        if not rows:
            return
        from sqlalchemy import delete, func, insert, select

        from amiss.store.tables import DEAD_LETTERS

        self._connection.execute(insert(DEAD_LETTERS), rows)
        last = self._connection.scalar(select(func.max(DEAD_LETTERS.c.place))) or 0
        self._connection.execute(delete(DEAD_LETTERS).where(DEAD_LETTERS.c.place <= last - _N_DEAD_LETTERS))

    def kept(self) -> None:
        """Called once the transaction is safe."""
        if self._history is not None:
            self._history.kept()

    def _put(self, name: str, rows: list[dict[str, Any]], *, keys: tuple[str, ...], keep: tuple[str, ...] = ()) -> None:
        """Rows into a table, named as in `tables`, in place of those with the same keys, which keep `keep` if there."""
        if not rows:
            return
        from sqlalchemy import func

        table = _table(name)
        insert = _insert(self._connection.dialect.name)(table)
        changed = {column: insert.excluded[column] for column in rows[0] if column not in keys}
        changed |= {column: func.coalesce(table.c[column], insert.excluded[column]) for column in keep}
        self._connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed), rows)

    def _delete(self, table: str, key: str, values: list[str]) -> None:
        if not values:
            return
        from sqlalchemy import bindparam, delete

        target = _table(table)
        self._connection.execute(delete(target).where(target.c[key] == bindparam("one")), [{"one": v} for v in values])


def _table(name: str) -> Table:
    from amiss.store import tables

    table: Table = getattr(tables, name)
    return table


def _insert(dialect: str) -> Any:
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert
    from sqlalchemy.dialects.postgresql import insert

    return insert
