"""Limits of a recipe against the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from amiss.core.errors import SchemaError
from amiss.core.frame import Frame
from amiss.core.schema import Schema
from amiss.explain.limits import limit_words
from amiss.prepare.roles import nearest_name
from amiss.thresholds.limits import Bounds, limits_of

__all__ = ["Limits", "check_limits"]


def check_limits(schema: Schema, bounds: Mapping[str, Bounds]) -> None:
    """Raise `SchemaError` if a limit names a column that is not there, or that holds no numbers."""
    roles = {column.name: column.role for column in schema.columns}
    for name in bounds:
        if name not in roles:
            hint = nearest_name(name, list(roles))
            raise SchemaError(
                f"there is no column {name!r}, which has a limit", mend=f"{hint}columns: {', '.join(list(roles)[:30])}"
            )
        if roles[name] in ("category", "time", "entity", "text", "empty"):
            raise SchemaError(
                f"column {name!r} has a limit, but holds no numbers: {roles[name]}",
                mend="limit a column of numbers, or give this one the role 'number'",
            )


class Limits:
    """The limits of a model: which rows are beyond them, and in which words.

    Parameters
    ----------
    bounds
        Lowest and highest value of each column that has a limit, None for none.
    schema
        What each column is.
    """

    def __init__(self, bounds: Mapping[str, Bounds], schema: Schema) -> None:
        self._limits = limits_of(bounds)
        self._column = {column.name: column for column in schema.columns}

    def beyond(self, frame: Frame) -> npt.NDArray[np.bool_]:
        """Which rows of a frame are beyond a limit; a missing value is beyond none.

        Raises
        ------
        SchemaError
            A column that has a limit is not there.
        """
        found = np.zeros(frame.n_rows, np.bool_)
        for limit in self._limits:
            found |= limit.beyond(self._values(frame, limit.column))
        return found

    def sentences(self, frame: Frame) -> list[str]:
        """For each row of a frame which limits it is beyond, in words; "" for none."""
        said: list[list[str]] = [[] for _ in range(frame.n_rows)]
        for limit in self._limits:
            values = self._values(frame, limit.column)
            for row in np.flatnonzero(limit.beyond(values)).tolist():
                said[row].append(limit_words(limit, float(values[row]), self._column[limit.column].decimals))
        return ["; ".join(words) for words in said]

    def broken(self, frame: Frame) -> dict[str, tuple[float, float]]:
        """For each limit that the one row of a frame is beyond, by column: its value, and the nearest one allowed."""
        found = {}
        for limit in self._limits:
            values = self._values(frame, limit.column)
            if limit.beyond(values)[0]:
                value = float(values[0])
                found[limit.column] = (value, float(np.clip(value, limit.low, limit.high)))
        return found

    def _values(self, frame: Frame, name: str) -> npt.NDArray[np.float64]:
        if name not in frame.names:
            raise SchemaError(
                f"column {name!r}, which has a limit, is not there",
                where=f"columns: {', '.join(frame.names[:30])}",
                mend=f"{nearest_name(name, frame.names)}give the columns that the model was fitted on",
            )
        return frame.numbers(name, self._column[name].reading)
