"""What a database says went wrong, in words that say how to mend it."""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from amiss.core.errors import AmissError, ConnectorError, ParameterError
from amiss.io.sql.address import Address, without_password

__all__ = ["worded"]

_MENDS = (
    (r"password authentication failed|no password supplied|role .* does not exist",
     "the database refuses the user or the password",
     "check them; PGPASSWORD or ~/.pgpass keep it out of the address"),
    (r"connection refused|could not translate|timeout|is the server running|name or service|no such host",
     "no database answers there", "check host and port, and that the server runs"),
    (r"database \"?.*\"? does not exist", "there is no such database", "check the name behind the host"),
    (r"not authorized|read-only|readonly|permission denied",
     "the database refuses it", "a query only reads; to write, the user and the file must allow it"),
    (r"locked|could not set lock|conflicting lock",
     "another process holds the database", "wait for it to end, or read a copy"),
    (r"not a database|not a valid duckdb", "this file is no such database", "check the path and the scheme"),
    (r"no space|disk is full|disk full", "the disk is full", "free some space; nothing was written"),
)  # fmt: skip


@contextmanager
def worded(address: Address, query: str = "") -> Iterator[None]:
    """Errors of any of the databases as `ConnectorError`, or `ParameterError` where the query cannot be understood."""
    try:
        yield
    except AmissError:
        raise
    except sqlite3.Error as error:
        raise _error(error, address, query) from error
    except Exception as error:
        if _is_foreign(error):
            raise _error(error, address, query) from None
        raise


def _is_foreign(error: Exception) -> bool:
    for library in ("duckdb", "psycopg"):
        kind = getattr(sys.modules.get(library), "Error", None)
        if kind is not None and isinstance(error, kind):
            return True
    return False


def _error(error: Exception, address: Address, query: str) -> AmissError:
    said = without_password(" ".join(str(error).split()))[:400]
    where = f"{address.name}: {said}"
    missing = re.search(r"no such (table|column)|(relation|column|table with name) .*does not exist|"
                        r"referenced column|undefined (table|column)", said, re.IGNORECASE)  # fmt: skip
    if missing:
        return ConnectorError("the database has no such table or column", where=where, mend=_near(address, said))
    for pattern, what, mend in _MENDS:
        if re.search(pattern, said, re.IGNORECASE):
            return ConnectorError(what, where=where, mend=mend)
    if query and re.search(r"syntax|incomplete input|parser error|one statement|multiple commands", said, re.I):
        return ParameterError("the database does not understand the query", where=where, mend="give one SELECT")
    return ConnectorError("the database failed", where=where, mend="see what it said")


def _near(address: Address, said: str) -> str:
    """The nearest table, where the one that is missing is one."""
    import difflib

    from amiss.io.sql.tables import tables_of

    found = re.search(r"no such table: (\S+)|relation \"([^\"]+)\"|[Tt]able with name (\S+)", said)
    if not found:
        return "check the names of the columns"
    wanted = next(group for group in found.groups() if group)
    try:
        there = tables_of(address)
    except AmissError:
        return "check the name of the table"
    near = difflib.get_close_matches(wanted, there, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return hint + (f"tables there: {', '.join(there[:10])}" if there else "there are no tables")
