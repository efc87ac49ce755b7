"""The plain bytes of a file or pipe, whether or not they are compressed."""

from __future__ import annotations

import io
import stat
import sys
from pathlib import Path
from typing import cast

from amiss.core.errors import ConnectorError
from amiss.io.compressed import decompressed
from amiss.io.files.place import opening

__all__ = ["Opened"]


class Opened:
    """A stream of plain bytes that is read once, from a file, a pipe or standard input.

    Parameters
    ----------
    path
        The file; "-" for standard input.
    name
        What it is called in errors.
    """

    def __init__(self, path: str, name: str) -> None:
        self._size, self._raw = _opened(path, name)
        plain = decompressed(self._raw, self._raw.peek(6)[:6])
        self._plain = self._raw if plain is None else cast(io.BufferedReader, plain)

    def read(self, n_bytes: int) -> bytes:
        """Some bytes that come next, at most so many; none at the end."""
        # Not `read`, which waits for all of them, and gives none where a compressed file is cut among them.
        return self._plain.read1(n_bytes)

    def share_read(self) -> float:
        """Share of the file's bytes read; 0 where the size is not known."""
        if not self._size or self._raw.closed:
            return 0.0
        return min(self._raw.tell() / self._size, 1.0)

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self._plain is not self._raw:
            self._plain.close()
        if sys.stdin is None or self._raw is not sys.stdin.buffer:
            self._raw.close()


def _opened(path: str, name: str) -> tuple[int, io.BufferedReader]:
    if not path:
        raise ConnectorError("the name of the file is empty", mend="name a file, or - for standard input")
    if path == "-":
        if sys.stdin is None:
            raise ConnectorError("standard input is closed", mend="pipe the capture in, or name a file")
        buffer = sys.stdin.buffer
        return 0, buffer if isinstance(buffer, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, buffer))
    with opening(path, name, suffix="pcap") as found:
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISFIFO(found.st_mode)):
            raise ConnectorError("this is no regular file", where=name, mend="give a file, or pipe it through -")
        return (found.st_size if stat.S_ISREG(found.st_mode) else 0), Path(path).open("rb")
