"""Windows of a series as networks see them, and what the detectors share that restore windows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Capabilities, Matrix, SeriesDetector, Vector
from amiss.core.params import Between, Domain, Optional, Whole
from amiss.deep._network import CLIP, TRAINING, Network, usual_misses
from amiss.prepare.scales import robust_scale
from amiss.series.seasons import usual_window

__all__ = ["SEQUENCE_TRAINING", "WindowNetwork", "cut", "held_apart", "scale_of"]

_WINDOWS = (8, 64)
_HOPS = 4
"""Windows that hold a row when it is scored."""
_CHUNKS, _HELD_CHUNK = 20, 5
_AT_ONCE = 2_000_000
_HUGE = 1e100

SEQUENCE_TRAINING: Mapping[str, Domain] = {**TRAINING, "window": Optional(Whole(1)), "n_jobs": Optional(Whole(-1))}
"""Domains of the parameters that all networks for series have."""


def cut(Z: Matrix, window: int) -> npt.NDArray[Any]:
    """A view of all windows of a series, (n_windows, window, n_features); none is copied."""
    return np.lib.stride_tricks.sliding_window_view(Z, window, axis=0).swapaxes(1, 2)


def held_apart(n: int) -> npt.NDArray[np.bool_]:
    """Which of `n` windows are held out: two stretches, a tenth in all, since neighbours are nearly the same."""
    held: npt.NDArray[np.bool_] = np.arange(n) * _CHUNKS // max(n, 1) % (_CHUNKS // 2) == _HELD_CHUNK
    return held


def scale_of(X: Matrix) -> tuple[Vector, Vector]:
    """Median and robust deviation of each channel, of a constant one its size."""
    largest = np.nanmax(np.abs(X), axis=0, initial=0.0)
    location, scale = robust_scale(X, np.where(largest > 0, largest, 1.0))
    return np.nan_to_num(location), scale


class WindowNetwork(Network, SeriesDetector):
    """A network that restores windows. A subclass writes `_train` and `_restored`.

    The score of a row is the mean over the windows that hold it of their mean squared misses, in usual misses of each
    channel: so a row counts for the stretch that it stands in.

    Attributes
    ----------
    window_
        Rows in a window.
    location_, scale_ : (n_features,)
        Median and robust deviation of each channel, in its unit.
    still_ : (n_features,)
        Channels that did not vary: nothing can be learnt of them, and a change counts by itself.
    residual_ : (n_features,)
        Usual size of what is missed in each channel, in units of `scale_`.
    """

    capabilities: ClassVar = Capabilities(ordered=True, reasons=True, additive=True)
    domains: ClassVar = {**SEQUENCE_TRAINING, "trim": Between(0, 1, open_high=True)}
    window: int | None
    sample_size: int | None

    def _learn(self, X: Matrix) -> None:
        usual = int(np.clip(usual_window(X), *_WINDOWS))
        self.window_ = max(min(self.window or usual, len(X) // 2), 1)
        self.location_, self.scale_ = scale_of(X)
        Z = self._standard(X)
        self.still_ = np.ptp(Z, axis=0) == 0
        parts = cut(np.clip(Z, -CLIP, CLIP).astype(np.float32), self.window_)
        n_kept = len(parts) if self.sample_size is None else min(self.sample_size, len(parts))
        parts = parts[np.unique(np.linspace(0, len(parts) - 1, n_kept).round().astype(np.int64))]
        held = held_apart(len(parts))
        self._train(parts[~held], parts[held] if held.any() else parts)
        self.residual_ = np.ones(X.shape[1])
        self.residual_ = np.where(self.still_, 1.0, usual_misses(np.sqrt(self._misses(Z))))

    def _standard(self, X: Matrix) -> Matrix:
        with np.errstate(over="ignore"):
            standard: Matrix = np.clip((X - self.location_) / self.scale_, -_HUGE, _HUGE)
        return standard

    def _misses(self, Z: Matrix) -> Matrix:
        """Mean over the windows that hold a row of their mean squared misses, in usual sizes: (n_rows, n_features)."""
        missing = max(self.window_ - len(Z), 0)
        long = np.vstack([np.repeat(Z[:1], missing, axis=0), Z])
        hop = max(self.window_ // _HOPS, 1)
        starts = np.append(np.arange(0, len(long) - self.window_, hop), len(long) - self.window_)
        total, count = np.zeros_like(long), np.zeros((len(long), 1))
        size = max(1, _AT_ONCE // (self.window_ * max(Z.shape[1], 32)))
        for block in np.array_split(starts, -(-len(starts) // size)):
            seen = cut(long, self.window_)[block]
            restored = np.where(self.still_, 0.0, self._restored(np.clip(seen, -CLIP, CLIP)))
            squares = ((seen - restored) / self.residual_) ** 2
            for start, square in zip(block, squares.mean(axis=1), strict=True):
                total[start : start + self.window_] += square
                count[start : start + self.window_] += 1
        mean: Matrix = (total / count)[missing:]
        return mean

    def _score(self, X: Matrix) -> Vector:
        total: Vector = self._contributions(X).sum(axis=1)
        return total

    def _contributions(self, X: Matrix) -> Matrix:
        shares: Matrix = self._misses(self._standard(X)) / X.shape[1]
        return shares

    @abstractmethod
    def _train(self, parts: npt.NDArray[Any], held: npt.NDArray[Any]) -> None:
        """Learn windows in deviations, (n_windows, window, n_features), and end by those held out."""

    @abstractmethod
    def _restored(self, parts: npt.NDArray[Any]) -> npt.NDArray[Any]: ...
