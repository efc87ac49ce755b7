"""The outbox: notifications on their way to sinks."""

from __future__ import annotations

from typing import Any

import msgspec

from amiss.core.notification import Notification
from amiss.store.json_text import clean_text, from_json
from amiss.store.records import DeliveryRecord, DeliveryState
from amiss.store.room import Room

__all__ = ["Outbox"]


class Outbox(Room):
    """What is to be told, what was, and what could not be."""

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

    def deliveries_of(self, notification_id: str) -> list[DeliveryRecord]:
        """Deliveries of one notification, to all of its sinks."""
        from sqlalchemy import select

        from amiss.store.tables import DELIVERIES

        first = clean_text(f"{notification_id}@")
        which = DELIVERIES.c.id.startswith(first, autoescape=True)
        return [_delivery(row) for row in self._rows(select(DELIVERIES).where(which).order_by(DELIVERIES.c.place))]

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


def _delivery(row: dict[str, Any]) -> DeliveryRecord:
    notification = msgspec.convert(from_json(row["notification"]), Notification)
    kept = {name: row[name] for name in DeliveryRecord.__struct_fields__}
    return DeliveryRecord(**kept | {"notification": notification})
