"""Opens a table by its content, whatever its name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import stat
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from amiss.core.errors import ConnectorError, DataError
from amiss.core.extras import require
from amiss.core.foreign import column_names
from amiss.core.frame import Frame
from amiss.core.source import ChangedMindError
from amiss.core.written import readable
from amiss.io.files.json_lines import JsonLines
from amiss.io.files.text import DelimitedText

if TYPE_CHECKING:
    pass

__all__ = ["FileSource"]

_KEPT_CELLS = 20_000_000
"""A table with at most so many values is kept in memory after the first reading."""
_BATCH_ROWS = 65_536
_COMPRESSED: tuple[tuple[bytes, Callable[..., IO[bytes]]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)  # type: ignore[assignment]
_CAPTURES = (
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\xc3\xd4",
    b"\x4d\x3c\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\x0a\x0d\x0d\x0a",
)


class _Reader(Protocol):
    def batches(self) -> Iterator[Frame]: ...


class FileSource:
    """A table in a file or on standard input: CSV and kin, JSON lines, Parquet, Arrow, Excel; gzip, bzip2, xz.

    Small tables are kept in memory after they have been read once; large ones are read again for each pass.

    Parameters
    ----------
    path
        The file; "-" for standard input.

    Raises
    ------
    ConnectorError
        The file is not there, is a folder, or may not be read.
    DataError
        Its content is no table.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.notes: list[str] = []
        given = os.fspath(path)
        self.name = "standard input" if given == "-" else readable(given)
        if not given:
            raise ConnectorError("the name of the file is empty", mend="name a file, or - for standard input")
        if given == "-":
            if sys.stdin is None:
                raise ConnectorError("standard input is closed", mend="pipe the table in, or name a file")
            self._path = _spool(self, sys.stdin.buffer)
        elif _is_pipe(given):
            with open(given, "rb") as pipe:
                self._path = _spool(self, pipe)
        else:
            self._path = Path(given)
        self._size = _check(self._path, self.name)
        if not _is_text(self._path):
            self._path = _alias(self, self._path)
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
        if start[:4] in _CAPTURES:
            raise DataError("this is a packet capture; this version reads tables only")
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
        for magic, opener in _COMPRESSED:
            if start.startswith(magic):
                return _Both(opener(raw), raw)
        return raw

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


def _is_pipe(path: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False


def _spool(owner: FileSource, stream: IO[bytes]) -> Path:
    """What comes through a pipe in a file of its own, because several passes are made over it."""
    handle, name = tempfile.mkstemp(prefix="amiss-stdin-")
    weakref.finalize(owner, Path(name).unlink, missing_ok=True)
    with os.fdopen(handle, "wb") as target:
        shutil.copyfileobj(stream, target, 1 << 20)
    return Path(name)


def _is_text(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _alias(owner: FileSource, path: Path) -> Path:
    """Another name of a file, for libraries that take only names that are text."""
    folder = tempfile.TemporaryDirectory(prefix="amiss-alias-")
    weakref.finalize(owner, folder.cleanup)
    alias = Path(folder.name) / "table"
    alias.symlink_to(path.resolve())
    return alias


def _check(path: Path, name: str) -> int:
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise ConnectorError("this is a folder, not a file", where=name, mend=f"name the files: {name}/*.csv")
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise ConnectorError("there is no such file", where=name, mend="check the path") from None
    except PermissionError:
        raise ConnectorError("the file may not be read", where=name, mend=f"chmod +r {name}") from None
    except ConnectorError:
        raise
    except OSError as error:
        raise ConnectorError(f"the file cannot be opened: {error.strerror}", where=name) from error
    if not (stat.S_ISREG(found.st_mode)):
        raise ConnectorError("this is no regular file", where=name, mend="give a file, or pipe it: … | amiss detect -")
    return found.st_size


def _placed(error: DataError, name: str) -> DataError:
    if error.where and error.where.startswith(name):
        return error
    where = f"{name}, {error.where}" if error.where else name
    return type(error)(error.what, where=where, mend=error.mend)


def _damaged(error: Exception, name: str) -> DataError:
    return DataError(f"the file is cut or damaged: {error}", where=name, mend="copy or export it again")
