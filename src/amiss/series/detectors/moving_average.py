"""Distance from the mean of the rows before."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Matrix
from amiss.core.params import Whole
from amiss.series.forecast import ForecastDetector, filled_forward

__all__ = ["MovingAverage"]


class MovingAverage(ForecastDetector):
    """How far a row is from the mean of the rows just before it.

    Finds spikes, dips and the first rows of a level shift in series without seasons; follows a slow change. A long
    anomaly becomes its own normal after half a window; a spike echoes for a window, which `moving_median` avoids.

    Costs O(n_rows × n_features) time and memory, whatever the window.

    Parameters
    ----------
    window
        Rows averaged, at least 1.

    Attributes
    ----------
    scale_ : (n_features,)
        Usual miss of each feature, as a standard deviation.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import MovingAverage
    >>> X = np.random.default_rng(0).normal(size=(500, 1))
    >>> X[300] = 8
    >>> int(np.argmax(MovingAverage().fit(X).anomaly_score(X)))
    300

    References
    ----------
    Shewhart, W. A. (1931). Economic control of quality of manufactured product. Van Nostrand.
    """

    finds: ClassVar = ("spike", "dip")
    domains: ClassVar = {"window": Whole(1)}

    def __init__(self, window: int = 20) -> None:
        self.window = window

    def _forecast(self, X: Matrix) -> Matrix:
        known = filled_forward(X)
        # Of what is left of the first row, so that a high level costs no digits.
        gap = known - known[0]
        total = np.vstack([np.zeros(X.shape[1]), np.cumsum(gap, axis=0)])
        end = np.arange(len(X))
        start = np.maximum(end - self.window, 0)
        mean: Matrix = known[0] + (total[end] - total[start]) / np.maximum(end - start, 1)[:, None]
        return mean
