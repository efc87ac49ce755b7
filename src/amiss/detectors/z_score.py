"""Z-score."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.summary import Sample
from amiss.summaries.columns import ColumnMoments

__all__ = ["ZScore"]


class ZScore(MergeDetector[ColumnMoments]):
    """The largest distance of a row's values to their columns' means, in standard deviations.

    The oldest rule there is: over 3 is the customary alarm. Right where the rows learnt are clean and roughly normal.
    Anomalies among them widen the standard deviation and hide each other, the more the fewer rows there are (of n
    values none lies further out than √(n − 1)): `RobustZScore` and `GeneralizedESD` are made for that. Relations
    between columns are not seen.

    Merges exactly, in memory of three numbers a feature. Fitting and scoring cost O(n_rows × n_features) time. A
    missing value adds nothing.

    Attributes
    ----------
    location_, scale_ : (n_features,)
        Mean and standard deviation of each feature, in the feature's unit.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import ZScore
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> ZScore().fit(X).anomaly_score([[0, 0], [6, 1]]).round(1)
    array([0. , 5.9])

    References
    ----------
    Shewhart, W. A. (1931). Economic control of quality of manufactured product. Van Nostrand.
    """

    capabilities: ClassVar = Capabilities(missing=True, reasons=True, exact_merge=True)

    def _summarize(self, X: Matrix) -> ColumnMoments:
        return ColumnMoments.of(X)

    def _solve(self, summary: ColumnMoments | None, sample: Sample) -> None:
        assert summary is not None
        self.location_ = summary.mean
        self.scale_ = summary.spread

    def _score(self, X: Matrix) -> Vector:
        worst: Vector = self._contributions(X).max(axis=1)
        return worst

    def _contributions(self, X: Matrix) -> Matrix:
        """|z| of each value."""
        z: Matrix = np.nan_to_num(np.abs(X - self.location_) / self.scale_, copy=False, nan=0.0)
        return z
