"""Alarms at an asked rate on streams of scores of every shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.core.detector import Context
from amiss.core.errors import DataError, ParameterError
from amiss.detectors import AdaptiveBand
from amiss.thresholds.adaptive import Adaptive

SHAPES = {
    "normal": lambda random, n: np.abs(random.normal(size=n)),
    "heavy": lambda random, n: np.abs(random.standard_cauchy(size=n)),
    "exponential": lambda random, n: random.exponential(size=n),
    "whole": lambda random, n: np.round(random.exponential(3, size=n)),
    "wandering": lambda random, n: np.abs(random.normal(size=n)) * np.exp(np.sin(np.arange(n) / 5000)),
}


@pytest.mark.parametrize("rate", [1e-2, 1e-3])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_rate_asked_for_is_reached(shape, rate):
    reached = []
    for seed in range(5):
        threshold = Adaptive(rate)
        threshold.advance(SHAPES[shape](np.random.default_rng(seed), 20_000))
        reached.append(threshold.n_raised)
    assert 0.5 < np.mean(reached) / (20_000 * rate) < 2


def test_alarms_per_day_follow_the_clock():
    for n_per_hour in (60, 6000):
        random = np.random.default_rng(0)
        time = 1.6e9 + np.cumsum(random.exponential(3600 / n_per_hour, size=n_per_hour * 240))
        threshold = Adaptive(10, per="day")
        threshold.advance(np.abs(random.normal(size=len(time))), time=time)
        assert 50 < threshold.n_raised < 200
        assert threshold.rows_per_day == pytest.approx(24 * n_per_hour, rel=0.1)
    assert threshold.promise().rate == pytest.approx(10 / threshold.rows_per_day)


def test_a_pause_and_a_clock_that_leaps_do_not_open_the_door():
    random = np.random.default_rng(1)
    time = np.arange(40_000) * 10.0
    time[20_000:] += 86_400 * 30
    time[30_000:] -= 86_400 * 60
    time[5_000] += 1e9
    threshold = Adaptive(10, per="day")
    _, high = threshold.advance(np.abs(random.normal(size=40_000)), time=time)
    days = 40_000 * 10 / 86_400
    assert 0.5 < threshold.n_raised / (10 * days) < 2
    assert high[20_000:20_500].sum() < 10


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 2000), max_size=10), per=st.sampled_from(["row", "day"]))
def test_how_the_stream_is_cut_does_not_matter(cuts, per):
    random = np.random.default_rng(0)
    scores, entity = random.exponential(size=2000), random.integers(0, 50, 2000)
    time = np.cumsum(random.exponential(30, size=2000))
    rate = 0.02 if per == "row" else 50
    whole, parts = Adaptive(rate, per=per), Adaptive(rate, per=per)
    told = whole.advance(scores, entity, time)
    edges = sorted({0, 2000, *cuts})
    found = [parts.advance(scores[a:b], entity[a:b], time[a:b]) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    for k in range(2):
        np.testing.assert_array_equal(np.concatenate([each[k] for each in found]), told[k])


def test_restored_it_goes_on_as_before():
    random = np.random.default_rng(0)
    scores, entity = random.exponential(size=5000), random.integers(0, 50, 5000)
    first = Adaptive(0.01)
    first.advance(scores[:3000], entity[:3000])
    state = {name: np.copy(v) if isinstance(v, np.ndarray) else v for name, v in first.state().items()}
    again = Adaptive.restored(state)
    rest = scores[3000:], entity[3000:]
    for a, b in zip(again.advance(*rest), first.advance(*rest), strict=True):
        np.testing.assert_array_equal(a, b)
    assert again.n_raised == first.n_raised
    for wrong in ({"memory": np.zeros(3)}, {"quiet": np.zeros((2, 2))}, {"memory": state["memory"] * np.nan}):
        with pytest.raises(ValueError, match="fit together"):
            Adaptive.restored(state | wrong)


def test_a_storm_is_told_to_its_end_and_deafens_nobody():
    random = np.random.default_rng(0)
    scores, entity = np.abs(random.normal(size=60_000)), random.integers(0, 1000, 60_000)
    storm = slice(20_000, 23_000)
    scores[storm] += 30
    scores[40_000] = 12
    _, high = Adaptive(1e-3).advance(scores, entity)
    assert high[storm].mean() > 0.99
    assert high[40_000]
    assert 10 < high[30_000:].sum() < 90


def test_scores_that_are_higher_for_good_are_learnt():
    random = np.random.default_rng(0)
    scores = np.abs(random.normal(size=40_000))
    scores[10_000:] *= 10
    _, high = Adaptive(1e-3).advance(scores)
    assert high[20_000:].mean() < 4e-3


def test_an_alarm_that_goes_on_is_one():
    scores = np.abs(np.random.default_rng(0).normal(size=6000))
    calm = Adaptive(1e-3)
    calm.advance(scores[:5000])
    before = calm.n_raised
    calm.advance(np.full(40, 30.0))
    assert calm.n_raised == before + 1
    calm.advance(np.full(5, 30.0))
    assert calm.n_raised == before + 1
    calm.forget([0])
    calm.advance(np.full(5, 30.0))
    assert calm.n_raised == before + 2


def test_zeros_are_not_judged_and_looking_teaches_nothing():
    threshold = Adaptive(0.01)
    p_values, high = threshold.advance(np.zeros(1000))
    assert (p_values == 1).all()
    assert not high.any()
    threshold.advance(np.abs(np.random.default_rng(0).normal(size=5000)))
    before = threshold.state()["memory"].copy()
    assert list(threshold.is_anomaly(np.array([0.1, 30.0]))) == [False, True]
    p_values = threshold.p_value(np.linspace(0.01, 10, 200))
    assert (np.diff(p_values) < 0).all()
    assert abs(threshold.p_value(np.array([1.96]))[0] - 0.05) < 0.02
    np.testing.assert_array_equal(threshold.state()["memory"], before)
    assert threshold.promise().reached == threshold.n_raised / 6000


def test_a_fleet_that_stands_still_raises_nothing_and_what_is_odd_in_it_does():
    random = np.random.default_rng(0)
    n_rows, n_entities = 400, 100
    X = np.repeat(np.round(random.normal(50, 20, size=(1, n_entities))), n_rows, axis=0)
    for entity in range(n_entities):
        X[random.integers(100, n_rows) :, entity] += random.choice([-1, 1])
    band, who = AdaptiveBand(), Context(entity=np.tile(np.arange(n_entities), n_rows))
    scores = band.score_partial_fit(X.reshape(-1, 1), context=who)
    threshold = Adaptive(1e-3, least_score=band.usual_score)
    _, high = threshold.advance(scores, who.entity)
    assert not high.any()
    row = X[-1:].T.copy()
    row[7] += 40
    here = Context(entity=np.arange(n_entities))
    _, high = threshold.advance(band.score_partial_fit(np.ascontiguousarray(row), context=here), here.entity)
    assert np.flatnonzero(high).tolist() == [7]


def test_wrong_input_is_refused():
    for rate, per in ((0, "row"), (0.6, "row"), (1, "week")):
        with pytest.raises(ParameterError):
            Adaptive(rate, per=per)
    with pytest.raises(ParameterError, match="time"):
        Adaptive(3, per="day").advance(np.ones(3))
    for scores, entity in ((np.array([np.nan]), None), (np.ones(2), np.array([0])), (np.ones(1), np.array([-1]))):
        with pytest.raises(DataError):
            Adaptive(0.1).advance(scores, entity)


def test_as_many_as_hardly_go_one_by_one_are_reached_and_do_not_run_into_one_another() -> None:
    from scipy.signal import lfilter

    random = np.random.default_rng(0)
    for x in (random.normal(size=20_000), lfilter([1], [1, -0.9], random.normal(size=20_000))):
        band = AdaptiveBand()
        scores = band.score_partial_fit(np.ascontiguousarray(x)[:, None])
        for asked in (1 / 48, 1 / 10):  # the second cannot be had
            threshold = Adaptive(asked, least_score=band.usual_score)
            _, high = threshold.advance(scores)
            assert threshold.n_raised / len(x) > 1 / 96
            assert high.mean() < 0.12
