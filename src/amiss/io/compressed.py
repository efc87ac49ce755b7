"""Compressed files, known by their first bytes."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from typing import IO

__all__ = ["DAMAGED", "decompressed"]

DAMAGED = (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, OSError, ValueError)
"""What is raised while a compressed file that is cut or damaged is read."""
_OPENERS: tuple[tuple[bytes, Callable[..., IO[bytes]]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)  # type: ignore[assignment]


def decompressed(stream: IO[bytes], start: bytes) -> IO[bytes] | None:
    """The plain bytes of a stream that begins so, by gzip, bzip2 or xz; None where it is not compressed."""
    return next((opener(stream) for magic, opener in _OPENERS if start.startswith(magic)), None)
