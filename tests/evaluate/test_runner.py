"""Trials: the same on one process and on two, kept as they are done, and taken up after a stop."""

from __future__ import annotations

import os
import time

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.core.errors import DataError, ParameterError
from amiss.evaluate import runner
from amiss.evaluate.cost import Cost, measured
from amiss.evaluate.halving import Tuned
from amiss.evaluate.kept_trials import KeptTrials
from amiss.evaluate.trial import Trial

FEW = ("naive_bayes", "mahalanobis")


def _table(n=900, seed=0):
    random = np.random.default_rng(seed)
    odd = random.random(n) < 0.15
    X = random.normal(size=(n, 4))
    X[odd, 0] += 4
    return pl.DataFrame(X).with_columns(label=odd)


def _figures(told):
    return [(each.name, each.judged.figures) for each in told.candidates]


def test_processes_change_nothing():
    alone = amiss.compare(_table(), "label", detectors=FEW, n_folds=3)
    both = amiss.compare(_table(), "label", detectors=FEW, n_folds=3, n_jobs=2)
    assert _figures(alone) == _figures(both)


def test_what_was_stopped_goes_on(tmp_path, monkeypatch):
    whole, n = runner.tried, []

    def stops(recipe, part, rate, **options):
        n.append(recipe.detector)
        if len(n) == 5:
            raise KeyboardInterrupt
        return whole(recipe, part, rate, **options)

    monkeypatch.setattr(runner, "tried", stops)
    with pytest.raises(KeyboardInterrupt):
        amiss.compare(_table(), "label", detectors=FEW, n_folds=3, keep=tmp_path)
    assert len(list(tmp_path.glob("*/*.npz"))) == 4
    told = amiss.compare(_table(), "label", detectors=FEW, n_folds=3, keep=tmp_path)
    assert len(n) == 5 + 2  # the one that was stopped, and the last
    assert list(tmp_path.iterdir()) == []
    assert _figures(told) == _figures(amiss.compare(_table(), "label", detectors=FEW, n_folds=3))


def test_other_rows_or_rules_are_not_taken_up(tmp_path):
    names = set()
    for table, options in (
        (_table(), {}),
        (_table(seed=1), {}),
        (_table(), {"false_alarms": 0.1}),
        (_table(), {"seed": 1}),
    ):
        kept = []
        put = KeptTrials.put

        def keeps(self, trial, *task, kept=kept, put=put):
            kept.append(self.folder)
            put(self, trial, *task)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(KeptTrials, "put", keeps)
            amiss.compare(table, "label", detectors=["naive_bayes"], n_folds=2, keep=tmp_path, **options)
        names |= set(kept)
    assert len(names) == 4


def test_kept_trials(tmp_path):
    kept = KeptTrials.of(tmp_path, "rows")
    trial = Trial(
        np.arange(3.0), np.array([True, False, True]), Cost(1.0, 5.0), Cost(2.0), {"k": 3, "w": None},
        chances=np.array([0.1, 0.2, 0.3]),
    )  # fmt: skip
    assert kept.get("a") is None
    kept.put(trial, "a")
    again = kept.get("a")
    assert again.scores.tolist() == [0, 1, 2]
    assert again.flags.tolist() == [True, False, True]
    assert (again.chances.tolist(), again.own_chances.tolist()) == ([0.1, 0.2, 0.3], [])
    assert (again.fit, again.params) == (Cost(1.0, 5.0), {"k": 3, "w": None})
    kept.put(Trial(failure="broken"), "b")
    assert kept.get("b") is None
    file = next(kept.folder.iterdir())
    file.write_bytes(file.read_bytes()[:50])
    assert kept.get("a") is None
    os.utime(kept.folder, (0, 0))
    assert KeptTrials.of(tmp_path, "others").get("a") is None
    assert not kept.folder.exists()


def test_a_budget_ends_it(monkeypatch):
    asked = []
    monkeypatch.setattr(runner.Runner, "_is_over", lambda self: asked.append(0) or len(asked) > 4)
    told = amiss.compare(_table(), "label", detectors=FEW, n_folds=3, budget_seconds=1000, tune=False)
    first, second = told.candidates
    assert first.judged is not None
    assert second.failure == "the budget was spent before all its splits were done"
    assert told.verdict.best == first.name


def test_a_budget_is_shared(monkeypatch):
    seconds = []
    monkeypatch.setattr(runner, "tuned_params", lambda *args, until, **options: seconds.append(until) or Tuned({}, ()))
    told = amiss.compare(_table(), "label", detectors=["naive_bayes"], n_folds=3, budget_seconds=1000)
    assert len(seconds) == 3
    assert max(seconds) - time.monotonic() < 1000 / 3
    assert {each.name for each in told.candidates} == {"naive_bayes", "naive_bayes (tuned)"}


def test_cost():
    with measured() as cost:
        block = np.ones(30_000_000)
        block += 1
    assert cost.seconds >= 0
    if cost.peak_bytes == cost.peak_bytes:  # Linux tells
        assert 0.8 * block.nbytes < cost.peak_bytes < 3 * block.nbytes


def test_columns_are_chosen_in_each_split():
    random = np.random.default_rng(0)
    odd = random.random(900) < 0.2
    X = random.normal(size=(900, 12))
    X[:, 5] += 3 * odd
    table = pl.DataFrame(X).with_columns(label=odd)
    told = amiss.compare(table, "label", detectors=FEW, select="mutual_information")
    assert next(iter(told.selection.columns)) == "column_5"
    assert told.selection.columns["column_5"] == 5
    assert told.selection.stability.value > 0.5
    every = amiss.compare(table, "label", detectors=["mahalanobis"])
    chosen = next(each for each in told.candidates if each.name == "mahalanobis")
    assert chosen.judged.figures["auc_roc"].value > every.candidates[0].judged.figures["auc_roc"].value


def test_choosing_by_noise_gains_nothing():
    # 200 columns of noise: were they chosen by the rows judged, the best few would tell the labels.
    random = np.random.default_rng(1)
    table = pl.DataFrame(random.normal(size=(300, 200))).with_columns(label=random.random(300) < 0.3)
    told = amiss.compare(table, "label", detectors=["logistic_regression"], select="model")
    assert abs(told.candidates[0].judged.figures["auc_roc"].value - 0.5) < 0.15


def test_a_model_of_chosen_columns(tmp_path):
    random = np.random.default_rng(0)
    odd = random.random(900) < 0.2
    X = random.normal(size=(900, 8))
    X[:, 2] += 4 * odd
    table = pl.DataFrame(X).with_columns(label=odd)
    model = amiss.fit(table, label="label", select="mutual_information", detector="random_forest")
    assert model.preparation.features == ["column_2"]
    model.save(tmp_path / "m.amiss")
    again = amiss.load(tmp_path / "m.amiss")
    only = table.select("column_2")  # the others are not asked for
    assert again.score(only).is_anomaly[odd].mean() > 0.8
    plain = amiss.fit(table.drop("label"), select="heavy_tails")
    assert 1 <= len(plain.preparation.features) < 8
    with pytest.raises(ParameterError, match="needs labels"):
        amiss.fit(table, select="l1")
    with pytest.raises(ParameterError, match="no selection 'odd'"):
        amiss.fit(table, select="odd")


def test_time_out_of_order_is_put_in_order():
    table = _table(1200).with_columns(
        time=np.datetime64("2026-01-01T00:00:00", "us") + np.arange(1200) * np.timedelta64(1, "m")
    )
    shuffled = table.sample(fraction=1.0, shuffle=True, seed=0)
    one, other = (amiss.compare(rows, "label", detectors=FEW) for rows in (table, shuffled))
    assert one.split == other.split == "forward"
    assert _figures(one) == _figures(other)


def test_benchmark():
    from amiss.core.source import silent
    from amiss.evaluate.benchmark import benchmark_sources
    from amiss.evaluate.compare import Plan
    from amiss.pipeline.opening import open_source
    from amiss.pipeline.recipe import Recipe

    sources = [open_source(_table(400, seed)) for seed in range(3)] + [open_source(_table(400).drop("label"))]
    for k, source in enumerate(sources):
        source.name = f"set {k}"
    told = benchmark_sources(sources, Recipe(label="label"), FEW, Plan(n_folds=3, measure="auc_roc"), silent)
    assert told.table.shape == (3, 2)
    assert set(told.detectors) == set(FEW)
    assert "no column 'label'" in told.failures["set 3"]
    assert told.ranked.names[0] in str(told)
    for k, each in enumerate(told.comparisons):
        found = {c.name: c.judged.figures["auc_roc"].value for c in each.candidates}
        assert told.table[k].tolist() == [found[name] for name in told.detectors]
    with pytest.raises(DataError, match="no data set could be judged"):
        benchmark_sources(sources[3:], Recipe(label="label"), FEW, Plan(), silent)
