"""Isolation forests: the compiled loops and their NumPy twins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.random import priorities
from amiss.core.summary import Matrix, Vector
from amiss.kernels import loops
from amiss.kernels.blocks import over_blocks

__all__ = [
    "Random", "Trees", "between", "check", "contribute", "draw", "grow", "height_of", "mean_depth", "score", "weigh",
]  # fmt: skip

Ints = npt.NDArray[np.int32]
_MASK = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True)
class Trees:
    """A forest in arrays of shape (n_trees, n_nodes); see `forest.h` for the meaning of each."""

    split: Ints
    threshold: Matrix
    value: Matrix

    @property
    def height(self) -> int:
        """Cuts from the root to the last level."""
        return int(self.split.shape[1] + 1).bit_length() - 2

    @cached_property
    def addresses(self) -> tuple[Any, ...]:
        """What the compiled loops ask for: arrays, number of trees, height."""
        arrays: tuple[npt.NDArray[Any], ...] = (self.split, self.threshold, self.value)
        return (*map(loops.address, arrays), len(self.split), self.height)

    def __getstate__(self) -> dict[str, Any]:
        # Addresses hold in one process only.
        return {name: value for name, value in vars(self).items() if name != "addresses"}


def mean_depth(n: int) -> float:
    """Mean depth of an unsuccessful search in a binary search tree of `n` keys."""
    if n <= 1:
        return 0.0
    harmonic = 0.0
    for i in range(1, n):
        harmonic += 1.0 / i
    return 2.0 * harmonic - 2.0 * (n - 1) / n


def draw(n_rows: int, size: int, n_trees: int, seed: int) -> npt.NDArray[np.int64]:
    """Rows for each tree, without replacement: (n_trees, size)."""
    random = np.random.default_rng(seed)
    return np.stack([random.choice(n_rows, size, replace=False, shuffle=False) for _ in range(n_trees)])


def height_of(size: int) -> int:
    """Cuts after which a tree of `size` rows stops: rows isolated later than on average are normal anyway."""
    return max(1, int(np.ceil(np.log2(size))))


def check(trees: Trees, n_features: int) -> None:
    """Raise ValueError if a walk through the trees could leave them: the compiled loops do not look."""
    arrays: tuple[npt.NDArray[Any], ...] = (trees.split, trees.threshold, trees.value)
    kinds = ("int32", "float64", "float64")
    shape = trees.split.shape
    if any(a.ndim != 2 or a.shape != shape or a.dtype != k for a, k in zip(arrays, kinds, strict=True)):
        raise ValueError("the arrays of the trees do not fit together")
    whole = shape[1] >= 3 and (shape[1] & (shape[1] + 1)) == 0
    inside = (trees.split >= 0) & (trees.split < 2 * n_features)
    if n_features < 1 or not shape[0] or not whole or trees.height > 30 or not inside.all():
        raise ValueError("a tree leads out of itself")


def grow(X: Matrix, rows: npt.NDArray[np.int64], height: int, seed: int) -> Trees:
    """Grow one tree for each line of `rows`, (n_trees, n_sample), which names rows of `X`."""
    n_trees, n_sample = rows.shape
    shape = (n_trees, 2 ** (height + 1) - 1)
    split, threshold, value = np.empty(shape, np.int32), np.empty(shape), np.empty(shape)
    seeds = priorities(np.arange(n_trees), seed ^ 0x5EED)
    scratch = np.empty(n_sample + X.shape[1] + 2 * shape[1], np.int32)
    for tree in range(n_trees):
        out = (split[tree], threshold[tree], value[tree])
        columns = np.ascontiguousarray(X[rows[tree]].T)
        if loops.compiled():
            loops.lib.amiss_forest_grow(
                loops.address(columns), len(columns), n_sample, height, int(seeds[tree]), *map(loops.address, out),
                loops.address(scratch),
            )  # fmt: skip
        else:
            _grow_one(columns, height, int(seeds[tree]), *out)
    return Trees(split, threshold, value)


def score(X: Matrix, trees: Trees, n_jobs: int | None = None) -> Vector:
    """Mean depth at which each row of `X` is isolated."""
    if not loops.compiled():
        return _score(X, trees)
    depth = np.empty(len(X))
    arrays = trees.addresses

    def work(start: int, stop: int) -> None:
        loops.lib.amiss_forest_score(
            loops.address(X[start:stop]), stop - start, X.shape[1], *arrays, loops.address(depth[start:stop])
        )

    over_blocks(work, len(X), n_jobs)
    return depth


def contribute(X: Matrix, trees: Trees) -> Matrix:
    """What each feature takes from the depth of each row; a row's terms sum to the root's value less its depth."""
    out = np.zeros_like(X)
    if not loops.compiled():
        return _contribute(X, trees, out)
    loops.lib.amiss_forest_contribute(loops.address(X), *X.shape, *trees.addresses, loops.address(out))
    return out


# NumPy twins ------------------------------------------------------------------------------------------


class Random:
    """SplitMix64, as in `random.h`."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def next(self) -> int:
        """The next 64 bits."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & _MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def uniform(self) -> float:
        """The next number in [0, 1)."""
        return float((self.next() >> 11) * 2.0**-53)

    def pick(self, left: list[int], n_left: int) -> int:
        """One of the first `n_left` items, which changes places with the last of them."""
        place = self.next() % n_left
        left[place], left[n_left - 1] = left[n_left - 1], left[place]
        return left[n_left - 1]


def between(low: float, high: float, u: float) -> float:
    """A threshold above `low` that `high` reaches."""
    t = low * (1.0 - u) + high * u
    return t if low < t <= high else high


def weigh(value: Vector, threshold: Vector, rows: Sequence[npt.NDArray[np.intp] | None]) -> None:
    """Give each inner node the mean of its children, by their rows."""
    for node in range(len(value) // 2 - 1, -1, -1):
        a, b = rows[2 * node + 1], rows[2 * node + 2]
        if not math.isnan(threshold[node]) and a is not None and b is not None:
            first, second = value[2 * node + 1] * len(a), value[2 * node + 2] * len(b)
            value[node] = (first + second) / (len(a) + len(b))


def _choose(columns: Matrix, features: list[int], random: Random) -> tuple[int, float, float]:
    for n_left in range(len(features), 0, -1):
        feature = random.pick(features, n_left)
        column = columns[feature]
        present = column[~np.isnan(column)]
        low, high = (present.min(), present.max()) if len(present) else (math.inf, -math.inf)
        if low < high or 0 < len(present) < len(column):
            return feature, float(low), float(high)
    return -1, 0.0, 0.0


def _grow_one(columns: Matrix, height: int, seed: int, split: Ints, threshold: Vector, value: Vector) -> None:
    random, features = Random(seed), list(range(len(columns)))
    split[:], threshold[:], value[:] = 1, math.nan, math.nan
    rows: list[npt.NDArray[np.intp] | None] = [None] * len(split)
    rows[0] = np.arange(columns.shape[1])
    for node in range(len(split)):
        here, depth = rows[node], (node + 1).bit_length() - 1
        if here is None:
            value[node] = value[(node - 1) // 2]
            continue
        feature = -1
        if len(here) > 1 and depth < height:
            feature, low, high = _choose(columns[:, here], features, random)
        if feature < 0:
            value[node] = depth + mean_depth(len(here))
            continue
        missing_left, u = random.next() & 1, random.uniform()
        t = between(low, high, u) if low < high else -math.inf if missing_left else math.inf
        column = columns[feature, here]
        goes_left = np.where(np.isnan(column), bool(missing_left), column < t)
        split[node], threshold[node] = 2 * feature + missing_left, t
        rows[2 * node + 1], rows[2 * node + 2] = here[goes_left], here[~goes_left]
    weigh(value, threshold, rows)


def _step(X: Matrix, trees: Trees, tree: int, node: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    split = trees.split[tree, node]
    x = X[np.arange(len(X)), split >> 1]
    right = (x >= trees.threshold[tree, node]) | (np.isnan(x) & (split % 2 == 0))
    following: npt.NDArray[np.intp] = 2 * node + 1 + right
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
