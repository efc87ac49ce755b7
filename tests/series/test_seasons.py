"""Seasons and windows found without being told, and the decomposition that rests on them."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.series.decompose import decompose
from amiss.series.seasons import find_seasons, profile, usual_window, without_holes


def periods(x, **options):
    return [season.period for season in find_seasons(x, **options)]


def cycles(n=4000, period=24.0, noise=0.2, seed=0):
    random = np.random.default_rng(seed)
    return np.sin(np.arange(n) / period * 2 * np.pi) + noise * random.normal(size=n)


@pytest.mark.parametrize("period", [5.0, 12.0, 37.3, 144.0, 500.0])
@pytest.mark.parametrize("noise", [0.0, 0.2, 0.7])
def test_a_period_is_found_whatever_it_is(period, noise):
    found = periods(cycles(period=period, noise=noise))
    assert found, "none"
    assert found[0] == pytest.approx(period, rel=0.02)


def test_day_and_week_are_both_found():
    t = np.arange(60 * 24)
    x = cycles(len(t), 24) + 1.5 * (t % 168 >= 120)
    assert periods(x, interval_seconds=3600.0) == [24.0, 168.0]


@pytest.mark.parametrize("seed", range(20))
def test_noise_and_walks_have_hardly_any(seed):
    random = np.random.default_rng(seed)
    assert periods(random.normal(size=3000)) == []
    walk = find_seasons(random.normal(size=3000).cumsum())
    assert all(season.strength < 0.4 for season in walk)


def test_spikes_holes_and_a_trend_do_not_hide_it():
    x = cycles() + 0.01 * np.arange(4000)
    random = np.random.default_rng(1)
    x[random.integers(0, 4000, 20)] += 30
    x[random.integers(0, 4000, 400)] = np.nan
    x[1000:1100] = np.nan
    assert periods(x)[0] == pytest.approx(24, rel=0.01)


@pytest.mark.parametrize("x", [np.zeros(500), np.full(300, np.nan), np.arange(3.0), np.empty(0), np.array([1.0])])
def test_nothing_to_find(x):
    assert periods(x) == []


def test_a_period_longer_than_a_third_of_the_data_is_not_claimed():
    assert periods(cycles(100, 60.0, 0.05)) == []


def test_holes_are_bridged():
    np.testing.assert_array_equal(without_holes(np.array([np.nan, 1, np.nan, 3, np.nan])), [1, 1, 2, 3, 3])


def test_the_profile_follows_a_season_that_changes():
    t = np.arange(4800)
    x = (1 + t / 2400) * np.sin(t / 24 * 2 * np.pi)
    season = find_seasons(x)[0]
    assert np.abs(x - profile(x, season)).mean() < 0.25 * np.abs(x - profile(x, season, wide=None)).mean()


def test_the_usual_window_of_a_heartbeat():
    random = np.random.default_rng(0)
    beats = np.cumsum(random.normal(80, 6, 60)).astype(int)
    x = np.zeros(beats[-1] + 40)
    for beat in beats:
        x[beat : beat + 20] += np.hanning(20)
    assert usual_window(x[:, None]) == pytest.approx(80, abs=8)
    assert usual_window(random.normal(size=(2000, 1))) == 100
    assert 1 <= usual_window(random.normal(size=(9, 1))) <= 9


def test_parts_add_up_and_leave_an_event_in_the_rest():
    t = np.arange(3000)
    x = 0.01 * t + 3 * cycles(3000, 24, 0.0) + 0.1 * np.random.default_rng(0).normal(size=3000)
    x[1500:1506] += 2
    parts = decompose(x)
    np.testing.assert_allclose(parts.expected + parts.rest, x)
    assert set(np.argsort(-np.abs(parts.rest / parts.spread))[:6].tolist()) == set(range(1500, 1506))


def test_the_spread_follows_the_hour():
    random = np.random.default_rng(0)
    hour = np.arange(24 * 60) % 24
    x = np.sin(hour / 24 * 2 * np.pi) * 5 + np.where(hour < 12, 0.1, 1.0) * random.normal(size=len(hour))
    spread = decompose(x, interval_seconds=3600.0).spread
    assert spread[hour == 18].mean() > 2 * spread[hour == 5].mean()


@pytest.mark.parametrize("x", [np.full(200, 5.0), np.array([1.0, 2.0]), np.array([3.0]), np.full(60, np.nan)])
def test_hardly_anything_to_take_apart(x):
    parts = decompose(x)
    assert np.isfinite(parts.expected).all()
    assert (parts.spread > 0).all()
