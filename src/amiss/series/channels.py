"""Channels side by side: which of them count, and their scales."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector

__all__ = ["Mask", "channel_scales", "held", "standardized"]

Mask = npt.NDArray[np.bool_]


def channel_scales(X: Matrix) -> tuple[Vector, Vector, Mask, Mask]:
    """Mean and deviation of each channel, whether it counts, and whether it is still: then its size is its scale."""
    unit = np.maximum(np.abs(X).max(axis=0), np.finfo(float).tiny)
    U = X / unit
    location, deviation = U.mean(axis=0), U.std(axis=0)
    still = deviation <= 1e-9 * np.maximum(1.0, np.abs(location))
    scale = np.where(still, np.where(location == 0, 1.0, np.abs(location)), deviation) * unit
    flags = np.array([bool(np.isin(x, (0.0, 1.0)).all()) for x in X.T]) & ~still
    # A switch that is thrown is seldom what is wrong, and many of them would drown what is measured.
    measured = ~flags & ~(still & np.isin(X[0], (0.0, 1.0)))
    used = ~flags if measured.any() else np.ones(X.shape[1], np.bool_)
    return location * unit, scale, np.asarray(used), np.asarray(still)


def standardized(X: Matrix, location: Vector, scale: Vector, still: Mask) -> Matrix:
    """Channels about their means in their own scales, (n_rows, n_channels); see `channel_scales`."""
    with np.errstate(over="ignore"):
        standard: Matrix = np.clip((X - location) / scale, -1e9, 1e9)
    # A switch that had not been thrown before is thrown: it is one of those that do not count.
    thrown = still & ((location == 0) | (location == 1)) & ((X == 0) | (X == 1))
    return np.where(thrown, 0.0, standard)


def held(X: Matrix, last: Vector) -> Matrix:
    """Rows in which a missing value is the last one that was there, before the first row `last`; NaN before any."""
    missing = np.isnan(X)
    if not missing.any():
        return X
    at = np.maximum.accumulate(np.where(missing, 0, np.arange(1, len(X) + 1)[:, None]), axis=0)
    filled: Matrix = np.take_along_axis(np.vstack([last, X]), at, axis=0)
    return filled
