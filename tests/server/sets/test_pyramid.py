"""Extremes of stretches are those of the values themselves."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.server.sets.course import grown
from amiss.server.sets.pyramid import Stretches, levels_of, sizes_of


def naive(x, borders, extreme):
    found = []
    for first, end in zip(borders[:-1], borders[1:], strict=True):
        there = x[first:end][~np.isnan(x[first:end])]
        found.append(extreme(there) if len(there) else np.nan)
    return np.array(found)


@pytest.mark.parametrize("n", [1, 31, 32, 33, 4096, 4097, 70_000, 300_001])
@pytest.mark.parametrize("width", [1, 3, 400])
@pytest.mark.parametrize("missing", [0.0, 0.3, 1.0])
def test_extremes_of_stretches(n, width, missing):
    chance = np.random.default_rng(n + width)
    x = chance.normal(size=n)
    x[chance.random(n) < missing] = np.nan
    lows, highs = [x, *levels_of(x, np.fmin)], [x, *levels_of(x, np.fmax)]
    assert [len(level) for level in lows[1:]] == sizes_of(n)
    for borders in (np.sort(chance.integers(0, n + 1, width + 1)), np.linspace(0, n, width + 1).astype(int)):
        stretches = Stretches(borders)
        np.testing.assert_array_equal(stretches.extremes(lows, np.fmin), naive(x, borders, np.min))
        np.testing.assert_array_equal(stretches.extremes(highs, np.fmax), naive(x, borders, np.max))


def test_first_and_last_values():
    x = np.arange(1000.0)
    x[[0, 1, 99]] = np.nan
    first, last = Stretches(np.array([0, 100, 100, 1000])).at_ends(x)
    np.testing.assert_array_equal(first, [2, np.nan, 100])
    np.testing.assert_array_equal(last, [98, np.nan, 999])


@pytest.mark.parametrize("kept", [0, 1, 5000, 69_999, 70_000])
def test_levels_go_on(kept):
    x = np.random.default_rng(kept).normal(size=140_000)
    before = levels_of(x[:70_000], np.fmax)
    x[kept:70_000] += 1
    for level, expected in zip(grown(before, x, kept, np.fmax), levels_of(x, np.fmax), strict=True):
        np.testing.assert_array_equal(level, expected)
