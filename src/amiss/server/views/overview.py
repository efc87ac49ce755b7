"""Swim lanes: entities by time, coloured by severity."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from amiss.server.triage import Triage
from amiss.server.views.sources import sources_view
from amiss.store.records import EventRecord
from amiss.store.store import Store

__all__ = ["overview_view"]

_DAY = 86_400.0
_MOST_LANES, _MOST_MARKS = 200, 5_000
_GRAVE = {"critical": 3, "error": 2, "warning": 1, "info": 0}


def overview_view(store: Store, triage: Triage, now: float, start: float | None, end: float | None) -> dict[str, Any]:
    """Events of a span, by entity; the lanes with the gravest first.

    Parameters
    ----------
    store, triage
        Where events are, and which of them are hidden.
    now
        What time it is, in seconds.
    start, end
        The span, in seconds; None for the last day, or back to the first of the latest events where that is longer ago.
    """
    events = [event for event in triage.events() if event.id not in triage.silenced()]
    if start is None or end is None:
        start, end = _span(events, now)
    inside = [e for e in events if e.opened <= end and (e.ended is None or e.ended >= start)]
    inside = sorted(inside, key=lambda event: -event.opened)[:_MOST_MARKS]
    lanes: dict[tuple[str, str | None], list[EventRecord]] = defaultdict(list)
    for event in inside:
        lanes[event.source, event.entity].append(event)
    order = sorted(lanes.items(), key=lambda lane: (-_worst(lane[1]), -len(lane[1]), str(lane[0])))[:_MOST_LANES]
    firing = [event for event in events if event.state != "resolved"]
    return {
        "from": start, "to": end, "now": now,
        "lanes": [_lane(source, entity, of) for (source, entity), of in order],
        "counts": {
            "open": len(firing), "today": sum(event.opened >= now - _DAY for event in events),
            "by_severity": dict(Counter(event.severity for event in firing)),
            "entities": len({(event.source, event.entity) for event in events}),
            "to_judge": triage.state()["n_left"],
        },
        "sources": sources_view(store, now)["items"],
    }  # fmt: skip


def _span(events: list[EventRecord], now: float) -> tuple[float, float]:
    """The last day; where nothing happened in it, the day of the latest event; a little room at the end."""
    latest = max((event.updated for event in events), default=now)
    end = now if latest >= now - _DAY else latest
    first = min((event.opened for event in events if event.opened >= end - _DAY), default=end - _DAY)
    span = max(end - first, 600.0)
    return end - 1.02 * span, end + 0.02 * span


def _worst(events: list[EventRecord]) -> int:
    return max(_GRAVE.get(event.severity, 0) for event in events)


def _lane(source: str, entity: str | None, events: list[EventRecord]) -> dict[str, Any]:
    worst = max(events, key=lambda event: _GRAVE.get(event.severity, 0)).severity
    marks = [[e.opened, e.ended, e.severity, e.id, e.kind] for e in reversed(events)]
    return {"source": source, "entity": entity, "n_events": len(events), "worst": worst, "marks": marks}
