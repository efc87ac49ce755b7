"""Tuning: chosen by rows that are learnt from, worth what unseen rows say, and no better than it is."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.core.errors import DataError, ParameterError
from amiss.core.source import silent
from amiss.evaluate import halving
from amiss.evaluate.consensus import agreed_params
from amiss.evaluate.halving import tuned_params
from amiss.pipeline.recipe import Recipe


def _rings(n=1500, seed=0):
    """Anomalies between normal rows: 1 neighbour tells them, 100 do not."""
    random = np.random.default_rng(seed)
    y = (random.random(n) < 0.2).astype(np.int64)
    X = random.normal(size=(n, 2)) * np.where(y, 0.15, 1.0)[:, None] + 3 * random.integers(0, 3, (n, 1))
    return np.ascontiguousarray(X), y


def _recipe(detector, **fields):
    return Recipe(label="label", seed=0, **fields).for_labels(detector)


def test_a_setting_that_is_better_is_found():
    X, y = _rings()
    found = tuned_params(
        _recipe("logistic_regression"), X, y, measure="auc_pr", rate=0.05, n_settings=8
    )  # fmt: skip
    assert len(found.settings) == 8
    best = [setting for setting in found.settings if setting.n_rows == max(s.n_rows for s in found.settings)]
    assert found.settings[0].value == max(setting.value for setting in best)
    assert found.params == found.settings[0].params


def test_the_defaults_go_to_the_end():
    X, y = _rings()
    found = tuned_params(_recipe("decision_tree"), X, y, measure="f1", rate=0.05, n_settings=9)
    full = max(setting.n_rows for setting in found.settings)
    assert [setting for setting in found.settings if not setting.params][0].n_rows == full
    assert sum(setting.n_rows == full for setting in found.settings) < 9


def test_settings_that_fail_are_told_and_passed_over(monkeypatch):
    whole = halving.fitted_on

    def breaks(detector, X, y):
        if detector.min_samples_leaf > 5:
            raise RuntimeError("too few")
        return whole(detector, X, y)

    monkeypatch.setattr(halving, "fitted_on", breaks)
    X, y = _rings(900)
    found = tuned_params(_recipe("decision_tree"), X, y, measure="auc_pr", rate=0.05, n_settings=10)
    assert any("too few" in setting.failure for setting in found.settings)
    assert found.settings[0].failure == ""


def test_no_time_leaves_the_defaults():
    X, y = _rings(600)
    found = tuned_params(_recipe("decision_tree"), X, y, measure="f1", rate=0.05, n_settings=9, until=0.0)
    assert (found.params, len(found.settings)) == ({}, 1)


def test_a_detector_without_a_search_space_and_one_class_are_left_as_they_are():
    X, y = _rings(300)
    assert tuned_params(_recipe("ecod"), X, y, measure="f1", rate=0.05, n_settings=9).settings == ()
    assert tuned_params(_recipe("decision_tree"), X, y * 0, measure="f1", rate=0.05, n_settings=9).settings == ()


def test_labels_by_chance_gain_nothing():
    # Were what is judged used for the choice, the best of 12 settings would look better than chance.
    random = np.random.default_rng(3)
    table = pl.DataFrame(random.normal(size=(800, 4))).with_columns(label=random.random(800) < 0.2)
    told = amiss.compare(table, "label", detectors=["labelled_neighbors"], tune=True, measure="auc_roc")
    tuned = next(each for each in told.candidates if each.tuned)
    assert abs(tuned.judged.figures["auc_roc"].value - 0.5) < 0.08
    assert len(tuned.params) == 5


def test_tune_with_labels():
    X, y = _rings(1200)
    table = pl.DataFrame(X).with_columns(label=y)
    found = amiss.tune(table, "label", detector="labelled_neighbors", n_settings=6)
    assert len(found.settings) == 6
    assert found.comparison.split == "stratified"
    assert {each.name for each in found.comparison.candidates} == {"labelled_neighbors", "labelled_neighbors (tuned)"}
    assert "unseen rows" in str(found)
    recipe = found.recipe(Recipe(detector="labelled_neighbors"), "1%")
    assert recipe.params == (dict(found.params) if found.helps else {})


def test_tune_without_labels_prefers_what_agrees():
    random = np.random.default_rng(0)
    X = np.vstack([random.normal(size=(1500, 3)), random.normal(size=(40, 3)) * 4])
    found = agreed_params(Recipe(detector="lof"), X, n_settings=10, progress=silent)
    values = {setting.params.get("n_neighbors", 20): setting.value for setting in found.settings}
    # So few neighbours follow chance: they foretell less of what all settings find than the others do.
    assert values[min(values)] < max(values.values()) - 0.02
    assert found.params.get("n_neighbors", 20) > min(values)
    assert found == agreed_params(Recipe(detector="lof"), X, n_settings=10, progress=silent)
    told = amiss.tune(X, detector="lof", n_settings=4)
    assert "nobody can say" in str(told)
    assert told.comparison is None


def test_what_cannot_be_tuned_is_refused():
    X, y = _rings(300)
    table = pl.DataFrame(X).with_columns(label=y)
    with pytest.raises(ParameterError, match="no parameters that are tuned"):
        amiss.tune(table, "label", detector="ecod")
    with pytest.raises(ParameterError, match="learns from labels"):
        amiss.tune(table, detector="random_forest")
    with pytest.raises(ParameterError, match="no choice"):
        amiss.tune(table, "label", n_settings=1)
    with pytest.raises(DataError, match="no column 'odd'"):
        amiss.tune(table, "odd")


def test_optuna_suggests():
    pytest.importorskip("optuna")
    X, y = _rings(900)
    found = [
        tuned_params(_recipe("decision_tree"), X, y, measure="auc_pr", rate=0.05, n_settings=6, search="optuna")
        for _ in range(2)
    ]
    assert found[0] == found[1]
    assert len(found[0].settings) == 6
    assert {} in [setting.params for setting in found[0].settings]
    with pytest.raises(ParameterError, match="no search 'odd'"):
        amiss.tune(pl.DataFrame(X).with_columns(label=y), "label", search="odd")


def test_rows_that_are_all_alike_leave_the_defaults():
    found = agreed_params(Recipe(detector="lof"), np.ones((120, 2)), n_settings=3, progress=silent)
    assert found.params == {}
