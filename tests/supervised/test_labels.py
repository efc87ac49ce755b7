"""Labels as they come, rows that are drawn, the parts of a hybrid, and an extra that is not there."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import amiss.supervised
from amiss.core.catalog import detector_class, detector_names
from amiss.core.errors import DataError, MissingExtraError, ParameterError
from amiss.core.extras import EXTRAS
from amiss.core.label_detector import balanced, drawn, read_labels
from amiss.supervised import DecisionTree, Hybrid, LightGBM, RandomForest
from amiss.testing import planted_labels


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 0, 0], r"no anomaly(.|\n)*where: 3 labels, none is 1(.|\n)*mend:"),
        ([1, 2, 1], r"no normal row(.|\n)*none is 0"),
        ([0, 1, np.nan, np.nan], r"missing(.|\n)*2 of 4, first in row 2"),
        ([-1, 1, 1], r"negative(.|\n)*first in row 0(.|\n)*0 for a normal row"),
        ([0, 0.5, 1], r"no whole number(.|\n)*first in row 1"),
        (["ok", "bad"], r"text(.|\n)*the first is .*ok"),
        ([0, 1, 70_000], "beyond the number of rows"),
        ([[0], [1]], r"shape \(2, 1\)"),
        (None, "labels are needed"),
    ],
)
def test_labels_that_teach_nothing_say_where(labels, said):
    with pytest.raises(DataError, match=said):
        read_labels(labels)


def test_labels_of_any_type():
    for labels in ([False, True, False], [0, 1, 0], np.array([0.0, 1.0, 0.0], np.float32), (0, 1, 0)):
        assert read_labels(labels).tolist() == [0, 1, 0]
        assert read_labels(labels).dtype == np.int64


def test_balanced_weights():
    y = np.array([0] * 8 + [2] * 2)
    weight = balanced(y)
    assert weight[y == 0].sum() == weight[y == 2].sum() == 5.0


def test_rows_drawn_keep_rare_classes():
    y = np.zeros(10_000, np.int64)
    y[::500] = 1
    rows = drawn(y, 1000, seed=0)
    assert (y[rows] == 1).sum() == 20
    assert 980 <= (y[rows] == 0).sum() <= 1000
    assert np.array_equal(rows, np.unique(rows))
    assert np.array_equal(drawn(y, None, seed=0), np.arange(10_000))


def test_kinds_do_not_change_whether_it_is_an_anomaly():
    X, y = planted_labels(n_kinds=3)
    assert np.array_equal(RandomForest().fit(X, y).anomaly_score(X), RandomForest().fit(X, y > 0).anomaly_score(X))


def test_kind_chances_are_those_of_both_models():
    X, y = planted_labels(n_kinds=2)
    detector = DecisionTree().fit(X, y)
    share = 1 / (1 + np.exp(-detector.kind_scores(X)))
    anomaly = 1 / (1 + np.exp(-detector.anomaly_score(X)))
    np.testing.assert_allclose(share.sum(axis=1), anomaly, rtol=1e-9)


def test_hybrid_finds_kinds_that_were_not_shown():
    X, y = planted_labels(2000, n_kinds=1)
    T, truth = planted_labels(2000, n_kinds=2, seed=1)
    T[truth == 2, 1] += 3.0
    new = np.isin(truth, (0, 2))
    cut = {}
    for kind in (Hybrid, RandomForest):
        scores = kind().fit(X, y).anomaly_score(T[new])
        cut[kind] = (scores[truth[new] == 2] > np.quantile(scores[truth[new] == 0], 0.95)).mean()
    assert cut[Hybrid] > 0.9
    assert cut[RandomForest] < 0.5


def test_hybrid_of_other_parts():
    X, y = planted_labels()
    T, truth = planted_labels(seed=1)
    for params in (
        {"learner": "logistic_regression", "novelty": "ensemble"},
        {"learner": "naive_bayes+decision_tree", "novelty": "isolation_forest", "novelty_weight": 1, "n_folds": 2},
    ):
        detector = Hybrid(**params).fit(X, y)
        scores = detector.anomaly_score(T)
        assert scores[truth > 0].mean() > np.quantile(scores[truth == 0], 0.9)
        again = Hybrid(**params).restore(detector.state())
        assert np.array_equal(again.anomaly_score(T), scores)


@pytest.mark.parametrize(
    "params",
    [
        {"learner": "knn"},
        {"learner": "gradient_boosting+hybrid"},
        {"learner": "holt_winters"},
        {"novelty": "random_forest"},
        {"novelty": "sklearn.ensemble.IsolationForest"},
        {"novelty": "nothing"},
    ],
)
def test_hybrid_refuses_parts_that_do_not_fit(params):
    X, y = planted_labels()
    with pytest.raises(ParameterError, match="cannot be its"):
        Hybrid(**params).fit(X, y)


def test_extra_that_is_absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    assert EXTRAS["boost"] == "lightgbm"
    with pytest.raises(MissingExtraError, match=r"amiss\[boost\]"):
        LightGBM().fit(*planted_labels())


def test_doors():
    assert set(dir(amiss.supervised)) >= {"GradientBoosting", "Hybrid", "RBFSVM"}
    for name in detector_names("labels"):
        kind = detector_class(name)
        assert kind.capabilities.labels
        assert getattr(amiss.supervised, kind.__name__) is kind
    with pytest.raises(AttributeError):
        amiss.supervised.Nothing  # noqa: B018
