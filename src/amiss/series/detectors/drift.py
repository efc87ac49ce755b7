"""Slow wandering away from the usual level."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, SeriesDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.prepare.scales import robust_scale
from amiss.series.forecast import length, squared_shares
from amiss.series.seasons import find_seasons

__all__ = ["Drift"]

_SHARE = 20
_SHORTEST, _LONGEST = 20, 2000
_FARTHEST = 1e6
_LEAST = 1e-3
_DEVIATION = 1.4826


class Drift(SeriesDetector):
    """How far the mean of the last many rows has wandered from the usual level, beyond what such means ever do.

    Made for what comes slowly and stays: a sensor that ages, a leak, load that grows. What is usual for such means is
    learnt from them, so noise that hangs together and levels that always wander raise nothing, and seasons no longer
    than the window cancel. Blind to all that is short, and late: it speaks when a good part of a window has moved. It
    must learn from rows of which most are as they should be.

    Costs O(n_rows × n_features) time and memory, and O(n_rows × log n_rows) a feature to learn.

    Parameters
    ----------
    window
        Rows in a mean, at least 1; None for a twentieth of the rows learnt, from 20 to 2,000, in whole seasons.

    Attributes
    ----------
    window_
        Rows in a mean.
    location_ : (n_features,)
        Usual level of each feature, in its unit.
    spread_ : (n_features,)
        Usual deviation of the means, in the unit of the feature.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import Drift
    >>> X = np.random.default_rng(0).normal(size=(3000, 1))
    >>> X[2500:, 0] += np.linspace(0, 2, 500)
    >>> int(np.argmax(Drift().fit(X).anomaly_score(X))) > 2800
    True

    References
    ----------
    Bissell, A. F. (1984). The performance of control charts and cusums under linear trend. Applied Statistics.
    """

    capabilities: ClassVar = Capabilities(ordered=True, causal=True, missing=True, reasons=True, additive=True)
    finds: ClassVar = ("drift",)
    domains: ClassVar = {"window": Optional(Whole(1))}

    def __init__(self, window: int | None = None) -> None:
        self.window = window

    def _learn(self, X: Matrix) -> None:
        self.window_ = min(self.window or _usual_length(X), max(len(X) // 2, 1))
        self.location_, scale = robust_scale(X)
        self.location_ = np.nan_to_num(self.location_)
        gap = self._gap(X, scale)
        means = gap[self.window_ - 1 :]
        middle = np.median(means, axis=0)
        self.location_ = self.location_ + middle * scale
        spread = _DEVIATION * np.median(np.abs(means - middle), axis=0)
        # No mean is steadier than one of independent rows; nor, of a series that repeats exactly, without limit.
        self.spread_ = scale * np.maximum(spread, max(1 / np.sqrt(self.window_), _LEAST))

    def _gap(self, X: Matrix, scale: Vector) -> Matrix:
        """Mean of the last rows less the usual level, in units of `scale`."""
        z = np.clip((X - self.location_) / scale, -_FARTHEST, _FARTHEST)
        total = np.vstack([np.zeros(z.shape[1]), np.cumsum(np.nan_to_num(z), axis=0)])
        end = np.arange(1, len(X) + 1)
        start = np.maximum(end - self.window_, 0)
        # A mean of few rows says the less: those that are missing or before the first count as if they stood at it.
        mean: Matrix = (total[end] - total[start]) / self.window_
        return mean

    def _away(self, X: Matrix) -> Matrix:
        return self._gap(X, self.spread_)

    def _score(self, X: Matrix) -> Vector:
        return length(self._away(X))

    def _contributions(self, X: Matrix) -> Matrix:
        return squared_shares(self._away(X))


def _usual_length(X: Matrix) -> int:
    """A part of the history in whole cycles of the longest season that fits."""
    rows = int(np.clip(len(X) // _SHARE, _SHORTEST, _LONGEST))
    periods = [round(season.period) for x in X.T for season in find_seasons(x)]
    longest = max((period for period in periods if period <= 2 * rows), default=1)
    return max(1, round(rows / longest)) * longest
