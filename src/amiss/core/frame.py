"""The one door for tables: any frame in, typed columns out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError
from amiss.core.foreign import from_array, from_columns, from_foreign
from amiss.core.written import (
    EXCEL,
    FIRST_EPOCH,
    STAMPS,
    number_reading,
    read_clock,
    read_numbers,
    read_times,
    says_zone,
    stamp_reading,
    time_reading,
)

if TYPE_CHECKING:
    import polars as pl

__all__ = ["WITH_CLOCK", "Frame"]

Bools = npt.NDArray[np.bool_]
WITH_CLOCK = " + column "
"""Between the reading of a column of dates and the name of that with the times of day."""


class Frame:
    """Some consecutive rows of a table.

    Wraps a polars frame, which nothing outside this file, the readers and the writers touches: preparation asks for
    numbers, words and times as arrays.

    Parameters
    ----------
    table
        The rows.
    first_row
        Position of the first of them in the whole, from 0.
    """

    __slots__ = ("first_row", "table")

    def __init__(self, table: pl.DataFrame, first_row: int = 0) -> None:
        self.table, self.first_row = table, first_row

    @classmethod
    def of(cls, data: Any) -> Frame:
        """A frame from polars, pandas, Arrow, NumPy, a mapping of columns, or another `Frame`.

        A single column is a frame of one. Labels of the rows of a pandas frame become columns if they are times.

        Raises
        ------
        DataError
            The object is none of these, or two columns have one name.
        """
        if isinstance(data, Frame):
            return data
        import polars as pl

        if isinstance(data, pl.LazyFrame):
            data = data.collect()
        if isinstance(data, pl.DataFrame):
            return cls(data)
        if isinstance(data, np.ma.MaskedArray):
            data = np.where(np.ma.getmaskarray(data), np.nan, np.ma.getdata(data).astype(np.float64))
        if isinstance(data, np.ndarray):
            return cls(from_array(data))
        if isinstance(data, Mapping):
            return cls(from_columns({str(k): v for k, v in data.items()}))
        return cls(from_foreign(data))

    @classmethod
    def stacked(cls, frames: Sequence[Frame]) -> Frame:
        """Frames of the same columns below one another; those of the first count.

        Raises
        ------
        DataError
            One lacks a column, or holds another type of it.
        """
        import polars as pl

        names = frames[0].names
        for frame in frames:
            lacking = [name for name in names if name not in frame.names]
            if lacking:
                raise DataError(f"there is no column {lacking[0]!r} in all the rows", mend="give the same columns")
        try:
            return cls(pl.concat([frame.table.select(names) for frame in frames], how="vertical_relaxed"))
        except pl.exceptions.PolarsError as error:
            what = f"the rows do not fit together: {str(error).splitlines()[0]}"
            raise DataError(what, mend="write all of them alike") from error

    def beside(self, other: Frame) -> Frame:
        """The columns of this frame, then those of another with as many rows."""
        return Frame(self.table.hstack(other.table), self.first_row)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.table.height)

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order."""
        return list(self.table.columns)

    def kind(self, name: str) -> str:
        """What a column holds: "number", "bool", "text", "time", "empty" or "nested"."""
        import polars as pl

        dtype = self.table.get_column(name).dtype
        if dtype.is_numeric() or dtype in (pl.Duration, pl.Time):
            return "number"
        if dtype == pl.Boolean:
            return "bool"
        if dtype in (pl.Date, pl.Datetime):
            return "time"
        if dtype == pl.Null:
            return "empty"
        return "text" if dtype in (pl.String, pl.Categorical, pl.Enum) else "nested"

    def rows(self, which: npt.NDArray[Any]) -> Frame:
        """The rows at these positions within this frame, or where a mask is true."""
        positions = np.flatnonzero(which) if which.dtype == np.bool_ else which
        return Frame(self.table[positions.tolist()] if len(positions) else self.table.clear(), self.first_row)

    def reading(self, name: str) -> tuple[str, str]:
        """How the text of a column is best read as times: a pattern, "" for none, and a remark."""
        return time_reading(self.text(name)) if self.kind(name) == "text" else ("", "")

    def stamp_reading(self, name: str, *, days: bool) -> tuple[str, str]:
        """How numbers that are no count of seconds are read as times, "" if they are none; and a remark.

        `days` allows the serial days of a spreadsheet.
        """
        return stamp_reading(self.table[name], days=days) if self.kind(name) == "number" else ("", "")

    def clock(self, name: str) -> npt.NDArray[np.float64]:
        """A column of times of day as seconds since midnight; NaN where missing or none."""
        import polars as pl

        if self.kind(name) == "text":
            return np.asarray(read_clock(self.text(name)).to_numpy(), np.float64)
        of_day = self.table[name].dtype == pl.Time
        return self.numbers(name) if of_day else np.full(self.n_rows, np.nan)

    def number_reading(self, name: str) -> str:
        """How the text of a column is best read as numbers: a key of `core.written.NUMBER_NOTES`."""
        return number_reading(self.text(name)) if self.kind(name) == "text" else ""

    def numbers(self, name: str, reading: str | None = None) -> npt.NDArray[np.float64]:
        """A column as float64; what is missing, infinite or no number is NaN.

        Text is read in the way of `reading`, so that all batches are read alike; None takes what suits this frame.
        """
        import polars as pl

        column = self.table[name]
        if self.kind(name) == "text":
            text = self.text(name)
            column = read_numbers(text, number_reading(text) if reading is None else reading)
        elif self.kind(name) == "time":
            return self.times(name)
        elif self.kind(name) == "nested":
            return np.full(self.n_rows, np.nan)
        elif column.dtype == pl.Duration:
            column = column.dt.total_microseconds() / 1e6
        elif column.dtype == pl.Time:
            column = column.cast(pl.Int64) / 1e9
        values = column.cast(pl.Float64, strict=False).to_numpy()
        finite = np.isfinite(values)
        return np.asarray(values, np.float64) if finite.all() else np.where(finite, values, np.nan)

    def ends(self, name: str, reading: str | None = None) -> tuple[float, float] | None:
        """The lowest and the highest number of a column, read as by `numbers`; None where it holds none."""
        values = self.numbers(name, reading)
        present = values[~np.isnan(values)]
        return (float(present.min()), float(present.max())) if len(present) else None

    def words(self, name: str) -> list[str | None]:
        """A column as text; None where missing."""
        return self.text(name).to_list()

    def codes(self, name: str, known: Sequence[str]) -> npt.NDArray[np.int64]:
        """Position of each value in `known`; −1 where missing, `len(known)` where it is none of them."""
        import polars as pl

        column = self.text(name)
        if not known:
            return np.where(column.is_null().to_numpy(), -1, 0).astype(np.int64)
        places = column.replace_strict(
            pl.Series(known, dtype=pl.String), pl.Series(range(len(known))), default=len(known)
        )
        codes = places.cast(pl.Int64).to_numpy().astype(np.int64)
        return np.where(column.is_null().to_numpy(), -1, codes)

    def counts(self, name: str) -> dict[str, int]:
        """How often each value occurs, most frequent first; missing values are not counted."""
        import polars as pl

        column = self.text(name).drop_nulls()
        table = pl.DataFrame({"value": column}).group_by("value").len().sort(["len", "value"], descending=[True, False])
        return dict(zip(table["value"].to_list(), table["len"].to_list(), strict=True))

    def times(self, name: str, reading: str | None = None) -> npt.NDArray[np.float64]:
        """A column as seconds since 1970-01-01 UTC; NaN where missing or no time.

        `reading` as in `numbers`; where it reads none of the text that is there, what suits this frame. One with
        `WITH_CLOCK` adds the time of day of another column.
        """
        import polars as pl

        if reading is not None and WITH_CLOCK in reading:
            reading, _, clock = reading.partition(WITH_CLOCK)
            days = self.times(name, reading)
            return days + self.clock(clock) if clock in self.names else np.full(self.n_rows, np.nan)
        column = self.table[name]
        if self.kind(name) == "text":
            text = self.text(name)
            found = _text_seconds(text, time_reading(text)[0] if reading is None else reading)
            if reading is not None and np.isnan(found).all() and text.null_count() < len(text):
                found = _text_seconds(text, time_reading(text)[0])
            return found
        if self.kind(name) == "number":
            stamped = _stamp_seconds(column, reading) if reading in STAMPS else None
            return _epoch_seconds(self.numbers(name)) if stamped is None else stamped
        if column.dtype == pl.Null:
            return np.full(self.n_rows, np.nan)
        return _seconds(column)

    def zoned(self, name: str, reading: str = "") -> bool:
        """Whether the times of a column, read by `reading`, are known in UTC: they have a zone, or count from 1970."""
        if self.kind(name) == "time":
            return getattr(self.table[name].dtype, "time_zone", None) is not None
        pattern = reading.partition(WITH_CLOCK)[0]
        if pattern:
            return says_zone(pattern)
        seconds = self.times(name, reading)
        # A count that begins elsewhere, as at the start of a run, says nothing of UTC.
        return bool((seconds >= FIRST_EPOCH).sum() > 0.5 * (~np.isnan(seconds)).sum())

    def says_zone(self, name: str, reading: str) -> bool:
        """As `zoned`, by these very rows: others of the column may be written with a zone, and these without."""
        own = self.reading(name)[0] if self.kind(name) == "text" and WITH_CLOCK not in reading else reading
        return self.zoned(name, own)

    def missing(self, name: str) -> Bools:
        """Where a column has no value."""
        column = self.table[name]
        absent = column.is_null()
        if column.dtype.is_float():
            absent = absent | column.is_nan().fill_null(True)
        found: Bools = absent.to_numpy()
        return found

    def text(self, name: str) -> pl.Series:
        """A column as a series of text."""
        import polars as pl

        column = self.table[name]
        if column.dtype == pl.String:
            return column
        if self.kind(name) == "nested":
            return pl.Series(name, [None if v is None else str(v) for v in column.to_list()], dtype=pl.String)
        return column.cast(pl.String)


def _seconds(column: pl.Series) -> npt.NDArray[np.float64]:
    import polars as pl

    micro = column.cast(pl.Datetime("us", getattr(column.dtype, "time_zone", None)), strict=False)
    number: npt.NDArray[np.float64] = micro.to_physical().cast(pl.Float64).to_numpy()
    return np.asarray(number / 1e6, np.float64)


def _stamp_seconds(column: pl.Series, reading: str) -> npt.NDArray[np.float64] | None:
    """Times of numbers that are stamps; None where none of them is one."""
    import polars as pl

    values = column.cast(pl.Float64, strict=False)
    text = (values if reading == EXCEL else values.cast(pl.Int64, strict=False)).cast(pl.String)
    found = _seconds(read_times(text, reading))
    return None if np.isnan(found).all() else found


def _text_seconds(text: pl.Series, pattern: str) -> npt.NDArray[np.float64]:
    if pattern:
        return _seconds(read_times(text, pattern))
    return _epoch_seconds(read_numbers(text, "").to_numpy().astype(np.float64))


def _epoch_seconds(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Seconds from a count of seconds, milliseconds, microseconds or nanoseconds, told apart by size."""
    present = np.abs(values[~np.isnan(values)])
    size = float(np.median(present)) if len(present) else 0.0
    for limit, unit in ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3)):
        if size >= limit:
            return values / unit
    return values
