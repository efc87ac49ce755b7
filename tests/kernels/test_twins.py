"""Each compiled loop against its NumPy twin: the same bits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from amiss.kernels import (
    alarm_rate,
    band,
    forest,
    histograms,
    kinship,
    loops,
    neighbors,
    oblique,
    spheres,
    stays,
    tails,
)
from amiss.kernels.blocks import over_blocks, over_pairs
from amiss.kernels.lookup import RowLookup
from amiss.kernels.neighbors import Neighbors
from amiss.kernels.novelty import Novelty
from amiss.kernels.screen import Screen

needs_loops = pytest.mark.skipif(not loops.compiled(), reason=f"compiled loops are off: {loops.why_not()}")

# Few different values make ties, constant columns and rows that cannot be told apart; NaN is data to a forest.
VALUES = st.sampled_from([0.0, 1.0, -1.0, 2.5, 1e300, -1e-300]) | st.floats(-1e6, 1e6)
SHAPES = npst.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=30)
TABLES = npst.arrays(np.float64, SHAPES, elements=VALUES)
MODERATE = npst.arrays(np.float64, SHAPES, elements=st.sampled_from([0.0, 1.0, -2.5]) | st.floats(-1e6, 1e6))
HOLED = npst.arrays(np.float64, SHAPES, elements=VALUES | st.just(np.nan))


def _both(monkeypatch_context, work):
    fast = work()
    with monkeypatch_context() as patch:
        patch.setattr(loops, "lib", None)
        slow = work()
    return fast, slow


def _same(work):
    """What both give, after a look that it is the same."""
    fast, slow = _both(pytest.MonkeyPatch.context, work)
    for a, b in zip(fast, slow, strict=True) if isinstance(fast, tuple) else [(fast, slow)]:
        np.testing.assert_array_equal(a, b)
    return fast


def _drawn(X, seed):
    return np.stack([np.random.default_rng(seed + k).permutation(len(X)) for k in range(3)])


@needs_loops
@settings(max_examples=150, deadline=None)
@given(X=HOLED, seed=st.integers(0, 2**32))
def test_forest(X, seed):
    def grown():
        trees = forest.grow(X, _drawn(X, seed), forest.height_of(len(X)), seed)
        return trees.split, trees.threshold, trees.value

    trees = forest.Trees(*_same(grown))
    forest.check(trees, X.shape[1])
    several = np.repeat(X, 3, axis=0)  # whole groups of sixteen, and a rest
    _same(lambda: forest.score(several, trees))
    _same(lambda: forest.contribute(X, trees))
    ways = _same(lambda: kinship.paths(several, trees))
    by_difference = np.random.default_rng(seed).integers(0, 256, 256, np.uint8)
    _same(lambda: kinship.shared(ways, ways[0], by_difference))
    _same(lambda: kinship.totals(ways, np.random.default_rng(seed).normal(size=(3, 256))))


@needs_loops
@settings(max_examples=100, deadline=None)
@given(X=MODERATE, seed=st.integers(0, 2**32), n_cut=st.integers(1, 4))
def test_oblique_forest(X, seed, n_cut):
    def grown():
        trees = oblique.grow(X, _drawn(X, seed), min(n_cut, X.shape[1]), forest.height_of(len(X)), seed)
        return trees.feature, trees.weight, trees.threshold, trees.value

    trees = oblique.ObliqueTrees(*_same(grown))
    oblique.check(trees, X.shape[1])
    _same(lambda: oblique.score(X, trees))
    out = _same(lambda: oblique.contribute(X, trees, np.median(X, axis=0)))
    gain = trees.value[:, 0].mean() - oblique.score(X, trees)
    np.testing.assert_allclose(out.sum(axis=1), gain, atol=1e-9)


@needs_loops
@settings(max_examples=150, deadline=None)
@given(X=HOLED, skewed=st.booleans(), data=st.data())
def test_tails(X, skewed, data):
    learnt = tails.Tails.of(X[: data.draw(st.integers(1, len(X)))], skewed=skewed)
    terms = np.empty_like(X)

    def scored():
        return learnt.score(X, terms), terms.copy()

    score, _ = _same(scored)
    np.testing.assert_allclose(score, terms.sum(axis=1))
    np.testing.assert_array_equal(score, learnt.score(X))


@needs_loops
@settings(max_examples=100, deadline=None)
@given(X=HOLED, n_bins=st.integers(2, 12), data=st.data())
def test_histograms(X, n_bins, data):
    learnt = histograms.Bins.of(np.ascontiguousarray(X[: data.draw(st.integers(1, len(X)))].T), n_bins)
    terms = np.empty_like(X)

    def scored():
        return learnt.score(X, terms), terms.copy()

    score, _ = _same(scored)
    np.testing.assert_allclose(score, learnt.terms(X.T).sum(axis=0))
    np.testing.assert_array_equal(score, learnt.score(X))


@needs_loops
@settings(max_examples=100, deadline=None)
@given(X=MODERATE, seed=st.integers(0, 2**32), n_cut=st.integers(1, 4))
def test_projections(X, seed, n_cut):
    random = np.random.default_rng(seed)
    feature = random.integers(0, X.shape[1], (7, n_cut)).astype(np.int32)
    weight = random.normal(size=feature.shape)

    def learnt():
        bins = histograms.projected_bins(X, feature, weight, 5)
        return bins.low, bins.width, bins.surprise

    bins = histograms.Bins(*_same(learnt))
    several = np.repeat(X, 5, axis=0)  # more than a block of 64
    _same(lambda: histograms.projected_score(several, feature, weight, bins))


@needs_loops
@settings(max_examples=100, deadline=None)
@given(X=TABLES, seed=st.integers(0, 2**32))
def test_spheres(X, seed):
    learnt = spheres.Spheres.of(np.clip(X, -1e150, 1e150), _drawn(X, seed))
    learnt.check(X.shape[1])
    _same(lambda: learnt.score(X))


@needs_loops
@pytest.mark.parametrize("road", ["all", "tree", "screen", "screen of itself", "screen of itself, in order"])
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(X=TABLES, k=st.integers(1, 40), skip_self=st.booleans(), data=st.data())
def test_nearest(road, X, k, skip_self, data):
    queries = X if "itself" in road else np.vstack([X[: data.draw(st.integers(1, len(X)))], X[:1] + 0.5])
    found = neighbors.Neighbors(X)
    if road == "tree":
        found._tree, found._road, found._road_itself = neighbors._Tree.of(X), "tree", "tree"
    elif "screen" in road:
        found._screen, found._road, found._road_itself = Screen.of(X), "screen", "screen"
        found._tree = neighbors._Tree.of(X) if "order" in road else None
    _same(lambda: found.nearest(queries, k, skip_self=skip_self))


@needs_loops
@pytest.mark.parametrize(
    ("shape", "road", "itself"),
    [((8000, 3), "tree", "tree"), ((3000, 30), "screen", "screen"), ((4000, 1), "tree", "tree")],
)
def test_roads_to_the_nearest(shape, road, itself):
    random = np.random.default_rng(0)
    X = random.standard_t(2, size=shape) + 1e4
    X[1000:1300] = X[0]  # many equal rows
    X[:50] = X[50:100] + 1e-9  # and nearly equal ones
    found = neighbors.Neighbors(X)
    queries = np.vstack([X[:900], random.normal(size=(300, shape[1])) * 1e3, np.full((2, shape[1]), 1e200)])
    _same(lambda: found.nearest(queries, 7, skip_self=True))
    _same(lambda: found.nearest(X, 7, skip_self=True))
    assert (found._road, found._road_itself) == (road, itself)


@needs_loops
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_panels_far_apart_are_passed_over_without_loss(n_jobs):
    random = np.random.default_rng(0)
    # Four clusters far from one another, with rows between them and many equal ones.
    X = random.normal(size=(6000, 6)) + 20 * random.integers(0, 2, size=(6000, 2)) @ np.eye(2, 6)
    X[:40], X[3000:3200] = 10 * random.normal(size=(40, 6)), X[0]
    found = neighbors.Neighbors(X)
    found._tree, found._road, found._road_itself = neighbors._Tree.of(X), "tree", "screen"
    _same(lambda: found.nearest(X, 20, skip_self=True, n_jobs=n_jobs))


@needs_loops
@pytest.mark.parametrize("k", [1, 6, 31, 40])
@pytest.mark.parametrize("n_rows", [40, 1200, 2100])  # of which 1024 are compared at a time
@pytest.mark.parametrize("kind", ["tailed", "tied", "tiny", "far"])
def test_products_leave_no_neighbor_out(kind, n_rows, k):
    random = np.random.default_rng(n_rows + k)
    X, queries = random.normal(size=(n_rows, 5)), random.normal(size=(60, 5))
    if kind == "tailed":
        X, queries = random.standard_cauchy(X.shape) ** 3, random.standard_cauchy(queries.shape) ** 3
    elif kind == "tied":
        X, queries = X.round(), queries.round()
    elif kind == "tiny":  # about the middle: beyond the smallest number of single precision
        half = X[::2, :1] * 10.0 ** random.integers(-30, 1, size=(n_rows // 2, 1))
        X = np.vstack([half, -half])
        queries = X[random.integers(0, n_rows, 60)] * (1 + 1e-12)
    else:
        queries *= 10.0 ** random.integers(-3, 200, size=(60, 1))
    found = neighbors.Neighbors(X)
    found._screen, found._road, found._road_itself = Screen.of(X), "screen", "screen"
    _same(lambda: found.nearest(queries, k, skip_self=True))
    _same(lambda: found.nearest(X, k, skip_self=True))


def test_a_tree_is_not_built_for_single_rows():
    X = np.random.default_rng(0).normal(size=(5000, 3))
    found = neighbors.Neighbors(X)
    found.nearest(X[:5], 3, skip_self=True)
    assert found._road == "all"


def test_forest_contributions_sum_to_the_gain_in_depth():
    X = np.random.default_rng(0).normal(size=(200, 5))
    rows = np.arange(200)[None, :]
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
    trees = forest.grow(X, np.arange(20)[None, :], 5, 0)
    for name, value in (("split", 99), ("split", -2)):
        array = getattr(trees, name).copy()
        array[0, 0] = value
        spoilt = dataclasses.replace(trees, **{name: array})
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


@pytest.mark.parametrize("n_jobs", [None, 1, 2, 3, -1])
def test_pairs_of_blocks_meet_once_and_never_two_at_a_time(n_jobs):
    for n_rows in (1, 1100, 5000):
        seen, busy = np.zeros((n_rows, n_rows), np.int8), np.zeros(n_rows, bool)

        def work(a, b, seen=seen, busy=busy):
            assert a <= b
            for start, stop in {a, b}:
                assert not busy[start:stop].any()
                assert start % 32 == 0
                busy[start:stop] = True
            seen[slice(*a), slice(*b)] += 1
            for start, stop in {a, b}:
                busy[start:stop] = False

        over_pairs(work, n_rows, n_jobs, whole=32)
        assert (np.triu(seen) == np.triu(np.ones_like(seen))).all()


def test_threads_do_not_change_scores():
    X = np.random.default_rng(0).normal(size=(3000, 4))
    trees = forest.grow(X, np.arange(256)[None, :], 8, 0)
    np.testing.assert_array_equal(forest.score(X, trees, 1), forest.score(X, trees, 2))
    wide = np.random.default_rng(1).normal(size=(3000, 50))
    for reference, rows in ((X[:300], X), (wide, wide), (wide, wide[:2000])):
        for n_jobs in (2, 3):
            for a, b in zip(
                Neighbors(reference).nearest(rows, 5, skip_self=True, n_jobs=1),
                Neighbors(reference).nearest(rows, 5, skip_self=True, n_jobs=n_jobs),
                strict=True,
            ):
                np.testing.assert_array_equal(a, b)


@given(X=TABLES, data=st.data())
def test_learnt_rows_are_found_again(X, data):
    learnt = X[: data.draw(st.integers(1, len(X)))]
    found = RowLookup(learnt).find(X)
    assert (found[: len(learnt)] >= 0).all()
    np.testing.assert_array_equal(learnt[found[found >= 0]], X[found >= 0])
    assert (found[[not (learnt == x).all(axis=1).any() for x in X]] == -1).all()


@needs_loops
@settings(max_examples=100, deadline=None)
@given(
    x=npst.arrays(np.float64, st.integers(1, 80), elements=st.sampled_from([0.0, -2.5]) | st.floats(-1e150, 1e150)),
    span=st.integers(1, 7), capacity=st.integers(1, 30), aside=st.integers(0, 6), seed=st.integers(0, 2**62),
)  # fmt: skip
def test_novelty(x, span, capacity, aside, seed):
    def advanced():
        novelty = Novelty.begun(span, capacity=capacity, aside=aside, seed=seed)
        found = np.concatenate([novelty.advance(np.ascontiguousarray(part)) for part in np.array_split(x, 3)])
        return found, novelty.counts, novelty.recent, novelty.seen, novelty.known

    found, counts, *arrays = _same(advanced)
    assert np.isfinite(found).all()
    Novelty(span, aside, capacity, counts, *arrays).check()
    whole = Novelty.begun(span, capacity=capacity, aside=aside, seed=seed).advance(x)
    np.testing.assert_array_equal(whole, found)


_FEW = st.sampled_from([0.0, 1.0, 2.5, np.nan])


@needs_loops
@settings(max_examples=100, deadline=None)
@given(
    X=npst.arrays(np.float64, st.tuples(st.integers(1, 60), st.integers(1, 3)), elements=_FEW),
    seed=st.integers(0, 100),
    least=st.integers(2, 4),
)
def test_stays(X, seed, least):
    entity = np.random.default_rng(seed).integers(0, 2, len(X))

    def advanced():
        last, counts = np.full((2, X.shape[1]), np.nan), np.zeros((2, X.shape[1], stays.FIELDS), np.int32)
        usual = stays.Usual(1.5, least, 4, 0.3)
        return stays.advance_stays(X, entity, last, counts, usual), np.nan_to_num(last), counts

    _same(advanced)


@needs_loops
@settings(max_examples=100, deadline=None)
@given(X=HOLED, seed=st.integers(0, 100), least=st.integers(2, 6), patience=st.integers(1, 9))
def test_bands(X, seed, least, patience):
    entity = np.random.default_rng(seed).integers(0, 3, len(X))
    pace = band.Pace(np.array([0.3, 0.1, 0.05]), 0.5, 2.5, least, patience)

    def advanced():
        memory = np.zeros((3, X.shape[1], band.FIELDS))
        learnt = band.advance_bands(X, entity, memory, pace, learning=True)
        return *learnt, memory, *band.advance_bands(X, entity, memory, pace, learning=False)

    assert all(np.isfinite(each).all() for each in (*_same(advanced),))


@needs_loops
@settings(max_examples=60, deadline=None)
@given(
    scores=npst.arrays(np.float64, st.integers(1, 400), elements=st.sampled_from([0.0, 1.0, 1e6]) | st.floats(0, 50)),
    seed=st.integers(0, 100),
    rate=st.sampled_from([1e-4, 0.02, 0.4]),
    least=st.sampled_from([0.0, 2.0]),
    per_day=st.booleans(),
)
def test_alarm_rate(scores, seed, rate, least, per_day):
    random = np.random.default_rng(seed)
    scores = np.append(random.exponential(size=150), scores)
    entity = random.integers(0, 3, len(scores))
    # Bursts, rows that are late, and a clock that leaps.
    time = np.cumsum(random.choice([0.0, 0.0, 1.0, -3.0, 600.0, 1e7, -1e7], len(scores)))

    def advanced():
        memory, quiet = np.zeros(alarm_rate.MEMORY), np.full(3, alarm_rate.TOGETHER, np.int32)
        asked = {"rate": 1e3 * rate if per_day else rate, "least": least, "per_day": per_day}
        learnt = alarm_rate.advance_alarms(scores, entity, time, memory, quiet, **asked, learning=True)
        again = alarm_rate.advance_alarms(scores, entity, time, memory, quiet, **asked, learning=False)
        return *learnt, memory, quiet, *again

    assert all(np.isfinite(each).all() for each in _same(advanced))
