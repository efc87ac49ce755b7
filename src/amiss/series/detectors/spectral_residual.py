"""Rows that stick out of the spectrum of the series."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, SeriesDetector, Vector
from amiss.core.params import Whole

__all__ = ["SpectralResidual"]

_AHEAD = 5
_TINY = 1e-300


class SpectralResidual(SeriesDetector):
    """How salient a row is once the usual spectrum of the series is taken away.

    Made for spikes and dips in metrics with seasons, without a parameter that must be told: whatever repeats is smooth
    in the logarithm of the spectrum, and what is left of it is the surprise. Blind to slow changes and long anomalies.

    Costs O(n_rows × log n_rows) time a feature, O(n_rows × n_features) memory.

    Parameters
    ----------
    spectrum_window
        Frequencies over which the logarithm of the spectrum is smoothed, at least 1.
    window
        Rows before with which a row's salience is compared, at least 1.

    Attributes
    ----------
    location_, scale_ : (n_features,)
        Mean and largest distance from it of each feature, so that none counts more for its unit.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import SpectralResidual
    >>> t = np.arange(1000)
    >>> X = (np.sin(t / 8) + 0.1 * np.random.default_rng(0).normal(size=1000))[:, None]
    >>> X[600] += 2
    >>> int(np.argmax(SpectralResidual().fit(X).anomaly_score(X)))
    600

    References
    ----------
    Ren, H. et al. (2019). Time-series anomaly detection service at Microsoft. KDD.
    """

    capabilities: ClassVar = Capabilities(ordered=True, reasons=True)
    finds: ClassVar = ("spike", "dip")
    domains: ClassVar = {"spectrum_window": Whole(1), "window": Whole(1)}

    def __init__(self, spectrum_window: int = 3, window: int = 21) -> None:
        self.spectrum_window = spectrum_window
        self.window = window

    def _learn(self, X: Matrix) -> None:
        self.location_ = X.mean(axis=0)
        largest = np.abs(X - self.location_).max(axis=0)
        self.scale_ = np.where(largest > 0, largest, 1.0)

    def _score(self, X: Matrix) -> Vector:
        surprise: Vector = self._contributions(X).max(axis=1)
        return surprise

    def _contributions(self, X: Matrix) -> Matrix:
        return np.stack([self._salience(x) for x in ((X - self.location_) / self.scale_).T], axis=1)

    def _salience(self, x: Vector) -> Vector:
        """By how much the salience of each row exceeds that of the rows before, as a share."""
        from scipy.ndimage import uniform_filter1d

        if np.ptp(x) == 0:
            return np.zeros(len(x))
        spectrum = np.fft.fft(np.concatenate([_ahead(x[::-1]), x, _ahead(x)]))
        size = np.maximum(np.abs(spectrum), _TINY)
        logs = np.log(size)
        left = np.exp(logs - uniform_filter1d(logs, self.spectrum_window, mode="wrap"))
        salience = np.abs(np.fft.ifft(left * spectrum / size))[_AHEAD:-_AHEAD]
        window = min(self.window, len(x))
        usual = uniform_filter1d(salience, window, origin=(window - 1) // 2, mode="nearest")
        above: Vector = np.maximum(salience / np.maximum(usual, _TINY) - 1, 0.0)
        return above


def _ahead(x: Vector) -> Vector:
    """What would follow by the recent slope, some rows: where a series breaks off, it sticks out."""
    near = min(_AHEAD, len(x) - 1)
    slope = (x[-1] - x[-1 - near : -1]) / np.arange(near, 0, -1)
    return np.full(_AHEAD, x[-near] + float(slope.mean()) * near)
