"""Distance to the nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import OneOf, Optional, Whole
from amiss.core.search_space import Choice, LogRange
from amiss.core.summary import Sample, Summary
from amiss.kernels.approximate import NeighborGraph
from amiss.kernels.neighbors import Neighbors
from amiss.summaries.blame import neighbor_shares

__all__ = ["KNN"]

_METHODS = ("kth", "mean", "median")


class KNN(MergeDetector[Summary]):
    """How far a row is from the rows most like it.

    Good at rows away from all clusters, of any shape. Features must be on comparable scales. A clump of more than
    `n_neighbors` like anomalies hides itself: take more neighbours where the data may be dirty.

    Scoring costs O(n_rows × n_kept × n_features) time at most, and O(n_rows × log n_kept) where the data have few
    dimensions; memory 8 bytes a kept value, three times that with a tree. The result is exact. A row identical to one
    that was learnt is taken to be that row: it is not its own neighbour, so fitted rows are scored like new ones.

    Parameters
    ----------
    n_neighbors
        Neighbours looked at, at least 1; fewer where fewer rows were learnt.
    method
        "kth" for the distance to the last of them, "mean" or "median" for that of all.
    algorithm
        "exact", or "approximate" for a graph (extra `approximate`) that misses a few in a hundred: worth it where many
        100,000 rows of many features are compared with, and built anew for each fit and each loaded model.
    sample_size
        Rows kept to compare with, at least 2; None keeps all.
    random_state
        Seed of the sample, from 0.
    n_jobs
        Threads for scoring; −1 uses every processor.

    Attributes
    ----------
    reference_ : (n_kept, n_features)
        The rows compared with.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import KNN
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> KNN().fit(X).anomaly_score([[0, 0], [6, 6]]).round(1)
    array([0.1, 6.1])

    References
    ----------
    Ramaswamy, S., Rastogi, R. and Shim, K. (2000). Efficient algorithms for mining outliers. SIGMOD.
    Angiulli, F. and Pizzuti, C. (2002). Fast outlier detection in high dimensional spaces. PKDD.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True)
    domains: ClassVar = {
        "n_neighbors": Whole(1),
        "method": OneOf(_METHODS),
        "algorithm": OneOf(("exact", "approximate")),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }
    search_space: ClassVar = {"n_neighbors": LogRange(1, 100), "method": Choice(("kth", "mean"))}

    def __init__(
        self,
        n_neighbors: int = 5,
        method: str = "kth",
        algorithm: str = "exact",
        sample_size: int | None = 20_000,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.method = method
        self.algorithm = algorithm
        self.sample_size = sample_size
        self.random_state = random_state
        self.n_jobs = n_jobs

    _neighbors: Neighbors | NeighborGraph

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        self._take(sample.rows)

    def _take(self, reference: Matrix) -> None:
        self.reference_ = reference
        exact = self.algorithm == "exact"
        self._neighbors = Neighbors(reference) if exact else NeighborGraph(reference, self.random_state)

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`."""
        super().restore(state)
        self._take(self.reference_)
        return self

    def _nearest(self, X: Matrix) -> tuple[Matrix, npt.NDArray[np.int64]]:
        k = min(self.n_neighbors, len(self.reference_) - 1)
        return self._neighbors.nearest(X, k, skip_self=True, n_jobs=self.n_jobs)

    def _score(self, X: Matrix) -> Vector:
        return _average(self._nearest(X)[0], self.method)

    def _contributions(self, X: Matrix) -> Matrix:
        """The score, shared by the gaps to comparable rows."""
        return neighbor_shares(X, self.reference_) * self._score(X)[:, None]


def _average(distance: Matrix, method: str) -> Vector:
    if method == "kth":
        return distance[:, -1]
    average: Vector = distance.mean(axis=1) if method == "mean" else np.median(distance, axis=1)
    return average
