"""Recognises what each column is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.core.errors import SchemaError
from amiss.core.frame import WITH_CLOCK, Frame
from amiss.core.schema import ADDED_COLUMNS, PROBABILITY, ROLES, ColumnSchema, Schema
from amiss.core.written import NUMBER_NOTES
from amiss.prepare.hosts import without_addresses
from amiss.prepare.time_columns import (
    TIME_NAME,
    check_times,
    epoch_share,
    example,
    holds_clock,
    holds_dates,
    stamp_reading,
)
from amiss.summaries.table import ColumnCounts, TableSummary

__all__ = ["Wishes", "infer_schema", "nearest_name", "no_column"]

_LABEL = re.compile(
    r"^(labels?\w{0,2}|class|target|outlier|is_?outlier|anomaly|is_?anomal(y|ous)|attack|attack_?(cat|type|name)"
    r"|is_?attack|fault|is_?fault|change_?point|ground_?truth|detailed-?label|y)$",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"^(id|uid|uuid|guid|index|key|row|row_?(id|no|number)|unnamed.*|.*[_ ](id|uuid|guid))$", re.I)
_ENTITY = re.compile(
    r"(device|machine|host|sensor|pump|motor|unit|asset|entity|engine|turbine|meter|node|station|server|line|series)",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"^(.*[_ ])?(time|clock|hour|uhrzeit|zeit|heure|hora)([_ ]of[_ ]day)?$", re.I)
_DATE = re.compile(r"date|day|datum|fecha", re.I)
_OFTEN = 0.7
"""Different times among the rows from which on times do not repeat because there are several series."""
_MOST_LABELS = 60
_FEW_TOKENS = 5
_FEW_ROWS = 5.0
"""Rows of a device from which on its name is no text of the row."""
_SPARSE = 0.9
"""A column that is missing more often says more about who filled it in than about the row."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user said about columns; it overrules what is recognised.

    Where dates and times of day stand in two columns, `time` may be either of them, or both as "DATE+TIME".
    """

    time: str | None = None
    entity: str | None = None
    ignore: Sequence[str] = ()
    roles: Mapping[str, str] = field(default_factory=dict)


def nearest_name(name: str, names: Sequence[str]) -> str:
    """A hint at the nearest of `names`."""
    import difflib

    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}? " if near else ""


def no_column(name: str, names: Sequence[str], asked: str) -> SchemaError:
    """The error of a column that is `asked` for, in words, and not among `names`."""
    hint, listed = nearest_name(name, names), ", ".join(names[:30])
    return SchemaError(f"there is no column {name!r}", where=f"asked {asked}", mend=f"{hint}columns: {listed}")


def infer_schema(summary: TableSummary, wishes: Wishes) -> Schema:
    """The schema of a table from its summary and the user's wishes.

    Raises
    ------
    SchemaError
        A wish names a column that is not there, or a role that the column cannot have.
    """
    wishes, clock = _split_time(summary, wishes)
    asked = _asked_roles(summary, wishes, clock)
    # To rank rows by what was said of them before would be to say it twice.
    ours = (*ADDED_COLUMNS, PROBABILITY) if set(ADDED_COLUMNS) <= summary.columns.keys() else ()
    columns = []
    for name, counts in summary.columns.items():
        if name in asked:
            columns.append(_checked(name, asked[name], counts, summary))
        elif name in ours:
            columns.append(_column(name, "ignored", "what amiss found before; left out", counts, summary))
        else:
            columns.append(_recognise(name, counts, summary))
    columns = _one_time(_with_clock(columns, summary, asked, clock), summary, wishes)
    if wishes.entity is None and "entity" not in asked.values():
        columns = _find_entity(columns, summary)
    return Schema(tuple(without_addresses(columns, summary, set(asked))))


def _split_time(summary: TableSummary, wishes: Wishes) -> tuple[Wishes, str | None]:
    """The wishes with dates for the time, and the column with the times of day if it is named."""
    name, names = wishes.time, list(summary.columns)
    if name is not None and name not in names and "+" in name:
        date, clock = (part.strip() for part in name.split("+", 1))
        return replace(wishes, time=date), clock
    if name in names and name not in wishes.ignore and holds_clock(summary.sample, name):
        dates = (other for other in names if other not in (name, *wishes.ignore) and _DATE.search(other))
        beside = next((other for other in dates if holds_dates(summary.sample, other)), None)
        return (wishes, None) if beside is None else (replace(wishes, time=beside), name)
    return wishes, None


def _asked_roles(summary: TableSummary, wishes: Wishes, clock: str | None) -> dict[str, str]:
    asked = dict(wishes.roles) | dict.fromkeys(wishes.ignore, "ignored")
    given = [name for name in (wishes.time, clock, wishes.entity) if name is not None]
    for twice in given:
        if twice in wishes.ignore or given.count(twice) > 1:
            raise SchemaError(f"column {twice!r} is asked to be two things", mend="name it once")
    if wishes.time is not None:
        asked[wishes.time] = "time"
    if wishes.entity is not None:
        asked[wishes.entity] = "entity"
    names = list(summary.columns)
    for name, role in (asked | dict.fromkeys(given, "time")).items():
        if name not in names:
            raise no_column(name, names, "to be left out" if role == "ignored" else f"as {role}")
        if role not in ROLES:
            raise SchemaError(f"column {name!r} cannot be {role!r}", mend=f"give one of: {', '.join(ROLES)}")
    return asked


def _column(name: str, role: str, note: str, counts: ColumnCounts, summary: TableSummary) -> ColumnSchema:
    sample = summary.sample
    n_missing, reading, notes = counts.n_missing, "", [note] if note else []
    if role == "number" and counts.kind == "text":
        reading = sample.number_reading(name)
        n_missing = round(np.isnan(sample.numbers(name, reading)).mean() * summary.n_rows)
        notes += [NUMBER_NOTES[reading]] if reading else []
    elif role == "time" and counts.kind == "text":
        reading, remark = sample.reading(name)
        notes += [remark] if remark else []
    elif role == "time" and counts.kind == "number":
        reading, remark = stamp_reading(sample, name)
        notes = [*notes, remark] if remark and remark not in notes else notes
    zoned = role == "time" and sample.zoned(name, reading)
    if zoned and not any("UTC" in said for said in notes):
        notes.append("shown in UTC")
    missing = n_missing / max(summary.n_rows, 1)
    decimals = _decimals(sample, name) if role == "number" or counts.kind == "number" else 0
    lowest, highest = (counts.ends or sample.ends(name, reading) or (None, None)) if role == "number" else (None, None)
    if counts.n_infinite:
        notes.append(f"{counts.n_infinite:,} infinite values read as missing")
    return ColumnSchema(
        name=name, role=role, note="; ".join(notes), missing=missing, reading=reading, decimals=decimals, zoned=zoned,
        lowest=lowest, highest=highest,
    )  # fmt: skip


def _checked(name: str, role: str, counts: ColumnCounts, summary: TableSummary) -> ColumnSchema:
    sample = summary.sample
    if role == "number" and np.isnan(sample.numbers(name)).all():
        raise SchemaError(f"column {name!r} holds no numbers", where=example(sample, name), mend="give another role")
    if role == "time":
        check_times(name, sample)
    return _column(name, role, "as asked", counts, summary)


def _recognise(name: str, counts: ColumnCounts, summary: TableSummary) -> ColumnSchema:
    role, note = _role(name, counts, summary)
    return _column(name, role, note, counts, summary)


def _role(name: str, counts: ColumnCounts, summary: TableSummary) -> tuple[str, str]:
    if counts.kind == "empty":
        return "empty", "no value at all; left out"
    if counts.constant and summary.n_rows > 1:
        return "constant", f"always {counts.lowest}; left out"
    if _LABEL.match(name.strip()) and _holds_labels(name, counts, summary):
        return "label", "looks like a label; left out of the ranking"
    if counts.kind == "time":
        return "time", ""
    if counts.kind == "nested":
        return "ignored", "lists, records or bytes; left out"
    if counts.n_missing > _SPARSE * summary.n_rows:
        return (
            "text",
            f"empty in {counts.n_missing / summary.n_rows:.1%} of the rows; shown with them, not ranked",
        )
    if counts.kind == "bool":
        return "category", "true or false"
    if counts.kind == "number":
        return _role_of_numbers(name, counts, summary)
    return _role_of_text(name, summary)


def _holds_labels(name: str, counts: ColumnCounts, summary: TableSummary) -> bool:
    """Few different values, each of them often; numbers only if they are whole."""
    distinct = len(summary.sample.counts(name))
    if counts.kind == "number":
        values = summary.sample.numbers(name)
        present = values[~np.isnan(values)]
        if (present != np.floor(present)).any():
            return False
    return distinct <= 2 or (distinct <= _MOST_LABELS and distinct <= 0.2 * summary.sample.n_rows)


def _role_of_numbers(name: str, counts: ColumnCounts, summary: TableSummary) -> tuple[str, str]:
    values = summary.sample.numbers(name)
    present = values[~np.isnan(values)]
    whole = bool((present == np.floor(present)).all())
    if TIME_NAME.match(name) and len(present):
        reading, remark = stamp_reading(summary.sample, name)
        if reading:
            return "time", remark
        share = epoch_share(summary.sample, name)
        # A clock that was reset leaves times of 1970 behind.
        if share > 0.98 or (share >= 0.5 and values.min() >= 0):
            return "time", "read as time since 1970"
    if whole and len(present) > 2 and counts.n_missing == 0:
        step = np.diff(present)
        if summary.n_rows == len(values) and (step == step[0]).all() and step[0] != 0:
            return "identifier", "counts the rows; left out"
        if summary.n_rows > len(values) and (step > 0).all() and np.allclose(step, np.diff(summary.position)):
            return "identifier", "counts the rows; left out"
        if _IDENTIFIER.match(name.strip()) and len(np.unique(present)) > 0.9 * len(present):
            return "identifier", "all values differ; left out"
    return "number", ""


def _role_of_text(name: str, summary: TableSummary) -> tuple[str, str]:
    sample = summary.sample
    counts = sample.counts(name)
    n_present = sum(counts.values())
    if n_present == 0:
        return "text", "hardly ever a value; shown with the rows, not ranked"
    if TIME_NAME.match(name) and not sample.reading(name)[0] and epoch_share(sample, name) > 0.95:
        return "time", "read as time since 1970"
    is_number = ~np.isnan(sample.numbers(name))
    n_numbers = int(is_number.sum())
    tokens = _no_numbers(sample, name, is_number) if n_numbers >= 0.5 * n_present else []
    if n_numbers >= 0.9 * n_present or (n_numbers >= 0.5 * n_present and len(tokens) <= _FEW_TOKENS):
        shown = ", ".join(repr(token) for token in tokens[:3])
        return "number", f"words such as {shown} are no numbers; read as missing" if tokens else ""
    if (~np.isnan(sample.times(name))).sum() >= 0.95 * n_present:
        return "time", ""
    distinct = len(counts)
    mean_words = sum(word.count(" ") * n for word, n in counts.items()) / n_present
    if distinct <= 20 or distinct <= 0.2 * n_present:
        if mean_words > 3 and distinct > 20:
            return "text", "free text; shown with the rows, not ranked"
        return "category", f"{len(summary.columns[name].kinds or counts):,} kinds"
    if _ENTITY.search(name) and _rows_alike(np.array([*counts.values()], float), n_present, summary.n_rows) > _FEW_ROWS:
        # Many devices, each with rows enough to repeat in the whole, though few of them do in the sample.
        return "category", f"{len(summary.columns[name].kinds or counts):,} kinds or more"
    if mean_words >= 1:
        return "text", "free text; shown with the rows, not ranked"
    if distinct > 0.9 * n_present:
        like = ", like times that could not be read" if TIME_NAME.match(name) else ""
        return "identifier", f"all values differ{like}; left out"
    return "category", f"{len(summary.columns[name].kinds or counts):,} kinds"


def _no_numbers(sample: Frame, name: str, is_number: npt.NDArray[np.bool_]) -> list[str]:
    """The different words of a column that are no numbers, most frequent first."""
    odd = ~is_number & ~sample.missing(name)
    return list(sample.rows(odd).counts(name))


def _with_clock(
    columns: list[ColumnSchema], summary: TableSummary, asked: Mapping[str, str], named: str | None
) -> list[ColumnSchema]:
    """Dates in one column and times of day in another, which may be `named`, are one time."""
    sample = summary.sample
    wanted = next((name for name, role in asked.items() if role == "time"), None)
    free = [c for c in columns if c.role != "empty" and asked.get(c.name) in (None, "time")]
    clocks = [c for c in free if c.name == named or (named is None and c.name != wanted and _CLOCK.match(c.name))]
    clock = next((c for c in clocks if holds_clock(sample, c.name)), None)
    dates = [c for c in free if c.name == wanted or (wanted is None and _DATE.search(c.name))]
    dates = [c for c in dates if c is not clock and c.role in ("time", "constant")]
    date = next((c for c in dates if clock is not None and holds_dates(sample, c.name)), None)
    if clock is None or date is None:
        if named is not None:
            wrong, what = (named, "times of day") if clock is None else (wanted or "", "dates alone")
            raise SchemaError(
                f"column {wrong!r} does not hold {what}", where=example(sample, wrong),
                mend="name the column with the dates, then that with the times of day: --time DATE+TIME",
            )  # fmt: skip
        return columns
    joined = _column(date.name, "time", f"joined with the time of day in {clock.name!r}", summary.columns[date.name],
                     summary)  # fmt: skip
    joined = msgspec.structs.replace(joined, reading=f"{joined.reading}{WITH_CLOCK}{clock.name}")
    beside = _column(clock.name, "ignored", f"time of day; joined with {date.name!r}", summary.columns[clock.name],
                     summary)  # fmt: skip
    return [joined if c is date else beside if c is clock else c for c in columns]


def _one_time(columns: list[ColumnSchema], summary: TableSummary, wishes: Wishes) -> list[ColumnSchema]:
    """One column is the time; others are left out."""
    times = [column.name for column in columns if column.role == "time"]
    chosen = wishes.time or next(iter(times), None)
    return [
        _column(c.name, "ignored", f"a second time beside {chosen!r}; left out", summary.columns[c.name], summary)
        if c.role == "time" and c.name != chosen
        else c
        for c in columns
    ]


def _find_entity(columns: list[ColumnSchema], summary: TableSummary) -> list[ColumnSchema]:
    """A category is the entity where times repeat, and no longer do once it is named beside them."""
    time = next((c for c in columns if c.role == "time"), None)
    if time is None:
        return columns
    stamps = summary.sample.times(time.name, time.reading or None)
    stamps = np.where(np.isnan(stamps), -1.0, stamps)
    n = len(stamps)
    n_moments = len(np.unique(stamps))
    if n_moments == n:
        return columns
    for i, column in enumerate(columns):
        named = bool(_ENTITY.search(column.name))
        parts_rows = column.role == "number" or (column.role == "constant" and column.missing > 0)
        if not (column.role == "category" or (named and parts_rows)):
            continue
        known = list(summary.sample.counts(column.name))
        codes = summary.sample.codes(column.name, known)
        pairs = np.unique(np.stack([stamps, codes.astype(float)]), axis=1).shape[1]
        n_series = len(known) + bool((codes < 0).any())
        # Where few times repeat it may be by chance; not so if each series follows on another's end.
        often = _rows_a_moment(stamps, summary.n_rows) >= 1 / _OFTEN or (named and _one_after_another(stamps, codes))
        if often and n_series > 1 and n - pairs <= 0.01 * min(n, 2 * (n - n_moments)):
            exact = summary.columns[column.name].kinds
            told = f"{n_series:,} or more" if exact is None else f"{len(exact) + bool((codes < 0).any()):,}"
            note = f"tells {told} series apart; each is compared with itself"
            entity = _column(column.name, "entity", note, summary.columns[column.name], summary)
            return [*columns[:i], entity, *columns[i + 1 :]]
    return columns


def _rows_a_moment(stamps: npt.NDArray[np.float64], n_rows: int) -> float:
    """Rows that have the time of a row, itself among them, in the whole table: a sample parts most of them."""
    return _rows_alike(np.unique(stamps, return_counts=True)[1].astype(np.float64), len(stamps), n_rows)


def _rows_alike(counts: npt.NDArray[np.float64], n: int, n_rows: int) -> float:
    """Rows in a table of `n_rows` that have the value of a row, by how often each value is in a sample of `n`."""
    if n >= n_rows:
        return n / len(counts)
    return 1.0 + float((counts * (counts - 1)).sum()) * (n_rows - 1) / (n * (n - 1))


def _one_after_another(stamps: npt.NDArray[np.float64], codes: npt.NDArray[np.int64]) -> bool:
    """Whether the clock goes back in the whole, and never within one of the parts."""
    order = np.argsort(codes, kind="stable")
    within = np.diff(codes[order]) == 0
    return bool((np.diff(stamps) < 0).any() and (np.diff(stamps[order])[within] >= 0).all())


def _decimals(sample: Frame, name: str) -> int:
    values = sample.numbers(name)
    present = values[~np.isnan(values)][:200]
    if not len(present):
        return 0
    return max(len(f"{v:.6f}".rstrip("0").partition(".")[2]) if abs(v) < 1e9 else 0 for v in present.tolist())
