"""`amiss evaluate` on the terminal."""

from __future__ import annotations

import json

import numpy as np
import polars as pl


def test_a_model_is_judged(tmp_path, run):
    random = np.random.default_rng(0)
    odd = random.random(1500) < 0.1
    table = pl.DataFrame({"x": random.normal(size=1500) + 5 * odd, "y": random.normal(size=1500), "label": odd})
    table[:1000].write_csv(tmp_path / "learn.csv")
    table[1000:].write_csv(tmp_path / "new.csv")
    run("fit", "learn.csv", "-o", "m.amiss", "--label", "label", "--detector", "naive_bayes", cwd=tmp_path)
    out, _ = run("evaluate", "m.amiss", "new.csv", "--label", "label", cwd=tmp_path)
    assert "500 labelled rows" in out
    assert "AUC-ROC" in out
    assert "Brier score" in out
    told = json.loads(run("evaluate", "m.amiss", "new.csv", "--label", "label", "--format", "json", cwd=tmp_path)[0])
    assert told["figures"]["recall"][0] > 0.8
    assert "no column 'odd'" in run("evaluate", "m.amiss", "new.csv", "--label", "odd", code=3, cwd=tmp_path)[1]


def test_probabilities_stand_beside_the_scores(tmp_path, run):
    random = np.random.default_rng(0)
    odd = random.random(1500) < 0.2
    table = pl.DataFrame({"x": random.normal(size=1500) + 3 * odd, "y": random.normal(size=1500), "label": odd})
    table.write_csv(tmp_path / "learn.csv")
    run("fit", "learn.csv", "-o", "m.amiss", "--label", "label", "--detector", "naive_bayes", cwd=tmp_path)
    asked = ("score", "m.amiss", "learn.csv", "-o", "out.csv")
    out, _ = run(*asked, "--format", "json", cwd=tmp_path)
    first = json.loads(out)["anomalies"][0]
    said = pl.read_csv(tmp_path / "out.csv")["probability"]
    assert said[first["row"]] == first["probability"] > 0.9
    assert abs(said.mean() - 0.2) < 0.03
    text, _ = run(*asked, "--anomaly-share", "0.5%", cwd=tmp_path)
    assert "hold where 0.50% of the rows are" in " ".join(text.split())
    assert (pl.read_csv(tmp_path / "out.csv")["probability"] < said).all()
    assert "anomalies '3'" in run(*asked, "--anomaly-share", "3", code=2, cwd=tmp_path)[1]
