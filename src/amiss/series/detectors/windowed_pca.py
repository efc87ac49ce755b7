"""Windows of several channels, inside and beside their principal subspace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, SeriesDetector, Vector
from amiss.core.params import Between, Flag, OneOf, Optional, Whole
from amiss.prepare.scales import robust_scale
from amiss.prepare.windows import spread, windows
from amiss.series.seasons import Positions, usual_window
from amiss.summaries.subspace import axes, inside_terms, outside_terms

__all__ = ["WindowedPCA"]

_CHANNELS_WINDOW = 10
_MOST_CELLS = 2_000_000
_MOST_WINDOWS, _MOST_KEPT = 20_000, 8_000_000
_WIDEST = 1500
"""Values in a window from which on directions are sought among as many windows instead."""
_FARTHEST = 1e6
_LEAST = 1e-9


class WindowedPCA(SeriesDetector):
    """How badly a window of all channels is told by the directions that tell most windows, and how far it is on them.

    The first is Q, the squared residual; the second Hotelling's T², the squared standardised scores. Each counts in
    shares of what is usual for the rows learnt. Good where channels move together and follow their own past: Q sees
    relations and courses that break, T² those that go too far. One cloud of windows: several modes of operation blur
    it, and anomalies among the rows learnt turn a direction towards themselves if they are large and many. In one
    channel with a season it sees what is not of that shape.

    Learning costs O(n_kept × (n_features × window)²) with 20,000 windows kept at most, scoring O(n_rows × n_features ×
    window × n_components); memory some 150 MB at most beside the rows.

    Parameters
    ----------
    window
        Rows in a window, at least 1; None for 10, or of a single channel for the lag at which it is most like itself.
    variance
        Share of the variance that the kept directions explain at least, in (0, 1).
    statistic
        "q", "t2", or "both" for their sum.
    causal
        A window scores its last row, so that no later row matters; otherwise all rows that it holds. Then the score of
        a row is known by it and the `window` − 1 rows before.

    Attributes
    ----------
    window_
        Rows in a window.
    location_, scale_ : (n_features,)
        Median and robust deviation of each feature.
    mean_ : (n_features × window,)
        The mean window, in deviations.
    components_ : (n_components, n_features × window)
        Orthonormal directions, widest first.
    variances_ : (n_components,)
        Variance along each.
    usual_ : (2,)
        Mean of T² and of Q over the windows learnt.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import WindowedPCA
    >>> random = np.random.default_rng(0)
    >>> x = np.sin(np.arange(2000) / 10)
    >>> X = np.stack([x, -x, x], axis=1) + 0.3 * random.normal(size=(2000, 3))
    >>> X[1500:1510, 1] += 2
    >>> 1490 < int(np.argmax(WindowedPCA().fit(X).anomaly_score(X))) < 1520
    True

    References
    ----------
    Ku, W., Storer, R. H. and Georgakis, C. (1995). Disturbance detection and isolation by dynamic principal component
    analysis. Chemometrics and Intelligent Laboratory Systems.
    """

    capabilities: ClassVar = Capabilities(ordered=True, reasons=True, additive=True)
    finds: ClassVar = ("collective", "level_shift")
    domains: ClassVar = {
        "window": Optional(Whole(1)),
        "variance": Between(0, 1, open_low=True, open_high=True),
        "statistic": OneOf(("both", "q", "t2")),
        "causal": Flag(),
    }

    def __init__(
        self, window: int | None = None, variance: float = 0.8, statistic: str = "both", causal: bool = False
    ) -> None:
        self.window = window
        self.variance = variance
        self.statistic = statistic
        self.causal = causal

    def _learn(self, X: Matrix) -> None:
        usual = usual_window(X) if X.shape[1] == 1 else _CHANNELS_WINDOW
        self.window_ = max(min(self.window or usual, len(X) // 2), 1)
        largest = np.abs(X).max(axis=0)
        self.location_, self.scale_ = robust_scale(X, np.where(largest > 0, largest, 1.0))
        kept = self._sample(self._standard(X))
        self.mean_ = kept.mean(axis=0)
        variances, directions = _directions(kept - self.mean_)
        total = float(variances.sum())
        n = int(np.searchsorted(np.cumsum(variances) / total, self.variance)) + 1 if total > _LEAST else 1
        self.components_, self.variances_ = directions[:n], np.maximum(variances[:n], _LEAST)
        each = np.concatenate([self._terms(block).sum(axis=2) for block in self._blocks(X, before=False)])
        self.usual_ = np.maximum(each.mean(axis=0), _LEAST)

    def _standard(self, X: Matrix) -> Matrix:
        standard: Matrix = np.clip((X - self.location_) / self.scale_, -_FARTHEST, _FARTHEST)
        return standard

    def _sample(self, Z: Matrix) -> Matrix:
        """Windows learnt from, evenly spaced."""
        parts = np.lib.stride_tricks.sliding_window_view(Z, self.window_, axis=0)
        n_kept = min(len(parts), _MOST_WINDOWS, max(_MOST_KEPT // (self.window_ * Z.shape[1]), _WIDEST))
        return parts[_evenly(len(parts), n_kept)].reshape(n_kept, -1)

    def _blocks(self, X: Matrix, *, before: bool) -> Iterator[Matrix]:
        Z = self._standard(X)
        missing = self.window_ - 1 if before else max(self.window_ - len(Z), 0)
        Z = np.vstack([np.repeat(Z[:1], missing, axis=0), Z])
        size = max(1, _MOST_CELLS // len(self.mean_))
        for start in range(0, len(Z) - self.window_ + 1, size):
            yield windows(Z[start : start + size + self.window_ - 1], self.window_) - self.mean_

    def _terms(self, parts: Matrix) -> Matrix:
        """What each feature adds to T² and to Q of centred windows, (n_windows, 2, n_features)."""
        shape = (len(parts), -1, self.window_)
        inside = inside_terms(parts, self.components_, self.variances_).reshape(shape).sum(axis=2)
        return np.stack([inside, outside_terms(parts, self.components_).reshape(shape).sum(axis=2)], axis=1)

    def _score(self, X: Matrix) -> Vector:
        score: Vector = self._contributions(X).sum(axis=1)
        return score

    def _contributions(self, X: Matrix) -> Matrix:
        weight = np.array([self.statistic != "q", self.statistic != "t2"]) / self.usual_
        parts = [np.einsum("i,kij->kj", weight, self._terms(b)) for b in self._blocks(X, before=self.causal)]
        said = np.concatenate(parts)
        return np.stack([spread(one, len(X), self.window_, before=self.causal) for one in said.T], axis=1)


def _directions(parts: Matrix) -> tuple[Vector, Matrix]:
    """Variances of centred windows, widest first, and the orthonormal directions that they lie along."""
    if parts.shape[1] <= _WIDEST:
        return axes(parts.T @ parts / len(parts))
    some = parts[_evenly(len(parts), min(len(parts), _WIDEST))]
    variances, among = axes(some @ some.T / len(some))
    there = variances > _LEAST * max(float(variances[0]), _LEAST)
    directions: Matrix = among[there] @ some / np.sqrt(variances[there] * len(some))[:, None]
    return variances[there], directions


def _evenly(n: int, n_kept: int) -> Positions:
    return np.linspace(0, n - 1, n_kept).round().astype(np.int64)
