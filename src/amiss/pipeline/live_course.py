"""A series that goes on row by row behind those that its ranker has learnt."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from amiss.core.detector import SequentialSeriesDetector
from amiss.core.errors import ParameterError
from amiss.core.summary import Matrix, Vector
from amiss.pipeline.judged import Judged
from amiss.pipeline.live_ranker import LiveRanker, marked, raised_by_marks
from amiss.series.live_marks import LiveMarks
from amiss.thresholds.notices import Notices

__all__ = ["LiveCourse"]


class LiveCourse:
    """What `LiveRanker.score` and `judge` say of rows that follow those learnt, in parts of any size.

    Parameters
    ----------
    ranker
        What was learnt; it stays as it is.

    Attributes
    ----------
    blame : (n_rows, n_features)
        Of the rows of the last `advance`: what speaks against each, where any raises an alarm; else zeros.
    """

    def __init__(self, ranker: LiveRanker) -> None:
        if not isinstance(ranker.detector, SequentialSeriesDetector):
            raise ParameterError(
                f"{type(ranker.detector).__name__} cannot go on row by row", mend="fit the model with its default"
            )
        self._ranker = ranker
        self._detector = ranker.detector._copied()
        self._notices = ranker.notices.at(ranker.notices.rate)
        self._marks = None if ranker.marks is None else ranker.marks.copy()
        self._said: Vector | None = None
        self._heard = 0.0
        self.blame: Matrix = np.zeros((0, 0))

    def advance(self, X: Matrix) -> Judged:
        """Judge further rows, prepared, (n_rows, n_features)."""
        seen = np.ascontiguousarray(X[:, : self._detector.n_features_in_])
        before = self._detector._copied()
        said = self._detector._advance(seen, learning=False)
        n_marked = 0 if self._marks is None else len(self._marks.last)
        loud, due, self._said = marked(self._marks, X[:, :n_marked], self._notices.rate, self._said)
        loudest = loud.max(axis=1)
        scores = np.maximum(said, loudest)
        raised, heard = raised_by_marks(loudest, due, scores, self._heard)
        p_values, high = self._notices.advance(heard, learning=False)
        if len(heard):
            self._heard = float(heard[-1])
        p_values[raised] = 0.5 * np.exp(-np.maximum(loudest[raised], 0.0))
        self.blame = np.zeros(X.shape)
        if (high | raised).any():
            self._blame(before, seen, loud, scores)
        return Judged(scores, p_values, high | raised, causal=True)

    def _blame(self, before: SequentialSeriesDetector, seen: Matrix, loud: Matrix, scores: Vector) -> None:
        if before.capabilities.reasons:
            self.blame[:, : seen.shape[1]] = before.contribute_rows(seen)
        by_marks = loud.max(axis=1) >= scores
        self.blame[by_marks, : loud.shape[1]] = np.exp(np.clip(loud[by_marks], -50, 50))

    def state(self) -> dict[str, Any]:
        """Where it stands, as arrays, numbers and further such dictionaries."""
        return {
            "detector": self._detector.state(), "notices": self._notices.moment(), "heard": self._heard,
            "marks": None if self._marks is None else self._marks.state(), "said": self._said,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a `state`; ValueError if its parts do not fit together."""
        self._detector = copy.copy(self._detector).restore(state["detector"])
        self._notices = Notices.resumed(state["notices"], self._notices.rate)
        self._marks = None if state["marks"] is None else LiveMarks.restored(state["marks"])
        self._said, self._heard = state["said"], float(state["heard"])
