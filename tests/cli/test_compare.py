"""`amiss compare` on the terminal."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest


@pytest.fixture(scope="module")
def flows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flows")
    random = np.random.default_rng(0)
    kind = np.where(random.random(900) < 0.1, random.choice(["scan", "flood"], 900), "normal")
    rate = random.normal(size=900) + 7.0 * (kind == "flood")
    ports = random.normal(size=900) + 7.0 * (kind == "scan")
    pl.DataFrame({"rate": rate, "ports": ports, "attack": kind}).write_csv(folder / "flows.csv")
    return folder


def test_a_comparison_is_printed_saved_and_scored_with(flows, run):
    words = ("compare", "flows.csv", "--label", "attack", "--detector", "naive_bayes", "--detector", "mahalanobis")
    out, err = run(*words, "-o", "best.amiss", cwd=flows)
    assert "5 folds, identical rows together" in out
    assert "flood" in out
    assert "best" in out.splitlines()[-1] or "apart" in out.splitlines()[-1]
    assert "best.amiss" in err
    out, _ = run("score", "best.amiss", "flows.csv", "--format", "json", cwd=flows)
    assert json.loads(out)["n_anomalies"] > 60


def test_records(flows, run):
    words = ("compare", "flows.csv", "--label", "attack", "--detector", "naive_bayes")
    told = json.loads(run(*words, "--format", "json", cwd=flows)[0])
    assert told["detectors"][0]["detector"] == "naive_bayes"
    assert isinstance(told["weak_points"], list)
    assert 0 < told["detectors"][0]["f1_low"] <= told["detectors"][0]["f1"] <= told["detectors"][0]["f1_high"] <= 1
    assert run(*words, "--format", "csv", cwd=flows)[0].startswith("detector,tuned,learns_from")


def test_a_report_is_written(flows, run):
    words = ("compare", "flows.csv", "--label", "attack", "--detector", "naive_bayes", "--detector", "mahalanobis")
    out, err = run(*words, "--report", "flows.html", cwd=flows)
    assert "report: flows.html" in err
    assert out.splitlines()[-1] in (flows / "flows.html").read_text(encoding="utf-8").replace("&#x27;", "'")
    # A wrong place is said before the work.
    assert "end it in .html" in run(*words, "--report", "flows.txt", code=2, cwd=flows)[1]
    assert "no such folder" in run(*words, "--report", "no/flows.html", code=3, cwd=flows)[1]


def test_wrong_words(flows, run):
    words = ("compare", "flows.csv", "--label", "attack", "--detector", "naive_bayes")
    assert "is no time" in run(*words, "--budget", "soon", code=2, cwd=flows)[1]
    assert "no share" in run(*words, "--false-alarms", "none", code=2, cwd=flows)[1]
    assert "no column 'odd'" in run("compare", "flows.csv", "--label", "odd", code=3, cwd=flows)[1]
