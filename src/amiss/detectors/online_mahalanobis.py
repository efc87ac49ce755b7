"""Mahalanobis distance over a stream, with a mean and a covariance that forget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from amiss.core.detector import Capabilities
from amiss.core.one_pass import OnePassDetector
from amiss.core.params import Between
from amiss.core.search_space import LogRange
from amiss.kernels.ellipsoid import STATE, Ellipsoids, begun

__all__ = ["OnlineMahalanobis"]

_SURE = 8.0
"""Changes of a feature before it counts."""


class OnlineMahalanobis(OnePassDetector):
    """Distance of a row to the running mean of its entity, in units of its running spread.

    Small, fast, and the detector of broken relations between features; fit for one elliptical cloud that moves slowly.
    A row that lies far off moves mean and covariance no more than one at a usual distance, so that anomalies are not
    learnt at once, and a new level is learnt within a half-life or so. Several clouds, or several levels that come and
    go, need `RandomCutForest`.

    A feature that has hardly ever changed (fewer than 8 times, old ones fading) does not count, so that a constant one
    that changes by a unit raises nothing; a row that misses values is measured by those that it has. Scoring and
    learning cost O(n_features²) a row, O(n_features³) where values are missing; an entity takes 16 × n_features² + 32 ×
    n_features + 8 bytes.

    Parameters
    ----------
    half_life
        Rows after which a row counts half as much, at least 1.
    shrinkage
        Weight of the identity beside the correlation matrix, in (0, 1]; that of few rows is added.

    Attributes
    ----------
    seen_ : (n_entities,)
        Rows.
    last_, mean_, changes_ : (n_entities, n_features)
        Last value and running mean, in the features' units; number of changes.
    unit_ : (n_entities, n_features)
        One over the deviation; 0 of a feature that does not count.
    covariance_, factor_ : (n_entities, n_features, n_features)
        Lower triangles: of the covariance, in units², and of the Cholesky factor of the shrunk correlations.
    n_entities_
        Number of entities; the arrays may have room for more.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import OnlineMahalanobis
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> detector = OnlineMahalanobis().fit(X)
    >>> detector.score_partial_fit([[0.0, 0.0], [6.0, 6.0]]).round(0)
    array([0., 9.])

    References
    ----------
    Mahalanobis, P. C. (1936). On the generalised distance in statistics.
    """

    capabilities: ClassVar = Capabilities(missing=True, reasons=True, additive=True, context=True)
    domains: ClassVar = {"half_life": Between(1), "shrinkage": Between(0, 1, open_low=True)}
    search_space: ClassVar = {"half_life": LogRange(250, 20_000)}
    arrays: ClassVar = STATE

    def __init__(self, half_life: float = 2000.0, shrinkage: float = 1e-3) -> None:
        self.half_life = half_life
        self.shrinkage = shrinkage

    def _begun(self, n_entities: int) -> dict[str, Any]:
        return begun(n_entities, self.n_features_in_)

    def _loop_of(self, held: Mapping[str, Any]) -> Ellipsoids:
        rate = -math.expm1(-math.log(2.0) / self.half_life)
        return Ellipsoids(**held, rate=rate, shrinkage=self.shrinkage, sure=_SURE)
