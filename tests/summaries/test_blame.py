"""Shares of blame against what they say they are."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.summaries.blame import beyond_reach, neighbor_shares, quadratic_shares, reach, share_out

R = np.random.default_rng(0)


def naive_quadratic_shares(gap, precision, steps):
    """Free the feature that takes most, by minimising the form over what is freed."""
    n_features = len(gap)
    free, taken = [], np.zeros(n_features)

    def length(free):
        kept = [j for j in range(n_features) if j not in free]
        if not free:
            return gap @ precision @ gap
        inner = precision[np.ix_(free, free)]
        cross = precision[np.ix_(free, kept)]
        schur = precision[np.ix_(kept, kept)] - cross.T @ np.linalg.solve(inner, cross)
        return gap[kept] @ schur @ gap[kept]

    for _ in range(steps):
        others = [j for j in range(n_features) if j not in free]
        after = [length([*free, j]) for j in others]
        best = others[int(np.argmin(after))]
        taken[best] = length(free) - min(after)
        free.append(best)
    return taken / taken.sum()


@pytest.mark.parametrize("n_features", [1, 2, 5, 8])
def test_quadratic_shares_are_those_of_freeing_one_by_one(n_features):
    root = R.normal(size=(n_features, n_features + 2))
    precision = root @ root.T
    for scale in (1.0, 1e-80, 1e80):
        gaps = R.normal(size=(20, n_features))
        shares = quadratic_shares(gaps * scale, precision / scale**2)
        expected = [naive_quadratic_shares(gap, precision, n_features) for gap in gaps]
        np.testing.assert_allclose(shares, expected, atol=1e-9)


@pytest.mark.parametrize("n_features", [4, 40])
def test_one_moved_value_is_first_whatever_moves_with_it(n_features):
    covariance = np.full((n_features, n_features), 0.95) + 0.05 * np.eye(n_features)
    moved = np.eye(n_features) * R.uniform(-9, 9, n_features)
    shares = quadratic_shares(moved, np.linalg.inv(covariance))
    np.testing.assert_allclose(shares, np.eye(n_features), atol=1e-9)


def test_shares_sum_to_one_and_zero_gaps_are_shared_alike():
    gaps = np.vstack([np.zeros(12), R.normal(size=(30, 12))])
    for shares in (
        quadratic_shares(gaps, np.eye(12)),
        quadratic_shares(gaps, np.eye(12), 2.7),
        quadratic_shares(gaps, np.zeros((12, 12))),
        neighbor_shares(gaps, R.normal(size=(60, 12))),
        neighbor_shares(gaps * 1e150, R.normal(size=(60, 12)) * 1e150),
        neighbor_shares(gaps, R.normal(size=(3, 12)), np.ones(12)),
        neighbor_shares(gaps, np.ones((5, 12))),
    ):
        assert (shares >= 0).all()
        np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-9)


def test_a_value_far_out_does_not_choose_its_neighbours():
    """Three columns far out: rows that happen to lie in their direction are no fair comparison."""
    rows = R.standard_t(2, size=(500, 20))
    odd = R.normal(0, 0.5, size=(50, 20))
    odd[:, [3, 8, 15]] += 60.0
    top = np.sort(np.argsort(-neighbor_shares(odd, rows), axis=1)[:, :3], axis=1)
    assert (top == [3, 8, 15]).all()


def test_what_is_shared_out_sums_to_the_total():
    weights = np.maximum(R.normal(size=(50, 6)), 0.0)
    weights[0] = 0.0
    total = R.normal(size=50)
    total[0] = 2.0
    terms = share_out(total, weights)
    np.testing.assert_allclose(terms.sum(axis=1), total, atol=1e-12)
    assert (terms[1:].argmax(axis=1) == weights[1:].argmax(axis=1)).all()
    np.testing.assert_allclose(share_out(total, weights, np.eye(50, 6))[0], total[:1] * np.eye(6)[0], atol=1e-12)


def test_nine_values_in_ten_are_within_reach():
    X = R.normal(size=(4000, 3))
    X[::7, 1] = np.nan
    X[:, 2] = np.nan
    location, far = reach(X)
    beyond = beyond_reach(X[:, :2], location[:2], far[:2])
    assert (beyond[:, 0] > 0).mean() == pytest.approx(0.1, abs=0.001)
    assert (beyond[::7, 1] == 1.0).all()
    assert np.isfinite(beyond_reach(np.full((1, 3), 1e308), location, far)).all()
