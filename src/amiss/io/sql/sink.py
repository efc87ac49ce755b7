"""Writes a result to a table of a database, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from amiss.core.errors import ConnectorError, DataError, ParameterError, SchemaError
from amiss.io.sql.address import Address, read_address
from amiss.io.sql.failures import worded
from amiss.io.sql.progress import Mark
from amiss.io.sql.writing import Writer, writer_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["IfExists", "Step", "check_table", "progress_in", "write_to_table"]

IfExists = Literal["fail", "append", "replace"]
PROGRESS = "amiss_progress"


@dataclass(frozen=True, slots=True)
class Step:
    """From where to where a run has brought a job.

    Attributes
    ----------
    job
        The name of `job_of`.
    before, after
        The marks at which it began and ended; None where there was none.
    """

    job: str
    before: Mark | None
    after: Mark | None


def check_table(text: str) -> Address:
    """The table that an address names.

    Raises
    ------
    ParameterError
        It names none, or the one in which `amiss` keeps how far it has come.
    ConnectorError
        The folder of its file is not there.
    """
    from amiss.io.files.sink import check_folder

    address = read_address(text)
    if not address.table:
        mend = f"put the table's name behind a #: {address.name}#scored"
        raise ParameterError("the address names no table to write to", where=address.name, mend=mend)
    if address.table.split(".")[-1].lower() == PROGRESS:
        mend = "name another table"
        raise ParameterError(f"{PROGRESS} holds how far runs have come", where=address.name, mend=mend)
    if address.kind != "postgresql":
        check_folder(Path(address.database))
    return address


def progress_in(address: Address, job: str) -> Mark | None:
    """How far a job has come, by the database that it writes to; None where it has not begun."""
    if address.kind != "postgresql" and not Path(address.database).exists():
        return None
    with worded(address), writer_of(address) as writer:
        return _last(writer, job)


def _last(writer: Writer, job: str) -> Mark | None:
    if not writer.columns(PROGRESS):
        return None
    rows = writer.ask(f"SELECT last FROM {PROGRESS} WHERE job = ?", (job,))
    return Mark.from_text(str(rows[0][0])) if rows else None


def write_to_table(
    address: Address, tables: Iterator[pl.DataFrame], *, if_exists: IfExists = "fail", step: Step | None = None
) -> int:
    """Write tables of one schema below one another into a table, in one transaction; the number of rows.

    Parameters
    ----------
    if_exists
        What becomes of a table that is there: "fail" leaves it and raises, "append" adds to it, "replace" takes its
        place. A table that is not there is made.
    step
        Kept in the table amiss_progress in the same transaction.

    Raises
    ------
    ConnectorError
        The database cannot be written to, or another run has come further in between. Nothing is written.
    SchemaError
        The table that is there has other columns.
    DataError
        The table is there, and `if_exists` is "fail".
    """
    with worded(address), writer_of(address) as writer:
        n_rows = 0
        for table in map(writer.fitted, tables):
            if not n_rows:
                _prepare(writer, address, table, if_exists)
            writer.insert(address, table)
            n_rows += table.height
        if step is not None:
            _keep(writer, address, step)
        writer.commit()
        return n_rows


def _prepare(writer: Writer, address: Address, table: pl.DataFrame, if_exists: IfExists) -> None:
    """Have a table there that takes these columns."""
    there = writer.columns(address.table)
    if there and if_exists == "fail":
        mend = "--if-exists append adds to it, --if-exists replace takes its place"
        raise DataError("the table is there already", where=address.name, mend=mend)
    if there and if_exists == "replace":
        writer.run(f"DROP TABLE {address.quoted_table}")
        there = []
    if not there:
        writer.create(address, table)
        return
    other = [name for name in table.columns if name not in there] or [n for n in there if n not in table.columns]
    if other:
        which = "the table" if other[0] not in there else "the result"
        raise SchemaError(
            f"the table has other columns than the result: {which} has no {other[0]!r}", where=address.name,
            mend="write to another table, or --if-exists replace",
        )  # fmt: skip


def _keep(writer: Writer, address: Address, step: Step) -> None:
    """Bring the progress of a job further, unless another run has."""
    if not writer.columns(PROGRESS):
        writer.run(f"CREATE TABLE {PROGRESS} (job VARCHAR(64) PRIMARY KEY, last VARCHAR NOT NULL)")
    known = _last(writer, step.job)
    if (known and known.to_text()) != (step.before and step.before.to_text()):
        what = "another run has scored these rows meanwhile; nothing was written"
        raise ConnectorError(what, where=address.name, mend="let one run end before the next begins")
    if step.after is None:
        return
    if known is None:
        writer.run(f"INSERT INTO {PROGRESS} (last, job) VALUES (?, ?)", (step.after.to_text(), step.job))
        return
    assert step.before is not None
    given = (step.after.to_text(), step.job, step.before.to_text())
    # The old mark stands in the condition: of two runs that end at once, one changes no row and is undone.
    if writer.run(f"UPDATE {PROGRESS} SET last = ? WHERE job = ? AND last = ?", given) == 0:
        what = "another run has scored these rows meanwhile; nothing was written"
        raise ConnectorError(what, where=address.name, mend="let one run end before the next begins")
