"""What the parts of a store stand on."""

from __future__ import annotations

from typing import Any

from amiss.store.database import Database

__all__ = ["Room"]


class Room:
    """A part of the store: readers and changes of what belongs together.

    Parameters
    ----------
    database
        Where it lies.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def _rows(self, query: Any) -> list[dict[str, Any]]:
        with self._database.reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def _changed(self, statement: Any) -> bool:
        with self._database.writing() as connection:
            return bool(connection.execute(statement).rowcount)
