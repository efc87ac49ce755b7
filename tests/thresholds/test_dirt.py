"""Anomalies among the calibration rows: found where they stand apart, and hardly ever where there are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import amiss
from amiss.core.errors import PromiseError
from amiss.thresholds.conformal import Conformal
from amiss.thresholds.dirt import _deviations, n_suspicious

CLEAN = {
    "normal": lambda r, n: r.normal(size=n),
    "distance": lambda r, n: np.linalg.norm(r.normal(size=(n, 4)), axis=1),
    "exponential": lambda r, n: r.exponential(size=n),
    "log-normal": lambda r, n: r.lognormal(size=n),
    "Pareto": lambda r, n: r.pareto(2.5, size=n),
    "uniform": lambda r, n: r.random(n),
    "heavy distance": lambda r, n: np.linalg.norm(r.standard_t(3, size=(n, 3)), axis=1),
}


@pytest.mark.parametrize("kind", CLEAN)
def test_clean_scores_are_left_alone(kind):
    found = sum(n_suspicious(CLEAN[kind](np.random.default_rng(seed), 2000)) > 0 for seed in range(100))
    assert found <= 2


@pytest.mark.parametrize("kind", ["normal", "distance", "exponential", "uniform"])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.1])
def test_dirt_that_stands_apart_is_cut_off(kind, share):
    for seed in range(10):
        random = np.random.default_rng(seed)
        scores = CLEAN[kind](random, 2000)
        n = int(2000 * share)
        scores[:n] = scores.max() + np.ptp(scores) * random.uniform(1, 2, n)
        assert n_suspicious(random.permutation(scores)) == n


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([0.0, 1.0, 5.0]) | st.floats(-1e9, 1e9), max_size=300))
def test_any_scores(values):
    scores = np.array(values)
    n = n_suspicious(scores)
    assert 0 <= n <= 0.25 * len(scores)
    assert n_suspicious(2 * scores + 7) == n or np.ptp(scores) < 1e-6


def test_surprise_is_that_of_the_f_distribution():
    from scipy import stats

    for a, b in ((1, 50), (8, 100), (60, 200)):
        chance = stats.norm.sf(_deviations(np.array([3.0]), a, b))[0]
        assert np.log(chance) == pytest.approx(stats.f.logsf(3.0, 2 * a, 2 * b), rel=0.1)


def _dirty(random, n, share):
    X = random.normal(size=(n, 4))
    direction = random.normal(size=(int(share * n), 4))
    X[: len(direction)] += 9 * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    return X


@pytest.mark.parametrize("detector", ["mahalanobis", "ensemble"])
def test_the_promise_holds_for_normal_rows_of_dirty_data(detector):
    random = np.random.default_rng(0)
    model = amiss.fit(_dirty(random, 4000, 0.05), false_alarms="1%", detector=detector)
    fresh = model.score(random.normal(size=(20_000, 4)))
    assert 0.005 < fresh.is_anomaly.mean() < 0.02
    promise = model.promise
    assert 0.04 < promise.dirt < 0.06
    # Sensitivity: the rate that the rows reach if those left out are normal after all.
    assert promise.reached < 0.012
    assert 0.05 < promise.if_normal < 0.07


def test_clean_means_that_nothing_is_left_out():
    X = _dirty(np.random.default_rng(0), 2000, 0.05)
    model = amiss.fit(X, detector="mahalanobis", clean=True)
    assert model.promise.dirt == 0
    assert model.promise.n_calibration == 2000
    assert model.promise.reached == pytest.approx(model.promise.if_normal)


def test_without_its_dirt_a_detector_sees_more():
    """A clump masks itself to a Mahalanobis distance; learnt from no more, it stands out."""
    random = np.random.default_rng(3)
    X = random.normal(size=(3000, 4))
    X[:210] = 6 + 0.3 * random.normal(size=(210, 4))
    masked = amiss.fit(X, detector="mahalanobis", clean=True)
    freed = amiss.fit(X, detector="mahalanobis")
    assert freed.score(X[:210]).is_anomaly.mean() > 0.99
    assert masked.score(X[:210]).is_anomaly.mean() < 0.9


@pytest.mark.slow
def test_uniform_data_at_the_edge_are_no_dirt():
    """The outermost rows lie outside what the other folds have seen; that alone does not make them anomalies."""
    for seed in range(8):
        random = np.random.default_rng(seed)
        model = amiss.fit(random.uniform(size=(1000, 5)), false_alarms="1%", seed=seed)
        assert model.promise.dirt < 0.01
    assert 0.004 < model.score(random.uniform(size=(20_000, 5))).is_anomaly.mean() < 0.025


def test_rows_that_follow_one_another_are_worth_fewer():
    random = np.random.default_rng(0)
    scores = random.normal(size=2000)
    Conformal(0.001, asked="0.1%").calibrate(scores, n_effective=300)
    with pytest.raises(PromiseError, match=r"worth 100 independent ones") as caught:
        Conformal(0.001, asked="0.1%").calibrate(scores, n_effective=100)
    assert "2,000 more rows (4,000 in all)" in str(caught.value)
