"""Long series in small pages: coarse pieces lose no spike, stretches near events never overlap."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from amiss.report.layers import averaged, extremes, stretches, wide

windows = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 300)).map(lambda w: (w[0], w[0] + w[1])), max_size=12)


@given(windows, st.integers(1, 200))
def test_stretches_cover_the_windows_once(windows, most):
    found = stretches(windows, most)
    covered = [cell for first, last, _ in found for cell in range(first, last + 1)]
    assert covered == sorted(set(covered))
    assert set(covered) == {cell for first, last in windows for cell in range(first, last + 1)}
    assert list(found) == sorted(found)


def test_the_more_severe_event_keeps_its_fineness():
    found = stretches([(100, 199), (0, 999)], 100)
    assert (100, 199, 1) in found
    assert {step for _, _, step in found} == {1, 10}


@given(st.lists(st.floats(-1e3, 1e3) | st.just(float("nan")), min_size=1, max_size=60).map(np.array), st.integers(1, 9))
def test_no_spike_is_lost(x, step):
    low, high = extremes(x, step)
    mean = averaged(x, step)
    for k in range(len(low)):
        part = x[k * step : (k + 1) * step]
        if np.isnan(part).all():
            assert np.isnan([low[k], high[k], mean[k]]).all()
        else:
            assert (low[k], high[k]) == (np.nanmin(part), np.nanmax(part))
            assert low[k] - 1e-9 <= mean[k] <= high[k] + 1e-9


def test_around_an_event():
    assert wide(1000, 1000, 5000) == (952, 1048)
    assert wide(1000, 1099, 5000) == (800, 1299)
    assert wide(0, 4, 6) == (0, 5)
