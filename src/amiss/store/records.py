"""What the store keeps, one record a row; all times are seconds since 1970-01-01 UTC."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.core.notification import Notification

__all__ = [
    "DeadLetter",
    "DeliveryRecord",
    "DeliveryState",
    "EventRecord",
    "EventState",
    "HistoryBatch",
    "HistoryRow",
    "HistoryTotal",
    "LabelRecord",
    "ModelRecord",
    "ModelState",
    "Retention",
    "SilenceRecord",
    "Verdict",
]

EventState = Literal["pending", "firing", "resolved"]
DeliveryState = Literal["waiting", "delivered", "dead"]
ModelState = Literal["champion", "challenger", "retired"]
Verdict = Literal["anomaly", "normal", "not_now", "unsure"]
Vector = npt.NDArray[np.float64]


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
        From when until when, in seconds; at `ends` it is over, infinite is for ever.
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


class LabelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has said about data; never changed, as a later one of the same data counts more.

    Attributes
    ----------
    verdict
        "anomaly", "normal", "not_now" (odd, and of no interest) or "unsure".
    author, at, reason
        Who said it, when (in seconds), and why.
    source, entity
        Where the data came from, and whose they are; `entity` None where there is no entity.
    starts, ends
        From when until when, in seconds, both included; None where the data have no time.
    row_key
        What names the row in its table, where a time does not; otherwise None.
    """

    verdict: Verdict
    author: str
    at: float
    source: str
    entity: str | None = None
    starts: float | None = None
    ends: float | None = None
    row_key: str | None = None
    reason: str = ""


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a model.

    Attributes
    ----------
    name, number
        Which model, and which version of it, from 1.
    created
        When it was noted, in seconds.
    path, digest
        Its file, and the file's SHA-256 in hexadecimal.
    note
        Why it was made.
    state
        "champion": it decides; "challenger": it runs beside; "retired".
    """

    name: str
    number: int
    created: float
    path: str
    digest: str
    note: str
    state: ModelState


class HistoryBatch(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Scored rows of one source, to be kept.

    Attributes
    ----------
    source
        Where they came from.
    columns
        Names of the channels.
    entities : (n_rows,)
        Whose they are; None where there is no entity.
    times : (n_rows,)
        In seconds; a row of the same entity, channels and time takes the place of an older one.
    scores, p_values, is_anomaly : (n_rows,)
        As decided; NaN where there was none.
    values : (n_rows, n_columns)
        What the channels read; NaN where missing.
    """

    source: str
    columns: tuple[str, ...]
    entities: list[str | None]
    times: Vector
    scores: Vector
    p_values: Vector
    is_anomaly: npt.NDArray[np.bool_]
    values: Vector


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One scored row.

    Attributes
    ----------
    entity, time
        Whose it is, and when it was, in seconds.
    score, p_value, is_anomaly
        As decided; NaN where there was none.
    values
        What the channels read, by name.
    """

    entity: str | None
    time: float
    score: float
    p_value: float
    is_anomaly: bool
    values: dict[str, float]


class HistoryTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The scored rows of one minute or hour, in short.

    Attributes
    ----------
    entity, start, span_seconds
        Whose, from when (in seconds), and how long: 60 or 3600.
    n_rows, n_anomalies
        How many there were, and how many of them were anomalies.
    score_min, score_mean, score_max
        Of those that have a score; NaN where none has.
    """

    entity: str | None
    start: float
    span_seconds: int
    n_rows: int
    n_anomalies: int
    score_min: float
    score_mean: float
    score_max: float


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could not be understood.

    Attributes
    ----------
    at
        When it came, in seconds.
    source, reason
        Where it came from, and what was wrong with it.
    body
        How it begins: at most 4,096 bytes are kept.
    size_bytes
        How long it was; where less than `body`, the length of that.
    """

    at: float
    source: str
    reason: str
    body: bytes
    size_bytes: int = 0


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long things are kept, in days; None is for ever.

    Attributes
    ----------
    history_days
        Scored rows.
    minutes_days, hours_days
        Their totals by the minute and by the hour.
    deliveries_days
        Notifications that were delivered or given up.
    events_days
        Events that have ended, since they last changed. Labels and models are always kept.
    """

    history_days: float | None = 30.0
    minutes_days: float | None = 180.0
    hours_days: float | None = None
    deliveries_days: float | None = 90.0
    events_days: float | None = None
