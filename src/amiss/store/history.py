"""Scored history: read back, summed up by the minute and the hour, and taken away when it is old."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from amiss.store.database import Database
from amiss.store.json_text import clean_text, from_json
from amiss.store.records import HistoryRow, HistoryTotal, Retention
from amiss.store.room import Room
from amiss.store.series import Series, count_on, numbers_of, set_number

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["History"]

_DAY = 86_400.0
_N_MARKS = 20_000
_N_SERIES = 2_000


class History(Room):
    """Scores and readings, row by row for a while, and their totals for longer.

    Parameters
    ----------
    database
        Where it lies.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._series = Series()

    def history(
        self,
        source: str,
        entity: str | None = None,
        *,
        since: float | None = None,
        until: float | None = None,
        limit: int = 100_000,
    ) -> list[HistoryRow]:
        """Scored rows of one entity (None: of those without), in order of time.

        Parameters
        ----------
        source, entity
            Whose.
        since, until
            Only at or after `since`, and before `until`, in seconds.
        limit
            At most so many, the first.
        """
        from sqlalchemy import select

        from amiss.store.tables import HISTORY, SERIES

        query = select(HISTORY, SERIES.c.entity, SERIES.c.columns).join(SERIES)
        query = query.where(*_whose(source, entity)).order_by(HISTORY.c.time, HISTORY.c.series).limit(limit)
        if since is not None:
            query = query.where(HISTORY.c.time >= since)
        if until is not None:
            query = query.where(HISTORY.c.time < until)
        return [_row(row) for row in self._rows(query)]

    def totals(
        self,
        source: str,
        entity: str | None = None,
        *,
        span_seconds: int = 3600,
        since: float | None = None,
        until: float | None = None,
        limit: int = 100_000,
    ) -> list[HistoryTotal]:
        """The scored rows of one entity by the minute (60) or the hour (3600), as `roll_up` left them, by time.

        Parameters
        ----------
        source, entity, limit
            As in `history`.
        span_seconds
            60 or 3600.
        since, until
            Only what starts at or after `since`, and before `until`, in seconds.
        """
        from sqlalchemy import func, select

        from amiss.store.tables import SERIES, TOTALS

        total = TOTALS.c
        sums = [func.sum(total[name]).label(name) for name in ("n_rows", "n_scored", "n_anomalies", "score_sum")]
        ends = [func.min(total.score_min).label("score_min"), func.max(total.score_max).label("score_max")]
        query = select(total.start, *sums, *ends).join(SERIES).where(*_whose(source, entity))
        query = query.where(total.span == span_seconds).group_by(total.start).order_by(total.start).limit(limit)
        if since is not None:
            query = query.where(total.start >= math.ceil(since))
        if until is not None:
            query = query.where(total.start < math.ceil(until))
        return [_total(row, entity, span_seconds) for row in self._rows(query)]

    def roll_up(self) -> int:
        """Bring the totals up to date: those of the minutes, and their hours, to which rows were written since.

        Each is made anew from its rows, so that rows that come late or twice are counted once.

        Returns
        -------
        int
            How many minutes were made.
        """
        n_minutes = 0
        while True:
            with self._database.writing() as connection:
                if not (made := _rolled_up(connection)):
                    return n_minutes
                n_minutes += made

    def prune(self, now: float, retention: Retention | None = None) -> dict[str, int]:
        """Take away what has been kept for long enough; totals are brought up to date before.

        Parameters
        ----------
        now
            In seconds.
        retention
            How long; None for the defaults of `Retention`.

        Returns
        -------
        dict
            How many rows were taken away, by what they were.
        """
        retention = retention or Retention()
        self.roll_up()
        return {
            "history": self._prune_history(now, retention.history_days),
            "minutes": self._prune_totals(60, now, retention.minutes_days),
            "hours": self._prune_totals(3600, now, retention.hours_days),
            "series": self._prune_series(),
            "deliveries": self._prune_deliveries(now, retention.deliveries_days),
            "events": self._prune_events(now, retention.events_days),
        }

    def _prune_history(self, now: float, days: float | None) -> int:
        if days is None:
            return 0
        from amiss.store.tables import HISTORY

        # Whole minutes, so that a total is never made anew from a part of its rows.
        before = math.floor((now - days * _DAY) / 60) * 60.0
        with self._database.writing() as connection:
            before = max(before, numbers_of(connection).get("history_from", before))
            # Rows may have come since the totals were made; behind the line that is drawn now none will.
            while _rolled_up(connection):
                pass
            set_number(connection, "history_from", before)
        return self._by_series(HISTORY, HISTORY.c.time < before)

    def _prune_totals(self, span: int, now: float, days: float | None) -> int:
        if days is None:
            return 0
        from amiss.store.tables import TOTALS

        # Whole hours, and no minute whose rows are still kept: hours are made anew from their minutes.
        with self._database.reading() as connection:
            rows_from = numbers_of(connection).get("history_from")
        if rows_from is None:
            return 0
        before = math.floor(min(now - days * _DAY, rows_from) / 3600) * 3600
        return self._by_series(TOTALS, (TOTALS.c.span == span) & (TOTALS.c.start < before))

    def _by_series(self, table: Any, old: Any) -> int:
        """Delete the old rows of a table, some series at a time, so that others come to write in between."""
        from sqlalchemy import delete, select

        from amiss.store.tables import SERIES

        n_rows, last = 0, -1
        while True:
            with self._database.writing() as connection:
                some = select(SERIES.c.id).where(SERIES.c.id > last).order_by(SERIES.c.id).limit(_N_SERIES)
                ids = list(connection.scalars(some))
                if not ids:
                    return n_rows
                for number in ids:
                    n_rows += connection.execute(delete(table).where((table.c.series == number) & old)).rowcount
                last = ids[-1]

    def _prune_series(self) -> int:
        from sqlalchemy import delete, exists

        from amiss.store.tables import HISTORY, MARKS, SERIES, TOTALS

        used = [exists().where(table.c.series == SERIES.c.id) for table in (HISTORY, TOTALS, MARKS)]
        with self._database.writing() as connection:
            gone = connection.execute(delete(SERIES).where(*(~one for one in used))).rowcount
            if gone:
                count_on(connection, "series_generation")
        return int(gone)

    def _prune_deliveries(self, now: float, days: float | None) -> int:
        from amiss.store.tables import DELIVERIES

        ended = DELIVERIES.c.state != "waiting"
        return self._pruned(DELIVERIES, ended & (DELIVERIES.c.created < now - days * _DAY)) if days is not None else 0

    def _prune_events(self, now: float, days: float | None) -> int:
        from amiss.store.tables import EVENTS

        ended = EVENTS.c.state == "resolved"
        return self._pruned(EVENTS, ended & (EVENTS.c.updated < now - days * _DAY)) if days is not None else 0

    def _pruned(self, table: Any, old: Any) -> int:
        from sqlalchemy import delete

        with self._database.writing() as connection:
            return int(connection.execute(delete(table).where(old)).rowcount)


def _whose(source: str, entity: str | None) -> tuple[Any, Any]:
    from amiss.store.tables import SERIES

    of_entity = SERIES.c.entity.is_(None) if entity is None else SERIES.c.entity == clean_text(entity)
    return SERIES.c.source == clean_text(source), of_entity


def _rolled_up(connection: Connection) -> int:
    """Make the totals of some marked minutes and of their hours; how many minutes that were."""
    from sqlalchemy import delete, func, select, text

    from amiss.store.tables import MARKS

    last = connection.scalar(select(MARKS.c.series).order_by(MARKS.c.series).offset(_N_MARKS).limit(1))
    if last is None:
        last = connection.scalar(select(func.max(MARKS.c.series)))
    if last is None:
        return 0
    connection.execute(text(_MINUTES), {"last": last})
    connection.execute(text(_HOURS), {"last": last})
    n_minutes = connection.execute(delete(MARKS).where(MARKS.c.series <= last)).rowcount
    count_on(connection, "marks_generation")
    return int(n_minutes)


_COLUMNS = "n_rows, n_scored, n_anomalies, score_min, score_max, score_sum"
_INSERT = f"INSERT INTO amiss_totals (series, span, start, {_COLUMNS})"
_CHANGE = "ON CONFLICT (series, span, start) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")
)
_MINUTES = f"""
{_INSERT}
SELECT m.series, 60, m.start * 60, count(*), count(h.score), sum(h.is_anomaly), min(h.score), max(h.score), sum(h.score)
FROM amiss_marks m
JOIN amiss_history h ON h.series = m.series AND h.time >= m.start * 60 AND h.time < m.start * 60 + 60
WHERE m.series <= :last
GROUP BY m.series, m.start
{_CHANGE}
"""
# Times before 1970 would be rounded upwards by a division, so the remainder is taken away and made positive first.
_HOUR = "(start - ((start % 60) + 60) % 60) * 60"
_HOURS = f"""
{_INSERT}
SELECT t.series, 3600, o.hour, sum(n_rows), sum(n_scored), sum(n_anomalies), min(score_min), max(score_max),
       sum(score_sum)
FROM (SELECT DISTINCT series, {_HOUR} AS hour FROM amiss_marks WHERE series <= :last) o
JOIN amiss_totals t ON t.series = o.series AND t.span = 60 AND t.start >= o.hour AND t.start < o.hour + 3600
WHERE t.series <= :last
GROUP BY t.series, o.hour
{_CHANGE}
"""


def _row(row: dict[str, Any]) -> HistoryRow:
    readings = np.frombuffer(row["readings"], dtype="<f8").tolist()
    return HistoryRow(
        entity=row["entity"],
        time=row["time"],
        score=math.nan if row["score"] is None else row["score"],
        p_value=math.nan if row["p_value"] is None else row["p_value"],
        is_anomaly=bool(row["is_anomaly"]),
        values=dict(zip(from_json(row["columns"]), readings, strict=True)),
    )


def _total(row: dict[str, Any], entity: str | None, span_seconds: int) -> HistoryTotal:
    n_scored = int(row["n_scored"])
    return HistoryTotal(
        entity=entity,
        start=float(row["start"]),
        span_seconds=span_seconds,
        n_rows=int(row["n_rows"]),
        n_anomalies=int(row["n_anomalies"]),
        score_min=row["score_min"] if n_scored else math.nan,
        score_mean=row["score_sum"] / n_scored if n_scored else math.nan,
        score_max=row["score_max"] if n_scored else math.nan,
    )
