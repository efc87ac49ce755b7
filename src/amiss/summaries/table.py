"""What a first reading of a table gathers: exact counts by column, and a uniform sample of whole rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.frame import Frame
from amiss.core.random import priorities

__all__ = ["ColumnCounts", "TableSummary"]

_MOST_KINDS = 20_000


@dataclass(frozen=True, slots=True)
class ColumnCounts:
    """Exact facts about a column.

    Attributes
    ----------
    kind
        As `Frame.kind`; "mixed" where chunks differ.
    n_missing, n_infinite
        Rows without a value, and with an infinite one.
    lowest, highest
        Extreme values as text, None where all are missing: equal for a constant column.
    kinds
        How often each word occurs in a column of text; None for other columns, and beyond 20,000 different words.
    ends
        Extreme finite values of a column of numbers; None for others, and where there is none.
    """

    kind: str
    n_missing: int
    n_infinite: int
    lowest: str | None
    highest: str | None
    kinds: dict[str, int] | None = None
    ends: tuple[float, float] | None = None

    @classmethod
    def of(cls, frame: Frame, name: str) -> ColumnCounts:
        """Counts of one column of a frame."""
        column, kind = frame.table[name], frame.kind(name)
        n_missing = int(frame.missing(name).sum())
        n_infinite = int(column.is_infinite().sum()) if column.dtype.is_float() else 0
        lowest = highest = None
        if n_missing < frame.n_rows and kind != "nested":
            present = column.drop_nulls()
            present = present.drop_nans() if column.dtype.is_float() else present
            lowest, highest = str(present.min()), str(present.max())
        elif n_missing < frame.n_rows:
            lowest, highest = "", "nested"
        kinds = frame.counts(name) if kind in ("text", "bool") and lowest is not None else None
        kind = "empty" if lowest is None else kind
        ends = frame.ends(name) if kind == "number" else None
        return cls(kind, n_missing, n_infinite, lowest, highest, None if kinds is None else _bounded(kinds), ends)

    def merge(self, other: ColumnCounts) -> ColumnCounts:
        """Counts over both sets of rows."""
        kinds = {self.kind, other.kind} - {"empty"}
        kind = "mixed" if len(kinds) > 1 else (kinds.pop() if kinds else "empty")
        ends = [v for v in (self.lowest, self.highest, other.lowest, other.highest) if v is not None]
        # Only whether the two ends differ is asked for, so the order of text serves numbers too.
        low, high = (min(ends), max(ends)) if ends else (None, None)
        return ColumnCounts(
            kind,
            self.n_missing + other.n_missing,
            self.n_infinite + other.n_infinite,
            low,
            high,
            self._merged_kinds(other),
            _outer(self.ends, other.ends),
        )

    def _merged_kinds(self, other: ColumnCounts) -> dict[str, int] | None:
        mine = {} if self.kind == "empty" else self.kinds
        theirs = {} if other.kind == "empty" else other.kinds
        if mine is None or theirs is None:
            return None
        both = dict(mine)
        for word, n in theirs.items():
            both[word] = both.get(word, 0) + n
        return _bounded(both)

    @property
    def constant(self) -> bool:
        """Whether all values that are there are one value."""
        return self.lowest == self.highest


def _outer(a: tuple[float, float] | None, b: tuple[float, float] | None) -> tuple[float, float] | None:
    return a or b if a is None or b is None else (min(a[0], b[0]), max(a[1], b[1]))


def _bounded(kinds: dict[str, int]) -> dict[str, int] | None:
    return kinds if len(kinds) <= _MOST_KINDS else None


@dataclass(frozen=True, slots=True)
class TableSummary:
    """Counts of all columns, and a uniform sample of rows in their order of reading.

    Attributes
    ----------
    n_rows
        Rows seen.
    columns
        Counts by name.
    sample
        The rows kept.
    position : (n_kept,)
        Where each stands in the whole.
    capacity
        Rows kept at most.
    """

    n_rows: int
    columns: dict[str, ColumnCounts]
    sample: Frame
    position: npt.NDArray[np.int64]
    capacity: int

    @classmethod
    def of(cls, frame: Frame, *, capacity: int) -> TableSummary:
        """Summary of one batch."""
        columns = {name: ColumnCounts.of(frame, name) for name in frame.names}
        position = np.arange(frame.first_row, frame.first_row + frame.n_rows)
        keep = _keep(position, capacity)
        sample = frame if len(keep) == frame.n_rows else frame.rows(keep)
        return cls(frame.n_rows, columns, Frame(sample.table), position[keep], capacity)

    def merge(self, other: TableSummary) -> TableSummary:
        """Summary of both sets of rows."""
        columns = {name: self.columns[name].merge(other.columns[name]) for name in self.columns}
        table = self.sample.table.vstack(other.sample.table)
        position = np.concatenate([self.position, other.position])
        keep = _keep(position, self.capacity)
        if len(keep) < len(position):
            table, position = table[keep.tolist()], position[keep]
        return TableSummary(self.n_rows + other.n_rows, columns, Frame(table), position, self.capacity)


def _keep(position: npt.NDArray[np.int64], capacity: int) -> npt.NDArray[np.intp]:
    if len(position) <= capacity:
        return np.arange(len(position))
    return np.sort(np.argpartition(priorities(position, 0), capacity)[:capacity])
