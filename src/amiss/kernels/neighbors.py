"""Exact nearest neighbours: three roads to the same bits, and their NumPy twin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix
from amiss.kernels import loops
from amiss.kernels.blocks import over_blocks
from amiss.kernels.screen import Screen

__all__ = ["Indices", "Neighbors"]

Indices = npt.NDArray[np.int64]

_TILE = 32
_FEW_ROWS = 256
"""Below this, all pairs are as quick as anything."""
_FEW_QUERIES = 256
_WIDEST_TREE = 40
_WORTH_A_TREE = (6, 1 / 800)
"""Leaves that a query may look into for a tree to pay: so many, and so many more for each row of the reference."""
_WORTH_A_TREE_ITSELF = (6, 1 / 1600)
"""The same where the queries are the reference itself, which products serve better."""
_WORTH_AN_ORDER = 1 / 20
"""Share of the leaves that a query may look into for panels of rows to be far apart."""


class Neighbors:
    """Finds the rows of `reference` nearest to others; learns on the way which road is quickest.

    Few rows are compared pair by pair. Of many, a k-d tree is asked where the data have few dimensions; where they
    have many, products in single precision exclude most pairs, and the others are compared in double precision; half
    as many where the queries are the reference itself. All roads give the same result.

    Comparing costs O(n_queries × n_reference × n_features) time at most; a tree in few dimensions O(n_queries × log
    n_reference). The tree takes 24 bytes a value, the products 4.
    """

    def __init__(self, reference: Matrix) -> None:
        self.reference = np.ascontiguousarray(reference, dtype=np.float64)
        self._tree: _Tree | None = None
        self._screen: Screen | None = None
        self._columns: Matrix | None = None
        self._road = self._road_itself = "all"

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
            return _without_self(distance, index) if skip_self else (distance, index)
        distance, index, order = self._compiled(queries, k, skip_self, n_jobs)
        distance, index = distance[:, :n_neighbors], index[:, :n_neighbors]
        if order is None:
            return np.ascontiguousarray(distance), np.ascontiguousarray(index)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return distance[back], index[back]

    def _compiled(
        self, queries: Matrix, k: int, skip_self: bool, n_jobs: int | None
    ) -> tuple[Matrix, Indices, Indices | None]:
        distance = np.empty((len(queries), k))
        index = np.empty((len(queries), k), np.int64)
        if len(self.reference) >= _FEW_ROWS and len(queries) >= _FEW_QUERIES:
            self._choose_road(queries, k)
        heaps = [loops.address(distance), loops.address(index)]
        loops.lib.amiss_nearest_start(len(queries), k, *heaps)
        order = self._walk(queries, k, distance, index, n_jobs)
        loops.lib.amiss_nearest_finish(len(queries), k, skip_self, *heaps)
        return distance, index, order

    def _walk(self, queries: Matrix, k: int, distance: Matrix, index: Indices, n_jobs: int | None) -> Indices | None:
        """Fill the heaps; the order in which that was done, if not that of the queries."""
        itself = len(queries) == len(self.reference) and np.array_equal(queries, self.reference)
        road = self._road_itself if itself else self._road
        if road == "screen" and itself and self._tree is not None:
            ordered = Screen.of(self.reference[self._tree.order])
            if ordered is not None:
                ordered.ask_itself(k, distance, index, n_jobs, self._tree.order)
                return self._tree.order
        if road == "screen" and self._screen is not None:
            if itself:
                self._screen.ask_itself(k, distance, index, n_jobs)
            else:
                self._screen.ask(queries, k, distance, index, n_jobs)
            return None
        if road == "all" or self._tree is None:
            over_blocks(lambda a, b: self._ask_all(queries[a:b], k, distance[a:b], index[a:b]), len(queries), n_jobs)
            return None
        order = self._tree.order if itself else self._tree.order_of(queries)
        ask, asked = self._tree.ask, queries[order]
        over_blocks(lambda a, b: ask(asked[a:b], k, distance[a:b], index[a:b]), len(queries), n_jobs)
        return order

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
        n, d = self.reference.shape
        if d <= _WIDEST_TREE:
            tree = _Tree.of(self.reference)
            few = np.ascontiguousarray(queries[:: max(1, len(queries) // 64)][:64])
            probe = np.full((len(few), k), np.inf), np.full((len(few), k), np.iinfo(np.int64).max)
            n_leaves = tree.ask(few, k, *probe) / len(few)
            worth, worth_itself = (some + each * n for some, each in (_WORTH_A_TREE, _WORTH_A_TREE_ITSELF))
            if n_leaves <= max(worth, _WORTH_AN_ORDER * len(tree.leaves)):
                self._tree = tree
            if n_leaves <= worth:
                self._road, self._road_itself = "tree", "tree" if n_leaves <= worth_itself else "screen"
                return
        self._screen = Screen.of(self.reference)
        if self._screen is not None:
            self._road = self._road_itself = "screen"


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
