"""The door: are the rows of one table like those of another?"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from amiss import __version__
from amiss.core.errors import ParameterError
from amiss.core.params import Between, Domain, Whole, check
from amiss.core.schema import Schema
from amiss.core.source import Progress, Source, silent
from amiss.evaluate.columns import Draft, compare_categories, compare_numbers, level
from amiss.evaluate.findings import SEVERITIES, ColumnDrift, Compared, Drift, JointDrift
from amiss.evaluate.rows import MARKS_AUC, compare_rows
from amiss.evaluate.side import Side, read_summary
from amiss.evaluate.table_changes import Plan, check_ignored, plan
from amiss.evaluate.two_sample import holm
from amiss.evaluate.wording import chance
from amiss.pipeline.events import iso_time
from amiss.pipeline.opening import open_source
from amiss.prepare.roles import Wishes, infer_schema

__all__ = ["drift"]

_DOMAINS: dict[str, Domain] = {"alpha": Between(0, 1, open_low=True, open_high=True), "seed": Whole(0)}


_MOST_TELLING = 5
_FEWEST_WORTH = 50.0
_TELLS = 0.02
"""Less than that is lost by shuffling any column."""
_NAMED_IN_VERDICT = 2
_FEWEST_ROWS = 6
"""Fewer show only the crudest changes."""
_MORE_ALIKE = 0.9999


def drift(
    a: Any,
    b: Any,
    *,
    time: str | None = None,
    entity: str | None = None,
    ignore: Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
    progress: Progress = silent,
) -> Drift:
    """Are the rows of `b` like those of `a`? Column by column, and all columns together.

    A column has drifted if a test says that it is no chance (after Holm's correction over all tests: the chance of
    any false verdict is at most `alpha`) and if the change is large enough to matter. Files larger than memory are
    compared by a uniform sample of 100,000 rows each; kinds and missing values are counted in all rows.

    Parameters
    ----------
    a
        The reference, often what a model has learnt from: a path, "-", a pandas, polars or Arrow table, a NumPy array
        (n_rows, n_features), or a mapping of columns. It says how both are read.
    b
        What is compared with it.
    time, entity
        Column with the time, and with the device, host or user; None recognises them. With a time, rows are counted
        as the number of independent rows that they are worth.
    ignore
        Columns to leave out.
    roles
        Role of single columns, against what is recognised.
    alpha
        Chance that anything is called drift where nothing has changed, in (0, 1).
    seed
        Seed of everything random, from 0.
    progress
        Called with a stage and the share of it that is done.

    Raises
    ------
    DataError
        A table cannot be read, or the two have no column in common that can be compared.
    SchemaError
        A named column is not there.

    Examples
    --------
    >>> import amiss, numpy as np
    >>> random = np.random.default_rng(0)
    >>> learnt, today = random.normal(50, 2, size=(1000, 3)), random.normal(50, 2, size=(300, 3))
    >>> amiss.drift(learnt, today).severity
    'none'
    >>> today[:, 1] += 3
    >>> found = amiss.drift(learnt, today)
    >>> found.severity, found.drifted
    ('strong', ['column_2'])
    >>> found.columns[0].sentence
    'column_2 has risen by about 2.94 (median 50.01 → 52.95)'
    """
    check("drift", _DOMAINS, {"alpha": alpha, "seed": seed})
    if isinstance(a, str) and isinstance(b, str) and a == b == "-":
        raise ParameterError("standard input cannot be both tables", mend="name a file for one of them")
    ignore = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    sources = open_source(a), open_source(b)
    summary_a, summary_b = read_summary(sources[0], progress), read_summary(sources[1], progress)
    names_b = [name for name in summary_b.columns if name not in summary_a.columns]
    check_ignored(ignore, [*summary_a.columns, *names_b])
    wishes = Wishes(time, entity, tuple(name for name in ignore if name not in names_b), roles or {})
    schema = infer_schema(summary_a, wishes)
    side_a = Side.of(_name(a, sources[0], "A"), summary_a, schema)
    side_b = Side.of(_name(b, sources[1], "B"), summary_b, schema)
    planned = plan(schema, side_a, side_b, ignore)
    columns, joint = _weigh(planned, side_a, side_b, alpha, seed, progress)
    severities = [*(change.severity for change in planned.changes), *(column.severity for column in columns)]
    severity = max([*severities, joint.severity if joint else "none"], key=SEVERITIES.index)
    return Drift(
        format="amiss-drift/1",
        amiss_version=__version__,
        verdict=_verdict(side_a, side_b, severity, planned, columns, _joint_words(joint, alpha)),
        severity=severity,
        alpha=alpha,
        seed=seed,
        a=_compared(side_a, schema),
        b=_compared(side_b, schema),
        changes=planned.changes,
        columns=columns,
        joint=joint,
        notes=_notes(schema, side_a, side_b, sources) + planned.notes,
    )


def _name(given: Any, source: Source, letter: str) -> str:
    return source.name if isinstance(given, (str, os.PathLike)) else letter


def _weigh(
    planned: Plan, a: Side, b: Side, alpha: float, seed: int, progress: Progress
) -> tuple[list[ColumnDrift], JointDrift | None]:
    """Columns, the worst first, and the joint test, after one correction over all of their tests."""
    n_columns = len(planned.numbers) + len(planned.categories)
    drafts = []
    for column in planned.numbers:
        drafts.append(compare_numbers(column, a, b))
        progress("comparing", len(drafts) / n_columns)
    for column in planned.categories:
        drafts.append(compare_categories(column.name, a, b))
        progress("comparing", len(drafts) / n_columns)
    slow = _slow(drafts) if a.moments is not None and b.moments is not None else []
    if slow:
        named = f"{', '.join(slow[:5])}{f' and {len(slow) - 5} more' if len(slow) > 5 else ''}"
        planned.notes.append(f"no part of the joint test, being worth too few independent rows: {named}")
    beside = planned.labels | set(slow)
    numbers = [column for column in planned.numbers if column.name not in beside]
    categories = [column.name for column in planned.categories if column.name not in beside]
    rows = compare_rows(numbers, categories, a, b, alpha=alpha, seed=seed)
    p_values = [test.p_value for draft in drafts for test in draft.found.tests]
    corrected = holm(np.array([*p_values, *([rows[0].p_value] if rows else [])]))
    each = iter(corrected.tolist())
    columns = [draft.judged(each, alpha) for draft in drafts]
    columns.sort(key=lambda c: (-SEVERITIES.index(c.severity), -(c.psi or 0.0), c.p_corrected))
    if rows is None:
        return columns, None
    found, n_a, n_b = rows
    features = [column.name for column in numbers] + categories
    order = np.argsort(-found.telling, kind="stable")[:_MOST_TELLING]
    least = max(_TELLS, 0.1 * found.telling.max())
    telling = {features[j]: float(found.telling[j]) for j in order if found.telling[j] > least}
    size = level(found.auc, MARKS_AUC) if corrected[-1] <= alpha else 0
    joint = JointDrift(found.auc, found.p_value, float(corrected[-1]), SEVERITIES[size], n_a, n_b, telling)
    if found.p_value > _MORE_ALIKE:
        planned.notes.append(f"rows of {b.name} are more like those of {a.name} than chance allows: some are the same")
    return columns, joint


def _slow(drafts: Sequence[Draft]) -> list[str]:
    """Columns whose neighbouring rows are so alike that a classifier would know a table by its weather."""
    return [d.found.column for d in drafts if min(d.found.rows_worth_a, d.found.rows_worth_b) < _FEWEST_WORTH]


def _verdict(side_a: Side, side_b: Side, severity: str, planned: Plan, columns: list[ColumnDrift], joint: str) -> str:
    a, b = side_a.name, side_b.name
    n = f"{len(columns)} column{'s' if len(columns) != 1 else ''}"
    if severity == "none":
        fewest = min(side_a, side_b, key=lambda side: side.n_rows)
        if fewest.n_rows < _FEWEST_ROWS:
            rows = f"{fewest.n_rows} rows" if fewest.n_rows != 1 else "1 row"
            return f"{fewest.name} has too few rows to tell whether {b} is like {a}: {rows}"
        return f"{b} is like {a}: no difference that matters in {n}; {joint}"
    drifted = [column for column in columns if column.severity != "none"]
    parts = [change.sentence for change in planned.changes if change.severity != "none"][:_NAMED_IN_VERDICT]
    parts += [column.sentence for column in drifted][: max(1, _NAMED_IN_VERDICT - len(parts))]
    alone = "no column has drifted by itself" if len(columns) > 1 else f"{columns[0].column} is alike"
    parts.append(f"{len(drifted)} of {n} drifted" if drifted else alone)
    parts.append(joint)
    return f"{b} differs from {a}: {'; '.join(parts)}"


def _joint_words(joint: JointDrift | None, alpha: float) -> str:
    if joint is None:
        return "there are too few independent rows for a joint test"
    figures = f"(AUC {joint.auc:.2f}, {chance(joint.p_corrected)})"
    if joint.severity == "none":
        said = "cannot tell the rows apart" if joint.p_corrected > alpha else "hardly tells the rows apart"
        return f"the joint test {said} {figures}"
    by = f", most of all by {' and '.join(list(joint.telling)[:3])}" if joint.telling else ""
    return f"the joint test tells the rows apart{by} {figures}"


def _compared(side: Side, schema: Schema) -> Compared:
    start = end = None
    if side.moments is not None:
        ends = np.nanmin(side.moments), np.nanmax(side.moments)
        zoned = all(c.zoned and side.sample.says_zone(c.name, c.reading) for c in schema.columns if c.role == "time")
        start, end = (iso_time(float(round(moment)), zoned=zoned) for moment in ends)
    return Compared(side.name, side.n_rows, side.sample.n_rows, start, end)


def _notes(schema: Schema, a: Side, b: Side, sources: tuple[Source, Source]) -> list[str]:
    said = [f"{side.name}: {note}" for side, source in zip((a, b), sources, strict=True) for note in source.notes]
    for side in (a, b):
        if side.sample.n_rows < side.n_rows:
            said.append(f"{side.name}: from a uniform sample of {side.sample.n_rows:,} of {side.n_rows:,} rows")
    if a.moments is None or b.moments is None:
        said.append("p-values take the rows as independent of one another")
    else:
        said.append(
            "rows that follow one another in time resemble one another: p-values count the independent rows that they "
            "are worth"
        )
    entity = schema.first("entity")
    if entity is not None and entity in b.summary.columns:
        known, here = a.sample.counts(entity), b.sample.counts(entity)
        fresh = [name for name in here if name not in known]
        if fresh:
            said.append(f"{len(fresh):,} of {len(here):,} in {entity} are not in {a.name}, such as {fresh[0]!r}")
    return said
