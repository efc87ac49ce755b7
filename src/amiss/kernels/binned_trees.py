"""Trees that tell classes apart, grown on values in bins: the compiled loop and its twin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.random import next_uniform
from amiss.core.summary import Matrix, Vector
from amiss.kernels import loops

__all__ = ["Binned", "Growth", "Tree", "grow"]

Ints = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]
_MISSING = 255
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Binned:
    """Values in at most 255 bins a feature, whatever of them is missing in a bin of its own.

    A feature of so few different values keeps them apart. Of more, each bin holds as much as the others of rows and of
    different values together: where most rows share a value, the rare ones keep theirs.

    Attributes
    ----------
    bins : (n_features, n_rows)
        Bin of each value, 255 where it is missing.
    edge : (n_features, 255)
        Highest value that belongs to each bin or one before; the largest number from the last bin on.
    border : (n_features, 256)
        Where each bin begins, and where the last ends.
    """

    bins: npt.NDArray[np.uint8]
    edge: Matrix
    border: Matrix

    @classmethod
    def of(cls, X: npt.NDArray[np.float32]) -> Binned:
        """Bins of the columns; NaN is a missing value, infinite ones there are not."""
        n_rows, n_features = X.shape
        bins = np.empty((n_features, n_rows), np.uint8)
        edge, border = np.full((n_features, _MISSING), _LARGEST), np.zeros((n_features, _MISSING + 1))
        for j in range(n_features):
            values = X[:, j].astype(np.float64)
            there = values[~np.isnan(values)]
            cuts = _cuts(there)
            edge[j, : len(cuts)] = cuts
            if len(there):
                border[j, : len(cuts) + 2] = [there.min(), *cuts, there.max()]
            bins[j] = np.where(np.isnan(values), _MISSING, np.searchsorted(cuts, values))
        return cls(bins, edge, border)


@dataclass(frozen=True, slots=True)
class Growth:
    """How trees grow; see `binned_trees.h`."""

    n_asked: int
    height: int
    least: int
    at_random: bool


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes one after another, children after parents.

    Attributes
    ----------
    feature : (n_nodes,)
        Feature asked, −1 at a leaf.
    cut : (n_nodes,)
        Last bin that goes to the first child.
    missing_left : (n_nodes,)
        Whether a missing value goes to the first child.
    child : (n_nodes, 2)
        −1 at a leaf.
    classes : (n_nodes, n_classes)
        How many rows of each class come by.
    """

    feature: Ints
    cut: Ints
    missing_left: npt.NDArray[np.uint8]
    child: Ints
    classes: Ints

    @classmethod
    def empty(cls, n_nodes: int, n_classes: int) -> Tree:
        """Room for a tree."""
        feature, cut = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
        child, classes = np.empty((n_nodes, 2), np.int32), np.empty((n_nodes, n_classes), np.int32)
        return cls(feature, cut, np.empty(n_nodes, np.uint8), child, classes)

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """All arrays, in the order in which the compiled loop takes them."""
        return self.feature, self.cut, self.missing_left, self.child, self.classes

    def first(self, n_nodes: int) -> Tree:
        """A copy of so many nodes."""
        return Tree(*(array[:n_nodes].copy() for array in self.arrays()))


def grow(binned: Binned, kind: Ints, count: Ints, weight: Vector, growth: Growth, seed: int) -> Tree:
    """Grow a tree from the rows whose `count`, (n_rows,), is not 0; each class of `kind` has its `weight`."""
    rows = np.flatnonzero(count).astype(np.int32)
    if not loops.compiled():
        return _Plain(binned, kind, count, weight, growth, seed).grown(rows)
    n, n_features, n_classes = len(rows), len(binned.bins), len(weight)
    tree = Tree.empty(2 * n - 1, n_classes)
    scratch = (
        np.empty(n_features, np.int32), np.empty(2 * n, np.int32), np.zeros(257 * (n_classes + 1), np.int32),
        np.empty(4 * n + 8, np.int32),
    )  # fmt: skip
    n_nodes = loops.lib.amiss_binned_tree(
        loops.address(binned.bins), binned.bins.shape[1], n_features, loops.address(kind), loops.address(count),
        loops.address(weight), n_classes, loops.address(binned.border), growth.n_asked, growth.height, growth.least,
        int(growth.at_random), seed, loops.address(rows), n, *map(loops.address, scratch),
        *map(loops.address, tree.arrays()),
    )  # fmt: skip
    return tree.first(n_nodes)


def _cuts(values: Vector) -> Vector:
    """Places between the bins."""
    different, n = np.unique(values, return_counts=True)
    last = np.arange(len(different))
    if len(different) > _MISSING:
        filled = np.cumsum(n / len(values) + 1 / len(different))
        last = np.unique(np.searchsorted(filled, np.arange(1, _MISSING) * (2 / _MISSING)))
        last = np.append(last[last < len(different) - 1], len(different) - 1)
    cuts: Vector = (different[last[:-1]] + different[last[:-1] + 1]) / 2
    return cuts


# NumPy twin -------------------------------------------------------------------------------------------


class _Plain:
    """The same tree, plainly."""

    def __init__(
        self, binned: Binned, kind: Ints, count: Ints, weight: Vector, growth: Growth, seed: int
    ) -> None:  # fmt: skip
        self.binned, self.kind, self.count, self.weight, self.growth = binned, kind, count, weight, growth
        self.state = seed
        self.order = np.arange(len(binned.bins))

    def draw(self) -> float:
        self.state, number = next_uniform(self.state)
        return number

    def grown(self, rows: Ints) -> Tree:
        tree = Tree.empty(2 * len(rows) - 1, len(self.weight))
        n_nodes, waiting = 0, [(rows, 0, -1)]
        while waiting:
            here, depth, above = waiting.pop()
            node, n_nodes = n_nodes, n_nodes + 1
            if above >= 0:
                tree.child.ravel()[above] = node
            all_ = self.classes(here)
            pure = all_[:-1].max() == all_[:-1].sum()
            ends = pure or depth >= self.growth.height or len(here) < 2 * self.growth.least
            _, feature, cut, missing_left = (-1.0, -1, 0, 0) if ends else self.best(here, all_)
            tree.feature[node], tree.cut[node], tree.missing_left[node] = feature, cut, missing_left
            tree.child[node], tree.classes[node] = -1, all_[:-1]
            if feature >= 0:
                bins = self.binned.bins[feature, here]
                left = np.where(bins == _MISSING, bool(missing_left), bins <= cut)
                waiting += [(here[~left], depth + 1, 2 * node + 1), (here[left], depth + 1, 2 * node)]
        return tree.first(n_nodes)

    def classes(self, rows: Ints) -> Counts:
        """How often each class was drawn, and the rows, each taken once."""
        drawn = np.bincount(self.kind[rows], self.count[rows], minlength=len(self.weight))
        return np.append(drawn.astype(np.int64), len(rows))

    def best(self, rows: Ints, all_: Counts) -> tuple[float, int, int, int]:
        best, told, n_features = (-1.0, -1, 0, 0), False, len(self.order)
        for j in range(n_features):
            if j >= self.growth.n_asked and told:
                break
            other = j + int(self.draw() * (n_features - j))
            self.order[[j, other]] = self.order[[other, j]]
            feature = int(self.order[j])
            bins = self.binned.bins[feature, rows]
            found = np.unique(bins).astype(np.int64)
            if len(found) > 1:
                told = True
                for worth, cut, missing_left in self.offers(feature, bins, found, rows, all_):
                    if worth > best[0]:
                        best = (worth, feature, cut, missing_left)
        return best

    def offers(
        self, feature: int, bins: npt.NDArray[np.uint8], found: Counts, rows: Ints, all_: Counts
    ) -> list[tuple[float, int, int]]:
        """What each cut is worth, the cut, and where missing values go."""
        present = found[found < _MISSING]
        gone = self.classes(rows[bins == _MISSING]) if found[-1] == _MISSING else None
        cuts = [int(low + high) // 2 for low, high in zip(present[:-1], present[1:], strict=True)]
        if self.growth.at_random and len(present) > 1:
            cuts = [self.drawn(feature, int(present[0]), int(present[-1]))]
        elif gone is not None and len(present):
            cuts.append(_MISSING - 1)
        offers = []
        for cut in cuts:
            left = self.classes(rows[bins <= cut])
            offers.append((self.worth(left, all_), cut, 0))
            if gone is not None and cut < _MISSING - 1:
                offers.append((self.worth(left + gone, all_), cut, 1))
        return offers

    def drawn(self, feature: int, first: int, last: int) -> int:
        border = self.binned.border[feature]
        at = border[first] + self.draw() * (border[last + 1] - border[first])
        cut = first
        while cut + 1 < last and border[cut + 1] <= at:
            cut += 1
        return cut

    def worth(self, left: Counts, all_: Counts) -> float:
        least = self.growth.least
        if left[-1] < least or all_[-1] - left[-1] < least:
            return -1.0
        worth = 0.0
        for side in (left, all_ - left):
            total = squares = 0.0
            for part in side[:-1] * self.weight:
                total += part
                squares += part * part
            worth += squares / total
        return worth
