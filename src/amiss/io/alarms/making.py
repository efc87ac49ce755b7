"""Channels by the name of their type."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any

from amiss.core.errors import RecipeError
from amiss.core.notification import AlarmSink, Notification
from amiss.io.alarms.option import checked
from amiss.io.alarms.words import moment_text

__all__ = ["SINK_TYPES", "make_sink", "trial_notification"]

SINK_TYPES = {
    "alertmanager": "AlertmanagerSink", "apprise": "AppriseSink", "mqtt": "MqttSink", "ndjson": "NdjsonSink",
    "pagerduty": "PagerDutySink", "smtp": "SmtpSink", "syslog": "SyslogSink", "webhook": "WebhookSink",
}  # fmt: skip
"""Each type of channel, which is its module's name too, and its class."""


def make_sink(name: str, options: Mapping[str, Any], *, where: str | None = None) -> AlarmSink:
    """The channel that the configuration calls `name`; nothing is connected yet.

    Parameters
    ----------
    name
        Its name.
    options
        Its `type`, one of `SINK_TYPES` (where it is missing, `name` is), and what this type takes. Secrets are
        `{"env": "NAME"}` or `{"file": "/path"}`. A field `name` is passed over.
    where
        Its path in the configuration; by default `channel.NAME`.

    Raises
    ------
    RecipeError
        The type or an option is not known (names the nearest), is missing or wrong, or a secret is not to be had.
    MissingExtraError
        What the type needs is not installed.

    Examples
    --------
    >>> from amiss.io.alarms.making import make_sink
    >>> make_sink("hook", {"type": "webhook", "url": "https://example.org/alarms?of=plant"})
    WebhookSink('hook', https://example.org)
    """
    where = where or f"channel.{name}"
    kind = options.get("type", name)
    if kind not in SINK_TYPES:
        near = difflib.get_close_matches(str(kind), list(SINK_TYPES), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise RecipeError(
            f"there is no channel of type {kind!r}", where=f"{where}.type", mend=f"{hint}known: {', '.join(SINK_TYPES)}"
        )
    made = getattr(importlib.import_module(f"amiss.io.alarms.{kind}"), SINK_TYPES[kind])
    own = {option: value for option, value in options.items() if option not in ("type", "name")}
    sink: AlarmSink = made(name, **checked(own, made.options, where), where=where)
    return sink


def trial_notification(now: float, *, resolve: bool = False) -> Notification:
    """News that nothing is wrong, to try a channel with; with `resolve` the end of what the same `now` began.

    Parameters
    ----------
    now
        Seconds since 1970-01-01 UTC.

    Examples
    --------
    >>> from amiss.io.alarms.making import trial_notification
    >>> begins, ends = trial_notification(1772409600.0), trial_notification(1772409600.0, resolve=True)
    >>> begins.action, ends.action, begins.fingerprint == ends.fingerprint, begins.id == ends.id
    ('trigger', 'resolve', True, False)
    """
    action, moment = "resolve" if resolve else "trigger", moment_text(now)
    mark = f"trial-{round(now * 1000)}"
    return Notification(
        id=f"{mark}-{action}", fingerprint=mark, action="resolve" if resolve else "trigger", severity="info",
        title="amiss: trial of this channel", reason="Somebody tries whether alarms arrive; nothing is wrong.",
        source="amiss alert test", entity=None, kind="trial", started=moment, ended=moment if resolve else None,
    )  # fmt: skip
