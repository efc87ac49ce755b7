"""Fixed limits from knowledge of the domain: rows beyond them are alarms, whatever their score."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.errors import ParameterError
from amiss.core.summary import Vector

__all__ = ["Limit", "beside", "limits_of", "read_limits"]

Bounds = tuple[float | None, float | None]
_WRITTEN = re.compile(r"^\s*(?P<column>[^<>=]+?)\s*(?P<side><=|>=)\s*(?P<value>[^<>=]+?)\s*$")
_FORM = 'write "COLUMN<=NUMBER" or "COLUMN>=NUMBER"'


@dataclass(frozen=True, slots=True)
class Limit:
    """What a column may be.

    Attributes
    ----------
    column
        Its name.
    low, high
        Smallest and largest value allowed, in the column's unit; None for no limit on that side.
    """

    column: str
    low: float | None
    high: float | None

    def beyond(self, values: Vector) -> npt.NDArray[np.bool_]:
        """Which values are below or above the limit, (n_rows,); a missing value is neither."""
        found = np.zeros(len(values), np.bool_)
        if self.low is not None:
            found |= values < self.low
        if self.high is not None:
            found |= values > self.high
        return found


def limits_of(bounds: Mapping[str, Bounds]) -> list[Limit]:
    """Limits by column.

    Raises
    ------
    ParameterError
        A limit is no number, has no side, or its lower end is above its upper one.

    Examples
    --------
    >>> from amiss.thresholds.limits import limits_of
    >>> limits_of({"temperature": (None, 80)})
    [Limit(column='temperature', low=None, high=80)]
    """
    limits = []
    for column, (low, high) in bounds.items():
        ends = [end for end in (low, high) if end is not None]
        if not ends or any(isinstance(end, bool) or not math.isfinite(end) for end in ends):
            raise ParameterError(
                f"the limit {low!r} to {high!r} of column {column!r} is none",
                mend="give the lowest and the highest value allowed, None for no limit on one side",
            )
        if low is not None and high is not None and low > high:
            raise ParameterError(
                f"the lower limit {low:g} of column {column!r} is above its upper limit {high:g}",
                mend="give the lower one first",
            )
        limits.append(Limit(column, low, high))
    return limits


def read_limits(written: Sequence[str]) -> dict[str, Bounds]:
    """Limits by column from text such as "temperature<=80"; two for one column make a range.

    Of two on one side the tighter holds: a value has to keep both.

    Raises
    ------
    ParameterError
        One cannot be read.

    Examples
    --------
    >>> from amiss.thresholds.limits import read_limits
    >>> read_limits(["temperature<=80", "temperature>=-5"])
    {'temperature': (-5.0, 80.0)}
    """
    found: dict[str, Bounds] = {}
    for text in written:
        parts = _WRITTEN.match(text)
        if parts is None:
            raise ParameterError(f"the limit {text!r} cannot be read", mend=_FORM)
        try:
            value = float(parts["value"])
        except ValueError:
            raise ParameterError(f"the limit {parts['value']!r} in {text!r} is no number", mend=_FORM) from None
        low, high = found.get(parts["column"], (None, None))
        if parts["side"] == "<=":
            high = value if high is None else min(high, value)
        else:
            low = value if low is None else max(low, value)
        found[parts["column"]] = (low, high)
    return found


def beside(first: Mapping[str, Bounds], second: Mapping[str, Bounds]) -> dict[str, Bounds]:
    """Limits of both; where both speak of one side of a column, the second holds.

    Examples
    --------
    >>> from amiss.thresholds.limits import beside
    >>> beside({"flow": (0, 9), "level": (1, None)}, {"flow": (None, 8)})
    {'flow': (0, 8), 'level': (1, None)}
    """
    joined = dict(first)
    for column, (low, high) in second.items():
        before = first.get(column, (None, None))
        joined[column] = (before[0] if low is None else low, before[1] if high is None else high)
    return joined
