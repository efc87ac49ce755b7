"""Notifications as alerts of Prometheus Alertmanager, version 2 of its interface."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

import msgspec

from amiss.core.notification import Notification
from amiss.core.params import Between, Optional, Text
from amiss.io.alarms.option import Option
from amiss.io.alarms.posting import Address, Post
from amiss.io.alarms.secret import Secret
from amiss.io.alarms.words import as_json, moment_text, seconds_of, tidy

__all__ = ["AlertmanagerSink"]

_ALERTS = "/api/v2/alerts"


class AlertmanagerSink:
    """One alert a notification, by labels that are the same from its beginning to its end.

    An alert without an end of its own is taken for resolved after Alertmanager's `resolve_timeout` unless it is sent
    again. One call here is one alert, so it is sent with an end that lies `hold_hours` ahead, which Alertmanager
    honours; the resolve brings the true end. Alertmanager keeps alerts in memory only: after its restart one is known
    again at its next notification. It knows no acknowledging (use its silences), so nothing is sent for that.

    Parameters
    ----------
    name
        As the configuration calls it.
    url
        Address, with or without /api/v2/alerts.
    token
        Sent as `Authorization: Bearer …`.
    hold_hours
        How long an alert goes on where its end is never told, in [0.1, 8760].
    timeout_seconds, ca_file, where, now
        As for `WebhookSink`.
    """

    options: ClassVar = {
        "url": Option(Address(), secret="may"),
        "token": Option(Text(), None, "always"),
        "hold_hours": Option(Between(0.1, 8760), 168.0),
        "timeout_seconds": Option(Between(0.1, 60), 10.0),
        "ca_file": Option(Optional(Text()), None),
    }

    def __init__(
        self, name: str, *, url: str | Secret, token: Secret | None = None, hold_hours: float = 168.0,
        timeout_seconds: float = 10.0, ca_file: str | None = None, where: str = "channel",
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.name, self._token, self._now = name, token, now
        self._hold = hold_hours * 3600.0
        plain = url.reveal() if isinstance(url, Secret) else url
        full = plain if plain.endswith(_ALERTS) else plain.rstrip("/") + _ALERTS
        self._post = Post(
            Secret(full) if isinstance(url, Secret) else full, timeout_seconds=timeout_seconds, ca_file=ca_file,
            where=where, secrets=(token,),
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"AlertmanagerSink({self.name!r}, {self._post.place})"

    def deliver(self, notification: Notification) -> None:
        """As `AlarmSink.deliver`."""
        if notification.action == "acknowledge":
            return
        told = tidy(notification)
        headers = {"Content-Type": "application/json", "Idempotency-Key": told.id}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        self._post.send(msgspec.json.encode([self._alert(told)]), headers)

    def close(self) -> None:
        """Nothing is held open."""

    def _alert(self, told: Notification) -> dict[str, Any]:
        now = self._now()
        # Alertmanager refuses an end before its beginning, and takes an end to come for an alert that goes on.
        started = min(_or(seconds_of(told.started), now), now)
        ended = now + self._hold
        if told.action == "resolve":
            ended = max(started, min(_or(seconds_of(told.ended), now), now))
        labels = {
            "alertname": f"amiss_{told.kind or 'anomaly'}", "entity": told.entity or "", "kind": told.kind,
            "severity": told.severity, "source": told.source, "fingerprint": told.fingerprint,
        }  # fmt: skip
        notes = {"summary": told.title, "description": told.reason, "notification": as_json(told).decode()}
        alert: dict[str, Any] = {
            "labels": {name: value for name, value in labels.items() if value},
            "annotations": {name: value for name, value in notes.items() if value},
            "startsAt": moment_text(started), "endsAt": moment_text(ended),
        }  # fmt: skip
        # The interface asks for a URI there, and refuses the whole alert for one that is none.
        if Address().admits(told.link):
            alert["generatorURL"] = told.link
        return alert


def _or(seconds: float | None, otherwise: float) -> float:
    return otherwise if seconds is None else seconds
