"""Events that no promise is made on: unusual gaps between rows, and rows beyond a limit."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.core.finding import Event
from amiss.pipeline.events import iso_time
from amiss.pipeline.series_rows import Member, duration_words
from amiss.series.clock import Gap

__all__ = ["CERTAIN", "GAP", "LIMIT", "gap_events", "limit_events"]

Rows = npt.NDArray[np.int64]

GAP, LIMIT = "gap", "limit"
CERTAIN = (GAP, LIMIT)
"""Kinds of events that nothing is left to chance in."""
_STEPS = 5
"""Rows beyond a limit that are at most so many steps apart are one event."""
_FEWEST_ROWS = 10
_LONGER = 3.0
"""Times the middle length of the other gaps: a silence of every night is no event."""


def gap_events(members: list[Member], *, zoned: bool) -> list[Event]:
    """An event for each unusual gap in the rows of a series at a regular clock, the longest first.

    No promise is made on them: nothing is left to chance. `zoned` says whether times are known in UTC.
    """
    found = [(gap, member) for member in members if member.clock.regular for gap in _unusual(member.clock.gaps)]
    found.sort(key=lambda pair: -pair[0].n_missing)
    return [_event(gap, member, zoned) for gap, member in found]


def limit_events(
    members: list[Member],
    beyond: npt.NDArray[np.bool_],
    worst: Callable[[Rows], int],
    words: Callable[[Rows], list[str]],
    *,
    zoned: bool,
) -> list[Event]:
    """An event for each stretch of rows beyond a limit, the earliest first.

    Parameters
    ----------
    beyond : (n_rows,)
        Which rows of the source are.
    worst, words
        Give, of some rows, the one to be told, and what is said of each: asked once, as rows may have to be read.
    zoned
        Whether times are known in UTC.
    """
    found = []
    for member in members:
        there = np.flatnonzero((member.clock.cell >= 0) & beyond[member.rows])
        cells = member.clock.cell[there]
        order = np.argsort(cells, kind="stable")
        seconds = member.clock.seconds() if member.clock.interval_seconds else None
        for part in np.split(order, np.flatnonzero(np.diff(cells[order]) > _STEPS) + 1):
            if not len(part):
                continue
            rows, first, last = member.rows[there[part]], int(cells[part[0]]), int(cells[part[-1]])
            row = worst(rows)
            start, end = (
                None if seconds is None else iso_time(float(seconds[cell]), zoned=zoned) for cell in (first, last)
            )
            found.append(Event(
                first_row=int(rows.min()), last_row=int(rows.max()), peak_row=row, n_alarms=len(rows), start=start,
                end=end, entity=member.entity, score=0.0, p_value=1.0, kind=LIMIT,
            ))  # fmt: skip
    found.sort(key=lambda event: event.first_row)
    said = words(np.array([event.peak_row for event in found], np.int64)) if found else []
    return [msgspec.structs.replace(event, reason=reason) for event, reason in zip(found, said, strict=True)]


def _unusual(gaps: tuple[Gap, ...]) -> list[Gap]:
    lengths = np.array([gap.n_missing for gap in gaps])
    told = []
    for k, gap in enumerate(gaps):
        others = np.delete(lengths, k)
        usual = float(np.median(others)) if len(others) else 0.0
        if gap.n_missing >= max(_FEWEST_ROWS, _LONGER * usual):
            told.append(gap)
    return told


def _event(gap: Gap, member: Member, zoned: bool) -> Event:
    seconds = member.clock.start + member.clock.step[np.maximum(member.clock.cell, 0)] * member.clock.interval_seconds
    timed = np.flatnonzero(member.clock.cell >= 0)
    half = member.clock.interval_seconds / 2
    before = int(member.rows[timed[seconds[timed] < gap.after + half]].max())
    after = int(member.rows[timed[seconds[timed] > gap.before - half]].min())
    rows = "1 row is" if gap.n_missing == 1 else f"{gap.n_missing:,} rows are"
    return Event(
        first_row=min(before, after), last_row=max(before, after), peak_row=after, n_alarms=0,
        start=iso_time(gap.after, zoned=zoned), end=iso_time(gap.before, zoned=zoned), entity=member.entity, score=0.0,
        p_value=1.0, kind=GAP,
        reason=f"nothing came for {duration_words(gap.before - gap.after)}: {rows} missing",
    )  # fmt: skip
