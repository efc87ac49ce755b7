"""The report for series: small, sound, and usable in a real browser at any length."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import amiss
from amiss.report.page import report_html


def series(n=6000, **options):
    """Hourly values with a day, and a stretch that is too high."""
    random = np.random.default_rng(0)
    at = np.arange(n)
    x = 20 + 5 * np.sin(2 * np.pi * at / 24) + 0.5 * random.normal(size=n)
    x[n // 2 : n // 2 + 20] += 15
    times = np.datetime64("2026-01-01") + at.astype("timedelta64[h]")
    return amiss.detect({"time": times, "load": x, **options}, kind="series")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "series.html"
    series().report(path)
    return path


def data_of(text):
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_it_asks_nothing_of_the_network(page):
    text = page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert re.findall(r"""(?:src|href)\s*=\s*["']?(?!data:)[^"'>\s]+|url\(|@import|fetch\(|XMLHttp""", text) == []


def test_it_holds_what_the_result_holds(page):
    data = data_of(page.read_text(encoding="utf-8"))
    assert len(data["events"]) == len(series().events)
    track = data["tracks"][data["events"][0]["track"]]
    assert track["name"] == "load"
    assert track["seasons"][0]["period"] == "1 day"
    assert np.array(track["week"]).shape == (7, 24)
    assert np.array(track["day"]).shape == (24, 5)
    assert data["events"][0]["first"] <= 3010 <= data["events"][0]["last"]


def test_hostile_names_stay_text():
    evil = "</script><img src=x onerror=alert(1)>"
    n = 300
    random = np.random.default_rng(0)
    text = report_html(amiss.detect({evil: random.normal(size=n)}, kind="series", false_alarms=20))
    assert "<img" not in text.split("<script")[0]
    data_of(text)


@pytest.mark.parametrize("n", [25, 200])
@pytest.mark.parametrize("channels", [1, 40])
def test_any_size(n, channels):
    random = np.random.default_rng(0)
    report_html(amiss.detect(random.normal(size=(n, channels)).cumsum(axis=0), kind="series"))


@pytest.mark.browser
def test_in_a_browser(browser, page):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    def ink():
        """How many different colours the plot shows."""
        return browser.execute_script(
            """const c = document.getElementById("plot"), found = new Set();
            const pixels = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
            for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3]) found.add(pixels[i] + "," + pixels[i + 1]);
            return found.size"""
        )

    def shown():
        return browser.find_element(By.ID, "read").text

    browser.get(page.as_uri())
    rows = browser.find_elements(By.CSS_SELECTOR, "#rows tbody tr.main")
    assert len(rows) >= 1
    assert "load" in rows[0].text
    assert ink() > 5
    whole = shown()
    rows[0].click()
    assert shown() != whole
    browser.find_element(By.ID, "whole").click()
    assert shown() == whole
    browser.find_element(By.ID, "in").click()
    assert shown() != whole
    browser.find_element(By.ID, "plot").send_keys("---")
    assert shown() == whole
    assert "1 day" in browser.find_element(By.ID, "seasons").text
    assert browser.find_elements(By.CSS_SELECTOR, "#heat rect")
    box = browser.find_element(By.ID, "filter")
    box.send_keys("no such thing")
    assert browser.find_elements(By.CSS_SELECTOR, "#rows tbody tr.main") == []
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(Keys.DELETE)
    assert browser.get_log("browser") == []
