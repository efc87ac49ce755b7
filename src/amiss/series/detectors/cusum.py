"""Sums of deviations that lean to one side."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, SeriesDetector, Vector
from amiss.core.params import Between, Whole
from amiss.prepare.scales import robust_scale
from amiss.series.forecast import length, squared_shares

__all__ = ["CUSUM"]

_FARTHEST = 1e6


class CUSUM(SeriesDetector):
    """How much the rows up to one have added up to on one side of the usual level, beyond a slack for each.

    Page's test on both sides. Made for small shifts that last, which no single row shows: half a deviation over fifty
    rows. A sum reaches back `window` rows at most and has no limit of its own: it is not reset when it is high, but
    forgets a change that is over within a window, where Page's own sum would need as long as the change has been large.
    A level that is new for good stays odd until it is learnt. Knows neither seasons nor wandering levels: there it
    follows the season; the first row of a shift scores low. A missing value leaves the sums as they are.

    Costs O(n_rows × n_features) time and memory, whatever the window.

    Parameters
    ----------
    slack
        What each row's deviation is lessened by, in usual deviations, from 0: half of the shift to be found.
    window
        Rows that a sum reaches back at most, at least 1.

    Attributes
    ----------
    location_, scale_ : (n_features,)
        Median and robust deviation of each feature, in its unit.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import CUSUM
    >>> X = np.random.default_rng(0).normal(size=(1000, 1))
    >>> X[600:640] += 1
    >>> 620 < int(np.argmax(CUSUM().fit(X).anomaly_score(X))) < 650
    True

    References
    ----------
    Page, E. S. (1954). Continuous inspection schemes. Biometrika.
    Lai, T. L. (1995). Sequential changepoint detection in quality control and dynamical systems. Journal of the Royal
    Statistical Society B.
    """

    capabilities: ClassVar = Capabilities(ordered=True, causal=True, missing=True, reasons=True, additive=True)
    finds: ClassVar = ("level_shift", "drift")
    domains: ClassVar = {"slack": Between(0), "window": Whole(1)}

    def __init__(self, slack: float = 0.5, window: int = 100) -> None:
        self.slack = slack
        self.window = window

    def _learn(self, X: Matrix) -> None:
        self.location_, self.scale_ = robust_scale(X)
        self.location_ = np.nan_to_num(self.location_)

    def _sums(self, X: Matrix) -> Matrix:
        """The larger of both sums, (n_rows, n_features)."""
        z = np.clip((X - self.location_) / self.scale_, -_FARTHEST, _FARTHEST)
        return np.maximum(self._one_side(z), self._one_side(-z))

    def _one_side(self, z: Matrix) -> Matrix:
        from scipy.ndimage import minimum_filter1d

        total = np.vstack([np.zeros(z.shape[1]), np.cumsum(np.nan_to_num(z - self.slack), axis=0)])
        width = min(self.window, len(z)) + 1
        lowest = minimum_filter1d(total, width, axis=0, origin=(width - 1) // 2, mode="nearest")
        # What was summed up in another order is only nearly nothing.
        risen: Matrix = np.maximum(total - lowest, 0.0)[1:]
        return risen

    def _score(self, X: Matrix) -> Vector:
        return length(self._sums(X))

    def _contributions(self, X: Matrix) -> Matrix:
        return squared_shares(self._sums(X))
