"""One event, with what is like it, what was said of it, and what else happened there."""

from __future__ import annotations

from typing import Any

from amiss.server.shown import event_shown, label_shown
from amiss.server.triage import Triage
from amiss.store.records import EventRecord
from amiss.store.store import Store

__all__ = ["event_view"]

_AROUND = 5.0
_LEAST_SECONDS = 1_800.0
_MOST_NEAR = 12


def event_view(store: Store, triage: Triage, event_id: str) -> dict[str, Any]:
    """What the page of an event shows.

    Raises
    ------
    Problem
        There is no such event.
    """
    item = triage.item(event_id)
    event, silenced = item.event, triage.silenced()
    start, end = _around(event)
    near = [
        {"id": e.id, "kind": e.kind, "opened": e.opened, "reason": e.reason}
        for e in store.events(source=event.source, entity=event.entity, since=start, until=end, limit=_MOST_NEAR + 1)
        if e.id != event.id and e.entity == event.entity
    ][:_MOST_NEAR]
    labels = store.labels(source=event.source, entity=event.entity, since=event.opened, until=event.updated + 1.0)
    return {
        "event": event_shown(item, silenced.get(event_id)),
        "similar": [
            {"event": event_shown(triage.item(each.event.id), silenced.get(each.event.id)), "why": each.why}
            for each in triage.similar(event_id)
        ],
        "labels": [label_shown(label) for label in labels if label.entity == event.entity],
        "near": near,
        "series": _series(store, event, start, end),
    }


def _around(event: EventRecord) -> tuple[float, float]:
    """The event with room before and after, so that one sees what was usual."""
    ended = event.updated if event.ended is None else event.ended
    room = max(_AROUND * (ended - event.opened), _LEAST_SECONDS)
    return event.opened - room, ended + room


def _series(store: Store, event: EventRecord, start: float, end: float) -> dict[str, Any] | None:
    """Where its readings are to be had, where they are kept."""
    kept = store.series_of(event.source, event.entity)
    if not kept:
        return None
    known = kept[-1].columns
    blamed = [column for column in dict(event.body.get("values") or {}) if column in known]
    columns = blamed + [column for column in known if column not in blamed]
    return {"set_id": f"live-{kept[-1].id}", "columns": columns, "from": start, "to": end}
