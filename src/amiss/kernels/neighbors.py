"""Exact nearest neighbours: the compiled loop and its NumPy twin."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix
from amiss.kernels import loops
from amiss.kernels.blocks import over_blocks

__all__ = ["feature_shares", "nearest"]

_TILE = 32


def nearest(
    queries: Matrix, reference: Matrix, n_neighbors: int, *, skip_self: bool, n_jobs: int | None = None
) -> tuple[Matrix, npt.NDArray[np.int64]]:
    """Distances to and positions of the nearest rows of `reference`, each (n_queries, n_neighbors), nearest first.

    With `skip_self`, one reference row identical to the query counts as the query itself and is left out. Where
    there are too few rows, the distance is infinite and the position −1. Time grows with n_queries × n_reference ×
    n_features.
    """
    n, d = reference.shape
    if queries.shape[1] != d:
        raise ValueError(f"queries have {queries.shape[1]} features, the reference has {d}")
    if not loops.compiled():
        return _nearest(queries, reference, n_neighbors, skip_self)
    n_padded = -(-n // _TILE) * _TILE
    columns = np.zeros((d, n_padded))
    columns[:, :n] = reference.T
    distance = np.empty((len(queries), n_neighbors))
    index = np.empty((len(queries), n_neighbors), np.int64)

    def work(start: int, stop: int) -> None:
        loops.lib.amiss_nearest(
            loops.address(queries[start:stop]), stop - start, d, loops.address(columns), n, n_padded, n_neighbors,
            skip_self, loops.address(distance[start:stop]), loops.address(index[start:stop]),
        )  # fmt: skip

    over_blocks(work, len(queries), n_jobs)
    return distance, index


def feature_shares(X: Matrix, reference: Matrix, index: npt.NDArray[np.int64]) -> Matrix:
    """Share of each feature in the squared distances of rows to their neighbours: (n_rows, n_features), sums 1."""
    square = np.zeros_like(X)
    for k in range(index.shape[1]):
        square += (X - reference[index[:, k]]) ** 2
    total = square.sum(axis=1, keepdims=True)
    share: Matrix = np.divide(square, total, out=np.full_like(X, 1 / X.shape[1]), where=total > 0)
    return share


def _nearest(
    queries: Matrix, reference: Matrix, n_neighbors: int, skip_self: bool
) -> tuple[Matrix, npt.NDArray[np.int64]]:
    distance = np.full((len(queries), n_neighbors), np.inf)
    index = np.full((len(queries), n_neighbors), -1, np.int64)
    for start in range(0, len(queries), 256):
        block = queries[start : start + 256]
        square = np.zeros((len(block), len(reference)))
        with np.errstate(over="ignore"):
            for j in range(reference.shape[1]):
                square += (reference[None, :, j] - block[:, j, None]) ** 2
        if skip_self:
            same = square == 0
            first = same.argmax(axis=1)
            square[same.any(axis=1), first[same.any(axis=1)]] = np.inf
        # Sorting is stable, so equal distances keep the order of the reference rows.
        order = np.argsort(square, axis=1, kind="stable")[:, :n_neighbors]
        found = np.sqrt(np.take_along_axis(square, order, axis=1))
        distance[start : start + 256, : order.shape[1]] = found
        index[start : start + 256, : order.shape[1]] = np.where(np.isinf(found), -1, order)
    return distance, index
