"""The database behind a store: opened, brought to this version, its errors told in our words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from amiss.core.errors import StoreError
from amiss.core.extras import require

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

__all__ = ["VERSION", "Database"]

_UPGRADING = Lock()
VERSION = 3
"""Of the tables; the newest file in migrations/versions."""

_LOCK = 0x616D6973
"""Number under which writers of a PostgreSQL database wait for one another."""
_AWAY = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
"""A server that has gone without a word is noticed within half a minute, and not by the system's own quarter of an
hour."""
_MENDS = {
    "locked": "another process writes to it, or has died while it did: let it end, or end it",
    "lock timeout": "another process writes to it: let it end, or end it",
    "is full": "free space on the disk; nothing of this was written",
    "No space left": "free space on the database's disk; nothing of this was written",
    "disk I/O error": "look at the disk's space and health; nothing of this was written",
    "readonly": "give this user the right to write to the file and its folder",
    "unable to open": "look whether the folder is there and this user may write to it",
    "not a database": "name another file: this one is not a store of amiss",
    "malformed": "the file is damaged: put a copy in its place",
    "Connection refused": "look whether PostgreSQL runs, and at host and port",
    "resolve host": "look at the host's name",
    "timeout expired": "look whether the server can be reached from here",
    "password authentication failed": "look at the user and the password (PGPASSWORD is read too)",
    "does not exist": "make the database or the user (createdb, createuser), or name another",
    "permission denied": "give this user the right to make tables in the database",
}


class Database:
    """An engine, and one writer at a time: of this process by a lock, of others by the database's own.

    Parameters
    ----------
    place
        Path of a file, or URL beginning with sqlite:/// or postgresql://.
    wait_seconds
        How long to wait for another writer before it is an error.
    """

    def __init__(self, place: str | Path, wait_seconds: float) -> None:
        require("sqlalchemy", extra="live", what="A store")
        url = _url(place)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.name = str(url.database) if self.is_sqlite else _shown(url.set(drivername="postgresql"))
        self.wait_seconds = wait_seconds
        self._turn = Lock()
        with self.telling("be opened"):
            self.engine = self._engine(url)

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    @contextmanager
    def telling(self, doing: str) -> Iterator[None]:
        """Errors of the database inside become a `StoreError` that begins with "the store cannot" and `doing`."""
        import sqlite3

        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            said = str(getattr(error, "orig", None) or error).strip()
            mend = next((mend for word, mend in _MENDS.items() if word in said), None)
            what = f"the store cannot {doing}: {said.partition(chr(10))[0]}"
            raise StoreError(what, where=self.name, mend=mend) from error

    @contextmanager
    def reading(self, doing: str = "be read") -> Iterator[Connection]:
        """A transaction that only reads, and waits for nobody; `doing` is what an error calls it."""
        with self.telling(doing), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is written as a whole when the block ends, or not at all when it raises."""
        with self.turn(), self.transaction() as connection:
            yield connection

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other thread of this process writes."""
        if not self._turn.acquire(timeout=self.wait_seconds):
            what = f"the store cannot be written: another thread has been writing for {self.wait_seconds:g} seconds"
            raise StoreError(what, where=self.name, mend="end a block of `writing` before the next begins")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """What is written together; to be begun in one's turn. Waits until no other process writes."""
        with self.telling("be written"), self.engine.execution_options(amiss_writes=True).begin() as connection:
            if not self.is_sqlite:
                milliseconds = max(1, round(self.wait_seconds * 1000))
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection

    def upgrade(self) -> None:
        """Bring the tables to `VERSION`.

        Raises
        ------
        StoreError
            They are newer than that, or it is the database of something else.
        """
        with self.reading("be opened") as connection:
            version = self._version(connection)
        if self.is_sqlite:
            self._log_ahead()
        if version == VERSION:
            return
        require("alembic", extra="live", what="A store")
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        with self.writing() as connection:
            # Another process may have done it while this one waited for its turn.
            if self._version(connection) == VERSION:
                return
            # Alembic does one thing at a time in a process.
            with _UPGRADING:
                config.attributes["connection"] = connection
                command.upgrade(config, str(VERSION))

    def _log_ahead(self) -> None:
        """Let readers and a writer not wait for one another; only once the file is known to be ours, as it stays so."""
        import sqlite3

        end = time.monotonic() + self.wait_seconds
        with self.telling("be opened"), closing(self.engine.raw_connection()) as raw:
            cursor = raw.cursor()
            while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                try:
                    cursor.execute("PRAGMA journal_mode=WAL")
                    return
                except sqlite3.OperationalError as error:
                    # Of two that open a new file at once SQLite refuses one, and does not let it wait.
                    if "locked" not in str(error) or time.monotonic() > end:
                        raise
                    time.sleep(0.01)

    def _version(self, connection: Connection) -> int:
        from sqlalchemy import inspect, text

        tables = inspect(connection).get_table_names()
        if "amiss_version" not in tables:
            if self.is_sqlite and tables:
                what = "the file is a database of something else"
                raise StoreError(what, where=self.name, mend="name another file for the store")
            return 0
        said = str(connection.execute(text("SELECT version_num FROM amiss_version")).scalar() or "0")
        if not said.isdigit() or int(said) > VERSION:
            what = f"the store is of version {said}, and this amiss knows versions up to {VERSION}"
            raise StoreError(what, where=self.name, mend="pip install --upgrade amiss, or name another store")
        return int(said)

    def _engine(self, url: URL) -> Engine:
        from sqlalchemy import create_engine, event

        if not self.is_sqlite:
            require("psycopg", extra="sql", what="A store in PostgreSQL")
            wait = {"connect_timeout": max(2, round(self.wait_seconds))} | _AWAY
            given = {name: value for name, value in wait.items() if name not in url.query}
            return create_engine(url, pool_pre_ping=True, connect_args=given)
        engine = create_engine(url, connect_args={"timeout": self.wait_seconds})
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        return engine


def _url(place: str | Path) -> URL:
    from sqlalchemy import URL, make_url
    from sqlalchemy.exc import ArgumentError

    if isinstance(place, Path) or "://" not in place:
        return URL.create("sqlite", database=str(Path(place).expanduser()))
    mend = "write a path, sqlite:///path or postgresql://user@host/database"
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):
        raise StoreError("the store's address cannot be read", mend=mend) from None
    backend = url.get_backend_name()
    if backend not in {"sqlite", "postgresql", "postgres"} or not url.database or url.database == ":memory:":
        raise StoreError("there is no such kind of store", where=_shown(url), mend=mend)
    return url if backend == "sqlite" else url.set(drivername="postgresql+psycopg")


def _shown(url: URL) -> str:
    # Options after the question mark can hold secrets too.
    return url.set(query={}).render_as_string(hide_password=True)


def _prepare(connection: Any, _: Any) -> None:
    # Python's own opinion of when a transaction begins would tear apart the changes of tables.
    connection.isolation_level = None
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "journal_size_limit=67108864"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A reader that becomes a writer halfway can be refused at once; a writer asks for its turn first.
    writes = connection.get_execution_options().get("amiss_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
