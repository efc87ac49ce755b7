"""Readings: rows as they came off a stream, decoded and not yet judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.frame import Frame
from amiss.core.summary import Matrix, Vector
from amiss.stream.moments import flat_numbers

__all__ = ["Readings", "Refused", "as_numbers"]


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that cannot be read, or must not be judged.

    Attributes
    ----------
    body
        As it came.
    reason
        Why, in a few words that are the same for all of its kind.
    topic
        Where it came from.
    """

    body: bytes
    reason: str
    topic: str


@dataclass(frozen=True, slots=True)
class Readings:
    """Rows in the order in which they came.

    Attributes
    ----------
    entities
        Of each row; None throughout where the stream has none.
    times : (n_rows,)
        Seconds since 1970-01-01 UTC; NaN where a row has no time.
    columns
        Values by column, each as long as there are rows: numbers, words, or None where missing.
    refused
        What could not be read.
    """

    entities: Sequence[str] | None
    times: Vector
    columns: dict[str, list[Any]]
    refused: list[Refused]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.times)

    def matrix(self, names: Sequence[str]) -> tuple[Matrix, int]:
        """Columns as numbers, (n_rows, n_columns), NaN where missing; and how many values are no numbers."""
        X, n_odd = np.full((self.n_rows, len(names)), np.nan), 0
        for j, name in enumerate(names):
            if name in self.columns:
                X[:, j], odd = as_numbers(self.columns[name])
                n_odd += odd
        return X, n_odd

    def frame(self, names: Sequence[str], time: str | None, entity: str | None) -> Frame:
        """The rows as a table with these columns, what is not there empty; the time and the entity by those names."""
        import polars as pl

        table: dict[str, Any] = {}
        for name in names:
            if name == time:
                table[name] = pl.Series(name, self.times * 1e6).cast(pl.Int64, strict=False).cast(
                    pl.Datetime("us", "UTC")
                )  # fmt: skip
            elif name == entity and self.entities is not None:
                table[name] = pl.Series(name, self.entities, dtype=pl.String)
            else:
                table[name] = _series(name, self.columns.get(name, [None] * self.n_rows))
        return Frame(pl.DataFrame(table))

    def at(self, rows: npt.NDArray[np.intp]) -> Readings:
        """Some of the rows, in this order."""
        which = rows.tolist()
        entities = None if self.entities is None else [self.entities[i] for i in which]
        columns = {name: [values[i] for i in which] for name, values in self.columns.items()}
        return Readings(entities, self.times[rows], columns, self.refused)


def as_numbers(values: Sequence[Any]) -> tuple[Vector, int]:
    """Values as float64, NaN where missing or infinite; and how many are no numbers."""
    try:
        x, odd = flat_numbers(values), 0
    except (TypeError, ValueError, OverflowError):
        x, odd = np.full(len(values), np.nan), 0
        for i, value in enumerate(values):
            number = _number(value)
            if number is not None:
                x[i] = number
            elif value is not None and value != "":
                odd += 1
    x[np.isinf(x)] = np.nan
    return x, odd


def _number(value: Any) -> float | None:
    if isinstance(value, (list, dict)):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _series(name: str, values: list[Any]) -> Any:
    """A column of a table: numbers where all are, else words."""
    import polars as pl

    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        return pl.Series(name, [None if v is None else str(v) for v in values], dtype=pl.String)
