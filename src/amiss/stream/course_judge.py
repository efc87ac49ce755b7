"""Judges a stream by a model of series: each entity's detector goes on where the rows learnt end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import ParameterError
from amiss.core.summary import Matrix
from amiss.pipeline.live_course import LiveCourse
from amiss.pipeline.live_ranker import LiveRanker
from amiss.pipeline.series_model import SeriesModel
from amiss.stream.judge import Batch, Cause, Judgement
from amiss.stream.roster import in_series

__all__ = ["CourseJudge"]


class CourseJudge:
    """A causal model of series. Rows at the steps of the series learnt get the scores that `Model.score` gives them.

    Costs what the model's detector costs for each entity: some 300 KB and 10 µs a row by the default.

    Parameters
    ----------
    model
        Fitted with `causal`.
    """

    def __init__(self, model: SeriesModel) -> None:
        if not model.recipe.causal:
            raise ParameterError(
                "this model judges a series with hindsight, which a stream does not have",
                mend="fit it with --causal, or watch with --history FILE",
            )
        self.model = model
        self._time, self._entity = model.schema.first("time"), model.schema.first("entity")
        self._all = [column.name for column in model.schema.columns]
        self.columns = list(model.preparation.numbers)
        self._courses: dict[str, LiveCourse] = {}

    def begin(self, columns: list[str]) -> None:
        """It has its columns."""

    def advance(self, batch: Batch) -> Judgement:
        """Judge rows; what is usual stays as it was learnt, and what was said goes on."""
        frame = batch.readings.frame(self._all, self._time, self._entity)
        X = self.model.preparation.transform(frame)
        n = len(X)
        scores, p_values, high = np.zeros(n), np.ones(n), np.zeros(n, np.bool_)
        blame: Matrix = np.zeros(X.shape)
        order, first = in_series(batch.codes)
        for rows in np.split(order, first[1:]):
            if not len(rows):
                continue
            course = self._course(batch.names[int(batch.codes[rows[0]])])
            said = course.advance(X[rows])
            scores[rows], p_values[rows], high[rows] = said.scores, said.p_values, said.high
            blame[rows] = course.blame
        beyond = self.model.limits.beyond(frame)

        def cause(row: int) -> Cause:
            one = np.array([row])
            limit = self.model.limits.sentences(frame.rows(one))[0]
            reason, columns = self.model.reasons.of(frame.rows(one), X[one], blame[one])[0]
            return Cause.told(limit or reason, columns)

        return Judgement(scores, p_values, high | beyond, high | beyond, cause)

    def _course(self, entity: str) -> LiveCourse:
        if entity not in self._courses:
            ranker = self.model.ranker_of(entity or None)
            assert isinstance(ranker, LiveRanker)
            self._courses[entity] = LiveCourse(ranker)
        return self._courses[entity]

    def forget(self, codes: npt.NDArray[np.int64], names: Sequence[str]) -> None:
        """Unlearn entities that have gone: should they come again, they begin where the rows learnt end."""
        for name in names:
            self._courses.pop(name, None)

    def readiness(self) -> float:
        """It is ready from the first row on."""
        return 1.0

    def state(self) -> dict[str, Any]:
        """Where each entity's course stands."""
        return {"courses": {entity: course.state() for entity, course in self._courses.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a `state`; ValueError if its parts do not fit together."""
        self._courses = {}
        for entity, course in state["courses"].items():
            self._course(entity).restore(course)
