"""The band that follows each entity: cold, warm, shifted, constant, cut, grown, restored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.core.detector import Context
from amiss.core.errors import DataError
from amiss.detectors import AdaptiveBand


def _stream(n=3000, n_entities=5, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 3)) * [1, 10, 0.1] + [5, -20, 100]
    X[random.random(X.shape) < 0.03] = np.nan
    return X, Context(entity=random.integers(0, n_entities, n))


def _part(context, rows):
    return Context(entity=context.entity[rows])


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 400), max_size=12))
def test_how_the_stream_is_cut_does_not_matter(cuts):
    X, who = _stream(400)
    whole, parts = AdaptiveBand(), AdaptiveBand()
    scores = whole.score_partial_fit(X, context=who)
    edges = sorted({0, 400, *cuts})
    told = [
        parts.score_partial_fit(X[a:b], context=_part(who, slice(a, b)))
        for a, b in zip(edges[:-1], edges[1:], strict=True)
    ]
    np.testing.assert_array_equal(np.concatenate(told), scores)
    np.testing.assert_array_equal(parts.state()["memory_"], whole.state()["memory_"])


def test_scoring_then_learning_is_what_one_pass_does():
    X, who = _stream(200)
    one, two = AdaptiveBand(), AdaptiveBand().partial_fit(X[:1], context=_part(who, slice(1)))
    scores = one.score_partial_fit(X, context=who)
    for i in range(1, 200):
        row, here = X[i : i + 1], _part(who, slice(i, i + 1))
        assert two.anomaly_score(row, context=here)[0] == scores[i]
        two.partial_fit(row, context=here)


def test_cold_entities_score_nothing_and_say_so():
    X, who = _stream(29, n_entities=1)
    X = np.nan_to_num(X)
    detector = AdaptiveBand()
    assert not detector.score_partial_fit(X, context=who).any()
    assert not detector.ready(0)
    low, high = detector.bands(0)
    assert np.isinf(low).all()
    assert np.isinf(high).all()
    detector.score_partial_fit(X[:1], context=_part(who, slice(1)))
    assert detector.ready(0)
    assert not detector.ready(7)
    assert detector.anomaly_score(X[:1] + 100)[0] > 10
    assert detector.anomaly_score(X[:1] + 100, context=Context(entity=np.array([7])))[0] == 0


def test_bands_are_where_the_score_is_reached():
    X, who = _stream()
    detector = AdaptiveBand()
    detector.score_partial_fit(X, context=who)
    for score in (3.0, 5.0):
        low, high = detector.bands(np.arange(5), score=score)
        for entity in range(5):
            for edge in (low, high):
                for j in range(3):
                    row = np.full((1, 3), np.nan)
                    row[0, j] = edge[entity, j]
                    told = detector.anomaly_score(row, context=Context(entity=np.array([entity])))[0]
                    assert told == pytest.approx(score)


@pytest.mark.parametrize("value", [0.0, 1.0, 7.0, 20.0, 100.0, -3.0, 21.5])
@pytest.mark.parametrize("lasts", [1, 5, 500])
def test_a_constant_that_changes_by_one_is_nothing(value, lasts):
    X = np.full((2000, 1), value)
    X[1000 : 1000 + lasts] += 1
    assert AdaptiveBand().score_partial_fit(X).max() < 2.4
    X[1000] += 200
    assert AdaptiveBand().score_partial_fit(X).argmax() == 1000


def test_the_first_spread_is_not_forgotten_while_a_channel_stands_still():
    random = np.random.default_rng(0)
    x = random.normal(size=6000)
    x[2000:5000] = x[1999]
    assert AdaptiveBand().score_partial_fit(x[:, None])[5000:].max() < 15


def test_a_large_shift_stays_odd_until_it_has_lasted():
    random = np.random.default_rng(0)
    x = random.normal(size=5000)
    x[2000:] += 30
    scores = AdaptiveBand().score_partial_fit(x[:, None])
    assert np.median(scores[2050:2900]) > 4
    assert np.mean(scores[3100:] > 4) < 0.01


def test_a_level_that_is_not_the_usual_one_is_told_but_raises_no_alarm():
    x = np.random.default_rng(0).normal(size=3000)
    x[2000:2800] += 3
    scores = AdaptiveBand().score_partial_fit(x[:, None])
    assert np.median(scores[2100:2800]) > np.quantile(scores[1000:2000], 0.9)
    assert np.mean(scores[2100:2800] > 2.6) < 0.03
    accepted = AdaptiveBand(patience=100).score_partial_fit(x[:, None])
    assert np.median(accepted[2300:2800]) < np.median(scores[2300:2800]) - 0.5


def test_a_small_shift_is_soon_usual():
    alarms = []
    for seed in range(20):
        x = np.random.default_rng(seed).normal(size=3000)
        x[2000:] += 3
        scores = AdaptiveBand().score_partial_fit(x[:, None])
        alarms.append(np.mean(scores[2000:] > np.quantile(scores[1000:2000], 0.99)))
    assert np.mean(alarms) <= 0.03


def test_restored_it_goes_on_as_before_and_memory_is_small():
    X, who = _stream()
    first = AdaptiveBand()
    first.score_partial_fit(X[:2000], context=_part(who, slice(2000)))
    state = {name: np.array(value) for name, value in first.state().items()}
    assert state["memory_"].nbytes / 5 / 3 * 4 <= 500
    again = AdaptiveBand().restore(state)
    np.testing.assert_array_equal(
        again.score_partial_fit(X[2000:], context=_part(who, slice(2000, None))),
        first.score_partial_fit(X[2000:], context=_part(who, slice(2000, None))),
    )
    assert np.array_equal(again.memory_[:5], first.memory_[:5])
    assert not np.array_equal(state["memory_"], again.state()["memory_"])


def test_new_entities_leave_the_others_what_they_learnt():
    X, who = _stream(500, n_entities=2)
    detector = AdaptiveBand()
    detector.score_partial_fit(X, context=who)
    before = detector.memory_[:2].copy()
    for entity in range(2, 300):
        detector.score_partial_fit(X[:1], context=Context(entity=np.array([entity])))
    np.testing.assert_array_equal(detector.memory_[:2], before)
    assert detector.n_entities_ == 300
    assert len(detector.memory_) < 700


def test_a_number_that_is_free_again_begins_anew():
    X, who = _stream()
    detector = AdaptiveBand()
    detector.score_partial_fit(X, context=who)
    assert detector.forget([1, 3]).ready(0)
    assert not detector.ready(3)
    row, here = X[:1] + 100, Context(entity=np.array([3]))
    assert detector.score_partial_fit(row, context=here)[0] == 0


def test_foreign_state_and_entities_are_refused():
    X, who = _stream(100)
    detector = AdaptiveBand()
    detector.score_partial_fit(X, context=who)
    with pytest.raises(ValueError, match="fit together"):
        AdaptiveBand().restore(detector.state() | {"n_entities_": 9})
    for entity in (np.array([-1]), np.array([0, 1])):
        with pytest.raises(DataError, match="entities"):
            detector.score_partial_fit(X[:1], context=Context(entity=entity))
