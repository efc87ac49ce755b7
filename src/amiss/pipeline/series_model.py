"""SeriesModel: a Model of rows that follow one another in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
import numpy as np

from amiss.core.errors import DataError, PromiseError
from amiss.core.frame import Frame
from amiss.core.source import Progress, Source, first_pass, silent
from amiss.core.summary import Vector
from amiss.pipeline.judged import Judged, judge_peaks
from amiss.pipeline.live_ranker import LiveRanker
from amiss.pipeline.model import Model
from amiss.pipeline.ranker import FEWEST_CELLS, Ranker
from amiss.pipeline.recipe import Recipe
from amiss.pipeline.series_read import ReadSeries, read_series
from amiss.pipeline.series_result import SeriesResult
from amiss.pipeline.series_rows import Member, duration_words
from amiss.series.bursts import excursions, peaks, reach
from amiss.thresholds.notice_threshold import NoticeThreshold
from amiss.thresholds.peaks import PeakThreshold
from amiss.thresholds.promise import FalseAlarms, Wish

__all__ = ["SeriesModel", "fit_rankers", "peak_rate", "row_rate", "score_members", "separate_peaks", "wish_of"]

AnyRanker = TypeVar("AnyRanker", Ranker, LiveRanker)
Told = TypeVar("Told")

HINDSIGHT = "causal: each row is judged by those before it alone; what an event was is told with hindsight"


class SeriesModel(Model):
    """A Model whose rows are series: scores depend on the rows before and after, decisions are on events.

    Attributes
    ----------
    rankers
        By entity: its detector and the scale of its scores. An entity not learnt takes the one that learnt most rows.
    """

    def __init__(self, *, rankers: Mapping[str | None, Ranker | LiveRanker], **parts: Any) -> None:
        self.rankers: dict[str | None, Ranker | LiveRanker] = dict(rankers)
        super().__init__(detector=next(iter(self.rankers.values())).detector, **parts)

    def score_source(self, source: Source, *, progress: Progress = silent, native: Any = None) -> SeriesResult:
        """Score the series of a source."""
        read = first_pass(source, lambda each: read_series(self.preparation, self.limits, source, each, progress))
        scores, notes = score_members(self.rankers, read.series.members, progress)
        return self.told(source, read, self.judge(read.series.members, scores), notes, native)

    def judge(self, members: list[Member], scores: list[Vector]) -> list[Judged]:
        """What is said of series that have these scores at their steps."""
        if isinstance(self.threshold, PeakThreshold):
            return judge_peaks(self.threshold, scores)
        known = [self.ranker_of(member.entity) for member in members]
        live = zip(known, members, scores, strict=True)
        return [r.judge(member, s) for r, member, s in live if isinstance(r, LiveRanker)]

    def ranker_of(self, entity: str | None) -> Ranker | LiveRanker:
        """Of an entity; for one not learnt, that of the one that learnt most rows."""
        return self.rankers.get(entity) or next(iter(self.rankers.values()))

    def told(
        self, source: Source, read: ReadSeries, judged: list[Judged], notes: list[str], native: Any
    ) -> SeriesResult:
        """The result for a source that has been judged."""
        hindsight = [HINDSIGHT] if self.recipe.causal else []
        return SeriesResult(
            model=self, source=source, series=read.series, judged=judged, beyond=read.beyond, native=native,
            notes=[*read.notes, *read.series.notes(), *hindsight, *notes],
        )  # fmt: skip

    def score_frame(self, frame: Frame) -> Vector:
        """Scores of the rows of one frame, as series by themselves."""
        raise DataError("a series is scored as a whole", mend="use score")

    def _promising(self, **wishes: Any) -> Model:
        recipe = msgspec.structs.replace(self.recipe, **wishes)
        wish = wish_of(recipe, self.facts.n_rows, self.facts.span_seconds)
        facts, threshold, rankers = self.facts, self.threshold, dict(self.rankers)
        if isinstance(threshold, PeakThreshold):
            rate = peak_rate(wish, threshold.n_calibration_, facts.n_rows, facts.span_seconds)
            promising: PeakThreshold | NoticeThreshold = threshold.at(rate, wish)
        else:
            assert isinstance(threshold, NoticeThreshold)
            rate = row_rate(wish, facts.n_rows, facts.span_seconds)
            promising = threshold.at(rate, wish)
            rankers = {entity: r.at(rate) for entity, r in rankers.items() if isinstance(r, LiveRanker)}
        return SeriesModel(
            recipe=recipe, kind=self.kind, facts=facts, preparation=self.preparation, reasons=self.reasons,
            threshold=promising, rankers=rankers,
        )  # fmt: skip


def fit_rankers(
    members: list[Member], fitted: Callable[[Member], tuple[AnyRanker, Told]], progress: Progress
) -> tuple[dict[str | None, AnyRanker], dict[str | None, Told]]:
    """A ranker for each series that is long enough to be compared with itself, the longest first; and what it says.

    Raises
    ------
    DataError
        None is.
    """
    long = sorted((m for m in members if m.clock.n_cells >= FEWEST_CELLS), key=lambda m: -m.clock.n_cells)
    if not long:
        most = max((m.clock.n_cells for m in members), default=0)
        raise DataError(
            f"{most} steps are too few to tell what is usual in a series",
            mend=f"give a series of at least {FEWEST_CELLS} rows, or say that the rows are a table: --kind table",
        )
    rankers, told = {}, {}
    for k, member in enumerate(long):
        rankers[member.entity], told[member.entity] = fitted(member)
        progress("learning", (k + 1) / len(long))
    return rankers, told


def score_members(
    rankers: Mapping[str | None, Ranker | LiveRanker],
    members: list[Member],
    progress: Progress,
    known: Mapping[str | None, Vector] | None = None,
) -> tuple[list[Vector], list[str]]:
    """Scores of each series, those `known` not anew; and what is to be said.

    One too short to be judged scores as low as can be.
    """
    most_learnt = next(iter(rankers.values()))
    scores: list[Vector] = []
    short: list[str] = []
    unknown: list[str] = []
    for k, member in enumerate(members):
        ranker = rankers.get(member.entity)
        if ranker is None:
            (short if member.clock.n_cells < FEWEST_CELLS else unknown).append(member.name)
        if known is not None and member.entity in known:
            scores.append(known[member.entity])
        elif ranker is None and member.clock.n_cells < FEWEST_CELLS:
            scores.append(np.full(member.clock.n_cells, -np.inf))
        else:
            scores.append((ranker or most_learnt).score(member))
        progress("scoring", (k + 1) / len(members))
    lowest = min((float(s.min()) for s in scores if len(s) and np.isfinite(s).all()), default=0.0)
    scores = [np.maximum(s, lowest) for s in scores]
    notes = []
    if short:
        notes.append(f"too short to be judged, fewer than {FEWEST_CELLS} rows: {_named(short)}")
    if unknown:
        notes.append(f"not learnt, judged by what is usual of another: {_named(unknown)}")
    return scores, notes


def _named(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def separate_peaks(scores: list[Vector], *, in_parts: bool = False) -> Vector:
    """Scores at the peaks of all series, in no order; of an excursion one, unless they were scored `in_parts`."""
    # Parts judged by different detectors stand at different heights, which is no excursion.
    apart = peaks if in_parts else excursions
    return np.concatenate([s[apart(s, reach(s))] for s in scores if len(s)])


def wish_of(recipe: Recipe, n_rows: int, span_seconds: float | None) -> Wish:
    """What the recipe asks; of itself, one false event in the whole history."""
    wish = recipe.wish()
    if isinstance(wish, FalseAlarms) and wish.default:
        span = duration_words(span_seconds) if span_seconds else f"{n_rows:,} rows"
        return FalseAlarms(f"1 event in {span} (default)", number=1.0, default=True)
    if isinstance(wish, FalseAlarms) and wish.number is not None:
        return FalseAlarms(f"{wish.number:g} event{'' if wish.number == 1 else 's'}", number=wish.number)
    return wish


def peak_rate(wish: Wish, n_peaks: int, n_rows: int, span_seconds: float | None) -> float:
    """The rate for each peak that keeps a wish: of so many separate chances, so few may be false."""
    if wish.of_alarms:
        return wish.rate(n_rows, span_seconds)
    # A share of the rows is taken as a share of the peaks: a false event takes as many rows as any other peak.
    share = wish.rate(n_rows, span_seconds)
    if isinstance(wish, FalseAlarms) and wish.share is not None:
        return share
    return min(share * n_rows / max(n_peaks, 1), 0.5)


def row_rate(wish: Wish, n_rows: int, span_seconds: float | None) -> float:
    """The alarms that a row may raise for nothing.

    Raises
    ------
    PromiseError
        A share of the alarms is asked for.
    """
    if wish.of_alarms:
        raise PromiseError(
            "the share of the alarms that may be false is known only once all of them are there",
            mend="ask for a number of false alarms, such as 1/day, or leave out causal",
        )
    return min(wish.rate(n_rows, span_seconds), 0.5)
