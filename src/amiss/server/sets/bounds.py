"""How much a file that was brought may hold, found out before it is taken in."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from amiss.core.errors import DataError
from amiss.core.frame import Frame
from amiss.core.source import Source
from amiss.io.compressed import DAMAGED, decompressed

__all__ = ["BoundedSource", "Bounds", "check_unpacked"]

_PIECE = 1 << 20
_MOST_PARTS = 10_000
_NAME_AT = 26
"""Where the header of a part of an archive says how long its name is."""


class Bounds(msgspec.Struct, frozen=True):
    """Limits of a set.

    Attributes
    ----------
    size_bytes
        Of the file as it is brought.
    unpacked_bytes
        Of what is in it, where it is compressed.
    ratio, small_bytes
        How many times as much as the file that may be, where it is more than `small_bytes`.
    n_rows, n_columns
        Of the table.
    seconds
        How long its detection may take.
    memory_bytes
        How much memory it may take; None for three quarters of what the machine has.
    n_waiting, n_sets
        Sets that may wait at once, and that may be kept.
    """

    size_bytes: int = 1 << 30
    unpacked_bytes: int = 8 << 30
    ratio: float = 200.0
    small_bytes: int = 64 << 20
    n_rows: int = 50_000_000
    n_columns: int = 2000
    seconds: float = 3600.0
    memory_bytes: int | None = None
    n_waiting: int = 20
    n_sets: int = 500


def check_unpacked(path: Path, bounds: Bounds) -> None:
    """Raise `DataError` if a compressed file holds more than it may; it is never unpacked further than that."""
    size = path.stat().st_size
    most = min(bounds.unpacked_bytes, max(bounds.small_bytes, int(bounds.ratio * size)))
    with path.open("rb") as stream:
        start = stream.read(8)
        if start[:4] == b"PK\x03\x04":
            _check_archive(path, most)
            return
        if start[:4] == b"PAR1" or start[:6] == b"ARROW1":
            _check_columnar(path, bounds, "parquet" if start[:4] == b"PAR1" else "ipc")
            return
        stream.seek(0)
        plain = decompressed(stream, start)
        if plain is None:
            return
        n_bytes = 0
        try:
            while piece := plain.read(_PIECE):
                n_bytes += len(piece)
                if n_bytes > most:
                    raise _bomb(most)
        except DAMAGED as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"the file is cut or damaged: {error}", mend="copy or compress it again") from error


def _check_archive(path: Path, most: int) -> None:
    """Unpack all parts and keep none: what an archive says of their sizes need not be so."""
    n_bytes = 0
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
            parts = archive.infolist()
            if len(parts) > _MOST_PARTS:
                raise _bomb(most)
            for part in parts:
                n_bytes += _unpacked(raw, part, most - n_bytes)
                if n_bytes > most:
                    raise _bomb(most)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, struct.error) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"the file is cut or damaged: {error}", mend="save it again") from error


def _unpacked(raw: IO[bytes], part: zipfile.ZipInfo, most: int) -> int:
    """How many bytes a part holds; something above `most` where it is more."""
    if part.compress_type == zipfile.ZIP_STORED:
        return part.compress_size
    if part.compress_type != zipfile.ZIP_DEFLATED or part.flag_bits & 1:
        raise DataError("the file is packed in a way that no spreadsheet is, or encrypted", mend="save it again")
    raw.seek(part.header_offset + _NAME_AT)
    raw.seek(sum(struct.unpack("<HH", raw.read(4))), os.SEEK_CUR)
    unpack, n_bytes, left = zlib.decompressobj(-zlib.MAX_WBITS), 0, part.compress_size
    while left > 0 and n_bytes <= most and not unpack.eof:
        piece = raw.read(min(left, _PIECE))
        if not piece:
            break
        left -= len(piece)
        while piece and n_bytes <= most:
            n_bytes += len(unpack.decompress(piece, _PIECE))
            piece = unpack.unconsumed_tail
    return n_bytes


def _check_columnar(path: Path, bounds: Bounds, form: str) -> None:
    """Rows and columns as the file's own summary has them, before any of it is read."""
    import polars as pl

    try:
        lazy = pl.scan_parquet(path) if form == "parquet" else pl.scan_ipc(path)
        n_columns = len(lazy.collect_schema())
        n_rows = int(lazy.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise DataError("the file is cut or damaged", where=str(error).splitlines()[0][:200]) from error
    except BaseException as error:
        # A panic of the reader is no Exception of Python's.
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        raise DataError("the file is cut or damaged", mend="export it again") from error
    _check_shape(n_rows, n_columns, bounds)


def _check_shape(n_rows: int, n_columns: int, bounds: Bounds) -> None:
    if n_columns > bounds.n_columns:
        raise DataError(
            f"{n_columns:,} columns are more than a set may have", mend=f"bring at most {bounds.n_columns:,} columns"
        )
    if n_rows > bounds.n_rows:
        raise DataError(f"there are more than {bounds.n_rows:,} rows", mend="bring it in parts, or use amiss detect")


def _bomb(most: int) -> DataError:
    return DataError(
        f"unpacked, the file is larger than the {most >> 20:,} MiB that it may be", mend="bring less at once"
    )


class BoundedSource:
    """A source that refuses to hand out more rows or columns than allowed, under the name that people know it by.

    Parameters
    ----------
    source
        What reads the file.
    bounds
        How much it may hold.
    """

    def __init__(self, source: Source, bounds: Bounds) -> None:
        self._source, self._bounds = source, bounds
        # The very list of the source, which goes on adding to it.
        self.name, self.notes = source.name, source.notes

    def batches(self) -> Iterator[Frame]:
        """The rows, up to where they are too many."""
        for frame in self._source.batches():
            _check_shape(frame.first_row + frame.n_rows, len(frame.names), self._bounds)
            yield frame

    def share_read(self) -> float:
        """As of the source."""
        return self._source.share_read()
