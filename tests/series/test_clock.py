"""The clock of a series: interval, gaps, disorder, repeated and jittered times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.series.clock import Clock

START = 1_700_000_000.0


def minutes(n=1000):
    return START + 60.0 * np.arange(n)


def test_a_regular_clock():
    clock = Clock.of(minutes())
    assert (clock.interval_seconds, clock.regular, clock.n_cells) == (60.0, True, 1000)
    assert clock.gaps == ()
    np.testing.assert_array_equal(clock.cell, np.arange(1000))
    np.testing.assert_array_equal(clock.seconds(), minutes())


def test_gaps_are_told_and_long_ones_are_cut_short():
    times = np.delete(minutes(5000), np.r_[300:350, 1000:4000])
    clock = Clock.of(times)
    assert [gap.n_missing for gap in clock.gaps] == [50, 3000]
    assert clock.gaps[0].after == times[299]
    assert clock.gaps[1].before == times[950]
    assert 2000 + 200 <= clock.n_cells < 2000 + 200 + 1440  # whole days are cut
    assert (clock.step[-1] - (clock.n_cells - 1)) % 1440 == 0
    timed = clock.cell >= 0
    np.testing.assert_allclose(clock.seconds()[clock.cell[timed]], times)


def test_disorder_and_repeats():
    times = minutes(100)
    shuffled = np.random.default_rng(0).permutation(times)
    clock = Clock.of(np.append(shuffled, times[:5]))
    assert clock.n_disordered > 10
    assert clock.n_repeated == 5
    assert clock.n_cells == 100
    x = np.append(shuffled, times[:5] + 1)
    grid = clock.onto_grid(x[:, None])[:, 0]
    np.testing.assert_allclose(grid[5:], times[5:])
    np.testing.assert_allclose(grid[:5], times[:5] + 0.5)  # the mean of both


def test_rows_without_a_time_take_no_part():
    times = minutes(50)
    times[7] = np.nan
    clock = Clock.of(times)
    assert clock.n_untimed == 1
    assert clock.cell[7] == -1
    grid = clock.onto_grid(np.arange(50.0)[:, None])[:, 0]
    assert np.isnan(grid[7])
    back = clock.from_grid(np.nan_to_num(grid, nan=-1.0), untimed=-5.0)
    np.testing.assert_array_equal(np.delete(back, 7), np.delete(np.arange(50.0), 7))
    assert back[7] == -5.0


def test_jitter_is_regular_and_chance_arrivals_are_not():
    random = np.random.default_rng(0)
    assert Clock.of(minutes() + random.uniform(-5, 5, 1000)).n_cells == 1000
    arrivals = START + np.cumsum(random.exponential(10, 1000))
    clock = Clock.of(arrivals)
    assert not clock.regular
    assert (np.diff(clock.step[clock.cell]) >= 0).all()


@pytest.mark.parametrize("change", [1800.0, 3600.0])
def test_a_clock_that_is_put_back_is_told(change):
    times = minutes()
    times[500:] -= change
    clock = Clock.of(times)
    assert clock.clock_changes == (times[499],)
    assert clock.n_repeated == change / 60


def test_no_rows_one_row_and_no_times():
    assert Clock.of(np.empty(0)).n_cells == 0
    assert Clock.of(np.array([START])).n_cells == 1
    assert Clock.of(np.full(3, np.nan)).n_untimed == 3
    counting = Clock.counting(4)
    np.testing.assert_array_equal(counting.seconds(), np.arange(4.0))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_every_row_has_a_cell_of_about_its_time(offsets, shuffler):
    shuffler.shuffle(offsets)
    times = START + np.round(np.array(offsets), 1)
    clock = Clock.of(times)
    assert clock.n_cells <= 2300 * len(times)
    assert (np.diff(clock.step) >= 1).all()
    order = np.argsort(times, kind="stable")
    assert (np.diff(clock.cell[order]) >= 0).all()
    X = np.random.default_rng(0).normal(size=(len(times), 2))
    grid = clock.onto_grid(X)
    assert grid.shape == (clock.n_cells, 2)
    assert np.isfinite(grid[clock.cell]).all()
