"""What is asked can be read, what cannot be kept is refused, and what is promised is kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import amiss
from amiss.core.errors import ParameterError, PromiseError
from amiss.core.frame import Frame
from amiss.core.source import silent
from amiss.pipeline.learn import _fold, calibrate, learn, look, n_folds_for
from amiss.pipeline.opening import open_source
from amiss.pipeline.recipe import Recipe
from amiss.thresholds import conformal
from amiss.thresholds.conformal import Conformal
from amiss.thresholds.promise import FalseAlarms


@pytest.mark.parametrize(
    ("wish", "n_rows", "span", "rate"),
    [
        ("1%", 500, None, 0.01), (0.02, 500, None, 0.02), ("0.02", 500, None, 0.02), (5, 500, None, 0.01),
        ("5", 500, None, 0.01), ("1/day", 1000, 10 * 86400, 0.01), ("2 / hour", 100, 3600, 0.02),
        (None, 500, None, 0.01), (None, 40, None, 1 / 40), (" 0.5 % ", 9999, None, 0.005),
    ],
)  # fmt: skip
def test_wishes(wish, n_rows, span, rate):
    assert FalseAlarms.read(wish).of(n_rows).rate(n_rows, span) == pytest.approx(rate)


@pytest.mark.parametrize("wish", ["", "many", "-1", "0", "0%", "100%", "1/fortnight", "nan", "inf", "1%%", -3, 0])
def test_wishes_that_cannot_be_read(wish):
    with pytest.raises(ParameterError):
        FalseAlarms.read(wish)


def test_wishes_that_the_data_cannot_carry():
    with pytest.raises(PromiseError, match="no time column"):
        FalseAlarms.read("1/day").rate(100, None)
    with pytest.raises(PromiseError, match="fewer than there are rows"):
        FalseAlarms.read(200).rate(100, None)
    with pytest.raises(PromiseError, match=r"1,900 more rows \(2,000 in all\)"):
        Conformal(1e-4, asked="0.01%").calibrate(np.arange(100.0))
    with pytest.raises(PromiseError, match=r"9,949 more rows \(9,999 in all\)"):
        Conformal(1e-4, asked="0.01%").calibrate(np.repeat(np.arange(5.0), 10), clean=True)
    with pytest.raises(PromiseError, match=r"9,900 more rows \(10,000 in all\)"):
        Conformal(1e-4, asked="0.01%", same_rows=True).calibrate(np.arange(100.0))
    Conformal(1e-2, asked="1%").calibrate(np.arange(99.0))


SCORES = st.lists(st.sampled_from([0.0, 1.0, 1.5, 2.0, 7.0]) | st.floats(-5, 5), min_size=20, max_size=80)


@given(calibration=SCORES, tested=SCORES, same=st.booleans())
def test_p_values_by_counting(calibration, tested, same):
    tested = calibration if same else tested
    found = Conformal(0.2, asked="20%", same_rows=same).calibrate(np.array(calibration)).p_value(np.array(tested))
    n, one = len(calibration), 0 if same else 1
    expected = [(sum(c >= t for c in calibration) + one) / (n + one) for t in tested]
    np.testing.assert_allclose(found, expected)


def test_thinning_never_makes_a_p_value_smaller(monkeypatch):
    scores = np.random.default_rng(0).normal(size=5000)
    exact = Conformal(0.01, asked="").calibrate(scores)
    monkeypatch.setattr(conformal, "_EXACT", 200)
    thinned = Conformal(0.01, asked="").calibrate(scores)
    assert len(thinned.values_) <= 401
    tested = np.random.default_rng(1).normal(size=3000)
    a, b = thinned.p_value(tested), exact.p_value(tested)
    assert (a >= b).all()
    assert (a - b).max() < 0.01
    high = tested > np.sort(scores)[-200]
    np.testing.assert_array_equal(a[high], b[high])


def test_another_promise_without_another_fit():
    random = np.random.default_rng(0)
    model = amiss.fit(random.normal(size=(500, 2)), false_alarms="1%")
    strict = model.with_false_alarms("0.5%")
    assert strict.promise.rate == 0.005
    X = random.normal(size=(2000, 2))
    assert strict.score(X).n_anomalies < model.score(X).n_anomalies
    np.testing.assert_array_equal(strict.score(X).scores, model.score(X).scores)
    with pytest.raises(PromiseError):
        model.with_false_alarms("0.01%")


@pytest.mark.parametrize("n_rows", [12, 40, 150, 700])
def test_no_row_is_scored_by_a_detector_that_has_seen_it(n_rows):
    """Where there are few rows some of the many folds are empty; the others keep their own."""
    X = {"a": np.random.default_rng(1).normal(size=n_rows)}
    source, recipe = open_source(X), Recipe(detector="mahalanobis", seed=2)
    learnt = learn(source, recipe, look(source, recipe, silent), silent, calibrated=True)
    calibration = calibrate(source, recipe, learnt, silent, 0.1)
    prepared = learnt.preparation.transform(Frame.of(X))
    fold = _fold(np.arange(n_rows), n_folds_for(n_rows))
    for k in np.unique(fold):
        apart = recipe.make_detector().fit(prepared[fold != k])
        np.testing.assert_allclose(calibration.scores[fold == k], apart.anomaly_score(prepared[fold == k]))


@pytest.mark.slow
@pytest.mark.parametrize("detector", ["knn", "mahalanobis"])
def test_few_rows_are_not_too_cautious(detector):
    """150 rows, 40 draws: with many folds a neighbour detector reaches nearly what was asked."""
    reached = []
    for draw in range(40):
        random = np.random.default_rng(draw)
        model = amiss.fit(random.normal(size=(150, 4)), detector=detector, clean=True)
        reached.append((model.score(random.normal(size=(2000, 4))).p_values <= 0.1).mean() / 0.1)
    assert 0.9 < np.mean(reached) < 1.1


def test_number_of_alarms_is_kept_exactly():
    X = np.random.default_rng(0).normal(size=(777, 3))
    for wanted in (1, 5, 30):
        assert amiss.detect(X, false_alarms=wanted).n_anomalies == wanted


def _shapes(random, n):
    yield random.normal(size=(n, 4))
    yield random.standard_t(2.5, size=(n, 3))
    yield random.lognormal(size=(n, 3))
    yield np.where(random.random((n, 1)) < 0.5, random.normal(-3, 1, (n, 4)), random.normal(3, 1, (n, 4)))


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.1, 0.02])
def test_false_alarms_on_new_normal_rows(rate):
    """Over many draws the share of new normal rows that raise an alarm is what was asked."""
    reached = []
    for draw in range(15):
        random = np.random.default_rng(draw)
        for k, X in enumerate(_shapes(random, 600)):
            fresh = list(_shapes(np.random.default_rng(10_000 + draw), 1500))[k]
            model = amiss.fit(X, false_alarms=rate, seed=draw)
            reached.append(model.score(fresh).is_anomaly.mean())
    # 60 draws: the mean's own deviation is about rate / sqrt(60 · rate · 600 …), well inside a fifth of the rate.
    assert 0.8 * rate < np.mean(reached) < 1.2 * rate


@pytest.mark.slow
def test_p_values_of_new_normal_rows_are_nearly_uniform():
    found = []
    for draw in range(20):
        random = np.random.default_rng(draw)
        model = amiss.fit(random.normal(size=(500, 3)), detector="knn", seed=draw)
        found.append(model.score(random.normal(size=(500, 3))).p_values)
    p = np.concatenate(found)
    for level in (0.05, 0.2, 0.5, 0.8):
        # Each calibrating detector has seen nine tenths of the rows: its scores are a little higher, never lower.
        assert level - 0.05 < (p <= level).mean() < level + 0.02
