"""Distance inside and to the principal subspace."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Between, OneOf
from amiss.core.summary import Sample
from amiss.summaries.blame import quadratic_shares
from amiss.summaries.moments import Moments
from amiss.summaries.subspace import axes, inside_terms, limit, metric, outside_terms

__all__ = ["PCA"]

_STATISTICS = ("combined", "q", "t2")


class PCA(MergeDetector[Moments]):
    """How badly a row is told by the few directions that tell most rows, and how extreme it is along them.

    The first is the Q statistic (squared prediction error), the second Hotelling's T² within the kept directions.
    Good where columns move together: Q sees what breaks the relations, T² what follows them too far, and "combined"
    both, each as a share of the value that one normal row in a hundred exceeds. Moved by gross outliers in the data
    it learns from: see `RobustPCA`.

    Merges exactly. Fitting costs O(n_rows × n_features²) time, scoring O(n_rows × n_features × n_components).

    Parameters
    ----------
    variance
        Share of the standardised variance that the kept directions explain at least, in (0, 1).
    statistic
        "q", "t2", or "combined" for the sum of both over their limits.

    Attributes
    ----------
    location_, scale_ : (n_features,)
        Mean and standard deviation of each feature, in the feature's unit.
    components_ : (n_components, n_features)
        Orthonormal directions, widest first.
    eigenvalues_ : (n_features,)
        Variance along every direction, descending.
    limits_ : (2,)
        What T² and Q exceed once in a hundred, if the rows are normal.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import PCA
    >>> x = np.random.default_rng(0).normal(size=(1000, 1))
    >>> X = np.hstack([x, x, x]) + np.random.default_rng(1).normal(0, 0.1, size=(1000, 3))
    >>> odd = [[1, 1, 1], [6, 6, 6], [1, 1, -1]]
    >>> for statistic in ("q", "t2", "combined"):
    ...     print(statistic, PCA(statistic=statistic).fit(X).anomaly_score(odd).round(1))
    q [0.  0.  2.7]
    t2 [ 1.1 38.3  0.2]
    combined [ 0.2  5.8 29.2]

    References
    ----------
    Jackson, J. E. and Mudholkar, G. S. (1979). Control procedures for residuals associated with principal component
    analysis. Technometrics.
    Yue, H. H. and Qin, S. J. (2001). Reconstruction-based fault identification using a combined index. Industrial and
    Engineering Chemistry Research.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True, exact_merge=True)
    domains: ClassVar = {"variance": Between(0, 1, open_low=True, open_high=True), "statistic": OneOf(_STATISTICS)}

    def __init__(self, variance: float = 0.7, statistic: str = "combined") -> None:
        self.variance = variance
        self.statistic = statistic

    def _summarize(self, X: Matrix) -> Moments:
        return Moments.of(X)

    def _solve(self, summary: Moments | None, sample: Sample) -> None:
        assert summary is not None
        self.location_ = summary.mean
        spread = np.sqrt(np.maximum(np.diag(summary.covariance), 0.0))
        self.scale_ = np.maximum(spread, np.maximum(1e-9 * np.abs(summary.mean), 1e-12))
        correlation = summary.covariance / self.scale_[:, None] / self.scale_[None, :]
        self.eigenvalues_, vectors = axes(correlation)
        total, n_kept = self.eigenvalues_.sum(), 0
        if total > 0:
            n_kept = int(np.searchsorted(np.cumsum(self.eigenvalues_) / total, self.variance)) + 1
        # Q needs a direction left out, T² one that is kept.
        n_kept = max(n_kept, 1) if self.statistic == "t2" else min(n_kept, len(vectors) - 1)
        self.components_ = vectors[:n_kept]
        self.limits_ = np.array([limit(np.ones(n_kept)), limit(self.eigenvalues_[n_kept:])])

    def _score(self, X: Matrix) -> Vector:
        total: Vector = self._terms(X).sum(axis=1)
        return total

    def _terms(self, X: Matrix) -> Matrix:
        Z = (X - self.location_) / self.scale_
        if self.statistic == "q":
            return outside_terms(Z, self.components_)
        inside = inside_terms(Z, self.components_, self.eigenvalues_[: len(self.components_)])
        if self.statistic == "t2":
            return inside
        both: Matrix = inside / self.limits_[0] + outside_terms(Z, self.components_) / self.limits_[1]
        return both

    def _contributions(self, X: Matrix) -> Matrix:
        """The score, shared by how much of it each feature takes away once it is free."""
        inside, outside = {"q": (0.0, 1.0), "t2": (1.0, 0.0)}.get(self.statistic, tuple(1 / self.limits_))
        whole = metric(self.components_, self.eigenvalues_[: len(self.components_)], inside, outside)
        return quadratic_shares((X - self.location_) / self.scale_, whole) * self._score(X)[:, None]
