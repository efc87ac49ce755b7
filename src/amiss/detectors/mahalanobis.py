"""Mahalanobis distance to the mean."""

from __future__ import annotations

from typing import ClassVar

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Between
from amiss.core.summary import Sample
from amiss.summaries.moments import Moments, mahalanobis, mahalanobis_terms

__all__ = ["Mahalanobis"]


class Mahalanobis(MergeDetector[Moments]):
    """Distance of a row to the mean, in units of the data's own spread.

    Cheap and exact to merge; fit for one elliptical cloud of clean data. Dirt in the data masks itself: see
    `RobustCovariance`. Several clouds, or anomalies inside the cloud, need `KNN` or `IsolationForest`.

    The square of the score, times (n_rows − 1) / n_rows, is Hotelling's T² (n_rows: rows learnt): among normal rows it
    exceeds n_features (n_rows² − 1) / (n_rows (n_rows − n_features)) times the F quantile of n_features and
    n_rows − n_features degrees of freedom as seldom as that quantile says. For T² in a few directions see `PCA`.

    Scoring costs O(n_rows × n_features²) time.

    Parameters
    ----------
    shrinkage
        Weight of the identity beside the correlation matrix, in (0, 1].

    Attributes
    ----------
    location_ : (n_features,)
        Mean of each feature, in the feature's unit.
    precision_ : (n_features, n_features)
        Inverse covariance, in 1 / unit².

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import Mahalanobis
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> Mahalanobis().fit(X).anomaly_score([[0, 0], [6, 6]]).round(0)
    array([0., 9.])

    References
    ----------
    Mahalanobis, P. C. (1936). On the generalised distance in statistics.
    Hotelling, H. (1931). The generalization of Student's ratio. Annals of Mathematical Statistics.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True, exact_merge=True)
    domains: ClassVar = {"shrinkage": Between(0, 1, open_low=True)}

    def __init__(self, shrinkage: float = 1e-3) -> None:
        self.shrinkage = shrinkage

    def _summarize(self, X: Matrix) -> Moments:
        return Moments.of(X)

    def _solve(self, summary: Moments | None, sample: Sample) -> None:
        assert summary is not None
        self.location_ = summary.mean
        self.precision_ = summary.precision(self.shrinkage)

    def _score(self, X: Matrix) -> Vector:
        return mahalanobis(X, self.location_, self.precision_)

    def _contributions(self, X: Matrix) -> Matrix:
        return mahalanobis_terms(X, self.location_, self.precision_)
