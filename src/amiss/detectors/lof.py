"""Local outlier factor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.core.search_space import LogRange
from amiss.core.summary import Sample, Summary
from amiss.kernels.lookup import RowLookup
from amiss.kernels.neighbors import Neighbors
from amiss.summaries.blame import neighbor_shares

__all__ = ["LOF"]


class LOF(MergeDetector[Summary]):
    """How much sparser the data are around a row than around its neighbours; about 1 for a normal row.

    Good at rows that are odd only beside a dense cluster (local anomalies). Weak where anomalies come in clumps, and
    in many dimensions. Features must be on comparable scales.

    Fitting costs O(n_kept² × n_features), scoring O(n_rows × n_kept × n_features) time at most, and less where the data
    have few dimensions, as in `KNN`; memory 8 bytes a kept value. A row identical to one that
    was learnt is taken to be that row.

    Parameters
    ----------
    n_neighbors
        Neighbours looked at, at least 1; fewer where fewer rows were learnt.
    sample_size
        Rows kept to compare with, at least 2; None keeps all.
    random_state
        Seed of the sample, from 0.
    n_jobs
        Threads; −1 uses every processor.

    Attributes
    ----------
    reference_ : (n_kept, n_features)
        The rows compared with.
    reach_ : (n_kept,)
        Distance of each to its last neighbour.
    density_ : (n_kept,)
        Local reachability density of each, 1 / distance.
    factor_ : (n_kept,)
        Score of each, so that a row learnt is not looked for again.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import LOF
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> LOF().fit(X).anomaly_score([[0, 0], [6, 6]]).round(1)
    array([1. , 8.7])

    References
    ----------
    Breunig, M. M. et al. (2000). LOF: identifying density-based local outliers. SIGMOD.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True)
    domains: ClassVar = {
        "n_neighbors": Whole(1),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }
    search_space: ClassVar = {"n_neighbors": LogRange(3, 200)}

    def __init__(
        self,
        n_neighbors: int = 20,
        sample_size: int | None = 20_000,
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
        distance, index = self._nearest(sample.rows)
        self.reach_ = distance[:, -1].copy()
        self.density_ = self._density(distance, index)
        self.factor_ = self._factor(distance, index)
        self._known = RowLookup(sample.rows)

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`."""
        super().restore(state)
        self._neighbors, self._known = Neighbors(self.reference_), RowLookup(self.reference_)
        return self

    def _nearest(self, X: Matrix) -> tuple[Matrix, npt.NDArray[np.int64]]:
        k = min(self.n_neighbors, len(self.reference_) - 1)
        return self._neighbors.nearest(X, k, skip_self=True, n_jobs=self.n_jobs)

    def _density(self, distance: Matrix, index: npt.NDArray[np.int64]) -> Vector:
        reachable = np.maximum(distance, self.reach_[index])
        # As in scikit-learn: many equal rows have a very high density, not an infinite one.
        density: Vector = 1.0 / (reachable.mean(axis=1) + 1e-10)
        return density

    def _factor(self, distance: Matrix, index: npt.NDArray[np.int64]) -> Vector:
        factor: Vector = self.density_[index].mean(axis=1) / self._density(distance, index)
        return factor

    def _score(self, X: Matrix) -> Vector:
        place = self._known.find(X)
        factor = self.factor_[place]
        new = place < 0
        if new.any():
            factor[new] = self._factor(*self._nearest(np.ascontiguousarray(X[new])))
        return factor

    def _contributions(self, X: Matrix) -> Matrix:
        """The score, shared by the gaps to comparable rows."""
        return neighbor_shares(X, self.reference_) * self._score(X)[:, None]
