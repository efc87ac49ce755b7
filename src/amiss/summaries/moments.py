"""Count, mean and scatter of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amiss.core.summary import Matrix, Vector
from amiss.summaries.blame import quadratic_shares

__all__ = ["Moments", "complete", "mahalanobis", "mahalanobis_terms"]

_FEW_COLUMNS = 64


def complete(X: Matrix, location: Vector, precision: Matrix) -> Matrix:
    """`X` with each missing value replaced by what the others of its row let expect.

    A median would break the relation to the values that are there, and make the row odd for what it does not say.
    Costs one small system of equations for each pattern of missing values.
    """
    holes = np.isnan(X)
    out = np.where(holes, location, X)
    touched = np.flatnonzero(holes.any(axis=1))
    if not len(touched) or not len(precision):
        return out
    patterns, which = np.unique(holes[touched], axis=0, return_inverse=True)
    for k, missing in enumerate(patterns):
        rows, there = touched[which.reshape(-1) == k], ~missing
        if not there.any():
            continue
        weight = np.linalg.solve(precision[np.ix_(missing, missing)], precision[np.ix_(missing, there)])
        gap = X[np.ix_(rows, there)] - location[there]
        # Summed row by row, not by matmul: its last digit depends on how many rows there are, and a learnt row must
        # stay the very row that it was.
        for place, line in zip(np.flatnonzero(missing), weight, strict=True):
            out[rows, place] = location[place] - (gap * line).sum(axis=1)
    return out


def _times(gap: Matrix, precision: Matrix) -> Matrix:
    """Their product. The threads of a matrix library cost more than they save where there are few columns."""
    product: Matrix = np.einsum("ij,jk->ik", gap, precision) if len(precision) <= _FEW_COLUMNS else gap @ precision
    return product


def mahalanobis(X: Matrix, location: Vector, precision: Matrix) -> Vector:
    """Distance of each row to `location` in the metric of `precision`: (n_rows,)."""
    gap = X - location
    distance: Vector = np.sqrt(np.maximum(np.einsum("ij,ij->i", gap, _times(gap, precision)), 0.0))
    return distance


def mahalanobis_terms(X: Matrix, location: Vector, precision: Matrix) -> Matrix:
    """What each feature adds to that distance: (n_rows, n_features); a row's terms sum to its distance."""
    shares: Matrix = quadratic_shares(X - location, precision)
    return shares * mahalanobis(X, location, precision)[:, None]


@dataclass(frozen=True, slots=True)
class Moments:
    """First and second moments, merged without loss (Chan, Golub and LeVeque, 1979).

    Attributes
    ----------
    n_rows
        Number of rows.
    mean : (n_features,)
        Mean of each feature.
    scatter : (n_features, n_features)
        Sum of the outer products of the centred rows.
    """

    n_rows: int
    mean: Vector
    scatter: Matrix

    @classmethod
    def of(cls, X: Matrix) -> Moments:
        """Moments of the rows of `X`."""
        mean = X.mean(axis=0)
        centred = X - mean
        return cls(len(X), mean, centred.T @ centred)

    def merge(self, other: Moments) -> Moments:
        """Moments of both sets of rows."""
        n = self.n_rows + other.n_rows
        gap = other.mean - self.mean
        mean = self.mean + gap * (other.n_rows / n)
        scatter = self.scatter + other.scatter + np.outer(gap, gap) * (self.n_rows * other.n_rows / n)
        return Moments(n, mean, scatter)

    @property
    def covariance(self) -> Matrix:
        """Covariance of the features, divided by the number of rows."""
        return self.scatter / self.n_rows

    def precision(self, shrinkage: float, least_spread: Vector | float = 0.0) -> Matrix:
        """Inverse covariance after each feature is brought to unit variance and shrunk towards independence.

        `shrinkage` in (0, 1] is the weight of the identity beside the correlation matrix. A constant feature
        counts with the smallest variance that double precision tells from zero at its mean, or with `least_spread`,
        (n_features,), where that is larger.
        """
        spread = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        floor = np.maximum(1e-9 * np.abs(self.mean), 1e-12)
        spread = np.maximum(spread, np.maximum(floor, least_spread))
        correlation = self.covariance / spread[:, None] / spread[None, :]
        correlation *= 1.0 - shrinkage
        correlation[np.diag_indices_from(correlation)] = 1.0
        inverse: Matrix = np.linalg.inv(correlation) / spread[:, None] / spread[None, :]
        return inverse
