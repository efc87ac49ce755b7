"""Records as the API tells them."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from amiss.feedback import QueuedEvent
from amiss.store.keys import TokenRecord
from amiss.store.records import EventRecord, LabelRecord, SilenceRecord

__all__ = ["event_shown", "label_shown", "silence_shown", "token_shown"]

_MOST_COLUMNS = 12
_PLAIN = (
    "id", "source", "entity", "kind", "severity", "opened", "updated", "ended", "score", "p_value", "n_alarms",
    "reason", "state", "acknowledged_by", "acknowledged_at",
)  # fmt: skip


def event_shown(item: QueuedEvent, silenced: str | None = None) -> dict[str, Any]:
    """An event with its place in the queue.

    Parameters
    ----------
    item
        As the queue gives it.
    silenced
        Why a silence hides it; None where none does.
    """
    event = item.event
    return plain_event(event) | {
        "verdict": None if item.label is None else item.label.verdict,
        "place": item.place + 1,
        "why_here": item.moved or _why_here(event),
        "question": None if item.asked == "rank" else item.asked,
        "hidden": silenced or item.hidden or None,
    }


def plain_event(event: EventRecord) -> dict[str, Any]:
    """What is known of an event itself."""
    body = event.body
    return {name: getattr(event, name) for name in _PLAIN} | {
        "values": dict(list(dict(body.get("values") or {}).items())[:_MOST_COLUMNS]),
        "usual": dict(list(dict(body.get("usual") or {}).items())[:_MOST_COLUMNS]),
    }


def _why_here(event: EventRecord) -> str:
    p = event.p_value
    if p is None or not math.isfinite(p):
        return f"by its severity, {event.severity}"
    if p <= 0:
        return "nothing like it was ever seen"
    return f"seen by chance once in {_rounded(1 / p)} rows"


def _rounded(number: float) -> str:
    if number < 1e6:
        return f"{float(f'{number:.2g}'):,.0f}"
    power = min(math.floor(math.log10(number)), 300)
    return f"10^{power}" if power > 12 else f"{float(f'{number:.1g}'):,.0f}"


def label_shown(label: LabelRecord, place: int | None = None) -> dict[str, Any]:
    """A label."""
    shown: dict[str, Any] = msgspec.to_builtins(label)
    return {"place": place} | shown


def silence_shown(silence: SilenceRecord, now: float, n_stored: int) -> dict[str, Any]:
    """A silence, with how much it hides: what was kept back when it came, and what is stored."""
    shown: dict[str, Any] = msgspec.to_builtins(silence)
    for_ever = math.isinf(silence.ends)
    return shown | {
        "ends": None if for_ever else silence.ends, "n_hidden": max(silence.n_hidden, n_stored),
        "active": silence.starts <= now < silence.ends,
    }  # fmt: skip


def token_shown(token: TokenRecord) -> dict[str, Any]:
    """A token, without what would let somebody in."""
    return {name: getattr(token, name) for name in ("id", "name", "scopes", "created", "expires", "used_at")}
