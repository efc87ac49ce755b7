"""The Judge contract: what is said of rows as they come, and what it knows at any moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Contribution
from amiss.core.summary import Matrix, Vector
from amiss.stream.readings import Readings

__all__ = ["Batch", "Cause", "Judge", "Judgement"]

Mask = npt.NDArray[np.bool_]
_MOST_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows to be judged together, in an order in which none goes back.

    Attributes
    ----------
    readings
        As decoded.
    X : (n_rows, n_columns)
        The columns judged, as numbers, NaN where missing.
    codes : (n_rows,)
        Number of each row's entity.
    names
        Of the entities.
    columns
        Of the columns judged.
    """

    readings: Readings
    X: Matrix
    codes: npt.NDArray[np.int64]
    names: Sequence[str]
    columns: Sequence[str]


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a row is odd.

    Attributes
    ----------
    reason
        One sentence.
    values, usual
        By column to blame, the worst first: the value there, and what is usual.
    """

    reason: str
    values: dict[str, Any]
    usual: dict[str, str]

    @classmethod
    def told(cls, reason: str, columns: Sequence[Contribution]) -> Cause:
        """A model's reason and the first of its columns."""
        few = columns[:_MOST_COLUMNS]
        return cls(reason, {c.column: c.value for c in few}, {c.column: c.usual for c in few})


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said of rows.

    Attributes
    ----------
    scores, p_values : (n_rows,)
        Higher is more anomalous; and the p-value of the null "this row is normal".
    is_anomaly, lasting : (n_rows,)
        Whether it is an alarm; and whether it is odd enough for an event to go on.
    cause
        Why the row at a position is odd; to be asked before the next rows are judged.
    drifts
        Positions of rows at which what is usual was found to have moved for good, ascending, and how.
    """

    scores: Vector
    p_values: Vector
    is_anomaly: Mask
    lasting: Mask
    cause: Callable[[int], Cause]
    drifts: tuple[tuple[int, Cause], ...] = ()


class Judge(Protocol):
    """Judges rows as they come, and may learn from them.

    What it says does not depend on how the stream is cut into batches.

    Attributes
    ----------
    columns
        Names of the columns it judges; empty before the first rows, where it learns them from these.
    """

    columns: list[str]

    def begin(self, columns: list[str]) -> None:
        """Take these columns, where it has none."""
        ...

    def advance(self, batch: Batch) -> Judgement:
        """Judge rows, then learn from them where it learns."""
        ...

    def forget(self, codes: npt.NDArray[np.int64], names: Sequence[str]) -> None:
        """Unlearn entities that have gone, by their numbers and names, so that others can have the numbers."""
        ...

    def readiness(self) -> float:
        """How much of what it needs before it can judge it has seen, in [0, 1]."""
        ...

    def state(self) -> dict[str, Any]:
        """All that it knows and that its model file does not hold: arrays, numbers, words."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a `state`; ValueError if its parts do not fit together."""
        ...
