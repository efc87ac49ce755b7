"""Areas under the curves against scikit-learn, against counting, and at their edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from amiss.core.errors import DataError
from amiss.evaluate.ranking import auc_pr, auc_roc

from . import naive


@st.composite
def judged(draw):
    n = draw(st.integers(2, 40))
    labels = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(lambda x: 0 < sum(x) < len(x)))
    levels = draw(st.sampled_from([1, 4, 1000]))
    return labels, [float(x) for x in draw(st.lists(st.integers(-levels, levels), min_size=n, max_size=n))]


@given(judged())
def test_areas_are_counted_out(pair):
    assert auc_pr(*pair) == pytest.approx(naive.auc_pr(*pair), abs=1e-12)
    assert auc_roc(*pair) == pytest.approx(naive.auc_roc(*pair), abs=1e-12)


@pytest.mark.parametrize("digits", [None, 1, 0])
@pytest.mark.parametrize("share", [0.5, 0.01])
def test_areas_are_those_of_scikit_learn(digits, share):
    random = np.random.default_rng(3)
    labels = (random.random(5000) < share).astype(int)
    scores = random.normal(size=5000) + labels
    if digits is not None:
        scores = scores.round(digits)
    assert auc_pr(labels, scores) == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
    assert auc_roc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@given(judged())
def test_the_order_of_rows_does_not_count(pair):
    labels, scores = pair
    assert auc_pr(labels[::-1], scores[::-1]) == pytest.approx(auc_pr(labels, scores), abs=1e-12)
    assert auc_roc(labels[::-1], scores[::-1]) == pytest.approx(auc_roc(labels, scores), abs=1e-12)


@given(judged())
def test_turned_scores_turn_the_roc(pair):
    labels, scores = pair
    assert auc_roc(labels, [-s for s in scores]) == pytest.approx(1 - auc_roc(labels, scores), abs=1e-12)


def test_one_score_for_all_tells_nothing():
    labels = [0, 0, 0, 1]
    assert auc_roc(labels, [5.0] * 4) == 0.5
    assert auc_pr(labels, [5.0] * 4) == 0.25


def test_infinite_scores_are_the_highest():
    assert auc_pr([0, 1, 0], [1.0, np.inf, 2.0]) == 1.0
    assert auc_roc([0, 1, 1], [-np.inf, np.inf, np.inf]) == 1.0


def test_true_and_false_are_labels():
    assert auc_roc(np.array([False, True]), [0, 1]) == 1.0


@pytest.mark.parametrize("metric", [auc_pr, auc_roc])
def test_without_anomalies_nothing_is_ranked(metric):
    with pytest.raises(DataError, match="no anomaly"):
        metric([0, 0], [1, 2])


def test_without_normal_rows_there_is_no_roc():
    assert auc_pr([1, 1], [1, 2]) == 1.0
    with pytest.raises(DataError, match="no normal row"):
        auc_roc([1, 1], [1, 2])
