"""SeriesResult: what detect and score hand to the user for rows that follow one another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Contribution, Event, Explanation, FullExplanation
from amiss.core.frame import Frame
from amiss.core.source import Source
from amiss.core.summary import Matrix, Vector
from amiss.explain.words import range_words
from amiss.pipeline.events import iso_time
from amiss.pipeline.judged import Judged
from amiss.pipeline.live_ranker import LiveRanker
from amiss.pipeline.ranker import Ranker
from amiss.pipeline.result import Result
from amiss.pipeline.series_rows import Member, SeriesRows
from amiss.pipeline.silence import CERTAIN, gap_events, limit_events
from amiss.pipeline.story import FOLLOWING, Story
from amiss.series.bursts import highest_around
from amiss.thresholds.notices import TOGETHER

if TYPE_CHECKING:
    from amiss.pipeline.series_model import SeriesModel

__all__ = ["SeriesResult"]

_SLOW = ("drift", "trend_change")
"""Kinds that began long before something sudden in another channel, and did not cause its alarm."""
_NEARLY = 0.9
"""Of the detector's score at the peak of an event: the rows beside it that reach this are of it."""


class SeriesResult(Result):
    """Scores, decisions and events of series. As `Result`, and:

    Attributes
    ----------
    series
        The rows as series, one for each entity.
    judged
        What is said of each series at its equal steps.
    """

    model: SeriesModel

    def __init__(
        self,
        *,
        model: SeriesModel,
        source: Source,
        series: SeriesRows,
        judged: list[Judged],
        beyond: npt.NDArray[np.bool_],
        native: Any = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.series, self.judged = series, judged
        lowest = min((float(each.scores.min()) for each in judged if len(each.scores)), default=0.0)
        scores, p_values = np.full(series.n_rows, lowest), np.ones(series.n_rows)
        high = np.zeros(series.n_rows, np.bool_)
        for member, each in zip(series.members, judged, strict=True):
            if len(each.scores):
                scores[member.rows] = member.clock.from_grid(each.scores, lowest)
                p_values[member.rows] = member.clock.from_grid(each.p_values, 1.0)
                high[member.rows] = member.clock.from_grid(each.high.astype(np.float64), 0.0) > 0
        super().__init__(
            model=model, source=source, scores=scores, p_values=p_values, is_anomaly=high | beyond, beyond=beyond,
            native=native, notes=notes,
        )  # fmt: skip
        self._stories: dict[int, Story] = {}
        self._contributions: dict[int, Matrix] = {}
        if not self.model.recipe.causal and high.any():
            # A window shows in the scores long before and after what is odd in it: the rows of the events are.
            self.is_anomaly = beyond | self._in_events()
            self._events = None

    @property
    def kind(self) -> str:
        """ "series": each row is judged with those around it."""
        return "series"

    def story(self, k: int) -> Story:
        """Tells what happens in the series number `k`."""
        if k not in self._stories:
            self._stories[k] = Story(self.model, self.series.members[k])
        return self._stories[k]

    def _blame(self, k: int) -> Matrix:
        if k not in self._contributions:
            member = self.series.members[k]
            self._contributions[k] = self._ranker(member).contributions(member)
        return self._contributions[k]

    def _ranker(self, member: Member) -> Ranker | LiveRanker:
        return self.model.ranker_of(member.entity)

    @cached_property
    def spans(self) -> list[list[tuple[int, int]]]:
        """First and last step of the events of each series."""
        spans = []
        for member, judged in zip(self.series.members, self.judged, strict=True):
            there = np.bincount(member.clock.cell[member.clock.cell >= 0], minlength=member.clock.n_cells) > 0
            ranker = self._ranker(member)
            nearly = -np.log(_NEARLY) / ranker.scale if isinstance(ranker, Ranker) else 0.0
            spans.append(judged.spans(there, nearly))
        return spans

    @property
    def events(self) -> list[Event]:
        """What happened: alarms of one series that are within reach of one another, the most severe first.

        Before them rows beyond a limit, of kind "limit", and after them unusual gaps between the rows, of kind "gap":
        no promise is made on these.
        """
        if self._events is None:
            found = [self._event(k, first, last) for k, spans in enumerate(self.spans) for first, last in spans]
            found.sort(key=lambda event: (-event.score, event.first_row))
            members = self.series.members
            limited = limit_events(members, self.beyond, self._worst_beyond, self._limit_words, zoned=self.schema.zoned)
            self._events = [*limited, *found, *gap_events(members, zoned=self.schema.zoned)]
        return self._events

    @property
    def n_events(self) -> int:
        """Number of events."""
        return len(self.events)

    def top_events(self, n: int) -> list[Event]:
        """The `n` events told first."""
        return self.events[:n]

    def _in_events(self) -> npt.NDArray[np.bool_]:
        """Rows of the events, and those at which a high score is highest."""
        inside = np.zeros(self.series.n_rows, np.bool_)
        spans: dict[str | None, list[Event]] = {}
        for event in self.events:
            if event.kind not in CERTAIN:
                spans.setdefault(event.entity, []).append(event)
        for member, judged in zip(self.series.members, self.judged, strict=True):
            here = np.zeros(len(member.rows), np.bool_)
            for event in spans.get(member.entity, ()):
                here |= (member.rows >= event.first_row) & (member.rows <= event.last_row)
            if judged.high.any():
                top = judged.high & (judged.scores >= highest_around(judged.scores, TOGETHER))
                here |= member.clock.from_grid(top.astype(np.float64), 0.0) > 0
            inside[member.rows] = here
        return inside

    @property
    def n_promised(self) -> int:
        """Number of events that the promise is about."""
        return sum(map(len, self.spans))

    def _event(self, k: int, first: int, last: int) -> Event:
        member, judged = self.series.members[k], self.judged[k]
        told = self.story(k).channels(self._blame(k), first, last)
        speaking = [shape for channel, shape in told if channel.share >= FOLLOWING] or [told[0][1]]
        # What is told of a channel only because it is told of another says nothing of when it began.
        silent = ("collective",) if told[0][1].kind in _SLOW else ("collective", *_SLOW)
        speaking = [told[0][1], *(shape for shape in speaking if shape.kind not in silent)]
        begin, end = min(shape.first for shape in speaking), max(shape.last for shape in speaking)
        inside = (member.clock.cell >= begin) & (member.clock.cell <= end)
        inside = inside if inside.any() else (member.clock.cell >= first) & (member.clock.cell <= last)
        # Where all of it lies in a gap, the row nearest to it stands for it.
        rows = member.rows[inside] if inside.any() else np.array([self.story(k).row_at(first)])
        peak = first + int(np.argmax(judged.scores[first : last + 1]))
        worst = told[0][0].row
        if not rows.min() <= worst <= rows.max():
            # What is told of lies in a gap, and the row nearest to it outside of the event.
            worst = int(rows[np.argmax(self.scores[rows])])
        seconds = member.clock.seconds() if member.clock.interval_seconds else None
        spanned = (member.clock.cell >= min(first, begin)) & (member.clock.cell <= max(last, end))
        return Event(
            first_row=int(rows.min()), last_row=int(rows.max()), peak_row=worst,
            n_alarms=int(self.is_anomaly[member.rows[spanned]].sum()),
            start=self._moment(seconds, begin), end=self._moment(seconds, end),
            raised=self._moment(seconds, first) if judged.causal else None,
            raised_row=self.story(k).row_at(first) if judged.causal else None,
            entity=member.entity, score=float(judged.scores[peak]), p_value=float(judged.p_values[peak]),
            kind=told[0][0].kind, reason=self.story(k).sentence(told),
            channels=tuple(channel for channel, _ in told),
        )  # fmt: skip

    def _moment(self, seconds: Vector | None, cell: int) -> str | None:
        return None if seconds is None else iso_time(float(seconds[cell]), zoned=self.schema.zoned)

    def _worst_beyond(self, rows: npt.NDArray[np.int64]) -> int:
        return int(rows[np.argmax(self.scores[rows])])

    def _limit_words(self, rows: npt.NDArray[np.int64]) -> list[str]:
        return [said or "" for said in self.model.limits.sentences(self.rows_at(rows))]

    def explain_all(self, rows: npt.NDArray[np.int64]) -> list[Explanation]:
        """Explanations of the rows at these positions, in the order given."""
        where = {int(row): self._place(int(row)) for row in rows}
        for row, (k, cell) in where.items():
            if row not in self._explained:
                self._explained[row] = self._explanation(row, k, cell)
        return [self._explained[int(row)] for row in rows]

    def explain_fully(self, row: int) -> FullExplanation:
        """What `explain` tells: a row of a series is judged with those around it, so no change of it alone is sought.

        Raises
        ------
        ParameterError
            There is no such row.
        """
        told = self.explain(row)
        fields = {name: getattr(told, name) for name in told.__struct_fields__}
        change = "a row of a series is judged with those around it: see its event"
        return FullExplanation(**fields, nearest=(), changes=(), change=change, permutation=())

    def _reasons_in(self, frame: Frame, rows: npt.NDArray[np.intp]) -> list[str]:
        return [found.reason for found in self.explain_all(rows + frame.first_row)]

    def _place(self, row: int) -> tuple[int, int]:
        for k, member in enumerate(self.series.members):
            at = int(np.searchsorted(member.rows, row))
            if at < len(member.rows) and member.rows[at] == row:
                return k, int(member.clock.cell[at])
        raise KeyError(row)

    def _explanation(self, row: int, k: int, cell: int) -> Explanation:
        facts = (row, float(self.scores[row]), float(self.p_values[row]), bool(self.is_anomaly[row]))
        if self.beyond[row]:
            return Explanation(*facts, self._limit_words(np.array([row]))[0], ())
        if cell < 0:
            return Explanation(*facts, "it has no time, so it was not judged", ())
        span = next(((a, b) for a, b in self.spans[k] if a <= cell <= b), (cell, cell))
        told = self.story(k).channels(self._blame(k), *span)
        contributions = tuple(
            Contribution(c.column, c.share, c.value, range_words(c.low, c.high, self._decimals(c.column)))
            for c, _ in told
        )
        return Explanation(*facts, self.story(k).sentence(told), contributions)

    def _decimals(self, name: str) -> int:
        return next(column.decimals for column in self.schema.columns if column.name == name)
