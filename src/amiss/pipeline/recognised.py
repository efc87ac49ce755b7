"""Whether rows are read as a table or as series: one rule for all verbs, and what is said of a table."""

from __future__ import annotations

from amiss.core.schema import Schema
from amiss.core.source import Progress, Source
from amiss.pipeline.flow_rows import FlowRows
from amiss.pipeline.learn import Looked
from amiss.pipeline.limits import Limits
from amiss.pipeline.recipe import DEFAULT, Recipe
from amiss.pipeline.series_read import ReadSeries, read_series
from amiss.pipeline.series_rows import neighbours_alike
from amiss.prepare.preparation import Preparation

__all__ = ["read_as_series", "table_notes"]

_ALIKE = 0.5
"""Correlation of neighbouring rows from which on rows without a time look like a log."""


def read_as_series(source: Source, recipe: Recipe, looked: Looked, progress: Progress) -> ReadSeries | None:
    """The rows as series, where they are such or are said to be; None for a table.

    Of themselves they are where columns of numbers have a time and are samples of something that goes on: one column at
    a regular clock, or any with neighbours that are alike. A detector of rows that is asked for by name makes them a
    table, one for series a series.
    """
    if isinstance(source, FlowRows):
        return None
    asked = recipe.kind == "series" or recipe.causal or (recipe.kind is None and recipe.ordered)
    timed = _timed(looked.schema)
    if not asked and (recipe.kind == "table" or recipe.detector != DEFAULT or not timed):
        return None
    preparation = Preparation.of(looked.schema, looked.table)
    limits = Limits(recipe.limits, looked.schema)
    read = read_series(preparation, limits, source, source.batches(), progress)
    return read if asked or read.series.sampled else None


def table_notes(source: Source, recipe: Recipe, preparation: Preparation) -> list[str]:
    """What is to be said of rows judged as a table that may be samples of a course, unless they are said to be none.

    Rows without a time are judged by those of the first batch.
    """
    if recipe.kind is not None or isinstance(source, FlowRows) or not preparation.numbers:
        return []
    if _timed(preparation.schema):
        named = recipe.detector != DEFAULT
        why = f"{recipe.detector} judges rows" if named else "do not look like samples of a course: judged"
        return [f"the rows have times, but {why} one by one; --kind series takes them as a series"]
    X = preparation.transform(next(iter(source.batches())))
    alike = neighbours_alike(X[:, : len(preparation.numbers)])
    if alike < _ALIKE:
        return []
    return [f"neighbouring rows are alike (correlation {alike:.2f}): if one follows another in time, say --kind series"]


def _timed(schema: Schema) -> bool:
    return schema.first("time") is not None and bool(schema.named("number"))
