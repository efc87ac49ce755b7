"""Ranks over folds: figures counted fold by fold, and a test that knows that folds share rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, matthews_corrcoef, roc_auc_score

from amiss.core.errors import DataError
from amiss.evaluate.fold_ranks import fold_figures, over_folds


@pytest.mark.parametrize(
    ("measure", "reference"), [("f1", f1_score), ("mcc", matthews_corrcoef), ("auc_roc", roc_auc_score)]
)
def test_figures_are_those_of_each_fold(measure, reference):
    random = np.random.default_rng(0)
    labels, sizes = (random.random(900) < 0.2).astype(int), [400, 300, 200]
    scores = random.normal(size=900) + labels
    flags = (scores > 1).astype(int)
    said = scores if measure.startswith("auc") else flags
    folds = np.split(np.arange(900), np.cumsum(sizes)[:-1])
    expected = [reference(labels[rows], said[rows]) for rows in folds]
    np.testing.assert_allclose(fold_figures(labels, scores, flags, sizes, measure), expected)


def test_a_fold_of_one_class_has_no_figure_and_is_left_out():
    labels = np.array([0, 1, 0, 1, 0, 0])
    figures = fold_figures(labels, [0, 1, 0, 1, 0, 1], labels, [2, 2, 2], "f1")
    np.testing.assert_array_equal(figures, [1, 1, np.nan])
    table = np.column_stack([figures, [0.5, 0.4, 0.3]])
    told = over_folds(table, ["a", "b"], test_share=0.3)
    assert told.names == ("a", "b")
    assert any("left out" in note for note in told.notes)
    with pytest.raises(DataError, match="two folds"):
        over_folds(table[1:], ["a", "b"], test_share=0.3)


def test_detectors_that_are_alike_are_seldom_told_apart():
    # Folds are made as cross-validation makes them: their figures share most of what they were learnt from.
    random = np.random.default_rng(1)
    n_apart = 0
    for _ in range(400):
        shared = random.normal(size=4) * np.sqrt(0.2)
        table = shared + random.normal(size=(5, 4)) * np.sqrt(0.8)
        p_values = over_folds(table, list("abcd"), test_share=0.2).p_values
        n_apart += bool((p_values[np.triu_indices(4, 1)] <= 0.05).any())
    assert n_apart / 400 <= 0.08


def test_one_that_is_better_by_far_stands_alone():
    table = np.random.default_rng(2).normal([0.9, 0.6, 0.605], 0.01, (5, 3))
    told = over_folds(table, ["best", "x", "y"], test_share=0.2)
    assert told.names[0] == "best"
    assert told.mean_ranks[0] == 1
    assert all("best" not in group for group in told.groups)
    assert set(told.groups[0]) == {"x", "y"}
