"""Slow drifts told from what wanders by itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from amiss.series.drifts import drifting


def _course(kind, n, random):
    noise = random.normal(size=n)
    return {
        "noise": noise,
        "autoregressive": lfilter([np.sqrt(1 - 0.9**2)], [1, -0.9], noise),
        "season": 3 * np.sin(2 * np.pi * np.arange(n) / 144) + noise,
        "random walk": np.cumsum(noise),
        "line": noise + 15 * np.arange(n) / n,
        "step": noise + 15 * (np.arange(n) > 0.7 * n),
    }[kind]


@pytest.mark.parametrize("kind", ["noise", "autoregressive", "season", "random walk", "line", "step"])
@pytest.mark.parametrize("n", [1000, 5000])
def test_what_does_not_drift_is_left_alone(kind, n):
    found = [drifting(_course(kind, n, np.random.default_rng(seed))) for seed in range(100)]
    # Of random walks one in a hundred is told: six are beyond what chance makes of that.
    assert sum(each is not None for each in found) <= (5 if kind == "random walk" else 0)


@pytest.mark.parametrize("kind", ["noise", "autoregressive"])
@pytest.mark.parametrize("holes", [False, True])
def test_what_goes_straight_away_from_its_level_is_found(kind, holes):
    found = 0
    for seed in range(20):
        x = _course(kind, 5000, np.random.default_rng(seed))
        x[3500:] += np.linspace(0, -15, 1500)
        x[1000:1200] = np.nan if holes else x[1000:1200]
        told = drifting(x)
        found += told is not None and 4500 <= told[1] < 5000
    assert found >= 19


@pytest.mark.parametrize(
    "x",
    [np.zeros(500), np.full(500, np.nan), np.arange(50.0), np.empty(0), 1e300 * np.arange(500.0), np.full(3, 1.0)],
    ids=["constant", "missing", "short", "none", "huge", "three rows"],
)
def test_odd_histories_have_no_drift(x):
    assert drifting(x) is None
