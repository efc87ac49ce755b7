"""Nearest neighbours by products in single precision, which leave few pairs to compare in double precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.kernels import loops
from amiss.kernels.blocks import over_blocks, over_pairs

__all__ = ["Screen"]

_PANEL = 32
_FARTHEST = 1e30
_NOWHERE = 1e37
"""Half the squared norm of a row that fills up a panel."""

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Screen:
    """A reference laid down in panels of single precision; see `screen.h`."""

    reference: Matrix
    center: Vector
    unit: float
    panels: Floats

    @classmethod
    def of(cls, reference: Matrix) -> Screen | None:
        """None where the data spread over so many magnitudes that single precision tells nothing."""
        with np.errstate(over="ignore"):
            center = reference.mean(axis=0)
            centred = reference - center
            spread = float(np.sqrt(np.mean(centred**2)))
        if not 1e-150 < spread < 1e150 or np.abs(center).max() > 1e6 * spread:
            return None
        centred /= spread
        norm = np.einsum("ij,ij->i", centred, centred)
        if norm.max() > _FARTHEST:
            return None
        return cls(reference, center, 1 / spread**2, _panels(centred, norm))

    def ask(self, queries: Matrix, k: int, distance: Matrix, index: Indices, n_jobs: int | None) -> None:
        """Fill heaps that have been started, (n_queries, k)."""
        n, d = self.reference.shape
        asked = np.ascontiguousarray(queries)
        others = loops.address(self.reference), loops.address(self.panels), n, loops.address(self.center)

        def work(start: int, stop: int) -> None:
            arrays = (asked[start:stop], distance[start:stop], index[start:stop])
            rows, *heaps = map(loops.address, arrays)
            panel = loops.address(np.empty((d + 1) * _PANEL, np.float32))
            loops.lib.amiss_nearest_screened(
                rows, stop - start, *heaps, *others, self.unit, _rounding(d), d, k, panel
            )  # fmt: skip

        over_blocks(work, len(queries), n_jobs)

    def ask_itself(
        self, k: int, distance: Matrix, index: Indices, n_jobs: int | None, names: Indices | None = None
    ) -> None:
        """`ask` for the neighbours of all rows of the reference: each pair serves both its rows.

        Rows side by side are taken to be near one another where they have `names`, which stand for their positions:
        panels of them that are far apart are then passed over.
        """
        n, d = self.reference.shape
        least, reach = _nothing_yet(n), np.full(_padded(n) // _PANEL, np.inf)
        called = np.arange(n) if names is None else names
        boxes = None if names is None else _boxes(self.reference)
        rows = loops.address(self.reference), loops.address(self.panels)
        found = loops.address(least), loops.address(distance), loops.address(index)
        skip = loops.nothing() if boxes is None else loops.address(boxes), loops.address(reach)

        def work(a: tuple[int, int], b: tuple[int, int]) -> None:
            loops.lib.amiss_nearest_in_pairs(
                *rows, *a, *found, *rows, *b, *found, loops.address(called), *skip, d, self.unit, k
            )

        over_pairs(work, n, n_jobs, whole=_PANEL)


def _padded(n_rows: int) -> int:
    return -(-n_rows // _PANEL) * _PANEL


def _boxes(X: Matrix) -> Matrix:
    starts = np.arange(0, len(X), _PANEL)
    return np.stack([np.minimum.reduceat(X, starts), np.maximum.reduceat(X, starts)], axis=2)


def _nothing_yet(n_rows: int) -> Floats:
    """Any product matters to a row without neighbours, none to one that fills up a panel."""
    least = np.full(_padded(n_rows), np.inf, np.float32)
    least[:n_rows] = -np.inf
    return least


def _panels(centred: Matrix, norm: Vector) -> Floats:
    n, d = centred.shape
    rows = np.zeros((_padded(n), d + 1), np.float32)
    rows[:n, :d], rows[:n, d], rows[n:, d] = centred, (_rounding(d) - 0.5) * norm, -_NOWHERE
    return np.ascontiguousarray(rows.reshape(-1, _PANEL, d + 1).transpose(0, 2, 1))


def _rounding(n_features: int) -> float:
    """What rounding can do to a product, twice over: |q r| ≤ (q² + r²) / 2, for d products and the halves."""
    error: float = (n_features + 8) * 2.0**-23
    return error
