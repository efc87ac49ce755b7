"""Detectors on the same splits of labelled rows: no cut from what is judged, failures told, a verdict."""

from __future__ import annotations

from io import StringIO

import numpy as np
import polars as pl
import pytest
from rich.console import Console

import amiss
from amiss.core.errors import DataError, ParameterError
from amiss.evaluate import trial
from amiss.evaluate.bench import Bench
from amiss.evaluate.compare import suitable
from amiss.report.compare_page import comparison_html
from amiss.report.compare_table import print_comparison

FEW = ("logistic_regression", "naive_bayes", "mahalanobis")


def _table(n=1200, seed=0, share=0.1, by=6.0):
    random = np.random.default_rng(seed)
    odd = random.random(n) < share
    X = random.normal(size=(n, 3))
    X[odd, 0] += by
    return pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "label": odd})


def _by_name(told):
    return {candidate.name: candidate for candidate in told.candidates}


def test_the_best_is_named_and_the_others_are_told():
    told = amiss.compare(_table(), "label", detectors=FEW)
    assert told.split == "stratified"
    assert told.n_rows == 1200
    assert told.candidates[0].name == told.verdict.best
    for candidate in told.candidates:
        assert candidate.judged.figures["f1"].value > 0.6
        assert 0.02 < candidate.judged.figures["false_alarm_rate"].value < 0.1
        assert candidate.fit_seconds >= 0
    assert _by_name(told)["mahalanobis"].learns_from == "normal rows"
    assert told.verdict.best in str(told)


def test_labels_that_say_nothing_find_nothing():
    # Were a cut or a model chosen by what is judged, this would come out better than chance.
    random = np.random.default_rng(1)
    table = _table(by=0.0).with_columns(label=pl.Series(random.random(1200) < 0.1))
    told = amiss.compare(table, "label", detectors=FEW)
    for candidate in told.candidates:
        figures = candidate.judged.figures
        assert abs(figures["auc_roc"].value - 0.5) < 0.1
        assert figures["recall"].value < 3 * figures["false_alarm_rate"].value + 0.05


def test_identical_rows_do_not_help():
    table = pl.concat([_table(400, by=0.0)] * 4)
    told = amiss.compare(table, "label", detectors=["decision_tree", "labelled_neighbors"])
    for candidate in told.candidates:
        assert candidate.judged.figures["auc_roc"].value < 0.7
    assert any(found.name == "repeated_rows" for found in told.findings)


def test_time_goes_forward():
    table = _table().with_columns(
        time=np.datetime64("2026-01-01T00:00:00", "us") + np.arange(1200) * np.timedelta64(1, "m")
    )
    told = amiss.compare(table, "label", detectors=["logistic_regression"])
    assert told.split == "forward"
    assert told.n_rows == 1000  # the first stretch is learnt from only


def test_an_attack_that_fills_the_latest_time_leaves_normal_rows_for_the_cut():
    random = np.random.default_rng(0)
    label = np.zeros(1200, bool)
    label[320:400] = label[620:800] = label[1100:] = True
    table = pl.DataFrame({"rate": random.normal(size=1200) + 3 * label, "label": label}).with_columns(
        time=np.datetime64("2026-01-01T00:00:00", "us") + np.arange(1200) * np.timedelta64(1, "m")
    )
    told = amiss.compare(table, "label", kind="table", detectors=["isolation_forest"])
    assert told.split == "forward"
    assert told.candidates[0].failure == ""


def test_a_test_file_is_judged_by_what_the_training_file_taught():
    test = _table(500, seed=5)
    told = amiss.compare(_table(), "label", test=test, detectors=FEW)
    assert (told.split, told.n_splits, told.n_rows) == ("official", 1, 500)
    assert told.n_anomalies == test["label"].sum()
    with pytest.raises(DataError, match="no column 'c'"):
        amiss.compare(_table(), "label", test=test.drop("c"), detectors=FEW)


def test_kinds_never_learnt_are_told():
    train = _table().with_columns(kind=pl.when("label").then(pl.lit("old")).otherwise(pl.lit("normal"))).drop("label")
    test = _table(500, seed=5).with_columns(
        kind=pl.when("label").then(pl.lit("new")).otherwise(pl.lit("normal"))
    ).drop("label")  # fmt: skip
    told = amiss.compare(train, "kind", test=test, detectors=["mahalanobis"])
    kinds = told.candidates[0].judged.kinds
    assert [(kind.kind, kind.seen) for kind in kinds] == [("new", False)]


def test_one_that_fails_does_not_stop_the_others(monkeypatch):
    whole = trial.fitted_on

    def breaks(detector, X, y):
        if type(detector).__name__ == "NaiveBayes":
            raise RuntimeError("out of order")
        return whole(detector, X, y)

    monkeypatch.setattr(trial, "fitted_on", breaks)
    told = amiss.compare(_table(), "label", detectors=[*FEW, "matrix_profile"])
    failures = {name: candidate.failure for name, candidate in _by_name(told).items() if candidate.failure}
    assert set(failures) == {"naive_bayes", "matrix_profile"}
    assert "out of order" in failures["naive_bayes"]
    assert told.verdict is not None


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_first_stretch_without_anomalies_fails_only_what_needs_them(n_jobs):
    random = np.random.default_rng(0)
    label = np.zeros(600, bool)
    label[350:] = random.random(250) < 0.15
    table = pl.DataFrame({"rate": random.normal(size=600) + 6 * label, "size": random.normal(size=600)}).with_columns(
        time=np.datetime64("2026-01-01T00:00:00", "us") + np.arange(600) * np.timedelta64(1, "m"), label=label
    )
    told = amiss.compare(table, "label", kind="table", detectors=["naive_bayes", "hbos"], n_jobs=n_jobs)
    assert told.split == "forward"
    assert "no anomaly" in _by_name(told)["naive_bayes"].failure
    assert _by_name(told)["hbos"].failure == ""
    assert told.verdict.best == "hbos"
    console = Console(file=StringIO(), width=160)
    print_comparison(console, told)
    for text in (console.file.getvalue(), comparison_html(told)):
        assert "naive_bayes" in text
        assert "labels hold no anomaly" in text
    # Choosing columns by the label has nothing to go by in that stretch either: told of each, the command does not end.
    told = amiss.compare(table, "label", kind="table", detectors=["naive_bayes", "hbos"], select="l1", n_jobs=n_jobs)
    assert all("of one kind" in candidate.failure for candidate in told.candidates)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_rows_that_cannot_be_prepared_for_one_do_not_stop_the_others(monkeypatch, n_jobs):
    whole = Bench._part

    def breaks(bench, k, fill):
        if fill and k == 1:
            raise DataError("nothing to fill with", where="split 1", mend="give more rows")
        return whole(bench, k, fill)

    monkeypatch.setattr(Bench, "_part", breaks)
    told = amiss.compare(_table(600), "label", detectors=["logistic_regression", "naive_bayes"], n_jobs=n_jobs)
    failures = {name: candidate.failure for name, candidate in _by_name(told).items()}
    assert failures == {"logistic_regression": "nothing to fill with", "naive_bayes": ""}


def test_a_budget_too_short_for_one_is_told():
    told = amiss.compare(_table(), "label", detectors=FEW, budget_seconds=0)
    assert told.verdict is None
    assert all("budget" in candidate.failure for candidate in told.candidates)
    assert str(told) == "no detector could be judged"


def test_the_same_seed_gives_the_same():
    a, b = (amiss.compare(_table(), "label", detectors=FEW, seed=3) for _ in range(2))
    assert [c.judged.figures for c in a.candidates] == [c.judged.figures for c in b.candidates]


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ParameterError, match="no detector 'odd'"):
        amiss.compare(_table(), "label", detectors=["odd"])
    with pytest.raises(ParameterError, match="not between none and all"):
        amiss.compare(_table(), "label", detectors=FEW, false_alarms=1.5)
    with pytest.raises(DataError, match="all labels are the same"):
        amiss.compare(_table(share=0.0), "label", detectors=FEW)
    with pytest.raises(DataError, match="no row is labelled normal"):
        amiss.compare(_table(share=1.0), "label", detectors=FEW)
    with pytest.raises(ParameterError, match="measure"):
        amiss.compare(_table(), "label", detectors=FEW, measure="nonsense")


def test_all_suitable_detectors_are_known():
    names = suitable()
    assert len(set(names)) == len(names) > 15
    assert {"random_forest", "ensemble", "knn"} <= set(names)


def test_recall_at_other_rates_has_cuts_from_held_out_rows():
    (told,) = amiss.compare(_table(3000), "label", detectors=["mahalanobis"]).candidates
    by_rate = {at.asked: at for at in told.judged.rates}
    # The rate that was asked for is one of them: the same cuts, the same flags.
    assert by_rate[0.05].recall.value == told.judged.figures["recall"].value
    assert by_rate[0.05].reached.value == told.judged.figures["false_alarm_rate"].value
    assert 0 < by_rate[0.01].reached.value < 0.03
    assert by_rate[0.01].recall.value < by_rate[0.05].recall.value
    # 432 normal rows are held out in each split: too few to promise one in a thousand.
    assert np.isinf(by_rate[0.001].cut)
    assert np.isnan(by_rate[0.001].recall.value)
    assert any("0.1%" in note for note in told.judged.notes)


def test_alarms_are_counted_by_the_day_where_there_is_a_time():
    start = np.datetime64("2026-01-01T00:00:00", "us")
    table = _table().with_columns(time=start + np.arange(1200) * np.timedelta64(6, "m"))
    (told,) = amiss.compare(table, "label", detectors=["naive_bayes"]).candidates
    # 1,000 rows are judged, ten an hour.
    assert told.judged.figures["alarms_per_day"].value == pytest.approx(told.flags.sum() / 1000 * 240)
    still = table.with_columns(time=pl.lit(start))
    (apart,) = amiss.compare(table, "label", test=still, detectors=["naive_bayes"]).candidates
    assert "alarms_per_day" not in apart.judged.figures
    (plain,) = amiss.compare(_table(), "label", detectors=["naive_bayes"]).candidates
    assert "alarms_per_day" not in plain.judged.figures


def test_probabilities_are_calibrated_by_rows_held_out():
    table = _table(4000, by=2.0)
    told = _by_name(amiss.compare(table, "label", detectors=[*FEW, "decision_tree"]))
    share = float(table["label"].mean())
    for name, candidate in told.items():
        figures, by_labels = candidate.judged.figures, candidate.learns_from == "labels"
        assert figures["brier"].value < share * (1 - share)
        assert ("own_brier" in figures) == by_labels == bool(candidate.judged.own_calibration)
        far = [part.n_rows * abs(part.said - part.came.value) for part in candidate.judged.calibration]
        assert sum(far) / candidate.judged.n_rows < 0.03, name
        if by_labels:
            # Trained on classes made equally heavy, or on rows that it knows by heart, it says too much.
            assert figures["brier"].value < figures["own_brier"].value
    # Labels that say nothing are given their share, whatever the learner makes of them.
    random = np.random.default_rng(1)
    table = _table(2000, by=0.0).with_columns(label=pl.Series(random.random(2000) < 0.2))
    (lost,) = amiss.compare(table, "label", detectors=["decision_tree"]).candidates
    assert lost.judged.figures["brier"].value < 0.17 < lost.judged.figures["own_brier"].value


def test_too_few_anomalies_held_out_give_no_probabilities():
    table = _table(600).with_columns(label=pl.int_range(600) < 12).with_columns(a=pl.col("a") + 9 * pl.col("label"))
    (told,) = amiss.compare(table, "label", detectors=["naive_bayes"], n_folds=2).candidates
    assert "brier" not in told.judged.figures
    assert told.judged.calibration == ()
    assert told.judged.figures["own_brier"].value < 0.02 * 0.98
