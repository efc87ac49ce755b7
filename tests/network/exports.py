"""Writes datagrams of NetFlow 5 and 9 and IPFIX, for the tests and the benchmark of their readers."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Sequence
from dataclasses import dataclass

SENT = 1_700_000_000
UPTIME = 5_000_000


@dataclass(frozen=True, slots=True)
class Record:
    """One direction of a connection; times in milliseconds since the exporter began, `UPTIME` being now."""

    src: str
    dst: str
    src_port: int = 0
    dst_port: int = 0
    protocol: int = 6
    packets: int = 1
    size: int = 40
    first: int = 0
    last: int = 0
    flags: int = 0

    @property
    def start(self) -> float:
        """Seconds since 1970."""
        return SENT - (UPTIME - self.first) / 1e3


def version_5(records: Sequence[Record], sequence: int = 0, sampling: int = 0, engine: int = 0) -> bytes:
    head = struct.pack(">HHIIIIHH", 5, len(records), UPTIME, SENT, 0, sequence, engine, sampling)
    return head + b"".join(
        ipaddress.ip_address(r.src).packed + ipaddress.ip_address(r.dst).packed
        + struct.pack(">IHHIIIIHHBBBBHHBBH", 0, 1, 2, r.packets, r.size, r.first, r.last, r.src_port, r.dst_port, 0,
                      r.flags, r.protocol, 0, 0, 0, 24, 24, 0)
        for r in records
    )  # fmt: skip


V9_FIELDS = ((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (1, 4), (2, 4), (22, 4), (21, 4), (10, 2), (61, 1))
V9_FIELDS_6 = ((27, 16), (28, 16), *V9_FIELDS[2:])
IPFIX_FIELDS = ((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (1, 8), (2, 8), (152, 8), (153, 8), (10, 4))
IPFIX_FIELDS_6 = ((27, 16), (28, 16), *IPFIX_FIELDS[2:])


def set_of(kind: int, body: bytes) -> bytes:
    padding = -len(body) % 4
    return struct.pack(">HH", kind, len(body) + 4 + padding) + body + bytes(padding)


def template(number: int, fields: Sequence[tuple[int, ...]], version: int = 9) -> bytes:
    """A set with one template; a field of three numbers has an enterprise."""
    body = struct.pack(">HH", number, len(fields))
    for field in fields:
        element = field[0] | 0x8000 if len(field) == 3 else field[0]
        body += struct.pack(">HH", element, field[1]) + (struct.pack(">I", field[2]) if len(field) == 3 else b"")
    return set_of(0 if version == 9 else 2, body)


def _ends(record: Record) -> bytes:
    return ipaddress.ip_address(record.src).packed + ipaddress.ip_address(record.dst).packed


def record_9(r: Record) -> bytes:
    return _ends(r) + struct.pack(">HHBBIIIIHB", r.src_port, r.dst_port, r.protocol, r.flags, r.size, r.packets,
                                  r.first, r.last, 1, 0)  # fmt: skip


def record_10(r: Record) -> bytes:
    boot = SENT * 1000 - UPTIME
    return _ends(r) + struct.pack(">HHBBQQQQI", r.src_port, r.dst_port, r.protocol, r.flags, r.size, r.packets,
                                  boot + r.first, boot + r.last, 1)  # fmt: skip


def version_9(*sets: bytes, sequence: int = 0, domain: int = 0) -> bytes:
    return struct.pack(">HHIIII", 9, len(sets), UPTIME, SENT, sequence, domain) + b"".join(sets)


def ipfix(*sets: bytes, sequence: int = 0, domain: int = 0) -> bytes:
    body = b"".join(sets)
    return struct.pack(">HHIII", 10, 16 + len(body), SENT, sequence, domain) + body
