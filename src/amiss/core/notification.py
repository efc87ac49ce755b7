"""What is told to people and systems when an alarm begins, is acknowledged and ends; and who takes it."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

__all__ = ["Action", "AlarmSink", "Notification", "Severity"]

Action = Literal["trigger", "acknowledge", "resolve"]
Severity = Literal["critical", "error", "warning", "info"]


class Notification(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing to be told: of one alarm, or of many that were grouped.

    Attributes
    ----------
    id
        Idempotency key: the same for the same news however often it is sent.
    fingerprint
        Of the alarm: the same from its first notification to its last, and over restarts.
    action
        What has happened to it.
    severity
        How grave it is.
    title
        One line.
    reason
        Why, in one sentence.
    source
        Where the data came from, without passwords.
    entity
        Whose alarm it is; None where it is of many, or there is no entity.
    kind
        As `Event.kind`; "storm" for a group of many entities.
    started, ended
        ISO 8601 in UTC; `ended` None while it goes on.
    n_alarms, n_entities
        How many rows raised it, and how many entities have part in it.
    entities
        Some of these, at most ten.
    measures
        Figures by column, to be shown: the value, and what is usual, in words.
    link
        Page to look at; "" for none.
    """

    id: str
    fingerprint: str
    action: Action
    severity: Severity
    title: str
    reason: str
    source: str
    entity: str | None
    kind: str
    started: str
    ended: str | None = None
    n_alarms: int = 1
    n_entities: int = 1
    entities: tuple[str, ...] = ()
    measures: dict[str, str] = {}
    link: str = ""


class AlarmSink(Protocol):
    """Who takes notifications: one call is one try, and tries again are the outbox's business.

    Attributes
    ----------
    name
        As the configuration calls it, without secrets.
    """

    name: str

    def deliver(self, notification: Notification) -> None:
        """Hand it over, within ten seconds or so.

        Raises
        ------
        TransientError
            It may work later: nobody answers, the other side is busy (its `retry_after_seconds`, where it says so).
        TerminalError
            It will never work: refused for good.
        """
        ...

    def close(self) -> None:
        """Let go of connections; may be called twice."""
        ...
