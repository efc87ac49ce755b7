"""Change points of series as they are: seasons, memory, several features."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from amiss.series import PELT


def noise(n=2000, rho=0.0, seed=0):
    return lfilter([1], [1, -rho], np.random.default_rng(seed).normal(size=n))


@pytest.mark.parametrize("cost", ["normal", "mean"])
@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_noise_with_memory_has_no_change_points(cost, rho):
    found = [len(PELT(cost=cost).fit(noise(rho=rho, seed=s)[:, None]).change_points_) for s in range(10)]
    assert sum(found) <= 1


@pytest.mark.parametrize("cost", ["normal", "mean"])
@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_changes_of_level_are_found_in_it(cost, rho):
    x = noise(rho=rho)
    x[800:1200] += 4
    points = PELT(cost=cost).fit(x[:, None]).change_points_
    assert len(points) == 2
    np.testing.assert_allclose(points, [800, 1200], atol=5)


def test_changes_of_variance_are_found_by_the_normal_cost_alone():
    x = noise()
    x[800:1200] *= 4
    np.testing.assert_allclose(PELT().fit(x[:, None]).change_points_, [800, 1200], atol=8)
    assert len(PELT(penalty=1e4).fit(x[:, None]).change_points_) == 0


@pytest.mark.parametrize("period", [24, 61])
def test_a_season_is_no_row_of_changes(period):
    x = 3 * np.sin(np.arange(3000) * 2 * np.pi / period) + noise(3000)
    x[1500:1700] += 5
    points = PELT().fit(x[:, None]).change_points_
    assert len(points) == 2
    np.testing.assert_allclose(points, [1500, 1700], atol=8)


def test_scores_lie_at_the_change_points_and_tell_by_how_much():
    x = noise()
    x[500:1000] += 2
    x[1500:] += 6
    detector = PELT()
    scores = detector.fit_score(x[:, None])
    np.testing.assert_array_equal(scores, detector.anomaly_score(x[:, None]))
    assert len(detector.change_points_) == 3
    low, _, high = scores[detector.change_points_]
    assert high > 2 * low > 0
    assert (scores > 0).sum() == 3 * 11


def test_another_series_is_cut_by_the_noise_learnt():
    detector = PELT().fit(noise()[:, None])
    x = noise(seed=1)
    x[700:] += 3
    np.testing.assert_allclose(detector.change_points(x[:, None]), [700], atol=5)


def test_a_long_series_is_cut_at_the_row():
    x = noise(35_000)
    x[12_345:20_001] += 3
    np.testing.assert_allclose(PELT().fit(x[:, None]).change_points_, [12_345, 20_001], atol=2)


def test_each_feature_is_cut_by_itself():
    X = np.stack([noise(seed=s) for s in range(3)], axis=1)
    X[600:, 0] += 5
    X[1300:, 2] -= 5
    detector = PELT().fit(X)
    np.testing.assert_allclose(detector.change_points_, [600, 1300], atol=2)
    assert detector.contributions(X)[detector.change_points_].argmax(axis=1).tolist() == [0, 2]


def test_missing_values_are_left_out():
    x = noise()
    x[800:] += 4
    x[300:500] = np.nan
    x[::7] = np.nan
    np.testing.assert_allclose(PELT().fit(x[:, None]).change_points_, [800], atol=4)
    X = np.stack([np.full(2000, np.nan), x], axis=1)
    np.testing.assert_allclose(PELT().fit(X).change_points_, [800], atol=4)


def test_what_repeats_exactly_is_not_cut_by_what_rounding_leaves():
    x = np.sin(np.arange(2400) * 2 * np.pi / 24)
    assert len(PELT().fit(x[:, None]).change_points_) == 0
