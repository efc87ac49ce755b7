"""Notifications as messages of MQTT."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from amiss.core.errors import RecipeError, TerminalError, TransientError
from amiss.core.extras import require
from amiss.core.notification import Notification
from amiss.core.one_line import one_line
from amiss.core.params import Between, Flag, OneOf, Optional, Text, Whole
from amiss.io.alarms.option import HostName, Option
from amiss.io.alarms.posting import tls_context
from amiss.io.alarms.secret import Secret, hidden
from amiss.io.alarms.words import as_json, tidy

__all__ = ["MqttSink"]

_FIELDS = ("entity", "kind", "fingerprint", "severity")
_FOR_GOOD = {
    "bad user name or password", "not authorized", "bad authentication method", "banned", "topic name invalid",
    "client identifier not valid", "unsupported protocol version", "retain not supported", "qos not supported",
    "packet too large", "payload format invalid",
}  # fmt: skip
"""Reasons, in lower case, that trying again does not mend."""


class MqttSink:
    """One message a notification, at quality of service 1: `deliver` returns once the broker has acknowledged it.

    Each has a connection of its own: alarms are few, and nothing has to be kept alive between them.

    Parameters
    ----------
    name
        As the configuration calls it.
    host, port
        Of the broker; the port is 1883, or 8883 with TLS, where None.
    topic
        Where to; `{entity}`, `{kind}`, `{fingerprint}` and `{severity}` are filled in, without `/`, `+` and `#`.
    retained
        Whether the broker keeps the last news of each topic for those who come later: then put `{fingerprint}` or
        `{entity}` into the topic, as one alarm's news otherwise replace another's.
    user, password
        To log in.
    tls
        Whether to use TLS.
    protocol
        "5", or "3.1.1", whose brokers do not say that a topic is forbidden: what they refuse is lost unseen.
    timeout_seconds, ca_file, where
        As for `WebhookSink`.

    Raises
    ------
    RecipeError
        The topic is none.
    MissingExtraError
        paho-mqtt is not installed.
    """

    options: ClassVar = {
        "host": Option(HostName()),
        "port": Option(Optional(Whole(1, 65535)), None),
        "topic": Option(Text(), "amiss/alarms"),
        "retained": Option(Flag(), False),
        "user": Option(Optional(Text()), None),
        "password": Option(Text(), None, "always"),
        "tls": Option(Flag(), False),
        "protocol": Option(OneOf(("5", "3.1.1")), "5"),
        "timeout_seconds": Option(Between(0.1, 60), 10.0),
        "ca_file": Option(Optional(Text()), None),
    }

    def __init__(
        self, name: str, *, host: str, port: int | None = None, topic: str = "amiss/alarms", retained: bool = False,
        user: str | None = None, password: Secret | None = None, tls: bool = False, protocol: str = "5",
        timeout_seconds: float = 10.0, ca_file: str | None = None, where: str = "channel",
    ) -> None:  # fmt: skip
        self.name, self._host, self._port = name, host, port or (8883 if tls else 1883)
        self._topic, self._retained, self._protocol = topic, retained, protocol
        self._user, self._password, self._timeout = user, password, timeout_seconds
        self._tls = tls_context(ca_file, f"{where}.ca_file") if tls else None
        plain = topic
        for field in _FIELDS:
            plain = plain.replace(f"{{{field}}}", "")
        if set(plain) & set("+#{}\0") or not plain.isprintable() or len(plain.encode()) > 1000:
            known = ", ".join(f"{{{field}}}" for field in _FIELDS)
            raise RecipeError(
                f"{topic[:60]!r} cannot be published to", where=f"{where}.topic",
                mend=f"leave out + and #; these are filled in: {known}",
            )  # fmt: skip
        self._paho = require("paho.mqtt.client", extra="live", what="A channel of type mqtt")

    def __repr__(self) -> str:
        return f"MqttSink({self.name!r}, {self._host}:{self._port}/{self._topic})"

    def deliver(self, notification: Notification) -> None:
        """As `AlarmSink.deliver`."""
        told, talk = tidy(notification), _Talk()
        client = self._client(talk)
        until = time.monotonic() + self._timeout
        try:
            client.connect(self._host, self._port)
            self._turn(client, talk, "connected", until)
            properties = self._properties(told)
            client.publish(self._topic_of(told), as_json(told), qos=1, retain=self._retained, properties=properties)
            self._turn(client, talk, "published", until)
        except (OSError, ValueError) as error:
            if isinstance(error, (TransientError, TerminalError)):
                raise
            raise TransientError(f"no answer: {self._shown(str(error))}", where=self._place) from None
        finally:
            client.disconnect()

    def close(self) -> None:
        """Nothing is held open."""

    @property
    def _place(self) -> str:
        return f"mqtt://{self._host}:{self._port}"

    def _client(self, talk: _Talk) -> Any:
        paho = self._paho
        version = paho.MQTTv5 if self._protocol == "5" else paho.MQTTv311
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=version, reconnect_on_failure=False)
        client.connect_timeout = self._timeout
        client.on_connect = talk.on_connect
        client.on_publish = talk.on_publish
        if self._user is not None:
            client.username_pw_set(self._user, None if self._password is None else self._password.reveal())
        if self._tls is not None:
            client.tls_set_context(self._tls)
        return client

    def _turn(self, client: Any, talk: _Talk, step: str, until: float) -> None:
        """Let the client talk until the broker has answered this step."""
        while step not in talk.answers:
            if time.monotonic() > until:
                raise TransientError("the broker does not answer in time", where=self._place)
            code = client.loop(0.1)
            if code != self._paho.MQTT_ERR_SUCCESS and step not in talk.answers:
                raise TransientError("the broker has closed the connection", where=self._place)
        answer = talk.answers[step]
        if answer.is_failure:
            words = self._shown(str(answer))
            if words.lower() in _FOR_GOOD:
                mend = "check user, password, topic and protocol"
                raise TerminalError(f"the broker refuses: {words}", where=self._place, mend=mend)
            raise TransientError(f"the broker refuses: {words}", where=self._place)

    def _topic_of(self, told: Notification) -> str:
        topic = self._topic
        for field in _FIELDS:
            word = str(getattr(told, field) or "-")
            topic = topic.replace(f"{{{field}}}", "".join("-" if c in "/+#{}" else c for c in word)[:100])
        return topic

    def _properties(self, told: Notification) -> Any:
        if self._protocol != "5":
            return None
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        properties: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = "application/json"
        properties.UserProperty = [("idempotency-key", told.id)]
        return properties

    def _shown(self, text: str) -> str:
        return one_line(hidden(text, (self._password,))).strip()[:200]


class _Talk:
    """What the broker has answered."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}

    def on_connect(self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Any) -> None:
        self.answers["connected"] = reason_code

    def on_publish(self, client: Any, userdata: Any, mid: int, reason_code: Any, properties: Any) -> None:
        self.answers["published"] = reason_code
