"""Several channels, row by row as they come: what principal components of their windows leave unexplained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from amiss.core.summary import Matrix, Vector
from amiss.prepare.windows import windows
from amiss.series.bursts import peaks, reach
from amiss.series.channels import Mask, channel_scales, held, standardized
from amiss.series.forecast import filled_forward
from amiss.thresholds.peaks import peak_scale

__all__ = ["LiveChannels"]

# All numbers were chosen together on the development series, see benchmarks/accuracy/live.py.
_WINDOW, _MOST_CELLS = 10, 400
"""Rows in a window; fewer where the channels are so many that a window would hold more cells."""
_SHARE = 0.8
_SMOOTHING = 50
_BLOCKS, _APART = 5, 25
_FIRST, _GROWTH, _CAPACITY = 50, 1.25, 20_000
"""Rows after which is learnt first, how many more each time, and from how many of the last."""
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class _Reference:
    """Windows as they have been: scales of channels, mean, principal axes, and how high the rest's logarithm peaks."""

    location: Vector
    scale: Vector
    used: Mask
    still: Mask
    centre: Vector
    axes: Matrix
    middle: float
    size: float

    def check(self) -> Self:
        """Itself, or ValueError if its parts do not fit together."""
        n, cells = len(self.location), len(self.centre)
        used = int(np.count_nonzero(self.used))
        fit = len(self.scale) == len(self.used) == len(self.still) == n and self.axes.shape[1:] == (cells,)
        if not fit or used == 0 or cells % used or not np.isfinite(self.axes).all():
            raise ValueError("the windows of the stream do not fit together")
        return self

    @classmethod
    def learnt(cls, X: Matrix) -> Self:
        """From rows in order, (n_rows, n_channels); the usual rest is that of fifths held out."""
        location, scale, used, still = channel_scales(X)
        switches = np.array([_is_switch(x) for x in X.T]) & ~still
        used = used & ~switches if (used & ~switches & ~still).any() else used
        Z = standardized(X, location, scale, still)[:, used]
        V = windows(Z, min(_window(Z.shape[1]), len(Z)))
        total, square = V.sum(axis=0), V.T @ V
        held_out = []
        cuts = np.linspace(0, len(V), _BLOCKS + 1).astype(int)
        for start, stop in zip(cuts[:-1], cuts[1:], strict=True):
            # Windows that share rows with those held out, or nearly so, would know them.
            near = V[max(start - _APART, 0) : stop + _APART]
            axes = _axes(total - near.sum(axis=0), square - near.T @ near, max(len(V) - len(near), 1))
            held_out.append(_rest(V[start:stop], *axes).sum(axis=1))
        usual = np.log(_trailing(np.concatenate(held_out)) + _LEAST)
        peak_size = peak_scale(usual[peaks(usual, reach(usual))])
        return cls(location, scale, used, still, *_axes(total, square, len(V)), *peak_size)

    def rest(self, X: Matrix) -> Matrix:
        """What is left of each window, squared, by channel that counts, (n_rows, n_used); each ends with its row."""
        Z = standardized(X, self.location, self.scale, self.still)[:, self.used]
        n = Z.shape[1]
        left = _rest(windows(np.nan_to_num(Z), len(self.centre) // n, before=True), self.centre, self.axes)
        by_channel: Matrix = left.reshape(len(left), n, -1).sum(axis=2)
        return by_channel


@dataclass(slots=True)
class LiveChannels:
    """What a stream of several channels has been like so far; `advance` writes to it.

    Attributes
    ----------
    n_rows
        Rows so far.
    next
        Row after which is learnt anew.
    kept : (n_kept, n_channels)
        The last rows, to learn from.
    tail : (n_tail, n_channels)
        Those of them that the next windows need.
    reference
        What windows have been like; None before enough rows.
    """

    n_rows: int
    next: int
    kept: Matrix
    tail: Matrix
    reference: _Reference | None

    @classmethod
    def begun(cls, n_channels: int, seed: int) -> LiveChannels:
        """Before the first row."""
        none = np.empty((0, n_channels))
        return cls(0, _FIRST, none, none, None)

    def copy(self) -> LiveChannels:
        """One that goes its own way."""
        return LiveChannels(self.n_rows, self.next, self.kept, self.tail, self.reference)

    def advance(self, X: Matrix, *, learning: bool) -> Vector:
        """Score of each further row, (n_rows,): logarithm of the mean rest of the last windows, about its usual one.

        With `learning` what is usual is learnt anew whenever there are a quarter more rows; 0 before the first time.
        """
        parts = []
        while len(X):
            n = min(len(X), self.next - self.n_rows) if learning else len(X)
            parts.append(self._stretch(X[:n], learning))
            X = X[n:]
        return np.concatenate(parts) if parts else np.empty(0)

    def _stretch(self, X: Matrix, learning: bool) -> Vector:
        last = self.tail[-1] if len(self.tail) else np.full(X.shape[1], np.nan)
        rows = np.vstack([self.tail, held(X, last)])
        scores = self._scores(rows, len(X))
        self.tail = rows[-(_WINDOW + _SMOOTHING - 2) :].copy()
        self.n_rows += len(X)
        if learning:
            room = max(_CAPACITY * _MOST_CELLS // (_WINDOW * max(X.shape[1], _MOST_CELLS // _WINDOW)), 10 * _FIRST)
            self.kept = np.vstack([self.kept, rows[len(rows) - len(X) :]])[-room:]
            if self.n_rows >= self.next:
                self.settle()
                self.next = int(np.ceil(self.n_rows * _GROWTH))
        return scores

    def settle(self) -> None:
        """Learn anew from all rows kept, where they are enough."""
        if len(self.kept) >= _FIRST:
            self.reference = _Reference.learnt(np.nan_to_num(filled_forward(self.kept)))

    def _scores(self, rows: Matrix, n: int) -> Vector:
        if self.reference is None:
            return np.zeros(n)
        rest = np.log(_trailing(self.reference.rest(rows).sum(axis=1))[-n:] + _LEAST)
        scores: Vector = (rest - self.reference.middle) / self.reference.size
        return scores

    def contributions(self, X: Matrix, scores: Vector) -> Matrix:
        """The score, shared as the rest of the last windows is among the channels: (n_rows, n_channels)."""
        shares = np.zeros(X.shape)
        if self.reference is None:
            return shares
        mean = _trailing(self.reference.rest(held(X, np.full(X.shape[1], np.nan))))
        shares[:, self.reference.used] = mean / np.maximum(mean.sum(axis=1, keepdims=True), 1e-300)
        return shares * np.maximum(scores, 0.0)[:, None]

    def state(self) -> dict[str, Any]:
        """What has been learnt, as arrays and numbers."""
        state = {name: getattr(self, name) for name in ("n_rows", "next", "kept", "tail")}
        if self.reference is not None:
            state |= {f"reference.{name}": getattr(self.reference, name) for name in _Reference.__slots__}
        return state

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> LiveChannels:
        """From a `state`; ValueError if its parts do not fit together."""
        parts = {name.removeprefix("reference."): value for name, value in state.items() if "." in name}
        reference = _Reference(**parts).check() if parts else None
        kept, tail = state["kept"], state["tail"]
        n = kept.shape[1] if kept.ndim == 2 else -1
        if tail.ndim != 2 or tail.shape[1] != n or (reference is not None and len(reference.location) != n):
            raise ValueError("the channels of the stream do not fit together")
        return cls(int(state["n_rows"]), int(state["next"]), kept, tail, reference)


def _is_switch(x: Vector) -> bool:
    """Whether a channel has two values: that it is thrown is seldom what is wrong."""
    return bool(((x == x.min()) | (x == x.max())).all())


def _window(n_channels: int) -> int:
    return int(np.clip(_MOST_CELLS // max(n_channels, 1), 1, _WINDOW))


def _axes(total: Vector, square: Matrix, n: int) -> tuple[Vector, Matrix]:
    """Mean, and the directions that hold the share of the variance, (n_axes, n_cells)."""
    centre = total / n
    covariance = square / n - np.outer(centre, centre)
    sizes, directions = np.linalg.eigh(covariance)
    sizes = np.maximum(sizes[::-1], 0.0)
    explained = np.cumsum(sizes) / max(float(sizes.sum()), np.finfo(float).tiny)
    n_axes = int(np.searchsorted(explained, _SHARE)) + 1
    return centre, np.ascontiguousarray(directions.T[::-1][:n_axes])


def _rest(V: Matrix, centre: Vector, axes: Matrix) -> Matrix:
    """What the axes leave of each cell of the windows, squared."""
    gap = V - centre
    left: Matrix = (gap - gap @ axes.T @ axes) ** 2
    return left


def _trailing(x: Matrix | Vector) -> Matrix:
    """Mean of the last rows up to each, not by a running sum: a huge value must leave nothing behind."""
    padded = np.concatenate([np.repeat(x[:1], _SMOOTHING - 1, axis=0), x])
    mean: Matrix = np.lib.stride_tricks.sliding_window_view(padded, _SMOOTHING, axis=0).mean(axis=-1)
    return mean
