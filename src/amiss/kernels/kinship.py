"""Rows that go the same way through the trees of a forest: the compiled loops and their NumPy twins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.kernels import forest, loops

__all__ = ["PATHS", "TALLEST", "paths", "shared", "totals"]

Bytes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.uint16]
TALLEST = 8
"""Levels of a tree at most: a path is a byte."""
PATHS = 1 << TALLEST


def paths(X: Matrix, trees: forest.Trees) -> Bytes:
    """The way of each row through each tree, (n_rows, n_trees): a bit for each cut, the first one highest."""
    if trees.height > TALLEST:
        raise ValueError(f"a path of {trees.height} cuts is no byte")
    out = np.empty((len(X), len(trees.split)), np.uint8)
    if not loops.compiled():
        return _paths(X, trees, out)
    loops.lib.amiss_kinship_paths(
        loops.address(X), *X.shape, loops.address(trees.split), loops.address(trees.threshold), len(trees.split),
        trees.height, loops.address(out),
    )  # fmt: skip
    return out


def shared(ways: Bytes, way: Bytes, by_difference: Bytes) -> Counts:
    """Sum over the trees of what rows share with one: (n_rows,).

    Parameters
    ----------
    ways : (n_rows, n_trees)
        Paths of the rows, of at most 257 trees.
    way : (n_trees,)
        Path of the one.
    by_difference : (256,)
        What two rows share in a tree, by the exclusive or of their paths.
    """
    if ways.shape[1] > 257:
        raise ValueError("the sum over so many trees is no number of two bytes")
    out = np.empty(len(ways), np.uint16)
    if not loops.compiled():
        return _shared(ways, way, by_difference, out)
    loops.lib.amiss_kinship_shared(
        loops.address(ways), *ways.shape, loops.address(way), loops.address(by_difference), loops.address(out)
    )
    return out


def totals(ways: Bytes, by_path: Matrix) -> Vector:
    """Sum over the trees of what each path is worth: (n_rows,); `by_path` is (n_trees, 256)."""
    out = np.zeros(len(ways))
    if not loops.compiled():
        return _totals(ways, by_path, out)
    loops.lib.amiss_kinship_totals(loops.address(ways), *ways.shape, loops.address(by_path), loops.address(out))
    return out


# NumPy twins ------------------------------------------------------------------------------------------


def _paths(X: Matrix, trees: forest.Trees, out: Bytes) -> Bytes:
    rows = np.arange(len(X))
    for tree in range(len(trees.split)):
        node = np.zeros(len(X), np.intp)
        for _ in range(trees.height):
            split = trees.split[tree, node]
            x = X[rows, split >> 1]
            node = 2 * node + 1 + ((x >= trees.threshold[tree, node]) | (np.isnan(x) & (split % 2 == 0)))
        out[:, tree] = node - (2**trees.height - 1)
    return out


def _shared(ways: Bytes, way: Bytes, by_difference: Bytes, out: Counts) -> Counts:
    out[:] = 0
    for tree in range(ways.shape[1]):
        out += by_difference[ways[:, tree] ^ way[tree]]
    return out


def _totals(ways: Bytes, by_path: Matrix, out: Vector) -> Vector:
    for tree in range(ways.shape[1]):
        out += by_path[tree, ways[:, tree]]
    return out
