"""Kernel density estimate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Between, Optional, Whole
from amiss.core.summary import Sample, Summary
from amiss.summaries.blame import neighbor_shares

__all__ = ["KDE"]

_NORMAL = 1.4826  # makes a median absolute deviation a standard deviation for normal data
_NORMAL_MEAN = 1.2533  # likewise for a mean absolute deviation
_MOST_PAIRS = 500_000
_FAR = 1e6


class KDE(MergeDetector[Summary]):
    """How thin the data lie around a row: the negative logarithm of a density made of one Gaussian for each row kept.

    Good for clouds of any shape in few columns, and the score is a true log-likelihood. Beyond some ten columns all
    rows are far apart, and it becomes a smooth `KNN`. A narrow kernel finds anomalies between clusters, and is blind
    to a clump of like ones; a broad kernel the other way round.

    Scoring costs O(n_rows × n_kept × n_features) time, in blocks of bounded memory. A row identical to one that was
    learnt is taken to be that row: its own Gaussian is left out, so fitted rows are scored like new ones.

    Parameters
    ----------
    bandwidth
        Width of the Gaussians as a multiple of Scott's rule, over 0. That rule, 1, is for the density itself; to rank
        rows, twice as much is better on most tables.
    sample_size
        Rows kept to compare with, at least 2; None keeps all.
    random_state
        Seed of the sample, from 0.

    Attributes
    ----------
    reference_ : (n_kept, n_features)
        The rows kept.
    location_ : (n_features,)
        Their median, in the feature's unit; distances are reckoned from there.
    bandwidth_ : (n_features,)
        Standard deviation of the Gaussians along each feature, in the feature's unit.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import KDE
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> KDE().fit(X).anomaly_score([[0, 0], [6, 6]]).round(1)
    array([ 2.2, 38.5])

    References
    ----------
    Parzen, E. (1962). On estimation of a probability density function and mode. Annals of Mathematical Statistics.
    Scott, D. W. (1992). Multivariate density estimation. Wiley.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True)
    domains: ClassVar = {
        "bandwidth": Between(0, open_low=True),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
    }

    def __init__(self, bandwidth: float = 2.0, sample_size: int | None = 1000, random_state: int = 0) -> None:
        self.bandwidth = bandwidth
        self.sample_size = sample_size
        self.random_state = random_state

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        X = sample.rows
        n, d = X.shape
        self.location_ = np.median(X, axis=0)
        gap = np.abs(X - self.location_)
        spread = _NORMAL * np.median(gap, axis=0)
        spread = np.where(spread > 0, spread, _NORMAL_MEAN * gap.mean(axis=0))
        spread = np.maximum(spread, np.maximum(1e-9 * np.abs(self.location_), 1e-12))
        self.reference_ = X
        self.bandwidth_ = self.bandwidth * n ** (-1 / (d + 4)) * spread

    def _score(self, X: Matrix) -> Vector:
        score = np.empty(len(X))
        for rows, exponent, n_others in self._exponents(X):
            score[rows] = self._highest() + _thinness(exponent, n_others)
        return score

    def _highest(self) -> float:
        """Negative log of the density at a place where all rows kept stand."""
        return float(np.log(self.bandwidth_).sum() + 0.5 * len(self.bandwidth_) * np.log(2 * np.pi))

    def _exponents(self, X: Matrix) -> Iterator[tuple[slice, Matrix, Vector]]:
        """For blocks of rows: half the squared gap to each row kept, in bandwidths, and how many others were kept."""
        reference = (self.reference_ - self.location_) / self.bandwidth_
        place = {row.tobytes(): i for i, row in enumerate(self.reference_ + 0.0)}
        n_at_once = max(1, _MOST_PAIRS // len(reference))
        for start in range(0, len(X), n_at_once):
            rows = slice(start, start + n_at_once)
            exponent = _half_squares((X[rows] - self.location_) / self.bandwidth_, reference)
            # -0.0 and 0.0 are one value and differ in their bytes.
            own = np.array([place.get(row.tobytes(), -1) for row in X[rows] + 0.0])
            learnt = np.flatnonzero(own >= 0)
            exponent[learnt, own[learnt]] = np.inf
            yield rows, exponent, len(reference) - (own >= 0).astype(np.float64)

    def _contributions(self, X: Matrix) -> Matrix:
        """What the density lacks, shared by the gaps to comparable rows, in bandwidths."""
        scaled = (X - self.location_) / self.bandwidth_
        share = neighbor_shares(scaled, (self.reference_ - self.location_) / self.bandwidth_)
        return share * (self._score(X) - self._highest())[:, None]


def _thinness(exponent: Matrix, n_others: Vector) -> Vector:
    """Negative log of the mean of exp(−exponent) over the others, not below 0."""
    nearest = exponent.min(axis=1)
    total = np.exp(nearest[:, None] - exponent).sum(axis=1)
    thinness: Vector = np.maximum(nearest - np.log(total / n_others), 0.0)
    return thinness


def _half_squares(A: Matrix, B: Matrix) -> npt.NDArray[np.float64]:
    """Half the squared distance of each row of `A` to each of `B`."""
    size, other = (A**2).sum(axis=1), (B**2).sum(axis=1)
    half = A @ (-B.T)
    half += 0.5 * size[:, None]
    half += 0.5 * other
    # Far from the centre the difference of two large numbers would hold nothing but rounding.
    for i in np.flatnonzero(size > _FAR):
        half[i] = 0.5 * ((A[i] - B) ** 2).sum(axis=1)
    return np.maximum(half, 0.0, out=half)
