"""From events to what people are told: single events while they are few, one growing notification in a storm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from amiss.core.notification import Action, Notification, Severity
from amiss.stream.events import Change, LiveEvent, fingerprint
from amiss.stream.moments import utc_words

__all__ = ["GroupRules", "Groups"]

_MOST_PAUSE = 3600.0
_MOST_NAMED = 10
_WORDS = {"anomaly": "unusual", "no_data": "silent", "stuck": "stuck", "drift": "at a new level"}


class GroupRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When single events become a storm.

    Attributes
    ----------
    burst, window_seconds
        So many events within such a time are told one by one; those beyond are told together.
    pause_seconds
        After which a storm that grows is told again; each time twice as long, up to an hour.
    drifts
        Whether it is told, too, that a level has moved for good; it is an event either way.
    """

    burst: int = 5
    window_seconds: float = 60.0
    pause_seconds: float = 60.0
    drifts: bool = False


class _Storm(msgspec.Struct):
    """Events that are told together.

    Attributes
    ----------
    open
        Ids of those that are on.
    entities
        Some of those concerned, and how many there have been.
    """

    fingerprint: str
    started: str
    last: float
    open: set[str]
    entities: dict[str, None]
    severity: str
    reason: str
    n_events: int = 0
    n_told: int = 0
    next_at: float = 0.0
    pause: float = 0.0


class Groups:
    """Which notifications come of events that open and end.

    Parameters
    ----------
    source
        Name of the stream.
    rules
        When events become a storm.
    """

    def __init__(self, source: str, rules: GroupRules) -> None:
        self.source, self.rules = source, rules
        self._recent: list[float] = []
        # By the event: how grave it was told to be, which its end has to say too.
        self._told: dict[str, Severity] = {}
        self._storm: _Storm | None = None

    def offer(self, changes: Sequence[Change], now: float) -> list[Notification]:
        """What is to be told of these changes at once, and of earlier ones that were held back."""
        found = []
        for change in changes:
            if change.event.kind == "drift" and not self.rules.drifts:
                continue
            if change.opened and self._alone(now):
                self._told[change.event.id] = change.event.severity
                found.append(self._single(change.event, "trigger", change.event.severity))
            elif change.opened:
                self._join(change.event, now)
            elif change.event.id in self._told:
                found.append(self._single(change.event, "resolve", self._told.pop(change.event.id), change.forgotten))
            elif self._storm is not None:
                self._storm.open.discard(change.event.id)
        return found + self._storm_news(now)

    def _alone(self, now: float) -> bool:
        self._recent = [at for at in self._recent if now - at < self.rules.window_seconds]
        if self._storm is not None or len(self._recent) >= self.rules.burst:
            return False
        self._recent.append(now)
        return True

    def _join(self, event: LiveEvent, now: float) -> None:
        if self._storm is None:
            self._storm = _Storm(
                fingerprint=fingerprint(self.source, event.id, "storm"), started=event.start, last=now, open=set(),
                entities={}, severity=event.severity, reason=event.reason, pause=self.rules.pause_seconds, next_at=now,
            )  # fmt: skip
        storm = self._storm
        storm.last = now
        storm.n_events += 1
        storm.open.add(event.id)
        storm.entities[event.entity] = None

    def _storm_news(self, now: float) -> list[Notification]:
        storm = self._storm
        if storm is None:
            return []
        if not storm.open and now - storm.last >= self.rules.window_seconds:
            self._storm = None
            return [self._of_storm(storm, "resolve", now)]
        if storm.n_events == storm.n_told or now < storm.next_at:
            return []
        told = self._of_storm(storm, "trigger", now)
        storm.n_told, storm.next_at = storm.n_events, now + storm.pause
        storm.pause = min(2 * storm.pause, _MOST_PAUSE)
        return [told]

    def _single(self, event: LiveEvent, action: Action, severity: Severity, forgotten: bool = False) -> Notification:
        who = event.entity or self.source
        title = f"{who} is {_WORDS.get(event.kind, event.kind)}" + (" no more" if action == "resolve" else "")
        title = f"{who} is no longer watched" if forgotten else title
        return Notification(
            id=f"{event.id}-{action}", fingerprint=event.fingerprint, action=action, severity=severity,
            title=title, reason=event.reason, source=self.source, entity=event.entity or None, kind=event.kind,
            started=event.start, ended=event.end, n_alarms=event.n_alarms,
            measures={name: f"{event.values[name]}, usual {usual}" for name, usual in event.usual.items()},
        )  # fmt: skip

    def _of_storm(self, storm: _Storm, action: Action, now: float) -> Notification:
        n = len(storm.entities)
        who = f"{n:,} entities" if n > 1 else (next(iter(storm.entities)) or self.source)
        title = f"{storm.n_events:,} events of {who}" + (" are over" if action == "resolve" else "")
        return Notification(
            id=f"{storm.fingerprint}-{action}-{storm.n_events}", fingerprint=storm.fingerprint, action=action,
            severity="error", title=title, reason=f"many at once; the first: {storm.reason}", source=self.source,
            entity=None, kind="storm", started=storm.started, ended=utc_words(now) if action == "resolve" else None,
            n_alarms=storm.n_events, n_entities=n, entities=tuple(list(storm.entities)[:_MOST_NAMED]),
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {
            "recent": self._recent, "told": self._told,
            "storm": None if self._storm is None else msgspec.to_builtins(self._storm),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a `state`."""
        self._recent, self._told = list(state["recent"]), dict(state["told"])
        self._storm = None if state["storm"] is None else msgspec.convert(state["storm"], _Storm)
