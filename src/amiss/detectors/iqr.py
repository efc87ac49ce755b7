"""Distance beyond the quartiles."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.core.summary import Sample, Summary

__all__ = ["IQR"]

_NORMAL = 1.69  # interquartile range of normal data, in mean absolute deviations


class IQR(MergeDetector[Summary]):
    """How far a row's values lie beyond their columns' quartiles, in interquartile ranges; the largest counts.

    The rule of the box plot: over 1.5 is outside Tukey's fences, over 3 far out. Unlike z-scores it knows the two
    sides of a skewed column apart. Up to a quarter of dirt in each tail does no harm. Between the quartiles the score
    falls from 0 to −0.5 at their middle. Relations between columns are not seen.

    Fitting costs O(n_kept × n_features × log n_kept) time, scoring O(n_rows × n_features). A missing value adds
    nothing.

    Parameters
    ----------
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    random_state
        Seed of the sample, from 0.

    Attributes
    ----------
    low_, high_ : (n_features,)
        First and third quartile of each feature, in the feature's unit.
    scale_ : (n_features,)
        The range between them (where they are equal, what the mean absolute deviation makes it in normal data), in
        the feature's unit.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import IQR
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> IQR().fit(X).anomaly_score([[0, 0], [6, 1]]).round(1)
    array([-0.5,  3.7])

    References
    ----------
    Tukey, J. W. (1977). Exploratory data analysis. Addison-Wesley.
    """

    capabilities: ClassVar = Capabilities(missing=True, reasons=True)
    domains: ClassVar = {"sample_size": Optional(Whole(2)), "random_state": Whole(0)}

    def __init__(self, sample_size: int | None = 20_000, random_state: int = 0) -> None:
        self.sample_size = sample_size
        self.random_state = random_state

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        X = np.where(np.isnan(sample.rows).all(axis=0), 0.0, sample.rows)
        self.low_, middle, self.high_ = np.nanquantile(X, [0.25, 0.5, 0.75], axis=0)
        scale = self.high_ - self.low_
        scale = np.where(scale > 0, scale, _NORMAL * np.nanmean(np.abs(X - middle), axis=0))
        self.scale_ = np.maximum(scale, np.maximum(1e-9 * np.abs(middle), 1e-12))

    def _score(self, X: Matrix) -> Vector:
        worst: Vector = self._contributions(X).max(axis=1)
        return worst

    def _contributions(self, X: Matrix) -> Matrix:
        """Distance of each value beyond the nearer quartile, negative between them."""
        beyond = np.maximum(self.low_ - X, X - self.high_) / self.scale_
        filled: Matrix = np.nan_to_num(beyond, copy=False, nan=-0.5)
        return filled
