"""Any detector of rows, on windows of a series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from amiss.core.catalog import detector_class
from amiss.core.detector import Capabilities, Matrix, MergeDetector, SeriesDetector, Vector
from amiss.core.errors import ParameterError
from amiss.core.params import Flag, Optional, Text, Whole
from amiss.prepare.scales import robust_scale
from amiss.prepare.windows import spread, windows
from amiss.series.seasons import usual_window

__all__ = ["Windowed"]

_MOST_CELLS = 20_000_000
_INNER = "inner."


class Windowed(SeriesDetector):
    """How odd a detector of rows finds each window of a series: sub-sequence kNN, PCA, k-means, and all others.

    A window is one row to the inner detector: `window` values of each feature. So a shape that is odd is found, not
    only a value that is. What the inner detector is good and bad for holds for windows too.

    Costs what the inner detector costs for n_rows rows of n_features × window values; windows are made block by block.

    Parameters
    ----------
    detector
        Name of a detector of rows.
    window
        Rows in a window, at least 1; None for the lag at which the series is most like itself.
    center
        Take each window's own mean from it, so that shape counts and level does not.
    causal
        A window scores its last row, so that no later row matters; otherwise all rows that it holds.
    sample_size
        Windows learnt from, evenly spaced, at least 2; None for all.
    random_state
        Seed of the inner detector, from 0.
    n_jobs
        Threads of the inner detector; −1 uses every processor.

    Attributes
    ----------
    window_
        Rows in a window.
    location_, scale_ : (n_features,)
        Median and robust deviation of each feature.
    inner_
        The detector that has learnt the windows.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import Windowed
    >>> t = np.arange(2000)
    >>> X = (np.sin(t / 10) + 0.05 * np.random.default_rng(0).normal(size=2000))[:, None]
    >>> X[1200:1220] *= -1
    >>> 1150 < int(np.argmax(Windowed("knn").fit(X).anomaly_score(X))) < 1270
    True

    References
    ----------
    Keogh, E., Lin, J. and Fu, A. (2005). HOT SAX: efficiently finding the most unusual time series subsequence. ICDM.
    """

    capabilities: ClassVar = Capabilities(ordered=True, reasons=True)
    finds: ClassVar = ("collective", "level_shift")
    domains: ClassVar = {
        "detector": Text(),
        "window": Optional(Whole(1)),
        "center": Flag(),
        "causal": Flag(),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }

    def __init__(
        self,
        detector: str = "knn",
        window: int | None = None,
        center: bool = False,
        causal: bool = False,
        sample_size: int | None = 5_000,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.detector = detector
        self.window = window
        self.center = center
        self.causal = causal
        self.sample_size = sample_size
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _inner(self) -> MergeDetector[Any]:
        kind = detector_class(self.detector)
        if not issubclass(kind, MergeDetector):
            raise ParameterError(f"{self.detector!r} is no detector of rows", mend="name one such as 'knn' or 'pca'")
        inner: MergeDetector[Any] = kind()
        for name in ("random_state", "n_jobs"):
            if hasattr(inner, name):
                inner.set_params(**{name: getattr(self, name)})
        return inner

    def _learn(self, X: Matrix) -> None:
        inner = self._inner()
        self.window_ = max(min(self.window or usual_window(X), len(X) - 1), 1)
        self.location_, self.scale_ = robust_scale(X)
        parts = windows((X - self.location_) / self.scale_, self.window_)
        n_kept = len(parts) if self.sample_size is None else min(self.sample_size, len(parts))
        chosen = np.unique(np.linspace(0, len(parts) - 1, n_kept).round().astype(np.int64))
        self.inner_ = inner.fit_summary(inner.summarize_rows(self._flat(parts[chosen], X.shape[1])))

    def _flat(self, parts: Matrix, n_features: int) -> Matrix:
        if self.center:
            cube = parts.reshape(len(parts), n_features, self.window_)
            parts = (cube - cube.mean(axis=2, keepdims=True)).reshape(len(parts), -1)
        return np.ascontiguousarray(parts)

    def _blocks(self, X: Matrix) -> Any:
        parts = windows((X - self.location_) / self.scale_, self.window_, before=self.causal)
        size = max(1, _MOST_CELLS // parts.shape[1])
        for start in range(0, len(parts), size):
            yield self._flat(parts[start : start + size], X.shape[1])

    def _score(self, X: Matrix) -> Vector:
        scores = np.concatenate([self.inner_.score_rows(block) for block in self._blocks(X)])
        return spread(scores, len(X), self.window_, before=self.causal)

    def _contributions(self, X: Matrix) -> Matrix:
        """The score, shared by what the inner detector finds in each feature's part of the windows."""
        if not self.inner_.capabilities.reasons:
            gap = np.abs((X - self.location_) / self.scale_)
            shares: Matrix = gap / np.maximum(gap.sum(axis=1, keepdims=True), 1e-300)
            return shares * self._score(X)[:, None]
        shape = (-1, X.shape[1], self.window_)
        parts = np.concatenate(
            [
                np.maximum(self.inner_.contribute_rows(block), 0.0).reshape(shape).sum(axis=2)
                for block in self._blocks(X)
            ]
        )
        return np.stack([spread(part, len(X), self.window_, before=self.causal) for part in parts.T], axis=1)

    def state(self) -> dict[str, Any]:
        """What has been learnt, that of the inner detector as `inner.NAME`."""
        state = super().state()
        inner = state.pop("inner_")
        return state | {f"{_INNER}{name}": value for name, value in inner.state().items()}

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`; ValueError if its parts do not fit together."""
        super().restore({name: value for name, value in state.items() if not name.startswith(_INNER)})
        inner = {name.removeprefix(_INNER): value for name, value in state.items() if name.startswith(_INNER)}
        self.inner_ = self._inner().restore(inner)
        if self.inner_.n_features_in_ != self.n_features_in_ * self.window_:
            raise ValueError("the windows of the series do not fit the detector")
        return self
