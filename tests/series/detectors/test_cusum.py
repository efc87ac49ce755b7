"""Page's sums."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.series import CUSUM


def naive(z, slack, window):
    """Largest sum of the last 0 … window rows, each less the slack, on the better side."""
    found = np.zeros(len(z))
    for i in range(len(z)):
        for side in (1, -1):
            sums = np.cumsum((side * z - slack)[: i + 1][::-1][:window])
            found[i] = max(found[i], sums.max(initial=0.0))
    return found


@pytest.mark.parametrize("slack", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("window", [1, 2, 7, 50, 1000])
def test_sums_by_their_definition(slack, window):
    X = np.random.default_rng(0).normal(size=(300, 1))
    X[150:200] += 1.5
    detector = CUSUM(slack=slack, window=window).fit(X)
    z = (X[:, 0] - detector.location_) / detector.scale_
    np.testing.assert_allclose(detector.anomaly_score(X), naive(z, slack, window), atol=1e-9)


def test_a_long_window_is_the_test_of_page():
    X = np.random.default_rng(0).normal(size=(500, 1))
    detector = CUSUM(slack=0.3, window=500).fit(X)
    up = down = 0.0
    page = []
    for z in ((X[:, 0] - detector.location_) / detector.scale_).tolist():
        up, down = max(up + z - 0.3, 0.0), max(down - z - 0.3, 0.0)
        page.append(max(up, down))
    np.testing.assert_allclose(detector.anomaly_score(X), page, atol=1e-9)


def test_small_shifts_that_last_are_found_and_forgotten():
    X = np.random.default_rng(0).normal(size=(3000, 1))
    X[1500:1600] += 1
    scores = CUSUM().fit_score(X)
    assert 1550 < np.argmax(scores) < 1620
    X[1500:1600] += 100
    assert CUSUM().fit(X).anomaly_score(X)[1700:].max() < 40


def test_a_missing_value_leaves_the_sums_as_they_are():
    X = np.random.default_rng(0).normal(size=(300, 1))
    X[150:200] += 2
    detector = CUSUM().fit(X)
    holed = np.insert(X, [160, 160, 170], np.nan, axis=0)
    np.testing.assert_allclose(
        np.delete(detector.anomaly_score(holed), [160, 161, 172])[:240], detector.anomaly_score(X)[:240]
    )
