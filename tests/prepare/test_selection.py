"""Features that tell are chosen, those that do not are not, and how stable that is."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score

from amiss.core.errors import DataError, ParameterError
from amiss.prepare.selection import METHODS, select, select_stably
from amiss.prepare.stability import stability
from amiss.prepare.worth import by_correlation, l1_logistic, mutual_information, ranked, standardised, variances

TELLING = [1, 4, 6]


def rows(n=1200, seed=0, share=0.25):
    random = np.random.default_rng(seed)
    y = random.random(n) < share
    X = random.normal(size=(n, 10))
    X[:, TELLING] += np.outer(y, [1.5, 1.2, -1.5])
    return X, y


@pytest.mark.parametrize("method", ["mutual_information", "l1", "model"])
def test_telling_features_are_chosen(method):
    X, y = rows()
    assert select(X, y, method=method).chosen.tolist() == TELLING
    two = select(X, y, method=method, n_features=2)
    assert set(two.chosen) < set(TELLING)
    assert two.transform(X).shape == (1200, 2)


@pytest.mark.parametrize("method", ["mutual_information", "l1", "model"])
def test_kinds_and_words_are_classes(method):
    X, y = rows()
    kinds = np.where(y, np.random.default_rng(1).choice(["scan", "flood"], len(y)), "a normal row")
    assert set(TELLING) <= set(select(X, kinds, method=method).chosen)


def test_permutation_takes_what_a_fitted_detector_misses():
    X, y = rows()
    way = np.zeros(10)
    way[TELLING] = [1, 1, -1]

    def scorer(X):
        return float(((X @ way > 1.2) == y).mean())

    assert select(X, method="permutation", scorer=scorer).chosen.tolist() == TELLING


def test_noise_is_seldom_chosen():
    """Of 100 tables of noise, few have a feature that passes: each method stops where chance begins."""
    passed = dict.fromkeys(("mutual_information", "l1"), 0)
    for seed in range(100):
        random = np.random.default_rng(seed)
        X, y = random.normal(size=(200, 10)), random.random(200) < 0.2
        for method in passed:
            found = select(X, y, method=method)
            worth = found.worth[found.chosen]
            passed[method] += len(found.chosen) > 1 or (method == "l1" and worth[0] > 0)
    assert max(passed.values()) <= 12


def test_information_is_that_of_scikit_learn_less_its_bias():
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 4000)
    kinds = (y + random.integers(0, 3, 4000)).astype(float)
    (bits,) = mutual_information(kinds[:, None], y)
    bias = 4 * 2 / (2 * 4000)
    assert bits == pytest.approx((mutual_info_score(kinds, y) - bias) / np.log(2), abs=1e-9)


def test_information_in_a_missing_value():
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 1000)
    X = np.where(y[:, None] == 1, np.nan, random.normal(size=(1000, 1)))
    assert mutual_information(X, y)[0] == pytest.approx(1, abs=0.02)


def test_l1_is_that_of_scikit_learn():
    X, y = rows()
    penalty = 0.02
    reference = LogisticRegression(C=1 / (penalty * len(y)), l1_ratio=1, solver="saga", max_iter=5000, tol=1e-6)
    reference.fit(standardised(X), y)
    assert l1_logistic(X, y.astype(np.int64), penalty) == pytest.approx(np.abs(reference.coef_[0]), abs=2e-3)


def test_one_of_each_correlated_group_is_kept():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 500))
    X = np.stack([a.round(), np.exp(a), -a, b, np.ones(500), b + 0.5 * random.normal(size=500)], axis=1)
    assert by_correlation(X, 0.9) == [[1, 0, 2], [3], [5]]
    found = select(X, method="correlation", correlation=0.9)
    assert found.chosen.tolist() == [1, 3, 5]
    assert len(select(X, method="correlation", correlation=0.9, n_features=2).chosen) == 2


def test_ranks_are_those_of_scipy():
    X = np.random.default_rng(0).normal(size=(50, 2)).round(1)
    Z = standardised(ranked(X))
    assert (Z[:, 0] @ Z[:, 1]) / 50 == pytest.approx(spearmanr(X[:, 0], X[:, 1]).statistic)


def test_constant_features_are_not_chosen():
    X = np.stack([np.full(40, 1e9 / 3), np.arange(40.0) * 1e-12, np.full(40, 1e300), np.arange(40.0)], axis=1)
    assert (variances(X) > 0).tolist() == [False, True, False, True]
    assert select(X, method="variance").chosen.tolist() == [1, 3]


def test_heavy_tails_are_kept_without_labels():
    random = np.random.default_rng(0)
    X = random.normal(size=(1000, 6))
    X[:5, 3] += 20
    X[:, 5] = X[:, 3] * 2
    found = select(X, method="heavy_tails", n_features=1)
    assert found.chosen.tolist() in ([3], [5])
    assert len(select(X, method="heavy_tails").chosen) == 3


@pytest.mark.parametrize("method", METHODS)
def test_every_method_takes_missing_values_and_one_feature(method):
    X, y = rows(300)
    X[::3, 0] = np.nan
    X[:, 9] = np.nan
    options = {"scorer": lambda X: float(np.nanmean(X))} if method == "permutation" else {}
    found = select(X, y, method=method, **options)
    assert len(found.chosen) >= 1
    assert found.worth.shape == (10,)
    assert select(X[:, :1], y, method=method, **options).chosen.tolist() == [0]


def test_the_same_seed_gives_the_same_features():
    X, y = rows()
    a, b = (select(X, y, method="model", seed=3) for _ in range(2))
    assert (a.worth == b.worth).all()


def test_what_cannot_be_selected_is_refused():
    X, y = rows(50)
    with pytest.raises(ParameterError, match="no method"):
        select(X, y, method="luck")
    with pytest.raises(ParameterError, match="needs labels"):
        select(X, method="l1")
    with pytest.raises(ParameterError, match="needs a scorer"):
        select(X, y, method="permutation")
    with pytest.raises(DataError, match="one kind"):
        select(X, np.zeros(50), method="l1")
    with pytest.raises(DataError, match="differ in number"):
        select(X, y[1:], method="l1")
    with pytest.raises(DataError, match="no features"):
        select(np.empty((5, 0)), method="variance")


def test_stability_by_hand():
    taken = np.array([[1, 1, 0, 0], [1, 0, 1, 0]])
    # frequencies 1, .5, .5, 0: mean unbiased variance 2 · (.25 + .25) / 4; chance .5 · .5
    assert stability(taken).value == pytest.approx(1 - 0.25 / 0.25)
    same = stability(np.tile([1, 0, 0], (5, 1)))
    assert (same.value, same.low, same.high) == (1, 1, 1)
    assert np.isnan(stability(np.ones((3, 4))).value)
    with pytest.raises(DataError, match="two selections"):
        stability([[1, 0]])


def test_selections_by_chance_are_not_stable_and_the_interval_covers():
    """Each feature is in with a chance of its own; the true stability is 1 − mean p(1 − p) / (p̄ (1 − p̄))."""
    random, inside = np.random.default_rng(0), 0
    p = np.array([0.9, 0.9, 0.7, 0.5, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05])
    truth = 1 - np.mean(p * (1 - p)) / (p.mean() * (1 - p.mean()))
    for _ in range(400):
        found = stability(random.random((50, 10)) < p)
        inside += found.low <= truth <= found.high
    assert inside / 400 >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 400)
    chance = stability(random.random((100, 20)) < 0.3)
    assert chance.low - 0.02 <= 0 <= chance.high + 0.02


def test_a_strong_signal_is_selected_stably_and_noise_is_not():
    X, y = rows()
    selection, stable = select_stably(X, y, method="mutual_information")
    assert selection.chosen.tolist() == TELLING
    assert stable.value > 0.8
    noise = np.random.default_rng(0).normal(size=X.shape)
    assert select_stably(noise, y, method="mutual_information", n_features=3)[1].value < 0.4


@pytest.mark.parametrize("method", ["variance", "correlation", "mutual_information", "l1", "heavy_tails"])
def test_a_large_table_is_done_in_time(method):
    X, y = np.random.default_rng(0).normal(size=(100_000, 40)), np.arange(100_000) % 20 == 0
    start = time.process_time()
    select(X, y, method=method)
    assert time.process_time() - start < 5
