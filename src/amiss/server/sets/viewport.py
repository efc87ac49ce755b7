"""A piece of a long series as bytes for the screen: lowest, highest, first and last value of each column of pixels."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from amiss.core.errors import ParameterError
from amiss.server.sets.course import Course, Track
from amiss.server.sets.pyramid import Stretches

__all__ = ["BANDED", "MOST_COLUMNS", "RAW", "WIDEST", "viewport"]

RAW, BANDED = 1, 2
"""Flags: points and not buckets; each column has an expected band."""
WIDEST, MOST_COLUMNS = 8192, 64
"""Pixels, and columns, that can be asked for at once."""
_AS_THEY_ARE = 4
"""Rows for each pixel up to which they are sent themselves: that takes no more bytes than their extremes."""
_HEAD = "<4sIIIddd"
_LARGEST = 3.4e38
"""Of a number of 32 bits."""

Vector = npt.NDArray[np.float64]


def viewport(
    course: Course,
    names: Sequence[str],
    *,
    start: float | None = None,
    stop: float | None = None,
    width: int = 1200,
) -> bytes:
    """What is seen of some columns between two times, in the form "AMV1" that the dashboard reads.

    A header of 40 bytes: "AMV1", then the numbers of columns and of points and the flags (32 bits each), from, to, and
    the seconds of a bucket (64 bits each). Where few rows are seen (`RAW`), their times (64 bits each) follow, with one
    row more at either side so that lines go on. Then for each column a base (64 bits), and in 32 bits each, to be added
    to it, the values, or the lowest, highest, first and last value of each bucket; with `BANDED` the ends of the band
    after them. Last the highest score (32 bits) and the number of anomalies (32 bits) of each point. NaN is missing.

    Parameters
    ----------
    course
        The rows.
    names
        Columns, in the order wanted.
    start, stop
        In the unit of the times, both included; None for all there is.
    width
        Number of buckets, one for each column of pixels.

    Raises
    ------
    ParameterError
        There is no such column, or no such piece.
    """
    _check(course, names, start, stop, width)
    times = course.times[course.first : course.end]
    begin = float(times[0]) if start is None and len(times) else (start or 0.0)
    end = float(times[-1]) if stop is None and len(times) else (begin if stop is None else stop)
    first, last = (int(n) for n in (np.searchsorted(times, begin), np.searchsorted(times, end, side="right")))
    banded = any(course.tracks[name].band is not None for name in names)
    flags = BANDED * banded
    if last - first <= _AS_THEY_ARE * width:
        first, last = max(first - 1, 0), min(last + 1, len(times))
        rows = slice(course.first + first, course.first + max(last, first))
        head = struct.pack(_HEAD, b"AMV1", len(names), rows.stop - rows.start, flags | RAW, begin, end, 0.0)
        parts = [head, _doubles(course.times[rows])]
        parts += [_plain(course.tracks[name], rows, banded=banded) for name in names]
        alarms = np.zeros(rows.stop - rows.start, "<u4")
        inside = course.anomalies[slice(*np.searchsorted(course.anomalies, [rows.start, rows.stop]))]
        alarms[inside - rows.start] = 1
        return b"".join([*parts, _floats(course.scores[0][rows]), alarms.tobytes()])
    step = (end - begin) / width
    borders = np.searchsorted(times, begin + step * np.arange(1, width))
    borders = course.first + np.clip(np.concatenate([[first], borders, [last]]), first, last)
    seen = Stretches(borders)
    parts = [struct.pack(_HEAD, b"AMV1", len(names), width, flags, begin, end, step)]
    parts += [_bucketed(course.tracks[name], seen, banded=banded) for name in names]
    alarms = np.diff(np.searchsorted(course.anomalies, borders)).astype("<u4")
    return b"".join([*parts, _floats(seen.extremes(course.scores, np.fmax)), alarms.tobytes()])


def _check(course: Course, names: Sequence[str], start: float | None, stop: float | None, width: int) -> None:
    unknown = next((name for name in names if name not in course.tracks), None)
    if unknown is not None:
        mend = f"ask for one of: {', '.join(list(course.tracks)[:10])}" if course.tracks else "it has none"
        raise ParameterError(f"there is no column of numbers {unknown[:100]!r}", where="columns", mend=mend)
    if len(names) > MOST_COLUMNS:
        raise ParameterError(f"{len(names)} columns at once are too many", where="columns", mend=f"≤ {MOST_COLUMNS}")
    if not 1 <= width <= WIDEST:
        raise ParameterError(f"a picture of {width} pixels is not possible", where="width", mend=f"1 to {WIDEST}")
    ends = [end for end in (start, stop) if end is not None]
    if not all(abs(end) < 1e300 for end in ends) or (len(ends) == 2 and ends[0] > ends[1]):
        raise ParameterError("from and to are no piece of time", where="from, to", mend="give two numbers, from ≤ to")


def _plain(track: Track, rows: slice, *, banded: bool) -> bytes:
    base, parts = _less([np.asarray(track.lows[0][rows], np.float64)])
    return b"".join([struct.pack("<d", base), *parts, *_band(track, base, rows) * banded])


def _bucketed(track: Track, seen: Stretches, *, banded: bool) -> bytes:
    low, high = seen.extremes(track.lows, np.fmin), seen.extremes(track.highs, np.fmax)
    first, last = seen.at_ends(track.lows[0])
    # Where the outmost values are missing, what is there stands for them.
    first, last = np.where(np.isnan(first), low, first), np.where(np.isnan(last), high, last)
    base, parts = _less([low, high, first, last])
    return b"".join([struct.pack("<d", base), *parts, *_band(track, base, seen) * banded])


def _band(track: Track, base: float, where: slice | Stretches) -> list[bytes]:
    """The ends of a track's band; what is lowest and what is highest of a bucket."""
    n = len(where.first) if isinstance(where, Stretches) else where.stop - where.start
    if track.band is None:
        return [np.full(n, np.nan, "<f4").tobytes()] * 2
    sides = ((track.band.lows, np.fmin), (track.band.highs, np.fmax))
    ends = [where.extremes(x, f) if isinstance(where, Stretches) else x[0][where] for x, f in sides]
    return [_floats(np.asarray(end, np.float64) + (track.band.centre - base)) for end in ends]


def _less(parts: list[Vector]) -> tuple[float, list[bytes]]:
    """A base in the middle of the values, and how far they are from it: 32 bits are then fine enough.

    The first of the parts has the lowest values, and the second, or else the first, the highest.
    """
    low = float(np.fmin.reduce(parts[0], initial=np.nan))
    high = float(np.fmax.reduce(parts[min(1, len(parts) - 1)], initial=np.nan))
    base = low / 2 + high / 2
    base = base if abs(base) < np.inf else 0.0
    with np.errstate(over="ignore"):
        return base, [_floats(part - base) for part in parts]


def _floats(values: Vector) -> bytes:
    return bytes(np.clip(values, -_LARGEST, _LARGEST).astype("<f4").tobytes())


def _doubles(values: Vector) -> bytes:
    return bytes(np.asarray(values, "<f8").tobytes())
