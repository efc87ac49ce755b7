"""Finds learnt rows again: what has been worked out for them need not be worked out twice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.core.random import priorities
from amiss.core.summary import Matrix

__all__ = ["RowLookup"]


class RowLookup:
    """Positions of rows by their bits. Costs O(n_features + log n_rows) time a row, 16 bytes for each learnt one."""

    def __init__(self, rows: Matrix) -> None:
        self._rows = np.ascontiguousarray(rows)
        keys = _keys(self._rows)
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]

    def find(self, X: Matrix) -> npt.NDArray[np.int64]:
        """Position of a learnt row with the very same values for each row of `X`; −1 where none is found."""
        place = np.minimum(np.searchsorted(self._keys, _keys(X)), len(self._keys) - 1)
        found = self._order[place]
        return np.where((self._rows[found] == X).all(axis=1), found, -1)


def _keys(X: Matrix) -> npt.NDArray[np.uint64]:
    """A number for each row, equal for equal bits and hardly ever for others."""
    factors = priorities(np.arange(X.shape[1]), 0x100C) | np.uint64(1)
    with np.errstate(over="ignore"):
        keys: npt.NDArray[np.uint64] = (np.ascontiguousarray(X).view(np.uint64) * factors).sum(axis=1, dtype=np.uint64)
        keys ^= keys >> np.uint64(29)
    return keys
