"""Smoothing of scores."""

from __future__ import annotations

import numpy as np

from amiss.core.summary import Matrix, Vector

__all__ = ["moving_mean", "roughness"]

_CLIPPED = (0.02, 0.98)


def moving_mean(x: Matrix | Vector, width: int, *, before: bool = False) -> Matrix:
    """Mean of the `width` rows around each, or of those up to it with `before`.

    Beyond an end stand the rows before it, mirrored: were the outermost row repeated, it would outweigh all others.
    With `before` there are none, and the first row is repeated.
    """
    from scipy.ndimage import uniform_filter1d

    if width <= 1:
        return np.asarray(x)
    mode, origin = ("nearest", (width - 1) // 2) if before else ("reflect", 0)
    smooth: Matrix = uniform_filter1d(x, width, axis=0, mode=mode, origin=origin)
    return smooth


def roughness(x: Vector) -> float:
    """How little a value says about the next, in [0, 1]: 1 − autocorrelation at lag 1, extremes clipped."""
    if len(x) < 3:
        return 1.0
    clipped = np.clip(x, *np.quantile(x, _CLIPPED))
    gap = clipped - clipped.mean()
    square = float(gap @ gap)
    return float(np.clip(1 - (gap[1:] @ gap[:-1]) / square, 0.0, 1.0)) if square > 0 else 0.0
