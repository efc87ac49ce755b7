"""Scored history as columns: the rows of one series in one go, for pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.store.json_text import clean_text, from_json
from amiss.store.room import Room

__all__ = ["Columns", "HistoryColumns", "RareRows", "SeriesRecord"]

_AT_ONCE = 50_000

Vector = npt.NDArray[np.float64]

_MOST_OF_ONE = 100


class SeriesRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Whose rows the history holds.

    Attributes
    ----------
    id
        Its number.
    source, entity, columns
        As of `HistoryBatch`.
    start, stop
        Times of its first and last row, in seconds; None where there is none.
    n_rows, n_anomalies
        As the totals have them: what came since they were made is not counted.
    """

    id: int
    source: str
    entity: str | None
    columns: tuple[str, ...]
    start: float | None
    stop: float | None
    n_rows: int
    n_anomalies: int


class HistoryColumns(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Rows of one series, in order of time.

    Attributes
    ----------
    times, scores, p_values : (n_rows,)
        Seconds; as decided, NaN where there was none.
    is_anomaly : (n_rows,)
        As decided.
    values : (n_rows, n_columns)
        What the channels read; NaN where missing.
    """

    times: Vector
    scores: Vector
    p_values: Vector
    is_anomaly: npt.NDArray[np.bool_]
    values: Vector


class RareRows(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Rows of a source that are rarer than most, by their series and time.

    Attributes
    ----------
    series, times, p_values, is_anomaly : (n_rows,)
        Number of the series; seconds; as decided.
    """

    series: npt.NDArray[np.int64]
    times: Vector
    p_values: Vector
    is_anomaly: npt.NDArray[np.bool_]


class Columns(Room):
    """History, series by series."""

    def series(
        self, *, source: str | None = None, number: int | None = None, limit: int = 200, offset: int = 0
    ) -> list[SeriesRecord]:
        """Series of the history by their numbers; of one source, or the one with a number, where that is given."""
        from amiss.store.tables import SERIES

        these = [] if source is None else [SERIES.c.source == clean_text(source)]
        return self._series_where(
            *these, *([] if number is None else [SERIES.c.id == number]), limit=limit, offset=offset
        )

    def series_of(self, source: str, entity: str | None) -> list[SeriesRecord]:
        """Series of one entity (None: of none) by their numbers: one for each set of channels that it has had."""
        from amiss.store.tables import SERIES

        whose = SERIES.c.entity.is_(None) if entity is None else SERIES.c.entity == clean_text(entity)
        return self._series_where(SERIES.c.source == clean_text(source), whose, limit=_MOST_OF_ONE, offset=0)

    def _series_where(self, *these: Any, limit: int, offset: int) -> list[SeriesRecord]:
        from sqlalchemy import func, select

        from amiss.store.tables import HISTORY, SERIES, TOTALS

        def end(extreme: Any) -> Any:
            return select(extreme(HISTORY.c.time)).where(HISTORY.c.series == SERIES.c.id).scalar_subquery()

        def total(name: str) -> Any:
            hours = (TOTALS.c.series == SERIES.c.id) & (TOTALS.c.span == 3600)
            return select(func.coalesce(func.sum(TOTALS.c[name]), 0)).where(hours).scalar_subquery()

        query = select(
            SERIES.c.id, SERIES.c.source, SERIES.c.entity, SERIES.c.columns, end(func.min).label("start"),
            end(func.max).label("stop"), total("n_rows").label("n_rows"), total("n_anomalies").label("n_anomalies"),
        ).where(*these).order_by(SERIES.c.id).limit(limit).offset(offset)  # fmt: skip
        return [
            SeriesRecord(**{**row, "columns": tuple(from_json(row["columns"])), "n_rows": int(row["n_rows"]),
                            "n_anomalies": int(row["n_anomalies"])})
            for row in self._rows(query)
        ]  # fmt: skip

    def history_columns(self, number: int, *, since: float | None = None, until: float | None = None) -> HistoryColumns:
        """The rows of the series with a number, in order of time.

        Parameters
        ----------
        number
            Of the series.
        since, until
            Only at or after `since`, and before `until`, in seconds.
        """
        statement = "SELECT time, score, p_value, is_anomaly, readings FROM amiss_history WHERE series = ?"
        said: list[float] = [number]
        for sign, end in ((">=", since), ("<", until)):
            if end is not None:
                statement += f" AND time {sign} ?"
                said.append(end)
        parts: list[HistoryColumns] = []
        with self._database.reading() as connection:
            if not self._database.is_sqlite:
                statement = statement.replace("?", "%s")
            # Straight from the driver: a million rows take a second so, and three with objects for each.
            result = connection.exec_driver_sql(f"{statement} ORDER BY time", tuple(said))
            while rows := result.cursor.fetchmany(_AT_ONCE):
                parts.append(_columns(rows))
            result.close()
        if not parts:
            empty = np.empty(0)
            return HistoryColumns(
                times=empty, scores=empty, p_values=empty, is_anomaly=np.empty(0, np.bool_), values=np.empty((0, 0))
            )
        return HistoryColumns(**{
            name: np.concatenate([getattr(part, name) for part in parts]) for name in HistoryColumns.__struct_fields__
        })  # fmt: skip

    def counted(self, number: int, *, since: float, until: float) -> int:
        """How many rows of the series with a number the totals have in the hours that start within a time."""
        from sqlalchemy import func, select

        from amiss.store.tables import TOTALS

        hours = (
            (TOTALS.c.series == number) & (TOTALS.c.span == 3600) & (TOTALS.c.start >= since) & (TOTALS.c.start < until)
        )
        with self._database.reading() as connection:
            return int(connection.scalar(select(func.coalesce(func.sum(TOTALS.c.n_rows), 0)).where(hours)) or 0)

    def sources(self) -> list[str]:
        """Names of the sources of which there is history."""
        from sqlalchemy import select

        from amiss.store.tables import SERIES

        return [row["source"] for row in self._rows(select(SERIES.c.source).distinct().order_by(SERIES.c.source))]

    def entities_of(self, source: str) -> dict[int, str | None]:
        """The entity of each series of a source, by the number of the series."""
        from sqlalchemy import select

        from amiss.store.tables import SERIES

        query = select(SERIES.c.id, SERIES.c.entity).where(SERIES.c.source == clean_text(source))
        return {row["id"]: row["entity"] for row in self._rows(query)}

    def hours_of(self, source: str, *, since: float | None = None) -> tuple[float, float, int] | None:
        """Start of the first hour of a source that the totals have, end of the last, and how many rows there were.

        Parameters
        ----------
        source
            Whose.
        since
            Only hours that start at or after it, in seconds; None for all.

        Returns
        -------
        tuple or None
            None where there is no such hour.
        """
        from sqlalchemy import func, select

        from amiss.store.tables import SERIES, TOTALS

        total = TOTALS.c
        query = select(func.min(total.start), func.max(total.start), func.sum(total.n_rows)).join(SERIES)
        query = query.where(SERIES.c.source == clean_text(source), total.span == 3600)
        if since is not None:
            query = query.where(total.start >= since)
        with self._database.reading() as connection:
            first, last, n_rows = connection.execute(query).one()
        return None if first is None else (float(first), float(last) + 3600.0, int(n_rows))

    def rare_rows(self, source: str, *, since: float, most: float, limit: int = 50_000) -> RareRows:
        """The rows of a source with the lowest p-values, by their series and time.

        Parameters
        ----------
        source
            Whose.
        since
            Only at or after it, in seconds.
        most
            Only p-values up to this, in (0, 1].
        limit
            At most so many.
        """
        from sqlalchemy import select

        from amiss.store.tables import HISTORY, SERIES

        rows = HISTORY.c
        query = select(rows.series, rows.time, rows.p_value, rows.is_anomaly).join(SERIES)
        query = query.where(SERIES.c.source == clean_text(source), rows.time >= since, rows.p_value <= most)
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(rows.p_value).limit(limit)).all()
        series, times, p_values, flags = zip(*found, strict=True) if found else ((), (), (), ())
        order = np.lexsort((times, series))
        return RareRows(
            series=np.array(series, np.int64)[order], times=np.array(times, np.float64)[order],
            p_values=np.array(p_values, np.float64)[order], is_anomaly=(np.array(flags, np.int8) > 0)[order],
        )  # fmt: skip


def _columns(rows: Sequence[Any]) -> HistoryColumns:
    times, scores, p_values, flags, readings = zip(*rows, strict=True)
    return HistoryColumns(
        times=np.array(times, np.float64),
        # None becomes NaN.
        scores=np.array(scores, np.float64),
        p_values=np.array(p_values, np.float64),
        is_anomaly=np.array(flags, np.int8) > 0,
        values=np.frombuffer(b"".join(map(bytes, readings)), "<f8").reshape(len(rows), -1),
    )
