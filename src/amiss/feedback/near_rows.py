"""Which rows are near-duplicates of one: alike in every column."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix
from amiss.prepare.scales import Space

__all__ = ["NEAR", "NearRows"]

Gaps = npt.NDArray[np.uint8]
_TOLERANCE = 0.25
"""Robust deviations, on a logarithmic scale, by which near-duplicates differ in any column at most."""
NEAR = 100
"""The same in the units of `NearRows.of`."""


class NearRows:
    """How far rows are apart in the column where they differ most, in robust deviations on a logarithmic scale.

    Parameters
    ----------
    X : (n_rows, n_features)
        Prepared rows; NaN where missing, which is like itself and unlike any number.
    """

    def __init__(self, X: Matrix) -> None:
        holes = np.isnan(X)
        whole = np.where(holes, np.nanmedian(np.where(holes.all(axis=0), 0.0, X), axis=0), X) if holes.any() else X
        self._rows = np.ascontiguousarray(Space.signed_log(whole)(whole).T, dtype=np.float32)
        self._holes = np.ascontiguousarray(holes.T) if holes.any() else None

    def of(self, row: int) -> Gaps:
        """Gap of all rows to one, 100 for the largest of near-duplicates, 255 at most: (n_rows,)."""
        gap = np.zeros(self._rows.shape[1], np.float32)
        for j, column in enumerate(self._rows):
            apart = np.abs(column - column[row])
            if self._holes is not None:
                apart[self._holes[j] != self._holes[j, row]] = np.inf
            np.maximum(gap, apart, out=gap)
        gaps: Gaps = np.minimum(np.ceil(gap * (NEAR / _TOLERANCE)), 255).astype(np.uint8)
        return gaps
