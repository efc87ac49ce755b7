"""Says in words which limit a row is beyond."""

from __future__ import annotations

from amiss.explain.words import number_word
from amiss.thresholds.limits import Limit

__all__ = ["limit_words"]


def limit_words(limit: Limit, value: float, decimals: int) -> str:
    """One sentence on a value beyond its limit, numbers as they are written in the data."""
    above = limit.high is not None and value > limit.high
    end = limit.high if above else limit.low
    assert end is not None
    side = "above" if above else "below"
    return f"{limit.column} {_finer(value, end, decimals)} is {side} its limit of {end:.15g}"


def _finer(value: float, end: float, decimals: int) -> str:
    """The value with so many digits that it still reads as beyond the limit."""
    for digits in range(decimals, 7):
        word = number_word(value, digits)
        if (float(word) > end) == (value > end) and float(word) != end:
            return word
    return repr(value)
