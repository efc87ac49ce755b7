"""Detectors that foretell each row from those before it, and measure by how much it misses."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, SeriesDetector, Vector

__all__ = ["ForecastDetector", "filled_forward", "length", "squared_shares"]

_FARTHEST = 1e100
_LEAST = 1e-3
"""Of the deviation of a feature: what is foretold more exactly than so is taken to be foretold so well."""


class ForecastDetector(SeriesDetector):
    """The distance of a row from what was expected of it, in usual misses of each feature.

    The score is the root of the sum of the squares over the features. A subclass writes `_prepare`, which may learn,
    and `_forecast`. A missing value misses nothing.

    Attributes
    ----------
    scale_ : (n_features,)
        Usual miss of each feature, as a standard deviation.
    """

    capabilities: ClassVar = Capabilities(ordered=True, causal=True, missing=True, reasons=True, additive=True)

    def expected(self, X: Matrix) -> Matrix:
        """What is expected of each row, (n_rows, n_features), in the features' units."""
        self._check_fitted()
        return self._forecast(self._door(X))

    def _prepare(self, X: Matrix) -> None:
        """Learn what the forecast needs."""

    @abstractmethod
    def _forecast(self, X: Matrix) -> Matrix: ...

    def _learn(self, X: Matrix) -> None:
        self._prepare(X)
        with np.errstate(over="ignore", invalid="ignore"):
            miss = X - self._forecast(X)
            self.scale_ = np.array([_usual(m, x) for m, x in zip(miss.T, X.T, strict=True)])

    def _misses(self, X: Matrix) -> Matrix:
        with np.errstate(over="ignore", invalid="ignore"):
            miss = (X - self._forecast(X)) / self.scale_
        known = np.nan_to_num(miss, nan=0.0, posinf=_FARTHEST, neginf=-_FARTHEST)
        clipped: Matrix = np.clip(known, -_FARTHEST, _FARTHEST)
        return clipped

    def _score(self, X: Matrix) -> Vector:
        return length(self._misses(X))

    def _contributions(self, X: Matrix) -> Matrix:
        return squared_shares(self._misses(X))


def filled_forward(X: Matrix) -> Matrix:
    """Rows in which a missing value is the last one seen, or the first to come where there is none; else 0."""
    if not np.isnan(X).any():
        return X
    at = np.arange(len(X))
    filled = np.empty_like(X)
    for j, x in enumerate(X.T):
        there = ~np.isnan(x)
        last = np.maximum.accumulate(np.where(there, at, -1))
        first = int(np.argmax(there))
        filled[:, j] = x[np.where(last < 0, first, last)] if there.any() else 0.0
    return filled


def _usual(miss: Vector, x: Vector) -> float:
    """Robust deviation of the misses; of all that are not nothing where most are."""
    miss, x = miss[np.isfinite(miss)], x[np.isfinite(x)]
    if not len(miss):
        return 1.0
    spread = 1.4826 * float(np.median(np.abs(miss)))
    if not spread > 0:
        spread = float(np.abs(miss[miss != 0]).mean()) if (miss != 0).any() else 0.0
    largest = float(np.abs(x).max(initial=0.0))
    floor = max(_LEAST * float(np.abs(x - np.median(x)).mean()) if len(x) else 0.0, 1e-9 * largest)
    return min(max(spread, floor), _FARTHEST) or 1.0


def length(miss: Matrix) -> Vector:
    """Length of each row, (n_rows,); no square overflows."""
    largest = np.abs(miss).max(axis=1, keepdims=True)
    unit = np.divide(miss, largest, out=np.zeros_like(miss), where=largest > 0)
    whole: Vector = largest[:, 0] * np.sqrt(np.einsum("ij,ij->i", unit, unit))
    return whole


def squared_shares(miss: Matrix) -> Matrix:
    """The length of each row, shared by the squares of its values: (n_rows, n_features)."""
    whole = length(miss)[:, None]
    shares: Matrix = np.divide(miss, whole, out=np.zeros_like(miss), where=whole > 0) * miss
    return shares
