"""Which series have scored rows in the store."""

from __future__ import annotations

import msgspec

from amiss.store.json_text import clean_text, from_json
from amiss.store.room import Room

__all__ = ["KeptSeries", "SeriesList"]


class KeptSeries(msgspec.Struct, frozen=True, kw_only=True):
    """Scored rows of one entity with the same channels.

    Attributes
    ----------
    id
        Number of the series in its store.
    source, entity
        Where they came from, and whose they are; `entity` None where there is no entity.
    columns
        Names of the channels.
    """

    id: int
    source: str
    entity: str | None
    columns: tuple[str, ...]


class SeriesList(Room):
    """What is kept of whom."""

    def kept_series(self, *, source: str | None = None, limit: int = 1_000) -> list[KeptSeries]:
        """Series with scored rows, by their numbers; of one source, where it is given."""
        from sqlalchemy import select

        from amiss.store.tables import SERIES

        query = select(SERIES).order_by(SERIES.c.id).limit(limit)
        if source is not None:
            query = query.where(SERIES.c.source == clean_text(source))
        return [_series(row) for row in self._rows(query)]

    def series_of(self, source: str, entity: str | None) -> list[KeptSeries]:
        """Series of one entity; the one with the newest channels last."""
        from sqlalchemy import select

        from amiss.store.tables import SERIES

        whose = SERIES.c.entity.is_(None) if entity is None else SERIES.c.entity == clean_text(entity)
        query = select(SERIES).where((SERIES.c.source == clean_text(source)) & whose).order_by(SERIES.c.id)
        return [_series(row) for row in self._rows(query)]


def _series(row: dict[str, object]) -> KeptSeries:
    columns = tuple(str(name) for name in from_json(str(row["columns"])))
    entity = None if row["entity"] is None else str(row["entity"])
    return KeptSeries(id=int(str(row["id"])), source=str(row["source"]), entity=entity, columns=columns)
