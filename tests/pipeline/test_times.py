"""How times are written: in UTC where the data say a zone, otherwise as the data have them."""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest

import amiss
from amiss.report.page import report_html

N, FAULT = 1200, 800
LOCAL = [dt.datetime(2026, 3, 2) + dt.timedelta(minutes=10 * i) for i in range(N)]
UTC = [t.replace(tzinfo=dt.UTC) for t in LOCAL]
SECONDS = [int(t.timestamp()) for t in UTC]
AT = "2026-03-07T13:20:00"
"""The row of the fault."""

NAIVE = {
    "text": [t.isoformat(" ") for t in LOCAL],
    "a name of a zone": [f"{t:%Y-%m-%d %H:%M:%S} CET" for t in LOCAL],
    "stamps": [int(f"{t:%Y%m%d%H%M%S}") for t in LOCAL],
    "polars": pl.Series(LOCAL),
    "spreadsheet": [46_083.0 + i / 144 for i in range(N)],
}
ZONED = {
    "Z": [t.isoformat().replace("+00:00", "Z") for t in UTC],
    "shift": [t.astimezone(ZoneInfo("Europe/Berlin")).isoformat() for t in UTC],
    "one zone among others": [t.isoformat()[: 19 if i % 2 else 25] for i, t in enumerate(UTC)],
    "seconds": SECONDS,
    "milliseconds": [1000 * s for s in SECONDS],
    "seconds as text": [str(s) for s in SECONDS],
    "polars, zoned": pl.Series(UTC).dt.convert_time_zone("Asia/Kolkata"),
    "datetimes": UTC,
}


def table(times, **columns):
    x = 20 + 0.5 * np.random.default_rng(0).normal(size=N)
    x[FAULT] += 15
    return {"time": times, "x": x, **columns}


@pytest.mark.parametrize("name", [*NAIVE, *ZONED])
@pytest.mark.parametrize("options", [{}, {"causal": True}, {"kind": "table"}], ids=["series", "causal", "table"])
def test_times_are_as_the_data_have_them(name, options):
    result = amiss.detect(table((NAIVE | ZONED)[name]), **options, false_alarms=1)
    event = result.events[0]
    expected = AT + "Z" * (name in ZONED)
    assert (event.start, event.end) == (expected, expected)
    assert result.schema.zoned == (name in ZONED)
    if options.get("causal"):
        assert event.raised == expected
    note = next(column.note for column in result.schema.columns if column.name == "time")
    assert ("UTC" in note) == (name in ZONED)


def test_times_in_two_columns_are_local():
    result = amiss.detect({
        "date": [f"{t:%Y-%m-%d}" for t in LOCAL], "time": [f"{t:%H:%M:%S}" for t in LOCAL], "x": table(LOCAL)["x"],
    })  # fmt: skip
    assert result.events[0].start == AT


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_a_pandas_table_keeps_its_zone(zone, index):
    times = pd.Series(pd.DatetimeIndex(LOCAL)) if zone is None else pd.Series(pd.DatetimeIndex(UTC).tz_convert(zone))
    frame = pd.DataFrame(table(times))
    result = amiss.detect(frame.set_index("time") if index else frame)
    assert result.events[0].start == AT + "Z" * bool(zone)
    assert len(result.top(3)) == 3


def test_a_count_from_the_start_of_a_run_says_no_zone():
    result = amiss.detect(table([600 * i for i in range(N)]), time="time")
    assert result.events[0].start == "1970-01-06T13:20:00"


@pytest.mark.parametrize(("times", "end"), [(NAIVE["text"], ""), (ZONED["shift"], "Z")])
def test_gaps_limits_model_files_backtest_and_drift_say_the_same(times, end, tmp_path):
    keep = np.r_[0:300, 340:N]
    columns = table([times[i] for i in keep])
    columns["x"] = columns["x"][keep]
    found = amiss.detect(columns, limits={"x": (None, 30)})
    assert {event.kind for event in found.events} >= {"gap", "limit"}
    amiss.fit(columns, limits={"x": (None, 30)}).save(tmp_path / "m.amiss")
    loaded = amiss.load(tmp_path / "m.amiss").score(columns)
    told = [*found.events, *loaded.events, *amiss.backtest(columns).events]
    assert len(told) > 5
    assert all(
        re.fullmatch(rf"2026-03-\d\dT\d\d:\d\d:\d\d{end}", t) for event in told for t in (event.start, event.end)
    )
    assert amiss.drift(columns, columns).a.start == "2026-03-02T00:00:00" + end


@pytest.fixture
def elsewhere(monkeypatch):
    """A machine whose own clock is not in UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
def test_the_page_of_a_table_says_utc_only_where_it_is():
    for times, zone in ((NAIVE["text"], ""), (ZONED["Z"], " UTC")):
        page = report_html(amiss.detect(table(times), kind="table", false_alarms=1))
        data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S).group(1))
        assert data["timeline"]["zone"] == zone
        assert data["timeline"]["events"][0][0] == SECONDS[FAULT]


def test_times_that_lost_their_zone_are_not_claimed_to_have_one():
    zoned, bare = table(ZONED["shift"]), table(NAIVE["text"])
    told = "times without a zone are read as UTC, as those that were learnt have one"
    for kind in ("table", "series"):
        model = amiss.fit(zoned, kind=kind)
        assert told in model.score(bare).notes
        assert told not in model.score(zoned).notes
    found = amiss.drift(zoned, bare)
    assert (found.a.start, found.b.start) == ("2026-03-02T00:00:00Z", "2026-03-02T00:00:00")
    assert amiss.drift(bare, zoned).b.start.endswith(":00")
