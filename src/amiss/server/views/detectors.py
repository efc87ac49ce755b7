"""What each watch would have said at another threshold."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

from amiss.server.triage import Triage
from amiss.store.records import EventRecord
from amiss.store.store import Store

__all__ = ["detectors_view"]

_DAY = 86_400.0
_DAYS = 30.0
_MOST_PEAKS = 5_000
_HIGHEST = 300.0


def detectors_view(store: Store, triage: Triage, now: float) -> dict[str, Any]:
    """Of each source, the peaks of the last month as −log10 of their p-values, and the threshold that decided."""
    by_source: dict[str, list[EventRecord]] = defaultdict(list)
    for event in triage.events():
        if event.opened >= now - _DAYS * _DAY and event.p_value is not None:
            by_source[event.source].append(event)
    watches = {watch.source: watch for watch in store.watches()}
    verdicts = triage.verdicts()
    items = []
    for source in sorted(by_source.keys() | watches.keys()):
        watch, events = watches.get(source), by_source[source]
        levels = [_level(event.p_value) for event in events]
        peaks = [[e.entity, e.opened, level, e.id, verdicts.get(e.id)] for e, level in zip(events, levels, strict=True)]
        order = sorted(range(len(events)), key=lambda k: -levels[k])[:_MOST_PEAKS]
        days = max((now - min((e.opened for e in events), default=now)) / _DAY, 1 / 24)
        items.append({
            "source": source, "judge": "" if watch is None else watch.judge,
            "asked": "" if watch is None else watch.asked,
            "reached": f"{len(events) / days:.3g} events a day" if events else None, "days": days,
            "threshold": min(levels, default=None), "peaks": [peaks[k] for k in order],
            "n_rows": 0 if watch is None else watch.n_rows,
        })  # fmt: skip
    return {"items": items}


def _level(p_value: float | None) -> float:
    return _HIGHEST if not p_value or p_value <= 0 else min(-math.log10(p_value), _HIGHEST)
