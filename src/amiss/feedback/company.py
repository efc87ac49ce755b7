"""Which rows keep company: how far they go the same way through the trees of a forest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.kernels import forest, kinship

__all__ = ["Company"]

Counts = npt.NDArray[np.uint16]
_SIZES = (256, 2048)
"""Rows drawn for a tree: half of the trees cut the outskirts of the data, half of them the dense places too."""
_SHARPNESS = 1.5
"""Two rows that part at a share s of the cuts are kin by s to this power."""
_FULL = 255


class Company:
    """Kinship of rows: the mean over many trees of how long two rows go the same way, in [0, 1].

    Anomalies part early from all rows but their own kind, so that what was said of one speaks for its kind and for
    little else. The kinship of 100,000 rows with one takes some 20 ms. A weighted sum of kinships is a forest again,
    and takes no longer however many rows it was learnt from.

    Parameters
    ----------
    X : (n_rows, n_features)
        Prepared rows; NaN where missing.
    n_trees
        At least 2, at most 256.
    seed
        From 0.
    """

    def __init__(self, X: Matrix, *, n_trees: int, seed: int) -> None:
        n = len(X)
        ways = []
        for place, size in enumerate(_SIZES):
            drawn = min(size, n)
            rows = forest.draw(n, drawn, n_trees // 2, seed + place)
            height = min(forest.height_of(drawn), kinship.TALLEST)
            ways.append(kinship.paths(X, forest.grow(X, rows, height, seed + place)) << (kinship.TALLEST - height))
        self._ways = np.ascontiguousarray(np.concatenate(ways, axis=1))
        self._shared = _shared_cuts()
        self._most = float(_FULL * self._ways.shape[1])

    def of(self, row: int) -> Counts:
        """Kinship of all rows with one, in whole parts of `most`: (n_rows,)."""
        return kinship.shared(self._ways, np.ascontiguousarray(self._ways[row]), self._shared)

    @property
    def most(self) -> float:
        """Kinship of a row with itself."""
        return self._most

    def spread(self, rows: npt.NDArray[np.intp], weights: Vector) -> Vector:
        """Sum of the kinships of all rows with some, by their weights; of two like rows the same: (n_rows,)."""
        n_trees = self._ways.shape[1]
        places = np.arange(n_trees) * kinship.PATHS + self._ways[rows]
        heard = np.bincount(
            places.ravel(), np.repeat(weights, n_trees), minlength=n_trees * kinship.PATHS
        ).reshape(n_trees, kinship.PATHS)  # fmt: skip
        ways = np.arange(kinship.PATHS)
        by_path = heard @ self._shared[ways[:, None] ^ ways].astype(np.float64)
        return kinship.totals(self._ways, np.ascontiguousarray(by_path)) / self._most


def _shared_cuts() -> npt.NDArray[np.uint8]:
    """What two rows share in a tree, by the exclusive or of their paths."""
    parted_after = np.array([kinship.TALLEST - difference.bit_length() for difference in range(kinship.PATHS)])
    shared = np.rint(_FULL * (parted_after / kinship.TALLEST) ** _SHARPNESS)
    return shared.astype(np.uint8)
