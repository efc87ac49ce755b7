"""Exact nearest neighbours: three roads to the same bits, and their NumPy twin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.kernels import loops
from amiss.kernels.blocks import over_blocks

__all__ = ["Neighbors"]

Indices = npt.NDArray[np.int64]

_TILE = 32
_FEW_ROWS = 256
"""Below this, all pairs are as quick as anything."""
_FEW_QUERIES = 256
_WIDEST_TREE = 40
_WORTH_A_TREE = (6, 1 / 400)
"""Leaves that a query may look into for a tree to pay: so many, and so many more for each row of the reference."""
_FARTHEST = 1e30
_BLOCK = (512, 1024)
"""Queries and reference rows of one product in single precision: what fits into a cache."""


class Neighbors:
    """Finds the rows of `reference` nearest to others; learns on the way which road is quickest.

    Few rows are compared pair by pair. Of many, a k-d tree is asked where the data have few dimensions; where they
    have many, products in single precision exclude most pairs, and the others are compared in double precision. All
    roads give the same result.

    Comparing costs O(n_queries × n_reference × n_features) time at most; a tree in few dimensions O(n_queries × log
    n_reference). The tree takes 24 bytes a value, the products 4.
    """

    def __init__(self, reference: Matrix) -> None:
        self.reference = np.ascontiguousarray(reference, dtype=np.float64)
        self._tree: _Tree | None = None
        self._screen: _Screen | None = None
        self._columns: Matrix | None = None
        self._road = "all"

    def nearest(
        self, queries: Matrix, n_neighbors: int, *, skip_self: bool, n_jobs: int | None = None
    ) -> tuple[Matrix, Indices]:
        """Distances to and positions of the nearest rows, each (n_queries, n_neighbors), nearest first.

        With `skip_self`, one reference row identical to the query counts as the query itself and is left out. Where
        there are too few rows, the distance is infinite and the position −1.
        """
        d = self.reference.shape[1]
        if queries.shape[1] != d:
            raise ValueError(f"{queries.shape[1]} features of the queries and {d} of the reference do not fit together")
        k = n_neighbors + skip_self
        if not loops.compiled():
            distance, index = _all_pairs(queries, self.reference, k)
        else:
            distance, index = self._compiled(queries, k, n_jobs)
        return _without_self(distance, index) if skip_self else (distance, index)

    def _compiled(self, queries: Matrix, k: int, n_jobs: int | None) -> tuple[Matrix, Indices]:
        distance = np.empty((len(queries), k))
        index = np.empty((len(queries), k), np.int64)
        if len(self.reference) >= _FEW_ROWS and len(queries) >= _FEW_QUERIES:
            self._choose_road(queries, k)
        road = self._road
        order = self._tree.order_of(queries) if road == "tree" and self._tree is not None else None
        asked = queries if order is None else queries[order]

        def work(start: int, stop: int) -> None:
            out = distance[start:stop], index[start:stop]
            loops.lib.amiss_nearest_start(stop - start, k, *map(loops.address, out))
            if road == "tree" and self._tree is not None:
                self._tree.ask(asked[start:stop], k, *out)
            elif road == "screen" and self._screen is not None:
                self._screen.ask(asked[start:stop], self.reference, k, *out)
            else:
                self._ask_all(asked[start:stop], k, *out)
            loops.lib.amiss_nearest_finish(stop - start, k, *map(loops.address, out))

        over_blocks(work, len(queries), n_jobs)
        if order is None:
            return distance, index
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return distance[back], index[back]

    def _ask_all(self, queries: Matrix, k: int, distance: Matrix, index: Indices) -> None:
        n, d = self.reference.shape
        if self._columns is None:
            columns = np.zeros((d, -(-n // _TILE) * _TILE))
            columns[:, :n] = self.reference.T
            self._columns = columns
        loops.lib.amiss_nearest_all(
            loops.address(queries), len(queries), d, loops.address(self._columns), n, self._columns.shape[1], k,
            loops.address(distance), loops.address(index),
        )  # fmt: skip

    def _choose_road(self, queries: Matrix, k: int) -> None:
        """A tree if it spares most of the work for some of the queries, products if they are exact enough."""
        if self._road != "all":
            return
        if self.reference.shape[1] <= _WIDEST_TREE:
            tree = _Tree.of(self.reference)
            few = np.ascontiguousarray(queries[:: max(1, len(queries) // 64)][:64])
            probe = np.full((len(few), k), np.inf), np.full((len(few), k), np.iinfo(np.int64).max)
            few_leaves = _WORTH_A_TREE[0] + _WORTH_A_TREE[1] * len(self.reference)
            if tree.ask(few, k, *probe) <= few_leaves * len(few):
                self._tree, self._road = tree, "tree"
                return
        self._screen = _Screen.of(self.reference)
        if self._screen is not None:
            self._road = "screen"


@dataclass(frozen=True, slots=True)
class _Tree:
    n: int
    height: int
    order: Indices
    boxes: Matrix
    leaves: Matrix

    @classmethod
    def of(cls, reference: Matrix) -> _Tree:
        n, d = reference.shape
        height = max(0, int(np.ceil(np.log2(n / _TILE))))
        order = np.empty(n, np.int64)
        boxes, leaves = np.empty((2 ** (height + 1) - 1, d, 2)), np.empty((2**height, d, _TILE))
        loops.lib.amiss_tree_build(
            loops.address(reference), n, d, height, *map(loops.address, (order, boxes, leaves))
        )  # fmt: skip
        return cls(n, height, order, boxes, leaves)

    def ask(self, queries: Matrix, k: int, distance: Matrix, index: Indices) -> int:
        arrays = map(loops.address, (self.order, self.boxes, self.leaves))
        n_seen: int = loops.lib.amiss_nearest_tree(
            loops.address(queries), *queries.shape, self.n, self.height, *arrays, k, loops.address(distance),
            loops.address(index),
        )  # fmt: skip
        return n_seen

    def order_of(self, queries: Matrix) -> npt.NDArray[np.intp]:
        """The queries leaf by leaf: neighbours walk the same ways, which are then in the cache."""
        leaf = np.empty(len(queries), np.int64)
        loops.lib.amiss_tree_leaf(
            loops.address(queries), *queries.shape, self.height, loops.address(self.boxes), loops.address(leaf)
        )
        return np.argsort(leaf, kind="stable")


@dataclass(frozen=True, slots=True)
class _Screen:
    """The reference in single precision, with half its squared norms less their error as one more feature."""

    center: Vector
    unit: float
    error: float
    factors: npt.NDArray[np.float32]

    @classmethod
    def of(cls, reference: Matrix) -> _Screen | None:
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
        # What rounding can do to a sum of d + 1 products, twice over: |q r| ≤ (q² + r²) / 2.
        error = (reference.shape[1] + 6) * 2.0**-22
        factors = np.empty((reference.shape[1] + 1, len(reference)), np.float32)
        factors[:-1], factors[-1] = centred.T, (2 * error - 1) / 2 * norm
        return cls(center, 1 / spread**2, error, factors)

    def ask(self, queries: Matrix, reference: Matrix, k: int, distance: Matrix, index: Indices) -> None:
        from threadpoolctl import threadpool_limits

        n, d = reference.shape
        room, maxima = np.empty(_BLOCK[0] * _BLOCK[1], np.float32), np.empty(_BLOCK[1], np.float32)
        with threadpool_limits(1, user_api="blas"):
            for start in range(0, len(queries), _BLOCK[0]):
                rows = slice(start, start + _BLOCK[0])
                centred = (queries[rows] - self.center) * np.sqrt(self.unit)
                with np.errstate(over="ignore"):
                    square = np.einsum("ij,ij->i", centred, centred)
                # A query beyond single precision excludes nothing.
                far = ~(square < _FARTHEST)
                square[far] = _FARTHEST
                norm = np.where(far, -np.inf, square * (1 - self.error))
                extended = np.ones((len(centred), d + 1), np.float32)
                extended[:, :-1] = np.where(far[:, None], 0.0, centred)
                asked = np.ascontiguousarray(queries[rows])
                for first in range(0, n, _BLOCK[1]):
                    factors = self.factors[:, first : first + _BLOCK[1]]
                    product = room[: len(asked) * factors.shape[1]].reshape(len(asked), -1)
                    np.matmul(extended, factors, out=product)
                    loops.lib.amiss_nearest_screened(
                        loops.address(asked), len(asked), d, loops.address(reference), first, product.shape[1],
                        loops.address(product), loops.address(norm), self.unit, k,
                        loops.address(maxima), loops.address(distance[rows]), loops.address(index[rows]),
                    )  # fmt: skip


def _without_self(distance: Matrix, index: Indices) -> tuple[Matrix, Indices]:
    """Leave out the first neighbour where it is the query itself, the last elsewhere."""
    itself = (distance[:, :1] == 0) & (index[:, :1] >= 0)
    return np.where(itself, distance[:, 1:], distance[:, :-1]), np.where(itself, index[:, 1:], index[:, :-1])


def _all_pairs(queries: Matrix, reference: Matrix, n_neighbors: int) -> tuple[Matrix, Indices]:
    distance = np.full((len(queries), n_neighbors), np.inf)
    index = np.full((len(queries), n_neighbors), -1, np.int64)
    for start in range(0, len(queries), 256):
        block = queries[start : start + 256]
        square = np.zeros((len(block), len(reference)))
        with np.errstate(over="ignore"):
            for j in range(reference.shape[1]):
                square += (reference[None, :, j] - block[:, j, None]) ** 2
        # Sorting is stable, so equal distances keep the order of the reference rows.
        order = np.argsort(square, axis=1, kind="stable")[:, :n_neighbors]
        found = np.sqrt(np.take_along_axis(square, order, axis=1))
        distance[start : start + 256, : order.shape[1]] = found
        index[start : start + 256, : order.shape[1]] = np.where(np.isinf(found), -1, order)
    return distance, index
