"""What a user knows and no detector can: directions, least deviations, valid ranges, hours, maintenance."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from fnmatch import fnmatchcase
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from amiss.stream.judge import Batch, Cause, Judgement

__all__ = ["ColumnRule", "Maintenance", "Rules"]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class ColumnRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for a column of some entities.

    Attributes
    ----------
    column
        Which column; "*" for all.
    entity
        Pattern of the entities that it holds for, as in the shell.
    direction
        Only values above or only those below what is usual are alarms.
    min_deviation
        Values no farther from what is usual are no alarms, in the column's unit.
    low, high
        Values outside are alarms, whatever is usual.
    hours
        Only at these hours are values alarms, such as "08:00-18:00"; over midnight, "22:00-06:00".
    days
        Only on these days.
    """

    column: str = "*"
    entity: str = "*"
    direction: Literal["up", "down"] | None = None
    min_deviation: float | None = None
    low: float | None = None
    high: float | None = None
    hours: str | None = None
    days: tuple[Day, ...] = ()


class Maintenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time in which entities raise no alarms; what they do is learnt all the same.

    Attributes
    ----------
    start, end
        From when until when.
    entity
        Pattern of the entities.
    reason
        Why.
    """

    start: datetime
    end: datetime
    entity: str = "*"
    reason: str = ""


class Rules:
    """Takes away alarms that a user does not want, and adds those that he insists on.

    Parameters
    ----------
    columns, maintenance
        The rules.
    zone
        Time zone of hours, days, and of maintenance that names none.
    """

    def __init__(
        self, columns: tuple[ColumnRule, ...] = (), maintenance: tuple[Maintenance, ...] = (), zone: str = "UTC"
    ) -> None:
        self.columns = columns
        self._zone: tzinfo = UTC if zone == "UTC" else ZoneInfo(zone)
        self._maintenance = [(m, _seconds(m.start, self._zone), _seconds(m.end, self._zone)) for m in maintenance]
        self._hours = [None if rule.hours is None else hours_of(rule.hours) for rule in columns]

    def applied(self, batch: Batch, judged: Judgement) -> Judgement:
        """The judgement, as the rules have it."""
        if not self.columns and not self._maintenance:
            return judged
        beyond = self._beyond(batch)
        alarms = judged.is_anomaly.copy()
        for row in np.flatnonzero(alarms).tolist():
            alarms[row] = self._wanted(batch, judged.cause(row), row)
        alarms |= np.array([said is not None for said in beyond], np.bool_)
        for row in np.flatnonzero(alarms | judged.lasting).tolist():
            if self._in_maintenance(batch.names[int(batch.codes[row])], float(batch.readings.times[row])):
                alarms[row] = False

        def cause(row: int) -> Cause:
            return beyond[row] or judged.cause(row)

        return Judgement(judged.scores, judged.p_values, alarms, judged.lasting | alarms, cause, judged.drifts)

    def _beyond(self, batch: Batch) -> list[Cause | None]:
        said: list[Cause | None] = [None] * len(batch.codes)
        for rule in self.columns:
            if rule.low is None and rule.high is None:
                continue
            for j, name in enumerate(batch.columns):
                if not fnmatchcase(name, rule.column):
                    continue
                x = batch.X[:, j]
                low, high = -np.inf if rule.low is None else rule.low, np.inf if rule.high is None else rule.high
                for row in np.flatnonzero((x < low) | (x > high)).tolist():
                    if fnmatchcase(batch.names[int(batch.codes[row])], rule.entity):
                        side, limit = ("below", low) if x[row] < low else ("above", high)
                        said[row] = Cause(f"{name} is {x[row]:g}, {side} its limit of {limit:g}",
                                          {name: float(x[row])}, {name: f"{low:g} to {high:g}"})  # fmt: skip
        return said

    def _wanted(self, batch: Batch, cause: Cause, row: int) -> bool:
        """Whether an alarm is one that the rules let through: at least one of its columns is let through by all."""
        entity, time = batch.names[int(batch.codes[row])], float(batch.readings.times[row])
        if not cause.values:
            return all(
                self._in_time(k, time) for k, rule in enumerate(self.columns) if fnmatchcase(entity, rule.entity)
            )
        return any(self._lets(entity, time, column, cause) for column in cause.values)

    def _lets(self, entity: str, time: float, column: str, cause: Cause) -> bool:
        for k, rule in enumerate(self.columns):
            if not fnmatchcase(column, rule.column) or not fnmatchcase(entity, rule.entity):
                continue
            if not self._in_time(k, time):
                return False
            ends, value = _ends(cause.usual.get(column, "")), cause.values[column]
            if ends is None or not isinstance(value, (int, float)):
                continue
            above, below = value - ends[1], ends[0] - value
            if (rule.direction == "up" and above <= 0) or (rule.direction == "down" and below <= 0):
                return False
            if rule.min_deviation is not None and max(above, below) < rule.min_deviation:
                return False
        return True

    def _in_time(self, k: int, time: float) -> bool:
        rule, hours = self.columns[k], self._hours[k]
        if hours is None and not rule.days:
            return True
        moment = datetime.fromtimestamp(time, self._zone)
        if rule.days and _DAYS[moment.weekday()] not in rule.days:
            return False
        if hours is None:
            return True
        minute, (first, last) = 60 * moment.hour + moment.minute, hours
        return first <= minute < last if first <= last else minute >= first or minute < last

    def _in_maintenance(self, entity: str, time: float) -> bool:
        return any(start <= time < end and fnmatchcase(entity, m.entity) for m, start, end in self._maintenance)


def hours_of(text: str) -> tuple[int, int]:
    """Minutes of the day of "08:00-18:00".

    Raises
    ------
    ValueError
        It cannot be read.
    """
    ends = []
    for part in text.split("-"):
        hour, _, minute = part.strip().partition(":")
        ends.append(60 * int(hour) + int(minute or 0))
    if len(ends) != 2 or not all(0 <= end <= 24 * 60 for end in ends):
        raise ValueError(text)
    return ends[0], ends[1]


def _seconds(moment: datetime, zone: tzinfo) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()


def _ends(usual: str) -> tuple[float, float] | None:
    """Ends of "61.2 to 68.9"."""
    low, _, high = usual.partition(" to ")
    try:
        return float(low), float(high or low)
    except ValueError:
        return None
