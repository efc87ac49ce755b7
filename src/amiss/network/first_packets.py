"""Names and requests out of the first packets of a flow: TLS and HTTP."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Request", "request_of", "server_name", "status_of"]

_SERVER_NAME = 0
_LONGEST_PATH, _LONGEST_AGENT, _LONGEST_BODY, _LONGEST_NAME = 2048, 256, 512, 255
_HEAD_LINES = 64
_PLAIN = bytes(c if 32 < c < 127 else ord("?") for c in range(256))


class Request(NamedTuple):
    """One request to a web server, as sent, "" for what is absent."""

    method: str
    host: str
    path: str
    agent: str
    body: str


def server_name(hello: bytes) -> str | None:
    """The server that a client's hello of TLS asks for; "" where it asks for none, None where it is cut before."""
    at = 9 + 2 + 32  # record, handshake, version, random
    for width in (1, 2, 1):  # session, ciphers, compression
        length = _number(hello, at, width)
        if length is None:
            return None
        at += width + length
    whole = _number(hello, at, 2)
    if whole is None:
        return None
    at += 2
    end = at + whole
    while at + 4 <= end:
        kind, length = _number(hello, at, 2), _number(hello, at + 2, 2)
        if kind is None or length is None:
            return None
        at += 4
        if kind == _SERVER_NAME:
            return _listed_name(hello, at, length)
        at += length
    return ""


def _listed_name(hello: bytes, at: int, length: int) -> str | None:
    size = _number(hello, at + 3, 2)
    if size is None or at + 5 + size > len(hello):
        return None
    if size + 5 > length or size > _LONGEST_NAME or hello[at + 2] != 0:
        return ""
    return _plain(hello[at + 5 : at + 5 + size]).lower().rstrip(".")


def _number(content: bytes, at: int, width: int) -> int | None:
    if at + width > len(content):
        return None
    return int.from_bytes(content[at : at + width], "big")


def request_of(payload: bytes) -> Request:
    """The request that a packet begins with, as far as the packet goes."""
    head, _, body = payload.partition(b"\r\n\r\n")
    line, _, rest = head.partition(b"\r\n")
    method, _, target = line.partition(b" ")
    path, _, _ = target.rpartition(b" ") if b" HTTP/" in target else (target, b"", b"")
    host = agent = b""
    for header in rest.split(b"\r\n", _HEAD_LINES)[:_HEAD_LINES]:
        name, _, value = header.partition(b":")
        word = name.strip().lower()
        if word == b"host" and not host:
            host = value.strip()
        elif word == b"user-agent" and not agent:
            agent = value.strip()
    return Request(
        _plain(method[:16]), _host(host[: _LONGEST_NAME + 6]), _text(path[:_LONGEST_PATH]),
        _text(agent[:_LONGEST_AGENT]), _text(body[:_LONGEST_BODY]),
    )  # fmt: skip


def status_of(payload: bytes) -> int:
    """The code of the answer that a packet begins with; −1 where it has none."""
    words = payload[:32].split(b" ", 2)
    code = words[1][:3] if len(words) > 1 else b""
    return int(code) if len(code) == 3 and code.isdigit() else -1


def _host(value: bytes) -> str:
    """A host as it was named, without its port."""
    text = _plain(value).lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    name, colon, port = text.rpartition(":")
    return name if colon and port.isdigit() else text


def _plain(value: bytes) -> str:
    """Bytes of a name as text; what cannot be part of one is "?"."""
    return value.translate(_PLAIN).decode("ascii")


def _text(value: bytes) -> str:
    """Bytes of unknown meaning as text, from which all of them can be had again."""
    return value.decode("latin-1")
