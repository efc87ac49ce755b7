"""Standing still, where it is usual and where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.series import Stuck


@pytest.mark.parametrize("flicker", [0.0, 0.001])
def test_a_sensor_that_freezes_or_hardly_moves_is_found(flicker):
    random = np.random.default_rng(0)
    X = random.normal(size=(3000, 1))
    X[2000:2040] = X[1999] + flicker * random.normal(size=(40, 1))
    scores = Stuck().fit_score(X)
    assert np.argmax(scores) == 2039
    assert np.delete(scores, np.r_[1995:2045]).max() < scores[2039] / 5


def test_exactly_equal_values_alone_count_without_tolerance():
    X = np.random.default_rng(0).normal(size=(500, 1))
    X[300:340] = X[299] + 1e-9 * X[300:340]
    assert Stuck(tolerance=0.0).fit_score(X).max() == 0


def test_what_is_always_two_valued_or_hardly_ever_changes_is_quiet():
    random = np.random.default_rng(0)
    flips = random.integers(0, 2, size=(5000, 1)).astype(float)
    assert Stuck().fit_score(flips).max() < 12  # one run in e¹² would be odd, one in e⁸·⁵ is expected
    switch = (np.arange(5000) > 3000).astype(float)[:, None]
    assert Stuck().fit_score(switch).max() == 0
    assert Stuck().fit_score(np.full((50, 2), 3.0)).max() == 0


def sun(n_days=40, seed=0):
    hour = np.arange(24 * n_days) % 24
    up = np.maximum(np.sin((hour - 6) / 12 * np.pi), 0)
    return (up * (5 + np.random.default_rng(seed).normal(size=len(hour))))[:, None]


def test_a_value_at_which_it_rests_every_night_is_no_standstill():
    X = sun()
    detector = Stuck().fit(X)
    night = detector.anomaly_score(X).max()
    X[20 * 24 + 8 : 20 * 24 + 15] = X[20 * 24 + 8]
    frozen = Stuck().fit(X).anomaly_score(X)
    assert 20 * 24 + 8 < np.argmax(frozen) < 20 * 24 + 15
    assert frozen.max() > 3 * night


def test_a_rest_that_is_far_longer_than_any_stands_out():
    X = sun()
    X[20 * 24 : 24 * 24] = 0
    scores = Stuck().fit_score(X)
    assert 20 * 24 < np.argmax(scores) < 24 * 24 + 8
    assert scores.max() > 2 * np.delete(scores, np.r_[19 * 24 : 25 * 24]).max()


def test_missing_values_neither_end_a_run_nor_score():
    X = np.random.default_rng(0).normal(size=(500, 1))
    X[300:340] = 2.0
    X[310:315] = np.nan
    scores = Stuck().fit_score(X)
    assert (scores[310:315] == 0).all()
    assert scores[315] > scores[309] > 0
