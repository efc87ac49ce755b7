"""Events, the life cycle of alarms, and silences."""

from __future__ import annotations

from math import nan
from typing import Any

from amiss.store.json_text import clean_text, from_json
from amiss.store.records import EventRecord, EventState, SilenceRecord
from amiss.store.room import Room

__all__ = ["Events"]


class Events(Room):
    """What has happened, what goes on, and what nobody is to be told of."""

    def events(
        self,
        *,
        state: EventState | None = None,
        since: float | None = None,
        until: float | None = None,
        entity: str | None = None,
        source: str | None = None,
        kind: str | None = None,
        limit: int = 100,
        offset: int = 0,
        after: tuple[float, str] | None = None,
    ) -> list[EventRecord]:
        """Events, the one opened last first.

        Parameters
        ----------
        state, entity, source, kind
            Only those; None for all.
        since, until
            Only those that changed at or after `since`, and opened before `until`, in seconds.
        limit, offset
            At most so many, after leaving out so many.
        after
            `(opened, id)` of the last event of the page before: go on behind it.
        """
        from sqlalchemy import select, tuple_

        from amiss.store.tables import EVENTS

        columns = EVENTS.c
        query = select(EVENTS).order_by(columns.opened.desc(), columns.id.desc()).limit(limit).offset(offset)
        for name, wanted in (("state", state), ("entity", entity), ("source", source), ("kind", kind)):
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


def _event(row: dict[str, Any]) -> EventRecord:
    score = nan if row["score"] is None else row["score"]
    return EventRecord(**row | {"score": score, "body": from_json(row["body"])})
