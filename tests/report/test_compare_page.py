"""The report of a comparison: sound, small for many detectors, and usable in a real browser."""

from __future__ import annotations

import dataclasses
import html
import html.parser
import json
import re

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.core.errors import ParameterError
from amiss.evaluate.candidate import Candidate
from amiss.evaluate.data_sets import over_data_sets
from amiss.evaluate.decisions import judge_rows
from amiss.report.compare_page import comparison_html
from amiss.report.rank_figure import rank_figure

EVIL = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)>'
FEW = ("naive_bayes", "logistic_regression", "mahalanobis", "hbos", "decision_tree")


def flows(n=900, seed=0, kinds=("scan", EVIL)):
    random = np.random.default_rng(seed)
    kind = np.where(random.random(n) < 0.12, random.choice(kinds, n), "normal")
    far = 4.0 * (kind == kinds[0])
    return pl.DataFrame(
        {"rate": random.normal(size=n) + 2.0 * (kind == kinds[-1]), EVIL: random.normal(size=n) + far, "attack": kind}
    )


@pytest.fixture(scope="module")
def told():
    return amiss.compare(flows(), "attack", detectors=FEW, select="variance")


@pytest.fixture(scope="module")
def page(told, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "compare.html"
    told.report(path)
    return path


@pytest.fixture(scope="module")
def crowd(told):
    return many(told)


def many(told, n_detectors=60, n_kinds=30, n=6000):
    """As if so many detectors had been tried on rows of so many kinds."""
    random = np.random.default_rng(0)
    y = np.where(random.random(n) < 0.3, random.integers(1, n_kinds + 1, n), 0)
    words = np.array(["", *(f"kind of attack {k}" for k in range(n_kinds))])
    candidates = []
    for k in range(n_detectors):
        scores = random.normal(size=n) + (3 - 0.04 * k) * (y > 0)
        flags = scores > 1.5
        judged = judge_rows(
            y > 0, scores, flags=flags, kinds=words[y].tolist(), known_kinds=set(words[1:-1]), n_draws=100
        )
        candidates.append(
            Candidate(f"a_detector_of_some_{k}", k % 2 == 1, ("labels", "normal rows")[k % 2], judged, scores, flags,
                      ({"depth": k},) * 5, 0.01 * (k + 1), 0.002, 1e6 * k)
        )  # fmt: skip
    return dataclasses.replace(
        told, candidates=tuple(candidates), y=y, kinds=tuple(words[1:]), sizes=(n // 5,) * 5, n_rows=n, selection=None
    )


def data_of(text):
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_it_asks_nothing_of_the_network(page):
    text = page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    shell = text.replace(json.dumps(EVIL)[1:-1], "")
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?!data:)[^"'>\s]+|url\(http|@import|fetch\(|XMLHttp""", shell) == []


def test_it_is_well_formed_and_hostile_names_stay_text(page):
    class Reader(html.parser.HTMLParser):
        def __init__(self):
            super().__init__()
            self.open_tags = []

        def handle_starttag(self, tag, attrs):
            assert tag != "img"
            if tag not in ("meta", "input", "br"):
                self.open_tags.append(tag)

        def handle_endtag(self, tag):
            assert self.open_tags.pop() == tag

    text = page.read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(text)
    assert reader.open_tags == []
    assert "<script>document" not in text


def test_it_holds_what_the_comparison_holds(page, told):
    text = page.read_text(encoding="utf-8")
    data = data_of(text)
    assert text.index(told.verdict.sentence) < text.index("What was compared") < text.index('id="rows"')
    assert [d["name"] for d in data["detectors"]] == [c.name for c in told.candidates]
    for drawn, candidate in zip(data["detectors"], told.candidates, strict=True):
        assert drawn["figures"]["f1"][0] == pytest.approx(candidate.judged.figures["f1"].value, abs=1e-6)
        assert " ".join(drawn["figures"]["mcc"][1:]) == re.sub("[()]", "", str(candidate.judged.figures["mcc"]))
        assert tuple(drawn["confusion"]) == candidate.judged.confusion
        assert (sum(drawn["found"]), sum(drawn["false"])) == (data["n_anomalies"], data["n_normal"])
        assert sum(part[2] for part in drawn["shares"]) == told.n_rows
        assert sum(part[0] for part in drawn["said"]["calibrated"]) == told.n_rows
        assert bool(drawn["said"]["own"]) == (candidate.learns_from == "labels")
        assert drawn["figures"]["brier"][0] == pytest.approx(candidate.judged.figures["brier"].value, abs=1e-6)
        assert [n for n, _ in drawn["kinds"]] == [kind.n_found for kind in candidate.judged.kinds]
    assert {kind["name"] for kind in data["kinds"]} == {"scan", EVIL}
    assert sorted(data["ranks"]["names"]) == sorted(FEW)
    assert EVIL in dict(data["selection"]["columns"])


def test_findings_and_what_is_not_judged_are_told(told):
    failed = Candidate("knn", failure="the budget was spent before its turn")
    text = comparison_html(dataclasses.replace(told, candidates=(*told.candidates, failed), notes=("3 rows < 4",)))
    assert "the budget was spent before its turn" in text
    assert "3 rows &lt; 4" in text
    assert "knn" not in [d["name"] for d in data_of(text)["detectors"]]
    table = flows().with_columns(copy=pl.col("attack") != "normal")
    leaky = amiss.compare(table, "attack", detectors=["naive_bayes"])
    found = next(found for found in leaky.findings if "copy" in found.where)
    text = comparison_html(leaky)
    assert text.index(html.escape(str(found))) < text.index(html.escape(found.mend)) < text.index('id="rows"')


def test_where_the_best_is_weak_is_told_with_the_verdict(crowd):
    weak = dataclasses.replace(crowd.verdict, best=crowd.candidates[-1].name)
    told = dataclasses.replace(crowd, verdict=weak)
    text = comparison_html(told)
    assert any(sentence.startswith("It misses most of kind of attack") for sentence in told.weak_points)
    for sentence in told.weak_points:
        assert text.index(html.escape(sentence)) < text.index("What was compared")


def test_many_detectors_and_kinds_stay_small(crowd):
    text = comparison_html(crowd)
    assert len(text.encode()) < 500_000
    data = data_of(text)
    assert len(data["detectors"]) == 60
    assert len(data["detectors"][0]["kinds"]) == 30
    assert all(len(d["found"]) >= 100 for d in data["detectors"])
    unseen = crowd.candidates[0].judged.unseen.recall
    assert data["detectors"][0]["figures"]["unseen"][0] == pytest.approx(unseen.value, abs=1e-6)


def test_few_can_be_told(told):
    one = comparison_html(amiss.compare(flows(kinds=("scan",)), "attack", detectors=["naive_bayes"]))
    assert data_of(one)["kinds"] == []
    assert data_of(one)["ranks"] is None
    nothing = dataclasses.replace(told, candidates=(Candidate("knn", failure="memory"),), verdict=None)
    assert "no detector could be judged" in comparison_html(nothing)
    official = amiss.compare(flows(), "attack", test=flows(seed=1), detectors=FEW[:2])
    assert data_of(comparison_html(official))["ranks"] is None
    normal = official.y == 0
    calm = [dataclasses.replace(c, scores=c.scores[normal], flags=c.flags[normal],
                                judged=judge_rows(np.zeros(normal.sum()), c.scores[normal], flags=c.flags[normal]))
            for c in official.candidates]  # fmt: skip
    without = dataclasses.replace(official, candidates=tuple(calm), y=official.y[normal], verdict=None)
    assert data_of(comparison_html(without))["detectors"][0]["found"] == []


def test_a_measure_that_a_detector_lacks_leaves_it_out_of_the_ranks(told):
    silent = dataclasses.replace(told.candidates[-1], flags=np.zeros(told.n_rows, bool))
    ranked = data_of(
        comparison_html(dataclasses.replace(told, measure="precision", candidates=(*told.candidates[:-1], silent)))
    )["ranks"]
    assert len(ranked["names"]) == len(FEW) - 1


def test_ranks_over_data_sets_are_drawn_alike():
    table = np.random.default_rng(0).normal([0.9, 0.89, 0.7, 0.6], 0.02, (12, 4))
    ranked = over_data_sets(table, ["a", "b", "c", "d"], method="nemenyi")
    figure = rank_figure(ranked)
    assert figure["difference"] == pytest.approx(ranked.critical_difference, abs=1e-4)
    assert [tuple(figure["names"][a : b + 1]) for a, b in figure["groups"]] == list(ranked.groups)


def test_a_report_is_a_page(told, tmp_path):
    with pytest.raises(ParameterError, match=r"end it in \.html"):
        told.report(tmp_path / "report.txt")
    assert not list(tmp_path.iterdir())


def test_in_a_notebook(told):
    snippet = told._repr_html_()
    assert told.verdict.best in snippet
    assert snippet.count("<tr>") == len(FEW) + 1
    assert "<script" not in snippet


def severe(browser):
    return [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def drawn(browser, *selectors):
    from selenium.webdriver.common.by import By

    return [len(browser.find_elements(By.CSS_SELECTOR, selector)) for selector in selectors]


@pytest.mark.browser
def test_in_a_browser(browser, page, told):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    def column(head):
        heads = [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, "#rows th")]
        place = next(k for k, text in enumerate(heads) if text == head)
        lines = browser.find_elements(By.CSS_SELECTOR, "#rows tbody tr.main")
        return place, [line.find_elements(By.TAG_NAME, "td")[place].text.split("\n")[0] for line in lines]

    browser.get(page.as_uri())
    assert browser.title == "the data: which detector?"
    assert told.verdict.best in browser.find_element(By.ID, "verdict").text
    lines = ("#roc path.curve", "#pr path.curve", "#shares path.curve", "#cost path.curve:not(.best-cut)")
    assert drawn(browser, *lines, "#cost path.best-cut", "#matrices table") == [4] * 6
    assert drawn(browser, "#heat tbody tr", "#diagram svg") == [2, 1]

    place, names = column("detector")
    assert names == [c.name for c in told.candidates]
    place, before = column("AUC-ROC")
    head = browser.find_elements(By.CSS_SELECTOR, "#rows th")[place]
    browser.execute_script("arguments[0].click()", head)
    down = [float(text) for text in column("AUC-ROC")[1]]
    assert down == sorted(down, reverse=True)
    browser.execute_script("arguments[0].click()", browser.find_elements(By.CSS_SELECTOR, "#rows th")[place])
    assert [float(text) for text in column("AUC-ROC")[1]] == down[::-1]
    browser.find_element(By.CSS_SELECTOR, "#rows tbody tr").click()
    assert "5% asked: found" in browser.find_element(By.CSS_SELECTOR, "tr.detail").text

    browser.find_element(By.CSS_SELECTOR, "#chips button").click()
    assert drawn(browser, "#roc path.curve", "#matrices table") == [3, 3]
    browser.find_elements(By.CSS_SELECTOR, "#add option")[-1].click()
    assert drawn(browser, "#roc path.curve", "#pr path.curve", "#chips button") == [4, 4, 4]
    before = browser.find_element(By.CSS_SELECTOR, "#roc path.curve").get_attribute("d")
    browser.find_element(By.CSS_SELECTOR, "#scale option[value=log]").click()
    after = browser.find_element(By.CSS_SELECTOR, "#roc path.curve").get_attribute("d")
    assert after != before
    assert "NaN" not in browser.page_source.replace("Number.isNaN", "")

    for part, word in (("#roc .zone", "of the anomalies"), ("#cost .zone", "possible cost"),
                       ("#heat td:nth-child(3)", "flags")):  # fmt: skip
        node = browser.find_element(By.CSS_SELECTOR, part)
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", node)
        ActionChains(browser).move_to_element(node).perform()
        assert word in browser.find_element(By.ID, "tip").text
    ratio = browser.find_element(By.ID, "ratio")
    said = browser.find_element(By.ID, "cheapest").text
    ratio.clear()
    ratio.send_keys("50")
    assert browser.find_element(By.ID, "cheapest").text != said
    ratio.clear()
    ratio.send_keys("-1")
    assert "above 0" in browser.find_element(By.ID, "cheapest").text
    assert severe(browser) == []


@pytest.mark.browser
def test_probabilities_are_drawn_before_and_after_they_were_calibrated(browser, page, told):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    browser.get(page.as_uri())
    assert drawn(browser, "#reliability path.curve") == [4]
    Select(browser.find_element(By.ID, "sort")).select_by_value("own")
    Select(browser.find_element(By.ID, "small")).select_by_value("log")
    # Detectors of normal rows say no chances of their own.
    by_labels = [c for c in told.candidates[:4] if c.learns_from == "labels"]
    assert drawn(browser, "#reliability path.curve") == [len(by_labels)] != [4]
    assert severe(browser) == []


@pytest.mark.browser
def test_the_cost_told_is_that_of_the_errors(browser, page, told):
    from selenium.webdriver.common.by import By

    browser.get(page.as_uri())
    text = browser.find_element(By.ID, "cheapest").text
    best = told.candidates[0]
    _, missed, wrong, _ = best.judged.confusion
    cost = float(re.search(rf"{best.name} ([\d.]+)", text)[1])
    assert cost == pytest.approx(1000 * (missed + wrong) / told.n_rows, rel=0.01)


@pytest.mark.browser
@pytest.mark.parametrize("what", ["many", "one", "none", "one class"])
def test_any_comparison_is_drawn(browser, told, crowd, tmp_path, what):
    from selenium.webdriver.common.by import By

    if what == "many":
        shown = crowd
    elif what == "one":
        shown = dataclasses.replace(told, candidates=told.candidates[:1])
    elif what == "none":
        shown = dataclasses.replace(told, candidates=(Candidate("knn", failure="memory"),), verdict=None)
    else:
        first = told.candidates[0]
        judged = judge_rows(np.zeros(told.n_rows), first.scores, flags=first.flags, n_draws=100)
        alone = dataclasses.replace(first, judged=judged)
        shown = dataclasses.replace(told, candidates=(alone,), y=np.zeros_like(told.y), verdict=None)
    shown.report(tmp_path / "page.html")
    browser.get((tmp_path / "page.html").as_uri())
    assert severe(browser) == []
    assert browser.find_element(By.ID, "curves").is_displayed() == (what in ("many", "one"))
    if what == "many":
        assert drawn(browser, "#rows tbody tr", "#heat tbody tr", "#diagram text.name") == [20, 31, 60]
        browser.find_element(By.ID, "more").click()
        assert drawn(browser, "#rows tbody tr") == [60]
        for _ in range(4):
            browser.find_elements(By.CSS_SELECTOR, "#add option")[-1].click()
        assert drawn(browser, "#roc path.curve", "#add option") == [8, 1]


@pytest.mark.browser
def test_on_a_phone(browser, crowd, tmp_path):
    crowd.report(tmp_path / "page.html")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    )
    browser.get((tmp_path / "page.html").as_uri())
    width = browser.execute_script("return document.documentElement.scrollWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width <= 390
