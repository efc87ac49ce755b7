"""The compiled loops over streams against their NumPy twins: the same bits, in scores, reasons and state."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from amiss.kernels import cut_forest, ellipsoid, halfspace, loops
from amiss.kernels.cut_forest import CutForest
from amiss.kernels.ellipsoid import Ellipsoids
from amiss.kernels.halfspace import HalfSpaces

needs_loops = pytest.mark.skipif(not loops.compiled(), reason=f"compiled loops are off: {loops.why_not()}")

# Few different values make ties, constant columns and equal rows; NaN is data to both.
VALUES = st.sampled_from([0.0, 1.0, -1.0, 2.5, 1e300, -1e-300, np.nan]) | st.floats(-1e6, 1e6)
SHAPES = npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40).filter(lambda shape: shape[1] <= 6)
TABLES = npst.arrays(np.float64, SHAPES, elements=VALUES)


def half_spaces(n_features, window=16, height=5, share=0.1):
    state = halfspace.begun(2, n_features, 5, window, height, share)
    return HalfSpaces(**state, height=height, share=share, seed=7)


def forest(n_features, shingle=1, capacity=8, half_life=20.0, sure=3.0):
    state = cut_forest.begun(2, n_features, shingle, 3, capacity, 7)
    return CutForest(**state, half_life=half_life, sure=sure)


def ellipsoids(n_features):
    return Ellipsoids(**ellipsoid.begun(2, n_features), rate=0.02, shrinkage=1e-3, sure=3.0)


def state_of(loop, names):
    return [getattr(loop, name) for name in names]


def both(make, names, X, entity):
    """What a loop and its twin give for the same rows, learnt in two parts, and then scored alone."""
    found = []
    for lib in (loops.lib, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loops, "lib", lib)
            loop, scores, terms = make(X.shape[1]), np.empty(2 * len(X)), np.empty((2 * len(X), X.shape[1]))
            half = len(X) // 2
            for part in (slice(0, half), slice(half, len(X))):
                if len(X[part]):
                    loop.advance(X[part], entity[part], scores[: len(X)][part], terms[: len(X)][part])
            loop.score(X, entity, scores[len(X) :], terms[len(X) :])
            loop.check()
            found.append((scores, terms, *state_of(loop, names)))
    return found


def same(make, names, X, entity):
    fast, slow = both(make, names, X, entity)
    for a, b in zip(fast, slow, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.isfinite(fast[0]).all()
    np.testing.assert_allclose(fast[1].sum(axis=1), fast[0], rtol=1e-9, atol=1e-9)


@needs_loops
@settings(max_examples=80, deadline=None)
@given(X=TABLES, data=st.data())
def test_half_space_trees(X, data):
    entity = data.draw(npst.arrays(np.int64, len(X), elements=st.integers(0, 1)))
    same(half_spaces, halfspace.STATE, X, entity)


@needs_loops
@settings(max_examples=80, deadline=None)
@given(X=TABLES, shingle=st.integers(1, 3), data=st.data())
def test_cut_forest(X, shingle, data):
    entity = data.draw(npst.arrays(np.int64, len(X), elements=st.integers(0, 1)))
    same(lambda d: forest(d, shingle), cut_forest.STATE, X, entity)


@needs_loops
@settings(max_examples=80, deadline=None)
@given(X=TABLES, data=st.data())
def test_ellipsoids(X, data):
    entity = data.draw(npst.arrays(np.int64, len(X), elements=st.integers(0, 1)))
    same(ellipsoids, ellipsoid.STATE, X, entity)


@needs_loops
def test_twins_agree_on_a_longer_stream():
    random = np.random.default_rng(0)
    X = np.column_stack([random.normal(size=300), random.integers(0, 3, 300), np.full(300, 7.0)])
    X[random.random(X.shape) < 0.05] = np.nan
    entity = np.zeros(300, np.int64)
    same(half_spaces, halfspace.STATE, X, entity)
    same(lambda d: half_spaces(d, window=50, height=8, share=0.04), halfspace.STATE, X, entity)
    same(lambda d: forest(d, 2, capacity=32), cut_forest.STATE, X, entity)
    same(ellipsoids, ellipsoid.STATE, X, entity)
    same(ellipsoids, ellipsoid.STATE, np.hstack([X, X[::-1], X[::2].repeat(2, axis=0)]), entity)


@needs_loops
@pytest.mark.parametrize("make", [half_spaces, forest, ellipsoids])
def test_parts_of_a_stream_are_the_whole(make):
    X = np.random.default_rng(0).normal(size=(200, 3))
    whole, parts, one = (np.empty(200) for _ in range(3))
    make(3).advance(X, None, whole, None)
    loop, single = make(3), make(3)
    for start in range(0, 200, 13):
        loop.advance(X[start : start + 13], None, parts[start : start + 13], None)
    for i in range(200):
        single.advance(X[i : i + 1], None, one[i : i + 1], None)
    np.testing.assert_array_equal(parts, whole)
    np.testing.assert_array_equal(one, whole)


@pytest.mark.parametrize("make", [half_spaces, forest, ellipsoids])
def test_scoring_alone_changes_nothing_and_is_what_the_next_row_gets(make):
    X = np.random.default_rng(0).normal(size=(60, 3))
    loop, alone, come = make(3), np.empty(1), np.empty(1)
    loop.advance(X[:59], None, None, None)
    loop.score(X[59:], None, alone, None)
    loop.advance(X[59:], None, come, None)
    assert alone[0] == come[0]


def naive_points(loop):
    """For each tree, its points by the leaves of its sample."""
    for tree in range(loop.heads.shape[1]):
        n = loop.heads[0, tree, 1]
        leaves = loop.holder[0, tree, :n]
        yield tree, loop.point[0, tree][leaves - loop.key.shape[2]]


def test_a_cut_forest_holds_a_sample_of_the_rows_whose_boxes_are_those_of_its_points():
    X = np.round(np.random.default_rng(0).normal(size=(400, 2)), 1)
    loop = forest(2, capacity=16)
    loop.advance(X, None, None, None)
    known = {tuple(row) for row in X.tolist()}
    for tree, points in naive_points(loop):
        assert len(points) == 16
        assert {tuple(point[:2]) for point in points.tolist()} <= known
        root = loop.heads[0, tree, 0]
        np.testing.assert_array_equal(loop.box[0, tree, root, :2], points[:, :2].min(axis=0))
        np.testing.assert_array_equal(loop.box[0, tree, root, 4:6], points[:, :2].max(axis=0))


def test_a_cut_forest_forgets_with_its_half_life():
    X = np.arange(4000.0)[:, None]
    loop = forest(1, capacity=8, half_life=50.0)
    loop.advance(X, None, None, None)
    ages = np.concatenate([3999 - points[:, 0] for _, points in naive_points(loop)])
    # 24 points whose ages are exponential with the mean 50 / log 2 = 72, those of a tree without replacement.
    assert 30 < ages.mean() < 150


def spoilt(make, name, change):
    loop = make(3)
    loop.advance(np.random.default_rng(0).normal(size=(64, 3)), None, None, None)
    change(getattr(loop, name))
    return loop


@pytest.mark.parametrize(
    ("make", "name", "change"),
    [
        (half_spaces, "node", lambda a: a.__setitem__((0, 0, 0, 0), 99)),
        (half_spaces, "node", lambda a: a.__setitem__((0, 0, 0, 1), 10_000)),
        (half_spaces, "node", lambda a: a.__setitem__((0, 0, 0, 1), -3)),
        (half_spaces, "node", lambda a: a.__setitem__((0, 0, -1, 1), 0)),
        (half_spaces, "counts", lambda a: a.__setitem__((0, 2), 77)),
        (forest, "heads", lambda a: a.__setitem__((0, 0, 0), 55)),
        (forest, "heads", lambda a: a.__setitem__((0, 0, 2), 2)),
        (forest, "node", lambda a: a.__setitem__((0, 0, a[0, 0, :8, 3].argmax(), 0), a[0, 0, :8, 3].argmax())),
        (forest, "node", lambda a: a[..., 2].fill(9)),
        (forest, "holder", lambda a: a.__setitem__((0, 0, 0), -4)),
        (forest, "spare", lambda a: a.fill(0)),
        (forest, "parent", lambda a: a.fill(3)),
        (ellipsoids, "seen", lambda a: a.__setitem__(0, -1)),
        (forest, "counts", lambda a: a.__setitem__((0, 0), -1)),
    ],
)  # fmt: skip
def test_arrays_that_would_lead_a_walk_astray_are_refused(make, name, change):
    with pytest.raises(ValueError, match=r"do not fit together|leads out of itself"):
        spoilt(make, name, change).check()
