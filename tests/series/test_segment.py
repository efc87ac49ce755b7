"""Exact search for change points against ruptures and against all partitions."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.signal import lfilter

from amiss.series.segment import Cost, gains, noise_of, pelt, sharpened

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import ruptures


def steps(seed, n=300, level=2.0):
    """Noise whose level and spread change at odd rows."""
    random = np.random.default_rng(seed)
    cuts = np.sort(random.choice(np.arange(5, n - 5), size=random.integers(0, 7), replace=False))
    part = np.searchsorted(cuts, np.arange(n), side="right")
    return (level * random.normal(size=8))[part] + random.uniform(0.3, 2, size=8)[part] * random.normal(size=n)


def naive(cost, penalty, min_size):
    """Least cost over all partitions, and where it is cut, by dynamic programming without a shortcut."""
    n = cost.n_rows
    best, last = np.full(n + 1, np.inf), np.zeros(n + 1, int)
    best[0] = -penalty
    for end in range(min_size, n + 1):
        starts = np.arange(end - min_size + 1)
        sums = best[starts] + cost(starts, np.full(len(starts), end)) + penalty
        best[end], last[end] = sums.min(), starts[sums.argmin()]
    cuts, at = [], n
    while last[at] > 0:
        at = last[at]
        cuts.append(at)
    return cuts[::-1]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("kind", "model"), [("mean", "l2"), ("normal", "normal")])
@pytest.mark.parametrize("min_size", [2, 10])
def test_the_change_points_are_those_of_ruptures(seed, kind, model, min_size):
    x = steps(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = ruptures.Pelt(model=model, min_size=min_size, jump=1).fit_predict(x, pen=20.0)
    # Their cost of a mean is in units of the values; that of a normal distribution adds 1e-6 to the variance.
    ours = pelt(Cost.of(x, kind, 1.0 if kind == "mean" else 1e-6), 20.0, min_size)
    assert ours.tolist() == theirs[:-1]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["mean", "normal"])
@pytest.mark.parametrize("penalty", [3.0, 15.0])
def test_no_partition_costs_less(seed, kind, penalty):
    cost = Cost.of(steps(seed, n=200), kind, 0.5)
    assert pelt(cost, penalty, 3).tolist() == naive(cost, penalty, 3)


def test_short_series_have_no_change_points():
    for n in (1, 2, 5):
        assert len(pelt(Cost.of(np.arange(float(n)), "normal", 0.1), 1.0, 10)) == 0


@pytest.mark.parametrize("step", [2, 5, 8])
def test_looked_for_in_steps_and_sharpened_they_are_the_same(step):
    x = np.random.default_rng(0).normal(size=2000) + 4 * (np.searchsorted([503, 901, 1407], np.arange(2000)) % 2)
    cost = Cost.of(x, "mean", 1.0)
    exact = pelt(cost, 30.0, 10)
    assert len(exact) == 3
    np.testing.assert_array_equal(sharpened(cost, pelt(cost, 30.0, 10, step), step, 10), exact)


def test_the_gain_is_what_the_cost_falls_by():
    x = steps(1)
    cost = Cost.of(x, "mean", 1.0)
    assert gains(cost, np.array([100]))[0] == pytest.approx(
        x.var() * len(x) - x[:100].var() * 100 - x[100:].var() * (len(x) - 100)
    )
    assert len(gains(cost, np.empty(0, np.int64))) == 0


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6, 0.9])
def test_the_noise_of_an_autoregression_is_known_whatever_levels_it_has(rho):
    random = np.random.default_rng(3)
    x = lfilter([1], [1, -rho], random.normal(size=20_000)) + 10 * (np.arange(20_000) // 2500 % 2)
    noise = noise_of(x)
    assert noise.variance * noise.memory == pytest.approx(1 / (1 - rho) ** 2, rel=0.35)
