"""What is asked of Kafka, in our words and in those of its client library."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from amiss.io.address import Address
from amiss.io.secret import secret

__all__ = ["PORT", "KafkaOptions", "client_settings"]

PORT = 9092
"""Where brokers listen unless the address says otherwise."""


class KafkaOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What can be asked of a Kafka broker.

    Attributes
    ----------
    group
        The consumer group to which offsets are committed; "" derives one from the address and the source's name.
    start
        Where a group begins that has no offsets: "latest" with what comes next, "earliest" with the oldest there is.
    share_partitions
        Whether other watchers of the same group take a part of the partitions, as they come and go.
    brokers
        Further brokers to begin with, as host:port, with commas between.
    tls
        Whether to speak TLS.
    ca_file
        The authority that signed the brokers' certificates, where it is not one that the system knows.
    certificate_file, key_file
        Our own certificate and its key, where the brokers ask for one.
    sasl_mechanism
        How the user and password of the address are told.
    password_file
        A file whose first line is the password; otherwise it is that of the address or AMISS_KAFKA_PASSWORD.
    max_message_bytes
        Records that are larger are left out and counted.
    max_waiting_bytes
        While so many bytes wait to be polled, nothing more is fetched.
    connect_timeout_seconds
        So long the broker may take to answer at the start.
    """

    group: str = ""
    start: Literal["latest", "earliest"] = "latest"
    share_partitions: bool = False
    brokers: str = ""
    tls: bool = False
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    password_file: str = ""
    max_message_bytes: int = 10_000_000
    max_waiting_bytes: int = 64_000_000
    connect_timeout_seconds: float = 10.0


def client_settings(address: Address, options: KafkaOptions, name: str) -> dict[str, Any]:
    """The settings of the client library for one source.

    Raises
    ------
    ConnectorError
        The file with the password cannot be read.
    """
    host = f"[{address.host}]" if ":" in address.host else address.host
    found: dict[str, Any] = {
        "bootstrap.servers": ",".join(part for part in (f"{host}:{address.port or PORT}", options.brokers) if part),
        "group.id": options.group or _derived(address, name),
        "client.id": "amiss",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "queued.max.messages.kbytes": max(1, options.max_waiting_bytes // 1024),
        "fetch.max.bytes": max(16_000_000, options.max_message_bytes),
        "reconnect.backoff.ms": 250,
        "reconnect.backoff.max.ms": 30_000,
        "security.protocol": ("sasl_" if address.user else "") + ("ssl" if options.tls else "plaintext"),
        "log_level": 0,  # what it has to say is said by its callbacks
    }
    if address.user:
        found |= {
            "sasl.mechanism": options.sasl_mechanism,
            "sasl.username": address.user,
            "sasl.password": secret(address.password, options.password_file, "AMISS_KAFKA_PASSWORD") or "",
        }
    files = {
        "ssl.ca.location": options.ca_file,
        "ssl.certificate.location": options.certificate_file,
        "ssl.key.location": options.key_file,
    }
    return found | {key: file for key, file in files.items() if file and options.tls}


def _derived(address: Address, name: str) -> str:
    parts = f"{address.host} {address.port} {address.user} {address.path} {name}"
    return "amiss-" + hashlib.blake2b(parts.encode(), digest_size=8).hexdigest()
