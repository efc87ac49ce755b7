"""A detector for one entity's series that judges each row by those before it, and when it raises an alarm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.core.detector import Matrix, SequentialSeriesDetector, SeriesDetector, Vector
from amiss.pipeline.judged import Judged
from amiss.pipeline.ranker import holes_for
from amiss.pipeline.recipe import CAUSAL_DEFAULT, Recipe
from amiss.pipeline.series_rows import Member
from amiss.series.channels import held
from amiss.thresholds.notices import Notices

__all__ = ["LiveRanker"]

_FIRST_FIT = 50


@dataclass(frozen=True, slots=True)
class LiveRanker:
    """Scores one series row by row.

    Attributes
    ----------
    detector
        Fitted on the series.
    notices
        When it raises an alarm, after the rows learnt.
    """

    detector: SeriesDetector
    notices: Notices

    @classmethod
    def fitted(cls, member: Member, recipe: Recipe, rate: float) -> tuple[LiveRanker, Judged]:
        """Learn from a series; gives too what it said of each row when it came."""
        detector = recipe.make_detector()
        # The default sees measured numbers alone, as `Ranker` has it.
        numbers = recipe.detector == CAUSAL_DEFAULT and member.n_numbers > 0
        X = _seen(detector, member, member.n_numbers if numbers else member.grid.shape[1])
        scores = detector.fit_score(X) if isinstance(detector, SequentialSeriesDetector) else _forward(detector, X)
        notices = Notices(rate)
        p_values, high = notices.advance(scores, learning=True)
        return cls(detector, notices), Judged(scores, p_values, high, causal=True)

    def score(self, member: Member) -> Vector:
        """Scores of rows that follow those learnt, (n_cells,)."""
        return self.detector.score_rows(_seen(self.detector, member, self.detector.n_features_in_))

    def judge(self, scores: Vector) -> Judged:
        """What is said of rows with these scores that follow those learnt.

        The count of alarms begins anew: those of the first rows, of which hardly anything was known, say little.
        """
        return Judged(scores, *self.notices.at(self.notices.rate).advance(scores, learning=False), causal=True)

    def at(self, rate: float) -> LiveRanker:
        """The same under another promise."""
        return LiveRanker(self.detector, self.notices.at(rate))

    def contributions(self, member: Member) -> Matrix:
        """What each feature adds to the detector's score at each step, (n_cells, n_features); 0 where it cannot say."""
        found, n_seen = np.zeros(member.grid.shape), self.detector.n_features_in_
        if self.detector.capabilities.reasons:
            found[:, :n_seen] = self.detector.contribute_rows(_seen(self.detector, member, n_seen))
        return found

    def n_seen(self, n_features: int) -> int:
        """How many of the features, the first ones, the detector sees."""
        return min(int(self.detector.n_features_in_), n_features)

    def fits(self, n_numbers: int, n_features: int) -> bool:
        """Whether its parts are made for so many features."""
        return self.detector.n_features_in_ in (n_numbers, n_features)

    def numbers(self) -> dict[str, Any]:
        """All but the detector, for the model file."""
        return self.notices.state()

    @classmethod
    def restored(cls, detector: SeriesDetector, numbers: dict[str, Any]) -> LiveRanker:
        """From a detector that has been restored, and `numbers`; ValueError if these are none."""
        return cls(detector, Notices.restored(numbers))


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
