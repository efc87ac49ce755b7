"""Tests that run with a stream: when they fire, when they do not, and that they can be cut and restored."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.core.errors import ParameterError
from amiss.series.stream_drift import Adwin, KolmogorovSmirnov, PageHinkley

TESTS = (PageHinkley, Adwin, KolmogorovSmirnov)
each = pytest.mark.parametrize("kind", TESTS, ids=lambda kind: kind.__name__)


@each
@pytest.mark.parametrize("shift", [1.0, -1.0])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_shift_is_told_soon_and_once(kind, shift, scale):
    for seed in range(5):
        x = np.random.default_rng(seed).normal(size=4000)
        x[2000:] += shift
        fired = kind().advance(scale * (x + 7))
        assert len(fired) == 1
        assert 2000 < fired[0] < 2450


@each
@pytest.mark.parametrize("shape", ["normal", "exponential", "whole", "heavy"])
def test_nothing_is_told_of_a_stream_that_stays(kind, shape):
    fired = 0
    for seed in range(8):
        random = np.random.default_rng(seed)
        x = {
            "normal": random.normal(size=10_000),
            "exponential": random.exponential(size=10_000),
            "whole": random.poisson(2, size=10_000),
            "heavy": random.standard_t(3, size=10_000),
        }[shape]
        fired += len(kind().advance(x))
    assert fired <= 2


@each
def test_a_constant_stream_and_missing_values_are_nothing(kind):
    assert not len(kind().advance(np.full(3000, 5.0)))
    x = np.random.default_rng(0).normal(size=3000)
    holes = np.full(6000, np.nan)
    holes[::2] = x
    x[1500:] += 3
    holes[::2] = x
    assert (kind().advance(holes) == 2 * kind().advance(x)).all()


@each
def test_cut_or_restored_it_is_the_same(kind):
    random = np.random.default_rng(3)
    x = random.normal(size=5000) + np.repeat([0, 2, -1, -1, 3], 1000)
    whole = kind().advance(x)
    assert 3 <= len(whole) <= 5
    test, found = kind(), []
    for start in range(0, 5000, 137):
        found += [start + i for i in test.advance(x[start : start + 137])]
        test = kind.restored(test.state())
    assert found == whole.tolist()


@each
def test_its_memory_is_bounded(kind):
    test = kind()
    test.advance(np.random.default_rng(0).normal(size=40_000))
    assert sum(np.size(value) for value in test.state().values()) < 1000


def test_a_change_of_spread_is_seen_by_the_distribution():
    random = np.random.default_rng(0)
    x = np.append(random.normal(size=2000), 2.5 * random.normal(size=1000))
    assert KolmogorovSmirnov().advance(x)[0] < 2600
    assert not len(KolmogorovSmirnov(random.normal(size=500)).advance(random.normal(size=2000)))


def test_adwin_forgets_what_was_before():
    x = np.random.default_rng(0).normal(size=4000)
    x[2000:] += 5
    test = Adwin()
    test.advance(x)
    assert abs(sum(test.totals) / sum(test.counts) - 5) < 0.3
    assert sum(test.counts) <= 2100


def test_wrong_parameters_and_states_are_refused():
    for made in (lambda: PageHinkley(limit=0), lambda: Adwin(delta=2), lambda: KolmogorovSmirnov(window=3)):
        with pytest.raises(ParameterError):
            made()
    for kind in TESTS:
        with pytest.raises(ValueError, match="fit together"):
            kind.restored({"n": 3})
    with pytest.raises(ValueError, match="finite"):
        PageHinkley.restored(PageHinkley().state() | {"mean": np.nan})
