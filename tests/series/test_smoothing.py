"""Exponential smoothing against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.tsa.holtwinters import ExponentialSmoothing

from amiss.series.smoothing import Constants, Start, fitted, foretold


def months(n=240, period=12, seed=0):
    t = np.arange(n)
    random = np.random.default_rng(seed)
    return 50 + 0.05 * t + 5 * np.sin(2 * np.pi * t / period) + random.normal(size=n)


def reference(x, start, constants, damping, season=True):
    alpha, beta, gamma = constants
    model = ExponentialSmoothing(
        x,
        trend="add",
        damped_trend=True,
        seasonal="add" if season else None,
        seasonal_periods=len(start.season) if season else None,
        initialization_method="known",
        initial_level=start.level,
        initial_trend=0.0,
        initial_seasonal=start.season if season else None,
    )
    more = {"smoothing_seasonal": gamma} if season else {}
    return model.fit(
        smoothing_level=alpha, smoothing_trend=beta, damping_trend=damping, optimized=False, **more
    ).fittedvalues


@pytest.mark.parametrize("constants", [(0.3, 0.1, 0.2), (0.05, 0.0, 0.0), (0.9, 0.5, 0.05)])
@pytest.mark.parametrize("damping", [0.9, 0.98])
@pytest.mark.parametrize("season", [True, False])
def test_forecasts_are_those_of_statsmodels(constants, damping, season):
    x = months()
    start = Start(50.0, 5 * np.sin(2 * np.pi * np.arange(12) / 12) if season else np.zeros(1))
    if not season:
        constants = (*constants[:2], 0.0)
    ours = foretold(x, start, Constants(*constants), damping)
    np.testing.assert_allclose(ours, reference(x, start, constants, damping, season), rtol=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_the_constants_miss_hardly_more_than_the_best_ones(seed):
    x = months(600, seed=seed)
    start = Start(50.0, 5 * np.sin(2 * np.pi * np.arange(12) / 12))
    constants, usual = fitted(x, start, 0.98)
    misses = x - foretold(x, start, constants, 0.98)
    random = np.random.default_rng(seed)
    others = [x - foretold(x, start, Constants(*random.uniform(size=3) ** 2), 0.98) for _ in range(200)]
    assert np.square(misses).mean() < 1.02 * min(np.square(other).mean() for other in others)
    assert usual == pytest.approx(np.median(np.abs(misses)))


def test_a_level_that_walks_is_followed_at_once_and_one_that_stays_is_not():
    random = np.random.default_rng(0)
    walk, noise = random.normal(size=2000).cumsum(), random.normal(size=2000)
    assert fitted(walk, Start(0.0, np.zeros(1)), 0.98)[0].level > 0.7
    assert fitted(noise, Start(0.0, np.zeros(1)), 0.98)[0].level < 0.05


def test_anomalies_do_not_choose_the_constants():
    x = months(600)
    start = Start(50.0, 5 * np.sin(2 * np.pi * np.arange(12) / 12))
    dirty = x.copy()
    dirty[::97] += 40
    np.testing.assert_allclose(fitted(dirty, start, 0.98)[0], fitted(x, start, 0.98)[0], atol=0.1)


def test_from_a_hole_nothing_is_learnt():
    x = np.full(20, 5.0)
    x[10:15] = np.nan
    expected = foretold(x, Start(4.0, np.zeros(1)), Constants(0.5, 0.0, 0.0), 1.0)
    assert np.isfinite(expected).all()
    assert len(set(expected[10:16])) == 1
