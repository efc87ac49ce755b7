"""Isolation by nearest-neighbour spheres."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.core.search_space import LogRange
from amiss.core.summary import Sample, Summary
from amiss.kernels.forest import draw
from amiss.kernels.spheres import Spheres

__all__ = ["INNE"]

_LOCATION_ROWS = 5000


class INNE(MergeDetector[Summary]):
    """How often a row falls outside small random sets of spheres, or into spheres large beside their neighbours'.

    Each set is a handful of rows with a sphere about each that reaches to the next of them: small where the data are
    dense, large where they are sparse. Good at local anomalies and at clusters of unlike density, where an isolation
    forest is blind; scores are coarse where all rows lie outside. Features must be on comparable scales.

    Fitting costs O(n_estimators × max_samples² × n_features), scoring O(n_rows × n_estimators × max_samples ×
    n_features) time; memory 8 × n_features bytes a sphere.

    Parameters
    ----------
    n_estimators
        Number of sets, at least 1.
    max_samples
        Spheres of a set, at least 2.
    sample_size
        Rows kept to draw from, at least 2; None keeps all.
    random_state
        Seed, from 0.
    n_jobs
        Threads for scoring; −1 uses every processor.

    Attributes
    ----------
    centers_ : (n_estimators, n_features, n_padded)
        Centres of the spheres, padded to a multiple of 8.
    square_, value_ : (n_estimators, n_padded)
        Squared radius, in squared units, and what a row counts that no smaller sphere holds.
    location_ : (n_features,)
        Medians, from which reasons measure.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import INNE
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> INNE().fit(X).anomaly_score([[0, 0], [6, 6]]).round(1)
    array([0.3, 1. ])

    References
    ----------
    Bandaragoda, T. R. et al. (2018). Isolation-based anomaly detection using nearest-neighbor ensembles. Computational
    Intelligence.
    """

    capabilities: ClassVar = Capabilities(reasons=True)
    domains: ClassVar = {
        "n_estimators": Whole(1),
        "max_samples": Whole(2),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }
    search_space: ClassVar = {"max_samples": LogRange(2, 64)}

    def __init__(
        self,
        n_estimators: int = 200,
        max_samples: int = 8,
        sample_size: int | None = 20_000,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.sample_size = sample_size
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        X = sample.kept
        rows = sample.places(draw(len(X), min(self.max_samples, len(X)), self.n_estimators, self.random_state))
        self._take(Spheres.of(X, rows))
        self.location_ = np.median(sample.head(_LOCATION_ROWS), axis=0)

    def _take(self, spheres: Spheres) -> None:
        self._spheres = spheres
        self.centers_, self.square_, self.value_ = spheres.centers, spheres.square, spheres.value

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`; ValueError if its arrays do not fit together."""
        super().restore(state)
        self._take(Spheres(self.centers_, self.square_, self.value_))
        self._spheres.check(self.n_features_in_)
        return self

    def _score(self, X: Matrix) -> Vector:
        return self._spheres.score(X, self.n_jobs)

    def _contributions(self, X: Matrix) -> Matrix:
        """The score, shared by how far each feature lies from its median, in squared units."""
        square = (X - self.location_) ** 2
        whole = square.sum(axis=1, keepdims=True)
        share = np.divide(square, whole, out=np.full_like(X, 1 / X.shape[1]), where=whole > 0)
        terms: Matrix = share * self._score(X)[:, None]
        return terms
