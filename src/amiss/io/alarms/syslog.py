"""Notifications as messages of syslog (RFC 5424), in the Common Event Format or as text."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any, ClassVar

from amiss import __version__
from amiss.core.errors import TransientError
from amiss.core.notification import Notification
from amiss.core.one_line import cef_field, cef_head, one_line
from amiss.core.params import Between, OneOf, Optional, Text, Whole
from amiss.io.alarms.option import HostName, Option
from amiss.io.alarms.posting import tls_context
from amiss.io.alarms.words import lines_of, moment_text, seconds_of, tidy

__all__ = ["SyslogSink"]

_PORTS = {"udp": 514, "tcp": 514, "tls": 6514}
_LEVELS = {"critical": 2, "error": 3, "warning": 4, "info": 6}
_NOTICE = 5
_GRAVITY = {"critical": 10, "error": 8, "warning": 5, "info": 3}
_MOST_BYTES = {"udp": 2048, "tcp": 8192, "tls": 8192}
"""What RFC 5424 says a receiver should take, and what usual ones take over a connection."""


class SyslogSink:
    """One message a notification; what is too long for a receiver is cut at its end.

    UDP loses messages without anybody's notice. Over TCP and TLS a receiver that is away is noticed; syslog itself
    has no acknowledgement, so one that dies with the message in its hands is not.

    Parameters
    ----------
    name
        As the configuration calls it.
    host, port
        Of the receiver; the port is 514, or 6514 with TLS, where None.
    transport
        "udp", "tcp" or "tls".
    body
        "cef" or "text".
    facility
        Number of syslog's facility, in [0, 23]; 13 is log audit.
    framing
        Over TCP and TLS: "octets" counts the bytes of a message before it (RFC 6587), "lines" ends it.
    timeout_seconds, ca_file, where, now
        As for `WebhookSink`.
    """

    options: ClassVar = {
        "host": Option(HostName()),
        "port": Option(Optional(Whole(1, 65535)), None),
        "transport": Option(OneOf(tuple(_PORTS)), "udp"),
        "body": Option(OneOf(("cef", "text")), "cef"),
        "facility": Option(Whole(0, 23), 13),
        "framing": Option(OneOf(("octets", "lines")), "octets"),
        "timeout_seconds": Option(Between(0.1, 60), 10.0),
        "ca_file": Option(Optional(Text()), None),
    }

    def __init__(
        self, name: str, *, host: str, port: int | None = None, transport: str = "udp", body: str = "cef",
        facility: int = 13, framing: str = "octets", timeout_seconds: float = 10.0, ca_file: str | None = None,
        where: str = "channel", now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.name, self._host, self._port = name, host, port or _PORTS[transport]
        self._transport, self._body, self._facility, self._framing = transport, body, facility, framing
        self._timeout, self._now = timeout_seconds, now
        self._tls = tls_context(ca_file, f"{where}.ca_file") if transport == "tls" else None

    def __repr__(self) -> str:
        return f"SyslogSink({self.name!r}, {self._place})"

    def deliver(self, notification: Notification) -> None:
        """As `AlarmSink.deliver`."""
        message = self._message(tidy(notification))
        try:
            if self._transport == "udp":
                self._send_datagram(message)
            else:
                self._send_stream(message)
        except OSError as error:
            raise TransientError(f"cannot be sent: {one_line(str(error))[:200]}", where=self._place) from None

    def close(self) -> None:
        """Nothing is held open."""

    @property
    def _place(self) -> str:
        return f"{self._transport}://{self._host}:{self._port}"

    def _message(self, told: Notification) -> bytes:
        level = _NOTICE if told.action != "trigger" else _LEVELS[told.severity]
        sender = "".join(c if c.isascii() and c.isprintable() and c != " " else "-" for c in socket.gethostname())
        kind = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "-" for c in told.kind)[:32]
        head = (
            f"<{8 * self._facility + level}>1 {moment_text(self._now())} {sender[:255] or '-'} amiss - {kind or '-'} - "
        )
        text = (_cef_of(told) if self._body == "cef" else _text_of(told)).encode()
        room = _MOST_BYTES[self._transport] - len(head)
        return head.encode() + text[:room].decode("utf-8", "ignore").encode()

    def _send_datagram(self, message: bytes) -> None:
        family, kind, number, _, address = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, number) as link:
            link.settimeout(self._timeout)
            link.sendto(message, address)

    def _send_stream(self, message: bytes) -> None:
        framed = b"%d %s" % (len(message), message) if self._framing == "octets" else message + b"\n"
        with socket.create_connection((self._host, self._port), timeout=self._timeout) as plain:
            if self._tls is None:
                plain.sendall(framed)
                self._until_closed(plain)
            else:
                with self._tls.wrap_socket(plain, server_hostname=self._host) as link:
                    link.sendall(framed)

    def _until_closed(self, link: socket.socket) -> None:
        """Say that nothing more comes, and wait a moment for the receiver to close too: then it has read it all."""
        link.shutdown(socket.SHUT_WR)
        link.settimeout(min(self._timeout, 1.0))
        try:
            while link.recv(1024):
                pass
        except TimeoutError:
            return


def _cef_of(told: Notification) -> str:
    kind = told.kind or "anomaly"
    head = ["CEF:0", "amiss", "amiss", __version__, kind, told.title or kind, str(_GRAVITY[told.severity])]
    fields: list[tuple[str, Any]] = [
        ("externalId", told.id), ("act", told.action), ("cat", told.severity), ("cnt", told.n_alarms),
    ]  # fmt: skip
    for name, moment in (("start", told.started), ("end", told.ended)):
        seconds = seconds_of(moment)
        fields += [(name, round(seconds * 1000))] if seconds is not None else []
    fields += [("cs1Label", "fingerprint"), ("cs1", told.fingerprint), ("cs2Label", "source"), ("cs2", told.source)]
    if told.entity is not None:
        fields += [("cs3Label", "entity"), ("cs3", told.entity)]
    fields.append(("msg", told.reason))
    return "|".join([*map(cef_head, head), " ".join(f"{name}={cef_field(str(value))}" for name, value in fields)])


def _text_of(told: Notification) -> str:
    rows = "; ".join(f"{name}: {value}" for name, value in lines_of(told))
    return f"{told.action} {told.title} ({rows}; Id: {told.id}): {told.reason}"
