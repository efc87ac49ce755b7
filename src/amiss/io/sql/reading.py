"""Runs a query where nothing can be changed, and hands out its rows in batches."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from amiss.core.errors import ConnectorError, DataError, ParameterError
from amiss.core.extras import require
from amiss.io.sql.address import Address
from amiss.io.sql.failures import worded

__all__ = ["column_names_of", "read_rows"]

BATCH_ROWS = 65_536


@contextmanager
def read_rows(address: Address, query: str, given: tuple[Any, ...] = ()) -> Iterator[tuple[list[str], Iterator[Any]]]:
    """Names of the columns of a query, and its rows in lists of up to 65,536, all of one moment.

    Parameters
    ----------
    query
        One statement that reads; `?` stands for a value only where values are `given`.
    given
        Values of its place holders.

    Raises
    ------
    ConnectorError
        Nobody is there, the password is refused, the table is not there, or the database does not understand it.
    ParameterError
        It is more than one statement, or one that does not read.
    """
    opened = {"sqlite": _sqlite, "duckdb": _duckdb, "postgresql": _postgresql}[address.kind]
    with worded(address, query), opened(address, query, given) as cursor:
        yield [column[0] for column in cursor.description], _batches(cursor)


def _batches(cursor: Any) -> Iterator[Any]:
    while rows := cursor.fetchmany(BATCH_ROWS):
        yield rows


def check_file(address: Address) -> None:
    """Raise `ConnectorError` if the file of a database is not there."""
    path = Path(address.database)
    if not path.is_file():
        what = "this is a folder, not a database" if path.is_dir() else "there is no such file"
        raise ConnectorError(what, where=address.name, mend="check the path; four slashes where it begins at the root")


@contextmanager
def _sqlite(address: Address, query: str, given: tuple[Any, ...]) -> Iterator[Any]:
    check_file(address)
    uri = Path(address.database).resolve().as_uri() + "?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        allowed = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
        connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY)
        cursor = connection.execute(query, given)
        if cursor.description is None:
            raise ParameterError("the query reads nothing", where=query[:200], mend="give one SELECT")
        yield cursor


@contextmanager
def _duckdb(address: Address, query: str, given: tuple[Any, ...]) -> Iterator[Any]:
    check_file(address)
    require("duckdb", extra="sql", what="reading DuckDB")
    import duckdb

    with duckdb.connect(address.database, read_only=True) as connection:
        statements = connection.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise ParameterError("the query is not one that only reads", where=query[:200], mend="give one SELECT")
        # Times come as those of the zone of this machine unless it is said otherwise.
        connection.execute("SET TimeZone = 'UTC'")
        yield connection.execute(query, list(given) or None)


@contextmanager
def _postgresql(address: Address, query: str, given: tuple[Any, ...]) -> Iterator[Any]:
    require("psycopg", extra="sql", what="reading PostgreSQL")
    import psycopg

    with psycopg.connect(address.database, connect_timeout=10) as connection:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        # The server keeps the rows and hands them out: a query larger than the memory of this machine can be read.
        with connection.cursor("amiss") as cursor:
            cursor.itersize = BATCH_ROWS
            cursor.execute(for_psycopg(query) if given else query, given or None)
            yield cursor


def for_psycopg(query: str) -> str:
    """A query whose last `?` are place holders as psycopg writes them."""
    own, mark, ours = query.rpartition(MARK)
    return own.replace("%", "%%") + mark + ours.replace("?", "%s")


MARK = "/* amiss: rows that are new */"
"""Stands between the user's query, where a ? or a % is the user's own, and what is asked of its rows."""


def column_names_of(address: Address, query: str) -> list[str]:
    """Names of the columns that a query gives."""
    try:
        with read_rows(address, f"SELECT * FROM (\n{query}\n) AS amiss_rows LIMIT 0") as (names, _):
            return names
    except DataError:
        return []
