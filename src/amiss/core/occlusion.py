"""Reasons for any score: by how much it falls when one feature is as usual."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from amiss.core.summary import Matrix, Vector

__all__ = ["occluded"]


def occluded(score: Callable[[Matrix], Vector], X: Matrix, usual: Vector) -> Matrix:
    """By how much the score of each row falls when one feature takes its usual value: (n_rows, n_features).

    Costs a scoring of all rows for each feature. Features that are odd only together each carry the blame; where one
    alone mends nothing, none does.

    Parameters
    ----------
    score
        Scores rows one by one, higher is more anomalous.
    X : (n_rows, n_features)
        The rows.
    usual : (n_features,)
        A usual value of each feature.

    References
    ----------
    Zeiler, M. D. and Fergus, R. (2014). Visualizing and understanding convolutional networks. ECCV.
    """
    whole = score(X)
    out = np.empty_like(X)
    rows = X.copy()
    for j in range(X.shape[1]):
        rows[:, j] = usual[j]
        out[:, j] = whole - score(rows)
        rows[:, j] = X[:, j]
    return out
