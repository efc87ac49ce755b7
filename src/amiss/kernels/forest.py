"""Isolation forests: the compiled loops and their NumPy twins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.random import priorities
from amiss.core.summary import Matrix, Vector
from amiss.kernels import loops
from amiss.kernels.blocks import over_blocks

__all__ = ["Trees", "check", "contribute", "grow", "mean_depth", "score"]

Ints = npt.NDArray[np.int32]
_MASK = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True, slots=True)
class Trees:
    """A forest in arrays of shape (n_trees, n_nodes); see `forest.h` for the meaning of each."""

    split: Ints
    threshold: Matrix
    left: Ints
    value: Matrix
    height: int


def mean_depth(n: int) -> float:
    """Mean depth of an unsuccessful search in a binary search tree of `n` keys."""
    if n <= 1:
        return 0.0
    harmonic = 0.0
    for i in range(1, n):
        harmonic += 1.0 / i
    return 2.0 * harmonic - 2.0 * (n - 1) / n


def check(trees: Trees, n_features: int) -> None:
    """Raise ValueError if a walk through the trees could leave them: the compiled loops do not look."""
    shape, n_nodes = trees.split.shape, trees.split.shape[-1]
    arrays: tuple[npt.NDArray[Any], ...] = (trees.split, trees.threshold, trees.left, trees.value)
    kinds = ("int32", "float64", "int32", "float64")
    if any(a.ndim != 2 or a.shape != shape or a.dtype != k for a, k in zip(arrays, kinds, strict=True)):
        raise ValueError("the arrays of the trees do not fit together")
    own = np.arange(n_nodes)
    leaf = (trees.left == own) & np.isnan(trees.threshold) & (trees.split == 1)
    inner = (trees.left > own) & (trees.left < n_nodes - 1) & (trees.split >= 0) & (trees.split < 2 * n_features)
    unused = (trees.left == 0) & (trees.split == 1) & np.isnan(trees.threshold)
    if n_features < 1 or not (leaf | inner | unused).all() or not 0 < trees.height <= 64:
        raise ValueError("a tree leads out of itself")


def grow(X: Matrix, rows: Ints, max_depth: int, seed: int) -> Trees:
    """Grow one tree for each line of `rows`, (n_trees, n_sample), which names rows of `X`."""
    n_trees, n_sample = rows.shape
    shape = (n_trees, 2 * n_sample)
    split, left = np.ones(shape, np.int32), np.zeros(shape, np.int32)
    threshold, value = np.full(shape, np.nan), np.zeros(shape)
    seeds = priorities(np.arange(n_trees), seed ^ 0x5EED)
    n_nodes = 1
    scratch = np.empty(7 * n_sample + X.shape[1], np.int32)
    for tree in range(n_trees):
        out = (split[tree], threshold[tree], left[tree], value[tree])
        if loops.compiled():
            used = loops.lib.amiss_forest_grow(
                loops.address(X), X.shape[1], loops.address(rows[tree]), n_sample, max_depth, int(seeds[tree]),
                *map(loops.address, out), loops.address(scratch),
            )  # fmt: skip
        else:
            used = _grow_one(X[rows[tree]], max_depth, int(seeds[tree]), *out)
        n_nodes = max(n_nodes, used)
    used_ints = [np.ascontiguousarray(a[:, :n_nodes]) for a in (split, left)]
    used_reals = [np.ascontiguousarray(a[:, :n_nodes]) for a in (threshold, value)]
    return Trees(used_ints[0], used_reals[0], used_ints[1], used_reals[1], height=max_depth)


def score(X: Matrix, trees: Trees, n_jobs: int | None = None) -> Vector:
    """Mean depth at which each row of `X` is isolated."""
    if not loops.compiled():
        return _score(X, trees)
    depth = np.empty(len(X))
    n_trees, stride = trees.split.shape
    arrays = [loops.address(a) for a in (trees.split, trees.threshold, trees.left, trees.value)]

    def work(start: int, stop: int) -> None:
        loops.lib.amiss_forest_score(
            loops.address(X[start:stop]), stop - start, X.shape[1], *arrays, n_trees, stride, trees.height,
            loops.address(depth[start:stop]),
        )  # fmt: skip

    over_blocks(work, len(X), n_jobs)
    return depth


def contribute(X: Matrix, trees: Trees) -> Matrix:
    """What each feature takes from the depth of each row; a row's terms sum to the root's value less its depth."""
    out = np.zeros_like(X)
    if not loops.compiled():
        return _contribute(X, trees, out)
    n_trees, stride = trees.split.shape
    arrays = [loops.address(a) for a in (trees.split, trees.threshold, trees.left, trees.value)]
    loops.lib.amiss_forest_contribute(
        loops.address(X), len(X), X.shape[1], *arrays, n_trees, stride, loops.address(out)
    )
    return out


# NumPy twins ------------------------------------------------------------------------------------------


class _Random:
    def __init__(self, seed: int) -> None:
        self.state = seed

    def next(self) -> int:
        self.state = (self.state + 0x9E3779B97F4A7C15) & _MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)


def _choose(X: Matrix, features: list[int], random: _Random) -> tuple[int, float, float]:
    for n_left in range(len(features), 0, -1):
        pick = random.next() % n_left
        features[pick], features[n_left - 1] = features[n_left - 1], features[pick]
        feature = features[n_left - 1]
        column = X[:, feature]
        present = column[~np.isnan(column)]
        low, high = (present.min(), present.max()) if len(present) else (math.inf, -math.inf)
        if low < high or 0 < len(present) < len(column):
            return feature, float(low), float(high)
    return -1, 0.0, 0.0


def _grow_one(X: Matrix, max_depth: int, seed: int, split: Ints, threshold: Vector, left: Ints, value: Vector) -> int:
    random, features = _Random(seed), list(range(X.shape[1]))
    nodes = [(np.arange(len(X)), 0)]
    for node, (rows, depth) in enumerate(nodes):  # the list grows while it is walked
        feature = -1
        if len(rows) > 1 and depth < max_depth:
            feature, low, high = _choose(X[rows], features, random)
        if feature < 0:
            split[node], threshold[node], left[node] = 1, math.nan, node
            value[node] = depth + mean_depth(len(rows))
            continue
        missing_left = random.next() & 1
        u = (random.next() >> 11) * 2.0**-53
        if low < high:
            t = low * (1.0 - u) + high * u
            if not t > low or t > high:
                t = high
        else:
            t = -math.inf if missing_left else math.inf
        column = X[rows, feature]
        goes_left = np.where(np.isnan(column), bool(missing_left), column < t)
        split[node], threshold[node], left[node] = 2 * feature + missing_left, t, len(nodes)
        nodes += [(rows[goes_left], depth + 1), (rows[~goes_left], depth + 1)]
    for node in range(len(nodes) - 1, -1, -1):
        a = left[node]
        if a != node:
            n_a, n_b = len(nodes[a][0]), len(nodes[a + 1][0])
            value[node] = (value[a] * n_a + value[a + 1] * n_b) / (n_a + n_b)
    return len(nodes)


def _step(X: Matrix, trees: Trees, tree: int, node: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    split = trees.split[tree, node]
    x = X[np.arange(len(X)), split >> 1]
    right = (x >= trees.threshold[tree, node]) | (np.isnan(x) & (split % 2 == 0))
    following: npt.NDArray[np.intp] = trees.left[tree, node] + right
    return following


def _score(X: Matrix, trees: Trees) -> Vector:
    depth = np.zeros(len(X))
    for tree in range(len(trees.split)):
        node = np.zeros(len(X), np.intp)
        for _ in range(trees.height):
            node = _step(X, trees, tree, node)
        depth += trees.value[tree, node]
    return depth / len(trees.split)


def _contribute(X: Matrix, trees: Trees, out: Matrix) -> Matrix:
    rows = np.arange(len(X))
    for tree in range(len(trees.split)):
        node = np.zeros(len(X), np.intp)
        for _ in range(trees.height):
            following = _step(X, trees, tree, node)
            gain = trees.value[tree, node] - trees.value[tree, following]
            out[rows, trees.split[tree, node] >> 1] += gain
            node = following
    out /= len(trees.split)
    return out
