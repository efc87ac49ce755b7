"""Messages from an MQTT broker, acknowledged once they lie in a snapshot."""

from __future__ import annotations

import hashlib
import ssl
import time
from typing import Literal

import msgspec

from amiss.core.errors import ConnectorError
from amiss.core.extras import require
from amiss.core.live import Message, Polled, Position
from amiss.io.address import Address
from amiss.io.inbox import Inbox
from amiss.io.mqtt.ledger import Arrival, Ledger
from amiss.io.mqtt.link import Connected, Delivery, Link, Wishes
from amiss.io.secret import secret

__all__ = ["MqttOptions", "MqttSource"]

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_MOST_IDENTIFIERS = 65_535


class MqttOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What can be asked of an MQTT broker.

    Attributes
    ----------
    client_id
        The name by which the broker remembers us; "" derives one from the address and the source's name.
    password_file
        A file whose first line is the password; otherwise it is that of the address or AMISS_MQTT_PASSWORD.
    ca_file
        The authority that signed the broker's certificate, where it is not one that the system knows.
    certificate_file, key_file
        Our own certificate and its key, where the broker asks for one.
    protocol
        Version of MQTT; 3.1.1 is also tried where the broker does not know 5.
    keep_alive_seconds
        After so long a silence each side asks whether the other is there.
    session_expiry_seconds
        So long the broker keeps what comes while we are away (MQTT 5; otherwise it is the broker's own setting).
    max_unacknowledged
        So many messages are received ahead of the last snapshot, 1 to 65,535 (MQTT 5; otherwise the broker's setting).
    max_message_bytes
        Messages that are larger are left out and counted.
    max_waiting_bytes
        While so many bytes wait to be polled, nothing more is read.
    connect_timeout_seconds
        So long the broker may take to answer.
    """

    client_id: str = ""
    password_file: str = ""
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    protocol: Literal["5", "3.1.1"] = "5"
    keep_alive_seconds: int = 60
    session_expiry_seconds: int = 604_800
    max_unacknowledged: int = 10_000
    max_message_bytes: int = 10_000_000
    max_waiting_bytes: int = 64_000_000
    connect_timeout_seconds: float = 10.0


class MqttSource:
    """Messages of one topic filter, at quality of service 1, in a session that the broker remembers.

    A message is acknowledged by `commit` alone; until then the broker keeps it, and sends it again after a crash. One
    that it sends again though it lies in the snapshot is acknowledged and not handed out. Messages that were published
    with quality of service 0 come at most once: what was polled and is in no snapshot is lost with the process.

    Parameters
    ----------
    address
        `mqtt://user:password@host:1883/topic/#`, or `mqtts://` for TLS.
    name
        What the user calls it; the address without its password where "".
    options
        What is asked of it.

    Raises
    ------
    ConnectorError
        The address lacks host or topic, or its topic filter is none.
    """

    def __init__(self, address: Address, *, name: str = "", options: MqttOptions | None = None) -> None:
        self.name = name or address.shown
        self._address, self._options = address, options or MqttOptions()
        if not address.host or not _is_filter(address.path):
            raise ConnectorError(
                "the address lacks its host" if not address.host else "the address has no topic filter",
                where=address.shown, mend=f"{address.scheme}://host/topic, with + for one level and # for all below",
            )  # fmt: skip
        self._client_id = self._options.client_id or _derived(address, name)
        self._link: Link | None = None
        self._rings = False

    @classmethod
    def at(cls, address: Address, *, name: str, options: MqttOptions) -> MqttSource:
        """The source that an address names."""
        return cls(address, name=name, options=options)

    def open(self, position: Position | None) -> None:
        """Connect, subscribe, and go on with what the broker has kept.

        Raises
        ------
        ConnectorError
            Nobody is there, the certificate is not trusted, or user, password or topic are refused.
        MissingExtraError
            paho-mqtt is not installed.
        """
        options = self._options
        require("paho.mqtt.client", extra="live", what="receiving from an MQTT broker")
        self._inbox: Inbox[Delivery | Connected] = Inbox(
            min(2 * options.max_unacknowledged, _MOST_IDENTIFIERS), options.max_waiting_bytes
        )
        self._ledger = Ledger(options.max_unacknowledged)
        ours = position is not None and position.get("client_id") == self._client_id
        if position is not None and ours:
            self._ledger.taken_up(position["handed_out"])
        link = Link(self._wishes(), self._inbox)
        link.open(known_topic=position is not None and ours and position.get("topic") == self._address.path)
        self._link = link

    def _wishes(self) -> Wishes:
        address, options = self._address, self._options
        if not 1 <= options.max_unacknowledged <= _MOST_IDENTIFIERS:
            raise ConnectorError(
                "max_unacknowledged is not from 1 to 65,535", where=self.name, mend="max_unacknowledged = 10000"
            )
        return Wishes(
            where=address.shown,
            host=address.host,
            port=address.port or _PORTS[address.scheme],
            topic=address.path,
            client_id=self._client_id,
            user=address.user,
            password=secret(address.password, options.password_file, "AMISS_MQTT_PASSWORD") if address.user else None,
            tls=_tls(options, self.name) if address.scheme == "mqtts" else None,
            version=options.protocol,
            keep_alive_seconds=options.keep_alive_seconds,
            session_expiry_seconds=options.session_expiry_seconds,
            max_unacknowledged=options.max_unacknowledged,
            connect_timeout_seconds=options.connect_timeout_seconds,
        )

    def poll(self, most: int, timeout_seconds: float) -> Polled:
        """Up to `most` messages; waits up to `timeout_seconds` for the first, and for no other."""
        link = self._linked()
        self._ledger.settled(*link.settled)
        until = time.monotonic() + timeout_seconds
        messages: list[Message] = []
        n_large = 0
        while True:
            self._inbox.wait(until - time.monotonic())
            was_full = self._inbox.full
            n_large += self._take(messages, most)
            if messages or n_large or link.notes or time.monotonic() >= until:
                break
        if was_full or self._rings:
            link.ring()
        self._rings = False
        notes = [f"{self.name}: {link.notes.popleft()}" for _ in range(len(link.notes))]
        if n_large:
            limit = self._options.max_message_bytes
            notes.append(f"{self.name}: {n_large:,} messages of more than {limit:,} bytes left out")
        return Polled(messages, self._position(), len(self._inbox), notes=notes)

    def _take(self, messages: list[Message], most: int) -> int:
        """Take what is new out of the inbox; how many were too large."""
        n_large = 0
        while len(messages) < most and (item := self._inbox.take()) is not None:
            if isinstance(item, Connected):
                self._ledger.connected(item.connection, resumed=item.resumed)
            elif self._is_new(item):
                if len(item.body) > self._options.max_message_bytes:
                    n_large += 1
                else:
                    messages.append(Message(item.body, item.topic, item.received))
        return n_large

    def _position(self) -> Position:
        return {"client_id": self._client_id, "topic": self._address.path, "handed_out": self._ledger.position()}

    def _is_new(self, item: Delivery) -> bool:
        if not item.quality:
            return True
        digest = hashlib.blake2b(item.topic.encode() + b"\0" + item.body, digest_size=8).hexdigest()
        arrival = self._ledger.arrived(item.identifier, digest, again=item.again)
        if arrival is Arrival.SAFE:
            self._acknowledge(item.identifier)
            self._rings = True
        return arrival is Arrival.NEW

    def _acknowledge(self, identifier: int) -> None:
        number = self._ledger.acknowledging(identifier)
        self._linked().acknowledge(self._ledger.connection, number, identifier)

    def _linked(self) -> Link:
        if self._link is None:
            raise ConnectorError("the source is not open", where=self.name, mend="call open first")
        return self._link

    def commit(self, position: Position) -> None:
        """Acknowledge all messages of a position that came by this connection; the others when they come again."""
        for identifier in self._ledger.safe(position["handed_out"]):
            self._acknowledge(identifier)
        self._linked().ring()

    def close(self) -> None:
        """Part from the broker, which goes on remembering us."""
        if self._link is not None:
            self._link.close()
            self._link = None


def _is_filter(topic: str) -> bool:
    """Whether this is a topic filter: + stands for a whole level, # for the last ones."""
    levels = topic.split("/")
    whole = all(level in ("+", "#") or not set("+#\0") & set(level) for level in levels)
    return bool(topic) and whole and "#" not in levels[:-1] and len(topic.encode()) <= _MOST_IDENTIFIERS


def _derived(address: Address, name: str) -> str:
    """The same at each start, and another for each source; at most 23 characters, which every broker takes."""
    parts = f"{address.scheme} {address.host} {address.port} {address.user} {address.path} {name}"
    return "amiss-" + hashlib.blake2b(parts.encode(), digest_size=8).hexdigest()


class _Shaking(ssl.SSLSocket):
    """Closes itself where the other side is not to be trusted: paho would leave that to the collector of garbage."""

    def do_handshake(self, block: bool = False) -> None:
        """Agree on keys."""
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def _tls(options: MqttOptions, name: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.ca_file or None)
        context.sslsocket_class = _Shaking
        if options.certificate_file:
            context.load_cert_chain(options.certificate_file, options.key_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ConnectorError(
            f"a file for TLS cannot be used: {error.strerror or error}", where=name,
            mend="check ca_file, certificate_file and key_file: PEM, and readable",
        ) from error  # fmt: skip
    return context
