"""Which columns two tables have in common, and which are gone, new or of another type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from amiss.core.errors import DataError
from amiss.core.schema import ColumnSchema, Schema
from amiss.core.written import NUMBER_NOTES
from amiss.evaluate.findings import SchemaChange
from amiss.evaluate.side import Side, times_of
from amiss.prepare.roles import nearest_name, no_column

__all__ = ["Plan", "plan"]

_WORDS = {
    "number": "numbers", "text": "text", "bool": "true or false", "time": "times", "nested": "lists or records",
    "mixed": "mixed values",
}  # fmt: skip
_BESIDE = ("identifier", "text", "label", "ignored")


@dataclass(slots=True)
class Plan:
    """What is compared, and what is told before.

    Attributes
    ----------
    numbers, categories
        Columns to compare.
    labels
        Those of them that stand beside the features: they are no part of the joint test.
    changes
        Columns that are gone, new, or of another type.
    notes
        What was left out, and why.
    """

    numbers: list[ColumnSchema] = field(default_factory=list)
    categories: list[ColumnSchema] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    changes: list[SchemaChange] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def plan(schema: Schema, a: Side, b: Side, ignore: Sequence[str]) -> Plan:
    """What to compare of two tables.

    Raises
    ------
    SchemaError
        A column to ignore is in neither.
    DataError
        No column is left.
    """
    made = Plan()
    known = [column.name for column in schema.columns]
    new = [name for name in b.summary.columns if name not in known and name not in ignore]
    for column in schema.columns:
        if column.name in ignore:
            continue
        if column.name in b.summary.columns:
            _place(column, a, b, made)
            made.changes += _spoilt(column, b)
            made.notes += _infinite(column, a, b)
        else:
            made.changes.append(_gone(column, new))
    for name in new:
        severity = "none" if b.summary.columns[name].kind == "empty" else "slight"
        made.changes.append(SchemaChange(name, severity, f"{name} is new: {a.name} does not have it"))
    made.changes.sort(key=lambda change: change.severity != "strong")
    left = [f"{c.name} ({_why(c)})" for c in schema.columns if _left_out(c, a) and c.name not in ignore]
    made.notes += [f"not compared: {', '.join(left)}"] if left else []
    if not made.numbers and not made.categories:
        raise _nothing_left(schema, a, b, ignore)
    return made


def _nothing_left(schema: Schema, a: Side, b: Side, ignore: Sequence[str]) -> DataError:
    if any(column.name in b.summary.columns and column.name not in ignore for column in schema.columns):
        return DataError(
            "no column that both tables have can be compared",
            where=f"{a.name}: {', '.join(f'{c.name} ({_why(c)})' for c in schema.columns[:15])}",
            mend="give a column of numbers or kinds, or say what one is with roles",
        )
    names = ([c.name for c in schema.columns[:15]], list(b.summary.columns)[:15])
    return DataError(
        "the two tables have no column in common",
        where=f"{a.name}: {', '.join(names[0])}; {b.name}: {', '.join(names[1])}",
        mend="give tables of one kind, with column names of one kind",
    )


def _spoilt(column: ColumnSchema, b: Side) -> list[SchemaChange]:
    """What is to be said of a time or entity column that is there and tells nothing."""
    there = ~b.sample.missing(column.name)
    if column.role not in ("time", "entity") or (column.role == "entity" and there.any()):
        return []
    if not there.any():
        return [SchemaChange(column.name, "strong", f"{column.name}, the {column.role}, has no values in {b.name}")]
    if b.moments is not None:
        return []
    odd = there & np.isnan(times_of(b.sample, column))
    word = str(b.sample.rows(odd if odd.any() else there).words(column.name)[0])
    told = f"{column.name}: most of the times in {b.name} cannot be read, for example {word!r}"
    return [SchemaChange(column.name, "strong", told)]


def _infinite(column: ColumnSchema, a: Side, b: Side) -> list[str]:
    if column.role != "number":
        return []
    counts = [(side.name, side.summary.columns[column.name].n_infinite) for side in (a, b)]
    return [f"{column.name}: {n:,} infinite values of {name} are read as missing" for name, n in counts if n]


def check_ignored(ignore: Sequence[str], names: Sequence[str]) -> None:
    """Raise `SchemaError` for a column to ignore that neither table has."""
    for name in ignore:
        if name not in names:
            raise no_column(name, names, "to be left out")


def _left_out(column: ColumnSchema, a: Side) -> bool:
    if column.role in ("time", "entity", "identifier", "ignored"):
        return True
    return column.role == "text" and a.summary.columns[column.name].kind not in ("number", "bool")


def _why(column: ColumnSchema) -> str:
    return "entity" if column.role == "entity" else column.note or column.role


def _gone(column: ColumnSchema, new: Sequence[str]) -> SchemaChange:
    hint = nearest_name(column.name, new).removesuffix("? ").replace("did you mean", "; perhaps it is now")
    severity = "none" if column.role in (*_BESIDE, "empty") else "slight" if column.role == "constant" else "strong"
    return SchemaChange(column.name, severity, f"{column.name} is gone{hint}")


def _place(column: ColumnSchema, a: Side, b: Side, made: Plan) -> None:
    """Put a column that both have where it belongs."""
    if _left_out(column, a):
        return
    name = column.name
    kind_a, kind_b = a.summary.columns[name].kind, b.summary.columns[name].kind
    kinds = {kind_a, kind_b}
    if kinds == {"empty"}:
        return
    if column.role == "label":
        made.labels.add(name)
    as_number = column.role == "number" or ("number" in kinds and kinds <= {"number", "bool", "empty"})
    if column.role == "category" and kinds == {"number"}:  # as the user asked
        made.categories.append(column)
        return
    if "nested" in kinds or ("time" in kinds and kinds != {"time"}):
        made.changes.append(_retyped(name, kind_a, kind_b, a))
    elif kinds <= {"time", "empty"}:
        return
    elif not as_number and kind_a == "number":  # a label or a constant that was a number
        _place_number(column, a, b, made)
    elif not as_number:
        if kind_b == "number":
            made.changes.append(_retyped(name, kind_a, kind_b, a))
        else:
            made.categories.append(column)
    else:
        _place_number(column, a, b, made)


def _place_number(column: ColumnSchema, a: Side, b: Side, made: Plan) -> None:
    name, sample = column.name, b.sample
    if b.summary.columns[name].kind not in ("text", "mixed"):
        made.numbers.append(column)
        return
    there = ~sample.missing(name)
    odd = np.isnan(b.numbers(column)) & there
    word = str(sample.rows(odd).words(name)[0]) if odd.any() else ""
    if odd.sum() > 0.5 * there.sum():
        told = _retyped(name, "number", "text", a).sentence
        made.changes.append(SchemaChange(name, "strong", f"{told}, for example {word!r}"))
        return
    if b.rewritten([column]):
        how = NUMBER_NOTES[sample.number_reading(name)] or "without signs"
        made.changes.append(SchemaChange(name, "strong", f"{name} is written in another way: {how}"))
    if odd.any():
        made.notes.append(
            f"{name}: {odd.mean():.2%} of {b.name} are words such as {word!r}, no numbers; they count as missing"
        )
    made.numbers.append(column)


def _retyped(name: str, kind_a: str, kind_b: str, a: Side) -> SchemaChange:
    return SchemaChange(name, "strong", f"{name} holds {_WORDS[kind_b]} where {a.name} has {_WORDS[kind_a]}")
