"""Blame by replacement: how much lower a row would score with another row's value in one column."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from amiss.core.summary import Matrix, Vector

__all__ = ["permutation_terms"]

_MOST_CELLS = 4_000_000


def permutation_terms(score: Callable[[Matrix], Vector], X: Matrix, rows: Matrix, n_tries: int = 32) -> Matrix:
    """Mean drop of each row's score when one feature takes the values of other rows: (n_rows, n_features).

    Works for every detector; asks it for n_rows × n_features × n_tries scores. A value that matters only beside
    another one that is odd too is blamed in part.

    Parameters
    ----------
    score
        The detector's scores of rows.
    rows : (n, n_features)
        Normal rows; the first `n_tries` lend their values.

    References
    ----------
    Breiman, L. (2001). Random forests. Machine Learning.
    """
    lenders = rows[:n_tries]
    out = np.zeros_like(X)
    if not len(lenders):
        return out
    whole = score(X)
    at_once = max(1, _MOST_CELLS // (len(lenders) * X.shape[1]))
    for start in range(0, len(X), at_once):
        block = X[start : start + at_once]
        for j in range(X.shape[1]):
            changed = np.repeat(block, len(lenders), axis=0)
            changed[:, j] = np.tile(lenders[:, j], len(block))
            lower = score(changed).reshape(len(block), len(lenders)).mean(axis=1)
            out[start : start + at_once, j] = whole[start : start + at_once] - lower
    return out
