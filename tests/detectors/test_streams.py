"""What the detectors over streams promise: parts, entities, gaps, constants, memory, and what they find."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from amiss.core.detector import Context
from amiss.core.errors import DataError
from amiss.detectors import HalfSpaceTrees, OnlineMahalanobis, RandomCutForest
from amiss.kernels import loops

KINDS = [HalfSpaceTrees, OnlineMahalanobis, RandomCutForest]
N = 600


def small(kind, **options):
    """One that is quick without compiled loops too."""
    few = {
        HalfSpaceTrees: {"n_trees": 10, "window": 64},
        OnlineMahalanobis: {},
        RandomCutForest: {"n_trees": 5, "sample_size": 32},
    }[kind]
    return kind(**{**few, **options})


def rows(n=N, d=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def of(entity):
    return Context(entity=np.asarray(entity))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_one_by_one_are_the_rows_together(kind):
    X = rows(200)
    whole, parts = small(kind), small(kind)
    together = whole.score_partial_fit(X)
    alone = np.concatenate([parts.score_partial_fit(X[i : i + 1]) for i in range(200)])
    np.testing.assert_array_equal(alone, together)
    learnt = small(kind).partial_fit(X[:90]).partial_fit(X[90:])
    for name in kind.arrays:
        np.testing.assert_array_equal(getattr(parts, f"{name}_"), getattr(whole, f"{name}_"))
        np.testing.assert_array_equal(getattr(learnt, f"{name}_"), getattr(whole, f"{name}_"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_scored_before_it_is_learnt(kind):
    X = rows()
    detector = small(kind).fit(X)
    odd = np.full((1, 3), 7.0)
    expected = detector.anomaly_score(odd), detector.contributions(odd)
    scores, terms = detector.explain_partial_fit(odd)
    np.testing.assert_array_equal(scores, expected[0])
    np.testing.assert_array_equal(terms, expected[1])
    np.testing.assert_allclose(terms.sum(axis=1), scores)


@pytest.mark.parametrize("kind", KINDS)
def test_other_tables_than_plain_arrays_get_the_same(kind):
    X = rows(120)
    plain, listed, column = (small(kind).fit(X) for _ in range(3))
    scores = plain.score_partial_fit(X)
    np.testing.assert_array_equal(listed.score_partial_fit(X.tolist()), scores)
    np.testing.assert_array_equal(column.score_partial_fit(np.asfortranarray(X)), scores)


@pytest.mark.parametrize("kind", KINDS)
def test_a_detector_taken_up_goes_on_as_if_nothing_had_been(kind):
    X = rows()
    detector = small(kind).fit(X[:300])
    kept = {name: np.copy(value) for name, value in detector.state().items()}
    again = kind(**detector.get_params()).restore(kept)
    copied = pickle.loads(pickle.dumps(detector))
    expected = detector.score_partial_fit(X[300:])
    np.testing.assert_array_equal(again.score_partial_fit(X[300:]), expected)
    np.testing.assert_array_equal(copied.score_partial_fit(X[300:]), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_that_does_not_fit_is_refused(kind):
    detector = small(kind).fit(rows())
    with pytest.raises(ValueError, match="number of entities"):
        small(kind).restore({**detector.state(), "n_entities_": 2})
    with pytest.raises(ValueError, match="do not fit together"):
        small(kind).restore({**detector.state(), f"{kind.arrays[1]}_": np.zeros((1, 2))})


@pytest.mark.parametrize("kind", KINDS)
def test_each_entity_learns_for_itself(kind):
    X, who = rows() + np.repeat([[0.0], [50.0]], N // 2, axis=0), np.repeat([0, 1], N // 2)
    mixed = np.random.default_rng(1).permutation(N)
    alone = [small(kind).score_partial_fit(X[mixed][who[mixed] == k]) for k in (0, 1)]
    detector = small(kind)
    together = detector.score_partial_fit(X[mixed], context=of(who[mixed]))
    for k in (0, 1):
        np.testing.assert_array_equal(together[who[mixed] == k], alone[k])
    first, second = (detector.anomaly_score(np.full((1, 3), 50.0), context=of([k]))[0] for k in (0, 1))
    assert first > second + 1
    told = detector.contributions(np.full((1, 3), 50.0), context=of([0]))
    np.testing.assert_allclose(told.sum(), first)


@pytest.mark.parametrize("kind", KINDS)
def test_room_for_entities_that_come_one_by_one_doubles(kind):
    detector = small(kind)
    for k in range(20):
        detector.partial_fit(rows(3), context=of([k] * 3)) if k else detector.fit(rows(3))
    assert detector.n_entities_ == 20
    first = getattr(detector, f"{kind.arrays[0]}_")
    assert 20 <= len(first) <= 40
    assert (first.reshape(len(first), -1)[:20, 0] == 3).all()


@pytest.mark.parametrize("kind", KINDS)
def test_entities_that_cannot_be_are_refused(kind):
    detector = small(kind).fit(rows())
    before = pickle.dumps(detector.state())
    for entity, words in (([-1], "do not fit"), ([0, 0], "do not fit"), ([5], "entity 5 is not known")):
        with pytest.raises(DataError, match=words):
            detector.anomaly_score(rows(1), context=of(entity))
    with pytest.raises(DataError, match="do not fit"):
        detector.score_partial_fit(rows(1), context=of([-1]))
    assert pickle.dumps(detector.state()) == before


@pytest.mark.parametrize("kind", KINDS)
def test_an_infinite_value_is_refused_and_nothing_is_learnt(kind):
    detector = small(kind).fit(rows())
    before, X = pickle.dumps(detector.state()), rows(40)
    X[17, 1] = np.inf
    for learn in (detector.score_partial_fit, detector.explain_partial_fit, detector.partial_fit):
        with pytest.raises(DataError, match="infinity"):
            learn(X)
    assert pickle.dumps(detector.state()) == before


@pytest.mark.parametrize("kind", KINDS)
def test_missing_values_are_neither_odd_nor_a_cause(kind):
    X = rows(seed=3)
    X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    detector = small(kind)
    scores = detector.score_partial_fit(X)[200:]
    holed = np.isnan(X[200:]).any(axis=1)
    assert np.isfinite(scores).all()
    assert np.median(scores[holed]) < np.quantile(scores[~holed], 0.75)
    odd = np.array([[np.nan, 9.0, np.nan]])
    assert detector.anomaly_score(odd)[0] > np.quantile(scores, 0.98)
    assert detector.contributions(odd)[0].argmax() == 1
    assert np.isfinite(detector.anomaly_score(np.full((1, 3), np.nan))).all()


def changed(*where):
    X = np.full((1500, 1), 50.0)
    for part in where:
        X[part] += 1.0
    return X


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "X",
    [changed(), changed(900), changed(slice(900, None)), changed(slice(900, 905)), changed(500, 900, 1300)],
    ids=["constant", "one row", "a step", "five rows", "three rows"],
)
def test_a_constant_series_and_a_change_of_one_unit_raise_nothing(kind, X):
    scores = small(kind).score_partial_fit(X)
    # Whatever the threshold: no score is above the highest of the constant rows.
    assert scores[100:].max() <= scores[100:500].max()


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_that_never_varies_changes_no_score(kind):
    X = rows()
    beside = np.column_stack([X, np.full(N, 3.0)])
    beside[400, 3] = 4.0
    detector = small(kind)
    scores, terms = detector.explain_partial_fit(beside)
    assert scores[400] <= np.quantile(scores[100:], 0.99)
    assert terms[400].argmax() != 3 or terms[400, 3] <= terms[100:, 3].max()


@pytest.mark.parametrize("kind", KINDS)
def test_scale_and_place_of_a_feature_do_not_matter(kind):
    X = rows(400)
    moved = X * 2.0 ** np.array([0, 40, -40])
    np.testing.assert_allclose(small(kind).score_partial_fit(moved), small(kind).score_partial_fit(X), rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_memory_does_not_grow_with_the_rows(kind):
    detector = small(kind).fit(rows(100))
    size = len(pickle.dumps(detector))
    for seed in range(5):
        detector.score_partial_fit(rows(300, seed=seed))
    assert len(pickle.dumps(detector)) == size


@pytest.mark.parametrize("kind", KINDS)
def test_far_rows_are_found_as_they_come_and_a_new_level_is_learnt(kind):
    X, y = rows(2000, seed=5), np.zeros(2000)
    y[500::20] = 1
    X[500::20] += np.random.default_rng(0).choice([-1, 1], (75, 3)) * 5.0
    scores = small(kind).score_partial_fit(X)
    assert roc_auc_score(y[500:], scores[500:]) > 0.97
    shifted = rows(3000, seed=6)
    shifted[1000:] += 6.0
    detector = small(kind) if kind is HalfSpaceTrees else small(kind, half_life=200.0)
    scores = detector.score_partial_fit(shifted)
    assert scores[1000:1010].mean() > np.quantile(scores[300:1000], 0.98)
    assert scores[2500:].mean() < np.quantile(scores[300:1000], 0.9)


@pytest.mark.skipif(not loops.compiled(), reason="half a minute without compiled loops")
def test_a_shingle_finds_an_odd_course_of_usual_values():
    t = np.arange(3000)
    X = np.sin(2 * np.pi * t / 24)[:, None] + 0.05 * rows(3000, 1)
    y = (t >= 2400) & (t < 2412)
    X[y] = np.random.default_rng(0).permutation(X[y])
    one, several = (small(RandomCutForest, n_trees=20, sample_size=128, shingle=k) for k in (1, 8))
    assert roc_auc_score(y[300:], several.score_partial_fit(X)[300:]) > 0.9
    assert roc_auc_score(y[300:], one.score_partial_fit(X)[300:]) < 0.8
    assert several.contributions(X[-1:]).shape == (1, 1)


def test_half_space_trees_say_nothing_before_the_16th_row():
    scores = small(HalfSpaceTrees).score_partial_fit(rows(40))
    assert (scores[:16] == 0).all()
    assert (scores[16:] != 0).all()
