"""The report of a benchmark: the diagram over data sets, all figures, hostile names."""

from __future__ import annotations

import json
import re

import numpy as np
import polars as pl
import pytest

from amiss.core.source import silent
from amiss.evaluate.benchmark import benchmark_sources
from amiss.evaluate.compare import Plan
from amiss.pipeline.opening import open_source
from amiss.pipeline.recipe import Recipe
from amiss.report.benchmark_page import benchmark_html

EVIL = "<script>document.title='owned'</script>"
FEW = ("naive_bayes", "mahalanobis", "hbos")


def table(seed):
    random = np.random.default_rng(seed)
    odd = random.random(400) < 0.15
    return pl.DataFrame(random.normal(size=(400, 3))).with_columns(
        column_1=pl.col("column_1") + 3 * pl.lit(pl.Series(odd)), fault=odd
    )


def ran(folder, n):
    places = [folder / f"{EVIL.replace('/', '')}{k}.csv" for k in range(n)]
    for k, place in enumerate(places):
        table(k).write_csv(place)
    plan = Plan(measure="auc_pr", n_folds=2)
    return benchmark_sources([open_source(place) for place in places], Recipe(label="fault"), FEW, plan, silent)


def test_it_holds_the_table_and_the_ranks(tmp_path):
    told = ran(tmp_path, 3)
    text = benchmark_html(told)
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert data["ranks"]["names"] == list(told.ranked.names)
    assert data["ranks"]["difference"] == pytest.approx(told.ranked.critical_difference, abs=1e-4)
    assert [d["name"] for d in data["detectors"]] == list(told.detectors)
    assert data["detectors"][0]["figures"][2][0] == pytest.approx(told.table[2, 0], abs=1e-6)
    assert "<script>document" not in text
    assert len(text) < 500_000


@pytest.mark.browser
@pytest.mark.parametrize("n", [1, 3])
def test_in_a_browser(browser, tmp_path, n):
    from selenium.webdriver.common.by import By

    told = ran(tmp_path, n)
    told.report(tmp_path / "page.html")
    browser.get((tmp_path / "page.html").as_uri())
    assert browser.title == "Benchmark"
    assert told.detectors[0] in browser.find_element(By.ID, "verdict").text
    assert len(browser.find_elements(By.CSS_SELECTOR, "#heat tbody tr")) == len(FEW)
    assert browser.find_element(By.ID, "ranks").is_displayed() == (n > 1)
    bars = browser.find_elements(By.CSS_SELECTOR, "#diagram .bar-line")
    assert len(bars) == (0 if n == 1 else 1 + len(told.ranked.groups))  # and that of the critical difference
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
