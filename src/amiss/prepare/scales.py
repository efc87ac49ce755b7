"""Scales of columns, and the spaces in which rows are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from amiss.core.summary import Matrix, Vector

__all__ = ["ROUNDING", "Space", "robust_scale"]

ROUNDING = 1e-9
"""Differences as small as this share of a column's median are mere rounding."""
_AT_ONCE = 40_000
"""Values that a cache holds from one step to the next."""


@dataclass(frozen=True, slots=True)
class Space:
    """Where rows are compared: each feature moved and scaled, then perhaps on a logarithmic scale either way of zero.

    Attributes
    ----------
    location, scale : (n_features,)
        What becomes 0, and the unit, both in the feature's unit.
    logarithmic
        Whether z becomes sign(z) log(1 + |z|): what is twice as far out is then not twice as far away.
    """

    location: Vector
    scale: Vector
    logarithmic: bool

    @classmethod
    def signed_log(cls, X: Matrix, fallback: Vector | None = None) -> Self:
        """Robust deviations from the median, on a logarithmic scale; a constant feature has the scale `fallback`."""
        location, scale = robust_scale(X, fallback)
        return cls(np.nan_to_num(location), scale, True)

    @classmethod
    def unit_range(cls, X: Matrix) -> Self:
        """From the smallest value, in units of the range."""
        low = X.min(axis=0)
        # Halves first: the range of huge values must not overflow.
        half = X.max(axis=0) / 2 - low / 2
        return cls(low, np.where(half > 0, np.minimum(half, np.finfo(np.float64).max / 4) * 2, 1.0), False)

    def __call__(self, X: Matrix) -> Matrix:
        """The rows in this space, C-contiguous."""
        Z = np.empty(X.shape)
        n_rows = max(1, _AT_ONCE // max(1, X.shape[1]))
        for start in range(0, len(X), n_rows):
            part = Z[start : start + n_rows]
            np.subtract(X[start : start + n_rows], self.location, out=part)
            part /= self.scale
            if self.logarithmic:
                size = np.abs(part)
                np.log1p(size, out=size)
                np.copysign(size, part, out=part)
        return Z


def robust_scale(X: Matrix, fallback: Vector | None = None) -> tuple[Vector, Vector]:
    """Median and scale of each column: the quartiles' where they say enough, the standard deviation's elsewhere."""
    if not X.shape[1]:
        return np.empty(0), np.empty(0)
    empty = np.isnan(X).all(axis=0) if len(X) else np.ones(X.shape[1], bool)
    filled = np.where(empty, 0.0, X)
    if not len(X):
        return np.full(X.shape[1], np.nan), np.ones(X.shape[1]) if fallback is None else fallback
    unit = np.maximum(np.nanmax(np.abs(filled), axis=0), 1e-300)  # so that squares cannot overflow
    unit_free = filled / unit
    first, low, middle, high, last = np.nanquantile(unit_free, [0.01, 0.25, 0.5, 0.75, 0.99], axis=0)
    by_quartiles = (high - low) / 1.349
    # In a unit of their own: squares of what is tiny beside the largest value must not vanish.
    size = np.maximum(np.maximum(np.abs(first), np.abs(last)), 1e-300)
    deviation = np.nanstd(np.clip(unit_free, first, last) / size, axis=0) * size
    rounding = ROUNDING * np.abs(middle)
    deviation = np.where(deviation > rounding, deviation, np.nanstd(unit_free, axis=0))
    # Where most values are equal the quartiles say nothing; a few immense values must not speak for them either.
    scale = np.where(by_quartiles > 0.05 * deviation, by_quartiles, deviation)
    # Differences that are mere rounding must not be blown up; a true constant takes what is usual elsewhere.
    scale = np.where(scale > 0, np.maximum(scale, rounding) * unit, 1.0 if fallback is None else fallback)
    scale = np.maximum(scale, 1e-300)
    return np.where(empty, np.nan, middle * unit), scale
