"""Mahalanobis distance to the clean part of the data."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Between, Optional, Whole
from amiss.core.search_space import LogRange
from amiss.core.summary import Sample, Summary
from amiss.summaries.moments import Moments, mahalanobis, mahalanobis_terms

__all__ = ["RobustCovariance"]

_MOST_STEPS = 20
_LEAST_SPREAD = 0.3
"""Least standard deviation of a feature in the clean part, as a share of its deviation over all rows."""


class RobustCovariance(MergeDetector[Summary]):
    """Distance of a row to the centre of the most concentrated part of the data, in that part's own spread.

    What `Mahalanobis` is for clean data, this is for data that hold the anomalies looked for: mean and covariance
    are those of the `support` share of rows that lie closest to them, found by concentration steps from the rows
    closest to the medians. Fit for one elliptical cloud.

    Fitting costs O(n_kept × n_features²) time a step, scoring O(n_rows × n_features²).

    Parameters
    ----------
    support
        Share of rows taken to be clean, in [0.5, 1].
    shrinkage
        Weight of the identity beside the correlation matrix, in (0, 1].
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    random_state
        Seed of the sample, from 0.

    Attributes
    ----------
    location_ : (n_features,)
        Mean of the clean part, in the feature's unit.
    precision_ : (n_features, n_features)
        Its inverse covariance, in 1 / unit², scaled so that the median row is as far out as in a normal cloud.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import RobustCovariance
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> X[:200] += 20
    >>> RobustCovariance().fit(X).anomaly_score([[0, 0], [20, 20]]).round(0)
    array([ 0., 24.])

    References
    ----------
    Rousseeuw, P. J. and Van Driessen, K. (1999). A fast algorithm for the minimum covariance determinant estimator.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True)
    domains: ClassVar = {
        "support": Between(0.5, 1),
        "shrinkage": Between(0, 1, open_low=True),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
    }
    search_space: ClassVar = {"shrinkage": LogRange(1e-5, 0.1)}

    def __init__(
        self,
        support: float = 0.7,
        shrinkage: float = 1e-3,
        sample_size: int | None = 20_000,
        random_state: int = 0,
    ) -> None:
        self.support = support
        self.shrinkage = shrinkage
        self.sample_size = sample_size
        self.random_state = random_state

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        X = sample.rows
        n_clean = max(2, int(np.ceil(self.support * len(X))))
        # A feature that is constant in the clean part would outweigh all others.
        floor = _LEAST_SPREAD * X.std(axis=0)
        clean = np.sort(np.argsort(_distance_to_medians(X), kind="stable")[:n_clean])
        for _ in range(_MOST_STEPS):
            moments = Moments.of(X[clean])
            self.location_ = moments.mean
            self.precision_ = moments.precision(self.shrinkage, floor)
            closest = np.sort(np.argsort(self._score(X), kind="stable")[:n_clean])
            if np.array_equal(closest, clean):
                break
            clean = closest
        # The clean part is narrower than the whole: at the median row the distance is made that of a normal cloud.
        usual = float(np.median(self._score(X))) ** 2
        if usual > 0:
            # Bounded: where most rows are alike their distance says nothing of the others.
            self.precision_ *= np.clip(_chi_square_median(X.shape[1]) / usual, 0.1, 10.0)

    def _score(self, X: Matrix) -> Vector:
        return mahalanobis(X, self.location_, self.precision_)

    def _contributions(self, X: Matrix) -> Matrix:
        return mahalanobis_terms(X, self.location_, self.precision_)


def _chi_square_median(n_features: int) -> float:
    """Median squared distance of a normal cloud, by Wilson and Hilferty."""
    return float(n_features * (1 - 2 / (9 * n_features)) ** 3)


def _distance_to_medians(X: Matrix) -> Vector:
    gap = np.abs(X - np.median(X, axis=0))
    spread = np.median(gap, axis=0)
    spread = np.where(spread > 0, spread, gap.mean(axis=0))
    with np.errstate(over="ignore"):  # the order alone counts: a row infinitely far out is the last one
        total: Vector = np.where(spread > 0, gap / np.where(spread > 0, spread, 1.0), 0.0).sum(axis=1)
    return total
