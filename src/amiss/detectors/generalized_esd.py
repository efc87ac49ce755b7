"""Generalised extreme studentised deviate: Grubbs' test for many outliers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Between, Optional, Whole
from amiss.core.summary import Sample, Summary

__all__ = ["GeneralizedESD"]

Counts = npt.NDArray[np.int64]

_NORMAL_MEAN = 1.2533  # makes a mean absolute deviation a standard deviation for normal data


class GeneralizedESD(MergeDetector[Summary]):
    """How far a row's values are from what Rosner's test leaves of their columns, as a share of the test's limit.

    In each column the most distant value is taken out, mean and standard deviation are computed anew, and so on; then
    the test says how many of those taken out were outliers at level `alpha`. A value's score is its distance to the
    mean of the rest over the largest distance that Grubbs' test lets pass: over 1 is an outlier to the test. The
    largest over the columns counts, so that with many columns `alpha` holds for each and not for the row.

    Good for columns that are normal but for a few gross errors, which may hide one another from `ZScore`. In columns
    with a heavy tail it calls too many values outliers. Relations between columns are not seen.

    Fitting costs O(n_kept × n_features × log n_kept) time, scoring O(n_rows × n_features). A missing value adds
    nothing.

    Parameters
    ----------
    max_outliers
        Share of a column's values that may be outliers at most, in [0, 0.5).
    alpha
        Level of the test: probability that a clean column is said to hold an outlier, in (0, 1).
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    random_state
        Seed of the sample, from 0.

    Attributes
    ----------
    n_outliers_ : (n_features,)
        Outliers found in each feature of the rows kept.
    location_, scale_ : (n_features,)
        Mean and standard deviation of the others (of n − 1 degrees of freedom), in the feature's unit.
    limit_ : (n_features,)
        Distance from which on one more value is an outlier, in `scale_`.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import GeneralizedESD
    >>> X = np.random.default_rng(0).normal(size=(1000, 1))
    >>> X[:20] = 50
    >>> detector = GeneralizedESD().fit(X)
    >>> detector.n_outliers_
    array([20])
    >>> detector.anomaly_score([[0], [6], [50]]).round(1)
    array([ 0. ,  1.5, 12.5])

    References
    ----------
    Grubbs, F. E. (1950). Sample criteria for testing outlying observations. Annals of Mathematical Statistics.
    Rosner, B. (1983). Percentage points for a generalized ESD many-outlier procedure. Technometrics.
    """

    capabilities: ClassVar = Capabilities(missing=True, reasons=True)
    domains: ClassVar = {
        "max_outliers": Between(0, 0.5, open_high=True),
        "alpha": Between(0, 1, open_low=True, open_high=True),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
    }

    def __init__(
        self,
        max_outliers: float = 0.1,
        alpha: float = 0.05,
        sample_size: int | None = 20_000,
        random_state: int = 0,
    ) -> None:
        self.max_outliers = max_outliers
        self.alpha = alpha
        self.sample_size = sample_size
        self.random_state = random_state

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        columns = [column[~np.isnan(column)] for column in sample.rows.T]
        tested = [_test(np.sort(column), self.max_outliers, self.alpha) for column in columns]
        self.n_outliers_ = np.array([n for n, _, _ in tested])
        self.location_ = np.array([mean for _, mean, _ in tested])
        scale = np.array([spread for _, _, spread in tested])
        self.scale_ = np.maximum(scale, np.maximum(1e-9 * np.abs(self.location_), 1e-12))
        n_clean = np.array([len(column) for column in columns]) - self.n_outliers_
        # Grubbs' limit for a sample of one more value, told by mean and deviation of the others.
        self.limit_ = np.sqrt(1 + 1 / np.maximum(n_clean, 1)) * _student(n_clean + 1, self.alpha)

    def _score(self, X: Matrix) -> Vector:
        worst: Vector = self._contributions(X).max(axis=1)
        return worst

    def _contributions(self, X: Matrix) -> Matrix:
        """Share of the test's limit that each value reaches."""
        share = np.abs(X - self.location_) / (self.scale_ * self.limit_)
        filled: Matrix = np.nan_to_num(share, copy=False, nan=0.0)
        return filled


def _student(n_values: Counts, alpha: float) -> Vector:
    """What the studentised distance of any of `n_values` normal values to the others exceeds with chance `alpha`."""
    from scipy.special import stdtrit

    quantile: Vector = stdtrit(np.maximum(n_values - 2, 1), 1 - alpha / (2 * n_values))
    return quantile


def _test(x: Vector, max_outliers: float, alpha: float) -> tuple[int, float, float]:
    """Outliers in the ascending values `x`, and mean and standard deviation of the others."""
    if not len(x):
        return 0, 0.0, 1.0
    middle = len(x) // 2
    centre = float(x[middle])
    low, n_left, mean, square = _peel(x - centre, middle, int(max_outliers * len(x)))
    spread = np.sqrt(square / np.maximum(n_left - 1, 1))
    # What is left after k steps is x[low : low + n_left]: the step to come takes the more distant of its ends.
    distance = np.maximum(x[low + n_left - 1] - centre - mean, mean - (x[low] - centre))
    studentised = np.divide(distance, spread, out=np.zeros_like(distance), where=spread > 0)
    t = _student(n_left, alpha)
    critical = (n_left - 1) * t / np.sqrt((np.maximum(n_left - 2, 1) + t**2) * n_left)
    beyond = np.flatnonzero((studentised > critical)[:-1] & (n_left[:-1] >= 3))
    n = int(beyond[-1]) + 1 if len(beyond) else 0
    alike = x[low[n]] == x[low[n] + n_left[n] - 1]
    # Where all that are left are one value, the mean deviation of the whole tells the scale, as it does with medians.
    scale = _NORMAL_MEAN * np.abs(x - centre).mean() if alike else spread[n]
    return n, centre + float(mean[n]), float(scale)


def _peel(gap: Vector, middle: int, n_steps: int) -> tuple[Counts, Counts, Vector, Vector]:
    """Take the value most distant from the mean away, step by step, from ascending values.

    Returns for the values left after 0 … n_steps steps: place of the lowest, their number, mean, and sum of squared
    deviations. Sums grow from the middle outwards, so that a gross outlier, once taken out, leaves no rounding behind.
    """
    left, right = gap[:middle][::-1], gap[middle:]
    sums = [np.concatenate([[0.0], np.cumsum(side)]) for side in (left, right)]
    squares = [np.concatenate([[0.0], np.cumsum(side**2)]) for side in (left, right)]
    low, high = 0, len(gap) - 1
    lows = np.zeros(n_steps + 1, dtype=np.int64)
    values, below, above = gap.tolist(), sums[0].tolist(), sums[1].tolist()
    for step in range(1, n_steps + 1):
        mean = (below[middle - low] + above[high + 1 - middle]) / (high + 1 - low)
        if values[high] - mean >= mean - values[low]:
            high -= 1
        else:
            low += 1
        lows[step] = low
    n_left = len(gap) - np.arange(n_steps + 1)
    n_below, n_above = middle - lows, lows + n_left - middle
    mean_left = (sums[0][n_below] + sums[1][n_above]) / n_left
    square = squares[0][n_below] + squares[1][n_above] - n_left * mean_left**2
    return lows, n_left, mean_left, np.maximum(square, 0.0)
