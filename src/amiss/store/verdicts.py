"""What people have said about data, the versions of models, and records that were not understood."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amiss.core.errors import ParameterError
from amiss.store.json_text import clean_text
from amiss.store.records import DeadLetter, LabelRecord, ModelRecord, ModelState
from amiss.store.room import Room
from amiss.store.writer import row_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Verdicts"]


class Verdicts(Room):
    """Labels, models and dead letters."""

    def add_label(self, label: LabelRecord) -> None:
        """Keep what a person has said; what was said before stays too."""
        from sqlalchemy import insert

        from amiss.store.tables import LABELS

        self._changed(insert(LABELS).values(**row_of(label)))

    def labels(
        self,
        *,
        source: str | None = None,
        entity: str | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> list[LabelRecord]:
        """Labels in the order in which they were given.

        Parameters
        ----------
        source, entity
            Only of those; None for all.
        since, until
            Only of data that end at or after `since` and start before `until`, in seconds.
        """
        from sqlalchemy import select

        from amiss.store.tables import LABELS

        columns = LABELS.c
        query = select(*(columns[name] for name in LabelRecord.__struct_fields__)).order_by(columns.place)
        for name, wanted in (("source", source), ("entity", entity)):
            if wanted is not None:
                query = query.where(columns[name] == clean_text(wanted))
        if since is not None:
            query = query.where(columns.ends >= since)
        if until is not None:
            query = query.where(columns.starts < until)
        return [LabelRecord(**row) for row in self._rows(query)]

    def n_labels(self) -> int:
        """How many labels there are."""
        from sqlalchemy import func, select

        from amiss.store.tables import LABELS

        return int(self._rows(select(func.count().label("n")).select_from(LABELS))[0]["n"])

    def add_model(
        self, name: str, *, path: str, digest: str, now: float, note: str = "", state: ModelState = "challenger"
    ) -> ModelRecord:
        """Note a version of a model, with the next number; a champion retires the one before.

        Returns
        -------
        ModelRecord
            With its number.
        """
        from sqlalchemy import func, insert, select

        from amiss.store.tables import MODELS

        name = clean_text(name)
        with self._database.writing() as connection:
            highest = connection.scalar(select(func.max(MODELS.c.number)).where(MODELS.c.name == name)) or 0
            record = ModelRecord(
                name=name, number=highest + 1, created=now, path=path, digest=digest, note=note, state="challenger"
            )
            connection.execute(insert(MODELS).values(**row_of(record)))
            return self._given(connection, record.name, record.number, state)

    def set_model_state(self, name: str, number: int, state: ModelState, *, note: str | None = None) -> ModelRecord:
        """Change what a version does; a new champion retires the one before. A note takes the place of the one before.

        Raises
        ------
        ParameterError
            There is no such version.
        """
        with self._database.writing() as connection:
            return self._given(connection, clean_text(name), number, state, note)

    def _given(
        self, connection: Connection, name: str, number: int, state: ModelState, note: str | None = None
    ) -> ModelRecord:
        from sqlalchemy import select, update

        from amiss.store.tables import MODELS

        this = (MODELS.c.name == name) & (MODELS.c.number == number)
        if state == "champion":
            before = (MODELS.c.name == name) & (MODELS.c.state == "champion")
            connection.execute(update(MODELS).where(before).values(state="retired"))
        new = {"state": state} | ({} if note is None else {"note": clean_text(note)})
        if not connection.execute(update(MODELS).where(this).values(**new)).rowcount:
            raise ParameterError(f"there is no version {number} of the model {name!r}", where=self._database.name)
        return ModelRecord(**connection.execute(select(MODELS).where(this)).mappings().one())

    def models(self, name: str | None = None) -> list[ModelRecord]:
        """All versions by name and number; of one model, where its name is given."""
        from sqlalchemy import select

        from amiss.store.tables import MODELS

        query = select(MODELS).order_by(MODELS.c.name, MODELS.c.number)
        if name is not None:
            query = query.where(MODELS.c.name == clean_text(name))
        return [ModelRecord(**row) for row in self._rows(query)]

    def dead_letters(self, *, source: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """Records that were not understood, the last first; of one source, where it is given."""
        from sqlalchemy import select

        from amiss.store.tables import DEAD_LETTERS

        columns = DEAD_LETTERS.c
        query = select(*(columns[name] for name in DeadLetter.__struct_fields__))
        query = query.order_by(columns.place.desc()).limit(limit)
        if source is not None:
            query = query.where(columns.source == clean_text(source))
        return [DeadLetter(**row) for row in self._rows(query)]
