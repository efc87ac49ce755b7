"""What a replay of a history tells: promises tried, alarms raised, events and their delays."""

from __future__ import annotations

import os

import msgspec

from amiss.core.extras import late

__all__ = ["Backtest", "Delay", "Raised", "Tried"]


class Raised(msgspec.Struct, frozen=True):
    """An alarm that a promise would have raised.

    Attributes
    ----------
    entity
        Whose alarm it is; None where there is no entity.
    row
        Position of the row that raised it.
    time
        Its time (ISO 8601, in UTC where it ends in Z); None where there is no time.
    in_event
        Whether there was an event while it was on, or at most ten steps before.
    """

    entity: str | None
    row: int
    time: str | None
    in_event: bool


class Tried(msgspec.Struct, frozen=True):
    """One promise, kept row by row over the history.

    Attributes
    ----------
    asked
        The promise in words.
    n_alarms, n_false
        Alarms raised, and those without an event.
    alarms_per_day, false_per_day
        The same a day; None where there is no time.
    n_found
        Events with an alarm while they lasted, or at most ten steps later.
    median_delay_seconds, median_delay_rows
        From the start of an event to its alarm, over those found; None where none is, the first also without time.
    alarms
        Those raised, in the order of their rows.
    """

    asked: str
    n_alarms: int
    n_false: int
    alarms_per_day: float | None
    false_per_day: float | None
    n_found: int
    median_delay_seconds: float | None
    median_delay_rows: float | None
    alarms: tuple[Raised, ...] = ()


class Delay(msgspec.Struct, frozen=True):
    """One event, and when it was told.

    Attributes
    ----------
    entity
        Whose event it is; None where there is no entity.
    first_row, last_row
        Positions of its rows in the source.
    start, end
        Its times (ISO 8601, in UTC where they end in Z); None where there is no time.
    reason
        What it was, in one sentence; empty for a labelled one.
    delay_rows, delay_seconds
        By promise, in their order: from its start to its alarm; None where there was none, or no time.
    """

    entity: str | None
    first_row: int
    last_row: int
    start: str | None
    end: str | None
    reason: str
    delay_rows: tuple[int | None, ...]
    delay_seconds: tuple[float | None, ...]


class Backtest(msgspec.Struct, frozen=True):
    """What a live watch would have said.

    Attributes
    ----------
    name
        Of the source.
    n_rows, span_seconds
        Rows, and time from the first to the last; None where there is none.
    start, end
        Times of the first and the last row (ISO 8601, in UTC where they end in Z); None where there is no time.
    entity
        Column that names the device, host or user; None where there is none.
    labelled
        Whether the events are those of labels; otherwise those that `detect` finds with hindsight.
    tried
        By promise, the rarest alarms first.
    events
        In the order of their rows.
    notes
        What is to be said of the rows, one sentence each.
    """

    name: str
    n_rows: int
    span_seconds: float | None
    labelled: bool
    tried: tuple[Tried, ...]
    events: tuple[Delay, ...]
    notes: tuple[str, ...] = ()
    entity: str | None = None
    start: str | None = None
    end: str | None = None

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write the HTML report: one file that needs no network."""
        late("amiss.report.frame:write_page")(path, late("amiss.report.backtest_page:backtest_html"), self)
