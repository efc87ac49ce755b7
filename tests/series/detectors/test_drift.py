"""Slow wandering away."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from amiss.series import Drift


def noise(n=5000, rho=0.0, seed=0):
    return lfilter([1], [1, -rho], np.random.default_rng(seed).normal(size=n))


@pytest.mark.parametrize("rho", [0.0, 0.8, 0.98])
def test_noise_that_hangs_together_is_no_drift_and_wandering_beyond_it_is(rho):
    x = noise(rho=rho)
    usual = Drift().fit(x[:, None]).anomaly_score(x[:, None]).max()
    detector = Drift().fit(x[:, None])
    later = noise(rho=rho, seed=1)
    later[2500:] += np.linspace(0, 6 * x.std(), 2500)
    scores = detector.anomaly_score(later[:, None])
    assert usual < 6
    assert np.argmax(scores) > 4500
    assert scores.max() > 1.5 * usual


def test_a_season_cancels():
    t = np.arange(8000)
    X = (5 * np.sin(2 * np.pi * t / 168) + 0.5 * noise(8000))[:, None]
    detector = Drift().fit(X)
    assert detector.window_ % 168 == 0
    X[6000:, 0] += np.linspace(0, 2, 2000)
    assert np.argmax(Drift().fit_score(X)) > 7500


def test_a_spike_and_a_short_event_are_not_its_business():
    X = noise()[:, None]
    before = Drift().fit_score(X).max()
    X[2000] += 8
    assert Drift().fit_score(X).max() < 1.5 * before


def test_the_mean_by_its_definition():
    X = noise(300)[:, None]
    detector = Drift(window=40).fit(X)
    scores = detector.anomaly_score(X)
    for i in (39, 100, 299):
        mean = X[i - 39 : i + 1, 0].mean()
        assert scores[i] == pytest.approx(abs(mean - detector.location_[0]) / detector.spread_[0])
