"""What lives on a stream: an event from the row that opened it to the one after which it was over."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from amiss.core.notification import Severity

__all__ = ["Change", "LiveEvent", "Severity", "event_id", "fingerprint", "severity_word"]

State = Literal["firing", "resolved"]
_GRAVE: tuple[tuple[float, Severity], ...] = ((1e-8, "critical"), (1e-5, "error"))
"""p-values below which an event is so grave."""


class LiveEvent(msgspec.Struct, omit_defaults=False):
    """Alarms of one entity and kind that belong together, while they come.

    Attributes
    ----------
    id
        The same however often the stream is replayed.
    fingerprint
        The same for every event of this entity and kind.
    state
        "firing" or "resolved".
    source
        Name of the stream.
    entity
        Whose it is; "" where the stream has no entities.
    kind
        "anomaly", "no_data", "drift", or "stuck" and the column.
    start, end
        Times of its first and its last alarm (ISO 8601, UTC); `end` None while it goes on.
    score, p_value
        Highest and lowest of its alarms.
    n_alarms
        Rows that are alarms.
    reason
        One sentence, of the alarm that opened it.
    values, usual
        By column to blame, the worst first: the value there, and what is usual.
    severity
        "critical", "error", "warning" or "info".
    """

    id: str
    fingerprint: str
    state: State
    source: str
    entity: str
    kind: str
    start: str
    end: str | None
    score: float
    p_value: float
    n_alarms: int
    reason: str
    values: dict[str, Any]
    usual: dict[str, str]
    severity: Severity = "warning"


class Change(msgspec.Struct, frozen=True):
    """An event that has just opened or ended.

    Attributes
    ----------
    event
        As it is then.
    opened
        Whether it has opened.
    again
        Whether one of the same entity and kind was on not long before.
    forgotten
        Whether it has ended because its entity had to make room for others, and not because it is over.
    """

    event: LiveEvent
    opened: bool
    again: bool = False
    forgotten: bool = False


def fingerprint(source: str, entity: str, kind: str) -> str:
    """Of all events of this entity and kind: 16 letters."""
    return _digest(source, entity, kind)


def event_id(source: str, entity: str, kind: str, start: str, row: int) -> str:
    """Of the event that the `row`-th row of its entity opened, at `start`: 16 letters."""
    return _digest(source, entity, kind, start, str(row))


def severity_word(p_value: float) -> Severity:
    """How grave an event of this p-value is."""
    return next((word for most, word in _GRAVE if p_value < most), "warning")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
