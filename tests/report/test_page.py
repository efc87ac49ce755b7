"""The HTML report: one file, sound, small, and usable in a real browser."""

from __future__ import annotations

import html.parser
import json
import re

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.core.errors import ParameterError
from amiss.datasets import make_plant
from amiss.report.page import report_html


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    amiss.detect(make_plant(seed=1).frame.table, kind="table").report(path)
    return path


def test_it_asks_nothing_of_the_network(page):
    text = page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    outside = re.findall(r"""(?:src|href)\s*=\s*["']?(?!data:)[^"'>\s]+|url\(|@import|fetch\(|XMLHttp""", text)
    assert outside == []
    assert set(re.findall(r"https?://[^\"'\s<]+", text)) <= {"http://www.w3.org/2000/svg"}


def test_it_is_well_formed(page):
    class Reader(html.parser.HTMLParser):
        def __init__(self):
            super().__init__()
            self.open_tags = []

        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "input", "br"):
                self.open_tags.append(tag)

        def handle_endtag(self, tag):
            assert self.open_tags.pop() == tag

    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    assert reader.open_tags == []


def test_a_hundred_thousand_rows_stay_small():
    random = np.random.default_rng(0)
    columns = {f"c{j}": random.normal(size=100_000) for j in range(30)}
    columns["word"] = random.choice(["a", "b"], 100_000)
    columns["text"] = np.array([f"remark number {i} on this very row" for i in range(100_000)])
    assert len(report_html(amiss.detect(columns)).encode()) < 500_000


def test_hostile_values_stay_text():
    evil = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)>'
    table = pl.DataFrame({evil: np.append(np.random.default_rng(0).normal(size=99), 60.0), "w": ["a"] * 99 + [evil]})
    text = report_html(amiss.detect(table))
    assert "<script>document" not in text
    assert "<img" not in text.split("<script")[0]
    data = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert json.loads(data[1])["columns"][0]["name"]


@pytest.mark.parametrize("columns", [1, 2, 60])
@pytest.mark.parametrize("n_rows", [10, 300])
def test_any_size(columns, n_rows):
    random = np.random.default_rng(0)
    report_html(amiss.detect(random.normal(size=(n_rows, columns))))
    words = {f"w{j}": random.choice(["a", "b", "c"], n_rows) for j in range(columns)}
    report_html(amiss.detect(words | {"x": [None] * (n_rows - 8) + list(range(8))}))


@pytest.mark.browser
def test_in_a_browser(browser, page):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    def rows():
        return browser.find_elements(By.CSS_SELECTOR, "#rows tbody tr.main")

    def numbers(column):
        return [float(row.find_elements(By.TAG_NAME, "td")[column].text) for row in rows()]

    browser.get(page.as_uri())
    assert len(rows()) == 25
    assert numbers(2) == sorted(numbers(2), reverse=True)

    browser.find_element(By.CSS_SELECTOR, "#rows th:nth-child(2)").click()
    browser.find_element(By.CSS_SELECTOR, "#rows th:nth-child(2)").click()
    assert numbers(1) == sorted(numbers(1))

    box = browser.find_element(By.ID, "filter")
    box.send_keys("vibration")
    assert len(rows()) > 0
    assert all("vibration" in row.text for row in rows())
    box.clear()
    box.send_keys("no such thing")
    assert rows() == []
    box.clear()
    box.send_keys(" ")
    browser.find_element(By.ID, "more").click()
    assert len(rows()) > 25

    rows()[0].click()
    assert "usually" in browser.find_element(By.CSS_SELECTOR, "tr.detail").text

    assert browser.find_elements(By.CSS_SELECTOR, "#scatter circle.fill-alarm")
    before = browser.find_element(By.CSS_SELECTOR, "#scatter circle").get_attribute("cx")
    browser.find_element(By.CSS_SELECTOR, "#axis-x option:last-child").click()
    assert browser.find_element(By.CSS_SELECTOR, "#scatter circle").get_attribute("cx") != before
    dot = browser.find_elements(By.CSS_SELECTOR, "#scatter circle.fill-alarm")[-1]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", dot)
    ActionChains(browser).move_to_element(dot).perform()
    assert "row" in browser.find_element(By.ID, "tip").text

    for part in ("#timeline rect", "#columns svg", "#scores rect"):
        assert browser.find_elements(By.CSS_SELECTOR, part), part
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.browser
def test_on_a_phone(browser, page):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    )
    browser.get(page.as_uri())
    width = browser.execute_script("return document.documentElement.scrollWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width <= 390


@pytest.mark.browser
def test_in_the_dark(browser, page):
    def background(scheme):
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        browser.get(page.as_uri())
        return browser.execute_script("return getComputedStyle(document.body).backgroundColor")

    assert background("dark") != background("light")


def calm():
    """A table in which nothing raises an alarm."""
    X = np.random.default_rng(0).normal(size=(300, 3))
    return amiss.detect(X, false_discoveries="1%")


@pytest.mark.browser
def test_without_an_alarm_it_speaks_of_none(browser, tmp_path):
    from selenium.webdriver.common.by import By

    result = calm()
    assert result.n_anomalies == 0
    result.report(tmp_path / "calm.html")
    browser.get((tmp_path / "calm.html").as_uri())
    assert "No row raises an alarm" in browser.find_element(By.ID, "directions").text
    said = " ".join(part.text for part in browser.find_elements(By.CSS_SELECTOR, "#cloud, #blame"))
    assert "alarms" not in said
    assert len(browser.find_elements(By.CSS_SELECTOR, "#scatter circle.fill-alarm")) == 20
    red, shown = browser.execute_script(
        """const of = (node) => getComputedStyle(node).getPropertyValue("--alarm").trim();
        return [of(document.documentElement), of(document.body)]"""
    )
    assert red != shown


def test_a_report_is_a_page(tmp_path):
    result = amiss.detect(np.random.default_rng(0).normal(size=(60, 2)))
    with pytest.raises(ParameterError, match=r"end it in \.html"):
        result.report(tmp_path / "report.txt")
    assert not list(tmp_path.iterdir())
