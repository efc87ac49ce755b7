"""What columns of times hold: moments, dates, times of day, counts since 1970."""

from __future__ import annotations

import re

import numpy as np

from amiss.core.errors import SchemaError
from amiss.core.frame import Frame
from amiss.core.written import FIRST_EPOCH

__all__ = ["TIME_NAME", "check_times", "epoch_share", "example", "holds_clock", "holds_dates", "stamp_reading"]

TIME_NAME = re.compile(
    r"^(ts|t|time|date|datetime|timestamp|epoch|stime|start_?time|date_?time|.*_(time|ts|at|date|timestamp))$",
    re.I,
)
"""What columns of times are called."""
_MOSTLY = 0.95
_EPOCH_SECONDS = (FIRST_EPOCH, 4_102_444_800.0)  # to 2100


def holds_clock(sample: Frame, name: str) -> bool:
    """Whether a column is one of times of day."""
    there = ~sample.missing(name)
    found = ~np.isnan(sample.clock(name))
    return bool(there.any() and found.sum() >= _MOSTLY * there.sum())


def holds_dates(sample: Frame, name: str) -> bool:
    """Whether a column is one of times at midnight."""
    reading = sample.reading(name)[0] or stamp_reading(sample, name)[0]
    if sample.kind(name) == "number" and not reading:
        return False
    times = sample.times(name, reading or None)
    present = times[~np.isnan(times)]
    return bool(len(present) and (present % 86_400.0 == 0).all())


def check_times(name: str, sample: Frame) -> None:
    """Raise `SchemaError` if a column that is said to be the time holds none."""
    reading = stamp_reading(sample, name)[0]
    times = sample.times(name, reading or None)
    present = times[~np.isnan(times)]
    wrong, mend = "", "name another column, or write times as 2026-01-31 12:00:00 or as seconds since 1970"
    if not len(present):
        wrong = "holds no times"
        if holds_clock(sample, name):
            wrong, mend = "holds times of day and no dates", "name the column with the dates too: --time DATE+TIME"
    elif float(np.median(present)) > _EPOCH_SECONDS[1]:
        wrong = "holds no times before 2100, read as a count since 1970"
    if wrong:
        raise SchemaError(f"column {name!r} {wrong}", where=example(sample, name), mend=mend)


def stamp_reading(sample: Frame, name: str) -> tuple[str, str]:
    """How numbers are read as times but by counting seconds; days of a spreadsheet only where the name says time."""
    return sample.stamp_reading(name, days=bool(TIME_NAME.match(name)))


def epoch_share(sample: Frame, name: str) -> float:
    """Share of the values that are there and, read as a count since 1970, lie between 1990 and 2100."""
    there = ~sample.missing(name)
    seconds = sample.times(name, "")[there]
    low, high = _EPOCH_SECONDS
    return float(((seconds > low) & (seconds < high)).sum() / max(there.sum(), 1))


def example(sample: Frame, name: str) -> str:
    """A column with one of its values, for a message."""
    word = next((w for w in sample.words(name) if w is not None), None)
    return f"column {name!r}, for example {word!r}"
