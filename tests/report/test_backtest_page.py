"""The page of a backtest."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import amiss
from amiss.core.errors import ParameterError
from amiss.report.backtest_page import backtest_html

START = np.datetime64("2026-03-02T00:00:00", "us")


def _columns(n=2000):
    random = np.random.default_rng(0)
    x = 20 + 0.5 * random.normal(size=n)
    x[1500:1520] += 9
    return {"time": START + np.arange(n) * np.timedelta64(10, "m"), "<b>x": x, "fault": (x > 25).astype(int)}


@pytest.fixture(scope="module")
def told():
    return amiss.backtest(_columns(), label="fault", false_alarms=["1/week", "1/day"])


def _data(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.S).group(1))


def test_it_shows_what_was_told(told, tmp_path):
    told.report(tmp_path / "told.html")
    page = (tmp_path / "told.html").read_text(encoding="utf-8")
    assert "{{" not in page
    assert not re.search(r"(src|href)=|https?://(?!www.w3.org)", page)
    assert "2026-03-02 00:00 to 2026-03-15 21:10." in page
    data = _data(page)
    assert data["timed"]
    assert [lane["asked"] for lane in data["lanes"]] == ["1 per week", "1 per day"]
    seconds = (START + 1500 * np.timedelta64(10, "m")).astype("datetime64[s]").astype(int)
    assert data["events"][0][0] == seconds
    assert [seconds, True] in [alarm[:2] for alarm in data["lanes"][0]["alarms"]]
    with pytest.raises(ParameterError, match="html"):
        told.report(tmp_path / "told.pdf")


def test_alarms_are_those_counted(told):
    for tried in told.tried:
        assert len(tried.alarms) == tried.n_alarms
        assert sum(not alarm.in_event for alarm in tried.alarms) == tried.n_false
        assert [alarm.row for alarm in tried.alarms] == sorted(alarm.row for alarm in tried.alarms)


def test_without_time_rows_are_the_clock_and_values_stay_text():
    columns = _columns()
    del columns["time"]
    columns["pump"] = ["<i>a"] * 1000 + ["b"] * 1000
    page = backtest_html(amiss.backtest(columns, kind="series", entity="pump", ignore="fault"))
    assert "Rows are the clock" in page
    assert "<i>a" not in page
    assert "<b>x" not in page
    assert '<th scope="col">pump</th>' in page
    data = _data(page)
    assert (data["timed"], data["start"], data["end"]) == (False, 0, 1999)


def test_in_a_browser(browser, told, tmp_path):
    told.report(tmp_path / "told.html")
    browser.get((tmp_path / "told.html").as_uri())
    drawn = browser.execute_script("return document.querySelectorAll('#lanes rect').length")
    assert drawn == len(told.events) + sum(tried.n_alarms for tried in told.tried)
    assert not [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]
