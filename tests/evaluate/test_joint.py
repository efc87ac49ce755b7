"""The joint test: honest under the null, and seeing what no single column shows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from amiss.evaluate.joint import separate, tied_ranks


def blocks(random, n):
    return random.permutation(np.arange(n) * 5 // n)


def outcome(random, a, b, **options):
    X = np.concatenate([a, b])
    block = np.concatenate([blocks(random, len(a)), blocks(random, len(b))])
    return separate(X, np.arange(len(X)) >= len(a), block, is_category=np.zeros(X.shape[1], bool), **options)


def test_ranks_are_those_of_scipy():
    values = np.random.default_rng(0).integers(0, 20, 200).astype(float)
    ranks, ties = tied_ranks(values)
    np.testing.assert_array_equal(ranks, stats.rankdata(values))
    assert 1 - ties / (200**3 - 200) == pytest.approx(stats.tiecorrect(ranks))


@pytest.mark.slow
def test_false_verdicts_are_as_many_as_promised():
    """40 draws a size: at 5 %, more than 6 of 40 would be a one in a hundred event."""
    for n_a, n_b, d in ((100, 100, 3), (400, 80, 6)):
        random = np.random.default_rng(n_b)
        p = [
            outcome(random, random.normal(size=(n_a, d)), random.normal(size=(n_b, d)), explain_below=0).p_value
            for _ in range(40)
        ]
        assert (np.array(p) <= 0.05).sum() <= 6
        assert (np.array(p) <= 0.5).mean() == pytest.approx(0.5, abs=0.25)


def test_a_changed_relation_is_seen_and_named():
    random = np.random.default_rng(0)
    a = random.multivariate_normal([0, 0, 0], [[1, 0.8, 0], [0.8, 1, 0], [0, 0, 1]], 1000)
    b = random.multivariate_normal([0, 0, 0], [[1, -0.8, 0], [-0.8, 1, 0], [0, 0, 1]], 1000)
    found = outcome(random, a, b)
    assert found.auc > 0.8
    assert found.p_value < 1e-20
    assert found.telling[:2].min() > 10 * found.telling[2]


def test_missing_values_and_codes():
    random = np.random.default_rng(0)
    a = np.stack([random.integers(0, 5, 500), random.normal(size=500)], axis=1).astype(float)
    b = np.stack([random.integers(2, 7, 500), random.normal(size=500)], axis=1).astype(float)
    b[random.random(500) < 0.3, 1] = np.nan
    X, block = np.concatenate([a, b]), np.concatenate([blocks(random, 500), blocks(random, 500)])
    found = separate(X, np.arange(1000) >= 500, block, is_category=np.array([True, False]))
    assert found.auc > 0.75
    assert (found.telling > 0).all()


def test_rows_worth_less_make_it_less_certain():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(300, 2)), random.normal(0.4, 1, size=(300, 2))
    plain = outcome(np.random.default_rng(1), a, b)
    dependent = outcome(np.random.default_rng(1), a, b, worth=lambda scores, is_b: 0.1)
    assert dependent.auc == plain.auc
    z = stats.norm.isf([plain.p_value, dependent.p_value])
    assert z[1] == pytest.approx(z[0] * np.sqrt(0.1))
