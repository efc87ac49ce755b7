"""Sum of squared z-scores."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.summary import Sample
from amiss.summaries.columns import ColumnMoments

__all__ = ["ChiSquare"]


class ChiSquare(MergeDetector[ColumnMoments]):
    """Squared distances of a row's values to their columns' means, in squared standard deviations, summed.

    Good where an anomaly is a little odd in many columns at once, each of which alone would pass. Where the columns
    are independent and normal, the score of a normal row has the chi-square distribution with n_features degrees of
    freedom. Where they move together, use `Mahalanobis`, which is this score's root after the relations are taken
    out. Anomalies among the rows learnt widen the standard deviations.

    Merges exactly, in memory of three numbers a feature. Fitting and scoring cost O(n_rows × n_features) time. A
    missing value adds nothing.

    Attributes
    ----------
    location_, scale_ : (n_features,)
        Mean and standard deviation of each feature, in the feature's unit.

    Examples
    --------
    The value that one normal row in a thousand exceeds, with two features, is 13.8:

    >>> import numpy as np
    >>> from amiss.detectors import ChiSquare
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> ChiSquare().fit(X).anomaly_score([[0, 0], [3, 3]]).round(1)
    array([ 0. , 18.4])

    References
    ----------
    Ye, N. and Chen, Q. (2001). An anomaly detection technique based on a chi-square statistic for detecting intrusions
    into information systems. Quality and Reliability Engineering International.
    """

    capabilities: ClassVar = Capabilities(missing=True, reasons=True, additive=True, exact_merge=True)

    def _summarize(self, X: Matrix) -> ColumnMoments:
        return ColumnMoments.of(X)

    def _solve(self, summary: ColumnMoments | None, sample: Sample) -> None:
        assert summary is not None
        self.location_ = summary.mean
        self.scale_ = summary.spread

    def _score(self, X: Matrix) -> Vector:
        total: Vector = self._contributions(X).sum(axis=1)
        return total

    def _contributions(self, X: Matrix) -> Matrix:
        """Squared z of each value."""
        z = (X - self.location_) / self.scale_
        square: Matrix = np.nan_to_num(np.square(z, out=z), copy=False, nan=0.0)
        return square
