"""Bursts, peaks and the promise on them; windows and their way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from amiss.pipeline.packed import pack, unpack
from amiss.prepare.windows import spread, windows
from amiss.series.bursts import peaks, reach, runs
from amiss.thresholds.peaks import PeakThreshold, peak_scale

SCORES = npst.arrays(np.float64, st.integers(1, 80), elements=st.floats(-100, 100, width=32))


@given(SCORES, st.integers(1, 20))
def test_peaks_are_apart_and_hide_what_is_near(scores, apart):
    found = peaks(scores, apart)
    assert len(found) >= 1
    assert (np.diff(found) >= apart).all()
    assert scores[found].max() == scores.max()


@given(SCORES, st.floats(-100, 100), st.integers(1, 20))
def test_runs_cover_what_is_high_and_nothing_far_from_it(scores, limit, apart):
    high = scores > limit
    found = runs(high, apart)
    covered = np.zeros(len(scores), bool)
    for first, last in found:
        assert high[first]
        assert high[last]
        covered[first : last + 1] = True
    assert covered[high].all()
    assert all(b[0] - a[1] > apart for a, b in zip(found[:-1], found[1:], strict=True))


@pytest.mark.parametrize("width", [1, 10, 40])
def test_reach_is_about_how_long_a_score_lasts(width):
    noise = np.random.default_rng(0).normal(size=5000)
    smooth = np.convolve(noise, np.ones(width) / width, mode="same")
    assert 0.4 * width <= reach(smooth) <= 1.6 * width + 1


def test_reach_of_hardly_anything():
    assert reach(np.zeros(100)) == 1
    assert reach(np.array([1.0])) == 1


def naive_spread(scores, n_rows, window):
    return np.array([scores[max(0, i - window + 1) : min(i, len(scores) - 1) + 1].mean() for i in range(n_rows)])


@given(st.integers(1, 40), st.integers(1, 60), st.integers(1, 3))
def test_windows_and_back(window, n_rows, n_features):
    X = np.random.default_rng(0).normal(size=(n_rows, n_features))
    parts = windows(X, window)
    assert parts.shape == (max(n_rows - window, 0) + 1, window * n_features)
    np.testing.assert_array_equal(parts[-1].reshape(n_features, window)[:, -1], X[-1])
    scores = parts.sum(axis=1)
    np.testing.assert_allclose(spread(scores, n_rows, window), naive_spread(scores, n_rows, window))
    ends = windows(X, window, before=True)
    assert len(ends) == n_rows
    np.testing.assert_array_equal(ends.reshape(n_rows, n_features, window)[:, :, -1], X)


def test_a_high_score_elsewhere_costs_no_digits():
    scores = np.append(np.full(50, 1e-6), np.full(50, 1e12))
    assert spread(scores, 104, 5)[:40] == pytest.approx(1e-6)


@pytest.mark.parametrize("tail", ["exponential", "normal"])
@pytest.mark.parametrize("n", [20, 200])
def test_a_promise_on_peaks_is_kept_on_average(tail, n):
    """As many false events as asked where the tail is the one assumed; fewer where it is lighter."""
    random = np.random.default_rng(0)
    false = []
    for _ in range(400):
        draw = random.exponential(size=n) if tail == "exponential" else random.normal(size=n)
        location, scale = peak_scale(draw)
        threshold = PeakThreshold(2 / n, asked="2 events").calibrate((draw - location) / scale)
        false.append(int(threshold.is_anomaly(threshold.scores_).sum()))
    low = 0.7 if tail == "exponential" else 0.0
    assert 2 * low <= np.mean(false) <= 2 * 1.5


@pytest.mark.parametrize("n_odd", [2, 10, 20])
def test_anomalies_among_the_peaks_do_not_hide_themselves(n_odd):
    random = np.random.default_rng(0)
    clean = random.exponential(size=200 - n_odd)
    dirty = np.append(clean, 20 + random.exponential(size=n_odd))
    location, scale = peak_scale(dirty)
    assert scale < 2.2 * peak_scale(clean)[1]
    found = PeakThreshold(1 / 200, asked="1 event").calibrate((dirty - location) / scale)
    high = found.is_anomaly((dirty - location) / scale)
    assert high[-n_odd:].all()
    # One false one is what was asked for.
    assert high[:-n_odd].sum() <= 1


def test_a_share_of_the_alarms_takes_all_peaks_together():
    scores = np.append(np.random.default_rng(0).exponential(size=50) - 0.7, [12.0, 14.0, 15.0])
    threshold = PeakThreshold(0.1, asked="10% of the alarms", of_alarms=True).calibrate(scores)
    assert threshold.is_anomaly(scores)[-3:].all()
    assert threshold.is_anomaly(scores).sum() <= 4
    again = PeakThreshold.restored(threshold.state())
    again.check()
    np.testing.assert_array_equal(again.p_value(scores), threshold.p_value(scores))


def test_no_peaks_and_equal_peaks():
    assert peak_scale(np.empty(0)) == (0.0, 1.0)
    location, scale = peak_scale(np.full(10, 3.0))
    assert location == 3.0
    assert scale > 0


def test_states_are_packed_and_come_back():
    states = [
        {"a": np.arange(6.0).reshape(2, 3), "n": 3, "x": 0.5, "flag": np.array([True, False])},
        {"a": np.ones((0, 4)), "n": 4, "x": -1.0, "flag": np.array([False])},
    ]
    again = unpack(pack(states), 2)
    for before, after in zip(states, again, strict=True):
        assert set(before) == set(after)
        for name, value in before.items():
            np.testing.assert_array_equal(after[name], value)
            assert np.shape(after[name]) == np.shape(value)


@pytest.mark.parametrize("change", [lambda p: p["a.shapes"].__iadd__(1), lambda p: p.update({"a.values": np.ones(2)})])
def test_packed_states_that_do_not_fit_are_refused(change):
    packed = pack([{"a": np.arange(4.0)}])
    change(packed)
    with pytest.raises(ValueError, match="do not fit"):
        unpack(packed, 1)
