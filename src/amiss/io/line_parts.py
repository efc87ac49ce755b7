"""Lines from bytes that come in pieces: half a line waits, and a line too long is dropped and counted."""

from __future__ import annotations

__all__ = ["LineParts"]


class LineParts:
    """Whole lines, without their ends, from pieces of any size; empty lines are left out.

    Parameters
    ----------
    most_bytes
        Lines that are longer are dropped.

    Attributes
    ----------
    n_bytes
        Bytes of all lines that were handed out or dropped, with their ends.
    n_lines
        Lines of all kinds so far.
    n_too_long
        Lines dropped.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._half = bytearray()
        self._n_half = 0
        self.n_bytes = self.n_lines = self.n_too_long = 0

    def lines(self, piece: bytes) -> list[tuple[bytes, int, int]]:
        """What a piece ends: each line, and what `n_bytes` and `n_lines` are behind it."""
        found: list[tuple[bytes, int, int]] = []
        *ended, rest = piece.split(b"\n")
        for part in ended:
            self._end(part, 1, found)
        self._n_half += len(rest)
        if self._n_half <= self._most:
            self._half += rest
        else:
            self._half.clear()
        return found

    def last(self) -> list[tuple[bytes, int, int]]:
        """The line that has no end, now that none will come."""
        found: list[tuple[bytes, int, int]] = []
        if self._n_half:
            self._end(b"", 0, found)
        return found

    def forget(self) -> None:
        """Drop half a line that will never be whole."""
        self._half.clear()
        self._n_half = 0

    def _end(self, part: bytes, ending: int, found: list[tuple[bytes, int, int]]) -> None:
        size = self._n_half + len(part)
        line = bytes(self._half) + part if self._n_half else part
        self.forget()
        self.n_bytes += size + ending
        self.n_lines += 1
        if size > self._most:
            self.n_too_long += 1
        elif line := line.rstrip(b"\r"):
            found.append((line, self.n_bytes, self.n_lines))
