"""Level, trend and season, smoothed."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.series import HoltWinters


def days(n=2400, period=24, noise=0.2, seed=0):
    t = np.arange(n)
    return (3 * np.sin(2 * np.pi * t / period) + noise * np.random.default_rng(seed).normal(size=n))[:, None]


def test_what_is_wrong_for_its_hour_is_found():
    X = days()
    X[1000:1004] = -X[1000:1004]
    scores = HoltWinters().fit_score(X)
    assert 1000 <= np.argmax(scores) < 1004


@pytest.mark.parametrize("begin", [0, 5, 13, 100])
def test_a_series_may_begin_at_any_place_of_its_season(begin):
    detector = HoltWinters().fit(days())
    scores = detector.anomaly_score(days(seed=1)[begin:])
    assert detector.period_ == 24
    assert (scores[:24] == 0).all()
    assert np.median(scores[24:72]) < 1.5


def test_a_spike_leaves_little_trace_in_the_next_cycles():
    X = days()
    X[1200] += 30
    scores = HoltWinters().fit_score(X)
    assert np.argmax(scores) == 1200
    assert scores[[1224, 1248]].max() < scores[1200] / 20


def test_without_a_season_a_level_that_walks_is_followed():
    X = np.random.default_rng(0).normal(size=(2000, 1)).cumsum(axis=0)
    detector = HoltWinters(period=1).fit(X)
    assert detector.period_ == 1
    assert detector.constants_[0, 0] > 0.7
    assert detector.scale_[0] == pytest.approx(1, rel=0.1)


def test_each_feature_has_its_own_season():
    X = np.hstack([days(period=24), days(period=40, seed=1), np.random.default_rng(2).normal(size=(2400, 1))])
    assert HoltWinters().fit(X).period_.tolist() == [24, 40, 1]


def test_a_period_longer_than_a_third_of_the_series_is_no_season():
    assert HoltWinters(period=100).fit(days(200)).period_ == 1


def test_holes_are_foretold_and_score_nothing():
    X = days()
    X[1000:1050] = np.nan
    detector = HoltWinters().fit(X)
    assert (detector.anomaly_score(X)[1000:1050] == 0).all()
    np.testing.assert_allclose(detector.expected(X)[1000:1048], days(noise=0.0)[1000:1048], atol=0.5)
