"""The normal rows that a row is most like."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector

__all__ = ["nearest_rows"]

_MISSING_GAP = 3.0
"""Robust standard deviations between a value and a missing one: as far as something rare lies out."""


def nearest_rows(x: Vector, rows: Matrix, n: int) -> tuple[Vector, npt.NDArray[np.int64]]:
    """Distances (n,) to the `n` rows nearest to `x`, in robust standard deviations, and where they stand in `rows`.

    The earlier row first where equal. Two missing values are alike; a missing one is three deviations from any other.
    """
    gap = np.abs(rows - x)
    gap[np.isnan(rows) & np.isnan(x)] = 0.0
    gap[np.isnan(gap)] = _MISSING_GAP
    distance = np.sqrt((gap**2).sum(axis=1))
    order = np.argsort(distance, kind="stable")[:n]
    return distance[order], order.astype(np.int64)
