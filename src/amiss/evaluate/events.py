"""At an operating point, as a person on duty sees it: events found, false bursts, delay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError
from amiss.core.params import Whole, check
from amiss.core.summary import Vector
from amiss.evaluate.truth import Flags, Rows, as_flags, runs

__all__ = ["OperatingPoint", "at_operating_point", "seconds_of"]

_DOMAINS = {"gap": Whole(0)}
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What flags at one threshold mean.

    Attributes
    ----------
    n_rows, n_flagged
        Rows, and flagged rows.
    n_events, n_found
        Labelled events, and those with a flagged row.
    share_found
        Their ratio, in [0, 1]; NaN where there is no event.
    n_bursts, n_false_bursts
        Bursts of flags, and those without a labelled row.
    false_bursts_per_1000_rows
        False bursts in 1,000 rows.
    false_bursts_per_day
        False bursts in a day; None without time.
    false_alarm_rate
        Share of the normal rows that are flagged, in [0, 1]; NaN where there is no normal row. It tells one false row
        from a burst that never ends.
    median_delay_rows, median_delay_seconds
        From the start of an event to its first flagged row, over the events found; NaN where none is, and the latter
        None without time.
    precision, recall, f1
        By rows: share of the flagged that are labelled (NaN where nothing is flagged), share of the labelled that are
        flagged (NaN where none is), and their harmonic mean (0 where either is 0 or NaN).
    """

    n_rows: int
    n_flagged: int
    n_events: int
    n_found: int
    share_found: float
    n_bursts: int
    n_false_bursts: int
    false_bursts_per_1000_rows: float
    false_bursts_per_day: float | None
    false_alarm_rate: float
    median_delay_rows: float
    median_delay_seconds: float | None
    precision: float
    recall: float
    f1: float


def at_operating_point(labels: Any, flags: Any, *, time: Any = None, gap: int = 0) -> OperatingPoint:
    """Events found, false bursts and delay of flags; labels without any event are welcome, for false alarms alone.

    Parameters
    ----------
    labels : (n_rows,)
        1 for an anomaly, 0 for a normal row, in order of time. Each run of 1 is an event.
    flags : (n_rows,)
        1 where the detector says anomaly.
    time : (n_rows,)
        Time of each row, as dates or in seconds, never going back; None where there is no clock.
    gap
        Flags with so many unflagged rows or fewer between them are one burst.

    Raises
    ------
    DataError
        Labels or flags that cannot be judged, or a time that is missing, goes back or does not move.

    Examples
    --------
    >>> at = at_operating_point([0, 0, 1, 1, 1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 0, 0, 1, 0, 1], gap=1)
    >>> at.share_found, at.median_delay_rows, at.n_false_bursts, at.false_bursts_per_1000_rows
    (1.0, 1.0, 1, 100.0)
    """
    check("at_operating_point", _DOMAINS, {"gap": gap})
    truth = as_flags(labels)
    flagged = as_flags(flags, name="flags", n_rows=len(truth))
    clock = None if time is None else _seconds(time, len(truth))
    starts, hits = _found(truth, flagged)
    n_bursts, n_false = _bursts(truth, flagged, int(gap))
    n_events = len(runs(truth)[0])
    precision, recall = _share(truth[flagged]), _share(flagged[truth])
    return OperatingPoint(
        n_rows=len(truth),
        n_flagged=int(flagged.sum()),
        n_events=n_events,
        n_found=len(hits),
        share_found=len(hits) / n_events if n_events else float("nan"),
        n_bursts=n_bursts,
        n_false_bursts=n_false,
        false_bursts_per_1000_rows=1000 * n_false / len(truth),
        false_bursts_per_day=None if clock is None else n_false / _days(clock),
        false_alarm_rate=_share(flagged[~truth]),
        median_delay_rows=float(np.median(hits - starts)) if len(hits) else float("nan"),
        median_delay_seconds=None if clock is None else _median_wait(clock, starts, hits),
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if precision > 0 and recall > 0 else 0.0,
    )


def _found(labels: Flags, flags: Flags) -> tuple[Rows, Rows]:
    """First row and first flagged row of each event that has one."""
    first, last = runs(labels)
    flagged = np.append(np.flatnonzero(flags), len(flags))
    hits = flagged[np.searchsorted(flagged, first)]
    found = hits <= last
    return first[found], hits[found]


def _bursts(labels: Flags, flags: Flags, gap: int) -> tuple[int, int]:
    """Bursts, and those without a labelled row."""
    rows = np.flatnonzero(flags)
    if not len(rows):
        return 0, 0
    heads = np.concatenate([[0], np.flatnonzero(np.diff(rows) > gap + 1) + 1])
    return len(heads), int((~np.logical_or.reduceat(labels[rows], heads)).sum())


def _share(flags: Flags) -> float:
    return float(flags.mean()) if len(flags) else float("nan")


def _median_wait(clock: Vector, starts: Rows, hits: Rows) -> float:
    return float(np.median(clock[hits] - clock[starts])) if len(hits) else float("nan")


def _days(clock: Vector) -> float:
    """The time that the rows stand for: from the first to the last, and one usual step."""
    return float(clock[-1] - clock[0] + np.median(np.diff(clock))) / _DAY


def _seconds(time: Any, n_rows: int) -> Vector:
    """Seconds since the first row, never going back."""
    seconds = seconds_of(time, n_rows)
    back = np.diff(seconds) < 0
    if back.any():
        raise DataError(
            "time goes back", where=f"first at row {int(np.argmax(back)) + 1}", mend="sort labels, flags and time by it"
        )
    return seconds


def seconds_of(time: Any, n_rows: int) -> Vector:
    """Dates or seconds as seconds from some moment: (n_rows,), in any order.

    Raises
    ------
    DataError
        A time that is missing, of another length, of an unknown kind, or the same in all rows.
    """
    values = np.asarray(time)
    if values.shape != (n_rows,):
        raise DataError(
            "time and labels differ in length",
            where=f"{n_rows:,} labels, time of shape {values.shape}",
            mend="give one time a row",
        )
    seconds = _numbers_of(values)
    missing = ~np.isfinite(seconds)
    if missing.any():
        raise DataError(
            "time is missing in places",
            where=f"time, {int(missing.sum()):,} of {n_rows:,} values",
            mend="fill it in, or leave these rows out of labels, flags and time",
        )
    if seconds.max() <= seconds.min():
        raise DataError("time does not move, so there is no rate per day", mend="leave time out")
    return seconds


def _numbers_of(values: npt.NDArray[Any]) -> Vector:
    if values.dtype.kind in "iuf":
        return values.astype(np.float64)
    try:
        if values.dtype.kind == "M":
            return np.array((values - values[0]) / np.timedelta64(1, "s"), dtype=np.float64)
        return np.array([(value - values[0]).total_seconds() for value in values])
    except (TypeError, AttributeError, ValueError):
        raise DataError(
            f"time must be dates or seconds, here is {values[0]!r}",
            where=f"time of type {values.dtype}",
            mend="convert it first, all of one kind and one zone",
        ) from None
