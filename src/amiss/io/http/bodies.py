"""What a pushed body holds: JSON objects one by one, or lines of InfluxDB's line protocol."""

from __future__ import annotations

import re
import zlib

import msgspec

__all__ = ["WRITE_PATH", "TooLargeError", "messages_in", "unpacked"]

WRITE_PATH = "/api/v2/write"
"""Where clients of InfluxDB 2 write to."""
_MOMENT = re.compile(rb" (-?\d+)$")
_NANOSECONDS = {"ns": 1, "us": 1_000, "u": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_GZIP = 16 + zlib.MAX_WBITS


class TooLargeError(Exception):
    """A body is larger than it may be."""


def unpacked(body: bytes, encoding: str, most_bytes: int) -> bytes:
    """A body without its compression.

    Raises
    ------
    TooLargeError
        It is larger than `most_bytes`, packed or not.
    ValueError
        The compression is not known, or the body is damaged.
    """
    if len(body) > most_bytes:
        raise TooLargeError
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise ValueError(f"the encoding {encoding[:40]!r} is not known; send gzip or none")
    packed = zlib.decompressobj(_GZIP)
    try:
        plain = packed.decompress(body, most_bytes + 1)
    except zlib.error as error:
        raise ValueError("the body is no gzip") from error
    if len(plain) > most_bytes:
        raise TooLargeError
    if not packed.eof:
        raise ValueError("the body is cut")
    return plain


def messages_in(path: str, body: bytes, precision: str = "ns") -> list[bytes]:
    """The messages of a body, in order; what is neither of the two is cut into its lines and left to the decoder.

    Parameters
    ----------
    path
        Where it was sent to; `/api/v2/write` takes line protocol, any other JSON: an object, an array, or lines.
    body
        As it came.
    precision
        The unit of the times in line protocol: "ns", "us", "ms" or "s"; they are handed out in nanoseconds.

    Raises
    ------
    ValueError
        The unit is not known.

    Examples
    --------
    >>> from amiss.io.http.bodies import messages_in
    >>> messages_in("/", b'[{"a": 1}, {"a": 2}]')
    [b'{"a": 1}', b'{"a": 2}']
    >>> messages_in("/api/v2/write", b"room,id=3 heat=21.5 1700000000", "s")
    [b'room,id=3 heat=21.5 1700000000000000000']
    """
    if path == WRITE_PATH:
        if precision not in _NANOSECONDS:
            raise ValueError(f"the precision {precision[:40]!r} is not known; one of ns, us, ms, s")
        lines = [line for line in _lines(body) if not line.startswith(b"#")]
        return lines if precision == "ns" else [_in_nanoseconds(line, _NANOSECONDS[precision]) for line in lines]
    start = body.lstrip()[:1]
    if start == b"[":
        try:
            return [bytes(part) for part in msgspec.json.decode(body, type=list[msgspec.Raw])]
        except msgspec.DecodeError:
            return _lines(body)
    if start == b"{" and b"\n" in body:
        try:
            return [bytes(msgspec.json.decode(body, type=msgspec.Raw)).strip()]  # one object over several lines
        except msgspec.DecodeError:
            return _lines(body)
    return _lines(body)


def _lines(body: bytes) -> list[bytes]:
    return [line for part in body.split(b"\n") if (line := part.rstrip(b"\r")) and not line.isspace()]


def _in_nanoseconds(line: bytes, unit: int) -> bytes:
    return _MOMENT.sub(lambda found: b" %d" % (int(found[1]) * unit), line)
