"""What the store keeps, one record a row; all times are seconds since 1970-01-01 UTC."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from amiss.core.notification import Notification

__all__ = ["DeliveryRecord", "DeliveryState", "EventRecord", "EventState", "SilenceRecord"]

EventState = Literal["pending", "firing", "resolved"]
DeliveryState = Literal["waiting", "delivered", "dead"]


class EventRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An event from its first alarm to its end.

    Attributes
    ----------
    id
        Made from what the event is, never drawn: whoever sees the same rows again writes the same id.
    source, entity
        Where the rows came from, and whose they are; `entity` None where there is no entity.
    kind
        As `Event.kind`.
    severity
        As `Notification.severity`.
    opened, updated, ended
        When it began, when it last changed, when it ended (None while it goes on), in seconds.
    score, p_value
        Highest score, lowest p-value (None where there is none).
    n_alarms
        How many rows raised it.
    reason
        Why, in one sentence.
    fingerprint
        Of the alarm that it belongs to.
    state
        "pending" until it is told, "firing" while it goes on, "resolved" after.
    body
        The whole record as `msgspec.to_builtins` gives it.
    acknowledged_by, acknowledged_at
        Who has taken it on, and when, in seconds; None while nobody has.
    """

    id: str
    source: str
    kind: str
    opened: float
    updated: float
    fingerprint: str
    entity: str | None = None
    severity: str = "warning"
    ended: float | None = None
    score: float = 0.0
    p_value: float | None = None
    n_alarms: int = 1
    reason: str = ""
    state: EventState = "firing"
    body: dict[str, Any] = {}
    acknowledged_by: str | None = None
    acknowledged_at: float | None = None


class DeliveryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One notification on its way to one sink.

    Attributes
    ----------
    id
        Idempotency key: the notification's id and the sink's name.
    sink
        Name of the sink.
    notification
        What is to be told.
    state
        "waiting" for its first or next try, "delivered", or "dead": given up.
    n_tries
        How often it was tried.
    due_at
        When to try (again), in seconds.
    last_error
        What went wrong last; "" where nothing did.
    created, delivered_at
        When it was queued, and when it was delivered (None before), in seconds.
    """

    id: str
    sink: str
    notification: Notification
    state: DeliveryState
    n_tries: int
    due_at: float
    last_error: str
    created: float
    delivered_at: float | None


class SilenceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Events that nobody is to be told of, for a while.

    Attributes
    ----------
    id
        Chosen by whoever makes it.
    author, reason
        Who wants it, and why.
    starts, ends
        From when until when, in seconds; at `ends` it is over.
    created
        When it was made, in seconds.
    source, entity, kind
        Patterns of the shell (`*`, `?`, `[ab]`); an event is silenced where all three fit.
    n_hidden
        How many notifications it has kept back.

    Examples
    --------
    >>> from amiss.store.records import SilenceRecord
    >>> pumps = SilenceRecord(id="1", author="kim", reason="service", starts=0, ends=3600, created=0, entity="pump-*")
    >>> pumps.covers("mqtt://plant", "pump-7", "spike"), pumps.covers("mqtt://plant", "fan-1", "spike")
    (True, False)
    """

    id: str
    author: str
    reason: str
    starts: float
    ends: float
    created: float
    source: str = "*"
    entity: str = "*"
    kind: str = "*"
    n_hidden: int = 0

    def covers(self, source: str, entity: str | None, kind: str) -> bool:
        """Whether an event of this source, entity and kind is meant; an event without entity has an empty one."""
        pairs = ((source, self.source), (entity or "", self.entity), (kind, self.kind))
        return all(fnmatchcase(word, pattern) for word, pattern in pairs)
