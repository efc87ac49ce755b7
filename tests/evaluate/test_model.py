"""A model against labels."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.core.errors import DataError
from amiss.evaluate.model import judge_model


def _table(n, seed, by=5.0):
    random = np.random.default_rng(seed)
    kind = np.where(random.random(n) < 0.05, random.choice(["scan", "flood"], n), "normal")
    return pl.DataFrame({
        "rate": random.normal(size=n) + by * (kind == "flood"),
        "ports": random.normal(size=n) + by * (kind == "scan"), "attack": kind,
    })  # fmt: skip


def test_figures_are_those_of_the_decisions():
    normal = _table(2000, 0).filter(pl.col("attack") == "normal").drop("attack")
    model = amiss.fit(normal, false_alarms="1%", clean=True)
    test = _table(3000, 1)
    judged = judge_model(model, test, "attack")
    odd, flag = (test["attack"] != "normal").to_numpy(), model.score(test).is_anomaly
    assert judged.confusion == ((odd & flag).sum(), (odd & ~flag).sum(), (~odd & flag).sum(), (~odd & ~flag).sum())
    assert judged.figures["recall"].value == pytest.approx(flag[odd].mean())
    assert {kind.kind for kind in judged.kinds} == {"scan", "flood"}
    assert all(kind.seen is None for kind in judged.kinds)
    for at in judged.rates:
        if np.isfinite(at.cut):
            assert at.reached.low - 0.01 <= at.asked <= at.reached.high + 0.02


def test_kinds_that_were_learnt_are_known():
    learnt = _table(2000, 0).filter(pl.col("attack") != "scan")
    model = amiss.fit(learnt, label="attack", detector="random_forest")
    judged = judge_model(model, _table(2000, 1), "attack")
    assert {kind.kind: kind.seen for kind in judged.kinds} == {"scan": False, "flood": True}


def test_rows_without_a_label_are_left_out():
    model = amiss.fit(_table(2000, 0).drop("attack"))
    test = _table(500, 1).with_columns(attack=pl.when(pl.int_range(pl.len()) < 100).then(None).otherwise("attack"))
    assert judge_model(model, test, "attack").n_rows == 400
    with pytest.raises(DataError, match="no column 'odd'"):
        judge_model(model, test, "odd")


def test_the_calibration_comes_back_from_its_knots():
    model = amiss.fit(_table(2000, 0).drop("attack"))
    scores = model.threshold.calibration_scores
    assert len(scores) == model.threshold.n_calibration_
    assert (np.diff(scores) >= 0).all()
