"""Blocks of whole lines from a stream of text, of bounded size and in UTF-8."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO

from amiss.core.errors import DataError

__all__ = ["Blocks", "decoder", "recognise_encoding"]

BLOCK_BYTES = 2 << 20
LONGEST_LINE = 32 << 20
_LARGEST_BLOCK = 64 << 20


class Blocks:
    """Blocks of whole lines in UTF-8 from a binary stream."""

    def __init__(self, stream: IO[bytes], encoding: str, *, quoted: bool, n_columns: int = 1) -> None:
        self._stream, self._encoding, self._quoted = stream, encoding, quoted
        # Each column of a block costs a little by itself, so wide tables come in larger blocks.
        self._size = min(max(BLOCK_BYTES, n_columns * BLOCK_BYTES // 256), _LARGEST_BLOCK)

    def __iter__(self) -> Iterator[bytes]:
        decode = decoder(self._encoding)
        rest = b""
        while chunk := self._stream.read(self._size):
            rest += decode(chunk)
            cut = self._last_line_end(rest)
            if cut:
                yield rest[:cut]
                rest = rest[cut:]
            elif len(rest) > LONGEST_LINE:
                raise DataError(
                    f"a line is longer than {LONGEST_LINE >> 20} MiB",
                    where=f"it begins with {rest[:60].decode('utf-8', 'replace')!r}",
                    mend="check that this is a text table with line ends, and that quotes are closed",
                )
        if rest.strip():
            yield rest if rest.endswith(b"\n") else rest + b"\n"

    def _last_line_end(self, text: bytes) -> int:
        """Position after the last line end that is not inside quotes; 0 if there is none."""
        cut = end = text.rfind(b"\n") + 1
        if not self._quoted or b'"' not in text:
            return cut
        inside = text.count(b'"', 0, cut) % 2
        while cut and inside:
            earlier = text.rfind(b"\n", 0, cut - 1) + 1
            inside ^= text.count(b'"', earlier, cut) % 2
            cut = earlier
        # A lone quote somewhere must not hold back the rest of the file.
        return cut or (end if end > 2 * self._size else 0)


def decoder(encoding: str) -> Callable[[bytes], bytes]:
    """Turns pieces of text in `encoding` into UTF-8, one after another."""
    if encoding == "utf-8":
        return bytes
    import codecs

    incremental = codecs.getincrementaldecoder(encoding)(errors="replace")
    return lambda chunk: incremental.decode(chunk).encode("utf-8")


def recognise_encoding(start: bytes) -> tuple[str, int]:
    """Encoding and length of the byte order mark."""
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ):
        if start.startswith(mark):
            return encoding, len(mark)
    if b"\x00" in start:
        raise DataError(
            "the file holds NUL bytes, so it is no text table",
            where=f"first at byte {start.index(0)}",
            mend="export it as CSV or Parquet; remove the NUL bytes if it is a damaged text file",
        )
    return "utf-8", 0
