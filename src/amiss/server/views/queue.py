"""The queue: events in the order in which to look at them."""

from __future__ import annotations

from typing import Any

from amiss.server.shown import event_shown
from amiss.server.triage import Triage

__all__ = ["next_view", "queue_view"]


def queue_view(triage: Triage, offset: int, limit: int, *, search: str = "", hidden: bool = False) -> dict[str, Any]:
    """A page of the queue. The first item is the next question, which every tenth time is not the gravest event."""
    silenced = triage.silenced()
    items, n_total = triage.page(offset, limit, search=search, hidden=hidden)
    shown = [event_shown(item, silenced.get(item.event.id)) for item in items]
    first = triage.next() if offset == 0 and not search and not hidden else None
    if first is not None:
        others = [each for each in shown if each["id"] != first.event.id]
        shown = [event_shown(first), *others[: limit - 1]]
    return {"items": shown, "n_total": n_total} | triage.state()


def next_view(triage: Triage) -> dict[str, Any]:
    """What to ask about next, and how far the queue is."""
    item = triage.next()
    return {"next": None if item is None else event_shown(item), "queue": triage.state()}
