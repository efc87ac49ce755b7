"""Learning from series: what each does by itself, and how high the peaks of its score usually are."""

from __future__ import annotations

from typing import Any

from amiss.core.source import Progress, Source
from amiss.core.summary import Vector
from amiss.explain.reasons import Reasons
from amiss.pipeline.learn import Looked
from amiss.pipeline.limits import Limits
from amiss.pipeline.model import Facts
from amiss.pipeline.recipe import DEFAULT, Recipe
from amiss.pipeline.series_model import (
    SeriesModel,
    fit_rankers,
    peak_rate,
    score_members,
    separate_peaks,
    wish_of,
)  # fmt: skip
from amiss.pipeline.series_read import ReadSeries, read_series
from amiss.pipeline.series_result import SeriesResult
from amiss.prepare.preparation import Preparation
from amiss.thresholds.peaks import PeakThreshold

__all__ = ["detect_series", "fit_series", "read_as_series"]


def read_as_series(source: Source, recipe: Recipe, looked: Looked, progress: Progress) -> ReadSeries | None:
    """The rows as series, where they are such or are said to be; None for a table.

    Of themselves they are where columns of numbers have a time and are samples of something that goes on: one column at
    a regular clock, or any with neighbours that are alike. A detector of rows that is asked for by name makes them a
    table, one for series a series.
    """
    asked = recipe.kind == "series" or (recipe.kind is None and recipe.ordered)
    timed = looked.schema.first("time") is not None and bool(looked.schema.named("number"))
    if not asked and (recipe.kind == "table" or recipe.detector != DEFAULT or not timed):
        return None
    preparation = Preparation.of(looked.schema, looked.table)
    limits = Limits(recipe.limits, looked.schema)
    read = read_series(preparation, limits, source, source.batches(), progress)
    return read if asked or read.series.sampled else None


def detect_series(
    source: Source, recipe: Recipe, looked: Looked, read: ReadSeries, progress: Progress, native: Any
) -> SeriesResult:
    """Learn from series and judge them at once."""
    rankers, known = fit_rankers(read.series.members, recipe, progress)
    scores, notes = score_members(rankers, read.series.members, progress, known)
    model = _model(source, recipe, looked, read, rankers, separate_peaks(scores), same_rows=True)
    return SeriesResult(
        model=model, source=source, series=read.series, cell_scores=scores, beyond=read.beyond, native=native,
        notes=[*read.notes, *read.series.notes(), *notes],
    )  # fmt: skip


def fit_series(source: Source, recipe: Recipe, looked: Looked, read: ReadSeries, progress: Progress) -> SeriesModel:
    """Learn from series, to judge others; the promise is calibrated on parts that the detector had not seen."""
    members = read.series.members
    rankers, _ = fit_rankers(members, recipe, progress)
    judged = [member for member in members if member.entity in rankers]
    held_out = []
    for k, member in enumerate(judged):
        held_out.append(rankers[member.entity].held_out(member, recipe))
        progress("calibrating", (k + 1) / len(judged))
    return _model(source, recipe, looked, read, rankers, separate_peaks(held_out), same_rows=False)


def _model(
    source: Source, recipe: Recipe, looked: Looked, read: ReadSeries, rankers: Any, peaks: Vector, *, same_rows: bool
) -> SeriesModel:
    series = read.series
    facts = Facts(source.name, series.n_rows, series.span_seconds, series.interval_seconds)
    wish = wish_of(recipe, facts.n_rows, facts.span_seconds)
    rate = peak_rate(wish, len(peaks), facts.n_rows, facts.span_seconds)
    threshold = PeakThreshold(rate, asked=wish.asked, same_rows=same_rows, of_alarms=wish.of_alarms)
    threshold.calibrate(peaks)
    inside = ~Limits(recipe.limits, looked.schema).beyond(looked.table.sample)
    return SeriesModel(
        recipe=recipe, kind="series", facts=facts, preparation=read.preparation,
        reasons=Reasons(read.preparation).learn(looked.table.sample, inside), threshold=threshold, rankers=rankers,
    )  # fmt: skip
