"""Connectivity-based outlier factor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.core.search_space import LogRange
from amiss.core.summary import Sample, Summary
from amiss.kernels.neighbors import Neighbors
from amiss.summaries.blame import neighbor_shares

__all__ = ["COF"]

_CELLS = 500_000
"""Numbers held at once for the neighbourhoods of a block of rows."""
_FLOOR = 1e-3
"""Least chaining distance of a neighbourhood, as a share of the mean: a pile of equal rows makes no row so odd."""


class COF(MergeDetector[Summary]):
    """How much wider the steps are from a row through its neighbours than from these through theirs; usually near 1.

    Good at rows beside a line or a thin band, where the local outlier factor sees no change of density: what counts
    is how the neighbours hang together. Weak where anomalies come in clumps of more than `n_neighbors` rows, and in
    many dimensions. Features must be on comparable scales.

    From the row a path is laid that takes up, step by step, whichever of its neighbours is nearest to those taken up
    before; the chaining distance is the mean of the steps, early ones weighing more. Fitting costs O(n_kept² ×
    n_features) time, scoring O(n_rows × (n_kept + n_neighbors²) × n_features). A row identical to one that was
    learnt is taken to be that row.

    Parameters
    ----------
    n_neighbors
        Neighbours looked at, at least 1; fewer where fewer rows were learnt.
    sample_size
        Rows kept to compare with, at least 2; None keeps all.
    random_state
        Seed of the sample, from 0.
    n_jobs
        Threads of the search for neighbours; −1 uses every processor.

    Attributes
    ----------
    reference_ : (n_kept, n_features)
        The rows compared with.
    chaining_ : (n_kept,)
        Average chaining distance of each.
    floor_
        Least chaining distance that a row is compared with.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import COF
    >>> x = np.random.default_rng(0).uniform(size=1000)
    >>> COF().fit(np.column_stack([x, x])).anomaly_score([[0.5, 0.5], [0.5, 0.6]]).round(1)
    array([1. , 3.9])

    References
    ----------
    Tang, J. et al. (2002). Enhancing effectiveness of outlier detections for low density patterns. PAKDD.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True)
    domains: ClassVar = {
        "n_neighbors": Whole(1),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }
    search_space: ClassVar = {"n_neighbors": LogRange(5, 100)}

    def __init__(
        self,
        n_neighbors: int = 40,
        sample_size: int | None = 10_000,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.sample_size = sample_size
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        self.reference_ = sample.rows
        self._neighbors = Neighbors(sample.rows)
        self.chaining_ = _chaining(sample.rows, self.reference_, self._nearest(sample.rows))
        self.floor_ = _FLOOR * float(self.chaining_.mean()) or 1.0

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`."""
        super().restore(state)
        self._neighbors = Neighbors(self.reference_)
        return self

    def _nearest(self, X: Matrix) -> npt.NDArray[np.int64]:
        k = min(self.n_neighbors, len(self.reference_) - 1)
        return self._neighbors.nearest(X, k, skip_self=True, n_jobs=self.n_jobs)[1]

    def _factor(self, X: Matrix, index: npt.NDArray[np.int64]) -> Vector:
        around = np.maximum(self.chaining_[index].mean(axis=1), self.floor_)
        factor: Vector = _chaining(X, self.reference_, index) / around
        return factor

    def _score(self, X: Matrix) -> Vector:
        return self._factor(X, self._nearest(X))

    def _contributions(self, X: Matrix) -> Matrix:
        index = self._nearest(X)
        return neighbor_shares(X, self.reference_) * self._factor(X, index)[:, None]


def _chaining(X: Matrix, reference: Matrix, index: npt.NDArray[np.int64]) -> Vector:
    """Average chaining distance of each row of `X`, whose neighbours stand at `index`: (n_rows,)."""
    n_neighbors = index.shape[1]
    block = max(1, _CELLS // (n_neighbors * max(n_neighbors, X.shape[1])))
    out = np.empty(len(X))
    for start in range(0, len(X), block):
        rows = slice(start, start + block)
        out[rows] = _chains(reference[index[rows]] - X[rows, None, :])
    return out


def _chains(gap: npt.NDArray[np.float64]) -> Vector:
    """Average chaining distance from 0 through the rows of each neighbourhood: gap is (n, n_neighbors, n_features)."""
    n, k, _ = gap.shape
    own = np.einsum("nkj,nkj->nk", gap, gap)
    # Squared distances among the neighbours, measured from the row itself so that little is lost to rounding.
    among = own[:, :, None] + own[:, None, :] - 2.0 * np.matmul(gap, gap.transpose(0, 2, 1))
    np.maximum(among, 0.0, out=among)
    closest, total, all_rows = own, np.zeros(n), np.arange(n)
    gone = np.zeros(own.shape, np.bool_)
    for step in range(1, k + 1):
        taken = closest.argmin(axis=1)
        weight = 2.0 * (k + 1 - step) / (k * (k + 1))
        total += weight * np.sqrt(closest[all_rows, taken])
        np.minimum(closest, among[all_rows, taken], out=closest)
        gone[all_rows, taken] = True
        closest[gone] = np.inf
    return total
