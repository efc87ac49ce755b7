"""Scored rows on their way into the history: whose they are is said once, by a number."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from amiss.store.json_text import clean_text, to_json
from amiss.store.records import HistoryBatch

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Series", "SeriesWriter", "count_on", "numbers_of", "set_number"]

_Key = tuple[str, str | None, tuple[str, ...]]
_MOST = 1_000_000
_CHUNK = 500
# Beyond some 30,000 years it is no time.
_LATEST = 1e12


def numbers_of(connection: Connection) -> dict[str, float]:
    """The store's own figures by name: "history_from", "series_generation", "marks_generation"."""
    from sqlalchemy import select

    from amiss.store.tables import NUMBERS

    return {row[0]: row[1] for row in connection.execute(select(NUMBERS.c.name, NUMBERS.c.number))}


def set_number(connection: Connection, name: str, number: float) -> None:
    """Write one of the store's own figures."""
    from sqlalchemy import text

    changed = "ON CONFLICT (name) DO UPDATE SET number = excluded.number"
    statement = text(f"INSERT INTO amiss_numbers (name, number) VALUES (:name, :number) {changed}")
    connection.execute(statement, {"name": name, "number": number})


def count_on(connection: Connection, name: str) -> None:
    """Add one to one of the store's own figures, which begin at 0."""
    set_number(connection, name, numbers_of(connection).get(name, 0.0) + 1)


class Series:
    """What a process remembers between transactions: numbers of series, and minutes that are marked already.

    Each holds for one generation: when series or marks are taken away, by whichever process, the store counts on.
    """

    def __init__(self) -> None:
        self.generations = (0.0, 0.0)
        self.ids: dict[_Key, int] = {}
        self.marks: set[tuple[int, int]] = set()

    def begin(self, of_series: float, of_marks: float) -> None:
        """Forget what is of another generation, or too much."""
        if of_series != self.generations[0] or len(self.ids) > _MOST:
            self.ids.clear()
        if of_marks != self.generations[1] or len(self.marks) > _MOST:
            self.marks.clear()
        self.generations = of_series, of_marks


class SeriesWriter:
    """Writes scored rows in one transaction.

    Parameters
    ----------
    connection
        Of the transaction.
    series
        What is known from those before.
    """

    def __init__(self, connection: Connection, series: Series) -> None:
        numbers = numbers_of(connection)
        self._connection, self._series = connection, series
        self._from = numbers.get("history_from", -np.inf)
        self._generations = numbers.get("series_generation", 0.0), numbers.get("marks_generation", 0.0)
        self._ids: dict[_Key, int] = {}
        self._marks: set[tuple[int, int]] = set()
        series.begin(*self._generations)

    def kept(self) -> None:
        """Remember what this transaction has found, as it is safe now."""
        if self._generations == self._series.generations:
            self._series.ids.update(self._ids)
            self._series.marks.update(self._marks)

    def put(self, batch: HistoryBatch) -> None:
        """Write rows and mark their minutes."""
        rows = np.flatnonzero((np.abs(batch.times) < _LATEST) & (batch.times >= self._from))
        if not len(rows):
            return
        ids = self._numbered(batch, rows.tolist())
        self._mark(ids, batch.times[rows])
        changed = "score = excluded.score, p_value = excluded.p_value, is_anomaly = excluded.is_anomaly, "
        self._many(
            "INSERT INTO amiss_history (series, time, score, p_value, is_anomaly, readings) VALUES (?, ?, ?, ?, ?, ?) "
            f"ON CONFLICT (series, time) DO UPDATE SET {changed}readings = excluded.readings",
            list(_lines(batch, rows, ids)),
        )

    def _numbered(self, batch: HistoryBatch, rows: list[int]) -> list[int]:
        """The number of each row's series; new ones are written."""
        source, columns = clean_text(batch.source), tuple(map(clean_text, batch.columns))
        entities = [batch.entities[row] for row in rows]
        known = {}
        unknown = []
        for entity in dict.fromkeys(entities):
            key = (source, entity if entity is None else clean_text(entity), columns)
            number = self._series.ids.get(key) or self._ids.get(key)
            if number is None:
                unknown.append(entity)
            else:
                known[entity] = number
        if unknown:
            known |= self._made(source, unknown, columns)
        return [known[entity] for entity in entities]

    def _made(self, source: str, entities: list[str | None], columns: tuple[str, ...]) -> dict[str | None, int]:
        from sqlalchemy import select

        from amiss.store.tables import SERIES

        keys = {entity: (source, entity if entity is None else clean_text(entity), columns) for entity in entities}
        words = {key: blake2b(to_json(key).encode(), digest_size=16).hexdigest() for key in keys.values()}
        told = to_json(columns)
        self._many(
            "INSERT INTO amiss_series (key, source, entity, columns) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
            [(word, key[0], key[1], told) for key, word in words.items()],
        )
        found: dict[str, int] = {}
        wanted = list(words.values())
        for first in range(0, len(wanted), _CHUNK):
            some = select(SERIES.c.key, SERIES.c.id).where(SERIES.c.key.in_(wanted[first : first + _CHUNK]))
            found |= {row[0]: row[1] for row in self._connection.execute(some)}
        self._ids |= {key: found[word] for key, word in words.items()}
        return {entity: found[words[key]] for entity, key in keys.items()}

    def _mark(self, ids: list[int], times: Any) -> None:
        minutes = np.floor(times / 60).astype(np.int64).tolist()
        new = set(zip(ids, minutes, strict=True)) - self._series.marks - self._marks
        self._many("INSERT INTO amiss_marks (series, start) VALUES (?, ?) ON CONFLICT (series, start) DO NOTHING", new)
        self._marks |= new

    def _many(self, statement: str, rows: Any) -> None:
        if not rows:
            return
        # Straight to the driver: what SQLAlchemy does for each value costs more than writing it.
        if self._connection.dialect.name != "sqlite":
            statement = statement.replace("?", "%s")
        self._connection.exec_driver_sql(statement, list(rows))


def _lines(batch: HistoryBatch, rows: Any, ids: list[int]) -> Iterator[tuple[Any, ...]]:
    readings = np.ascontiguousarray(batch.values[rows], dtype="<f8")
    width = readings.shape[1] * 8
    whole = readings.tobytes()
    columns = (batch.times[rows].tolist(), _numbers(batch.scores[rows]), _numbers(batch.p_values[rows]))
    anomalies = batch.is_anomaly[rows].astype(int).tolist()
    for i, (number, time, score, p_value, odd) in enumerate(zip(ids, *columns, anomalies, strict=True)):
        yield number, time, score, p_value, odd, whole[i * width : (i + 1) * width]


def _numbers(values: Any) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]
