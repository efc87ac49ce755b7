"""A transaction that writes, in each of the databases."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amiss.core.extras import require
from amiss.core.frame import Frame
from amiss.io.sql.address import Address, quoted

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Writer", "writer_of"]

_TYPES = {
    "sqlite": {"Boolean": "BOOLEAN", "Int64": "BIGINT", "Float64": "DOUBLE", "Binary": "BLOB"},
    "duckdb": {"Boolean": "BOOLEAN", "Int64": "BIGINT", "Float64": "DOUBLE", "Binary": "BLOB", "Date": "DATE",
               "Time": "TIME", "Datetime": "TIMESTAMP", "Zoned": "TIMESTAMPTZ"},
    "postgresql": {"Boolean": "BOOLEAN", "Int64": "BIGINT", "Float64": "DOUBLE PRECISION", "Binary": "BYTEA",
                   "Date": "DATE", "Time": "TIME", "Datetime": "TIMESTAMP", "Zoned": "TIMESTAMPTZ"},
}  # fmt: skip


@contextmanager
def writer_of(address: Address) -> Iterator[Writer]:
    """A transaction; what was not committed at its end has not happened."""
    if address.kind == "sqlite":
        with closing(sqlite3.connect(address.database, isolation_level=None, timeout=30)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield Writer(address.kind, connection)
    elif address.kind == "duckdb":
        require("duckdb", extra="sql", what="writing DuckDB")
        import duckdb

        with closing(duckdb.connect(address.database)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("BEGIN")
            yield DuckWriter(address.kind, connection)
    else:
        require("psycopg", extra="sql", what="writing PostgreSQL")
        import psycopg

        with closing(psycopg.connect(address.database, connect_timeout=10)) as connection:
            yield PostgresWriter(address.kind, connection)


class Writer:
    """A transaction in SQLite, and what is common to the others."""

    def __init__(self, kind: str, connection: Any) -> None:
        self.kind, self.connection = kind, connection

    def ask(self, query: str, given: tuple[Any, ...] = ()) -> list[Any]:
        """The rows of a query."""
        rows: list[Any] = self.connection.execute(self.marked(query), given or None or ()).fetchall()
        return rows

    def run(self, statement: str, given: tuple[Any, ...] = ()) -> int:
        """Run a statement; the number of rows it changed."""
        return int(self.connection.execute(self.marked(statement), given).rowcount)

    def marked(self, statement: str) -> str:
        """A statement with place holders as the database writes them."""
        return statement

    def commit(self) -> None:
        """Make all of it lasting."""
        self.connection.execute("COMMIT")

    def columns(self, table: str) -> list[str]:
        """Names of the columns of a table; none where it is not there."""
        schema, _, name = table.rpartition(".")
        return [row[0] for row in self._asked_columns(schema, name)]

    def _asked_columns(self, schema: str, name: str) -> list[Any]:
        return self.ask("SELECT name FROM pragma_table_info(?, ?)", (name, schema or "main"))

    def fitted(self, table: pl.DataFrame) -> pl.DataFrame:
        """A table with columns that the database has types for."""
        import polars as pl

        frame = Frame(table)
        fitted = []
        for column in table.get_columns():
            kind = type_name(column.dtype)
            if kind in _TYPES[self.kind]:
                wanted = {"Int64": pl.Int64, "Float64": pl.Float64}.get(kind)
                fitted.append(column if wanted is None else column.cast(wanted))
            elif column.dtype == pl.Duration:
                fitted.append(pl.Series(column.name, frame.numbers(column.name)))
            elif frame.kind(column.name) == "time":
                text = column.dt.to_string("iso:strict") if kind == "Zoned" else column.dt.to_string("iso")
                fitted.append(text)
            else:
                fitted.append(frame.text(column.name))
        return pl.DataFrame(fitted)

    def create(self, address: Address, table: pl.DataFrame) -> None:
        """Make a table for these columns."""
        types = _TYPES[self.kind]
        told = [f"{quoted(c.name)} {types.get(type_name(c.dtype), 'TEXT')}" for c in table.get_columns()]
        self.run(f"CREATE TABLE {address.quoted_table} ({', '.join(told)})")

    def insert(self, address: Address, table: pl.DataFrame) -> None:
        """Add rows."""
        names, marks = ", ".join(map(quoted, table.columns)), ", ".join("?" * table.width)
        self.connection.executemany(
            f"INSERT INTO {address.quoted_table} ({names}) VALUES ({marks})", table.iter_rows()
        )  # fmt: skip


class DuckWriter(Writer):
    """A transaction in DuckDB."""

    def run(self, statement: str, given: tuple[Any, ...] = ()) -> int:
        """Run a statement; the number of rows it changed."""
        done = self.connection.execute(statement, list(given) or None)
        rows = done.fetchall() if statement.startswith(("UPDATE", "INSERT")) else []
        return int(rows[0][0]) if rows else -1

    def _asked_columns(self, schema: str, name: str) -> list[Any]:
        return self.ask(
            "SELECT column_name FROM information_schema.columns WHERE table_name = ? AND table_schema = ?",
            (name, schema or "main"),
        )

    def insert(self, address: Address, table: pl.DataFrame) -> None:
        """Add rows, by way of a file: one by one would take a thousand times as long."""
        names = ", ".join(map(quoted, table.columns))
        with tempfile.TemporaryDirectory(prefix="amiss-write-") as folder:
            path = Path(folder) / "rows.parquet"
            table.write_parquet(path)
            self.connection.execute(
                f"INSERT INTO {address.quoted_table} ({names}) SELECT {names} FROM read_parquet(?)", [str(path)]
            )


class PostgresWriter(Writer):
    """A transaction in PostgreSQL."""

    def marked(self, statement: str) -> str:
        """A statement with place holders as the database writes them."""
        return statement.replace("%", "%%").replace("?", "%s") if "?" in statement else statement

    def run(self, statement: str, given: tuple[Any, ...] = ()) -> int:
        """Run a statement; the number of rows it changed."""
        return int(self.connection.execute(self.marked(statement) if given else statement, given or None).rowcount)

    def commit(self) -> None:
        """Make all of it lasting."""
        self.connection.commit()

    def _asked_columns(self, schema: str, name: str) -> list[Any]:
        return self.ask(
            "SELECT column_name FROM information_schema.columns WHERE table_name = ? "
            "AND table_schema = COALESCE(?, current_schema()) ORDER BY ordinal_position",
            (name, schema or None),
        )

    def insert(self, address: Address, table: pl.DataFrame) -> None:
        """Add rows."""
        names = ", ".join(map(quoted, table.columns))
        with (
            self.connection.cursor() as cursor,
            cursor.copy(f"COPY {address.quoted_table} ({names}) FROM STDIN") as copy,
        ):
            for row in table.iter_rows():
                # The server has no text with a zero byte in it.
                copy.write_row([v.replace("\0", "�") if isinstance(v, str) else v for v in row])


def type_name(dtype: Any) -> str:
    """A type by the name of `_TYPES`."""
    if dtype.is_integer():
        return "Int64"
    if dtype.is_float() or dtype.is_decimal():
        return "Float64"
    name = str(dtype.base_type())
    return "Zoned" if getattr(dtype, "time_zone", None) else name
