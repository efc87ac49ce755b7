"""What connections carry: the first bytes by which a service is known, then bytes that say nothing."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

__all__ = ["datagram", "stream_of"]

Stream = Callable[[int, int], bytes]
_NOISE = np.random.default_rng(5).integers(0, 256, 1 << 16, dtype=np.uint8).tobytes() * 2
_RECORD = 16_384


def stream_of(service: str, name: str, total: int, *, from_client: bool) -> Stream:
    """The bytes of one direction of a connection, by offset and length."""
    if service == "tls" and total >= 200:
        return _tls(_client_hello(name) if from_client else _server_hello(), total)
    if service == "ssh" and total > 60:
        return _after(b"SSH-2.0-OpenSSH_9.6\r\n" + _KEX_AND_KEYS, _noise)
    if service == "mqtt":
        return _mqtt(from_client=from_client)
    if service == "modbus":
        return _repeated(_MODBUS_ASK if from_client else _MODBUS_TELL)
    return _repeated(b"NOOP some words that say nothing\r\n" if from_client else b"250 as you like, nothing said\r\n")


def datagram(service: str, port: int, number: int, size: int, *, from_client: bool) -> bytes:
    """The bytes of one datagram."""
    if service == "ntp" and size == 48:
        return (
            bytes([0x23 if from_client else 0x24, 2, 6, 0xEC]) + b"\0" * 8 + b"\xc6\x12\0\1" + _noise(number % 9000, 32)
        )
    if service == "dhcp" and size >= 244:
        return _dhcp(number, size, from_client=from_client)
    if service == "ssdp":
        text = (
            b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 2\r\nST: ssdp:all\r\nX: '
        )
        return (text + b"." * 200)[: size - 4] + b"\r\n\r\n"
    if port == 5683 and size > 5:
        return (struct.pack("!BBHB", 0x40, 2 if from_client else 69, number & 0xFFFF, 0xFF) + b"reading " * size)[:size]
    if service == "rtp" and size >= 12:
        return struct.pack("!BBHII", 0x80, 96, number & 0xFFFF, number * 3000 & 0xFFFFFFFF, 77) + _noise(
            number % 60_000, size - 12
        )
    return _noise(number * 31 % 60_000, size) if service in {"quic", "rtp", "stun"} else b"\0" * size


def _noise(offset: int, size: int) -> bytes:
    at = offset % (1 << 16)
    found = _NOISE[at : at + size]
    return found if len(found) == size else (found + _NOISE * (size // len(_NOISE) + 1))[:size]


def _after(head: bytes, rest: Stream) -> Stream:
    def read(offset: int, size: int) -> bytes:
        first = head[offset : offset + size]
        return first + (rest(offset + len(first), size - len(first)) if len(first) < size else b"")

    return read


def _repeated(pattern: bytes) -> Stream:
    def read(offset: int, size: int) -> bytes:
        at = offset % len(pattern)
        return (pattern * (size // len(pattern) + 2))[at : at + size]

    return read


def _tls(hello: Callable[[int], bytes], total: int) -> Stream:
    """A greeting, then records of application data; the greeting is padded so that the last record is whole."""
    spare = 0
    while 0 < (total - len(hello(spare))) % (_RECORD + 5) < 6:
        spare += 6
    head = hello(spare)
    rest = total - len(head)

    def read(offset: int, size: int) -> bytes:
        found = head[offset : offset + size]
        while len(found) < size:
            index, at = divmod(offset + len(found) - len(head), _RECORD + 5)
            length = min(_RECORD, rest - index * (_RECORD + 5) - 5)
            record = b"\x17\x03\x03" + struct.pack("!H", length)
            piece = record[at:] if at < 5 else _noise(at, min(length + 5 - at, size - len(found)))
            found += piece[: size - len(found)]
        return found

    return read


def _client_hello(name: str) -> Callable[[int], bytes]:
    word = name.encode()

    def build(spare: int) -> bytes:
        server = struct.pack("!HHHBH", 0, len(word) + 5, len(word) + 3, 0, len(word)) + word if word else b""
        versions = struct.pack("!HHBH", 43, 3, 2, 0x0304)
        padding = struct.pack("!HH", 21, spare) + b"\0" * spare
        extensions = server + versions + padding
        body = b"\x03\x03" + _noise(len(word) * 40, 32) + b"\0" + struct.pack("!HHHH", 6, 0x1301, 0x1302, 0x1303)
        body += b"\x01\0" + struct.pack("!H", len(extensions)) + extensions
        return _handshake(1, body)

    return build


def _server_hello() -> Callable[[int], bytes]:
    def build(spare: int) -> bytes:
        extensions = struct.pack("!HHH", 43, 2, 0x0304) + struct.pack("!HH", 21, spare) + b"\0" * spare
        body = b"\x03\x03" + _noise(900, 32) + b"\0" + struct.pack("!HB", 0x1301, 0)
        return _handshake(2, body + struct.pack("!H", len(extensions)) + extensions)

    return build


def _handshake(kind: int, body: bytes) -> bytes:
    message = bytes([kind]) + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x03" + struct.pack("!H", len(message)) + message


def _ssh_packet(body: bytes) -> bytes:
    padding = 8 - (5 + len(body)) % 8 + 4
    padding += (8 - (5 + len(body) + padding) % 8) % 8
    return struct.pack("!IB", 1 + len(body) + padding, padding) + body + b"\0" * padding


_LISTS = b"".join(
    struct.pack("!I", len(one)) + one
    for one in [
        b"curve25519-sha256",
        b"ssh-ed25519",
        *[b"aes128-ctr"] * 2,
        *[b"hmac-sha2-256"] * 2,
        *[b"none"] * 2,
        b"",
        b"",
    ]
)
_KEX_AND_KEYS = _ssh_packet(b"\x14" + bytes(16) + _LISTS + bytes(5)) + _ssh_packet(b"\x15")
_MODBUS_ASK = struct.pack("!HHHBBHH", 1, 0, 6, 1, 3, 0, 10)
_MODBUS_TELL = struct.pack("!HHHBBB", 1, 0, 23, 1, 3, 20) + bytes(20)


def _mqtt(*, from_client: bool) -> Stream:
    """CONNECT and readings of 70 bytes each; what is too short for one of them are signs of life."""
    if not from_client:
        return _after(b"\x20\x02\0\0", _repeated(b"\xd0\0"))
    connect = b"\x10\x58\0\4MQTT\4\2\0\x3c" + struct.pack("!H", 76) + b"d" * 76
    reading = b"\x30\x44\0\6s/temp" + b'{"value": 20.51}'.ljust(60)

    def rest(offset: int, size: int) -> bytes:
        return _repeated(reading)(offset - len(connect), size)

    return _after(connect, rest)


def _dhcp(number: int, size: int, *, from_client: bool) -> bytes:
    hardware = b"\x02\x42" + struct.pack("!I", number & 0xFFFFFFFF)
    head = struct.pack("!BBBBIHH", 1 if from_client else 2, 1, 6, 0, number & 0xFFFFFFFF, 0, 0) + b"\0" * 16
    head += hardware.ljust(16, b"\0") + b"\0" * 192 + b"\x63\x82\x53\x63"
    return (head + bytes([53, 1, 1 if from_client else 5, 255])).ljust(size, b"\0")[:size]
