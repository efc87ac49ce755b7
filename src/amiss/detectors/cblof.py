"""Distance to the nearest large cluster."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Between, OneOf, Optional, Whole
from amiss.core.random import small_seed
from amiss.core.search_space import Choice, LogRange
from amiss.core.summary import Sample, Summary
from amiss.kernels.neighbors import Neighbors

__all__ = ["CBLOF"]

_WEIGHTS = ("none", "size")


class CBLOF(MergeDetector[Summary]):
    """How far a row is from the centre of the nearest cluster that is large.

    Good where normal rows fall into clusters of unlike size. Made for clumps of anomalies, as small clusters are no
    home; but a tight clump often passes for a large one, see the measured table in "Which detector?".
    The many rows should fall into round clusters of like width; features must be on comparable scales. Blind to a
    clump that holds more than a share `1 - alpha` of the rows.

    Clusters are found by scikit-learn's k-means. Fitting costs O(n_kept × n_clusters × n_features) time a step,
    scoring O(n_rows × n_clusters × n_features) time; what is kept are the centres.

    Parameters
    ----------
    n_clusters
        Number of clusters, at least 1; fewer where fewer different rows were learnt.
    alpha
        Share of the rows that the large clusters hold together, in (0, 1]; all clusters are large at 1.
    beta
        A cluster so many times larger than the next in size ends the large ones too, at least 1. Where alpha and beta
        both draw a line, the one after fewer clusters that holds more than half of the rows counts.
    weight
        "none" for the distance alone, "size" for the distance times the share of the rows in the row's own cluster,
        as in the paper: it makes rows of large clusters odder, and is seldom what is wanted.
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    random_state
        Seed, from 0.

    Attributes
    ----------
    centers_ : (n_clusters, n_features)
        Centre of each cluster, the largest cluster first.
    sizes_ : (n_clusters,)
        Share of the learnt rows in each, descending.
    n_large_
        The leading clusters that are large.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import CBLOF
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> X[:60] = X[:60] / 10 + 9
    >>> CBLOF(n_clusters=2).fit(X).anomaly_score([[0, 0], [9, 9]]).round(1)
    array([ 0. , 12.8])

    References
    ----------
    He, Z., Xu, X. and Deng, S. (2003). Discovering cluster-based local outliers. Pattern Recognition Letters.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True)
    domains: ClassVar = {
        "n_clusters": Whole(1),
        "alpha": Between(0, 1, open_low=True),
        "beta": Between(1),
        "weight": OneOf(_WEIGHTS),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
    }
    search_space: ClassVar = {"n_clusters": LogRange(2, 64), "weight": Choice(("none", "size"))}

    def __init__(
        self,
        n_clusters: int = 16,
        alpha: float = 0.9,
        beta: float = 5.0,
        weight: str = "none",
        sample_size: int | None = 20_000,
        random_state: int = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.alpha = alpha
        self.beta = beta
        self.weight = weight
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
        sizes = np.bincount(found.labels_, minlength=n_clusters)
        order = np.argsort(-sizes, kind="stable")[: int((sizes > 0).sum())]
        self.centers_ = np.ascontiguousarray(found.cluster_centers_[order], dtype=np.float64)
        self.sizes_ = sizes[order] / len(X)
        self.n_large_ = _n_large(self.sizes_, self.alpha, self.beta)

    def _place(self, X: Matrix) -> tuple[Vector, npt.NDArray[np.int64], Vector]:
        """Distance to the nearest large cluster, which one, and the weight of the row's own."""
        distance, index = Neighbors(self.centers_[: self.n_large_]).nearest(X, 1, skip_self=False)
        if self.weight == "none":
            return distance[:, 0], index[:, 0], np.ones(len(X))
        _, own = Neighbors(self.centers_).nearest(X, 1, skip_self=False)
        return distance[:, 0], index[:, 0], self.sizes_[own[:, 0]]

    def _score(self, X: Matrix) -> Vector:
        distance, _, weight = self._place(X)
        score: Vector = distance * weight
        return score

    def _contributions(self, X: Matrix) -> Matrix:
        distance, index, weight = self._place(X)
        square = (X - self.centers_[index]) ** 2
        terms = np.divide(square, distance[:, None], out=np.zeros_like(square), where=distance[:, None] > 0)
        weighted: Matrix = terms * weight[:, None]
        return weighted


def _n_large(sizes: Vector, alpha: float, beta: float) -> int:
    """Number of leading clusters that are large, from their shares in descending order."""
    together = np.cumsum(sizes)
    by_alpha = together >= alpha - 1e-12
    # The next cluster is so much smaller. A line before half of the rows would call the usual small.
    by_beta = np.append(sizes[:-1] >= beta * sizes[1:], True) & (together > 0.5)
    return int(np.argmax(by_alpha | by_beta)) + 1
