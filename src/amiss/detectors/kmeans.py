"""Distance to the nearest cluster centre."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.core.random import small_seed
from amiss.core.summary import Sample, Summary
from amiss.kernels.neighbors import Neighbors
from amiss.summaries.blame import neighbor_shares

__all__ = ["KMeans"]

_NORMAL = 1.4826  # makes a median absolute deviation a standard deviation for normal data
_FAIR = 0.2
"""Of the mean share of a cluster: one that holds less is not compared with."""


class KMeans(MergeDetector[Summary]):
    """How far a row is from the centre of the cluster that is nearest.

    Good where the data fall into round clusters of like size: operating modes, kinds of device. Clusters are found by
    scikit-learn. Features must be on comparable scales.

    Scoring costs O(n_rows × n_clusters × n_features) time.

    Parameters
    ----------
    n_clusters
        Number of clusters, at least 1; fewer where fewer different rows were learnt.
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    random_state
        Seed, from 0.

    Attributes
    ----------
    centers_ : (n_clusters, n_features)
        Centre of each cluster.
    share_ : (n_clusters,)
        Share of the rows learnt that belong to it.
    spread_ : (n_features,)
        Scaled median absolute deviation of each feature from the centres, in the feature's unit; for reasons.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import KMeans
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> KMeans(n_clusters=1).fit(X).anomaly_score([[0, 0], [6, 6]]).round(1)
    array([0. , 8.5])

    References
    ----------
    MacQueen, J. (1967). Some methods for classification and analysis of multivariate observations.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True)
    domains: ClassVar = {
        "n_clusters": Whole(1),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
    }

    def __init__(self, n_clusters: int = 8, sample_size: int | None = 20_000, random_state: int = 0) -> None:
        self.n_clusters = n_clusters
        self.sample_size = sample_size
        self.random_state = random_state

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        from sklearn.cluster import KMeans as Clusters

        X = sample.rows
        n_clusters = min(self.n_clusters, len(np.unique(X, axis=0)))
        with warnings.catch_warnings():
            # Rows that differ by less than rounding make fewer clusters than asked: no harm, and no news to a user.
            warnings.simplefilter("ignore")
            found = Clusters(n_clusters=n_clusters, n_init=1, random_state=small_seed(self.random_state)).fit(X)
        self.centers_ = np.ascontiguousarray(found.cluster_centers_, dtype=np.float64)
        self.share_ = np.bincount(found.labels_, minlength=len(self.centers_)) / len(X)
        gap = np.abs(X - self.centers_[found.labels_])
        spread = np.where(np.median(gap, axis=0) > 0, _NORMAL * np.median(gap, axis=0), gap.mean(axis=0))
        self.spread_ = np.maximum(spread, np.maximum(1e-9 * np.abs(X).max(axis=0), 1e-300))

    def _score(self, X: Matrix) -> Vector:
        distance, _ = Neighbors(self.centers_).nearest(X, 1, skip_self=False)
        return distance[:, 0]

    def _contributions(self, X: Matrix) -> Matrix:
        """The distance, shared by the gaps to the centre that is nearest when no gap counts for much.

        A cluster of a few odd rows is no fair comparison.
        """
        centers = self.centers_[self.share_ >= _FAIR / len(self.centers_)]
        return neighbor_shares(X, centers, self.spread_) * self._score(X)[:, None]
