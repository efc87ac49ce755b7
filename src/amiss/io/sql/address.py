"""Addresses of databases, and of tables in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from amiss.core.errors import ParameterError

__all__ = ["Address", "is_address", "quoted", "read_address", "without_password"]

_SCHEMES = {"sqlite": "sqlite", "duckdb": "duckdb", "postgresql": "postgresql", "postgres": "postgresql"}


@dataclass(frozen=True, slots=True)
class Address:
    """A database, and a table in it where one is named.

    Attributes
    ----------
    kind
        "sqlite", "duckdb" or "postgresql".
    database
        Path of the file; of PostgreSQL the address as libpq takes it, with its password.
    table
        Name of a table, with its schema before a dot where that is named; "" for none.
    name
        The address as people may see it: without a password.
    """

    kind: str
    database: str
    table: str
    name: str

    def __repr__(self) -> str:
        return f"Address({self.name!r})"

    @property
    def quoted_table(self) -> str:
        """The table as SQL takes it.

        Examples
        --------
        >>> read_address("sqlite:///plant.db#main.readings").quoted_table
        '"main"."readings"'
        """
        return ".".join(quoted(part) for part in self.table.split("."))


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def is_address(text: str) -> bool:
    """Whether a text is the address of a database, and not a path.

    Examples
    --------
    >>> is_address("sqlite:///plant.db"), is_address("plant.db")
    (True, False)
    """
    return text.partition(":")[0].lower() in _SCHEMES and text.partition(":")[2][:2] == "//"


def read_address(text: str) -> Address:
    """The address in a text.

    Raises
    ------
    ParameterError
        It is none: no known scheme, or no file.

    Examples
    --------
    >>> read_address("postgresql://ada:secret@db/plant?password=secret#readings").name
    'postgresql://ada:***@db/plant?password=***#readings'
    """
    base, _, table = text.partition("#")
    scheme, _, rest = base.partition("://")
    kind = _SCHEMES.get(scheme.lower(), "")
    if not kind:
        mend = "give sqlite:///file.db, duckdb:///file.duckdb or postgresql://host/database"
        raise ParameterError("this is no address of a database", where=without_password(text), mend=mend)
    name = without_password(text)
    if kind == "postgresql":
        return Address(kind, f"postgresql://{rest}", unquote(table), name)
    if not rest.startswith("/") or len(rest) < 2:
        mend = f"give {kind}:///file with three slashes, four where the path begins at the root"
        raise ParameterError("the address names no file", where=name, mend=mend)
    return Address(kind, unquote(rest[1:]), unquote(table), name)


def without_password(text: str) -> str:
    """An address with `***` in place of its password."""
    hidden = re.sub(r"(://[^/?#]*?:)[^/?#]*@", r"\1***@", text)
    if hidden == text:  # a password that holds a slash, where it should hold %2F
        hidden = re.sub(r"(://[^:@]*:)[^@]*@", r"\1***@", text)
    return re.sub(r"([?&](?:password|sslpassword)=)[^&#]*", r"\1***", hidden, flags=re.IGNORECASE)
