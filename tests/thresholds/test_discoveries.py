"""A share of the alarms: the rule by hand, its properties, and the promise over many draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

import amiss
from amiss.core.errors import ParameterError, PromiseError
from amiss.thresholds.discoveries import discoveries, normal_share
from amiss.thresholds.promise import FalseDiscoveries, read_wish

P_VALUES = st.lists(st.sampled_from([1e-6, 1e-3, 0.01, 0.5, 1.0]) | st.floats(1e-9, 1), min_size=1, max_size=60)


def by_hand(p, rate):
    n, share = len(p), min(1.0, (1 + sum(v > 0.5 for v in p)) / (len(p) / 2))
    border = -1.0
    for k, value in enumerate(sorted(p), start=1):
        if value <= rate * k / (n * share) * (1 + 1e-9):
            border = value
    return [value <= border for value in p]


@given(P_VALUES, st.floats(0.01, 0.99))
def test_like_its_naive_twin(p, rate):
    assert discoveries(np.array(p), rate).tolist() == by_hand(p, rate)


@given(P_VALUES, st.floats(0.01, 0.99))
def test_never_fewer_than_benjamini_and_hochberg_of_scipy(p, rate):
    plain = false_discovery_control(p) <= rate * (1 - 1e-9)
    assert (discoveries(np.array(p), rate) | ~plain).all()


@given(P_VALUES, st.floats(0.01, 0.5))
def test_more_is_found_where_more_is_allowed(p, rate):
    few, many = discoveries(np.array(p), rate), discoveries(np.array(p), min(2 * rate, 0.99))
    assert (many | ~few).all()
    assert 0 < normal_share(np.array(p)) <= 1


def test_no_rows():
    assert discoveries(np.empty(0), 0.1).tolist() == []


@pytest.mark.parametrize(("wish", "share"), [("10%", 0.1), (0.05, 0.05), ("0.2", 0.2), (" 5 % ", 0.05)])
def test_wishes(wish, share):
    assert FalseDiscoveries.read(wish).share == pytest.approx(share)


@pytest.mark.parametrize("wish", ["", "many", 0, 1, "100%", 5, "1/day", "nan", -0.1])
def test_wishes_that_cannot_be_read(wish):
    with pytest.raises(ParameterError, match="no share of the alarms"):
        FalseDiscoveries.read(wish)


def test_one_promise_at_a_time():
    with pytest.raises(ParameterError, match="both asked for"):
        read_wish("1%", "10%")
    with pytest.raises(ParameterError, match="both asked for"):
        amiss.fit(np.zeros((50, 2)), false_alarms=0.1, false_discoveries=0.1)


def _batch(random, n, n_odd):
    X = random.normal(size=(n, 4))
    X[:n_odd] += 7 * random.choice([-1, 1], size=(n_odd, 4)) / 2
    return X, np.arange(n) < n_odd


def test_a_model_and_its_two_promises():
    random = np.random.default_rng(0)
    model = amiss.fit(random.normal(size=(2000, 4)), false_discoveries="10%", detector="mahalanobis")
    assert model.promise.asked == "10% of the alarms"
    assert model.promise.share_of == "alarms"
    assert model.promise.version == 1
    X, odd = _batch(random, 1000, 20)
    found = model.score(X).is_anomaly
    assert found[odd].mean() > 0.9
    assert (found & ~odd).sum() < 0.5 * found.sum()
    by_rows = model.with_false_alarms("5%")
    assert by_rows.promise.version == 2
    assert by_rows.promise.share_of == "rows"
    assert by_rows.recipe.false_discoveries is None
    again = by_rows.with_false_discoveries(0.1)
    assert again.promise.version == 3
    np.testing.assert_array_equal(again.score(X).is_anomaly, found)


def test_few_rows_are_remarked_upon():
    random = np.random.default_rng(0)
    model = amiss.fit(random.normal(size=(500, 2)), false_discoveries="10%", detector="mahalanobis")
    assert any("judged together; these are 3" in note for note in model.score(random.normal(size=(3, 2))).notes)
    assert not model.score(random.normal(size=(100, 2))).notes


def test_ranks_cannot_promise_it():
    model = amiss.detect(np.random.default_rng(0).normal(size=(200, 2)), detector="mahalanobis").model
    with pytest.raises(PromiseError, match="by ranks"):
        model.with_false_discoveries("10%")


def test_detect_finds_the_odd_rows_and_few_others():
    X, odd = _batch(np.random.default_rng(1), 2000, 60)
    result = amiss.detect(X, false_discoveries="10%", detector="mahalanobis")
    assert result.is_anomaly[odd].mean() > 0.9
    assert (result.is_anomaly & ~odd).sum() <= 0.2 * result.n_anomalies
    assert result.promise.model_based


@pytest.mark.slow
@pytest.mark.parametrize("detector", ["mahalanobis", "knn"])
def test_the_share_of_false_alarms_is_kept(detector):
    """100 draws, 2 % of 1,000 rows odd: as few that the p-values need the tail."""
    false, found, alone = [], [], []
    for draw in range(100):
        random = np.random.default_rng(draw)
        model = amiss.fit(random.normal(size=(1000, 4)), false_discoveries=0.1, detector=detector, seed=draw)
        X, odd = _batch(random, 1000, 20)
        alarm = model.score(X).is_anomaly
        false.append((alarm & ~odd).sum() / max(alarm.sum(), 1))
        found.append(alarm[odd].mean())
        here = amiss.detect(X, false_discoveries=0.1, detector=detector, seed=draw).is_anomaly
        alone.append((here & ~odd).sum() / max(here.sum(), 1))
    assert np.mean(false) < 0.12
    assert np.mean(alone) < 0.12
    assert np.mean(found) > 0.8
