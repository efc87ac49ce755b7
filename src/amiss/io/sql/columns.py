"""Rows of a database as typed columns."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

__all__ = ["common_type", "recast", "typed_table"]

_LARGEST = 2**63


def typed_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
    """Rows as a table: decimals become numbers, and values of several kinds in one column text.

    Examples
    --------
    >>> typed_table(["a", "b"], [(1, "x"), (None, 2)]).dtypes
    [Int64, String]
    """
    import polars as pl

    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return pl.DataFrame([_column(name, list(values)) for name, values in zip(names, columns, strict=True)])


def _column(name: str, values: list[Any]) -> pl.Series:
    import polars as pl

    kinds = {type(value) for value in values} - {type(None)}
    if not kinds:
        return pl.Series(name, values, dtype=pl.Null)
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds <= {int, bool} and all(-_LARGEST <= v < _LARGEST for v in values if v is not None):
        return pl.Series(name, [None if v is None else int(v) for v in values], dtype=pl.Int64)
    if kinds <= {int, bool, float, decimal.Decimal}:
        return pl.Series(name, [None if v is None else float(v) for v in values], dtype=pl.Float64)
    if kinds == {datetime.date}:
        return pl.Series(name, values, dtype=pl.Date)
    if kinds <= {datetime.datetime, datetime.date}:
        return _moments(name, values)
    if kinds == {datetime.time} and not any(v.tzinfo for v in values if v is not None):
        return pl.Series(name, values, dtype=pl.Time)
    if kinds == {datetime.timedelta}:
        return pl.Series(name, values, dtype=pl.Duration("us"))
    if kinds <= {bytes, memoryview, bytearray}:
        return pl.Series(name, [None if v is None else bytes(v) for v in values], dtype=pl.Binary)
    return pl.Series(name, [None if v is None else str(v) for v in values], dtype=pl.String)


def _moments(name: str, values: list[Any]) -> pl.Series:
    import polars as pl

    whole = [
        datetime.datetime(v.year, v.month, v.day) if type(v) is datetime.date else v for v in values
    ]  # fmt: skip
    zoned = {v.tzinfo is not None for v in whole if v is not None}
    if zoned == {True}:
        in_utc = [None if v is None else v.astimezone(datetime.UTC) for v in whole]
        return pl.Series(name, in_utc, dtype=pl.Datetime("us", "UTC"))
    if zoned == {False}:
        return pl.Series(name, whole, dtype=pl.Datetime("us"))
    return pl.Series(name, [None if v is None else v.isoformat() for v in whole], dtype=pl.String)


def common_type(one: Any, other: Any) -> Any:
    """The type that holds the values of two."""
    import polars as pl

    if other in (one, pl.Null):
        return one
    if one == pl.Null:
        return other
    numbers = {pl.Boolean: 0, pl.Int64: 1, pl.Float64: 2}
    if one in numbers and other in numbers:
        return max(one, other, key=lambda dtype: numbers[dtype])
    if {one, other} == {pl.Date(), pl.Datetime("us")}:
        return pl.Datetime("us")
    return pl.String()


def recast(table: pl.DataFrame, schema: dict[str, Any]) -> pl.DataFrame:
    """A table with its columns in these types."""
    import polars as pl

    columns = []
    for column in table.get_columns():
        wanted = schema[column.name]
        if column.dtype == wanted:
            columns.append(column)
        elif column.dtype == pl.Binary and wanted == pl.String:
            words = [None if v is None else str(v) for v in column.to_list()]
            columns.append(pl.Series(column.name, words, dtype=pl.String))
        else:
            columns.append(column.cast(wanted))
    return pl.DataFrame(columns)
