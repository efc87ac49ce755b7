"""Distance inside and to the principal subspace of the clean part of the data."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Between, Optional, Whole
from amiss.core.summary import Sample, Summary
from amiss.summaries.blame import quadratic_shares
from amiss.summaries.subspace import axes, inside_terms, limit, metric, outside_terms

__all__ = ["RobustPCA"]

_NORMAL = 1.4826  # makes a median absolute deviation a standard deviation for normal data
_NORMAL_MEAN = 1.2533  # likewise for a mean absolute deviation
_N_DIRECTIONS = 250
_LEAST = 1e-9
_DIRECTIONS_AT_ONCE = 32
_MOST_STEPS = 20
_LEAST_SHARE = 0.09
"""Least robust variance along a direction, as a share of the plain one."""


class RobustPCA(MergeDetector[Summary]):
    """What `PCA` is for clean data, this is for data that hold the anomalies looked for.

    The directions are those of the `support` share of rows that lie closest to them and, along them, to the centre.
    They are found by concentration steps from the rows that no projection on a line through two rows shows far out.
    The score is the sum of a row's squared distance in the kept directions (T²) and of that to them (Q), each over
    the value that one clean row in a hundred exceeds. Fit for one elliptical cloud, with more columns than
    `RobustCovariance` does well with.

    Fitting costs O(n_kept × n_features × 250) time, and O(n_kept × n_features²) a step; scoring
    O(n_rows × n_features × n_components).

    Parameters
    ----------
    variance
        Share of the clean part's standardised variance that the kept directions explain at least, in (0, 1).
    support
        Share of rows taken to be clean, in [0.5, 1].
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    random_state
        Seed of the sample and of the projections, from 0.

    Attributes
    ----------
    location_ : (n_features,)
        Mean of the clean part, in the feature's unit.
    scale_ : (n_features,)
        Scaled median absolute deviation of each feature (its mean absolute deviation where more than half of the
        values are equal), in the feature's unit.
    components_ : (n_components, n_features)
        Orthonormal directions of the features over `scale_`, the widest of the clean part first.
    eigenvalues_ : (n_features,)
        Robust variance along them, then along those left out.
    limits_ : (2,)
        What T² and Q of clean rows exceed once in a hundred.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import PCA, RobustPCA
    >>> x = np.random.default_rng(0).normal(size=(1000, 1))
    >>> X = np.hstack([x, x, x]) + np.random.default_rng(1).normal(0, 0.1, size=(1000, 3))
    >>> X[:100] += [9, 9, -9]
    >>> odd = [[1, 1, 1], [9, 9, -9]]
    >>> PCA().fit(X).anomaly_score(odd).round(1), RobustPCA().fit(X).anomaly_score(odd).round(0)
    (array([0.2, 1.4]), array([ 0., 22.]))

    References
    ----------
    Hubert, M., Rousseeuw, P. J. and Vanden Branden, K. (2005). ROBPCA: a new approach to robust principal component
    analysis. Technometrics.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True)
    domains: ClassVar = {
        "variance": Between(0, 1, open_low=True, open_high=True),
        "support": Between(0.5, 1),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
    }

    def __init__(
        self,
        variance: float = 0.9,
        support: float = 0.7,
        sample_size: int | None = 5000,
        random_state: int = 0,
    ) -> None:
        self.variance = variance
        self.support = support
        self.sample_size = sample_size
        self.random_state = random_state

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        X = sample.rows
        median = np.median(X, axis=0)
        self.scale_ = _spread(X, median)
        Z = (X - median) / self.scale_
        n_clean = max(2, int(np.ceil(self.support * len(Z))))
        clean = _smallest(_outlyingness(Z, np.random.default_rng(self.random_state)), n_clean)
        n_kept: int | None = None
        for _ in range(_MOST_STEPS):
            location = Z[clean].mean(axis=0)
            gap = Z[clean] - location
            eigenvalues, vectors = axes(gap.T @ gap / n_clean)
            if n_kept is None:
                n_kept = self._n_kept(eigenvalues)
            self.location_ = median + location * self.scale_
            closest = _smallest(self._settle(Z - location, vectors, n_kept), n_clean)
            if np.array_equal(closest, clean):
                break
            clean = closest

    def _n_kept(self, eigenvalues: Vector) -> int:
        total = eigenvalues.sum()
        if total <= 0:
            return 0
        explained = np.cumsum(eigenvalues) / total
        return min(int(np.searchsorted(explained, self.variance)) + 1, len(eigenvalues) - 1)

    def _settle(self, Z: Matrix, directions: Matrix, n_kept: int) -> Vector:
        """Set variances and limits to what the middle of the rows says, and score all rows by them."""
        square = (Z @ directions.T) ** 2
        # The clean part is narrower than the whole, so its own variances would be too small.
        robust = _NORMAL**2 * np.median(square, axis=0)
        self.eigenvalues_ = np.maximum(robust, np.maximum(_LEAST_SHARE * square.mean(axis=0), _LEAST))
        self.components_ = directions[:n_kept]
        self.limits_ = np.array([limit(np.ones(n_kept)), limit(self.eigenvalues_[n_kept:])])
        inside = (square[:, :n_kept] / self.eigenvalues_[:n_kept]).sum(axis=1) / self.limits_[0]
        total: Vector = inside + square[:, n_kept:].sum(axis=1) / self.limits_[1]
        return total

    def _score(self, X: Matrix) -> Vector:
        total: Vector = self._terms(X).sum(axis=1)
        return total

    def _terms(self, X: Matrix) -> Matrix:
        Z = (X - self.location_) / self.scale_
        inside = inside_terms(Z, self.components_, self.eigenvalues_[: len(self.components_)])
        both: Matrix = inside / self.limits_[0] + outside_terms(Z, self.components_) / self.limits_[1]
        return both

    def _contributions(self, X: Matrix) -> Matrix:
        """The score, shared by how much of it each feature takes away once it is free."""
        kept = self.eigenvalues_[: len(self.components_)]
        whole = metric(self.components_, kept, 1 / self.limits_[0], 1 / self.limits_[1])
        return quadratic_shares((X - self.location_) / self.scale_, whole) * self._score(X)[:, None]


def _smallest(distance: Vector, n: int) -> npt.NDArray[np.intp]:
    return np.sort(np.argsort(distance, kind="stable")[:n])


def _spread(X: Matrix, median: Vector) -> Vector:
    gap = np.abs(X - median)
    spread = _NORMAL * np.median(gap, axis=0)
    spread = np.where(spread > 0, spread, _NORMAL_MEAN * gap.mean(axis=0))
    return np.maximum(spread, np.maximum(1e-9 * np.abs(median), 1e-12))


def _outlyingness(Z: Matrix, random: np.random.Generator) -> Vector:
    """The largest robust z-score of each row over projections on lines through two rows (Stahel, Donoho)."""
    first, second = random.integers(len(Z), size=(2, _N_DIRECTIONS))
    lines = Z[first] - Z[second]
    length = np.sqrt((lines**2).sum(axis=1))
    lines = lines[length > 0] / length[length > 0, None]
    worst = np.zeros(len(Z))
    for start in range(0, len(lines), _DIRECTIONS_AT_ONCE):
        place = Z @ lines[start : start + _DIRECTIONS_AT_ONCE].T
        middle = np.median(place, axis=0)
        worst = np.maximum(worst, (np.abs(place - middle) / _spread(place, middle)).max(axis=1))
    return worst
