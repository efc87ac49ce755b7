"""Sequential detectors whose rows are scored, told apart and learnt by one call of a loop."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Context, SequentialDetector
from amiss.core.errors import DataError
from amiss.core.summary import Matrix, Vector

__all__ = ["Loop", "OnePassDetector"]

Entities = npt.NDArray[np.int64]
_NUMBERS = np.dtype(np.float64)


class Loop(Protocol):
    """The state of all entities in arrays, and what is done with rows; None as their entity is the first for all."""

    def advance(self, X: Matrix, entity: Entities | None, scores: Vector | None, terms: Matrix | None) -> bool:
        """Learn rows in their order; write their scores and contributions, as they were before, where asked for.

        False, and nothing is done, where a value is infinite.
        """
        ...

    def score(self, X: Matrix, entity: Entities | None, scores: Vector | None, terms: Matrix | None) -> None:
        """The same, and nothing is learnt."""
        ...

    def check(self) -> None:
        """Raise ValueError if the arrays do not fit together."""
        ...


class OnePassDetector(SequentialDetector):
    """A sequential detector with reasons, made of a `Loop`.

    A subclass names its arrays in `arrays`, makes them in `_begun` and the loop of them in `_loop_of`. Room for
    entities doubles when it is full, so that entities that come one by one do not copy all each time.
    """

    arrays: ClassVar[tuple[str, ...]] = ()
    _loop: Loop
    _lean_features: int = -1

    def score_partial_fit(self, X: Any, *, context: Context | None = None) -> Vector:
        """Score each row before it is learnt, then learn it; begins with the first row where nothing is fitted."""
        if context is None and self._is_lean(X):
            scores = np.empty(len(X))
            if self._loop.advance(X, None, scores, None):
                return scores
        return self._come(X, context, None)

    def explain_partial_fit(self, X: Any, *, context: Context | None = None) -> tuple[Vector, Matrix]:
        """`score_partial_fit`, and the contributions of the rows at that moment: (n_rows,), (n_rows, n_features)."""
        if context is None and self._is_lean(X):
            scores, terms = np.empty(len(X)), np.empty(X.shape)
            if self._loop.advance(X, None, scores, terms):
                return scores, terms
        terms = np.empty(np.shape(X))
        return self._come(X, context, terms), terms

    def contributions(self, X: Any, *, context: Context | None = None) -> Matrix:
        """How much each feature adds to the score of each row, (n_rows, n_features)."""
        self._check_fitted()
        return self.contribute_rows(self._door(X), context)

    def contribute_rows(self, X: Matrix, context: Context | None = None) -> Matrix:
        """`contributions` for a matrix known to be valid."""
        terms = np.empty(X.shape)
        self._loop.score(X, self._known(context, len(X)), None, terms)
        return terms

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`; ValueError if its arrays do not fit together."""
        super().restore(state)
        self._take(self._held())
        self._loop.check()
        if not 1 <= self.n_entities_ <= len(self._held()[self.arrays[0]]):
            raise ValueError("the number of entities does not fit the arrays")
        return self

    def _is_lean(self, X: Any) -> bool:
        """Whether rows need no look but that of the loop: what is not plain, or a first row, takes the long way."""
        return (
            type(X) is np.ndarray
            and X.dtype is _NUMBERS
            and X.ndim == 2
            and X.shape[1] == self._lean_features
            and X.flags.c_contiguous
            and len(X) > 0
        )

    def _come(self, X: Any, context: Context | None, terms: Matrix | None) -> Vector:
        first = not self.__sklearn_is_fitted__()
        if first:
            self._check_parameters()
        valid = self._door(X, learning=first)
        if first:
            self.n_entities_ = 0
            self._grow(1)
            self.n_entities_ = 1
        # First the room for new entities: with it comes another loop.
        entity, scores = self._known(context, len(valid), grow=True), np.empty(len(valid))
        self._loop.advance(valid, entity, scores, terms)
        if first:
            self.offset_ = -float(scores.max())
        return scores

    def _known(self, context: Context | None, n_rows: int, *, grow: bool = False) -> Entities | None:
        """Entity of each row, for the loop, which does not look whether there is such a one."""
        if context is None or context.entity is None:
            return None
        entity = np.ascontiguousarray(context.entity, dtype=np.int64)
        if entity.shape != (n_rows,) or (n_rows and entity.min() < 0):
            raise DataError("the entities do not fit the rows", mend="give one number from 0 on for each row")
        needed = int(entity.max()) + 1 if n_rows else 0
        if needed > self.n_entities_ and not grow:
            raise DataError(f"entity {needed - 1} is not known", mend=f"give one of the {self.n_entities_} learnt")
        if needed > self.n_entities_:
            self._grow(needed)
            self.n_entities_ = needed
        return entity

    def _grow(self, n_entities: int) -> None:
        if self.n_entities_ == 0:
            held = self._begun(n_entities)
        else:
            held = self._held()
            room = len(held[self.arrays[0]])
            if n_entities <= room:
                return
            more = self._begun(max(n_entities, 2 * room) - room)
            held = {name: np.concatenate([held[name], more[name]]) for name in self.arrays}
        for name in self.arrays:
            setattr(self, f"{name}_", held[name])
        self._take(held)

    def _take(self, held: Mapping[str, Any]) -> None:
        self._loop = self._loop_of(held)
        # Names of columns are looked at the long way.
        self._lean_features = -1 if "feature_names_in_" in vars(self) else self.n_features_in_

    def _held(self) -> dict[str, Any]:
        return {name: getattr(self, f"{name}_") for name in self.arrays}

    def _update(self, X: Matrix, entity: Entities, context: Context | None) -> None:
        self._loop.advance(X, self._known(context, len(X)), None, None)

    def _score_in(self, X: Matrix, context: Context | None) -> Vector:
        scores = np.empty(len(X))
        self._loop.score(X, self._known(context, len(X)), scores, None)
        return scores

    @abstractmethod
    def _begun(self, n_entities: int) -> dict[str, Any]:
        """The arrays before the first row, by name, with a line for each entity."""

    @abstractmethod
    def _loop_of(self, held: Mapping[str, Any]) -> Loop: ...
