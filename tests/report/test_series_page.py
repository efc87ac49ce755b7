"""The report for series: small, sound, and usable in a real browser at any length."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import amiss
from amiss.report.page import report_html
from tests.report.test_block import unpacked


def series(n=6000, **options):
    """Hourly values with a day, a stretch that is too high, and two days without rows."""
    random = np.random.default_rng(0)
    at = np.delete(np.arange(n), np.arange(n // 4, n // 4 + 48))
    x = 20 + 5 * np.sin(2 * np.pi * at / 24) + 0.5 * random.normal(size=len(at))
    x[(at >= n // 2) & (at < n // 2 + 20)] += 15
    times = np.datetime64("2026-01-01") + at.astype("timedelta64[h]")
    return amiss.detect({"time": times, "load": x, **options}, kind="series")


def channels(n=3000):
    """Three channels; one goes with the first, the last with none."""
    random = np.random.default_rng(0)
    at = np.arange(n)
    load = 20 + 5 * np.sin(2 * np.pi * at / 144) + 0.3 * random.normal(size=n)
    loss = 3 + 0.5 * load + 0.2 * random.normal(size=n)
    apart = random.normal(size=n)
    load[n // 2 : n // 2 + 30] += 12
    time = np.datetime64("2026-01-01") + at * np.timedelta64(10, "m")
    return amiss.detect({"time": time, "apart": apart, "loss": loss, "load": load}, kind="series")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "series.html"
    series().report(path)
    return path


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "channels.html"
    channels().report(path)
    return path


def data_of(text):
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_it_asks_nothing_of_the_network(page):
    text = page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert re.findall(r"""(?:src|href)\s*=\s*["']?(?!data:)[^"'>\s]+|url\(|@import|fetch\(|XMLHttp""", text) == []


def test_it_holds_what_the_result_holds(page):
    data, result = data_of(page.read_text(encoding="utf-8")), series()
    numbers = data["numbers"]
    assert len(data["events"]) == len(result.events) == data["n_events"]
    event = data["events"][0]
    track = data["tracks"][event["blamed"][0][0]]
    assert track["name"] == "load"
    assert track["seasons"][0]["period"] == "1 day"
    assert [track[name][1] for name in ("week", "hours", "days")] == [7 * 24, 24 * 5, 7 * 5]
    assert event["first"] <= 3010 <= event["last"]
    assert event["window"][0] < event["first"]
    assert event["window"][1] > event["last"]
    assert data["series"][0]["gaps"] == [[1500, 1547]]
    x, width = (unpacked(numbers, place) for place in track["x"][:2])
    band = result.story(0).band(0)
    assert np.array_equal(np.isnan(x), np.isnan(band.x))
    assert np.nanmax(np.abs(x - band.x)) <= track["unit"] <= np.median(band.half) / 100
    assert not np.nansum(width)


def test_boxes_are_quantiles_by_hour_and_day(page):
    data = data_of(page.read_text(encoding="utf-8"))
    track, band = data["tracks"][0], series().story(0).band(0)
    hours = unpacked(data["numbers"], track["hours"]).reshape(24, 5)
    days = unpacked(data["numbers"], track["days"]).reshape(7, 5)
    week = unpacked(data["numbers"], track["week"]).reshape(7, 24)
    at = np.arange(len(band.x))  # hours since the first of January 2026, a Thursday
    for hour in (0, 13):
        expected = np.nanquantile(band.x[at % 24 == hour], [0.05, 0.25, 0.5, 0.75, 0.95])
        assert np.allclose(hours[hour], expected, atol=track["unit"])
    for day in (0, 3):
        expected = np.nanquantile(band.x[(at // 24 + 3) % 7 == day], [0.05, 0.25, 0.5, 0.75, 0.95])
        assert np.allclose(days[day], expected, atol=track["unit"])
    slot = band.x[((at // 24 + 3) % 7 == 2) & (at % 24 == 9)]
    middle = np.nanmedian(band.x)
    deviation = (np.nanmean(slot) - middle) / (1.4826 * np.nanmedian(np.abs(band.x - middle)))
    assert abs(week[2, 9] - deviation) < 0.01


def test_a_long_series_is_small_and_loses_no_spike():
    n = 60_000
    random = np.random.default_rng(0)
    x = np.cumsum(random.normal(size=n)) * 0.01 + random.normal(size=n)
    spikes = random.permutation(n)[:5]
    x[spikes] += 25
    result = amiss.detect({"a": x, "b": random.normal(size=n), "c": random.normal(size=n)}, kind="series")
    text = report_html(result)
    assert len(text.encode()) < 500_000
    data = data_of(text)
    one, track = data["series"][0], next(track for track in data["tracks"] if track["name"] == "a")
    low, width = (unpacked(data["numbers"], place) for place in track["x"][:2])
    each = np.append(x, np.full(-n % one["values"], np.nan)).reshape(-1, one["values"])
    assert one["values"] > 1
    assert np.abs(low - np.nanmin(each, axis=1)).max() <= track["unit"]
    assert np.abs(low + width - np.nanmax(each, axis=1)).max() <= track["unit"]
    # Around an event every row is there.
    event = data["events"][0]
    fine = [part for part in one["near"] if part[0] <= event["first"] and part[1] >= event["last"]]
    assert [step for _, _, step in fine] == [1]


def test_an_event_has_its_channels(beside):
    data, result = data_of(beside.read_text(encoding="utf-8")), channels()
    names = [track["name"] for track in data["tracks"]]
    event = data["events"][0]
    assert names[event["blamed"][0][0]] == result.events[0].channels[0].column == "load"
    alike = np.array(data["series"][0]["alike"])
    load, loss, apart = (names.index(name) for name in ("load", "loss", "apart"))
    assert np.allclose(np.diag(alike), 1, atol=0.02)
    assert alike[load, loss] > 0.9
    assert abs(alike[load, apart]) < 0.2
    # The rows of the event in the cloud are its own rows, from the first to the last.
    rows = unpacked(
        data["numbers"],
        [
            event["rows"] + load * event["n_rows"],
            event["n_rows"],
            data["tracks"][load]["low"],
            data["tracks"][load]["unit"],
        ],
    )
    band = result.story(0).band(result.model.preparation.features.index("load"))
    assert np.isclose(rows[[0, -1]], band.x[[event["first"], event["last"]]], atol=0.1).all()


def test_many_series_and_events_stay_small():
    random = np.random.default_rng(0)
    n, columns = 20_000, {}
    for j in range(5):
        columns[f"a channel with a long name {j}"] = random.normal(size=n)
        columns[f"a channel with a long name {j}"][random.permutation(n)[:60]] += 20
    columns["time"] = np.datetime64("2026-01-01") + np.arange(n) // 20 * np.timedelta64(1, "m")
    columns["device"] = np.array([f"device {k}" for k in range(20)])[np.arange(n) % 20]
    result = amiss.detect(columns, kind="series", false_alarms=100)
    assert len(result.events) > 100
    text = report_html(result)
    assert len(text.encode()) < 500_000
    data = data_of(text)
    assert len(data["tracks"]) == 24
    for event in data["events"]:
        own = {data["series"][data["tracks"][number]["series"]]["name"] for number, _ in event["blamed"]}
        assert own <= {event["entity"]}


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


def opened(browser, page):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(page.as_uri())
    WebDriverWait(browser, 20).until(lambda b: b.find_element(By.ID, "read").text)


@pytest.mark.browser
def test_a_gap_is_drawn_as_a_gap(browser, page):
    """No ink of the line between the rows before and after it."""
    opened(browser, page)
    found = browser.execute_script(
        """const c = document.getElementById("plot"), ratio = c.width / c.clientWidth;
        const pen = c.getContext("2d"), style = getComputedStyle(document.documentElement);
        const [r, g, b] = style.getPropertyValue("--accent").trim().slice(1).match(/../g).map((h) => parseInt(h, 16));
        const across = (cell) => (62 + cell / 5999 * (c.clientWidth - 70)) * ratio;
        const blue = (from, to) => {
          const a = Math.ceil(across(from)), z = Math.floor(across(to));
          const pixels = pen.getImageData(a, 0, z - a, c.height).data;
          let n = 0;
          for (let i = 0; i < pixels.length; i += 4)
            n += Math.abs(pixels[i] - r) + Math.abs(pixels[i + 1] - g) + Math.abs(pixels[i + 2] - b) < 60;
          return n;
        };
        return [blue(1440, 1488), blue(1506, 1542)]"""
    )
    assert found[0] > 50
    assert found[1] == 0


@pytest.mark.browser
def test_channels_around_an_event(browser, beside):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    def all_of(selector):
        return browser.find_elements(By.CSS_SELECTOR, selector)

    def dots(style):
        return browser.execute_script(
            """return [...document.querySelectorAll(arguments[0])].map((dot) =>
            [dot.getAttribute("cx"), dot.getAttribute("cy")])""",
            f"#cloud circle.{style}",
        )

    def drawn():
        return browser.execute_script(
            "return [...document.querySelectorAll('.panel canvas')].map((c) => c.toDataURL())"
        )

    opened(browser, beside)
    line = all_of("#rows tbody tr.main")[0]
    line.send_keys(Keys.ENTER)
    assert all_of("#rows tr[aria-current]") == [line] == [browser.switch_to.active_element]
    names = [name.text for name in all_of("#panels button.name")]
    assert names[0] == "load"
    assert set(names) == {"load", "loss", "apart"}
    assert names.index("loss") < names.index("apart")
    assert "blame" in all_of(".panel")[0].text
    assert "r = " in all_of(".panel")[-1].text
    assert len(dots("fill-rest")) > 200
    assert len(dots("fill-alarm")) > 10

    before = dots("fill-alarm"), dots("fill-rest")
    all_of("#panels button.name")[-1].click()
    assert browser.execute_script("return document.querySelector('#across').selectedOptions[0].text") == names[-1]
    after = dots("fill-alarm"), dots("fill-rest")
    assert before[0] != after[0]
    assert before[1] != after[1]
    browser.find_element(By.CSS_SELECTOR, "#up option:not(:checked)").click()
    assert dots("fill-rest") != after[1]

    own = drawn()
    browser.find_element(By.CSS_SELECTOR, "#scale option[value=band]").click()
    assert all(a != b for a, b in zip(own, drawn(), strict=True))

    canvas = all_of(".panel canvas")[0]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    ActionChains(browser).move_to_element(canvas).perform()
    assert all("expected" in now.text for now in all_of(".panel .now"))

    if len(all_of("#event option")) > 1:
        browser.find_element(By.CSS_SELECTOR, "#event option:not(:checked)").click()
        assert drawn() != own
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 500, 1300])
def test_nothing_is_wider_than_the_page(browser, beside, width):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    opened(browser, beside)
    found = browser.execute_script("return document.documentElement.scrollWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert found <= width


@pytest.mark.browser
def test_every_control_has_a_name(browser, beside):
    opened(browser, beside)
    nameless = browser.execute_script(
        """return [...document.querySelectorAll("select, input, button, canvas[tabindex], [role=img]")].filter((node) =>
        !node.getAttribute("aria-label") && !node.labels?.length && !node.textContent.trim()).map((n) => n.outerHTML)"""
    )
    assert nameless == []


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

    opened(browser, page)
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
    assert not browser.find_element(By.ID, "around").is_displayed()
    assert browser.find_element(By.ID, "holes").is_displayed()
    assert len(browser.find_elements(By.CSS_SELECTOR, "#heat rect")) == 7 * 24
    assert len(browser.find_elements(By.CSS_SELECTOR, "#hourly .median")) == 24
    assert len(browser.find_elements(By.CSS_SELECTOR, "#daily .median")) == 7
    box = browser.find_element(By.ID, "filter")
    box.send_keys("no such thing")
    assert browser.find_elements(By.CSS_SELECTOR, "#rows tbody tr.main") == []
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(Keys.DELETE)
    assert browser.get_log("browser") == []
