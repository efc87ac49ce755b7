"""What has been learnt from rows, in a form that merges; and the uniform Sample."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from amiss.core.random import priorities

__all__ = ["Matrix", "Sample", "Summary", "Vector"]

Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]


class Summary(Protocol):
    """A summary of rows. Merging is associative and commutative."""

    def merge(self, other: Self) -> Self:
        """The summary of both sets of rows; neither operand is changed."""
        ...


@dataclass(frozen=True)
class Sample:
    """A uniform sample without replacement, kept by the smallest random priorities.

    A row's priority depends on its position and the seed alone, so the sample of
    a whole is the same however the whole was cut into chunks.

    Attributes
    ----------
    kept : (n_kept, n_features)
        The rows kept, in any order.
    priority : (n_kept,)
        Their priorities.
    n_rows
        Number of rows seen.
    capacity
        Number of rows kept at most; None keeps all.
    in_order
        Whether they stand by ascending priority.
    """

    kept: Matrix
    priority: npt.NDArray[np.uint64]
    n_rows: int
    capacity: int | None
    in_order: bool = True

    @cached_property
    def rows(self) -> Matrix:
        """The rows kept, in order of priority: any leading part is a uniform sample too."""
        return self._first(len(self.priority))

    def head(self, n_rows: int) -> Matrix:
        """The first of `rows`, which are a uniform sample; cheaper than all in order."""
        return self._first(min(n_rows, len(self.priority)))

    def places(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where in `kept` those rows stand that `rows` has at `positions`."""
        return positions if self.in_order else _smallest(self.priority, None)[positions]

    def _first(self, n_rows: int) -> Matrix:
        return self.kept[:n_rows] if self.in_order else self.kept[_smallest(self.priority, n_rows)]

    @classmethod
    def of(
        cls, X: Matrix, *, capacity: int | None, seed: int = 0, positions: npt.NDArray[np.int64] | None = None
    ) -> Sample:
        """Sample `X`, whose rows stand at `positions` of the whole (by default 0, 1, 2 …)."""
        priority = priorities(np.arange(len(X)) if positions is None else positions, seed)
        if capacity is None or len(X) <= capacity:
            # All are kept: nothing is copied or put in order before someone asks for it.
            return cls(X, priority, len(X), capacity, in_order=False)
        keep = _smallest(priority, capacity)
        return cls(X[keep], priority[keep], len(X), capacity)

    def merge(self, other: Sample) -> Sample:
        """The sample of both sets of rows."""
        mine, theirs = self._candidates(other), other._candidates(self)
        priority = np.concatenate([self.priority[mine], other.priority[theirs]])
        rows = np.concatenate([self.kept[mine], other.kept[theirs]])
        keep = _smallest(priority, self.capacity)
        return Sample(rows[keep], priority[keep], self.n_rows + other.n_rows, self.capacity)

    def _candidates(self, other: Sample) -> slice | npt.NDArray[np.bool_]:
        """The rows that can still be kept beside `other`."""
        if other.capacity is None or len(other.priority) < other.capacity:
            return slice(None)
        highest = other.priority[-1] if other.in_order else other.priority.max()
        if self.in_order:
            return slice(int(np.searchsorted(self.priority, highest)))
        within: npt.NDArray[np.bool_] = self.priority < highest
        return within


def _smallest(priority: npt.NDArray[np.uint64], capacity: int | None) -> npt.NDArray[np.intp]:
    if capacity is not None and len(priority) > capacity:
        candidates = np.argpartition(priority, capacity)[:capacity]
        return candidates[np.argsort(priority[candidates])]
    return np.argsort(priority, kind="stable")
