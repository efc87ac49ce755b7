"""Half-space trees over a stream: the compiled loops and their NumPy twins."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.kernels import loops
from amiss.kernels.forest import Random

__all__ = ["STATE", "HalfSpaces", "begun", "most_nodes"]

Ints = npt.NDArray[np.int64]
STATE = ("counts", "recent", "node", "value")
_SEEN, _BUILT, _LEVELS = range(3)
_FIRST_ROWS, _TRIMMED = 16, 32
_STEP = 0xD1B54A32D192ED03
_MASK = 0xFFFFFFFFFFFFFFFF


def most_nodes(height: int, share: float) -> int:
    """Nodes that a tree can have: on no level do more than 1 / share of them hold so many rows."""
    return 1 + 2 * sum(min(1 << level, math.floor(1 / share)) for level in range(height))


def begun(n_entities: int, n_features: int, n_trees: int, window: int, height: int, share: float) -> dict[str, Any]:
    """The arrays of `STATE` before the first row; see `halfspace.h`."""
    shape = (n_entities, n_trees, most_nodes(height, share))
    node = np.zeros((*shape, 4), np.int32)
    node[..., 1] = np.arange(shape[2])
    node.view(np.float64)[..., 1] = np.nan
    return {
        "counts": np.zeros((n_entities, 3), np.int64),
        "recent": np.zeros((n_entities, window, n_features)),
        "node": node,
        "value": np.zeros(shape),
    }


@dataclass(frozen=True)
class HalfSpaces:
    """The trees of all entities, in arrays that `advance` writes to; see `halfspace.h` for the meaning of each."""

    counts: Ints
    recent: Matrix
    node: npt.NDArray[np.int32]
    value: Matrix
    height: int
    share: float
    seed: int

    def advance(self, X: Matrix, entity: Ints | None, scores: Vector | None, terms: Matrix | None) -> bool:
        """Learn rows in their order, each after it has been scored and told apart into `scores` and `terms`.

        False, and nothing is done, where a value is infinite.
        """
        if loops.lib is not None:
            done = loops.lib.amiss_halfspace_advance(self._record[0], *_pointers(X, entity, scores, terms))
            return bool(done)
        if np.isinf(X).any():
            return False
        for i in range(len(X)):
            self._score_row(i, X, entity, scores, terms)
            self._learn_row(X[i], 0 if entity is None else int(entity[i]))
        return True

    def score(self, X: Matrix, entity: Ints | None, scores: Vector | None, terms: Matrix | None) -> None:
        """The same, and nothing is learnt."""
        if not loops.compiled():
            for i in range(len(X)):
                self._score_row(i, X, entity, scores, terms)
            return
        loops.lib.amiss_halfspace_score(self._record[0], *_pointers(X, entity, scores, terms))

    @cached_property
    def _record(self) -> tuple[Any, ...]:
        """What the compiled loops ask for, and the scratch that it points to."""
        _, window, d = self.recent.shape
        scratch = (np.empty(2 * window), np.empty(4 * d), np.empty(window + 2 * d, np.int32))
        numbers = (d, *self.value.shape[1:], window, self.height, self.share, self.seed)
        arrays = (getattr(self, name) for name in STATE)
        return loops.record("amiss_halfspace", *numbers, *arrays, *scratch), scratch

    def __getstate__(self) -> dict[str, Any]:
        # Addresses hold in one process only.
        return {name: value for name, value in vars(self).items() if name != "_record"}

    def check(self) -> None:
        """Raise ValueError if a walk through the trees could leave them: the compiled loops do not look."""
        n, n_trees, n_nodes = self.value.shape if self.value.ndim == 3 else (0, 0, 0)
        kinds = ("int64", "float64", "int32", "float64")
        fit = all(getattr(self, name).dtype == kind for name, kind in zip(STATE, kinds, strict=True))
        fit = fit and self.node.shape == (n, n_trees, n_nodes, 4) and self.counts.shape == (n, 3)
        fit = fit and self.recent.ndim == 3 and len(self.recent) == n and n_nodes == most_nodes(self.height, self.share)
        if not fit or (self.counts < 0).any() or (self.counts[:, _LEVELS] > self.height).any():
            raise ValueError("the arrays of the half-space trees do not fit together")
        split, child, threshold = self._asked
        leaf, own, inside = np.isnan(threshold), np.arange(n_nodes), (split >= 0) & (split < 2 * self.recent.shape[2])
        led = np.where(leaf, (child == own) & (split % 2 == 0), (child > own) & (child < n_nodes - 1))
        if not (inside & led).all():
            raise ValueError("a half-space tree leads out of itself")

    @property
    def _asked(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], Matrix]:
        """Features and sides, children, and thresholds of all nodes."""
        return self.node[..., 0], self.node[..., 1], self.node.view(np.float64)[..., 1]

    # NumPy twins --------------------------------------------------------------------------------------

    def _score_row(self, i: int, X: Matrix, entity: Ints | None, scores: Vector | None, terms: Matrix | None) -> None:
        who = 0 if entity is None else int(entity[i])
        added, total, leaves = [0.0] * X.shape[1], 0.0, 0.0
        n_trees = self.value.shape[1]
        for tree in range(n_trees) if self.counts[who, _BUILT] else ():
            node = 0
            for feature, following in self._way(who, tree, X[i]):
                if not math.isnan(X[i, feature]):
                    change = float(self.value[who, tree, following]) - float(self.value[who, tree, node])
                    added[feature] += change
                    total += change
                node = following
            leaves += float(self.value[who, tree, node])
        if scores is not None:
            scores[i] = (total if np.isnan(X[i]).any() else leaves) / n_trees
        if terms is not None:
            terms[i] = np.array(added) / n_trees

    def _way(self, who: int, tree: int, x: Vector) -> Iterator[tuple[int, int]]:
        """Features asked on the way of a row, and the nodes that it comes to."""
        split, child, threshold = (each[who, tree] for each in self._asked)
        node = 0
        while not math.isnan(threshold[node]):
            feature, high_if_missing = divmod(int(split[node]), 2)
            value = float(x[feature])
            node = int(child[node]) + int(value >= threshold[node] or (math.isnan(value) and high_if_missing == 1))
            yield feature, node

    def _learn_row(self, x: Vector, who: int) -> None:
        window = self.recent.shape[1]
        seen = int(self.counts[who, _SEEN])
        self.recent[who, seen % window] = x
        self.counts[who, _SEEN] = seen = seen + 1
        early = seen < window and seen >= _FIRST_ROWS and seen & (seen - 1) == 0
        if early or seen % window == 0:
            self._plant(who, min(seen, window))

    def _plant(self, who: int, n: int) -> None:
        rows = self.recent[who, :n]
        low, high, features = _ranges(rows)
        tallest = 0
        for tree in range(self.value.shape[1]):
            random = Random((self.seed + tree * _STEP) & _MASK)
            bounds = [low.copy(), high.copy()]
            for j in features:
                u = random.uniform()
                reach, wide = 2.0 * max(u, 1.0 - u), high[j] - low[j]
                bounds[0][j], bounds[1][j] = low[j] + (u - reach) * wide, low[j] + (u + reach) * wide
            out = tuple(each[who, tree] for each in (*self._asked, self.value))
            growing = _Growing(rows, features, bounds[0], bounds[1], random, out, self.height, self.share)
            growing.grow(0, np.arange(n), 0)
            tallest = max(tallest, growing.tallest)
        self.counts[who, _BUILT:] = n, tallest


def _pointers(X: Matrix, entity: Ints | None, scores: Vector | None, terms: Matrix | None) -> tuple[Any, ...]:
    who = loops.nothing() if entity is None else loops.address(entity)
    return loops.doubles(X), len(X), who, loops.doubles(scores), loops.doubles(terms)


def _ranges(rows: Matrix) -> tuple[Vector, Vector, list[int]]:
    """Lowest and highest value of each feature without the most extreme ones, and the features that vary."""
    low, high = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    for j, column in enumerate(rows.T):
        present = np.sort(column[~np.isnan(column)])
        cut = len(present) // _TRIMMED + 1
        if len(present) > 2 * cut:
            low[j], high[j] = present[cut], present[len(present) - 1 - cut]
    return low, high, np.flatnonzero(low < high).tolist()


class _Growing:
    """One tree on its way."""

    def __init__(
        self, rows: Matrix, features: list[int], low: Vector, high: Vector, random: Random,
        out: tuple[npt.NDArray[Any], ...], height: int, share: float,
    ) -> None:  # fmt: skip
        self.rows, self.features, self.low, self.high, self.random = rows, features, low, high, random
        self.split, self.child, self.threshold, self.value = out
        self.height, self.fewest = height, max(math.ceil(share * len(rows)), 2)
        self.n_used, self.tallest = 1, 0

    def grow(self, node: int, here: npt.NDArray[np.intp], depth: int) -> None:
        """The node that holds the rows `here`, and those below."""
        self.value[node] = -math.log2((len(here) + 0.5) / (len(self.rows) + 0.5)) - depth
        self.split[node], self.child[node], self.threshold[node] = 0, node, math.nan
        self.tallest = max(self.tallest, depth)
        if len(here) < self.fewest or depth == self.height or not self.features:
            return
        feature = self.features[self.random.next() % len(self.features)]
        low, high = float(self.low[feature]), float(self.high[feature])
        middle = low + 0.5 * (high - low)
        if not low < middle < high:
            return
        column = self.rows[here, feature]
        missing_high = int((column >= middle).sum() > (column < middle).sum())
        goes_low = np.where(np.isnan(column), not missing_high, column < middle)
        following = self.n_used
        self.n_used += 2
        self.split[node], self.child[node], self.threshold[node] = 2 * feature + missing_high, following, middle
        self.high[feature] = middle
        self.grow(following, here[goes_low], depth + 1)
        self.high[feature], self.low[feature] = high, middle
        self.grow(following + 1, here[~goes_low], depth + 1)
        self.low[feature] = low
