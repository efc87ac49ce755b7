"""How far windows of a series are from the most similar ones learnt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector

__all__ = ["NearWindows", "Take"]

Take = Callable[[npt.NDArray[np.int64]], Matrix]
"""Gives the windows at some places, so that never all of them are in memory."""

_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class NearWindows:
    """Windows learnt, and where they began; windows of the same series are not compared with those around them.

    Attributes
    ----------
    reference : (n_kept, n_values)
        The windows.
    places : (n_kept,)
        Where each begins in the series learnt.
    """

    reference: Matrix
    places: npt.NDArray[np.int64]

    @classmethod
    def of(cls, take: Take, n_windows: int, n_kept: int) -> NearWindows:
        """Evenly spaced ones of `n_windows`, at most `n_kept`."""
        step = max(1, -(-n_windows // n_kept))
        places = np.arange(step // 2, n_windows, step)
        return cls(np.ascontiguousarray(take(places)), places)

    def knows(self, take: Take, n_windows: int) -> bool:
        """Whether these are the windows learnt from."""
        if len(self.places) == 0 or self.places[-1] >= n_windows:
            return False
        return bool(np.array_equal(take(self.places), self.reference))

    def distances(
        self, take: Take, n_windows: int, *, step: int = 1, n_neighbors: int, apart: int, own: bool = False
    ) -> tuple[npt.NDArray[np.int64], Vector]:
        """Every `step`-th window: its place, and its mean distance to the nearest ones learnt; (n_chosen,) each.

        Costs O(n_windows / step × n_kept × n_values) time and some ten megabytes.

        Parameters
        ----------
        take
            Windows of a series, by their place.
        n_windows
            How many there are.
        step
            So many of them are passed over each time.
        n_neighbors
            How many of the nearest; fewer where there are fewer.
        apart
            Where the series is the one learnt, windows that begin nearer than so are left out; 0 for none.
        own
            It is said to be that; otherwise the windows themselves tell.
        """
        known = apart > 0 and (own or self.knows(take, n_windows))
        reference = self.reference.astype(np.float32)
        square = np.einsum("ij,ij->i", reference, reference)
        at = np.arange(0, n_windows, step)
        out = np.empty(len(at))
        size = max(1, _CELLS // max(len(reference), 1))
        for start in range(0, len(at), size):
            chosen = at[start : start + size]
            queries = np.ascontiguousarray(take(chosen), dtype=np.float32)
            near = queries @ reference.T
            near *= -2.0
            near += square
            if known:
                self._leave_out(near, chosen, apart)
            out[start : start + size] = _mean_of_nearest(near, queries, n_neighbors)
        return at, out

    def _leave_out(self, near: npt.NDArray[np.float32], chosen: npt.NDArray[np.int64], apart: int) -> None:
        first = np.searchsorted(self.places, chosen - apart, side="right")
        last = np.searchsorted(self.places, chosen + apart, side="left")
        for row, (a, b) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
            if b - a < near.shape[1]:
                near[row, a:b] = np.inf


def _mean_of_nearest(near: npt.NDArray[np.float32], queries: npt.NDArray[np.float32], n_neighbors: int) -> Vector:
    """Mean distance, from squares that still lack the query's own; changes their order."""
    k = min(n_neighbors, near.shape[1])
    near.partition(k - 1, axis=1)
    nearest = near[:, :k].astype(np.float64)
    nearest += np.einsum("ij,ij->i", queries, queries, dtype=np.float64)[:, None]
    there = np.isfinite(nearest)
    distance = np.sqrt(np.maximum(np.where(there, nearest, 0.0), 0.0))
    mean: Vector = distance.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return mean
