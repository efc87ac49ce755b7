"""Samples and moments: merging is associative, commutative, and blind to where the chunks were cut."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.core.random import priorities
from amiss.core.summary import Sample
from amiss.summaries.moments import Moments, complete

X = np.random.default_rng(0).normal(size=(60, 2))
CUTS = st.lists(st.integers(0, 60), max_size=5).map(lambda cuts: [0, *sorted(cuts), 60])


def _chunks(cuts):
    return [(a, X[a:b]) for a, b in zip(cuts[:-1], cuts[1:], strict=True)]


@given(cuts=CUTS, order=st.randoms(use_true_random=False), capacity=st.sampled_from([1, 7, 59, 60, 100, None]))
def test_sample_of_chunks_is_the_sample_of_the_whole(cuts, order, capacity):
    parts = [
        Sample.of(rows, capacity=capacity, seed=3, positions=np.arange(start, start + len(rows)))
        for start, rows in _chunks(cuts)
    ]
    order.shuffle(parts)
    merged = reduce(Sample.merge, parts)
    whole = Sample.of(X, capacity=capacity, seed=3)
    np.testing.assert_array_equal(merged.rows, whole.rows)
    np.testing.assert_array_equal(np.sort(merged.priority), np.sort(whole.priority))
    np.testing.assert_array_equal(merged.head(5), whole.rows[:5])
    assert merged.n_rows == 60


def test_sample_is_uniform():
    counts = np.zeros(50)
    for seed in range(4000):
        kept = Sample.of(np.arange(50.0)[:, None], capacity=10, seed=seed).rows[:, 0].astype(int)
        counts[kept] += 1
    # Each row is kept with probability 0.2; five standard deviations of a binomial count.
    assert np.abs(counts - 800).max() < 5 * np.sqrt(4000 * 0.2 * 0.8)


def test_priorities_belong_to_positions():
    assert np.array_equal(priorities(np.arange(10, 20), 5), priorities(np.arange(0, 20), 5)[10:])
    assert not np.array_equal(priorities(np.arange(10), 5), priorities(np.arange(10), 6))


@given(cuts=CUTS)
def test_moments_of_chunks_are_the_moments_of_the_whole(cuts):
    parts = [Moments.of(rows) for _, rows in _chunks(cuts) if len(rows)]
    merged = reduce(Moments.merge, parts)
    np.testing.assert_allclose(merged.mean, X.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(merged.covariance, np.cov(X.T, bias=True), atol=1e-12)


def test_precision_inverts_the_covariance():
    random = np.random.default_rng(1)
    Y = random.normal(size=(500, 3)) @ random.normal(size=(3, 3))
    np.testing.assert_allclose(Moments.of(Y).precision(1e-14), np.linalg.inv(np.cov(Y.T, bias=True)), rtol=1e-6)
    assert np.isfinite(Moments.of(np.ones((5, 2))).precision(1e-3)).all()


def test_least_spread_is_a_floor():
    Y = np.column_stack([np.zeros(100), np.random.default_rng(0).normal(size=100)])
    assert Moments.of(Y).precision(1e-3, np.array([2.0, 0.0]))[0, 0] == pytest.approx(0.25, rel=1e-2)


def test_missing_values_are_completed_by_what_the_others_let_expect():
    random = np.random.default_rng(2)
    A = random.normal(size=(4, 4))
    Y = random.normal(size=(5000, 4)) @ A + 3
    moments = Moments.of(Y)
    precision = moments.precision(1e-12)
    holes = Y[:50].copy()
    holes[:25, 1] = np.nan
    holes[10:40, 3] = np.nan
    filled = complete(holes, moments.mean, precision)
    for row, whole in zip(holes, filled, strict=True):
        m, o = np.isnan(row), ~np.isnan(row)
        inverse = np.linalg.solve(moments.covariance[np.ix_(o, o)], row[o] - moments.mean[o])
        expected = moments.mean[m] + moments.covariance[np.ix_(m, o)] @ inverse
        np.testing.assert_allclose(whole[m], expected, atol=1e-6)
        np.testing.assert_array_equal(whole[o], row[o])
    np.testing.assert_array_equal(complete(holes[:1], moments.mean, precision), filled[:1])
