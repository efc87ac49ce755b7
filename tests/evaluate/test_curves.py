"""Points of curves against scikit-learn, and against all cuts counted out."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_curve

from amiss.evaluate.curves import cost_envelope, cut_counts, shares_by_score, thinned

RANDOM = np.random.default_rng(5)


def judged(n=3000, share=0.1, digits=None, by=1.5):
    labels = (RANDOM.random(n) < share).astype(int)
    scores = RANDOM.normal(size=n) + by * labels
    return labels, scores if digits is None else scores.round(digits)


SORTS = [{}, {"digits": 1}, {"digits": 0}, {"share": 0.9}, {"share": 0.005}, {"by": 0.0}, {"by": 20.0}]


@pytest.mark.parametrize("sort", SORTS)
def test_points_are_those_of_scikit_learn(sort):
    labels, scores = judged(**sort)
    found, false = cut_counts(labels, scores)
    rate, recall, _ = roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(false / false[-1], rate)
    np.testing.assert_allclose(found / found[-1], recall)
    precision, recall, _ = precision_recall_curve(labels, scores)
    np.testing.assert_allclose((found[1:] / (found + false)[1:])[::-1], precision[:-1])
    np.testing.assert_allclose((found / found[-1])[1:][::-1], recall[:-1])


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("most", [40, 300])
def test_thinned_points_show_the_whole(sort, most):
    found, false = cut_counts(*judged(**sort))
    chosen = thinned(found, false, most)
    assert len(chosen) <= most
    assert (chosen[0], chosen[-1]) == (0, len(found) - 1)
    assert (np.diff(chosen) > 0).all()
    # Points that are left out lie close to the line between those that are drawn, linearly and in the far corner.
    for scale in (lambda counts: counts / counts[-1], lambda counts: np.log1p(counts) / np.log1p(counts[-1])):
        x, y = scale(false), scale(found)
        drawn = np.interp(x + y, (x + y)[chosen], y[chosen])
        assert np.abs(drawn - y).max() <= 4 / (most - 1)


def test_a_million_rows_are_quick():
    labels = RANDOM.random(1_000_000) < 0.02
    scores = RANDOM.normal(size=1_000_000) + 2 * labels
    start = time.process_time()
    found, false = cut_counts(labels, scores)
    assert len(thinned(found, false)) <= 300
    at, cost = cost_envelope(found, false)
    assert time.process_time() - start < 5
    assert 0 < np.interp(0.5, at, cost) < 0.2
    assert len(at) < 1000


@pytest.mark.parametrize("sort", SORTS)
def test_the_envelope_is_the_cheapest_cut_everywhere(sort):
    found, false = cut_counts(*judged(**sort))
    at, cost = cost_envelope(found, false)
    assert (np.diff(at) > 0).all()
    where = np.linspace(0, 1, 201)
    each = np.outer(where, 1 - found / found[-1]) + np.outer(1 - where, false / false[-1])
    np.testing.assert_allclose(np.interp(where, at, cost), each.min(axis=1), atol=1e-12)
    assert len(at) < len(found)


def test_shares_by_score_are_counted():
    labels, scores = judged(4000)
    parts = shares_by_score(labels, scores)
    assert sum(part.n_rows for part in parts) == 4000
    assert (parts[0].start, parts[-1].end) == (0.0, 1.0)
    order = np.argsort(scores)
    done = 0
    for part in parts:
        rows = order[done : done + part.n_rows]
        assert part.came.value == pytest.approx(labels[rows].mean())
        assert part.came.low <= part.came.value <= part.came.high
        assert part.n_rows >= 20
        done += part.n_rows
    assert parts[-1].start > 0.98
    assert parts[-1].came.value > 0.5 > parts[0].came.value


@pytest.mark.parametrize("n", [2, 20, 60, 300])
def test_few_rows_have_few_parts(n):
    labels = np.arange(n) % 2
    parts = shares_by_score(labels, np.arange(n))
    assert 1 <= len(parts) <= max(n // 20, 1)
    assert sum(part.n_rows for part in parts) == n


def test_scores_that_are_all_alike_are_one_part_and_one_step():
    labels = np.arange(100) < 10
    (part,) = shares_by_score(labels, np.zeros(100))
    assert (part.n_rows, part.came.value) == (100, 0.1)
    found, false = cut_counts(labels, np.zeros(100))
    assert (found.tolist(), false.tolist()) == ([0, 10], [0, 90])
    at, cost = cost_envelope(found, false)
    np.testing.assert_allclose(cost, [0, 0.5, 0])
    np.testing.assert_allclose(at, [0, 0.5, 1])
