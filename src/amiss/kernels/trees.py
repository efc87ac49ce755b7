"""Trees of any shape, node after node: the walk of rows through them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.kernels import forest, loops
from amiss.kernels.blocks import over_blocks

__all__ = ["Nodes", "contribute", "leaf_values", "means_of_leaves", "totals"]

Ints = npt.NDArray[np.int32]
_LEAF = -1
_NAMES = ("feature", "missing_left", "threshold", "child", "value", "root")
_AT_ONCE = 1 << 18
"""Rows times trees that walk side by side."""
_TALLEST, _MOST_NODES = 12, 1 << 20
"""Height and number of nodes up to which trees are filled up to heaps, for the compiled loop."""


@dataclass(frozen=True)
class Nodes:
    """Trees in arrays with a line for each node, the nodes of one tree after those of the other.

    A row goes to the first child of a node if its value of `feature` is at most `threshold`, to the second otherwise;
    where the value is missing, to the first if `missing_left`. Children stand after their parents.

    Attributes
    ----------
    feature : (n_nodes,)
        Feature asked, −1 at a leaf.
    missing_left : (n_nodes,)
        Whether a missing value goes to the first child.
    threshold : (n_nodes,)
        In the feature's unit.
    child : (n_nodes, 2)
        Places of the two children; 0 at a leaf.
    value : (n_nodes, n_outputs)
        What a row that ends here gets; at inner nodes, what rows that come by get on average.
    root : (n_trees,)
        Places of the roots.
    """

    feature: Ints
    missing_left: npt.NDArray[np.bool_]
    threshold: Vector
    child: Ints
    value: Matrix
    root: Ints

    @classmethod
    def joined(cls, trees: Sequence[Mapping[str, npt.NDArray[Any]]]) -> Nodes:
        """One after the other, of each all arrays but `root`, places counted from its own root; −1 for no child."""
        starts = np.cumsum([0, *(len(tree["feature"]) for tree in trees[:-1])])
        leaf = [np.asarray(tree["child"])[:, 0] < 0 for tree in trees]
        child = [
            np.where(at_end[:, None], 0, tree["child"] + start)
            for tree, start, at_end in zip(trees, starts, leaf, strict=True)
        ]
        feature = [np.where(at_end, _LEAF, tree["feature"]) for tree, at_end in zip(trees, leaf, strict=True)]
        threshold = [np.where(at_end, 0.0, tree["threshold"]) for tree, at_end in zip(trees, leaf, strict=True)]
        return cls(
            np.concatenate(feature).astype(np.int32),
            np.concatenate([tree["missing_left"] for tree in trees]).astype(np.bool_),
            np.concatenate(threshold).astype(np.float64),
            np.concatenate(child).astype(np.int32),
            np.concatenate([tree["value"] for tree in trees]).astype(np.float64),
            starts.astype(np.int32),
        )

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]], n_features: int) -> Nodes:
        """The trees of `arrays`; ValueError if a walk through them could leave them or the features, or not end."""
        nodes = cls(*(arrays[name] for name in _NAMES))
        n = len(nodes.feature)
        places = np.arange(n)
        inner = nodes.feature >= 0
        shapes = (nodes.missing_left.shape, nodes.threshold.shape, nodes.child.shape, nodes.value.shape[:1])
        if n == 0 or nodes.value.ndim != 2 or shapes != ((n,), (n,), (n, 2), (n,)) or nodes.root.ndim != 1:
            raise ValueError("the arrays of the trees do not fit together")
        onward = (nodes.child > places[:, None]) & (nodes.child < n)
        known = nodes.feature < n_features
        if not known.all() or not onward[inner].all() or not ((nodes.root >= 0) & (nodes.root < n)).all():
            raise ValueError("a tree leads out of itself")
        return nodes

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays by name."""
        return {name: getattr(self, name) for name in _NAMES}

    @cached_property
    def height(self) -> int:
        """Cuts from a root to the last leaf."""
        here, height = self.root, 0
        while True:
            here = here[self.feature[here] >= 0]
            if not len(here):
                return height
            here = self.child[here].ravel()
            height += 1

    @cached_property
    def heap(self) -> forest.Trees | None:
        """The same trees as the compiled loops take them, where that is not too wasteful."""
        size = 2 ** (min(self.height, 30) + 1) - 1
        fits = self.height <= _TALLEST and size * len(self.root) <= _MOST_NODES
        if not fits or self.value.shape[1] != 1 or not loops.compiled():
            return None
        height = max(self.height, 1)
        size = 2 ** (height + 1) - 1
        place = np.empty((len(self.root), size), np.int32)
        place[:, 0] = self.root
        for node in range(size // 2):
            # Below a leaf, the leaf again: all go on to its first child.
            for side in (0, 1):
                above = place[:, node]
                place[:, 2 * node + 1 + side] = np.where(self.feature[above] >= 0, self.child[above, side], above)
        leaf = self.feature[place] < 0
        split = np.where(leaf, 1, 2 * self.feature[place] + self.missing_left[place]).astype(np.int32)
        # There a value goes on to the second child from the threshold on, here from the next number on.
        threshold = np.where(leaf, np.nan, np.nextafter(self.threshold[place], np.inf))
        return forest.Trees(split, threshold, np.ascontiguousarray(self.value[place, 0]))

    def __getstate__(self) -> dict[str, Any]:
        return self.arrays()

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, array in state.items():
            object.__setattr__(self, name, array)


def totals(X: Matrix, nodes: Nodes, n_jobs: int | None = None) -> Matrix:
    """Sum over the trees of the values that each row ends at: (n_rows, n_outputs)."""
    heap = nodes.heap
    if heap is not None:
        return forest.score(X, heap, n_jobs)[:, None] * len(nodes.root)
    out = np.empty((len(X), nodes.value.shape[1]))
    n_rows = max(1, _AT_ONCE // len(nodes.root))

    def work(start: int, stop: int) -> None:
        for first in range(start, stop, n_rows):
            rows = slice(first, min(first + n_rows, stop))
            out[rows] = leaf_values(X[rows], nodes).sum(axis=1)

    over_blocks(work, len(X), n_jobs)
    return out


def leaf_values(X: Matrix, nodes: Nodes) -> Matrix:
    """Value that each row ends at in each tree: (n_rows, n_trees, n_outputs)."""
    shape = (len(X), len(nodes.root))
    at = np.broadcast_to(nodes.root, shape).ravel().copy()
    for walking, _, following in _walk(X, nodes):
        at[walking] = following
    return nodes.value[at].reshape(*shape, -1)


def contribute(X: Matrix, nodes: Nodes) -> Matrix:
    """What each feature adds to the sum of the first output, from the roots on: (n_rows, n_features).

    On its way down a row's expected value changes at each node; the change is due to the feature that was asked.
    """
    n_trees, n_features = len(nodes.root), X.shape[1]
    out = np.zeros(X.shape)
    n_rows = max(1, _AT_ONCE // n_trees)
    for first in range(0, len(X), n_rows):
        part = X[first : first + n_rows]
        for walking, here, following in _walk(part, nodes):
            cell = walking // n_trees * n_features + nodes.feature[here]
            gain = nodes.value[following, 0] - nodes.value[here, 0]
            out[first : first + n_rows] += np.bincount(cell, gain, minlength=part.size).reshape(part.shape)
    return out


def _walk(X: Matrix, nodes: Nodes) -> Any:
    """Level by level: which pairs of row and tree are still on their way, where they are, and where they go."""
    n_trees = len(nodes.root)
    walking = np.arange(len(X) * n_trees)
    here = np.broadcast_to(nodes.root, (len(X), n_trees)).ravel()
    values, children = X.ravel(), nodes.child.ravel()
    holes = bool(np.isnan(values).any())
    row = walking // n_trees * X.shape[1]
    while True:
        feature = nodes.feature[here]
        inner = feature >= 0
        if not inner.all():
            walking, here, row, feature = walking[inner], here[inner], row[inner], feature[inner]
        if not len(walking):
            return
        x = values[row + feature]
        right = ~(x <= nodes.threshold[here])
        if holes:
            right &= ~(np.isnan(x) & nodes.missing_left[here])
        following = children[2 * here + right]
        yield walking, here, following
        here = following


def means_of_leaves(child: npt.NDArray[Any], value: Vector, count: npt.NDArray[Any]) -> Vector:
    """Values of one tree with those of the inner nodes made the means of what is below them, weighted by `count`."""
    means = np.array(value, dtype=np.float64)
    rows = np.asarray(count, dtype=np.float64)
    for node in range(len(means) - 1, -1, -1):
        first, second = child[node]
        if first >= 0:
            total = rows[first] + rows[second]
            share = rows[first] / total if total > 0 else 0.5
            means[node] = share * means[first] + (1 - share) * means[second]
    return means
