"""One of the two tables that are compared: exact counts, a uniform sample, and what its rows are worth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError
from amiss.core.frame import Frame
from amiss.core.schema import ColumnSchema, Schema
from amiss.core.source import Progress, Source, first_pass
from amiss.core.summary import Vector
from amiss.evaluate.two_sample import effective_rows
from amiss.summaries.table import TableSummary

__all__ = ["Side", "plain_kind", "read_summary", "times_of"]

Positions = npt.NDArray[np.intp]

_SAMPLE_ROWS = 100_000
_SAMPLE_CELLS = 10_000_000


def read_summary(source: Source, progress: Progress) -> TableSummary:
    """Exact counts of all rows and a uniform sample of at most 100,000 (fewer of a table wider than 100 columns).

    Raises
    ------
    DataError
        There are no rows.
    """
    summary = first_pass(source, lambda batches: _summarized(batches, source, progress))
    if summary is None or not summary.columns or not summary.n_rows:
        raise DataError("there are no rows", where=source.name, mend="give a table with a header and rows")
    return summary


def _summarized(batches: Iterator[Frame], source: Source, progress: Progress) -> TableSummary | None:
    summary: TableSummary | None = None
    for frame in batches:
        capacity = min(_SAMPLE_ROWS, max(1000, _SAMPLE_CELLS // max(len(frame.names), 1)))
        part = TableSummary.of(frame, capacity=capacity)
        summary = part if summary is None else summary.merge(part)
        progress("reading", source.share_read())
    return summary


@dataclass(frozen=True, slots=True)
class Side:
    """A table, read by the schema of the reference.

    Attributes
    ----------
    name
        What the user calls it.
    summary
        Counts and sample.
    moments : (n_kept,) or None
        Seconds since 1970 of each sampled row; None where rows have no order in time.
    series : (n_kept,) of int
        Which entity each sampled row belongs to, 0 where there are none.
    """

    name: str
    summary: TableSummary
    moments: Vector | None
    series: npt.NDArray[np.int64]

    @classmethod
    def of(cls, name: str, summary: TableSummary, schema: Schema) -> Side:
        """The side of a table; its time and entity are those that the schema names, where the table has them."""
        sample = summary.sample
        time = next((c for c in schema.columns if c.role == "time" and c.name in summary.columns), None)
        moments = None
        if time is not None:
            found = times_of(sample, time)
            moments = None if np.isnan(found).mean() > 0.5 else found
        entity = schema.first("entity")
        series = np.zeros(sample.n_rows, np.int64)
        if entity in summary.columns and entity is not None:
            series = sample.codes(entity, list(sample.counts(entity)))
        return cls(name, summary, moments, series)

    @property
    def n_rows(self) -> int:
        """Rows of the whole table."""
        return self.summary.n_rows

    @property
    def sample(self) -> Frame:
        """The sampled rows."""
        return self.summary.sample

    def numbers(self, column: ColumnSchema) -> Vector:
        """The sampled numbers of a column; NaN where there is none."""
        reading: str | None = column.reading
        if self.sample.kind(column.name) == "text" and column.name in self.rewritten([column]):
            reading = None
        return self.sample.numbers(column.name, reading)

    def rewritten(self, columns: list[ColumnSchema]) -> list[str]:
        """Columns of text whose numbers are found by another way of reading than the reference's, and not by that."""
        found = []
        for column in columns:
            if self.sample.kind(column.name) == "text":
                as_told = np.isnan(self.sample.numbers(column.name, column.reading)).mean()
                as_suits = np.isnan(self.sample.numbers(column.name)).mean()
                if as_told > 0.5 >= as_suits:
                    found.append(column.name)
        return found

    def worth(self, values: Vector) -> float:
        """Independent rows that one row is worth for the mean of `values` (n_kept,), in (0, 1]; NaN is passed over.

        1 where rows have no order in time. Each entity is centred on itself, so that a lasting difference between
        entities does not count as a slow change.
        """
        there = ~np.isnan(values)
        if self.moments is None or there.sum() < 4:
            return 1.0
        order = np.lexsort((self.moments[there], self.series[there]))
        own, series = values[there][order], self.series[there][order]
        first = np.flatnonzero(np.r_[True, np.diff(series) != 0])
        size = np.diff(np.r_[first, len(own)])
        own = own - np.repeat(np.add.reduceat(own, first) / size, size)
        return effective_rows(own) / len(own)


def plain_kind(kind: str) -> str:
    """A kind without what is mere writing: True is true, 1.0 is 1."""
    return kind.lower().removesuffix(".0")


def times_of(sample: Frame, time: ColumnSchema) -> Vector:
    """Seconds since 1970 of each row, read as the reference says, or as suits where that finds none."""
    return sample.times(time.name, _own_reading(sample, time))


def _own_reading(sample: Frame, time: ColumnSchema) -> str | None:
    """The reference's way of reading times, or the table's own where that finds none."""
    if sample.kind(time.name) != "text" or not np.isnan(sample.times(time.name, time.reading)).all():
        return time.reading
    return None
