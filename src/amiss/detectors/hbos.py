"""Histogram-based outlier score."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.core.summary import Sample, Summary

__all__ = ["HBOS"]


class HBOS(MergeDetector[Summary]):
    """How rare a row's values are, column by column, by a histogram of each.

    Very fast, handles missing values as a value of its own, and names the columns to blame exactly. Sees nothing of
    the relation between columns: a row of usual values in an unusual combination passes.

    Scoring costs O(n_rows × n_features) time.

    Parameters
    ----------
    n_bins
        Bins of equal width for each feature, at least 2, between the smallest and the largest value seen.
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    random_state
        Seed of the sample, from 0.

    Attributes
    ----------
    low_, width_ : (n_features,)
        Left end of the first bin and width of a bin, in the feature's unit.
    surprise_ : (n_features, n_bins + 2)
        Negative log of the share of rows in each bin (nats); then of values outside all bins, and of missing ones.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import HBOS
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> HBOS().fit(X).anomaly_score([[0, 0], [6, 6]]).round(1)
    array([ 2.8, 15.2])

    References
    ----------
    Goldstein, M. and Dengel, A. (2012). Histogram-based outlier score (HBOS). KI.
    """

    capabilities: ClassVar = Capabilities(missing=True, reasons=True, additive=True)
    domains: ClassVar = {
        "n_bins": Whole(2),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
    }

    def __init__(self, n_bins: int = 10, sample_size: int | None = 20_000, random_state: int = 0) -> None:
        self.n_bins = n_bins
        self.sample_size = sample_size
        self.random_state = random_state

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        X = sample.rows
        present = ~np.isnan(X)
        low = np.where(present, X, np.inf).min(axis=0)
        high = np.where(present, X, -np.inf).max(axis=0)
        empty = low > high
        self.low_ = np.where(empty, 0.0, low)
        # Halves first: the range of huge values must not overflow.
        half = np.where(empty, 0.0, high / 2 - self.low_ / 2)
        self.width_ = np.where(half > 0, half * (2.0 / self.n_bins), 1.0)
        bins = self._bins(X)
        counts = np.stack([np.bincount(column, minlength=self.n_bins + 2) for column in bins.T])
        self.surprise_ = -np.log((counts + 0.5) / (len(X) + 0.5 * (self.n_bins + 2)))

    def _bins(self, X: Matrix) -> np.ndarray[tuple[int, int], np.dtype[np.intp]]:
        place = (X / 2 - self.low_ / 2) / self.width_ * 2
        # The largest value seen closes the last bin, a rounding's width included.
        place = np.where((place >= self.n_bins) & (place <= self.n_bins * (1 + 1e-9)), self.n_bins - 1, place)
        outside = (place < 0) | (place >= self.n_bins)
        place = np.where(outside, self.n_bins, place)
        return np.where(np.isnan(X), self.n_bins + 1, place).astype(np.intp)

    def _score(self, X: Matrix) -> Vector:
        total: Vector = self._contributions(X).sum(axis=1)
        return total

    def _contributions(self, X: Matrix) -> Matrix:
        found: Matrix = self.surprise_[np.arange(X.shape[1]), self._bins(X)]
        return found
