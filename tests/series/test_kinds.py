"""Kinds of planted events on noise of several colours: at least eight of ten are told right, where they begin."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from amiss.series.bursts import excursions, peaks
from amiss.series.decompose import decompose_in_levels
from amiss.series.kinds import shape_of, usual_width
from amiss.series.levels import lasting_steps

SEEDS = range(10)
NOISES = ("white", "autoregression", "season")
N = 3000


def noise(kind, seed):
    """Of deviation 1, and a season beside."""
    white = np.random.default_rng(seed).normal(size=N)
    if kind == "autoregression":
        return lfilter([1], [1, -0.9], white) * np.sqrt(1 - 0.81)
    return white + (6 * np.sin(np.arange(N) / 144 * 2 * np.pi) if kind == "season" else 0)


def told(x, first, last):
    return shape_of(x, decompose_in_levels(x), first, last)


def planted(kind, seed, first, change):
    x = noise(kind, seed)
    x[first : first + len(change)] += change
    return x


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("size", [6, 12, 20, -20])
def test_a_lasting_step_is_a_level_shift_from_its_row_on(kind, size):
    right = 0
    for seed in SEEDS:
        x = planted(kind, seed, 1800, np.full(N - 1800, float(size)))
        # Scores are high some rows before a step or after it too.
        for span in ((1797, 1799), (1765, 1830), (1850, 1870)):
            shape = told(x, *span)
            well = shape.kind == "level_shift" and abs(shape.first - 1800) <= 1 and shape.until == N
            right += well and np.sign(shape.size) == np.sign(size)
    assert right >= 24


@pytest.mark.parametrize("kind", NOISES)
def test_noise_has_no_steps_and_a_drift_is_none(kind):
    drift = np.linspace(0, 15, 1000)
    assert sum(len(decompose_in_levels(noise(kind, seed)).steps) for seed in SEEDS) == 0
    assert sum(len(decompose_in_levels(planted(kind, seed, 2000, drift)).steps) for seed in SEEDS) <= 1


def test_steps_are_found_among_missing_values_and_bumps_are_none():
    y = np.random.default_rng(0).normal(size=1000)
    y[600:] += 8
    y[300:330] += 15
    y[590:598] = np.nan
    assert lasting_steps(y, 1.0, 101).tolist() == [600]
    assert lasting_steps(np.full(100, np.nan), 1.0, 21).tolist() == []
    assert lasting_steps(np.repeat([1.0, 2.0], 100), 0.0, 51).tolist() == [100]


def test_a_level_for_a_while_is_told_how_long():
    x = planted("white", 0, 1000, np.full(600, 10.0))
    shape = told(x, 990, 1020)
    assert (shape.kind, shape.first, shape.until) == ("level_shift", 1000, 1600)
    back = told(x, 1590, 1620)
    assert (back.kind, back.first, back.until) == ("level_shift", 1600, N)
    assert back.size < 0 < shape.size


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("way", [15.0, 40.0, -15.0])
def test_slow_wandering_to_the_end_is_a_drift(kind, way):
    right = 0
    for seed in SEEDS:
        shape = told(planted(kind, seed, 1500, np.linspace(0, way, N - 1500)), 2700, 2980)
        right += shape.kind == "drift" and abs(shape.first - 1500) < 200 and np.sign(shape.size) == np.sign(way)
    assert right >= 8


@pytest.mark.parametrize("kind", NOISES)
def test_more_and_less_variance_than_usual(kind):
    right = loud = 0
    for seed in SEEDS:
        x = planted(kind, seed, 1500, 4 * np.random.default_rng(100 + seed).normal(size=100))
        shape = told(x, 1490, 1610)
        loud += shape.kind == "variance_change" and shape.size > 2 and abs(shape.first - 1500) < 30
        calm = planted(kind, seed, 1500, -0.95 * (noise(kind, seed) - noise(kind, seed).mean())[1500:1700])
        if kind == "season":  # its noise alone
            calm[1500:1700] += 0.95 * 6 * np.sin(np.arange(1500, 1700) / 144 * 2 * np.pi)
        shape = told(calm, 1505, 1690)
        right += shape.kind == "variance_change" and shape.size < 0.4
    assert loud >= 8
    assert right >= 8


@pytest.mark.parametrize("kind", NOISES)
def test_a_short_stretch_of_noise_that_hangs_together_is_not_called_calm(kind):
    for seed in SEEDS:
        x, random = noise(kind, seed), np.random.default_rng(seed)
        parts = decompose_in_levels(x)
        for first in random.integers(0, N - 20, 10):
            shape = shape_of(x, parts, int(first), int(first) + 14)
            assert shape.kind != "variance_change" or not 0.4 < shape.size < 2
            miss = abs(parts.rest[shape.peak] / parts.spread[shape.peak])
            assert shape.kind != "collective" or miss <= usual_width(parts)


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize(("rows", "size", "name"), [(1, 12, "spike"), (4, -25, "dip"), (7, 25, "level_shift"),
                                                    (12, -15, "level_shift"), (60, 10, "level_shift")])  # fmt: skip
@pytest.mark.parametrize("around", [0, 3, 40])
def test_the_kind_of_a_fault_does_not_depend_on_the_rows_around_it(kind, rows, size, name, around):
    right = 0
    for seed in SEEDS:
        shape = told(planted(kind, seed, 1500, np.full(rows, float(size))), 1500 - around, 1499 + rows + around)
        right += shape.kind == name and abs(shape.first - 1500) <= 2 and abs(shape.last - 1499 - rows) <= 2
    assert right >= 8


def test_a_long_excursion_is_one_peak_and_noise_keeps_its_own():
    random = np.random.default_rng(0)
    noise_peaks = peaks(random.normal(size=2000), 10)
    assert len(excursions(np.random.default_rng(0).normal(size=2000), 10)) == len(noise_peaks)
    scores = np.abs(random.normal(size=2000))
    scores[1200:] += np.linspace(0, 50, 800)
    inside = [row for row in excursions(scores, 10) if row > 1300]
    assert len(inside) == 1
    assert scores[inside[0]] == scores.max()
    assert len([row for row in peaks(scores, 10) if row > 1300]) > 10
