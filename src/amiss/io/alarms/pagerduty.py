"""Notifications as events of PagerDuty, version 2 of its interface."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from amiss.core.notification import Notification
from amiss.core.params import Between, Optional, Text
from amiss.io.alarms.option import Option
from amiss.io.alarms.posting import Address, Post
from amiss.io.alarms.secret import Secret
from amiss.io.alarms.words import cut, key_of, moment_text, seconds_of, tidy

__all__ = ["PagerDutySink"]

_SUMMARY, _DEDUP_KEY = 1024, 255


class PagerDutySink:
    """Triggers, acknowledges and resolves incidents; the fingerprint is their `dedup_key`.

    PagerDuty cuts nothing itself: a summary holds at most 1,024 characters, a key 255; an event 512 KB, which tidied
    news never reach. The same event sent twice is one incident.

    Parameters
    ----------
    name
        As the configuration calls it.
    routing_key
        Key of the integration ("Events API v2") of a service.
    url
        Of the service; PagerDuty's European one is https://events.eu.pagerduty.com/v2/enqueue.
    timeout_seconds, ca_file, where
        As for `WebhookSink`.
    """

    options: ClassVar = {
        "routing_key": Option(Text(), secret="always"),
        "url": Option(Address(), "https://events.pagerduty.com/v2/enqueue"),
        "timeout_seconds": Option(Between(0.1, 60), 10.0),
        "ca_file": Option(Optional(Text()), None),
    }

    def __init__(
        self, name: str, *, routing_key: Secret, url: str = "https://events.pagerduty.com/v2/enqueue",
        timeout_seconds: float = 10.0, ca_file: str | None = None, where: str = "channel",
    ) -> None:  # fmt: skip
        self.name, self._key = name, routing_key
        self._post = Post(url, timeout_seconds=timeout_seconds, ca_file=ca_file, where=where, secrets=(routing_key,))

    def __repr__(self) -> str:
        return f"PagerDutySink({self.name!r}, {self._post.place})"

    def deliver(self, notification: Notification) -> None:
        """As `AlarmSink.deliver`."""
        told = tidy(notification)
        event: dict[str, Any] = {
            "routing_key": self._key.reveal(), "event_action": told.action,
            "dedup_key": key_of(told.fingerprint, _DEDUP_KEY),
        }  # fmt: skip
        if told.action == "trigger":
            event |= {"client": "amiss", "payload": _payload(told)}
            if Address().admits(told.link):
                event |= {"client_url": told.link, "links": [{"href": told.link, "text": cut(told.title, 100)}]}
        self._post.send(msgspec.json.encode(event), {"Content-Type": "application/json", "Idempotency-Key": told.id})

    def close(self) -> None:
        """Nothing is held open."""


def _payload(told: Notification) -> dict[str, Any]:
    details: dict[str, Any] = {
        "reason": told.reason, "source": told.source, "n_alarms": told.n_alarms, "n_entities": told.n_entities,
        "notification": told.id, **({"entities": list(told.entities)} if told.entities else {}),
        **({"measures": told.measures} if told.measures else {}),
    }  # fmt: skip
    payload: dict[str, Any] = {
        "summary": cut(": ".join(text for text in (told.title, told.reason) if text) or "alarm", _SUMMARY),
        "source": told.entity or told.source or "amiss", "severity": told.severity, "class": told.kind or "anomaly",
        "group": told.source, "custom_details": details,
    }  # fmt: skip
    if told.entity:
        payload["component"] = told.entity
    started = seconds_of(told.started)
    if started is not None:
        payload["timestamp"] = moment_text(started)
    return payload
