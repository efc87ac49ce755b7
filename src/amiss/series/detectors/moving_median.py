"""Distance from the median of the rows before."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Matrix
from amiss.core.params import Whole
from amiss.series.forecast import ForecastDetector, filled_forward

__all__ = ["MovingMedian"]


class MovingMedian(ForecastDetector):
    """How far a row is from the median of the rows just before it.

    Finds spikes, dips and level shifts in series without seasons. Unlike a mean, the median is not moved by anomalies
    shorter than half the window, so they neither hide one another nor leave an echo.

    Costs O(n_rows × n_features × log window) time, O(n_rows × n_features) memory.

    Parameters
    ----------
    window
        Rows looked at, at least 1.

    Attributes
    ----------
    scale_ : (n_features,)
        Usual miss of each feature, as a standard deviation.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import MovingMedian
    >>> X = np.random.default_rng(0).normal(size=(500, 1))
    >>> X[300:305] = 8
    >>> np.sort(np.argsort(MovingMedian().fit(X).anomaly_score(X))[-5:])
    array([300, 301, 302, 303, 304])

    References
    ----------
    Basu, S. and Meckesheimer, M. (2007). Automatic outlier detection for time series: an application to sensor data.
    Knowledge and Information Systems.
    """

    finds: ClassVar = ("spike", "dip", "level_shift")
    domains: ClassVar = {"window": Whole(1)}

    def __init__(self, window: int = 51) -> None:
        self.window = window

    def _forecast(self, X: Matrix) -> Matrix:
        from scipy.ndimage import median_filter

        known = filled_forward(X)
        # The window of a row ends with the row before it; what would stand before the first row is the first row.
        before = np.vstack([np.repeat(known[:1], self.window, axis=0), known[:-1]])
        origin = (self.window - 1) // 2
        medians = [median_filter(x, size=self.window, origin=origin, mode="nearest") for x in before.T]
        return np.stack(medians, axis=1)[self.window - 1 :]
