"""Distance from the exponentially weighted mean of the rows before."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Matrix
from amiss.core.params import Between
from amiss.series.forecast import ForecastDetector, filled_forward

__all__ = ["EWMA"]


class EWMA(ForecastDetector):
    """How far a row is from the exponentially weighted mean of the rows before it.

    The oldest of the control charts for a level that wanders: finds spikes, dips and the start of level shifts, keeps
    one number a feature, and forgets at the rate that it is told. Knows no seasons.

    Costs O(n_rows × n_features) time and memory.

    Parameters
    ----------
    half_life
        Rows after which a row counts half, above 0.

    Attributes
    ----------
    scale_ : (n_features,)
        Usual miss of each feature, as a standard deviation.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import EWMA
    >>> X = np.random.default_rng(0).normal(size=(500, 1))
    >>> X[300] = 8
    >>> int(np.argmax(EWMA().fit(X).anomaly_score(X)))
    300

    References
    ----------
    Roberts, S. W. (1959). Control chart tests based on geometric moving averages. Technometrics.
    """

    finds: ClassVar = ("spike", "dip")
    domains: ClassVar = {"half_life": Between(0, open_low=True)}

    def __init__(self, half_life: float = 10.0) -> None:
        self.half_life = half_life

    def _forecast(self, X: Matrix) -> Matrix:
        from scipy.signal import lfilter

        known = filled_forward(X)
        share = 1 - 0.5 ** (1 / self.half_life)
        before = np.vstack([known[:1], known[:-1]])
        level, _ = lfilter([share], [1, share - 1], before, axis=0, zi=(1 - share) * known[:1])
        expected: Matrix = level
        return expected
