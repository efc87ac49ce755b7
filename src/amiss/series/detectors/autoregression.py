"""Distance from a linear forecast by the rows before."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Matrix, Vector
from amiss.core.params import Optional, Whole
from amiss.series.forecast import ForecastDetector, filled_forward

__all__ = ["Autoregression"]

_ROUNDS = 4
_CLIP = 3.0
_RIDGE = 1e-3
_MOST_ROWS = 20_000
_LONGEST = 50
_ROWS_A_LAG = 20


class Autoregression(ForecastDetector):
    """How far a row is from the best linear forecast by the rows before it, feature by feature.

    Good where values follow smoothly from one another: vibration, temperatures, short cycles within its order. What is
    wrong for the hour of a long season it does not see. Large misses are clipped while learning, so that anomalies in
    the data hardly bend the forecast. The first `order` rows of a series cannot be foretold, and score 0.

    Learning costs O(min(n_rows, 20,000) × order²) a feature, scoring O(n_rows × order) a feature.

    Parameters
    ----------
    order
        Rows before that the forecast uses; None for a twentieth of the rows learnt, 50 at most.

    Attributes
    ----------
    weights_ : (n_features, order)
        Weight of each row before, the nearest first.
    location_ : (n_features,)
        Level about which the forecast is linear.
    scale_ : (n_features,)
        Usual miss of each feature, as a standard deviation.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import Autoregression
    >>> t = np.arange(500)
    >>> X = (np.sin(t / 3) + 0.05 * np.random.default_rng(0).normal(size=500))[:, None]
    >>> X[300] += 0.7
    >>> int(np.argmax(Autoregression().fit(X).anomaly_score(X)))
    300

    References
    ----------
    Fox, A. J. (1972). Outliers in time series. Journal of the Royal Statistical Society B.
    """

    finds: ClassVar = ("spike", "dip")
    domains: ClassVar = {"order": Optional(Whole(1))}

    def __init__(self, order: int | None = None) -> None:
        self.order = order

    def _prepare(self, X: Matrix) -> None:
        known = filled_forward(X)
        most = max((len(X) - 1) // 2, 1)
        order = min(self.order or min(max(len(X) // _ROWS_A_LAG, 1), _LONGEST), most)
        self.location_ = np.median(known, axis=0)
        with np.errstate(over="ignore", invalid="ignore"):
            gaps = known - self.location_
            scale = np.maximum(np.abs(gaps).mean(axis=0), np.finfo(float).tiny)
            self.weights_ = np.stack([_weights(gap / s, order) for gap, s in zip(gaps.T, scale, strict=True)])

    def _forecast(self, X: Matrix) -> Matrix:
        from scipy.signal import lfilter

        known = filled_forward(X)
        gap = known - self.location_
        order = self.weights_.shape[1]
        said = np.stack([lfilter(w, [1.0], g) for w, g in zip(self.weights_, gap.T, strict=True)], axis=1)
        # So many rows have to be seen before the next can be foretold.
        return np.vstack([known[:order], (self.location_ + said[order - 1 : -1])[: max(len(X) - order, 0)]])


def _weights(x: Vector, order: int) -> Vector:
    """Weights of the `order` values before, by least squares with clipped misses: (order,)."""
    lags = np.lib.stride_tricks.sliding_window_view(x, order)[:-1, ::-1]
    target = x[order:]
    step = max(1, len(target) // _MOST_ROWS)
    A, b = np.ascontiguousarray(lags[::step]), target[::step].copy()
    gram = A.T @ A + _RIDGE * len(A) * np.eye(order) * float(np.mean(np.square(x)))
    weights: Vector = np.zeros(order)
    for _ in range(_ROUNDS):
        weights = np.asarray(np.linalg.lstsq(gram, A.T @ b, rcond=None)[0], np.float64)
        said = A @ weights
        miss: Vector = target[::step] - said
        spread = 1.4826 * float(np.median(np.abs(miss)))
        b = said + np.clip(miss, -_CLIP * spread, _CLIP * spread)
    return weights
