"""Which detectors are told apart over the folds of one data set."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from amiss.core.errors import DataError
from amiss.core.summary import Vector
from amiss.evaluate.data_sets import Ranked, friedman, groups_alike, ranks_of
from amiss.evaluate.measures import decided
from amiss.evaluate.ranking import auc_pr, auc_roc
from amiss.evaluate.significance import compare_folds
from amiss.evaluate.truth import as_flags, as_scores
from amiss.evaluate.two_sample import holm

__all__ = ["fold_figures", "over_folds"]

_SHARED = "folds share training rows: this is no test over many data sets, and says nothing of other data"


def fold_figures(labels: Any, scores: Any, flags: Any, sizes: Sequence[int], measure: str) -> Vector:
    """The figure of each fold; NaN where its rows are of one class.

    Parameters
    ----------
    labels, scores, flags : (n_rows,)
        Of the rows judged, fold by fold.
    sizes : (n_folds,)
        Rows of each fold.
    measure
        "auc_roc" and "auc_pr" are of scores, all others of flags.

    Examples
    --------
    >>> fold_figures([0, 1, 0, 1], [0.1, 0.9, 0.8, 0.2], [0, 1, 1, 0], [2, 2], "auc_roc")
    array([1., 0.])
    """
    truth = as_flags(labels)
    said = as_scores(scores, n_rows=len(truth))
    flagged = as_flags(flags, name="flags", n_rows=len(truth))
    area = {"auc_roc": auc_roc, "auc_pr": auc_pr}.get(measure)
    figures = []
    for rows in np.split(np.arange(len(truth)), np.cumsum(sizes)[:-1]):
        odd = truth[rows]
        if odd.all() or not odd.any():
            figures.append(np.nan)
        elif area is not None:
            figures.append(area(odd, said[rows]))
        else:
            recall, false = (flagged[rows][of].mean(keepdims=True) for of in (odd, ~odd))
            figures.append(float(decided(recall, false, float(odd.mean()))[measure][0]))
    return np.array(figures)


def over_folds(table: Any, names: Sequence[str], *, test_share: float, alpha: float = 0.05) -> Ranked:
    """Mean ranks over folds, and which detectors are told apart by the corrected t-test of each pair, after Holm.

    Parameters
    ----------
    table : (n_folds, n_detectors)
        One figure of each detector on each fold, higher is better; folds with a NaN are left out.
    names
        Of the detectors.
    test_share
        Share of the rows that a fold is judged on: 0.2 for five folds.
    alpha
        Chance that any two that are alike are told apart.

    Raises
    ------
    DataError
        Fewer than two folds or two detectors.

    Examples
    --------
    >>> import numpy as np
    >>> table = np.random.default_rng(0).normal([0.9, 0.89, 0.7], 0.01, (5, 3))
    >>> over_folds(table, ["forest", "boosting", "one_rule"], test_share=0.2).groups
    (('forest', 'boosting'),)
    """
    given = np.asarray(table, np.float64)
    if given.ndim != 2 or given.shape[1] != len(names):
        raise DataError("names and columns differ in number", where=f"{len(names)} names, table of {given.shape}")
    whole = given[~np.isnan(given).any(axis=1)]
    if min(whole.shape) < 2:
        raise DataError("a rank over folds needs two detectors on two folds", where=f"table of {whole.shape}")
    mean_ranks = ranks_of(whole).mean(axis=0)
    order = np.argsort(mean_ranks, kind="stable")
    ordered = [str(names[j]) for j in order]
    figures = whole[:, order]
    pairs = list(combinations(range(len(ordered)), 2))
    plain = [compare_folds(figures[:, i], figures[:, j], test_share=test_share)[1].p_value for i, j in pairs]
    p_values = np.ones((len(ordered), len(ordered)))
    for (i, j), p in zip(pairs, holm(np.array(plain)), strict=True):
        p_values[i, j] = p_values[j, i] = p
    left_out = len(given) - len(whole)
    notes = (_SHARED, *([f"folds of one class are left out: {left_out}"] if left_out else []))
    groups = groups_alike(ordered, p_values, alpha)
    return Ranked(tuple(ordered), mean_ranks[order], friedman(whole), float("nan"), p_values, groups, notes)
