"""What is written down of a set beside its columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "Box", "ColumnKind", "Group", "Happening", "Histogram", "SetColumn", "SetFacts", "TrackFacts", "Usual",
    "read_facts", "usual_numbers", "usual_words", "write_facts",
]  # fmt: skip

ColumnKind = Literal["number", "category", "time", "text"]
_FILE = "facts.json"
_BINS = 40
_MOST_LOOKED_AT = 200_000
_COMMON = 8
_LONGEST_WORD = 80
_FAR = 3.0
"""Widths of the middle 98 %, within which the outermost values are drawn where they are."""


class SetColumn(msgspec.Struct, frozen=True):
    """A column by its name in the data."""

    name: str
    kind: ColumnKind


class Histogram(msgspec.Struct, frozen=True):
    """How often values lie between edges, one edge more than counts; those far out count in the outermost bins."""

    edges: list[float]
    counts: list[int]


class Box(msgspec.Struct, frozen=True):
    """The middle of the values, the quarters, and the 1 % at either end."""

    low: float
    q1: float
    median: float
    q3: float
    high: float


class Usual(msgspec.Struct, frozen=True):
    """What a column mostly holds: of numbers a histogram and a box, of words the most frequent and how often."""

    histogram: Histogram | None = None
    box: Box | None = None
    common: list[tuple[str, int]] | None = None


class TrackFacts(msgspec.Struct, frozen=True):
    """A column that can be drawn; `centre` is that of its band, None where it has none."""

    name: str
    centre: float | None = None


class Group(msgspec.Struct, frozen=True):
    """The rows of one entity, by their place among those that are drawn; from `end` on, those without a time follow."""

    entity: str | None
    first: int
    end: int


class Happening(msgspec.Struct, frozen=True):
    """An event of a set.

    Attributes
    ----------
    start, end
        Seconds since 1970, or row numbers.
    entity, kind, score, p_value, n_alarms, reason, first_row, last_row, peak_row
        As of `amiss.core.finding.Event`.
    blame
        The columns to blame: name, share, value, and what is usual, in words.
    """

    start: float | None
    end: float | None
    entity: str | None
    kind: str | None
    score: float
    p_value: float | None
    n_alarms: int
    reason: str
    first_row: int
    last_row: int
    peak_row: int
    blame: list[tuple[str, float, float | str | None, str]] = []


class SetFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a set once it is ready.

    Attributes
    ----------
    kind
        "table", "series" or "network".
    n_rows, n_anomalies
        How many.
    columns, time_column
        As in the data.
    entities
        The worst first, at most 1,000.
    start, stop
        First and last time, in seconds since 1970, or row number.
    timed
        Whether rows have times.
    tracks
        Columns that can be drawn.
    groups
        Rows entity by entity, in the order of `entities`, where they are drawn so; otherwise they are drawn by time.
    usual
        By column.
    detector, asked, reached, cut
        What judged, what was promised, the share of the calibration rows that is reached, and the p-value below which
        rows raise an alarm; None where that is not one number.
    notes
        What is to be said of the data.
    """

    kind: str
    n_rows: int
    n_anomalies: int
    columns: list[SetColumn]
    time_column: str | None
    entities: list[str]
    start: float | None
    stop: float | None
    timed: bool
    tracks: list[TrackFacts]
    groups: list[Group]
    usual: dict[str, Usual]
    detector: str = ""
    asked: str = ""
    reached: float | None = None
    cut: float | None = None
    notes: list[str] = []


def write_facts(folder: Path, facts: SetFacts) -> None:
    """Into a folder of its own."""
    (folder / _FILE).write_bytes(msgspec.json.encode(facts))


def read_facts(folder: Path) -> SetFacts:
    """What `write_facts` wrote."""
    return msgspec.json.decode((folder / _FILE).read_bytes(), type=SetFacts)


def usual_numbers(values: npt.NDArray[Any]) -> Usual:
    """Histogram and box of a column of numbers, by at most 200,000 of them, evenly spread."""
    x = np.asarray(values[:: max(1, len(values) // _MOST_LOOKED_AT)], np.float64)
    x = x[np.isfinite(x)]
    if not len(x):
        return Usual()
    low, q1, median, q3, high = (float(q) for q in np.quantile(x, [0.01, 0.25, 0.5, 0.75, 0.99]))
    room = _FAR * (high - low)
    start, stop = max(float(x.min()), low - room), min(float(x.max()), high + room)
    box = Box(low, q1, median, q3, high)
    if not (stop > start and np.isfinite(stop - start)):
        return Usual(Histogram([start, stop], [len(x)]), box)
    counts, edges = np.histogram(np.clip(x, start, stop), _BINS, (start, stop))
    return Usual(Histogram(edges.tolist(), counts.tolist()), box)


def usual_words(column: pl.Series) -> Usual:
    """The most frequent words of a column."""
    import polars as pl

    words = column.cast(pl.String, strict=False).drop_nulls()
    counts = words.rename("word").value_counts(sort=True).head(_COMMON)
    return Usual(common=[(str(word)[:_LONGEST_WORD], int(n)) for word, n in counts.iter_rows()])
