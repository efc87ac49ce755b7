"""Each compiled loop against its NumPy twin: the same bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from amiss.kernels import forest, loops, neighbors
from amiss.kernels.blocks import over_blocks

needs_loops = pytest.mark.skipif(not loops.compiled(), reason=f"compiled loops are off: {loops.why_not()}")

# Few different values make ties, constant columns and rows that cannot be told apart; NaN is data to a forest.
VALUES = st.sampled_from([0.0, 1.0, -1.0, 2.5, 1e300, -1e-300]) | st.floats(-1e6, 1e6)
SHAPES = npst.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=30)
TABLES = npst.arrays(np.float64, SHAPES, elements=VALUES)
HOLED = npst.arrays(np.float64, SHAPES, elements=VALUES | st.just(np.nan))


def _both(monkeypatch_context, work):
    fast = work()
    with monkeypatch_context() as patch:
        patch.setattr(loops, "lib", None)
        slow = work()
    return fast, slow


@needs_loops
@settings(max_examples=150, deadline=None)
@given(X=HOLED, seed=st.integers(0, 2**32))
def test_forest(X, seed):
    rows = np.stack([np.random.default_rng(seed + k).permutation(len(X)) for k in range(3)]).astype(np.int32)
    height = max(1, int(np.ceil(np.log2(len(X)))))
    fast, slow = _both(pytest.MonkeyPatch.context, lambda: forest.grow(X, rows, height, seed))
    for name in ("split", "left", "threshold", "value"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name), err_msg=name)
    forest.check(fast, X.shape[1])
    for work in (lambda: forest.score(X, fast), lambda: forest.contribute(X, fast)):
        np.testing.assert_array_equal(*_both(pytest.MonkeyPatch.context, work))


@needs_loops
@settings(max_examples=150, deadline=None)
@given(X=TABLES, k=st.integers(1, 40), skip_self=st.booleans(), data=st.data())
def test_nearest(X, k, skip_self, data):
    queries = np.vstack([X[: data.draw(st.integers(1, len(X)))], X[:1] + 0.5])
    fast, slow = _both(pytest.MonkeyPatch.context, lambda: neighbors.nearest(queries, X, k, skip_self=skip_self))
    np.testing.assert_array_equal(fast[0], slow[0])
    np.testing.assert_array_equal(fast[1], slow[1])


def test_forest_contributions_sum_to_the_gain_in_depth():
    X = np.random.default_rng(0).normal(size=(200, 5))
    rows = np.arange(200, dtype=np.int32)[None, :]
    trees = forest.grow(X, rows, 8, 1)
    total = forest.contribute(X, trees).sum(axis=1)
    np.testing.assert_allclose(total, trees.value[0, 0] - forest.score(X, trees), atol=1e-12)


def test_mean_depth_is_the_search_depth_of_a_random_tree():
    def depths(n, random):
        # Mean depth of the external nodes of a binary search tree built from a random permutation.
        if n == 0:
            return [0]
        left = int(random.integers(n))
        return [1 + depth for side in (left, n - 1 - left) for depth in depths(side, random)]

    random = np.random.default_rng(0)
    for n in (2, 5, 20):
        found = np.mean([np.mean(depths(n - 1, random)) for _ in range(3000)])
        assert found == pytest.approx(forest.mean_depth(n), rel=0.02)


def test_a_tree_that_leads_out_of_itself_is_refused():
    X = np.random.default_rng(0).normal(size=(20, 2))
    trees = forest.grow(X, np.arange(20, dtype=np.int32)[None, :], 5, 0)
    for name, value in (("left", 10**6), ("left", -1), ("split", 99), ("split", -2)):
        array = getattr(trees, name).copy()
        array[0, 0] = value
        spoilt = forest.Trees(**{**{f: getattr(trees, f) for f in trees.__slots__}, name: array})
        with pytest.raises(ValueError, match="leads out"):
            forest.check(spoilt, 2)


@pytest.mark.parametrize("n_jobs", [None, 1, 2, 3, -1])
def test_blocks_cover_all_rows_once(n_jobs):
    for n_rows in (1, 511, 1024, 5000):
        seen = np.zeros(n_rows, int)

        def work(start, stop, seen=seen):
            seen[start:stop] += 1

        over_blocks(work, n_rows, n_jobs)
        assert (seen == 1).all()


def test_threads_do_not_change_scores():
    X = np.random.default_rng(0).normal(size=(3000, 4))
    trees = forest.grow(X, np.arange(256, dtype=np.int32)[None, :], 8, 0)
    np.testing.assert_array_equal(forest.score(X, trees, 1), forest.score(X, trees, 2))
    for a, b in zip(
        neighbors.nearest(X, X[:300], 5, skip_self=True, n_jobs=1),
        neighbors.nearest(X, X[:300], 5, skip_self=True, n_jobs=2),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
