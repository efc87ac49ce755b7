"""Marks as the rows come: by the past alone, in parts of any size, and restored."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.series.live_marks import LiveMarks


def _streams(seed=0, n=900):
    """Noise, whole numbers, values held for five rows, and zeros at night; one is frozen, one away, for a while."""
    random = np.random.default_rng(seed)
    X = np.stack(
        [
            random.normal(size=n),
            np.round(random.normal(size=n)),
            np.repeat(random.normal(size=n // 5), 5),
            np.maximum(np.sin(np.arange(n) / 20) + 0.1 * random.normal(size=n), 0.0),
        ],
        axis=1,
    )
    X[500:540, 0] = X[499, 0]
    X[600:640, 1] = np.nan
    return X


def test_rows_in_parts_of_any_size_get_what_they_get_at_once():
    X = _streams()
    whole = LiveMarks.begun(4).advance(X)
    assert np.isfinite(whole[510:540, 0]).all()
    one_by_one = LiveMarks.begun(4)
    np.testing.assert_array_equal(np.vstack([one_by_one.advance(x[None, :]) for x in X]), whole)
    marks, cuts = LiveMarks.begun(4), (0, 3, 3, 250, 505, 520, 539, 541, 620, 900)
    parts = []
    for start, stop in zip(cuts[:-1], cuts[1:], strict=True):
        parts.append(marks.advance(X[start:stop]))
        marks = LiveMarks.restored(marks.state())
    np.testing.assert_array_equal(np.vstack(parts), whole)


def test_a_copy_goes_its_own_way():
    X = _streams()
    marks = LiveMarks.begun(4)
    marks.advance(X[:520])
    first = marks.copy().advance(X[520:])
    np.testing.assert_array_equal(marks.copy().advance(X[520:]), first)


def test_the_longer_and_the_rarer_the_louder():
    X = _streams(n=4000)
    said = LiveMarks.begun(4).advance(X)
    assert said[539, 0] > said[520, 0] > said[505, 0]
    assert said[499, 0] == -np.inf  # one value is no run
    assert said[620, 1] > 6  # away
    assert said[1000:, 2].max() == -np.inf or said[1000:, 2].max() < said[510, 0]  # always held for five rows
    nights = said[2000:, 3]
    assert nights.max() < said[510, 0]  # as long as every night


def test_a_switch_and_a_constant_are_quiet():
    random = np.random.default_rng(0)
    switch = np.repeat(random.integers(0, 2, size=40), random.integers(1, 200, size=40)).astype(float)
    assert (LiveMarks.begun(1).advance(switch[:, None]) == -np.inf).all()
    assert (LiveMarks.begun(1).advance(np.full((500, 1), 7.0)) == -np.inf).all()
    never = np.full((500, 2), np.nan)
    never[:, 0] = random.normal(size=500)
    assert (LiveMarks.begun(2).advance(never) == -np.inf).all()


def test_what_does_not_fit_together_is_refused():
    state = LiveMarks.begun(3).state()
    with pytest.raises(ValueError, match="marks of the stream"):
        LiveMarks.restored(state | {"last": np.zeros(2)})
    with pytest.raises(ValueError, match="marks of the stream"):
        LiveMarks.restored(state | {"repeats.counts": state["repeats.counts"] - 1})
