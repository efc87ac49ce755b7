"""`amiss tune` and `amiss benchmark` on the terminal, and a comparison that is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest


@pytest.fixture(scope="module")
def flows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flows")
    for k in range(3):
        random = np.random.default_rng(k)
        odd = random.random(600) < 0.15
        X = random.normal(size=(600, 3)) * (1 + 2 * odd[:, None])
        pl.DataFrame(X, schema=["a", "b", "c"]).with_columns(fault=odd.astype(int)).write_csv(folder / f"{k}.csv")
    return folder


def test_tuned_with_labels(flows, run):
    words = ("tune", "0.csv", "--label", "fault", "--detector", "decision_tree", "--settings", "4", "--jobs", "1")
    out, err = run(*words, "-o", "tuned.amiss", cwd=flows)
    assert "4 settings tried" in out
    assert "on unseen rows, decision_tree (tuned): f1" in out
    assert "tuned.amiss" in err
    assert json.loads(run("score", "tuned.amiss", "1.csv", "--format", "json", cwd=flows)[0])["n_anomalies"] > 10
    told = json.loads(run(*words, "--format", "json", cwd=flows)[0])
    assert len(told["settings"]) == 4
    assert told["params"] == told["settings"][0]["params"]


def test_tuned_without_labels(flows, run):
    words = ("tune", "0.csv", "--ignore", "fault", "--detector", "lof", "--settings", "3")
    out, _ = run(*words, cwd=flows)
    assert "agreement" in out
    assert "without labels nobody can say" in " ".join(out.split())
    lines = run(*words, "--format", "ndjson", cwd=flows)[0].splitlines()
    assert len(lines) == 3


def test_benchmark(flows, run):
    words = ("benchmark", "0.csv", "1.csv", "2.csv", "--label", "fault", "--folds", "2", "--jobs", "1")
    words += ("--detector", "naive_bayes", "--detector", "mahalanobis")
    out, _ = run(*words, cwd=flows)
    assert "2 detectors on 3 data sets" in out
    assert "mean rank" in out
    assert "Friedman" in out
    told = json.loads(run(*words, "--format", "json", cwd=flows)[0])
    assert len(told["sets"]) == 3
    assert set(told["mean_ranks"]) == {"naive_bayes", "mahalanobis"}
    assert run(*words, "--format", "csv", cwd=flows)[0].startswith("data_set,")


def test_wrong_words(flows, run):
    assert "no time" in run("tune", "0.csv", "--label", "fault", "--budget", "soon", code=2, cwd=flows)[1]
    assert "overwrite" in run("tune", "0.csv", "--label", "fault", "-o", "0.csv", code=2, cwd=flows)[1]
    assert "learns from labels" in run("tune", "0.csv", "--detector", "mlp", code=2, cwd=flows)[1]
    assert "end it in .html" in run("benchmark", "0.csv", "--label", "fault", "--report", "a.txt", code=2, cwd=flows)[1]
    assert "no column 'odd'" in run("benchmark", "0.csv", "--label", "odd", code=3, cwd=flows)[1]
    assert "no selection" in run("compare", "0.csv", "--label", "fault", "--select", "odd", code=2, cwd=flows)[1]


def test_a_stopped_comparison_goes_on(flows, tmp_path):
    command = [sys.executable, "-m", "amiss", "compare", "0.csv", "--label", "fault", "--jobs", "1"]
    command += ["--detector", "naive_bayes", "--detector", "hybrid"]
    there = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    begun = subprocess.Popen(command, cwd=flows, env=there, stderr=subprocess.PIPE, text=True)
    kept = tmp_path / "amiss" / "compare"
    for _ in range(600):
        if len(list(kept.glob("*/*.npz"))) >= 2 or begun.poll() is not None:
            break
        time.sleep(0.1)
    begun.send_signal(signal.SIGINT)
    assert "the same command goes on from here" in begun.communicate(timeout=60)[1]
    # Python ends itself by the signal where it struck inside of an exec, as imports have them.
    assert begun.returncode in (130, -signal.SIGINT)
    assert list(kept.glob("*/*.npz"))
    done = subprocess.run(command, cwd=flows, env=there, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert not list(kept.iterdir())
