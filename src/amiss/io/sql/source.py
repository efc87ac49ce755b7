"""Rows of a query, kept aside so that every pass reads the same."""

from __future__ import annotations

import difflib
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError, ParameterError, SchemaError
from amiss.core.foreign import column_names
from amiss.core.frame import Frame
from amiss.io.sql.address import quoted, read_address
from amiss.io.sql.columns import common_type, recast, typed_table
from amiss.io.sql.progress import Mark
from amiss.io.sql.reading import MARK, column_names_of, read_rows

__all__ = ["SqlSource"]


class SqlSource:
    """The rows of one query in SQLite, DuckDB or PostgreSQL, as they were at one moment.

    The query runs once, in a transaction that can only read. Its rows lie in a temporary folder until the source is
    let go, a Parquet file for each 65,536 of them: every pass reads the same rows in the same order, even where the
    query gives none, and memory does not grow with them.

    Parameters
    ----------
    address
        sqlite:///file.db, duckdb:///file.duckdb or postgresql://user@host/database, #table behind it without `query`.
    query
        One SELECT; None reads the table.
    new_by
        Column that grows with every new row, a time or a number: rows where it is missing are left out.
    mark
        What was the highest value of it in the rows scored before; None begins with the first row.
    whole
        Read the rows before the mark too, and say in `is_new` which are behind it: a row of a series is judged with
        those before it.

    Attributes
    ----------
    is_new : (n_rows,)
        Whether a row is behind the mark.
    highest
        The mark behind these rows; None without `new_by`, and where there are no rows.

    Raises
    ------
    ConnectorError
        The database cannot be reached or read, or has no such table or column.
    DataError
        The query gives no rows.
    ParameterError
        The query does not only read, or both or neither of a query and a table are given.
    """

    def __init__(
        self, address: str, query: str | None = None, *, new_by: str | None = None, mark: Mark | None = None,
        whole: bool = False,
    ) -> None:  # fmt: skip
        self.address = read_address(address)
        self.name = self.address.name
        self.notes: list[str] = []
        if bool(query and query.strip()) == bool(self.address.table):
            raise ParameterError(
                "a query or a table is needed, and not both", where=self.name,
                mend="give --query 'SELECT …', or the table behind a #: sqlite:///plant.db#readings",
            )  # fmt: skip
        self._folder = Path(tempfile.mkdtemp(prefix="amiss-query-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._parts: list[tuple[Path, int]] = []
        self._types: dict[str, Any] = {}
        self._read, self.n_rows = 0, 0
        self.highest: Mark | None = None
        plain = (query or "").strip().rstrip(";").rstrip() or f"SELECT * FROM {self.address.quoted_table}"
        given: tuple[Any, ...] = ()
        if new_by is not None:
            plain, given = self._narrowed(plain, new_by, None if whole else mark)
        flags = self._keep(plain, given, new_by, mark)
        self.is_new = np.concatenate(flags) if flags else np.zeros(0, np.bool_)
        if not self.n_rows and new_by is None:
            raise DataError("the query gives no rows", where=self.name, mend="check its conditions")

    def _narrowed(self, plain: str, new_by: str, mark: Mark | None) -> tuple[str, tuple[Any, ...]]:
        """The query for the rows behind a mark, in their order."""
        names = column_names_of(self.address, plain)
        if new_by not in names:
            near = difflib.get_close_matches(new_by, names, n=1)
            mend = f"did you mean {near[0]!r}?" if near else f"columns: {', '.join(names[:10])}"
            raise SchemaError(f"there is no column {new_by!r} to tell what is new", where=self.name, mend=mend)
        column = f"amiss_rows.{quoted(new_by)}"
        # What is asked of the rows stands behind the user's query, so that a ? in that remains the user's own.
        rows = f"SELECT * FROM (\n{plain}\n) AS amiss_rows {MARK} WHERE {column}"
        if mark is None:
            return f"{rows} IS NOT NULL ORDER BY {column}", ()
        return f"{rows} > ? ORDER BY {column}", (mark.value,)

    def _keep(
        self, query: str, given: tuple[Any, ...], new_by: str | None, mark: Mark | None
    ) -> list[npt.NDArray[np.bool_]]:
        """Run the query and keep its rows; which of them are behind the mark, batch by batch."""
        flags = []
        with read_rows(self.address, query, given) as (own_names, batches):
            names, notes = column_names(own_names)
            self.notes += notes
            place = own_names.index(new_by) if new_by is not None else -1
            for rows in batches:
                table = typed_table(names, rows)
                for name, dtype in table.schema.items():
                    self._types[name] = common_type(self._types.get(name, dtype), dtype)
                path = self._folder / f"{len(self._parts)}.parquet"
                table.write_parquet(path, compression="lz4")
                self._parts.append((path, self.n_rows))
                self.n_rows += table.height
                if new_by is not None:
                    flags.append(self._behind([row[place] for row in rows], mark, new_by))
        return flags

    def _behind(self, values: list[Any], mark: Mark | None, new_by: str) -> npt.NDArray[np.bool_]:
        """Which values are behind the mark; the highest becomes that of the source."""
        try:
            highest = max(values) if self.highest is None else max(self.highest.value, *values)
            behind = np.array([mark is None or value > mark.value for value in values])
        except TypeError:
            raise DataError(
                f"the values of {new_by!r} are not of one kind", where=self.name,
                mend="name a column of times or of numbers",
            ) from None  # fmt: skip
        self.highest = Mark(highest)
        if isinstance(highest, str) and self.address.kind == "postgresql":
            mend = "name a column of times or of numbers"
            raise DataError(f"the text in {new_by!r} has another order in each database", where=self.name, mend=mend)
        return behind

    def batches(self) -> Iterator[Frame]:
        """All rows from the first on."""
        import polars as pl

        for path, first in self._parts:
            table = recast(pl.read_parquet(path), self._types)
            self._read = first + table.height
            yield Frame(table, first)

    def share_read(self) -> float:
        """Share of the rows handed out."""
        return self._read / max(self.n_rows, 1)
