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
    told = json.loads(run("evaluate", "m.amiss", "new.csv", "--label", "label", "--format", "json", cwd=tmp_path)[0])
    assert told["figures"]["recall"][0] > 0.8
    assert "no column 'odd'" in run("evaluate", "m.amiss", "new.csv", "--label", "odd", code=3, cwd=tmp_path)[1]
