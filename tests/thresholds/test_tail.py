"""The modelled tail: near scipy's law where that is known, on average what new rows do, silent where it must be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from amiss.thresholds.conformal import Conformal
from amiss.thresholds.tail import Tail, survival

NONE = np.empty(0)


def descending(values):
    return np.sort(values)[::-1]


@pytest.mark.parametrize("shape", [-0.3, 0.2, 0.5, 1.0])
def testsurvival_is_scipys(shape):
    excess = np.linspace(0, 20, 50)
    ours = survival(excess, np.array([shape]), np.array([2.0]))[0]
    np.testing.assert_allclose(ours, stats.genpareto.sf(excess, shape, scale=2.0), atol=1e-12)


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.4])
def test_many_rows_of_a_known_law(shape):
    """With the most rows that are looked at, the share ten times beyond the start is near the true one."""
    ratios = []
    for seed in range(30):
        scores = descending(stats.genpareto.rvs(shape, size=5000, random_state=seed))
        tail = Tail.fitted(scores, NONE)
        true = stats.genpareto.ppf(1 - 0.005, shape)
        start = stats.genpareto.sf(tail.start, shape)
        ratios.append(tail.share_above(np.array([true]))[0] / (0.005 / start))
    assert 0.85 < np.mean(ratios) < 1.18


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000), n=st.integers(120, 3000), power=st.floats(0.2, 3), scale=st.floats(1e-6, 1e6),
    n_trimmed=st.integers(0, 20),
)  # fmt: skip
def test_a_share_falls_from_one_and_has_no_unit(seed, n, power, scale, n_trimmed):
    scores = descending(np.random.default_rng(seed).exponential(size=n) ** power)
    tail = Tail.fitted(scores[n_trimmed:], scores[:n_trimmed])
    tested = tail.start + (scores[0] - tail.start) * np.linspace(-0.1, 30, 400)
    share = tail.share_above(tested)
    assert share[0] == pytest.approx(1.0)
    assert (np.diff(share) <= 1e-12).all()
    assert (share >= 0).all()
    again = Tail.fitted(scores[n_trimmed:] * scale, scores[:n_trimmed] * scale)
    np.testing.assert_allclose(again.share_above(tested * scale), share, rtol=1e-5, atol=1e-12)
    assert 0 <= tail.n_hidden <= n_trimmed


@pytest.mark.parametrize("scores", [np.arange(99.0), np.repeat([1.0, 2.0, 3.0], 100), np.ones(500), NONE])
def test_no_tail_from_few_or_repeating_scores(scores):
    assert Tail.fitted(descending(scores), NONE) is None


def test_the_hidden_rows_are_counted():
    """The highest 2 % of an exponential sample are taken away: about that many are expected back."""
    found = []
    for seed in range(20):
        scores = descending(np.random.default_rng(seed).exponential(size=5000))
        far = np.linspace(30, 20, 150)
        found.append(Tail.fitted(scores[100:], np.append(far, scores[:100])).n_hidden)
    assert 60 < np.mean(found) < 160


def test_p_values_are_counted_as_far_as_counting_goes():
    scores = np.random.default_rng(0).normal(size=2000)
    fitted = Conformal(0.01, asked="").calibrate(scores)
    ordered = descending(scores)
    below = ordered[19:] - 1e-9
    counted = (np.searchsorted(-ordered, -below, side="right") + 1) / 2001
    np.testing.assert_allclose(fitted.p_value(below), counted)
    # Just above the twentieth the tail goes on where counting ends, and then falls without a jump.
    line = np.linspace(ordered[19] + 1e-9, ordered[19] + 3, 3000)
    p = fitted.p_value(line)
    assert p[0] == pytest.approx(20 / 2001, rel=1e-3)
    assert (np.diff(p) <= 0).all()
    assert p.min() >= 0.01 / 2001 - 1e-15
    assert np.abs(np.diff(np.log(p[p > 1e-5]))).max() < 0.05


LAWS = {
    "exponential": stats.expon(), "normal": stats.norm(), "log-normal": stats.lognorm(1), "Pareto": stats.pareto(3),
    "chi": stats.chi(4), "bounded": stats.beta(2, 6),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWS)
def test_new_rows_reach_the_rate_asked(name):
    """200 draws of 1,000 scores: far beyond counting, the mean reached rate is that asked."""
    law, rates = LAWS[name], np.array([5e-3, 1e-3, 4e-4])
    reached = []
    for seed in range(200):
        scores = law.rvs(1000, random_state=seed)
        fitted = Conformal(0.01, asked="").calibrate(scores, clean=True)
        line = np.linspace(descending(scores)[40], scores.max() + 4 * np.ptp(scores), 8000)
        p = fitted.p_value(line)
        reached.append([law.sf(line[np.argmax(p <= rate)]) for rate in rates])
    ratio = np.mean(reached, axis=0) / rates
    assert (ratio > 0.67).all(), ratio
    assert (ratio < 1.5).all(), ratio
