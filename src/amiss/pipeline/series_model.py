"""SeriesModel: a Model of rows that follow one another in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from amiss.core.errors import DataError
from amiss.core.frame import Frame
from amiss.core.source import Progress, Source, first_pass, silent
from amiss.core.summary import Vector
from amiss.pipeline.model import Model
from amiss.pipeline.ranker import FEWEST_CELLS, Ranker
from amiss.pipeline.recipe import Recipe
from amiss.pipeline.series_read import read_series
from amiss.pipeline.series_result import SeriesResult
from amiss.pipeline.series_rows import Member, duration_words
from amiss.series.bursts import peaks, reach
from amiss.thresholds.peaks import PeakThreshold
from amiss.thresholds.promise import FalseAlarms, Wish

__all__ = ["SeriesModel", "fit_rankers", "peak_rate", "score_members", "separate_peaks", "wish_of"]


class SeriesModel(Model):
    """A Model whose rows are series: scores depend on the rows before and after, decisions are on events.

    Attributes
    ----------
    rankers
        By entity: its detector and the scale of its scores. An entity not learnt takes the one that learnt most rows.
    """

    def __init__(self, *, rankers: Mapping[str | None, Ranker], **parts: Any) -> None:
        self.rankers = dict(rankers)
        super().__init__(detector=next(iter(self.rankers.values())).detector, **parts)

    def score_source(self, source: Source, *, progress: Progress = silent, native: Any = None) -> SeriesResult:
        """Score the series of a source."""
        read = first_pass(source, lambda each: read_series(self.preparation, self.limits, source, each, progress))
        scores, notes = score_members(self.rankers, read.series.members, progress)
        return SeriesResult(
            model=self, source=source, series=read.series, cell_scores=scores, beyond=read.beyond, native=native,
            notes=[*read.notes, *read.series.notes(), *notes],
        )  # fmt: skip

    def score_frame(self, frame: Frame) -> Vector:
        """Scores of the rows of one frame, as series by themselves."""
        raise DataError("a series is scored as a whole", mend="use score")

    def _promising(self, **wishes: Any) -> Model:
        recipe = msgspec.structs.replace(self.recipe, **wishes)
        threshold = self.threshold
        assert isinstance(threshold, PeakThreshold)
        wish = wish_of(recipe, self.facts.n_rows, self.facts.span_seconds)
        rate = peak_rate(wish, threshold.n_calibration_, self.facts.n_rows, self.facts.span_seconds)
        return SeriesModel(
            recipe=recipe, kind=self.kind, facts=self.facts, preparation=self.preparation, reasons=self.reasons,
            threshold=threshold.at(rate, wish), rankers=self.rankers,
        )  # fmt: skip


def fit_rankers(
    members: list[Member], recipe: Recipe, progress: Progress
) -> tuple[dict[str | None, Ranker], dict[str | None, Vector]]:
    """A ranker for each series that is long enough to be compared with itself, the longest first; and its scores.

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
    rankers, scores = {}, {}
    for k, member in enumerate(long):
        rankers[member.entity], scores[member.entity] = Ranker.fitted(member, recipe)
        progress("learning", (k + 1) / len(long))
    return rankers, scores


def score_members(
    rankers: Mapping[str | None, Ranker],
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


def separate_peaks(scores: list[Vector]) -> Vector:
    """Scores at the peaks of all series, in no order."""
    return np.concatenate([s[peaks(s, reach(s))] for s in scores if len(s)])


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
