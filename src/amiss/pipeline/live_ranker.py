"""A detector for one entity's series that judges each row by those before it, and when it raises an alarm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Matrix, SequentialSeriesDetector, SeriesDetector, Vector
from amiss.pipeline.judged import Judged
from amiss.pipeline.ranker import holes_for
from amiss.pipeline.recipe import CAUSAL_DEFAULT, Recipe
from amiss.pipeline.series_rows import Member
from amiss.series.channels import held
from amiss.series.live_marks import LiveMarks
from amiss.thresholds.notices import Notices, separation

__all__ = ["LiveRanker", "marked", "raised_by_marks"]

_FIRST_FIT = 50
_MARKS = "marks."
_APART = 2.0
"""Peaks of a score are so many times as far apart as they have to be."""


@dataclass(frozen=True, slots=True)
class LiveRanker:
    """Scores one series row by row; where a mark is louder than the score, the mark speaks.

    The two keep to the promise each for itself: a sensor that has frozen must not cost the alarm for what is new.

    Attributes
    ----------
    detector
        Fitted on the series.
    notices
        When it raises an alarm, after the rows learnt.
    marks
        Beside the default detector: values that repeat or stay away. None where another detector was asked for.
    """

    detector: SeriesDetector
    notices: Notices
    marks: LiveMarks | None = None

    @classmethod
    def fitted(cls, member: Member, recipe: Recipe, rate: float) -> tuple[LiveRanker, Judged]:
        """Learn from a series; gives too what it said of each row when it came."""
        detector = recipe.make_detector()
        # The default sees measured numbers alone, as `Ranker` has it.
        numbers = recipe.detector == CAUSAL_DEFAULT and member.n_numbers > 0
        X = _seen(detector, member, member.n_numbers if numbers else member.grid.shape[1])
        scores = detector.fit_score(X) if isinstance(detector, SequentialSeriesDetector) else _forward(detector, X)
        marks = LiveMarks.begun(member.n_numbers) if numbers else None
        loud, due, _ = marked(marks, _channels(marks, member), rate)
        made = cls(detector, Notices(rate), marks)
        return made, made._judged(
            made.notices, np.maximum(scores, loud.max(axis=1)), loud.max(axis=1), due, learning=True
        )

    def score(self, member: Member) -> Vector:
        """Scores of rows that follow those learnt, (n_cells,)."""
        said = self.detector.score_rows(_seen(self.detector, member, self.detector.n_features_in_))
        scores: Vector = np.maximum(said, self._marked(member)[0].max(axis=1))
        return scores

    def judge(self, member: Member, scores: Vector) -> Judged:
        """What is said of rows with these scores that follow those learnt.

        The count of alarms begins anew: those of the first rows, of which hardly anything was known, say little.
        """
        loud, due = self._marked(member)
        return self._judged(self.notices.at(self.notices.rate), scores, loud.max(axis=1), due, learning=False)

    def _marked(self, member: Member) -> tuple[Matrix, Vector]:
        marks = None if self.marks is None else self.marks.copy()
        return marked(marks, _channels(marks, member), self.notices.rate)[:2]

    def _judged(self, notices: Notices, scores: Vector, loud: Vector, due: Vector, *, learning: bool) -> Judged:
        raised, heard = raised_by_marks(loud, due, scores, 0.0)
        p_values, high = notices.advance(heard, learning=learning)
        p_values[raised] = 0.5 * np.exp(-np.maximum(loud[raised], 0.0))
        return Judged(scores, p_values, high | raised, causal=True)

    def at(self, rate: float) -> LiveRanker:
        """The same under another promise."""
        return LiveRanker(self.detector, self.notices.at(rate), self.marks)

    def contributions(self, member: Member) -> Matrix:
        """What each feature adds to the detector's score at each step, (n_cells, n_features); 0 where it cannot say."""
        found, n_seen = np.zeros(member.grid.shape), self.detector.n_features_in_
        if self.detector.capabilities.reasons:
            found[:, :n_seen] = self.detector.contribute_rows(_seen(self.detector, member, n_seen))
        loud, _ = self._marked(member)
        marked = loud.max(axis=1) >= self.score(member)
        found[marked, : loud.shape[1]] = np.exp(np.clip(loud[marked], -50, 50))
        return found

    def n_seen(self, n_features: int) -> int:
        """How many of the features, the first ones, the detector sees."""
        return min(int(self.detector.n_features_in_), n_features)

    def fits(self, n_numbers: int, n_features: int) -> bool:
        """Whether its parts are made for so many features."""
        marked = self.marks is None or len(self.marks.last) == n_numbers
        return marked and self.detector.n_features_in_ in (n_numbers, n_features)

    def numbers(self) -> dict[str, Any]:
        """All but the detector, for the model file."""
        marks = {} if self.marks is None else {f"{_MARKS}{k}": v for k, v in self.marks.state().items()}
        return self.notices.state() | marks

    @classmethod
    def restored(cls, detector: SeriesDetector, numbers: dict[str, Any]) -> LiveRanker:
        """From a detector that has been restored, and `numbers`; ValueError if these are none."""
        state = {name.removeprefix(_MARKS): value for name, value in numbers.items() if name.startswith(_MARKS)}
        return cls(detector, Notices.restored(numbers), LiveMarks.restored(state) if state else None)


def marked(
    marks: LiveMarks | None, X: Matrix, rate: float, before: Vector | None = None
) -> tuple[Matrix, Vector, Vector | None]:
    """What marks say of further rows, (n_rows, n_channels), as scores of the default; and from where on it is raised.

    The marks go on with the rows. `before` is what they said of the last row that came, which a row that did not come
    has too; the like is given for what follows.
    """
    if marks is None:
        return np.full((len(X), 1), -np.inf), np.zeros(len(X)), None
    there = ~np.isnan(X).all(axis=1)
    row = np.cumsum(there)
    # So many rows have one peak, and half of these are above a score of 0.
    peak = np.log(2 * _APART * separation(marks.n_rows + row))
    first = np.full(X.shape[1], -np.inf) if before is None else before
    # A row that did not come says nothing new.
    said = np.vstack([first, marks.advance(X[there])])
    return said[row] - peak[:, None], -np.log(rate) - peak, said[-1]


def raised_by_marks(loud: Vector, due: Vector, scores: Vector, before: float) -> tuple[npt.NDArray[np.bool_], Vector]:
    """Rows that the marks raise, and the scores that are then heard: what is raised so is not heard again.

    The last score before it stands, `before` where there is none.
    """
    raised = (loud >= scores) & (loud >= due)
    last = np.maximum.accumulate(np.where(raised, 0, np.arange(1, len(scores) + 1)))
    return raised, np.append(before, scores)[last]


def _channels(marks: LiveMarks | None, member: Member) -> Matrix:
    """The rows that marks look at."""
    return member.grid[:, :0] if marks is None else member.as_rows[:, : member.n_numbers]


def _seen(detector: SeriesDetector, member: Member, n_seen: int) -> Matrix:
    """The first features as they came: what is missing is the value before, where the detector cannot do with holes."""
    X = holes_for(detector, member)[:, :n_seen]
    if not detector.capabilities.missing:
        X = np.nan_to_num(held(X, np.full(X.shape[1], np.nan)))
    return np.ascontiguousarray(X)


def _forward(detector: SeriesDetector, X: Matrix) -> Vector:
    """Scores of each row by a detector fitted on rows before it alone, anew whenever there are twice as many."""
    scores, n = np.empty(0), min(_FIRST_FIT, len(X))
    while len(scores) < len(X):
        stop = min(2 * n, len(X))
        later = detector.fit(X[:n]).score_rows(np.ascontiguousarray(X[:stop]))[n:stop]
        scores = np.concatenate([scores if len(scores) else np.full(n, later.min(initial=0.0)), later])
        n = stop if stop < len(X) else n
    detector.fit(X)
    return scores
