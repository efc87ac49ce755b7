"""Gaps that are unusual, as events: where rows should have been and none came."""

from __future__ import annotations

import numpy as np

from amiss.core.finding import Event
from amiss.pipeline.events import iso_time
from amiss.pipeline.series_rows import Member, duration_words
from amiss.series.clock import Gap

__all__ = ["GAP", "gap_events"]

GAP = "gap"
_FEWEST_ROWS = 10
_LONGER = 3.0
"""Times the middle length of the other gaps: a silence of every night is no event."""


def gap_events(members: list[Member]) -> list[Event]:
    """An event for each unusual gap in the rows of a series at a regular clock, the longest first.

    No promise is made on them: nothing is left to chance.
    """
    found = [(gap, member) for member in members if member.clock.regular for gap in _unusual(member.clock.gaps)]
    found.sort(key=lambda pair: -pair[0].n_missing)
    return [_event(gap, member) for gap, member in found]


def _unusual(gaps: tuple[Gap, ...]) -> list[Gap]:
    lengths = np.array([gap.n_missing for gap in gaps])
    told = []
    for k, gap in enumerate(gaps):
        others = np.delete(lengths, k)
        usual = float(np.median(others)) if len(others) else 0.0
        if gap.n_missing >= max(_FEWEST_ROWS, _LONGER * usual):
            told.append(gap)
    return told


def _event(gap: Gap, member: Member) -> Event:
    seconds = member.clock.start + member.clock.step[np.maximum(member.clock.cell, 0)] * member.clock.interval_seconds
    timed = np.flatnonzero(member.clock.cell >= 0)
    half = member.clock.interval_seconds / 2
    before = int(member.rows[timed[seconds[timed] < gap.after + half]].max())
    after = int(member.rows[timed[seconds[timed] > gap.before - half]].min())
    rows = "1 row is" if gap.n_missing == 1 else f"{gap.n_missing:,} rows are"
    return Event(
        first_row=min(before, after), last_row=max(before, after), peak_row=after, n_alarms=0,
        start=iso_time(gap.after), end=iso_time(gap.before), entity=member.entity, score=0.0, p_value=1.0, kind=GAP,
        reason=f"nothing came for {duration_words(gap.before - gap.after)}: {rows} missing",
    )  # fmt: skip
