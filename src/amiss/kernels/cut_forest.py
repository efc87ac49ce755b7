"""Random cut forests over a stream: the compiled loops and their NumPy twins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.kernels import loops
from amiss.kernels.cut_forest_twin import Entity

__all__ = ["STATE", "CutForest", "begun"]

Ints = npt.NDArray[np.int64]
Smalls = npt.NDArray[np.int32]
STATE = (
    "counts", "last", "level", "spread", "changes", "recent", "heads", "key", "holder", "spare", "parent", "node",
    "box", "point",
)  # fmt: skip


def begun(n_entities: int, n_features: int, shingle: int, n_trees: int, capacity: int, seed: int) -> dict[str, Any]:
    """The arrays of `STATE` before the first row; see `cut_forest.h`."""
    trees, width = (n_entities, n_trees), -(-n_features * shingle // 4) * 4
    state: dict[str, Any] = {
        "counts": np.zeros((n_entities, 2), np.int64),
        **{name: np.zeros((n_entities, n_features)) for name in ("last", "level", "spread", "changes")},
        "recent": np.zeros((n_entities, shingle, n_features)),
        "heads": np.zeros((*trees, 3), np.int32),
        "key": np.zeros((*trees, capacity)),
        "holder": np.zeros((*trees, capacity), np.int32),
        "spare": np.empty((*trees, 2, capacity), np.int32),
        "parent": np.zeros((*trees, 2 * capacity), np.int32),
        "node": np.zeros((*trees, 2 * capacity, 4), np.int32),
        "box": np.zeros((*trees, capacity, 2 * width + 4)),
        "point": np.zeros((*trees, capacity, width)),
    }
    state["counts"][:, 1] = seed
    state["last"][:] = np.nan
    state["heads"][..., 0] = -1
    state["spare"][:] = np.arange(2 * capacity).reshape(2, capacity)
    return state


@dataclass(frozen=True)
class CutForest:
    """The forests of all entities, in arrays that `advance` writes to; see `cut_forest.h` for the meaning of each."""

    counts: Ints
    last: Matrix
    level: Matrix
    spread: Matrix
    changes: Matrix
    recent: Matrix
    heads: Smalls
    key: Matrix
    holder: Smalls
    spare: Smalls
    parent: Smalls
    node: Smalls
    box: Matrix
    point: Matrix
    half_life: float
    sure: float

    def advance(self, X: Matrix, entity: Ints | None, scores: Vector | None, terms: Matrix | None) -> bool:
        """Learn rows in their order, each after it has been scored and told apart into `scores` and `terms`.

        False, and nothing is done, where a value is infinite.
        """
        if loops.lib is not None:
            done = loops.lib.amiss_cut_forest_advance(self._record[0], *_pointers(X, entity, scores, terms))
            return bool(done)
        if np.isinf(X).any():
            return False
        for i in range(len(X)):
            one = self._entity(0 if entity is None else int(entity[i]))
            if scores is not None or terms is not None:
                one.score(i, X[i], scores, terms)
            one.learn(X[i])
        return True

    def score(self, X: Matrix, entity: Ints | None, scores: Vector | None, terms: Matrix | None) -> None:
        """The same of rows each of which would come next, and nothing is learnt."""
        if loops.compiled():
            loops.lib.amiss_cut_forest_score(self._record[0], *_pointers(X, entity, scores, terms))
            return
        for i in range(len(X)):
            self._entity(0 if entity is None else int(entity[i])).score(i, X[i], scores, terms)

    def _entity(self, who: int) -> Entity:
        arrays = {name: getattr(self, name)[who] for name in STATE}
        return Entity(arrays, self._logs, math.log(2.0) / self.half_life, self.sure)

    def check(self) -> None:
        """Raise ValueError if a walk through the trees could leave them: the compiled loops do not look."""
        n, d = self.last.shape if self.last.ndim == 2 else (0, 0)
        shape = (self.recent.shape[1], *self.point.shape[1:3]) if self.recent.ndim == self.point.ndim - 1 == 3 else ()
        if not n or not d or len(shape) != 3 or min(shape) < 1:
            raise ValueError("the arrays of the cut forest do not fit together")
        right = begun(n, d, *shape, 0)
        held = {name: getattr(self, name) for name in STATE}
        if any(held[name].shape != like.shape or held[name].dtype != like.dtype for name, like in right.items()):
            raise ValueError("the arrays of the cut forest do not fit together")
        if (self.counts[:, 0] < 0).any() or not all(self._entity(who).is_sound() for who in range(n)):
            raise ValueError("a tree of the cut forest leads out of itself")

    @cached_property
    def _record(self) -> tuple[Any, ...]:
        """What the compiled loops ask for, and what of it only the record points to."""
        _, n_trees, capacity, width = self.point.shape
        own = (self._logs, np.empty(3 * width + 2 * capacity), np.empty(8 * capacity, np.int32))
        fading = math.log(2.0) / self.half_life
        numbers = (self.last.shape[1], self.recent.shape[1], width, n_trees, capacity, fading, self.sure)
        arrays = (getattr(self, name) for name in STATE)
        return loops.record("amiss_cut_forest", *numbers, *arrays, *own), own

    @cached_property
    def _logs(self) -> Vector:
        return np.array([0.0, *(math.log2(n) for n in range(1, self.point.shape[2] + 2))])

    def __getstate__(self) -> dict[str, Any]:
        # Addresses hold in one process only.
        return {name: value for name, value in vars(self).items() if name != "_record"}


def _pointers(X: Matrix, entity: Ints | None, scores: Vector | None, terms: Matrix | None) -> tuple[Any, ...]:
    who = loops.nothing() if entity is None else loops.address(entity)
    return loops.doubles(X), len(X), who, loops.doubles(scores), loops.doubles(terms)
