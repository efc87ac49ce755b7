"""The page of network traffic: what it shows, that nothing in the data can run in it, and a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import amiss
from amiss.core.errors import ParameterError
from amiss.network.flows import TCP, UDP, Flows
from amiss.network.traffic import Traffic
from amiss.pipeline.network_result import NetworkResult
from amiss.report.network_page import network_html, network_snippet

from ..network.logs import office, scan, write_zeek

EVIL = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)>'


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> NetworkResult:
    rows = [*office(), *scan(), *scan("10.0.0.67", "10.0.0.4", ports=60, at=9000.0)]
    return amiss.detect(write_zeek(tmp_path_factory.mktemp("page") / "conn.log", rows))


@pytest.fixture(scope="module")
def page(result: NetworkResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    result.report(path)
    return path


def data_of(text: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_it_asks_nothing_of_the_network(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "{{" not in text
    assert not re.search(r"(src|href)=|https?://(?!www.w3.org)", text)


def test_it_holds_hosts_events_and_who_spoke_with_whom(page: Path, result: NetworkResult) -> None:
    data = data_of(page.read_text(encoding="utf-8"))
    assert data["n_events"] == result.n_events
    first = data["events"][0]
    assert first["host"] == data["hosts"][0]["host"] == "10.0.0.66"
    assert first["pairs"][0][:3] == ["10.0.0.66", "10.0.0.3", 300]
    around = [pair[4] for event in data["events"] for pair in event["pairs"]]
    assert True in around
    assert False in around
    assert len(first["sample"]) == 10
    assert sum(data["time"]["flows"]) == len(result)
    assert {service[0] for service in data["services"]} >= {"dns"}


def test_a_large_event_hides_no_other_among_the_points(result: NetworkResult, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amiss.report.network_data._EVENT_POINTS", 2)
    shown = [event for _, _, event in data_of(network_html(result))["points"] if event >= 0]
    assert set(shown) == set(range(result.n_events))
    assert len(shown) <= 2 * result.n_events


def test_names_from_the_traffic_stay_text() -> None:
    n = 40
    flows = Flows.of(
        [EVIL] * n, ["10.0.0.2"] * n, start=[100.0 + k for k in range(n)], duration=[0.1] * n,
        dst_port=list(range(1, n + 1)), protocol=[TCP] * n, state=[4] * n, packets_out=[1] * n, packets_in=[1] * n,
        bytes_out=[40] * n, bytes_in=[40] * n, service=[EVIL] * n, name=[EVIL] * n,
    )  # fmt: skip
    result = amiss.detect(Traffic(flows, notes=(EVIL,)))
    assert result.n_events
    for text in (network_html(result), network_snippet(result)):
        assert "<script>document" not in text
        assert "<img" not in text.split("<script")[0]


def test_without_events_or_bytes_it_is_still_a_page() -> None:
    flows = Flows.of(["10.0.0.1"] * 3, ["10.0.0.2"] * 3, start=[1.0, 2.0, 3.0], protocol=[UDP] * 3)
    result = amiss.detect(Traffic(flows))
    assert result.n_events == 0
    assert data_of(network_html(result))["events"] == []


def test_a_report_is_a_page(result: NetworkResult, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"end it in \.html"):
        result.report(tmp_path / "report.txt")


@pytest.mark.browser
def test_in_a_browser(browser, page: Path) -> None:
    from selenium.webdriver.common.by import By

    def text(css: str) -> str:
        return browser.find_element(By.CSS_SELECTOR, css).text

    browser.get(page.as_uri())
    assert "10.0.0.66" in text("#ranks tbody tr")
    assert text("#told") == "10.0.0.66: vertical scan"
    assert "ip.addr" in text("#display") or "ip.src" in text("#display")
    assert browser.find_elements(By.CSS_SELECTOR, "#talk path.told")
    for part in ("#lanes rect.lane", "#cloud circle.of-event", "#services rect"):
        assert browser.find_elements(By.CSS_SELECTOR, part), part
    rows = browser.find_elements(By.CSS_SELECTOR, "#ranks tbody tr")
    second = next(row for row in rows if "10.0.0.67" in row.text)
    second.click()
    listed = browser.find_elements(By.CSS_SELECTOR, "#rows tbody tr")
    assert listed
    assert all("10.0.0.67" in row.text for row in listed)
    listed[0].click()
    assert "10.0.0.67" in text("#told")
    browser.find_element(By.ID, "filter").send_keys("no such thing")
    assert not browser.find_elements(By.CSS_SELECTOR, "#rows tbody tr")
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.browser
def test_on_a_phone(browser, page: Path) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    )
    browser.get(page.as_uri())
    width = browser.execute_script("return document.documentElement.scrollWidth")
    reason = browser.execute_script("return document.querySelector('#rows td.reason').getBoundingClientRect().right")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width <= 390
    assert reason <= 390
