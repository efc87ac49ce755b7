"""The matrix profile against its NumPy twin and against the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from amiss.kernels import loops
from amiss.kernels.profile import matrix_profile

SERIES = npst.arrays(
    np.float64, st.integers(6, 120), elements=st.sampled_from([0.0, 1.0, -2.5]) | st.floats(-1e3, 1e3, width=32)
)


def naive(x, window, zone):
    """Every pair of windows, each brought to mean 0 and deviation 1."""
    n = len(x) - window + 1
    parts = [x[i : i + window] for i in range(n)]
    flat = [np.ptp(part) == 0 for part in parts]
    shapes = [np.zeros(window) if f else (p - p.mean()) / p.std() for p, f in zip(parts, flat, strict=True)]
    distance, left = np.full(n, np.inf), np.full(n, np.inf)
    for i in range(n):
        for j in range(n):
            if abs(i - j) < zone:
                continue
            if flat[i] or flat[j]:
                apart = 0.0 if flat[i] and flat[j] else np.sqrt(window)
            else:
                apart = np.linalg.norm(shapes[i] - shapes[j])
            distance[i] = min(distance[i], apart)
            if j < i:
                left[i] = min(left[i], apart)
    return distance, left


@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_definition(seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=150).cumsum() if seed % 2 else random.normal(size=150)
    if seed > 2:
        x[40:70], x[100:125] = 3.0, -1.0  # constant windows
    found = matrix_profile(x, 10, exclusion=4)
    distance, left = naive(x, 10, 4)
    np.testing.assert_allclose(found.distance, distance, atol=1e-6)
    np.testing.assert_allclose(found.left, left, atol=1e-6)


@pytest.mark.skipif(not loops.compiled(), reason=f"compiled loops are off: {loops.why_not()}")
@given(x=SERIES, share=st.floats(0.05, 1.0), n_jobs=st.sampled_from([1, 2]))
@settings(deadline=None, max_examples=150)
def test_the_compiled_loop_gives_the_bits_of_its_twin(x, share, n_jobs):
    window = max(3, int(share * len(x)))
    fast = matrix_profile(x, window, n_jobs=n_jobs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loops, "lib", None)
        slow = matrix_profile(x, window)
    np.testing.assert_array_equal(fast.distance, slow.distance)
    np.testing.assert_array_equal(fast.left, slow.left)


def test_places_are_those_of_the_nearest():
    t = np.arange(1000)
    x = np.random.default_rng(0).normal(size=1000)
    x[700:740] = x[200:240]
    found = matrix_profile(x, 40)
    assert found.place[700] == 200
    assert found.place[200] == 700
    assert found.left_place[700] == 200
    assert (found.left_place[t[: len(found.left)]] < t[: len(found.left)]).all()


def test_what_was_put_together_is_not_compared_across_the_seam():
    x = np.random.default_rng(0).normal(size=300)
    x[150:] = x[:150]
    found = matrix_profile(x, 20, seam=150)
    across = slice(131, 150)
    assert (found.distance[across] >= np.sqrt(2 * 20) - 1e-9).all()
    np.testing.assert_allclose(found.distance[:131], 0, atol=1e-5)
    assert not np.isin(found.place[np.r_[:131, 150:281]], np.arange(131, 150)).any()


def test_a_high_level_costs_no_digits():
    x = np.random.default_rng(0).normal(size=500)
    np.testing.assert_allclose(matrix_profile(x + 1e5, 20).distance, matrix_profile(x, 20).distance, rtol=0, atol=1e-4)
