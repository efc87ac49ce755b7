"""Distance to the principal subspace."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Between
from amiss.core.summary import Sample
from amiss.summaries.moments import Moments

__all__ = ["PCA"]


class PCA(MergeDetector[Moments]):
    """How badly a row is told by the few directions that tell most rows (Q statistic, squared prediction error).

    Good where columns move together and an anomaly breaks that. Blind to rows that are extreme along the main
    directions, and moved by gross outliers in the data it learns from.

    Merges exactly. Scoring costs O(n_rows × n_features × n_components) time.

    Parameters
    ----------
    variance
        Share of the standardised variance that the kept directions explain at least, in (0, 1).

    Attributes
    ----------
    location_, scale_ : (n_features,)
        Mean and standard deviation of each feature, in the feature's unit.
    components_ : (n_components, n_features)
        Orthonormal directions, widest first.
    eigenvalues_ : (n_features,)
        Variance along every direction, descending.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import PCA
    >>> x = np.random.default_rng(0).normal(size=(1000, 1))
    >>> X = np.hstack([x, x, x]) + np.random.default_rng(1).normal(0, 0.1, size=(1000, 3))
    >>> PCA().fit(X).anomaly_score([[2, 2, 2], [1, 1, -1]]).round(1)
    array([0. , 2.7])

    References
    ----------
    Jackson, J. E. and Mudholkar, G. S. (1979). Control procedures for residuals associated with principal component
    analysis. Technometrics.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True, exact_merge=True)
    domains: ClassVar = {"variance": Between(0, 1, open_low=True, open_high=True)}

    def __init__(self, variance: float = 0.9) -> None:
        self.variance = variance

    def _summarize(self, X: Matrix) -> Moments:
        return Moments.of(X)

    def _solve(self, summary: Moments | None, sample: Sample) -> None:
        assert summary is not None
        self.location_ = summary.mean
        spread = np.sqrt(np.maximum(np.diag(summary.covariance), 0.0))
        self.scale_ = np.maximum(spread, np.maximum(1e-9 * np.abs(summary.mean), 1e-12))
        correlation = summary.covariance / self.scale_[:, None] / self.scale_[None, :]
        eigenvalues, vectors = np.linalg.eigh(correlation)
        self.eigenvalues_ = np.maximum(eigenvalues[::-1], 0.0)
        total = self.eigenvalues_.sum()
        n_kept = 0
        if total > 0:
            explained = np.cumsum(self.eigenvalues_) / total
            n_kept = min(int(np.searchsorted(explained, self.variance)) + 1, len(explained) - 1)
        self.components_ = np.ascontiguousarray(vectors[:, ::-1].T[:n_kept])

    def _score(self, X: Matrix) -> Vector:
        total: Vector = self._contributions(X).sum(axis=1)
        return total

    def _contributions(self, X: Matrix) -> Matrix:
        Z = (X - self.location_) / self.scale_
        # einsum, not matmul: a row's result must not depend on how many rows stand beside it.
        inside = np.einsum("ij,kj->ik", Z, self.components_)
        residual = Z - np.einsum("ik,kj->ij", inside, self.components_)
        square: Matrix = residual**2
        return square
