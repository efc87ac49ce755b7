"""Whether bytes are those of a capture."""

from __future__ import annotations

__all__ = ["looks_like_capture"]

_BEGINNINGS = (
    b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x0a\x0d\x0d\x0a",
)  # fmt: skip


def looks_like_capture(start: bytes) -> bool:
    """Whether a file that begins so, after decompression, is a pcap or a pcapng.

    Examples
    --------
    >>> from amiss.io.captures.recognise import looks_like_capture
    >>> looks_like_capture(bytes.fromhex("d4c3b2a102000400")), looks_like_capture(b"time,src,dst")
    (True, False)
    """
    return start[:4] in _BEGINNINGS
