"""The door of every metric: labels and scores, checked once, and runs of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError
from amiss.core.summary import Vector

__all__ = ["Flags", "Rows", "as_flags", "as_scores", "runs"]

Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


def as_flags(values: Any, *, name: str = "labels", n_rows: int | None = None) -> Flags:
    """0/1 or False/True for each row: (n_rows,).

    Raises
    ------
    DataError
        Not one value a row, another length than `n_rows`, or a value that is neither 0 nor 1.
    """
    given = _flat(values, name, n_rows)
    if given.dtype == np.bool_:
        return given
    numbers = _numbers(given, name)
    odd = ~((numbers == 0) | (numbers == 1))
    if odd.any():
        row = int(np.argmax(odd))
        raise DataError(
            f"{name} must be 0 (normal) or 1 (anomaly), here is {given[row]!r}",
            where=f"{name}, {int(odd.sum()):,} of {len(given):,} values, first at row {row}",
            mend="give 1 for each anomalous row and 0 for each other; rows without a verdict have to be left out",
        )
    flags: Flags = numbers == 1
    return flags


def as_scores(values: Any, *, n_rows: int | None = None) -> Vector:
    """A number for each row, higher is more anomalous: (n_rows,); infinite ones rank first or last.

    Raises
    ------
    DataError
        Not one value a row, another length than `n_rows`, or NaN.
    """
    scores = _numbers(_flat(values, "scores", n_rows), "scores")
    missing = np.isnan(scores)
    if missing.any():
        raise DataError(
            "scores contain NaN: such a row has no rank",
            where=f"scores, {int(missing.sum()):,} of {len(scores):,} values, first at row {int(np.argmax(missing))}",
            mend="leave these rows out of labels and scores, or decide what they score (the lowest: never flagged)",
        )
    return scores


def runs(flags: Flags) -> tuple[Rows, Rows]:
    """First and last row, both inside, of each unbroken run of True.

    Examples
    --------
    >>> import numpy as np
    >>> runs(np.array([True, False, True, True]))
    (array([0, 2]), array([0, 3]))
    """
    edges = np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1


def _flat(values: Any, name: str, n_rows: int | None) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise DataError(
            f"{name} must have one value a row, here are {array.ndim} axes",
            where=f"{name} of shape {array.shape}",
            mend="give a single column; score each entity and each series by itself",
        )
    if n_rows is not None and len(array) != n_rows:
        raise DataError(
            f"{name} and labels differ in length",
            where=f"{n_rows:,} labels, {len(array):,} {name}",
            mend="give one value a row to both; a windowed detector has to hand its scores back to the rows",
        )
    if not len(array):
        raise DataError(f"{name} are empty", mend="give at least one row")
    return array


def _numbers(array: npt.NDArray[Any], name: str) -> Vector:
    if array.dtype.kind in "biuf":
        return array.astype(np.float64)
    try:
        return np.array([float(value) for value in array])
    except (TypeError, ValueError):
        odd = next(value for value in array if not _is_number(value))
        raise DataError(
            f"{name} must be numbers, here is {odd!r}", where=f"{name} of type {array.dtype}", mend="convert them first"
        ) from None


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
