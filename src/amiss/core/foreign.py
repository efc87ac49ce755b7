"""Tables of other libraries, arrays and mappings as polars frames."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError
from amiss.core.written import time_reading

if TYPE_CHECKING:
    import polars as pl

__all__ = ["as_table", "column_names", "from_array", "from_columns", "from_foreign"]

_LOOKED_AT = 100


def column_names(raw: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Names that are all there and all different, and a note for each that had to be changed."""
    names: list[str] = []
    notes: list[str] = []
    taken = {str(name) for name in raw}
    seen: set[str] = set()
    for place, given in enumerate(raw, start=1):
        name = str(given).strip()
        if not name:
            name = f"column_{place}"
            notes.append(f"column {place} has no name; called {name!r}")
        if name in seen:
            number = 2
            while f"{name}_{number}" in seen | taken:
                number += 1
            notes.append(f"column {place} is called {name!r} like another; renamed {name}_{number!s}")
            name = f"{name}_{number}"
        seen.add(name)
        names.append(name)
    return names, notes


def from_array(array: npt.NDArray[Any]) -> pl.DataFrame:
    """An array of one or two dimensions, columns named by number; DataError if it is none."""
    import polars as pl

    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise DataError(
            f"the array has {array.ndim} dimensions, a table has 2", mend="give one row for each observation"
        )
    names = [f"column_{j + 1}" for j in range(array.shape[1])]
    if array.dtype.kind in "biuf":
        return pl.DataFrame({name: array[:, j] for j, name in enumerate(names)})
    if array.dtype.kind == "c":
        raise DataError("the array holds complex numbers", mend="give real and imaginary parts as columns")
    return from_columns({name: array[:, j].tolist() for j, name in enumerate(names)})


def from_columns(columns: Mapping[str, Any]) -> pl.DataFrame:
    """Columns by name; DataError if they are not as long as one another."""
    import polars as pl

    for name, values in columns.items():
        if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
            raise DataError(
                f"column {name!r} is a single value of type {type(values).__name__}", mend="give a value for each row"
            )
    made = {name: _series(name, values) for name, values in columns.items()}
    lengths = {len(series) for series in made.values()}
    if len(lengths) > 1:
        raise DataError(f"columns have different lengths: {sorted(lengths)}", mend="give each row a value or None")
    return pl.DataFrame(made)


def _series(name: str, values: Any) -> pl.Series:
    import polars as pl

    if isinstance(values, np.ndarray) and values.dtype.kind in "biufM":
        if values.dtype.kind == "M":
            values = values.astype("datetime64[us]")
        return pl.Series(name, values)
    listed = [None if _is_missing(v) else v for v in values]
    kinds = {type(v) for v in listed if v is not None}
    if len(kinds) > 1 and not kinds <= {int, float, bool}:
        # Mixed types: as text first; the preparation finds the numbers in it again and says so.
        return pl.Series(name, [None if v is None else str(v) for v in listed], dtype=pl.String)
    try:
        return pl.Series(name, listed, strict=False)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        return pl.Series(name, [None if v is None else str(v) for v in listed], dtype=pl.String)


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def from_foreign(data: Any) -> pl.DataFrame:
    """A table or column of another library; DataError if it is none."""
    import narwhals as nw
    import polars as pl

    try:
        data = as_table(data)
        if _is_pandas(data):
            data = _with_index(data)
            names, _ = column_names(list(data.columns))
            data = data.set_axis(names, axis=1) if list(data.columns) != names else data
            table = from_columns({name: _pandas_values(data[name]) for name in names})
            zoned = [name for name in names if getattr(data[name].dtype, "tz", None) is not None]
            return table.with_columns(pl.col(name).dt.replace_time_zone("UTC") for name in zoned)
        frame: Any = nw.from_native(data)
        frame = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
        return pl.DataFrame(frame.to_polars())
    except (TypeError, AttributeError) as error:
        raise DataError(
            f"cannot read a table from an object of type {type(data).__name__}",
            mend="give a path, a pandas, polars or Arrow table, a NumPy array, or a dict of columns",
        ) from error


def _is_pandas(data: Any) -> bool:
    # If the caller holds a pandas frame, pandas is loaded; asking costs nothing where it is not.
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def as_table(data: Any) -> Any:
    """A column of another library as a table of it alone, called "value" where it has no name; others as they are."""
    if not hasattr(data, "to_frame"):
        return data
    return data.to_frame("value" if getattr(data, "name", None) in (None, "") else data.name)


def _with_index(data: Any) -> Any:
    """A pandas table with the labels of its rows as columns before its own, where they are times."""
    pandas = sys.modules["pandas"]
    levels = [data.index.get_level_values(k) for k in range(data.index.nlevels)]
    levels = [level.to_timestamp() if isinstance(level, pandas.PeriodIndex) else level for level in levels]
    timed = [isinstance(level, pandas.DatetimeIndex) or _written_times(level) for level in levels]
    if not any(timed):
        return data
    data = data.copy(deep=False)
    for level, is_time in reversed(list(zip(levels, timed, strict=True))):
        name = "time" if level.name is None and is_time else level.name
        if name is not None and name not in data.columns:
            data.insert(0, name, level)
    return data


def _written_times(labels: Any) -> bool:
    """Whether named labels of rows are text that says times."""
    import polars as pl

    first = labels[:_LOOKED_AT].to_list()
    return bool(
        labels.name is not None
        and first
        and all(isinstance(label, str) for label in first)
        and time_reading(pl.Series(first))[0]
    )


def _pandas_values(column: Any) -> Any:
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biufM":
        return column.to_numpy()
    if getattr(dtype, "kind", "") == "M":  # with a time zone
        return column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    if getattr(dtype, "kind", "") in "iuf" and hasattr(column, "isna"):
        return column.to_numpy(dtype="float64", na_value=np.nan)
    return column.to_list()
