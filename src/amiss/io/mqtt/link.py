"""A connection to an MQTT broker in a thread of its own, made again whenever it is lost."""

from __future__ import annotations

import contextlib
import random
import select
import socket
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from amiss.core.errors import ConnectorError, TerminalError
from amiss.core.extras import require
from amiss.io.inbox import Inbox

if TYPE_CHECKING:
    from paho.mqtt.client import Client

__all__ = ["Connected", "Delivery", "Link", "Wishes"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 30.0
_LASTING_SECONDS = 10.0
_TURN_SECONDS = 1.0
_AT_ONCE = 256
_NOTHING = "amiss/nothing"
"""Nobody subscribes to this: the answer to leaving it says that all we sent before has been taken."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """Where to connect and how; as of `MqttOptions`."""

    where: str
    host: str
    port: int
    topic: str
    client_id: str
    user: str
    password: str | None = field(repr=False)
    tls: ssl.SSLContext | None
    version: str
    keep_alive_seconds: int
    session_expiry_seconds: int
    max_unacknowledged: int
    connect_timeout_seconds: float


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """A message as it came, with what the broker says of its delivery."""

    identifier: int
    again: bool
    quality: int
    topic: str
    body: bytes
    received: float


class Connected(msgspec.Struct, frozen=True, gc=False):
    """From here on messages came by another connection; `resumed` where the broker remembers us."""

    connection: int
    resumed: bool


class Link:
    """Receives into an inbox and sends acknowledgements; paho's client is touched by one thread at a time.

    It stops reading while the inbox is full, and the broker keeps what waits.

    Parameters
    ----------
    wishes
        Where to connect and how.
    inbox
        Where deliveries go, in the order in which they come.

    Attributes
    ----------
    notes
        What is to be said, once each.
    settled
        Connection and number of the last acknowledgement that the broker surely has.
    """

    def __init__(self, wishes: Wishes, inbox: Inbox[Delivery | Connected]) -> None:
        self._wishes, self._inbox = wishes, inbox
        self.notes: deque[str] = deque(maxlen=100)
        self.settled = (0, 0)
        self._acknowledgements: deque[tuple[int, int, int]] = deque()
        self._barrier: tuple[int, int] | None = None
        self._connection = self._n_received = self._unsettled = 0
        self._resumed = self._newest = False
        self._known_topic = False
        self._answer: Any = None
        self._granted: Any = None
        self._lost_for = ""
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._ears, self._bell = socket.socketpair()
        self._ears.setblocking(False)
        self._bell.setblocking(False)

    def open(self, *, known_topic: bool) -> None:
        """Connect and subscribe; then go on in a thread.

        Parameters
        ----------
        known_topic
            Whether a session of ours that the broker remembers has the subscription.

        Raises
        ------
        ConnectorError
            Nobody answers, or not as a broker does, or it refuses us.
        """
        self._known_topic = known_topic
        self._client = self._made(self._wishes.version)
        try:
            self._dial(first=True)
            if str(self._answer) == "Unsupported protocol version" and self._wishes.version == "5":
                self._client = self._made("3.1.1")
                self._dial(first=True)
            self._check_answer()
        except BaseException:
            self._client.disconnect()
            self._let_go()
            raise
        self._known_topic = True
        self._thread = threading.Thread(target=self._run, name="amiss-mqtt", daemon=True)
        self._thread.start()

    def acknowledge(self, connection: int, number: int, identifier: int) -> None:
        """Tell the broker that a message of a connection is safe, as soon as may be; `ring` afterwards."""
        self._acknowledgements.append((connection, number, identifier))

    def ring(self) -> None:
        """Wake the thread: there is something to send, or room to receive."""
        with contextlib.suppress(OSError):  # enough bells ring already, or nobody is there any more
            self._bell.send(b"!")

    def close(self) -> None:
        """Send what is to be sent, and part; the broker remembers us. May be called twice."""
        self._closing.set()
        self.ring()
        if self._thread is not None:
            self._thread.join(5.0)
            self._thread = None
        self._let_go()

    def _let_go(self) -> None:
        self._ears.close()
        self._bell.close()

    # What follows runs in one thread at a time: that of `open` until it is done, then the link's own.

    def _made(self, version: str) -> Client:
        mqtt = require("paho.mqtt.client", extra="live", what="receiving from an MQTT broker")
        wishes, newest = self._wishes, version == "5"
        self._newest = newest
        client: Client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=wishes.client_id, clean_session=None if newest else False,
            protocol=mqtt.MQTTv5 if newest else mqtt.MQTTv311, manual_ack=True,
        )  # fmt: skip
        client.connect_timeout = wishes.connect_timeout_seconds
        if wishes.user or wishes.password is not None:
            client.username_pw_set(wishes.user, wishes.password)
        if wishes.tls is not None:
            client.tls_set_context(wishes.tls)
        client.on_connect, client.on_message = self._on_connect, self._on_message
        client.on_subscribe, client.on_unsubscribe = self._on_subscribe, self._on_unsubscribe
        client.on_disconnect = self._on_disconnect
        return client

    def _dial(self, *, first: bool) -> None:
        """Connect, and subscribe where the broker does not remember it; the outcome stands in `_answer`."""
        wishes, self._answer, self._granted = self._wishes, None, None
        try:
            if not first:
                self._client.reconnect()
            elif self._newest:
                self._client.connect(
                    wishes.host, wishes.port, wishes.keep_alive_seconds, clean_start=False, properties=self._session()
                )
            else:
                self._client.connect(wishes.host, wishes.port, wishes.keep_alive_seconds)
        except (OSError, ValueError) as error:
            raise _unreachable(error, wishes) from error
        until = time.monotonic() + wishes.connect_timeout_seconds
        self._await("_answer", until)
        if self._answer is not None and not self._answer.is_failure and self._subscribing():
            self._await("_granted", until)

    def _session(self) -> Any:
        properties = require("paho.mqtt.properties", extra="live", what="receiving from an MQTT broker")
        types = require("paho.mqtt.packettypes", extra="live", what="receiving from an MQTT broker")
        wish = properties.Properties(types.PacketTypes.CONNECT)
        wish.SessionExpiryInterval = self._wishes.session_expiry_seconds
        wish.ReceiveMaximum = self._wishes.max_unacknowledged
        return wish

    def _await(self, name: str, until: float) -> None:
        while getattr(self, name) is None and self._client.socket() is not None and time.monotonic() < until:
            self._turn(0.1, full=False)

    def _subscribing(self) -> bool:
        """Subscribe if need be; the values that a broker retains come with a new subscription only."""
        if self._newest:
            options = require("paho.mqtt.subscribeoptions", extra="live", what="receiving from an MQTT broker")
            wish = options.SubscribeOptions(qos=1, retainHandling=options.SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            self._client.subscribe(self._wishes.topic, options=wish)
            return True
        if self._resumed and self._known_topic:
            return False
        self._client.subscribe(self._wishes.topic, qos=1)
        return True

    def _check_answer(self) -> None:
        where = self._wishes.where
        if self._answer is None:
            raise ConnectorError(
                "nobody there speaks MQTT: the connection was closed or stayed silent", where=where,
                mend="check the port; is it one for TLS (mqtts://), or the other way round (mqtt://)?",
            )  # fmt: skip
        if self._answer.is_failure:
            raise TerminalError(
                f"the broker refuses us: {self._answer}", where=where,
                mend="check the user in the address, and the password there, in password_file or AMISS_MQTT_PASSWORD",
            )  # fmt: skip
        refused = [reason for reason in self._granted or [] if reason.is_failure]
        if refused:
            raise TerminalError(
                f"the broker refuses the subscription to {self._wishes.topic!r}: {refused[0]}", where=where,
                mend="check what the user may read there",
            )  # fmt: skip
        if self._client.socket() is None:
            raise ConnectorError("the broker closed the connection", where=where, mend="see the broker's log")

    def _run(self) -> None:
        pause, since, begun, n_short = _FIRST_PAUSE, 0.0, time.monotonic(), 0
        while not self._closing.is_set():
            if self._client.socket() is not None:
                self._turn(_TURN_SECONDS, full=self._inbox.full)
                continue
            if not since:
                since = time.monotonic()
                # One that does not last, as where two go by the same name, is none to begin anew with.
                lasted = since - begun > _LASTING_SECONDS
                pause, n_short = (_FIRST_PAUSE, 0) if lasted else (pause, n_short + 1)
                self._note_loss(n_short)
            if self._closing.wait(pause * random.uniform(0.5, 1.0)):
                break
            pause = min(2 * pause, _LONGEST_PAUSE)
            if self._again():
                begun = time.monotonic()
                self.notes.append(f"the broker is back after {begun - since:.1f} s")
                self._inbox.wake()
                since = 0.0
        self._part()

    def _note_loss(self, n_short: int) -> None:
        reason = self._lost_for or ("does another watcher go by the same client_id?" if n_short > 1 else "")
        why = f" ({reason})" if reason else ""
        self.notes.append(f"the connection to the broker was lost{why}; it is tried again with growing pauses")
        self._inbox.wake()

    def _again(self) -> bool:
        try:
            self._dial(first=False)
            self._check_answer()
        except ConnectorError as error:
            if isinstance(error, TerminalError) and self._lost_for != error.what:
                self._lost_for = error.what
                self.notes.append(error.what)
            self._client.disconnect()
            return False
        self._lost_for = ""
        return True

    def _turn(self, seconds: float, *, full: bool) -> None:
        """Wait for something to receive or to send, and do it."""
        here = self._client.socket()
        if here is None:
            return
        held = getattr(here, "pending", int)() > 0  # bytes that TLS has taken out of the socket already
        reading = [self._ears] if full else [self._ears, here]
        writing = [here] if self._client.want_write() else []
        wait = 0.0 if held and not full else 0.02 if full else seconds
        try:
            ready, _, _ = select.select(reading, writing, [], wait)
        except (OSError, ValueError):
            ready = [here]  # a socket that was closed tells so when it is read
        if self._ears in ready:
            self._ears.recv(4096)
        if here in ready or (held and not full):
            self._receive()
        self._send_acknowledgements()
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()

    def _receive(self) -> None:
        for _ in range(_AT_ONCE):
            before = self._n_received
            self._client.loop_read()
            if self._n_received == before or self._inbox.full:
                return

    def _send_acknowledgements(self) -> None:
        last = 0
        while self._acknowledgements and self._answer is not None and self._client.socket() is not None:
            connection, number, identifier = self._acknowledgements.popleft()
            # What came by an earlier connection comes again by this one, and is acknowledged then.
            if connection == self._connection:
                self._client.ack(identifier, 1)
                last = number
        if last:
            self._unsettled = last
        if self._unsettled and self._barrier is None and self._client.socket() is not None:
            _, identifier_of_barrier = self._client.unsubscribe(_NOTHING)
            if identifier_of_barrier is not None:
                self._barrier = identifier_of_barrier, self._unsettled
            self._unsettled = 0

    def _part(self) -> None:
        until = time.monotonic() + 1.0
        self._send_acknowledgements()
        while self._client.want_write() and self._client.socket() is not None and time.monotonic() < until:
            self._turn(0.05, full=True)
        self._client.disconnect()
        self._client.loop_write()

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._answer, self._barrier, self._unsettled = reason, None, 0
        if reason.is_failure:
            return
        self._connection += 1
        self._resumed = bool(flags.session_present)
        if not self._resumed and self._known_topic:
            self.notes.append("the broker has forgotten our session: what it held for us is lost")
        self._inbox.put(Connected(self._connection, self._resumed))

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        self._n_received += 1
        try:
            topic = message.topic
        except UnicodeDecodeError:  # a broker that lets topics through that are no text
            topic = ""
        body = bytes(message.payload)
        delivery = Delivery(message.mid, bool(message.dup), message.qos, topic, body, time.time())
        self._inbox.put(delivery, len(body) + len(topic) + 200)

    def _on_subscribe(self, client: Any, userdata: Any, identifier: int, reasons: Any, properties: Any) -> None:
        self._granted = reasons

    def _on_unsubscribe(self, client: Any, userdata: Any, identifier: int, reasons: Any, properties: Any) -> None:
        if self._barrier is not None and self._barrier[0] == identifier:
            self.settled = self._connection, self._barrier[1]
            self._barrier = None

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if flags.is_disconnect_packet_from_server:
            self._lost_for = str(reason)


def _unreachable(error: Exception, wishes: Wishes) -> ConnectorError:
    if isinstance(error, ssl.SSLCertVerificationError):
        what = f"the broker's certificate is not trusted: {error.verify_message}"
        mend = 'name the file of the authority that signed it: ca_file = "ca.pem"; the host must be the one it names'
    elif isinstance(error, ssl.SSLError):
        what, mend = f"TLS failed: {error.reason or error}", "check the port, ca_file, certificate_file and key_file"
    elif isinstance(error, socket.gaierror):
        what, mend = f"no host is called {wishes.host!r}", "check the name in the address"
    else:
        what = f"the broker cannot be reached: {getattr(error, 'strerror', None) or error}"
        mend = "check host and port, and that the broker runs"
    return ConnectorError(what, where=wishes.where, mend=mend)
