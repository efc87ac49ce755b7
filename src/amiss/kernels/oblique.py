"""Extended isolation forests, whose cuts are slanted: the compiled loops and their NumPy twins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.random import priorities
from amiss.core.summary import Matrix, Vector
from amiss.kernels import loops
from amiss.kernels.blocks import over_blocks
from amiss.kernels.forest import Random, between, mean_depth, weigh

__all__ = ["ObliqueTrees", "check", "contribute", "grow", "score"]

_LEAST = 1e-300
"""Range of a feature below which its reciprocal is no number."""
Ints = npt.NDArray[np.int32]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ObliqueTrees:
    """A forest in arrays (n_trees, n_nodes), `feature` and `weight` with n_cut more; see `oblique.h`."""

    feature: Ints
    weight: Reals
    threshold: Matrix
    value: Matrix

    @property
    def height(self) -> int:
        """Cuts from the root to the last level."""
        return int(self.threshold.shape[1] + 1).bit_length() - 2

    @cached_property
    def addresses(self) -> tuple[Any, ...]:
        """What the compiled loops ask for: features of a cut, arrays, number of trees, height."""
        arrays: tuple[npt.NDArray[Any], ...] = (self.feature, self.weight, self.threshold, self.value)
        return (self.feature.shape[2], *map(loops.address, arrays), len(self.value), self.height)

    def __getstate__(self) -> dict[str, Any]:
        # Addresses hold in one process only.
        return {name: value for name, value in vars(self).items() if name != "addresses"}


def check(trees: ObliqueTrees, n_features: int) -> None:
    """Raise ValueError if a walk through the trees could leave them: the compiled loops do not look."""
    shape = trees.threshold.shape
    fit = trees.feature.ndim == 3 and trees.feature.shape[:2] == shape == trees.value.shape
    fit = fit and trees.weight.shape == trees.feature.shape and trees.feature.dtype == np.int32
    if not fit or any(a.dtype != np.float64 for a in (trees.weight, trees.threshold, trees.value)):
        raise ValueError("the arrays of the trees do not fit together")
    whole = shape[1] >= 3 and (shape[1] & (shape[1] + 1)) == 0 and trees.height <= 30
    if not whole or not shape[0] or not ((trees.feature >= 0) & (trees.feature < n_features)).all():
        raise ValueError("a tree leads out of itself")


def grow(X: Matrix, rows: npt.NDArray[np.int64], n_cut: int, height: int, seed: int) -> ObliqueTrees:
    """Grow one tree for each line of `rows`, (n_trees, n_sample), with cuts of `n_cut` features."""
    n_trees, n_sample = rows.shape
    shape = (n_trees, 2 ** (height + 1) - 1)
    feature, weight = np.zeros((*shape, n_cut), np.int32), np.zeros((*shape, n_cut))
    threshold, value = np.empty(shape), np.empty(shape)
    seeds = priorities(np.arange(n_trees), seed ^ 0x0B11)
    scratch, projected = np.empty(n_sample + X.shape[1] + 2 * shape[1], np.int32), np.empty(n_sample)
    for tree in range(n_trees):
        out = (feature[tree], weight[tree], threshold[tree], value[tree])
        columns = np.ascontiguousarray(X[rows[tree]].T)
        if loops.compiled():
            loops.lib.amiss_oblique_grow(
                loops.address(columns), len(columns), n_sample, n_cut, height, int(seeds[tree]),
                *map(loops.address, out), loops.address(scratch), loops.address(projected),
            )  # fmt: skip
        else:
            _grow_one(columns, height, int(seeds[tree]), *out)
    return ObliqueTrees(feature, weight, threshold, value)


def score(X: Matrix, trees: ObliqueTrees, n_jobs: int | None = None) -> Vector:
    """Mean depth at which each row of `X` is isolated."""
    if not loops.compiled():
        return _score(X, trees)
    depth = np.empty(len(X))
    arrays = trees.addresses

    def work(start: int, stop: int) -> None:
        loops.lib.amiss_oblique_score(
            loops.address(X[start:stop]), stop - start, X.shape[1], *arrays, loops.address(depth[start:stop])
        )

    over_blocks(work, len(X), n_jobs)
    return depth


def contribute(X: Matrix, trees: ObliqueTrees, location: Vector) -> Matrix:
    """What each feature takes from the depth of each row; a row's terms sum to the root's value less its depth."""
    out = np.zeros_like(X)
    if not loops.compiled():
        return _contribute(X, trees, location, out)
    loops.lib.amiss_oblique_contribute(
        loops.address(X), *X.shape, *trees.addresses, loops.address(location), loops.address(out)
    )
    return out


# NumPy twins ------------------------------------------------------------------------------------------


def _direction(columns: Matrix, n_cut: int, features: list[int], random: Random) -> tuple[list[int], list[float]]:
    chosen: list[int] = []
    weights: list[float] = []
    for n_left in range(len(features), 0, -1):
        if len(chosen) == n_cut:
            break
        feature = random.pick(features, n_left)
        low, high = float(columns[feature].min()), float(columns[feature].max())
        if high - low > _LEAST:
            chosen.append(feature)
            weights.append((2.0 * random.uniform() - 1.0) / (high - low))
    return chosen, weights


def _project(columns: Matrix, feature: Ints, weight: Vector) -> Vector:
    total = np.zeros(columns.shape[1])
    for j, w in zip(feature, weight, strict=True):
        total += w * columns[j]
    return total


def _grow_one(
    columns: Matrix, height: int, seed: int, feature: Ints, weight: Matrix, threshold: Vector, value: Vector
) -> None:
    random, features = Random(seed), list(range(len(columns)))
    threshold[:] = math.nan
    rows: list[npt.NDArray[np.intp] | None] = [None] * len(value)
    rows[0] = np.arange(columns.shape[1])
    for node in range(len(value)):
        here, depth = rows[node], (node + 1).bit_length() - 1
        if here is None:
            value[node] = value[(node - 1) // 2]
            continue
        value[node] = depth + mean_depth(len(here))
        if len(here) < 2 or depth == height:
            continue
        chosen, weights = _direction(columns[:, here], feature.shape[1], features, random)
        feature[node, : len(chosen)], weight[node, : len(chosen)] = chosen, weights
        z = _project(columns[:, here], feature[node], weight[node])
        if not chosen or not z.min() < z.max():
            continue
        t = between(float(z.min()), float(z.max()), random.uniform())
        threshold[node] = t
        rows[2 * node + 1], rows[2 * node + 2] = here[z < t], here[z >= t]
    weigh(value, threshold, rows)


def _step(
    X: Matrix, trees: ObliqueTrees, tree: int, node: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], Ints, Matrix]:
    feature, weight = trees.feature[tree, node], trees.weight[tree, node]
    x = np.take_along_axis(X, feature.astype(np.intp), axis=1)
    z = np.zeros(len(X))
    for k in range(feature.shape[1]):
        z += weight[:, k] * x[:, k]
    following: npt.NDArray[np.intp] = 2 * node + 1 + (z >= trees.threshold[tree, node])
    return following, feature, weight


def _score(X: Matrix, trees: ObliqueTrees) -> Vector:
    depth = np.zeros(len(X))
    for tree in range(len(trees.value)):
        node = np.zeros(len(X), np.intp)
        for _ in range(trees.height):
            node, _, _ = _step(X, trees, tree, node)
        depth += trees.value[tree, node]
    return depth / len(trees.value)


def _contribute(X: Matrix, trees: ObliqueTrees, location: Vector, out: Matrix) -> Matrix:
    rows = np.arange(len(X))
    for tree in range(len(trees.value)):
        node = np.zeros(len(X), np.intp)
        for _ in range(trees.height):
            following, feature, weight = _step(X, trees, tree, node)
            gain = trees.value[tree, node] - trees.value[tree, following]
            gain[np.isnan(trees.threshold[tree, node])] = 0.0
            gap = np.abs(weight * (np.take_along_axis(X, feature.astype(np.intp), axis=1) - location[feature]))
            whole = np.zeros(len(X))
            for k in range(gap.shape[1]):
                whole += gap[:, k]
            for k in range(gap.shape[1]):
                share = np.divide(gap[:, k], whole, out=np.full(len(X), float(k == 0)), where=whole > 0)
                out[rows, feature[:, k]] += gain * share
            node = following
    out /= len(trees.value)
    return out
