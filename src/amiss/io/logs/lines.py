"""Whole lines of a log in large blocks, decompressed as they come."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from amiss.core.errors import ConnectorError
from amiss.core.written import readable
from amiss.io.compressed import DAMAGED, decompressed

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Log", "plain_start", "whole_lines", "without_zone"]

_BLOCK = 8 << 20
_LONGEST = 4 << 20
"""A longer line is no line of a log."""


def plain_start(start: bytes) -> bytes:
    """The first bytes of a file as text, decompressed as far as they go, without a byte order mark."""
    stream = decompressed(io.BytesIO(start), start)
    if stream is not None:
        start = _as_far(stream)
    return start.removeprefix(b"\xef\xbb\xbf")


def _as_far(stream: IO[bytes]) -> bytes:
    found = b""
    try:
        while len(found) < 1 << 16 and (more := stream.read1(8192)):  # type: ignore[attr-defined]
            found += more
    except DAMAGED:
        pass
    return found


class Log:
    """One file of lines, and what could not be read of it.

    Parameters
    ----------
    path
        The file: plain, gzip, bzip2 or xz.

    Attributes
    ----------
    name
        The path as a screen can show it.
    n_rows
        Lines that told of something; a reader counts them.
    damaged
        How many lines could not be read, by reason.
    skipped
        How many lines tell of other things than traffic, by what they tell of.
    zoneless
        Whether it has times that name no zone, which are taken for UTC; a reader says so.
    """

    def __init__(self, path: Path) -> None:
        self.name = readable(str(path))
        self.n_rows = 0
        self.damaged: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.zoneless = False
        self._path = path
        self._first: dict[str, int] = {}
        self._raw: IO[bytes] | None = None
        self._cut = ""

    def start(self) -> bytes:
        """The first bytes, decompressed."""
        try:
            with self._path.open("rb") as stream:
                return plain_start(stream.read(1 << 16))
        except OSError as error:
            what = f"the file cannot be read: {error.strerror}"
            raise ConnectorError(what, where=self.name, mend="check the path and its permissions") from error

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Whole lines, each with its end, and the number of the first of them, from 1."""
        line, rest = 1, b""
        with self._path.open("rb") as raw:
            self._raw = raw
            magic = raw.read(8)
            raw.seek(0)
            stream = decompressed(raw, magic) or raw
            while more := self._more(stream):
                if line == 1 and not rest:
                    more = more.removeprefix(b"\xef\xbb\xbf")
                block, end, more = (rest + more).rpartition(b"\n")
                if not end and len(more) > _LONGEST:
                    self.harmed("too long", line)
                    # What follows up to the next line end is read as a line of its own, and counted too.
                    more = b""
                rest = more
                if end:
                    block = (block + b"\n").replace(b"\r\n", b"\n").replace(b"\0", b" ")
                    yield line, block
                    line += block.count(b"\n")
            if rest:
                yield line, rest.replace(b"\r", b"").replace(b"\0", b" ") + b"\n"
        self._raw = None

    def _more(self, stream: IO[bytes]) -> bytes:
        """Another block; the last is shorter where the file is cut."""
        pieces, size = [], 0
        try:
            # Piece by piece, so that what comes before the damage is not lost with it.
            while size < _BLOCK and not self._cut and (piece := stream.read1(1 << 20)):  # type: ignore[attr-defined]
                pieces.append(piece)
                size += len(piece)
        except DAMAGED as error:
            self._cut = f"{self.name}: the file is cut or damaged ({error}); what comes before is read"
        return b"".join(pieces)

    def harmed(self, why: str, line: int, n_lines: int = 1) -> None:
        """Note that lines cannot be read, the first of them at `line`."""
        if n_lines:
            self.damaged[why] += n_lines
            self._first.setdefault(why, line)

    def position(self) -> int:
        """Bytes of the file read so far."""
        return self._raw.tell() if self._raw is not None and not self._raw.closed else 0

    def notes(self, kind: str) -> list[str]:
        """What was read and what was not, one sentence each."""
        found = [f"{self.name}: {self.n_rows:,} {'entry' if self.n_rows == 1 else 'entries'} of {kind}"]
        for why, n in self.damaged.most_common(5):
            lines = "line is" if n == 1 else "lines are"
            found.append(f"{self.name}: {n:,} {lines} left out ({why}), the first at line {self._first[why]:,}")
        if self.skipped:
            told = ", ".join(f"{word} ({n:,})" for word, n in self.skipped.most_common(8))
            found.append(f"{self.name}: not used: {told}")
        if self.zoneless:
            found.append(f"{self.name}: its times name no zone, and are taken for UTC")
        return [*found, self._cut] if self._cut else found


def without_zone(times: pl.Series) -> bool:
    """Whether any time is written as a date, and none of its kind with a zone; a number is seconds of UTC."""
    dated = times.str.contains(r"\d[-/.]\d+[-/.]\d")
    zoned = times.str.contains(r"(?:Z|UTC|GMT|[+-]\d\d:?\d\d)\s*$")
    return bool((dated & ~zoned).any())


def whole_lines(
    log: Log, block: bytes, first: int, separator: bytes, n_fields: int
) -> tuple[bytes, npt.NDArray[np.int64]]:
    """The lines that have so many fields, and their numbers; others are noted in the log, the empty ones are not."""
    letters = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(letters == 10)
    separators = np.searchsorted(np.flatnonzero(letters == separator[0]), ends)
    good = np.diff(separators, prepend=0) == n_fields - 1
    lengths = np.diff(ends, prepend=-1)
    good &= lengths > 1
    if good.all():
        return block, first + np.arange(len(ends))
    wrong = ~good & (lengths > 1)
    if wrong.any():
        why = "another number of fields than the header names"
        log.harmed(why, first + int(wrong.argmax()), int(wrong.sum()))
    return letters[np.repeat(good, lengths)].tobytes(), first + np.flatnonzero(good)
