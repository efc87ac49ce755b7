"""Times of a stream's records: numbers of seconds or finer, or ISO 8601."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from amiss.core.summary import Vector

__all__ = ["flat_numbers", "moments_of", "utc_words"]

_SCALES = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""From which size on a number counts nano-, micro-, milliseconds: seconds reach the first in the year 5138."""
_LAST = 253_402_300_800.0


def moments_of(values: Sequence[Any]) -> Vector:
    """Seconds since 1970-01-01 UTC, (n,); NaN where there is none or it cannot be read.

    Numbers count seconds, or milli-, micro- or nanoseconds where they are so large. A text is ISO 8601, or such a
    number; without a zone it is taken to be UTC, as a stream comes from machines.
    """
    try:
        x = flat_numbers(values)
    except (TypeError, ValueError, OverflowError):
        x = np.array([_moment(value) for value in values], np.float64)
    for least, unit in _SCALES:
        x = np.where(np.abs(x) >= least, x / unit, x)
    x[~(np.abs(x) < _LAST)] = np.nan
    return x


def flat_numbers(values: Sequence[Any]) -> Vector:
    """Values as float64; TypeError or ValueError where one of them is no number."""
    x = np.array(values, np.float64)
    if x.ndim != 1:
        raise ValueError("a list among the values")
    return x


def _moment(value: Any) -> float:
    if value is None or isinstance(value, (bool, list, dict)):
        return math.nan
    if not isinstance(value, str):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            return math.nan
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        try:
            return float(value)
        except ValueError:
            return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def utc_words(seconds: float) -> str:
    """A moment in ISO 8601, to the second or finer where needed, ending in Z."""
    return datetime.fromtimestamp(round(seconds, 6), UTC).isoformat().replace("+00:00", "Z")
