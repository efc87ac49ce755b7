"""Numbers, times and names as people write them."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "EXCEL",
    "FIRST_EPOCH",
    "NUMBER_NOTES",
    "STAMPS",
    "number_reading",
    "pattern_words",
    "read_clock",
    "read_numbers",
    "read_times",
    "readable",
    "says_zone",
    "stamp_reading",
    "time_reading",
]

_SIGNS = r"\s*[%€$£¥]\s*"
# Thousands in groups of three: 1,017.50 and 1.017,50.
_ENGLISH = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
_GERMAN = r"^[+-]?\d{1,3}(\.\d{3})*,\d+$"

_DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y%m%d", "%d-%B-%Y", "%d %B %Y", "%d/%B/%Y",
    "%B %d, %Y", "%B %d %Y", "%d-%m-%Y", "%Y.%m.%d", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y", "%d-%B-%y", "%d %B %y",
)  # fmt: skip
_CLOCKS = (" %H:%M:%S%.f", " %H:%M", " %I:%M:%S %p", " %I:%M %p")
_TIMES = (
    *(date + clock for date in _DATES for clock in _CLOCKS), "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M",
    "%d/%B/%Y:%H:%M:%S", "%B %d %H:%M:%S %Y", "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%dT%H%M%S", "%Y%m%dT%H%M",
)  # fmt: skip
_COMPACT = {14: "%Y%m%d%H%M%S", 12: "%Y%m%d%H%M", 8: "%Y%m%d"}
"""Stamps written as one number, by the count of their digits."""
EXCEL = "days since 1899-12-30"
"""Reading of numbers that are the serial days of a spreadsheet."""
STAMPS = (*_COMPACT.values(), EXCEL)
"""Readings of numbers that are times and no count of seconds."""
_EXCEL_DAYS, _DAY = (25_569.0, 73_050.0), 86_400.0
_ZONE = "%#z"
_ZONE_IN_PATTERN = r"(^%a, )|( ?%#?z$)"
_LIKE_A_TIME = r"\d\s?[-/.:,T ]\s?[\dA-Za-z]|\d{8}"
_CLOCK_TEXT = r"(?::\d\d|T\d{4}(?:\d\d)?)(?:\.\d+)?(?: [AaPp][Mm])?"
_SHIFT = rf"^(.*{_CLOCK_TEXT})\s*(?:[Zz]|(?:UTC|GMT|UT)?([+-]\d\d)(?::?(\d\d))?|UTC|GMT|UT)$"
_ZONE_NAME = rf"^(.*{_CLOCK_TEXT})\s+([A-Z]{{3,5}})(\s\d{{4}})?$"
_NO_ZONE = r"^(?:UTC|GMT)$"
_WEEKDAY = r"^(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+"
_STRICT = {"%d.%m.%y": r"^\d\d\.\d\d\.\d\d$"}
"""What a pattern's text must look like besides: 1.2.10 is a version and no date."""
_FIRST = 25
_YEARS = (1700, 2100)
"""No reading gives years before or behind them; records of the weather reach back far."""
_PROBED = 500
FIRST_EPOCH = 631_152_000.0
"""1990 in seconds since 1970: a smaller count is hardly one of the time."""
_EPOCH = (FIRST_EPOCH, 4_102_444_800_000_000_000.0)
"""The same, and 2100 in nanoseconds: numbers between them may be times."""
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
    probe = column.drop_nulls()
    # From all of it: only behind the twelfth of a month are day and month told apart.
    probe = probe.gather_every(max(1, len(probe) // _PROBED))
    probe = probe.filter(probe.str.contains(_LIKE_A_TIME))
    first = probe.gather_every(max(1, len(probe) // _FIRST))
    candidates = [p for p in (*_TIMES, *_DATES) if len(first) and len(_stemmed(first, p).drop_nulls())]
    counts = {p: len(_stemmed(probe, p).drop_nulls()) for p in candidates}
    best = max(counts, key=lambda pattern: counts[pattern], default="")
    if not best or read_numbers(probe, "").is_between(*_EPOCH, closed="none").sum() > counts[best]:
        return "", ""
    text = _tidy(probe)
    zoned, named = text.str.contains(_SHIFT), _zone_names(text)
    if zoned.any():
        bare = f"{', and those without one read as such' if not zoned.all() else ''}"
        return best + _ZONE, f"times with a zone; shown in UTC{bare}"
    if len(named):
        return best, f"zone {', '.join(named)} left aside: read as local times without one"
    swapped = best.replace("%m/%d", "%d/%m")
    if swapped != best and counts.get(swapped) == counts[best]:
        return best, "read as month/day/year; day/month/year would be possible too"
    return best, ""


def stamp_reading(values: pl.Series, *, days: bool) -> tuple[str, str]:
    """How numbers that are no count of seconds are read as times, "" if they are none; and a remark on it.

    Parameters
    ----------
    values
        Numbers.
    days
        Whether they may be the serial days of a spreadsheet.
    """
    import polars as pl

    probe = values.cast(pl.Float64, strict=False).drop_nulls().drop_nans().head(_PROBED)
    if not len(probe):
        return "", ""
    if (probe == probe.floor()).all():
        text = probe.cast(pl.Int64, strict=False).cast(pl.String)
        pattern = _COMPACT.get(len(text[0] or ""), "")
        if pattern and not read_times(text, pattern).null_count():
            return pattern, f"numbers read as times {pattern_words(pattern)}"
    if days and probe.is_between(*_EXCEL_DAYS).all():
        return EXCEL, "numbers read as days of a spreadsheet"
    return "", ""


def pattern_words(pattern: str) -> str:
    """A pattern of a time as people write it: YYYYMMDD."""
    for code, word in (("%Y", "YYYY"), ("%m", "MM"), ("%d", "DD"), ("%H", "hh"), ("%M", "mm"), ("%S", "ss")):
        pattern = pattern.replace(code, word)
    return pattern


def read_clock(column: pl.Series) -> pl.Series:
    """Seconds since midnight of a column of text, missing where there is no time of day."""
    import polars as pl

    text = "1970-01-01 " + column.str.strip_chars().str.replace(r",(\d+)$", ".$1")
    found = pl.Series(column.name, [None] * len(column), dtype=pl.Datetime("us"))
    for clock in _CLOCKS:
        if found.null_count():
            found = found.fill_null(text.str.to_datetime(f"%Y-%m-%d{clock}", time_unit="us", strict=False))
    return found.to_physical().cast(pl.Float64) / 1e6


def says_zone(pattern: str) -> bool:
    """Whether times that are read by a pattern have a zone."""
    return pattern.endswith(_ZONE)


def read_times(column: pl.Series, pattern: str) -> pl.Series:
    """Times (UTC) of a column of text by a pattern, missing where it does not fit.

    A pattern that ends in "%#z" reads zones, and times without one as UTC.
    """
    import polars as pl

    if pattern == EXCEL:
        seconds = (read_numbers(column, "") - _EXCEL_DAYS[0]) * (_DAY * 1e6)
        return seconds.round().cast(pl.Int64, strict=False).cast(pl.Datetime("us"))
    stem = re.sub(_ZONE_IN_PATTERN, "", pattern)
    if stem == pattern:
        return _stemmed(column, stem)
    parts = _tidy(column).str.extract_groups(_SHIFT).struct
    sign = parts.field("2").str.starts_with("-").fill_null(False).cast(pl.Int64) * -2 + 1
    hours, minutes = (parts.field(k).cast(pl.Int64, strict=False).fill_null(0) for k in ("2", "3"))
    shift = (hours * 60 + sign * minutes) * 60_000_000
    return _stemmed(column, stem) - shift.cast(pl.Duration("us"))


def _stemmed(column: pl.Series, pattern: str) -> pl.Series:
    """Times by a pattern without a zone, whatever zone there is left aside."""
    text = column.str.strip_chars()
    found = _parsed(text, pattern)
    left = found.is_null() & text.is_not_null()
    if not left.any():
        return found
    tidy = _tidy(text)
    for zone in (_SHIFT, _ZONE_NAME):
        keep = "$1" if zone == _SHIFT else "$1$3"
        tidy = tidy.str.replace(zone, keep)
    return found if tidy.equals(text) else found.fill_null(_parsed(tidy, pattern))


def _parsed(text: pl.Series, pattern: str) -> pl.Series:
    import polars as pl

    strict = _STRICT.get(pattern)
    if strict is not None:
        text = pl.select(pl.when(text.str.contains(strict)).then(text)).to_series()
    if pattern in _DATES:
        found = text.str.to_date(pattern, strict=False).cast(pl.Datetime("us"))
    else:
        found = text.str.to_datetime(pattern, time_unit="us", strict=False)
    low, high = _YEARS
    return pl.select(pl.when(found.dt.year().is_between(low, high)).then(found)).to_series()


def _tidy(text: pl.Series) -> pl.Series:
    """Times without a weekday before them, a zone's name in brackets behind, and a comma before milliseconds."""
    text = text.str.strip_chars().str.replace(_WEEKDAY, "").str.replace(r"\s*[\[(][\w/ ]+[\])]$", "")
    return text.str.replace_all(r"\s+", " ").str.replace(r"(:\d\d),(\d)", "$1.$2")


def _zone_names(text: pl.Series) -> list[str]:
    """Names of zones behind the times that say no shift, such as CET."""
    names = text.str.extract(_ZONE_NAME, 2).drop_nulls()
    return sorted(names.filter(~names.str.contains(_NO_ZONE)).unique().to_list())
