"""Store: what is kept for years, in a file (SQLite) or in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from amiss.store.columns import Columns
from amiss.store.database import Database
from amiss.store.events import Events
from amiss.store.history import History
from amiss.store.keys import Keys
from amiss.store.outbox import Outbox
from amiss.store.verdicts import Verdicts
from amiss.store.watches import Watches
from amiss.store.writer import Writer

__all__ = ["Store"]


class Store(Events, Outbox, History, Columns, Verdicts, Keys, Watches):
    """Events, alarms, deliveries, silences, labels, models and scored history; it has no clock, so callers give times.

    Any thread may use it. One writes at a time, in this process and in others; readers wait for nobody. In text, ␀
    stands for the character zero and � for half a character, in both databases, as PostgreSQL and UTF-8 refuse them.

    Parameters
    ----------
    database
        As `Store.open` makes it.

    Raises
    ------
    StoreError
        Whatever the database refuses: a disk that is full, a file that is locked or damaged, a server that is away.
        Nothing is then half written.

    Examples
    --------
    >>> import tempfile
    >>> from amiss.store import Store
    >>> from amiss.store.records import EventRecord
    >>> folder = tempfile.TemporaryDirectory()
    >>> spike = EventRecord(id="e1", source="demo", kind="spike", opened=60.0, updated=61.0, fingerprint="f1")
    >>> with Store.open(folder.name + "/alarms.db") as store:
    ...     with store.writing() as writer:
    ...         writer.put_events([spike])
    ...     print(store.acknowledge("e1", who="kim", now=90.0), store.events(state="firing")[0].acknowledged_by)
    True kim
    >>> folder.cleanup()
    """

    @classmethod
    def open(cls, place: str | Path, *, wait_seconds: float = 10.0) -> Store:
        """Open a store, make it if it is not there, and bring it to this version.

        Parameters
        ----------
        place
            Path of a file; or URL: sqlite:///path, postgresql://user:password@host:port/database.
        wait_seconds
            How long to wait for another process that writes before it is an error.

        Raises
        ------
        StoreError
            It cannot be opened, or a newer version of `amiss` made it.
        MissingExtraError
            SQLAlchemy or psycopg is not installed.
        """
        database = Database(place, wait_seconds)
        try:
            database.upgrade()
        except BaseException:
            database.close()
            raise
        return cls(database)

    @property
    def name(self) -> str:
        """Where it lies, without a password."""
        return self._database.name

    def close(self) -> None:
        """Let go of the database; may be called twice."""
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """One transaction: what is put inside is kept when the block ends, and nothing of it if it raises."""
        with self._database.turn():
            with self._database.transaction() as connection:
                writer = Writer(connection, self._series)
                yield writer
            writer.kept()
