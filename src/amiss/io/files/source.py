"""Opens a table by its content, whatever its name."""

from __future__ import annotations

import gzip
import io
import lzma
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol

from amiss.core.errors import ConnectorError, DataError
from amiss.core.extras import require
from amiss.core.foreign import column_names
from amiss.core.frame import Frame
from amiss.core.source import ChangedMindError
from amiss.io.compressed import decompressed
from amiss.io.files.json_lines import JsonLines
from amiss.io.files.place import Place
from amiss.io.files.text import DelimitedText

__all__ = ["FileSource"]

_KEPT_CELLS = 20_000_000
"""A table with at most so many values is kept in memory after the first reading."""
_BATCH_ROWS = 65_536


class _Reader(Protocol):
    def batches(self) -> Iterator[Frame]: ...


class FileSource:
    """A table in a file or on standard input: CSV and kin, JSON lines, Parquet, Arrow, Excel; gzip, bzip2, xz.

    Small tables are kept in memory after they have been read once; large ones are read again for each pass.

    Parameters
    ----------
    path
        The file; "-" for standard input; or the place of either, where it has been looked at before.

    Raises
    ------
    ConnectorError
        The file is not there, is a folder, or may not be read.
    DataError
        Its content is no table.
    """

    def __init__(self, path: str | os.PathLike[str] | Place) -> None:
        self.notes: list[str] = []
        self._place = path if isinstance(path, Place) else Place(path)
        self.name, self._path, self._size = self._place.name, self._place.path, self._place.size_bytes
        self._position: Callable[[], int] = lambda: 0
        self._kept: list[Frame] | None = None
        self._reader = self._in_place(self._recognise)

    def _in_place(self, work: Callable[[], _Reader]) -> _Reader:
        try:
            return work()
        except DataError as error:
            raise _placed(error, self.name) from error
        except (EOFError, gzip.BadGzipFile, lzma.LZMAError, OSError) as error:
            raise _damaged(error, self.name) from error

    def _recognise(self) -> _Reader:
        with self._open_raw() as stream:
            start = stream.read(64)
        if not start:
            raise DataError("the file is empty", mend="give a table with a header and rows")
        if start[:4] == b"PAR1" or start[:6] == b"ARROW1":
            return _Columnar(self._path, "parquet" if start[:4] == b"PAR1" else "ipc", self.notes)
        if start[:4] == b"PK\x03\x04" or start[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
            if b"manifest.json" in start:
                raise DataError("this is a model file of amiss, not a table", mend="amiss score MODEL TABLE")
            return _Excel(self._path, self.notes)
        if start[:4] == b"\xff\xff\xff\xff":
            return _Columnar(self._path, "ipc_stream", self.notes)
        with self._open() as plain:
            text = plain.read(4096).removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").replace(b"\0", b"").lstrip()
        if text[:1] == b"{":
            return JsonLines(self._open, self.notes)
        if text[:1] == b"[" and text[1:].lstrip()[:1] in (b"{", b"]"):
            return _JsonArray(self._open)
        return DelimitedText(self._open, self.notes)

    def _open_raw(self) -> IO[bytes]:
        return self._path.open("rb")

    def _open(self) -> IO[bytes]:
        raw = self._open_raw()
        self._position = lambda: 0 if raw.closed else raw.tell()
        start = raw.read(8)
        raw.seek(0)
        plain = decompressed(raw, start)
        return raw if plain is None else _Both(plain, raw)

    def batches(self) -> Iterator[Frame]:
        """All rows from the first on."""
        if self._kept is not None:
            yield from self._kept
            return
        kept: list[Frame] | None = []
        n_cells = 0
        try:
            for frame in self._reader.batches():
                n_cells += frame.n_rows * len(frame.names)
                if kept is not None:
                    kept.append(frame)
                if n_cells > _KEPT_CELLS:
                    kept = None
                yield frame
        except DataError as error:
            raise _placed(error, self.name) from error
        except (EOFError, gzip.BadGzipFile, lzma.LZMAError, OSError) as error:
            if isinstance(error, ConnectorError):
                raise
            raise _damaged(error, self.name) from error
        self._kept = kept

    def share_read(self) -> float:
        """Share of the file's bytes read."""
        return min(self._position() / max(self._size, 1), 1.0)


class _Both(io.BufferedReader):
    """A decompressing stream that closes the file under it."""

    def __init__(self, plain: IO[bytes], raw: IO[bytes]) -> None:
        super().__init__(plain)  # type: ignore[arg-type]
        self._raw_file = raw

    def close(self) -> None:
        super().close()
        self._raw_file.close()


class _Columnar:
    def __init__(self, path: Path, form: str, notes: list[str]) -> None:
        self._path, self._form, self._notes = path, form, notes

    def batches(self) -> Iterator[Frame]:
        import polars as pl

        n_rows = 0
        try:
            if self._form == "ipc_stream":
                tables = iter([pl.read_ipc_stream(self._path)])
            else:
                lazy = pl.scan_parquet(self._path) if self._form == "parquet" else pl.scan_ipc(self._path)
                tables = lazy.collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True)
            for table in tables:
                # The engine may hand out larger pieces than asked for; what is made from them must stay small.
                for start in range(0, table.height, _BATCH_ROWS):
                    piece = table[start : start + _BATCH_ROWS]
                    yield Frame(piece, n_rows)
                    n_rows += piece.height
        except pl.exceptions.PolarsError as error:
            raise DataError(
                f"the {'Parquet' if self._form == 'parquet' else 'Arrow'} file is cut or damaged",
                where=str(error).splitlines()[0][:200],
                mend="copy or export it again",
            ) from error
        if not n_rows:
            raise DataError("the file has columns but no rows", mend="give rows")


class _Excel:
    def __init__(self, path: Path, notes: list[str]) -> None:
        self._path, self._notes = path, notes
        require("fastexcel", extra="excel", what="reading Excel files")

    def batches(self) -> Iterator[Frame]:
        import fastexcel
        import polars as pl

        try:
            table = pl.read_excel(self._path, engine="calamine", raise_if_empty=False, infer_schema_length=None)
        except (fastexcel.FastExcelError, pl.exceptions.PolarsError, ValueError) as error:
            raise DataError("this is no Excel file that can be read", where=str(error).splitlines()[0][:200]) from error
        names, notes = column_names(table.columns)
        self._notes += [note for note in notes if note not in self._notes]
        table.columns = names
        if not table.height:
            raise DataError("the first sheet has no rows")
        yield Frame(table)


class _JsonArray:
    def __init__(self, reopen: Callable[[], IO[bytes]]) -> None:
        self._reopen = reopen

    def batches(self) -> Iterator[Frame]:
        import json

        with self._reopen() as stream:
            try:
                rows = json.loads(stream.read().decode("utf-8-sig"))
            except (ValueError, RecursionError) as error:
                raise DataError(f"this is no JSON: {error}") from error
        lines = "\n".join(json.dumps(row) for row in rows).encode()
        reader = JsonLines(lambda: io.BytesIO(lines), [])
        while True:
            try:
                yield from list(reader.batches())
                return
            except ChangedMindError:
                continue


def _placed(error: DataError, name: str) -> DataError:
    if error.where and error.where.startswith(name):
        return error
    where = f"{name}, {error.where}" if error.where else name
    return type(error)(error.what, where=where, mend=error.mend)


def _damaged(error: Exception, name: str) -> DataError:
    return DataError(f"the file is cut or damaged: {error}", where=name, mend="copy or export it again")
