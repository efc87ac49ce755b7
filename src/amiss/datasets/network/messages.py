"""Sizes of DNS messages and HTTP requests, and their bytes."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector

__all__ = [
    "answer_bytes",
    "dns_answer",
    "dns_question",
    "http_request",
    "http_response",
    "question_bytes",
    "request_bytes",
]

_FIXED = {1: 16, 28: 28}
_LEAST = {16: 14, 10: 13, 5: 15, 12: 15, 15: 17, 33: 21, 65: 25, 6: 34, 2: 15}


def question_bytes(name: str) -> int:
    """Bytes of a question for one name."""
    return 12 + len(name) + 2 + 4


def answer_bytes(question: Vector, kind: npt.NDArray[np.int32], code: npt.NDArray[np.int32], records: Vector) -> Vector:
    """Bytes of an answer with about so many bytes of records: whole records of the kind asked for."""
    size = np.round(records)
    for number, each in _FIXED.items():
        size = np.where(kind == number, np.maximum(np.round(size / each), 1) * each, size)
    for number, least in _LEAST.items():
        size = np.where(kind == number, np.maximum(size, least), size)
    # No such name, or an error: a record of authority comes with the first, nothing with the second.
    size = np.where(code == 3, 63, np.where(code > 0, 0, size))
    found: Vector = question + size
    return found


def request_bytes(method: str, host: str, path: str, agent: str, body: str) -> int:
    """Bytes of a request."""
    return len(http_request(method, host, path, agent, body))


def http_request(method: str, host: str, path: str, agent: str, body: str) -> bytes:
    """A request as sent."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    if agent:
        lines.append(f"User-Agent: {agent}")
    lines.append("Accept: */*")
    if agent.startswith("Mozilla/5.0 ("):
        # Browsers bring along what a site has told them to keep: another length at each site.
        kept = sum(i * ord(sign) for i, sign in enumerate(host, 3)) % 700
        lines += ["Accept-Language: en", f"Cookie: kept={'k' * kept}"]
    sent = body.encode()
    if sent:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(sent)}"]
    return "\r\n".join([*lines, "", ""]).encode() + sent


def http_response(status: int, size: int) -> bytes:
    """An answer of so many bytes in all, at least about 100."""
    head = f"HTTP/1.1 {status} {_REASONS.get(status, 'Other')}\r\nServer: httpd\r\nContent-Type: text/plain\r\n"
    room = max(size - len(head) - len("Content-Length: \r\n\r\n"), 1)
    digits = len(str(room - len(str(room)) + 1))
    n = max(room - digits, 0)
    # Where the body is one byte too short for so many digits, a space fills in.
    return f"{head}Content-Length: {n:>{digits}}\r\n\r\n".encode() + b"." * n


_REASONS = {200: "OK", 204: "No Content", 301: "Moved Permanently", 302: "Found", 304: "Not Modified",
            401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 500: "Internal Server Error"}  # fmt: skip


def _name(word: str) -> bytes:
    return b"".join(bytes([len(part)]) + part.encode() for part in word.split(".") if part) + b"\0"


def dns_question(number: int, name: str, kind: int) -> bytes:
    """A question as sent."""
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + _name(name) + struct.pack("!2H", kind, 1)


def dns_answer(number: int, name: str, kind: int, code: int, size: int) -> bytes:
    """An answer of so many bytes in all, with records of the kind asked for."""
    question = _name(name) + struct.pack("!2H", kind, 1)
    left = size - 12 - len(question)
    records, authority = b"", b""
    if code == 3 and left >= 12:
        authority = _record(6, _start_of_authority(left - 12))
    elif kind in _FIXED:
        each = _FIXED[kind]
        records = b"".join(
            _record(kind, bytes([198, 18, 0, i % 250 + 1]).rjust(each - 12, b"\x20")) for i in range(left // each)
        )
    elif left >= 12:
        records = _record(kind, _rdata(kind, left - 12))
    n = len(records) // _FIXED[kind] if kind in _FIXED else int(bool(records))
    head = struct.pack("!6H", number, 0x8180 | max(code, 0), 1, n, int(bool(authority)), 0)
    return head + question + records + authority


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("!3HIH", 0xC00C, kind, 1, 300, len(data)) + data


def _start_of_authority(size: int) -> bytes:
    return _filled_name(size - 21) + b"\0" + struct.pack("!5I", 1, 7200, 900, 1_209_600, 86_400)


def _rdata(kind: int, size: int) -> bytes:
    if kind == 16:
        parts, left = b"", size
        while left > 0:
            length = min(left - 1, 255)
            parts += bytes([length]) + b"x" * length
            left -= length + 1
        return parts
    if kind in (5, 12, 2):
        return _filled_name(size)
    if kind == 15:
        return struct.pack("!H", 10) + _filled_name(size - 2)
    if kind == 33:
        return struct.pack("!3H", 0, 100, 389) + _filled_name(size - 6)
    if kind == 6:
        return _start_of_authority(size)
    if kind == 65:
        # Service binding: priority, the root as target, one parameter of the remaining bytes.
        return struct.pack("!HB2H", 1, 0, 1, size - 7) + _alpn(size - 7)
    return b"\xa5" * size


def _alpn(size: int) -> bytes:
    return bytes([size - 1]) + b"h" * (size - 1)


def _filled_name(size: int) -> bytes:
    """A name that takes exactly so many bytes on the wire."""
    parts, left = b"", size - 1
    while left > 0:
        length = min(left - 1, 40)
        # What is left over after this label needs at least two bytes.
        length -= int(left - 1 - length == 1)
        parts += bytes([length]) + b"a" * length
        left -= length + 1
    return parts + b"\0"
