"""The default where the rows learnt are known to be normal: its spaces, its surprises, and what they find."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, rankdata
from sklearn.metrics import roc_auc_score

from amiss.core.rarity import surprise_of, thinned
from amiss.detectors import KNN, Ensemble
from amiss.detectors._familiar import Familiar, _Ranks
from amiss.testing import DETECTOR_CHECKS


class CleanEnsemble(Ensemble):
    """The default with what is known of its rows as its default."""

    def __init__(self, clean=True, sample_size=10_000, random_state=0, n_jobs=None):
        super().__init__(clean, sample_size, random_state, n_jobs)


@pytest.mark.parametrize("check", DETECTOR_CHECKS, ids=lambda check: check.__name__)
def test_contract_of_the_default_that_knows_its_rows(check):
    check(CleanEnsemble)


def random(seed=0):
    return np.random.default_rng(seed)


def learnt(X):
    return Ensemble(clean=True).fit(X)


def test_ranks_are_the_normal_quantiles_of_mean_ranks():
    X = np.round(random().normal(size=(300, 2)), 1)
    expected = norm.ppf((rankdata(X, axis=0) - 0.5) / len(X))
    np.testing.assert_allclose(_Ranks.of(X)(X), expected, atol=1e-12)


def test_ranks_are_the_same_whatever_the_scale_and_grow_beyond_what_was_learnt():
    X = random().normal(size=(200, 1))
    place, grown = _Ranks.of(X), _Ranks.of(np.exp(X))
    np.testing.assert_allclose(place(X), grown(np.exp(X)), atol=1e-12)
    last = X.max()
    steps = place(np.array([[last], [last + 1e-9], [last + 1], [last + 1e300]]))[:, 0]
    assert np.all(np.diff(steps) > 0)
    assert steps[1] > steps[0] + 0.4


def test_a_surprise_is_the_share_of_usual_scores_as_high():
    usual = np.sort(random().normal(size=999))
    surprise = surprise_of(np.array([-9.0, np.median(usual), usual[-1], usual[-1] + 1, usual[-1] + 9]), usual)
    assert surprise[:3] == pytest.approx([0, np.log(2), np.log(500)], abs=0.01)
    assert surprise[2] < surprise[3] < surprise[4]


def test_surprises_of_rows_like_those_learnt_are_exponential():
    usual = np.sort(random(1).normal(size=20_000))
    surprise = surprise_of(random(2).normal(size=20_000), usual)
    for rate in (0.5, 0.1, 0.01):
        # Binomial error, of both samples.
        assert np.mean(surprise > -np.log(rate)) == pytest.approx(rate, abs=6 * np.sqrt(rate / 20_000))


def test_thinned_scores_keep_both_ends():
    ascending = np.arange(50_001.0)
    assert len(thinned(ascending)) == 20_000
    assert thinned(ascending)[[0, -1]].tolist() == [0.0, 50_000.0]


def test_a_gap_is_odd_where_normal_rows_are_close():
    """Two clouds, one 30 times as dense: half a deviation of the wide one is far beside the narrow one."""
    generator = random()
    wide, narrow = generator.normal(size=(1000, 4)), 12 + generator.normal(size=(1000, 4)) / 30
    odd = 12 + generator.normal(size=(50, 4)) / 4
    normal = np.vstack([generator.normal(size=(500, 4)), 12 + generator.normal(size=(500, 4)) / 30])
    y = np.repeat([0, 1], [len(normal), len(odd)])
    rows = np.vstack([normal, odd])
    X = np.vstack([wide, narrow])
    ours, distance = (roc_auc_score(y, d.fit(X).anomaly_score(rows)) for d in (Ensemble(clean=True), KNN()))
    assert ours > 0.95
    assert ours > distance + 0.1


def test_features_of_any_tail_count():
    """What is odd between the values of one heavy-tailed column: ranges and deviations hide it."""
    generator = random()
    X = np.column_stack([np.exp(3 * generator.normal(size=3000)), generator.normal(size=3000)])
    X[:, 1] = np.sign(np.log(X[:, 0])) * np.abs(X[:, 1])
    normal = np.column_stack([np.exp(3 * generator.normal(size=500)), generator.normal(size=500)])
    normal[:, 1] = np.sign(np.log(normal[:, 0])) * np.abs(normal[:, 1])
    odd = normal[:200] * [1, -1]
    y = np.repeat([0, 1], [len(normal), len(odd)])
    assert roc_auc_score(y, learnt(X).anomaly_score(np.vstack([normal, odd]))) > 0.85


def test_a_broken_relation_is_found():
    generator = random()
    X = generator.normal(size=(3500, 10))
    X[:, 1] = X[:, 0] + 0.05 * generator.normal(size=3500)
    odd = X[3000:].copy()
    odd[:, 1] = generator.permutation(odd[:, 1])
    detector = learnt(X[:2500])
    y = np.repeat([0, 1], 500)
    assert roc_auc_score(y, detector.anomaly_score(np.vstack([X[2500:3000], odd]))) > 0.75


@pytest.mark.parametrize("missing", [False, True])
def test_state_and_batches_give_the_same_scores(missing):
    X = random().normal(size=(400, 3))
    if missing:
        X[::7, 1] = np.nan
    rows = np.vstack([X[:50], random(1).normal(size=(50, 3)) * 3])
    detector = learnt(X)
    scores = detector.anomaly_score(rows)
    again = Ensemble(clean=True)
    again.n_features_in_ = 3
    again.restore(detector.state())
    np.testing.assert_array_equal(again.anomaly_score(rows), scores)
    one_by_one = np.concatenate([detector.anomaly_score(row[None]) for row in rows])
    np.testing.assert_array_equal(one_by_one, scores)


def test_a_missing_value_is_odd_where_none_was_missing():
    X = random().normal(size=(500, 3))
    detector = learnt(X)
    whole, hole = detector.anomaly_score([[0.0, 0.0, 0.0], [0.0, np.nan, 0.0]])
    assert hole > whole + 1
    assert detector.contribute_rows(np.array([[0.0, np.nan, 0.0]])).argmax() == 1


def test_the_moved_feature_is_to_blame():
    detector = learnt(random().normal(size=(1000, 6)))
    rows = random(1).normal(size=(60, 6))
    moved = np.arange(60) % 6
    rows[np.arange(60), moved] += 8
    assert np.mean(detector.contribute_rows(rows).argmax(axis=1) == moved) > 0.95


def test_arrays_that_do_not_fit_together_are_refused():
    detector = learnt(random().normal(size=(100, 3)))
    for name in ("familiar.reach.log", "familiar.density.range", "familiar.holes"):
        state = detector.state()
        state[name] = state[name][:-1]
        with pytest.raises(ValueError, match="do not fit together"):
            Ensemble(clean=True).restore(state)


def test_few_equal_and_constant_rows_can_be_learnt():
    for X in (np.zeros((5, 2)), np.array([[0.0, 1.0], [0.0, 2.0]]), np.repeat([[1.0, 5.0]], 300, axis=0)):
        scores = learnt(X).anomaly_score(np.vstack([X[:1], X[:1] + 50]))
        assert np.isfinite(scores).all()
        assert scores[1] > scores[0]


def test_learning_does_not_change_the_rows():
    X = random().normal(size=(50, 2))
    X[3, 1] = np.nan
    before = X.copy()
    whole = np.nan_to_num(X)
    Familiar.of(X, whole, np.ones(2), None).score(X, whole, None)
    np.testing.assert_array_equal(X, before)
