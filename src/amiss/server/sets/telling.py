"""Which two columns show best that a row is unlike others."""

from __future__ import annotations

import numpy as np

from amiss.core.summary import Matrix, Vector

__all__ = ["telling_pair"]

_NEIGHBOURS = 5


def telling_pair(X: Matrix, x: Vector, n_blamed: int) -> tuple[int, int]:
    """Two columns, one of the first `n_blamed` among them, in which `x` is farthest from its neighbours in `X`.

    Distances are in units of the middle 90 % of each column; of pairs alike the first.

    Parameters
    ----------
    X : (n_rows, n_features)
        Normal rows, NaN where missing; two features or more.
    x : (n_features,)
        The row, without missing values.
    n_blamed
        From 1.

    Examples
    --------
    A row that only two columns together show:

    >>> import numpy as np
    >>> from amiss.server.sets.telling import telling_pair
    >>> random = np.random.default_rng(0)
    >>> a = random.normal(size=500)
    >>> X = np.stack([a, random.normal(size=500), a + random.normal(0, 0.05, 500)], axis=1)
    >>> telling_pair(X, np.array([1.0, 0.0, -1.0]), n_blamed=1)
    (0, 2)
    """
    if not len(X):
        return 0, 1
    filled = np.where(np.isnan(X), x, X)
    low, high = np.quantile(filled, [0.05, 0.95], axis=0)
    width = high - low
    gap = ((filled - x) / np.where(width > 0, width, 1.0)) ** 2
    k = min(_NEIGHBOURS, len(X)) - 1
    pairs = [(i, j) for i in range(min(n_blamed, X.shape[1])) for j in range(X.shape[1]) if j > i or j >= n_blamed]
    pairs = [(i, j) for i, j in pairs if i != j]
    far = [float(np.partition(gap[:, i] + gap[:, j], k)[k]) for i, j in pairs]
    return pairs[int(np.argmax(far))]
