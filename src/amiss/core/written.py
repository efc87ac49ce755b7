"""Numbers, times and names as people write them."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

__all__ = ["NUMBER_NOTES", "number_reading", "read_numbers", "read_times", "readable", "time_reading"]

_SIGNS = r"\s*[%€$£¥]\s*"
# Thousands in groups of three: 1,017.50 and 1.017,50.
_ENGLISH = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
_GERMAN = r"^[+-]?\d{1,3}(\.\d{3})*,\d+$"

_TIMES = (
    "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y/%m/%d %H:%M:%S%.f",
    "%Y/%m/%d %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p", "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y %H:%M", "%d %b %Y %H:%M:%S", "%b %d %Y %H:%M:%S", "%Y%m%d%H%M%S", "%Y%m%dT%H%M%S",
)  # fmt: skip
_ZONED = (
    "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f%#z", "%d/%b/%Y:%H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S%.f %z",
)  # fmt: skip
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y%m%d", "%d-%b-%Y", "%d %b %Y")
_PROBED = 500
_EPOCH = (631_152_000.0, 4_102_444_800_000_000_000.0)
"""1990 in seconds, and 2100 in nanoseconds since 1970: numbers between them may be times."""
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of what is not seen but obeyed, or is no character."""


NUMBER_NOTES = {
    "": "",
    "signs": "read without unit signs",
    "comma": "comma read as decimal point",
    "english": "read without thousands separators",
    "german": "read without thousands separators, comma as decimal point",
}


def readable(name: str) -> str:
    """A name that a screen and a file can hold: control characters, and bytes that are no text, as their numbers.

    Examples
    --------
    >>> from amiss.core.written import readable
    >>> print(readable("pump\\x1b[2J.csv"))
    pump\\x1b[2J.csv
    """
    if name.isprintable():
        return name
    return "".join(_number_of(c) if unicodedata.category(c) in _UNSEEN else c for c in name)


def _number_of(character: str) -> str:
    return character.encode("unicode_escape").decode().replace("\\udc", "\\x")


def number_reading(column: pl.Series) -> str:
    """The way of reading that finds most numbers in a column of text: a key of `NUMBER_NOTES`."""
    found = {reading: len(column) - read_numbers(column, reading).null_count() for reading in NUMBER_NOTES}
    if column.str.contains(".", literal=True).any():
        found["comma"] = -1  # a point beside the comma: one of them groups digits
    return max(found, key=lambda reading: found[reading])  # the plainer one where equal


def read_numbers(column: pl.Series, reading: str) -> pl.Series:
    """Float64 values of a column of text, missing where there is no number."""
    import polars as pl

    text = column.str.strip_chars()
    if reading:
        text = text.str.replace_all(_SIGNS, "")
    if reading == "comma":
        text = text.str.replace(",", ".", literal=True)
    elif reading == "english":
        text = _where(text, _ENGLISH).str.replace_all(",", "", literal=True)
    elif reading == "german":
        text = _where(text, _GERMAN).str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return text.cast(pl.Float64, strict=False)


def _where(text: pl.Series, pattern: str) -> pl.Series:
    """The values that have the pattern, and those without a comma or point to misread; the others missing."""
    import polars as pl

    fits = text.str.contains(pattern) | ~text.str.contains(r"[.,]")
    return pl.select(pl.when(fits).then(text)).to_series()


def time_reading(column: pl.Series) -> tuple[str, str]:
    """The pattern that reads most times in a column of text, "" if none does; and a remark on it."""
    probe = column.drop_nulls().head(_PROBED)
    counts = {p: len(probe) - read_times(probe, p).null_count() for p in (*_TIMES, *_ZONED, *_DATES)}
    best = max(counts, key=lambda pattern: counts[pattern])
    if not counts[best] or read_numbers(probe, "").is_between(*_EPOCH, closed="none").sum() > counts[best]:
        return "", ""
    swapped = best.replace("%m/%d", "%d/%m")
    if swapped != best and counts.get(swapped) == counts[best]:
        return best, "read as month/day/year; day/month/year would be possible too"
    if best not in _ZONED:
        return best, ""
    bare = counts[best] > len(_zoned(probe.str.strip_chars(), best).drop_nulls())
    return best, f"times with a zone; shown in UTC{', and those without one read as such' if bare else ''}"


def read_times(column: pl.Series, pattern: str) -> pl.Series:
    """Times (UTC) of a column of text by a pattern, missing where it does not fit."""
    import polars as pl

    text = column.str.strip_chars()
    if pattern in _ZONED:
        zoned = _zoned(text, pattern)
        if zoned.null_count() in (text.null_count(), len(text)):
            return zoned
        bare = pattern.removesuffix("%#z").removesuffix(" %z")
        return zoned.fill_null(text.str.to_datetime(bare, time_unit="us", strict=False))
    if pattern in _DATES:
        return text.str.to_date(pattern, strict=False).cast(pl.Datetime("us"))
    return text.str.to_datetime(pattern, time_unit="us", strict=False)


def _zoned(text: pl.Series, pattern: str) -> pl.Series:
    zoned = text.str.replace("Z$", "+00:00").str.to_datetime(pattern, time_unit="us", time_zone="UTC", strict=False)
    return zoned.dt.replace_time_zone(None)
