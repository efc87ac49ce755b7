"""Isolation by spheres: the compiled loop and its NumPy twin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.kernels import loops
from amiss.kernels.blocks import over_blocks

__all__ = ["Spheres"]

_TILE = 8
_ROWS = 8
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spheres:
    """Sets of spheres, each set ascending by radius; see `spheres.h`.

    Attributes
    ----------
    centers : (n_sets, n_features, n_padded)
        The centres, padded to a multiple of 8.
    square : (n_sets, n_padded)
        Squared radii; −1 where padded.
    value : (n_sets, n_padded)
        What a row counts that no smaller sphere of the set holds.
    """

    centers: Reals
    square: Matrix
    value: Matrix

    @classmethod
    def of(cls, X: Matrix, rows: npt.NDArray[np.int64]) -> Spheres:
        """A sphere about each row that a line of `rows`, (n_sets, n_sample), names, as far as its next neighbour there.

        A sphere counts by how small that neighbour's own sphere is beside it.
        """
        n_sets, size = rows.shape
        padded = -(-size // _TILE) * _TILE
        centers = np.zeros((n_sets, X.shape[1], padded))
        square, value = np.full((n_sets, padded), -1.0), np.ones((n_sets, padded))
        for s, chosen in enumerate(rows):
            points = X[chosen]
            gaps = np.zeros((size, size))
            for column in points.T:
                gaps += (column[:, None] - column[None, :]) ** 2
            np.fill_diagonal(gaps, np.inf)
            nearest = gaps.argmin(axis=1)
            own = gaps[np.arange(size), nearest]
            # Equal rows have spheres of no size: as isolated as their neighbour is, not at all.
            share = np.sqrt(np.divide(own[nearest], own, out=np.ones(size), where=own > 0))
            order = np.argsort(own, kind="stable")
            centers[s, :, :size] = points[order].T
            square[s, :size], value[s, :size] = own[order], 1.0 - share[order]
        return cls(centers, square, value)

    def check(self, n_features: int) -> None:
        """Raise ValueError if the arrays do not fit together: the compiled loops do not look."""
        shape = self.square.shape
        fit = self.centers.shape == (shape[0], n_features, shape[1]) and self.value.shape == shape
        if not fit or shape[1] % _TILE or any(a.dtype != np.float64 for a in (self.centers, self.square, self.value)):
            raise ValueError("the arrays of the spheres do not fit together")

    def score(self, X: Matrix, n_jobs: int | None = None) -> Vector:
        """Mean over the sets of what the smallest sphere around each row counts; 1 where there is none."""
        score = np.empty(len(X))
        if not loops.compiled():
            return self._score(X)
        n_sets, d, padded = self.centers.shape
        arrays = loops.address(self.square), loops.address(self.value)

        def work(start: int, stop: int) -> None:
            rows = X[start:stop]
            if len(rows) % _ROWS:
                rows = np.vstack([rows, np.zeros((-len(rows) % _ROWS, d))])
            loops.lib.amiss_spheres_score(
                loops.address(rows), stop - start, d, loops.address(self.centers), n_sets, padded, *arrays,
                loops.address(score[start:stop]),
            )  # fmt: skip

        over_blocks(work, len(X), n_jobs)
        return score

    def _score(self, X: Matrix) -> Vector:
        total = np.zeros(len(X))
        for centers, square, value in zip(self.centers, self.square, self.value, strict=True):
            gaps = np.zeros((len(X), len(square)))
            with np.errstate(over="ignore"):
                for j, line in enumerate(centers):
                    gaps += (line[None, :] - X[:, j, None]) ** 2
            held = gaps <= square
            total += np.where(held.any(axis=1), value[held.argmax(axis=1)], 1.0)
        return total / len(self.value)
