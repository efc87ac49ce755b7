"""Our scores from arrays against those of the libraries that did the fitting."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from sklearn import ensemble, linear_model, naive_bayes, neighbors, neural_network, svm, tree

from amiss.core.label_detector import balanced
from amiss.supervised import (
    MLP,
    RBFSVM,
    DecisionTree,
    ExtraTrees,
    GradientBoosting,
    LabelledNeighbors,
    LinearSVM,
    LogisticRegression,
    NaiveBayes,
    RandomForest,
)
from amiss.supervised._space import put, space_of


def table(n_rows=2500, *, holes=False, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n_rows, 6))
    odd = (np.abs(X[:, 0]) > 1.5) | (X[:, 1] * X[:, 2] > 1.5)
    y = np.where(odd, np.where(X[:, 3] > 1, 2, 1), 0)
    if holes:
        X[::7, 1] = np.nan
    return X, y


def share(scores):
    return 1 / (1 + np.exp(-scores))


def normalised(logits):
    return np.exp(logits - np.logaddexp.reduce(logits, axis=1)[:, None])


VOTING = [
    (RandomForest(n_estimators=30, smoothing=0), ensemble.RandomForestClassifier(n_estimators=30, random_state=0)),
    (
        RandomForest(n_estimators=20, max_depth=4, smoothing=0),
        ensemble.RandomForestClassifier(20, max_depth=4, random_state=0),
    ),
    (ExtraTrees(n_estimators=30, smoothing=0), ensemble.ExtraTreesClassifier(30, random_state=0)),
    (DecisionTree(smoothing=0), tree.DecisionTreeClassifier(min_samples_leaf=5, random_state=0)),
]
EARLY = {"early_stopping": True, "random_state": 0}
BOOSTED = [
    (GradientBoosting(), {"max_depth": 8, "min_samples_leaf": 5, "max_iter": 200, "l2_regularization": 1.0, **EARLY}),
    (
        GradientBoosting(n_estimators=40, max_depth=None, max_leaf_nodes=200, min_samples_leaf=2, l2=0.0),
        {"max_iter": 40, "max_leaf_nodes": 200, "min_samples_leaf": 2, **EARLY},
    ),
]


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize(("ours", "theirs"), VOTING, ids=lambda x: type(x).__name__)
def test_voting_trees(ours, theirs, holes):
    X, y = table(holes=holes)
    # Missing values in test rows also where the learnt rows had none.
    T = np.where(np.random.default_rng(1).random((700, 6)) < 0.1 * holes, np.nan, table(700, seed=2)[0])
    theirs.fit(X, y > 0, sample_weight=balanced((y > 0).astype(int)))
    np.testing.assert_allclose(share(ours.fit(X, y).anomaly_score(T)), theirs.predict_proba(T)[:, 1], atol=1e-9)
    odd = y > 0
    theirs.fit(X[odd], y[odd], sample_weight=balanced(y[odd]))
    kinds = normalised(ours._logits(T, ours._kind_model))
    np.testing.assert_allclose(kinds, theirs.predict_proba(T), atol=1e-9)


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize(("ours", "params"), BOOSTED)
def test_boosted_trees(ours, params, holes):
    X, y = table(holes=holes)
    T = np.where(np.random.default_rng(1).random((700, 6)) < 0.1 * holes, np.nan, table(700, seed=2)[0])
    theirs = ensemble.HistGradientBoostingClassifier(**params).fit(X, y > 0)
    np.testing.assert_allclose(ours.fit(X, y).anomaly_score(T), theirs.decision_function(T), rtol=1e-9, atol=1e-9)


def test_boosted_trees_of_several_kinds():
    X, y = table()
    y += (y == 2) & (X[:, 4] > 0)
    odd = y > 0
    ours = GradientBoosting(n_estimators=20).fit(X, y)
    theirs = ensemble.HistGradientBoostingClassifier(max_iter=20, max_depth=8, l2_regularization=1.0, random_state=0)
    params = {"early_stopping": False, "min_samples_leaf": min(5, np.bincount(y[odd])[1:].min() // 10)}
    theirs.set_params(**params).fit(X[odd], y[odd])
    kinds = normalised(ours._logits(X, ours._kind_model))
    np.testing.assert_allclose(kinds, theirs.predict_proba(X), atol=1e-9)


@pytest.mark.skipif(
    importlib.util.find_spec("lightgbm") is None, reason="lightgbm is not installed: pip install 'amiss[boost]'"
)
@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("params", [{}, {"max_depth": None, "max_leaf_nodes": 100, "min_samples_leaf": 3}])
def test_lightgbm(holes, params):
    import lightgbm

    from amiss.supervised import LightGBM

    X, y = table(holes=holes)
    T = np.where(np.random.default_rng(1).random((700, 6)) < 0.1 * holes, np.nan, table(700, seed=2)[0])
    ours = LightGBM(n_estimators=50, **params).fit(X, y)
    settings = {
        "objective": "binary", "num_leaves": ours.max_leaf_nodes, "max_depth": ours.max_depth or -1, "lambda_l2": 1.0,
        "min_data_in_leaf": ours.min_samples_leaf, "seed": 0, "deterministic": True, "force_row_wise": True,
        "feature_pre_filter": False, "verbosity": -1, "num_threads": 1,
    }  # fmt: skip
    theirs = lightgbm.train(settings, lightgbm.Dataset(X, label=y > 0, params=settings), num_boost_round=50)
    np.testing.assert_allclose(ours.anomaly_score(T), theirs.predict(T, raw_score=True), rtol=1e-9, atol=1e-9)


def scaled(X, T):
    space = space_of(X)
    return put(X, space), put(T, space)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (LogisticRegression(), linear_model.LogisticRegression(max_iter=200)),
        (LinearSVM(), svm.LinearSVC(max_iter=200, dual="auto", random_state=0)),
        (RBFSVM(), svm.SVC(gamma=1 / 6)),
    ],
    ids=lambda x: type(x).__name__,
)
def test_margins(ours, theirs):
    X, y = table()
    T = table(700, seed=2)[0]
    Z, Q = scaled(X, T)
    theirs.fit(Z, y > 0, sample_weight=balanced((y > 0).astype(int)))
    np.testing.assert_allclose(ours.fit(X, y > 0).anomaly_score(T), theirs.decision_function(Q), rtol=1e-9, atol=1e-9)


def test_nystroem():
    X, y = table(6000)
    T = table(700, seed=2)[0]
    Z, Q = scaled(X, T)
    from sklearn.kernel_approximation import Nystroem

    bells = Nystroem(gamma=1 / 6, n_components=300, random_state=0).fit(Z)
    theirs = svm.LinearSVC(dual=False, random_state=0)
    theirs.fit(bells.transform(Z), y > 0, sample_weight=balanced((y > 0).astype(int)))
    ours = RBFSVM().fit(X, y > 0).anomaly_score(T)
    np.testing.assert_allclose(ours, theirs.decision_function(bells.transform(Q)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("weights", ["distance", "uniform"])
def test_neighbors(weights):
    X, y = table()
    T = np.vstack([table(700, seed=2)[0], X[:50]])
    Z, Q = scaled(X, T)
    ours = LabelledNeighbors(weights=weights, prior=1e-12).fit(X, y > 0)
    unit = float(ours.model_["unit"])
    vote = (lambda distance: 1 / np.maximum(distance / unit, 1e-3)) if weights == "distance" else weights
    theirs = neighbors.KNeighborsClassifier(20, weights=vote).fit(Z, y > 0).predict_proba(Q)
    np.testing.assert_allclose(share(ours.anomaly_score(T)), theirs[:, 1], atol=1e-9)


def test_network():
    X, y = table()
    T = table(700, seed=2)[0]
    Z, Q = scaled(X, T)
    theirs = neural_network.MLPClassifier(
        (64, 64), alpha=1e-3, learning_rate_init=3e-3, max_iter=60, early_stopping=True, random_state=0
    )
    theirs.fit(Z, (y > 0).astype(int))
    np.testing.assert_allclose(share(MLP().fit(X, y).anomaly_score(T)), theirs.predict_proba(Q)[:, 1], atol=1e-9)


def test_naive_bayes():
    X, y = table()
    T = table(700, seed=2)[0]
    Z, Q = scaled(X, T)
    theirs = naive_bayes.GaussianNB(var_smoothing=0.1).fit(Z, y > 0)
    np.testing.assert_allclose(share(NaiveBayes().fit(X, y).anomaly_score(T)), theirs.predict_proba(Q)[:, 1], atol=1e-9)
