"""Learning from series: what each does by itself, and how high the peaks of its score usually are."""

from __future__ import annotations

from typing import Any

from amiss.core.source import Progress, Source
from amiss.core.summary import Vector
from amiss.explain.reasons import Reasons
from amiss.pipeline.judged import Judged
from amiss.pipeline.learn import Looked
from amiss.pipeline.limits import Limits
from amiss.pipeline.live_ranker import LiveRanker
from amiss.pipeline.model import Facts
from amiss.pipeline.ranker import Ranker
from amiss.pipeline.recipe import Recipe
from amiss.pipeline.series_model import (
    SeriesModel,
    fit_rankers,
    peak_rate,
    row_rate,
    score_members,
    separate_peaks,
    wish_of,
)  # fmt: skip
from amiss.pipeline.series_read import ReadSeries
from amiss.pipeline.series_result import SeriesResult
from amiss.series.bursts import runs
from amiss.thresholds.notice_threshold import NoticeThreshold
from amiss.thresholds.notices import TOGETHER
from amiss.thresholds.peaks import PeakThreshold

__all__ = ["detect_series", "fit_series"]


def detect_series(
    source: Source, recipe: Recipe, looked: Looked, read: ReadSeries, progress: Progress, native: Any
) -> SeriesResult:
    """Learn from series and judge them at once."""
    members = read.series.members
    if recipe.causal:
        model, known = _live(source, recipe, looked, read, progress, same_rows=True)
        scores, notes = score_members(model.rankers, members, progress, {who: j.scores for who, j in known.items()})
        judged = [known.get(m.entity) or j for m, j in zip(members, model.judge(members, scores), strict=True)]
        return model.told(source, read, judged, notes, native)
    rankers, learnt = fit_rankers(members, lambda member: Ranker.fitted(member, recipe), progress)
    scores, notes = score_members(rankers, members, progress, learnt)
    model = _model(source, recipe, looked, read, rankers, separate_peaks(scores), same_rows=True)
    return model.told(source, read, model.judge(members, scores), notes, native)


def fit_series(source: Source, recipe: Recipe, looked: Looked, read: ReadSeries, progress: Progress) -> SeriesModel:
    """Learn from series, to judge others; the promise is calibrated on parts that the detector had not seen."""
    if recipe.causal:
        return _live(source, recipe, looked, read, progress, same_rows=False)[0]
    members = read.series.members
    rankers, _ = fit_rankers(members, lambda member: Ranker.fitted(member, recipe), progress)
    judged = [member for member in members if member.entity in rankers]
    held_out = []
    for k, member in enumerate(judged):
        held_out.append(rankers[member.entity].held_out(member, recipe))
        progress("calibrating", (k + 1) / len(judged))
    return _model(source, recipe, looked, read, rankers, separate_peaks(held_out, in_parts=True), same_rows=False)


def _live(
    source: Source, recipe: Recipe, looked: Looked, read: ReadSeries, progress: Progress, *, same_rows: bool
) -> tuple[SeriesModel, dict[str | None, Judged]]:
    """A model that judges each row as it comes, and what it said of those learnt."""
    facts = _facts(source, read)
    wish = wish_of(recipe, facts.n_rows, facts.span_seconds)
    rate = row_rate(wish, facts.n_rows, facts.span_seconds)
    rankers, judged = fit_rankers(read.series.members, lambda member: LiveRanker.fitted(member, recipe, rate), progress)
    n_raised = sum(len(runs(each.high, TOGETHER)) for each in judged.values())
    threshold = NoticeThreshold(rate, asked=wish.asked, n_rows=facts.n_rows, n_raised=n_raised, same_rows=same_rows)
    return _made(recipe, facts, looked, read, rankers, threshold), judged


def _model(
    source: Source, recipe: Recipe, looked: Looked, read: ReadSeries, rankers: dict[str | None, Ranker], peaks: Vector,
    *, same_rows: bool,
) -> SeriesModel:  # fmt: skip
    facts = _facts(source, read)
    wish = wish_of(recipe, facts.n_rows, facts.span_seconds)
    rate = peak_rate(wish, len(peaks), facts.n_rows, facts.span_seconds)
    threshold = PeakThreshold(rate, asked=wish.asked, same_rows=same_rows, of_alarms=wish.of_alarms)
    return _made(recipe, facts, looked, read, rankers, threshold.calibrate(peaks))


def _facts(source: Source, read: ReadSeries) -> Facts:
    series = read.series
    return Facts(source.name, series.n_rows, series.span_seconds, series.interval_seconds)


def _made(recipe: Recipe, facts: Facts, looked: Looked, read: ReadSeries, rankers: Any, threshold: Any) -> SeriesModel:
    inside = ~Limits(recipe.limits, looked.schema).beyond(looked.table.sample)
    reasons = Reasons(read.preparation).learn(looked.table.sample, inside)
    return SeriesModel(
        recipe=recipe, kind="series", facts=facts, preparation=read.preparation, reasons=reasons, threshold=threshold,
        rankers=rankers,
    )  # fmt: skip
