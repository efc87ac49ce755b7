"""What is watched, and how it is doing."""

from __future__ import annotations

from collections import Counter
from typing import Any

from amiss.store.store import Store
from amiss.store.watches import WatchRecord

__all__ = ["dead_letters_view", "sources_view"]

_SILENT_SECONDS = 30.0
_DAY = 86_400.0
_MOST_EVENTS = 5_000
_BODY_CHARACTERS = 300


def sources_view(store: Store, now: float) -> dict[str, Any]:
    """Every source that a watch has told of, those that were heard last first."""
    week = Counter(event.source for event in store.events(since=now - 7 * _DAY, limit=_MOST_EVENTS))
    watches = sorted(store.watches(), key=lambda watch: -watch.seen_at)
    return {"items": [_source(watch, now, week[watch.source]) for watch in watches]}


def dead_letters_view(store: Store, limit: int = 50) -> list[dict[str, Any]]:
    """The last records that were not understood."""
    return [
        {"at": letter.at, "source": letter.source, "reason": letter.reason, "size_bytes": letter.size_bytes,
         "body": letter.body.decode("utf-8", "replace")[:_BODY_CHARACTERS]}
        for letter in store.dead_letters(limit=limit)
    ]  # fmt: skip


def _source(watch: WatchRecord, now: float, n_events: int) -> dict[str, Any]:
    state = "stopped" if watch.stopped else "running" if now - watch.seen_at < _SILENT_SECONDS else "silent"
    days = min(max(watch.seen_at - watch.started, 1.0) / _DAY, 7.0)
    return {
        "name": watch.source, "seen_at": watch.seen_at, "state": state, "n_messages": watch.n_messages,
        "rate": watch.rate if state == "running" else 0.0, "lag": watch.lag, "n_entities": watch.n_entities,
        "n_open": watch.n_open, "readiness": watch.readiness, "judge": watch.judge, "asked": watch.asked,
        "reached": f"{n_events / days:.3g} events a day" if days > 0.02 else None, "n_refused": watch.n_refused,
        "notes": list(watch.notes),
    }  # fmt: skip
