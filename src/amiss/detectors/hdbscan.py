"""Global-local outlier score from a hierarchy of clusters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.core.summary import Sample, Summary
from amiss.kernels.neighbors import Neighbors
from amiss.summaries.blame import neighbor_shares

__all__ = ["HDBSCAN"]

Index = npt.NDArray[np.int64]

_FURTHER = 16
"""Neighbours looked at beyond those of the core distance."""
_FLOOR = 1e-3
"""Least distance that tells rows apart, as a share of the mean core distance: a pile of equal rows is no such peak
that every row around it is odd."""


class HDBSCAN(MergeDetector[Summary]):
    """How much sparser it is where a row leaves its cluster than where that cluster is densest (GLOSH), in [0, 1).

    Good where clusters differ in shape and in density: each row is judged against the cluster that it belongs to, at
    the level at which it does. Weak where normal rows thin out slowly, since their fringe scores high, and in many
    dimensions. A clump of at least `min_cluster_size` anomalies is a cluster, and normal. Features must be on
    comparable scales.

    A new row joins the hierarchy at the neighbour that it reaches first, and a learnt row is scored in the same way.
    Fitting costs O(n_kept² × n_features) time and 5 n_kept² bytes of memory, 125 MB for 5,000 rows; scoring costs
    O(n_rows × n_kept × n_features) time.

    Parameters
    ----------
    min_cluster_size
        Fewest rows that make a cluster, at least 2; fewer rows are on their way out of one.
    min_samples
        A row's core distance reaches so many rows, itself among them, at least 1; None for `min_cluster_size`.
    sample_size
        Rows kept to build the hierarchy from, from 2 to 20,000.
    random_state
        Seed of the sample, from 0.
    n_jobs
        Threads of the search for neighbours; −1 uses every processor.

    Attributes
    ----------
    reference_ : (n_kept, n_features)
        The rows in the hierarchy.
    core_ : (n_kept,)
        Core distance of each, in the features' unit.
    exit_ : (n_kept,)
        Distance at which each leaves its cluster.
    cluster_ : (n_kept,)
        The cluster that it leaves; 0 holds all rows.
    birth_, peak_ : (n_clusters,)
        Distance at which each cluster splits off, and least distance that holds rows of it together.
    parent_ : (n_clusters,)
        The cluster that each split off from; −1 for the first.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import HDBSCAN
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> HDBSCAN().fit(X).anomaly_score([[0, 0], [6, 6]]).round(2)
    array([0.  , 0.97])

    References
    ----------
    Campello, R. J. G. B. et al. (2015). Hierarchical density estimates for data clustering, visualization, and
    outlier detection. ACM TKDD.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True)
    domains: ClassVar = {
        "min_cluster_size": Whole(2),
        "min_samples": Optional(Whole(1)),
        "sample_size": Whole(2, 20_000),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }

    def __init__(
        self,
        min_cluster_size: int = 40,
        min_samples: int | None = 20,
        sample_size: int = 5000,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.min_cluster_size = min_cluster_size
        self.min_samples = min_samples
        self.sample_size = sample_size
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        self.reference_ = sample.rows
        self._neighbors = Neighbors(sample.rows)
        distance, _ = self._nearest(sample.rows)
        self.core_ = self._core(distance)
        left, right, level = _merges(sample.rows, self.core_)
        tree = _Condensed(left, right, level, self.min_cluster_size)
        floor = _FLOOR * float(self.core_.mean()) or np.finfo(np.float64).tiny
        self.exit_, self.cluster_ = tree.exit, tree.cluster
        self.birth_, self.parent_ = np.array(tree.birth), np.array(tree.parent)
        self.peak_ = np.maximum(tree.peaks(), floor)

    def _n_samples(self) -> int:
        return min(self.min_samples or self.min_cluster_size, len(self.reference_))

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`."""
        super().restore(state)
        self._neighbors = Neighbors(self.reference_)
        return self

    def _nearest(self, X: Matrix) -> tuple[Matrix, Index]:
        # More than the core needs: the first that a row reaches may be a dense one a little further away.
        k = min(self._n_samples() + _FURTHER, len(self.reference_) - 1)
        return self._neighbors.nearest(X, k, skip_self=True, n_jobs=self.n_jobs)

    def _core(self, distance: Matrix) -> Vector:
        others = self._n_samples() - 1
        return distance[:, others - 1].copy() if others else np.zeros(len(distance))

    def _outlier_score(self, distance: Matrix, index: Index) -> Vector:
        reach = np.maximum(np.maximum(distance, self.core_[index]), self._core(distance)[:, None])
        first = reach.argmin(axis=1)[:, None]
        joins = np.take_along_axis(reach, first, axis=1)[:, 0]
        neighbor = np.take_along_axis(index, first, axis=1)[:, 0]
        cluster = self.cluster_[neighbor]
        # Where the neighbour has left before the row comes, the row belongs to what its cluster split off from.
        late = joins > self.exit_[neighbor]
        for _ in range(len(self.birth_)):
            up = late & (joins >= self.birth_[cluster])
            if not up.any():
                break
            cluster = np.where(up, self.parent_[cluster], cluster)
        leaves = np.maximum(joins, self.exit_[neighbor])
        peak = self.peak_[cluster]
        score: Vector = 1.0 - peak / np.maximum(leaves, peak)
        return score

    def _score(self, X: Matrix) -> Vector:
        return self._outlier_score(*self._nearest(X))

    def _contributions(self, X: Matrix) -> Matrix:
        distance, index = self._nearest(X)
        return neighbor_shares(X, self.reference_) * self._outlier_score(distance, index)[:, None]


def _merges(X: Matrix, core: Vector) -> tuple[Index, Index, Vector]:
    """Single linkage by mutual reachability: the two nodes that merge, and their distance, from near to far."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist

    reach = pdist(X)
    start = 0
    for i in range(len(X) - 1):
        row = reach[start : start + len(X) - 1 - i]
        np.maximum(row, np.maximum(core[i], core[i + 1 :]), out=row)
        start += len(row)
    tree = linkage(reach, method="single")
    return tree[:, 0].astype(np.int64), tree[:, 1].astype(np.int64), tree[:, 2]


class _Condensed:
    """The hierarchy without the splits that cut off fewer rows than make a cluster.

    Attributes
    ----------
    exit, cluster
        See `HDBSCAN`.
    birth, parent, least
        By cluster: see `HDBSCAN`; `least` is the least distance at which anything leaves the cluster itself.
    """

    def __init__(self, left: Index, right: Index, level: Vector, min_cluster_size: int) -> None:
        n = len(level) + 1
        self._children = np.stack([left, right], axis=1)
        self._size = np.ones(2 * n - 1, np.int64)
        for k, (a, b) in enumerate(self._children.tolist()):
            self._size[n + k] = self._size[a] + self._size[b]
        self._first, self._leaves = self._layout(n)
        self.exit, self.cluster = np.zeros(n), np.zeros(n, np.int64)
        self.birth, self.parent, self.least = [np.inf], [-1], [np.inf]
        self._level = level
        waiting = [(2 * n - 2, 0)]
        while waiting:
            waiting += self._open(*waiting.pop(), min_cluster_size)

    def _layout(self, n: int) -> tuple[Index, Index]:
        """Rows in an order in which those under one node stand together, and where each node's begin."""
        first = np.zeros(2 * n - 1, np.int64)
        for k in range(n - 2, -1, -1):
            a, b = self._children[k]
            first[a] = first[n + k]
            first[b] = first[n + k] + self._size[a]
        leaves = np.empty(n, np.int64)
        leaves[first[:n]] = np.arange(n)
        return first, leaves

    def _parts(self, node: int) -> list[int]:
        """Into what a node falls apart: merges at one distance are one, whatever their order was."""
        n, waiting = len(self.exit), [node]
        distance = self._level[node - n] * (1 - 1e-12)
        parts: list[int] = []
        while waiting:
            for part in self._children[waiting.pop() - n].tolist():
                (waiting if part >= n and self._level[part - n] >= distance else parts).append(part)
        return parts

    def _open(self, node: int, cluster: int, fewest: int) -> list[tuple[int, int]]:
        """Take apart a node of `cluster`: the nodes that go on, each with its cluster."""
        distance = float(self._level[node - len(self.exit)])
        self.least[cluster] = min(self.least[cluster], distance)
        parts = self._parts(node)
        large = [part for part in parts if self._size[part] >= fewest]
        for part in parts:
            if self._size[part] < fewest:
                rows = self._leaves[self._first[part] : self._first[part] + self._size[part]]
                self.exit[rows], self.cluster[rows] = distance, cluster
        if len(large) < 2:
            return [(part, cluster) for part in large]
        names = range(len(self.birth), len(self.birth) + len(large))
        self.birth += [distance] * len(large)
        self.parent += [cluster] * len(large)
        self.least += [np.inf] * len(large)
        return list(zip(large, names, strict=True))

    def peaks(self) -> Vector:
        """Least distance in each cluster and in those that split off from it."""
        peak = np.array(self.least)
        for cluster in range(len(peak) - 1, 0, -1):
            parent = self.parent[cluster]
            peak[parent] = min(peak[parent], peak[cluster])
        return peak
