"""Times as people write them."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest

from amiss.core.frame import WITH_CLOCK, Frame
from amiss.core.written import EXCEL, read_times, stamp_reading, time_reading

NOON = datetime(2026, 1, 21, 20, 0)
WRITTEN = {
    "month's name, short year": ("21-Jan-26 20:00:00", NOON, ""),
    "short year": ("21/01/26 20:00", NOON, ""),
    "short year before 2000": ("21/01/99 20:00", NOON.replace(year=1999), ""),
    "compact": ("20260121200000", NOON, ""),
    "compact, to the minute": ("202601212000", NOON, ""),
    "compact date": ("20260121", NOON.replace(hour=0), ""),
    "comma before milliseconds": ("2026-01-21 20:00:00,250", NOON.replace(microsecond=250_000), ""),
    "whole month's name": ("January 21, 2026 8:00 PM", NOON, ""),
    "mail": ("Wed, 21 Jan 2026 21:00:00 +0100", NOON, "times with a zone"),
    "mail in GMT": ("Wed, 21 Jan 2026 20:00:00 GMT", NOON, "times with a zone"),
    "UTC": ("2026-01-21 20:00 UTC", NOON, "times with a zone"),
    "Z": ("20260121T200000Z", NOON, "times with a zone"),
    "west": ("2026-01-21T14:30:00.000-05:30", NOON, "times with a zone"),
    "zone's name": ("2026-01-21 20:00:00 CET", NOON, "zone CET left aside"),
    "zone within": ("Wed Jan 21 20:00:00 CET 2026", NOON, "zone CET left aside"),
    "browser": ("Wed Jan 21 2026 21:00:00 GMT+0100 (Central European Time)", NOON, "times with a zone"),
    "long ago": ("1850-01-21 20:00", NOON.replace(year=1850), ""),
}


@pytest.mark.parametrize(("text", "moment", "remark"), WRITTEN.values(), ids=WRITTEN.keys())
def test_times_as_people_write_them(text, moment, remark):
    column = pl.Series([text, None, text])
    reading, said = time_reading(column)
    assert read_times(column, reading).to_list() == [moment, None, moment]
    assert said.startswith(remark)
    assert bool(said) == bool(remark)


@pytest.mark.parametrize("text", ["0026-01-05 10:00", "9999-12-31", "1.2.10", "192.168.1.10", "12345678", "12:30"])
def test_what_is_no_time(text):
    assert time_reading(pl.Series([text] * 3)) == ("", "")


def test_patterns_of_old_model_files_are_still_read():
    for text, pattern in (
        ("2026-01-21 21:00:00+01:00", "%Y-%m-%d %H:%M:%S%.f%#z"),
        ("21/Jan/2026:21:00:00 +0100", "%d/%b/%Y:%H:%M:%S %z"),
        ("Wed, 21 Jan 2026 21:00:00 +0100", "%a, %d %b %Y %H:%M:%S %z"),
    ):
        assert read_times(pl.Series([text]), pattern).to_list() == [NOON]


def test_numbers_that_are_stamps():
    assert stamp_reading(pl.Series([20260121200000, None]), days=False)[0] == "%Y%m%d%H%M%S"
    assert stamp_reading(pl.Series([20260121.0]), days=False)[0] == "%Y%m%d"
    assert stamp_reading(pl.Series([20261321]), days=False) == ("", "")
    assert stamp_reading(pl.Series([46043.5]), days=True)[0] == EXCEL
    assert stamp_reading(pl.Series([46043.5]), days=False) == ("", "")
    assert stamp_reading(pl.Series([], dtype=pl.Float64), days=True) == ("", "")
    frame = Frame.of({"t": [46043 + 20 / 24], "c": [20260121200000]})
    seconds = (NOON - datetime(1970, 1, 1)).total_seconds()
    assert frame.times("t", EXCEL)[0] == pytest.approx(seconds, abs=1e-3)
    assert frame.times("c", "%Y%m%d%H%M%S")[0] == seconds


def test_a_date_and_a_time_of_day():
    frame = Frame.of({"date": ["2026-01-21"] * 3, "time": ["20:00:00,5", "8:00 PM", "late"]})
    seconds = (NOON - datetime(1970, 1, 1)).total_seconds()
    found = frame.times("date", f"%Y-%m-%d{WITH_CLOCK}time")
    assert found[:2].tolist() == [seconds + 0.5, seconds]
    assert found[2] != found[2]


@pytest.mark.parametrize("pattern", ["%d/%m/%Y %H:%M", "%d/%m/%y %H:%M"])
def test_days_and_months_are_told_apart_by_the_whole_column(pattern):
    written = [(datetime(2026, 1, 7) + timedelta(minutes=10 * i)).strftime(pattern) for i in range(2000)]
    assert time_reading(pl.Series(written)) == (pattern, "")
    assert time_reading(pl.Series(written[:500]))[1] == "read as month/day/year; day/month/year would be possible too"
