"""Count, mean and squared deviation of each column on its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector

__all__ = ["ColumnMoments"]


@dataclass(frozen=True, slots=True)
class ColumnMoments:
    """First and second moments of columns, merged without loss (Chan, Golub and LeVeque, 1979).

    Missing values are left out, column by column. For the relations between columns see `Moments`, which costs
    O(n_features²) where this costs O(n_features).

    Attributes
    ----------
    n_present : (n_features,)
        Values that are there.
    mean : (n_features,)
        Their mean, 0 where there are none.
    square : (n_features,)
        Sum of their squared deviations from it.
    """

    n_present: npt.NDArray[np.int64]
    mean: Vector
    square: Vector

    @classmethod
    def of(cls, X: Matrix) -> ColumnMoments:
        """Moments of the columns of `X`."""
        there = ~np.isnan(X)
        n = there.sum(axis=0)
        filled = X if there.all() else np.where(there, X, 0.0)
        mean = filled.sum(axis=0) / np.maximum(n, 1)
        gap = filled - mean
        if filled is not X:
            gap[~there] = 0.0
        return cls(n, mean, np.einsum("ij,ij->j", gap, gap))

    def merge(self, other: ColumnMoments) -> ColumnMoments:
        """Moments of both sets of rows."""
        n = self.n_present + other.n_present
        share = other.n_present / np.maximum(n, 1)
        gap = other.mean - self.mean
        mean = self.mean + gap * share
        return ColumnMoments(n, mean, self.square + other.square + gap**2 * self.n_present * share)

    @property
    def spread(self) -> Vector:
        """Standard deviation, divided by the number of values; never below what double precision tells from zero."""
        spread = np.sqrt(self.square / np.maximum(self.n_present, 1))
        return np.maximum(spread, np.maximum(1e-9 * np.abs(self.mean), 1e-12))
