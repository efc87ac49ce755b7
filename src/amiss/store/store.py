"""Store: what is kept for years, in a file (SQLite) or in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import nan
from pathlib import Path
from typing import Any

import msgspec

from amiss.core.notification import Notification
from amiss.store.database import Database
from amiss.store.json_text import clean_text, from_json
from amiss.store.records import DeliveryRecord, DeliveryState, EventRecord, EventState, SilenceRecord
from amiss.store.writer import Writer

__all__ = ["Store"]


class Store:
    """Events, alarms, deliveries and silences; whoever asks gives the time, as the store has no clock.

    Any thread may use it. One writes at a time, in this process and in others; readers wait for nobody.

    Parameters
    ----------
    database
        As `Store.open` makes it.

    Raises
    ------
    StoreError
        Whatever the database refuses: a disk that is full, a file that is locked or damaged, a server that is away.
        Nothing is then half written.

    Examples
    --------
    >>> import tempfile
    >>> from amiss.store import Store
    >>> from amiss.store.records import EventRecord
    >>> folder = tempfile.TemporaryDirectory()
    >>> spike = EventRecord(id="e1", source="demo", kind="spike", opened=60.0, updated=61.0, fingerprint="f1")
    >>> with Store.open(folder.name + "/alarms.db") as store:
    ...     with store.writing() as writer:
    ...         writer.put_events([spike])
    ...     print(store.acknowledge("e1", who="kim", now=90.0), store.events(state="firing")[0].acknowledged_by)
    True kim
    >>> folder.cleanup()
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, place: str | Path, *, wait_seconds: float = 10.0) -> Store:
        """Open a store, make it if it is not there, and bring it to this version.

        Parameters
        ----------
        place
            Path of a file; or URL: sqlite:///path, postgresql://user:password@host:port/database.
        wait_seconds
            How long to wait for another process that writes before it is an error.

        Raises
        ------
        StoreError
            It cannot be opened, or a newer version of `amiss` made it.
        MissingExtraError
            SQLAlchemy or psycopg is not installed.
        """
        database = Database(place, wait_seconds)
        try:
            database.upgrade()
        except BaseException:
            database.close()
            raise
        return cls(database)

    @property
    def name(self) -> str:
        """Where it lies, without a password."""
        return self._database.name

    def close(self) -> None:
        """Let go of the database; may be called twice."""
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """One transaction: what is put inside is kept when the block ends, and nothing of it if it raises."""
        with self._database.writing() as connection:
            yield Writer(connection)

    def events(
        self,
        *,
        state: EventState | None = None,
        since: float | None = None,
        until: float | None = None,
        entity: str | None = None,
        source: str | None = None,
        limit: int = 100,
        after: tuple[float, str] | None = None,
    ) -> list[EventRecord]:
        """Events, the one opened last first.

        Parameters
        ----------
        state, entity, source
            Only those; None for all.
        since, until
            Only those that changed at or after `since`, and opened before `until`, in seconds.
        limit
            At most so many.
        after
            `(opened, id)` of the last event of the page before: go on behind it.
        """
        from sqlalchemy import select, tuple_

        from amiss.store.tables import EVENTS

        columns = EVENTS.c
        query = select(EVENTS).order_by(columns.opened.desc(), columns.id.desc()).limit(limit)
        for name, wanted in (("state", state), ("entity", entity), ("source", source)):
            if wanted is not None:
                query = query.where(columns[name] == clean_text(wanted))
        if since is not None:
            query = query.where(columns.updated >= since)
        if until is not None:
            query = query.where(columns.opened < until)
        if after is not None:
            query = query.where(tuple_(columns.opened, columns.id) < (after[0], clean_text(after[1])))
        return [_event(row) for row in self._rows(query)]

    def event(self, event_id: str) -> EventRecord | None:
        """The event with this id; None where there is none."""
        from sqlalchemy import select

        from amiss.store.tables import EVENTS

        rows = self._rows(select(EVENTS).where(EVENTS.c.id == clean_text(event_id)))
        return _event(rows[0]) if rows else None

    def acknowledge(self, event_id: str, who: str, now: float) -> bool:
        """Note who has taken an event on; the first stays. False where there is no such event or it was taken."""
        from sqlalchemy import update

        from amiss.store.tables import EVENTS

        free = (EVENTS.c.id == clean_text(event_id)) & EVENTS.c.acknowledged_at.is_(None)
        return self._changed(update(EVENTS).where(free).values(acknowledged_by=clean_text(who), acknowledged_at=now))

    def alarm_states(self) -> dict[str, Any]:
        """The life cycle of all alarms by fingerprint, as `put_alarm_states` was given it."""
        from sqlalchemy import select

        from amiss.store.tables import ALARMS

        return {row["fingerprint"]: from_json(row["state"]) for row in self._rows(select(ALARMS))}

    def silences(self, *, active_at: float | None = None) -> list[SilenceRecord]:
        """Silences, the one that ends first first; only those that hold at a time, where one is given."""
        from sqlalchemy import select

        from amiss.store.tables import SILENCES

        query = select(SILENCES).order_by(SILENCES.c.ends, SILENCES.c.id)
        if active_at is not None:
            query = query.where((SILENCES.c.starts <= active_at) & (SILENCES.c.ends > active_at))
        return [SilenceRecord(**row) for row in self._rows(query)]

    def end_silence(self, silence_id: str, now: float) -> bool:
        """Let a silence end now; False where there is none that goes on."""
        from sqlalchemy import update

        from amiss.store.tables import SILENCES

        going = (SILENCES.c.id == clean_text(silence_id)) & (SILENCES.c.ends > now)
        return self._changed(update(SILENCES).where(going).values(ends=now))

    def due_deliveries(self, now: float, limit: int = 100) -> list[DeliveryRecord]:
        """Deliveries to be tried now, the oldest first; of one alarm and sink only the oldest that waits.

        So the end of an alarm never overtakes its beginning, which waits for its next try.
        """
        from sqlalchemy import exists, select

        from amiss.store.tables import DELIVERIES

        older, columns = DELIVERIES.alias(), DELIVERIES.c
        same = (older.c.sink == columns.sink) & (older.c.fingerprint == columns.fingerprint)
        waits_before = exists().where((older.c.state == "waiting") & same & (older.c.place < columns.place))
        due = (columns.state == "waiting") & (columns.due_at <= now) & ~waits_before
        return [
            _delivery(row) for row in self._rows(select(DELIVERIES).where(due).order_by(columns.place).limit(limit))
        ]

    def deliveries(self, *, state: DeliveryState | None = None, limit: int = 100) -> list[DeliveryRecord]:
        """Deliveries, the one queued last first; only those of one state, where one is given."""
        from sqlalchemy import select

        from amiss.store.tables import DELIVERIES

        query = select(DELIVERIES).order_by(DELIVERIES.c.place.desc()).limit(limit)
        if state is not None:
            query = query.where(DELIVERIES.c.state == state)
        return [_delivery(row) for row in self._rows(query)]

    def mark_delivered(self, delivery_id: str, now: float) -> bool:
        """A delivery has arrived. False where there is none that waits by this id."""
        return self._tried(delivery_id, state="delivered", delivered_at=now, last_error="")

    def mark_failed(self, delivery_id: str, reason: str, due_at: float | None) -> bool:
        """A try has failed: the next is at `due_at`, or None gives it up. False where there is none that waits."""
        failed = {"last_error": clean_text(reason)}
        return self._tried(delivery_id, **failed, **({"state": "dead"} if due_at is None else {"due_at": due_at}))

    def revive(self, delivery_id: str, now: float) -> bool:
        """Try again, from now on, what was given up. False where nothing was."""
        from sqlalchemy import update

        from amiss.store.tables import DELIVERIES

        dead = (DELIVERIES.c.id == clean_text(delivery_id)) & (DELIVERIES.c.state == "dead")
        return self._changed(update(DELIVERIES).where(dead).values(state="waiting", due_at=now))

    def _tried(self, delivery_id: str, **values: Any) -> bool:
        from sqlalchemy import update

        from amiss.store.tables import DELIVERIES

        waits = (DELIVERIES.c.id == clean_text(delivery_id)) & (DELIVERIES.c.state == "waiting")
        return self._changed(update(DELIVERIES).where(waits).values(n_tries=DELIVERIES.c.n_tries + 1, **values))

    def _rows(self, query: Any) -> list[dict[str, Any]]:
        with self._database.reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def _changed(self, statement: Any) -> bool:
        with self._database.writing() as connection:
            return bool(connection.execute(statement).rowcount)


def _event(row: dict[str, Any]) -> EventRecord:
    score = nan if row["score"] is None else row["score"]
    return EventRecord(**row | {"score": score, "body": from_json(row["body"])})


def _delivery(row: dict[str, Any]) -> DeliveryRecord:
    notification = msgspec.convert(from_json(row["notification"]), Notification)
    kept = {name: row[name] for name in DeliveryRecord.__struct_fields__}
    return DeliveryRecord(**kept | {"notification": notification})
