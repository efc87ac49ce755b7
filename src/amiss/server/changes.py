"""What has changed since it was looked last: events, the queue, sources."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from amiss.server.sets.library import SetView
from amiss.server.shown import event_shown
from amiss.server.triage import Triage
from amiss.server.views.sources import sources_view
from amiss.store.store import Store

__all__ = ["Changes"]

_SOURCES_SECONDS = 2.0
_MOST_AT_ONCE = 200


class Changes:
    """Looks at the store, and says what is new.

    Parameters
    ----------
    store, triage
        Where it looks.
    now
        What time it is.
    """

    def __init__(self, store: Store, triage: Triage, now: Callable[[], float]) -> None:
        self._store, self._triage, self._now = store, triage, now
        self._state: dict[str, Any] = {}
        self._sources: dict[str, Any] = {}
        self._sources_at = -1e300
        self._sets: deque[SetView] = deque(maxlen=_MOST_AT_ONCE)
        self._lock = threading.Lock()

    def hear(self, changed: SetView) -> None:
        """Take up that a set has changed; from any thread."""
        self._sets.append(changed)

    def look(self) -> list[tuple[str, Any]]:
        """Kinds and what is told: event, queue, source, set; reload where too much has changed. From any thread."""
        with self._lock:
            return self._looked()

    def _looked(self) -> list[tuple[str, Any]]:
        told: list[tuple[str, Any]] = []
        changed = self._triage.refresh()
        if len(changed) > _MOST_AT_ONCE:
            told.append(("reload", {}))
        else:
            silenced = self._triage.silenced()
            told += [("event", event_shown(self._triage.item(e.id), silenced.get(e.id))) for e in changed]
        state = self._triage.state()
        if state != self._state:
            told.append(("queue", state))
            self._state = state
        now = self._now()
        if now - self._sources_at >= _SOURCES_SECONDS:
            self._sources_at = now
            for source in sources_view(self._store, now)["items"]:
                if self._sources.get(source["name"]) != source:
                    told.append(("source", source))
                    self._sources[source["name"]] = source
        latest = {}
        while self._sets:
            changed_set = self._sets.popleft()
            latest[changed_set.id] = changed_set
        return told + [("set", each) for each in latest.values()]
