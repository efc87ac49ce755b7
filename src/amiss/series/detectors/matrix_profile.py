"""Distance of each window to the one most like it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, SeriesDetector, Vector
from amiss.core.params import Flag, Optional, Whole
from amiss.kernels.profile import matrix_profile
from amiss.prepare.windows import spread
from amiss.series.seasons import usual_window

__all__ = ["MatrixProfile"]


class MatrixProfile(SeriesDetector):
    """How unlike its nearest other window a window is in shape: the discords of the series.

    Good at one odd cycle among many: a heartbeat, a stroke of a pump. Level and size do not count, because each window
    is brought to mean 0 and deviation 1; and two anomalies that are alike hide each other. Several features count by
    the root of their mean square.

    Exact, O((n_kept + n_rows)² × n_features) time, O(n_rows) memory; the rows learnt, scored again, cost n_rows² alone.

    Parameters
    ----------
    window
        Rows in a window, at least 3; None for the lag at which the series is most like itself.
    causal
        Only earlier windows are compared with, and a window scores its last row: what a live stream would get.
    sample_size
        Last rows kept to compare with, at least 3; None keeps all.
    n_jobs
        Threads; −1 uses every processor.

    Attributes
    ----------
    window_
        Rows in a window.
    reference_ : (n_kept, n_features)
        The rows compared with.
    scale_ : (n_features,)
        Size of each feature.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import MatrixProfile
    >>> t = np.arange(2000)
    >>> X = (np.sin(t / 10) + 0.05 * np.random.default_rng(0).normal(size=2000))[:, None]
    >>> X[1200:1220] *= -1
    >>> 1150 < int(np.argmax(MatrixProfile().fit(X).anomaly_score(X))) < 1270
    True

    References
    ----------
    Yeh, C.-C. M. et al. (2016). Matrix profile I: all pairs similarity joins for time series. ICDM.
    """

    capabilities: ClassVar = Capabilities(ordered=True, reasons=True)
    finds: ClassVar = ("collective", "stuck")
    domains: ClassVar = {
        "window": Optional(Whole(3)),
        "causal": Flag(),
        "sample_size": Optional(Whole(3)),
        "n_jobs": Optional(Whole(-1)),
    }

    def __init__(
        self,
        window: int | None = None,
        causal: bool = False,
        sample_size: int | None = 20_000,
        n_jobs: int | None = None,
    ) -> None:
        self.window = window
        self.causal = causal
        self.sample_size = sample_size
        self.n_jobs = n_jobs

    def _learn(self, X: Matrix) -> None:
        self.window_ = max(self.window or usual_window(X), 3)
        kept = X if self.sample_size is None else X[-self.sample_size :]
        self.reference_ = np.array(kept)
        largest = np.abs(kept).max(axis=0)
        self.scale_ = np.where(largest > 0, largest, 1.0)

    def _score(self, X: Matrix) -> Vector:
        score: Vector = np.sqrt(np.mean(self._distances(X) ** 2, axis=1))
        return score

    def _contributions(self, X: Matrix) -> Matrix:
        square = self._distances(X) ** 2
        total = square.sum(axis=1, keepdims=True)
        shares = np.divide(square, total, out=np.zeros_like(square), where=total > 0)
        contributions: Matrix = shares * np.sqrt(total / X.shape[1])
        return contributions

    def _distances(self, X: Matrix) -> Matrix:
        """Of each row and feature, in [0, 2]: 0 for a window that has an equal, √2 for one that is like none."""
        learnt = self.reference_
        # Rows that were learnt are not compared with themselves.
        known = learnt[:0] if np.array_equal(X, learnt[: len(X)]) else learnt
        # A series shorter than a window is taken to have stood at its first row before.
        missing = self.window_ - 1 if self.causal else max(self.window_ - len(X), 0)
        padded = np.vstack([np.repeat(X[:1], missing, axis=0), X])
        whole = np.vstack([known, padded])
        each = [self._of_feature(x, len(known), len(padded))[missing:] for x in (whole / self.scale_).T]
        return np.stack(each, axis=1)

    def _of_feature(self, x: Vector, n_known: int, n_rows: int) -> Vector:
        m = self.window_
        profile = matrix_profile(x, m, seam=n_known or None, unit=1.0, n_jobs=self.n_jobs)
        found = (profile.left if self.causal else profile.distance)[n_known:]
        # A window that has nothing to be compared with is odd for nothing.
        found = np.where(np.isfinite(found), found, 0.0) / np.sqrt(m)
        return np.append(np.zeros(m - 1), found) if self.causal else spread(found, n_rows, m)
