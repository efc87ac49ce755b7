"""Writes tables: aside first, renamed when whole, so that no half file is ever left."""

from __future__ import annotations

import errno
import gzip
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from amiss.core.errors import ConnectorError, ParameterError
from amiss.core.frame import Frame

if TYPE_CHECKING:
    import polars as pl

__all__ = ["check_ending", "check_folder", "check_target", "replaced", "write_table"]

_LONGEST_NAME = 200

_FORMS = {
    ".parquet": "parquet",
    ".arrow": "ipc",
    ".feather": "ipc",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "ndjson",
    ".ndjson": "ndjson",
}


def check_target(path: str | os.PathLike[str]) -> str:
    """The form that a path's ending stands for.

    Raises
    ------
    ParameterError
        The ending stands for none.
    ConnectorError
        Its folder is not there, or it is a folder itself.
    """
    target = Path(path)
    plain = target.with_suffix("") if target.suffix == ".gz" else target
    form = _FORMS.get(plain.suffix.lower())
    if form is None or (target.suffix == ".gz" and form in ("parquet", "ipc")):
        raise ParameterError(
            f"the ending of {target.name!r} stands for no form of table",
            where=str(target),
            mend=f"end it in one of {', '.join(_FORMS)}; .csv, .tsv and .jsonl also with .gz",
        )
    check_folder(target)
    return form


def check_ending(path: str | os.PathLike[str], endings: tuple[str, ...]) -> None:
    """Raise `ParameterError` unless `path` ends in one of `endings`, `ConnectorError` if it cannot be a file."""
    target = Path(path)
    if target.suffix.lower() not in endings:
        raise ParameterError(f"{target.name!r} is no name for this", mend=f"end it in {' or '.join(endings)}")
    check_folder(target)


def check_folder(target: Path) -> None:
    """Raise `ConnectorError` if `target` cannot be a file."""
    if target.is_dir():
        raise ConnectorError("this is a folder, a file is needed", where=str(target))
    if target.parent.exists() and not target.parent.is_dir():
        raise ConnectorError(
            "this is a file, a folder is needed", where=str(target.parent), mend="choose another place"
        )
    if not target.parent.is_dir():
        raise ConnectorError("there is no such folder", where=str(target.parent), mend=f"mkdir -p {target.parent}")


@contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A path to write to, which takes the place of `path` when the block ends well, and vanishes when not.

    Raises
    ------
    ConnectorError
        The disk is full, or the place may not be written to.
    """
    target = Path(path)
    if len(os.fsencode(target.name)) > _LONGEST_NAME:
        raise ConnectorError(
            "the name of the file is too long", where=f"{str(target)[:80]}…", mend="choose a shorter one"
        )
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        # A device or pipe, such as /dev/stdout, is written to as it is: there is nothing to replace.
        with _told(target):
            yield target
        return
    check_folder(target)
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with _told(target):
            yield aside
            with aside.open("rb+") as whole:
                os.fsync(whole.fileno())
            aside.replace(target)
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


@contextmanager
def _told(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, ConnectorError):
            raise
        number = error.errno
        told = re.search(r"os error (\d+)", str(error))
        if number is None and told:  # polars words the number that the operating system gave
            number = int(told[1])
        full = number in (errno.ENOSPC, errno.EDQUOT)
        reason = os.strerror(number) if number else str(error)
        what = "the disk is full" if full else f"cannot write: {reason}"
        mend = "free some space or write elsewhere; nothing was left behind" if full else "choose another place"
        raise ConnectorError(what, where=str(target), mend=mend) from error


def write_table(path: str | os.PathLike[str], tables: Iterator[pl.DataFrame]) -> int:
    """Write tables of one schema after another into one file; the number of rows written."""
    form = check_target(path)
    with replaced(path) as aside:
        if form in ("parquet", "ipc"):
            return _write_columnar(aside, tables, form)
        packed = Path(path).suffix == ".gz"
        with gzip.open(aside, "wb", compresslevel=5) if packed else aside.open("wb") as stream:
            return _write_text(stream, tables, form)  # type: ignore[arg-type]


def _write_text(stream: IO[bytes], tables: Iterator[pl.DataFrame], form: str) -> int:
    import polars as pl

    n_rows = 0
    for table in tables:
        if form == "ndjson":
            binary = [Frame(table).text(c.name) for c in table.get_columns() if c.dtype == pl.Binary]
            table.with_columns(*binary).write_ndjson(stream)
        else:
            _flat(table).write_csv(stream, include_header=n_rows == 0, separator="\t" if form == "tsv" else ",")
        n_rows += table.height
    return n_rows


def _flat(table: pl.DataFrame) -> pl.DataFrame:
    """Lists, records and bytes as text and durations as seconds, which is what CSV can hold."""
    import polars as pl

    frame = Frame(table)
    nested = [frame.text(name) for name in frame.names if frame.kind(name) == "nested"]
    spans = [pl.Series(c.name, frame.numbers(c.name)) for c in table.get_columns() if c.dtype == pl.Duration]
    return table.with_columns(*nested, *spans) if nested or spans else table


def _write_columnar(path: Path, tables: Iterator[pl.DataFrame], form: str) -> int:
    import polars as pl
    from polars.io.plugins import register_io_source

    first = next(tables)
    n_rows = 0
    failures: list[BaseException] = []

    def pieces(
        columns: list[str] | None, predicate: pl.Expr | None, n: int | None, batch: int | None
    ) -> Iterator[pl.DataFrame]:
        nonlocal n_rows
        try:
            for table in _chain(first, tables):
                n_rows += table.height
                yield table.select(columns) if columns is not None else table
        except BaseException as error:
            failures.append(error)
            raise

    lazy = register_io_source(pieces, schema=first.schema)
    try:
        # A name that is no text is nothing that the writer can open, so the file is opened for it.
        with path.open("wb") as target:
            if form == "parquet":
                lazy.sink_parquet(target, row_group_size=131_072)
            else:
                lazy.sink_ipc(target)
    except BaseException as error:
        if failures:
            raise failures[0] from None
        # The writer words what the operating system said; its number says what it was.
        number = re.search(r"os error (\d+)", str(error))
        if number and isinstance(error, pl.exceptions.PolarsError):
            raise OSError(int(number[1]), os.strerror(int(number[1]))) from error
        raise
    return n_rows


def _chain(first: pl.DataFrame, rest: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    yield first
    yield from rest
