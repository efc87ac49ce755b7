"""Probabilities: what is said comes about, on rows that neither the detector nor the curve has seen."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from amiss.evaluate.probabilities import brier_score, calibration_curve
from amiss.thresholds.chances import Chances


def _drawn(n, seed=0, slope=2.0):
    """Scores, labels and the true probabilities."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=n)
    true = 1 / (1 + np.exp(3 - slope * scores))
    return scores, random.random(n) < true, true


@pytest.mark.parametrize("n", [120, 20_000])
def test_what_is_said_comes_about(n):
    scores, odd, _ = _drawn(n)
    new, came, true = _drawn(20_000, seed=1)
    learnt = Chances.learnt(scores, odd)
    said = learnt.probability(new)
    assert brier_score(came, said) < brier_score(came, true) + (0.02 if n < 1000 else 0.001)
    # The raw score, read as log-odds, says far too much.
    assert brier_score(came, said) < brier_score(came, 1 / (1 + np.exp(-new))) - 0.02
    if n > 1000:
        for part in calibration_curve(came, said, level=0.999):
            assert abs(part.said - part.came.value) < 0.04


def test_a_curve_that_no_line_can_follow_is_followed():
    random = np.random.default_rng(0)
    scores = random.uniform(0, 3, 6000)
    odd = random.random(6000) < np.array([0.02, 0.5, 0.52])[scores.astype(int)]
    said = Chances.learnt(scores, odd).probability(np.array([0.5, 1.5, 2.5]))
    np.testing.assert_allclose(said, [0.02, 0.5, 0.52], atol=0.05)


def test_none_is_sure_and_none_falls():
    for n in (12, 40, 400):
        scores = np.arange(n, dtype=float)
        learnt = Chances.learnt(scores, scores >= n / 2)
        said = learnt.probability(np.array([-1e300, *scores, 1e300]))
        assert (np.diff(said) >= 0).all()
        assert 0.2 / n < said[0] < 2 / n
        assert 1 - 2 / n < said[-1] < 1 - 0.2 / n


def test_beyond_what_was_seen_it_is_as_at_the_end():
    scores, odd, _ = _drawn(300)
    said = Chances.learnt(scores, odd).probability
    assert said(np.array([1e9])) == said(scores.max(keepdims=True))


def test_scores_that_say_nothing_or_the_contrary_give_the_share():
    random = np.random.default_rng(0)
    odd = np.arange(100) < 20
    for scores in (np.zeros(100), -2.0 * odd + 0.1 * random.normal(size=100)):
        said = Chances.learnt(scores, odd).probability(np.array([-5.0, 0.0, 5.0]))
        np.testing.assert_allclose(said, 0.2, atol=0.005)


def test_too_few_of_a_sort_give_none():
    assert Chances.learnt(np.arange(100.0), np.arange(100) < 4) is None
    assert Chances.learnt(np.arange(100.0), np.arange(100) >= 4) is None
    assert Chances.learnt(np.arange(100.0), np.arange(100) < 5) is not None


def test_the_steps_are_scikit_learns_with_a_row_more_at_the_ends():
    scores, odd, _ = _drawn(3000)
    learnt = Chances.learnt(scores, odd)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, odd)
    inside = np.linspace(*np.quantile(scores, [0.2, 0.95]), 50)
    np.testing.assert_allclose(learnt.probability(inside), theirs.predict(inside), atol=0.01)


def test_where_anomalies_are_rarer_probabilities_are_lower():
    scores, odd, _ = _drawn(5000)
    learnt = Chances.learnt(scores, odd)
    rarer = learnt.at(0.001)
    # The odds shrink by the same factor everywhere.
    p, q = learnt.probability(scores), rarer.probability(scores)
    factor = (q / (1 - q)) / (p / (1 - p))
    np.testing.assert_allclose(factor, 0.001 / 0.999 / (learnt.share / (1 - learnt.share)))
    np.testing.assert_allclose(rarer.at(learnt.share).probability(scores), p)
    # Of rows that are as rare in truth, what is said comes about.
    new, came, _ = _drawn(400_000, seed=1)
    kept = ~came | (np.random.default_rng(2).random(len(came)) < 0.1)
    said = learnt.at(float(came[kept].mean())).probability(new[kept])
    assert abs(said.mean() - came[kept].mean()) < 0.002


def test_it_comes_back_from_its_state_and_what_is_none_is_refused():
    scores, odd, _ = _drawn(3000)
    learnt = Chances.learnt(scores, odd)
    again = Chances.restored(learnt.state())
    assert np.array_equal(again.probability(scores), learnt.probability(scores))
    assert Chances.restored({}) is None
    state = learnt.state()
    for wrong in (
        {"knots": state["knots"][::-1]}, {"log_odds": -state["log_odds"]}, {"share": 1.0}, {"n_anomalies": 0},
        {"knots": state["knots"][:-1]}, {"log_odds": np.full_like(state["log_odds"], np.nan)},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="do not fit together"):
            Chances.restored(state | wrong)
