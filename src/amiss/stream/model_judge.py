"""Judges a stream by a model of rows: what `score` says of each row, as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import ParameterError
from amiss.pipeline.model import Model
from amiss.pipeline.series_model import SeriesModel
from amiss.stream.course_judge import CourseJudge
from amiss.stream.judge import Batch, Cause, Judge, Judgement

__all__ = ["ModelJudge", "judge_of"]


class ModelJudge:
    """A model of rows; it learns nothing, and rows get the very scores that `Model.score` gives them.

    Parameters
    ----------
    model
        As `amiss.load` gives it; its promise is for each row.
    """

    def __init__(self, model: Model) -> None:
        if model.threshold.of_alarms:
            raise ParameterError(
                "a share of the alarms that may be false is known only over many rows judged together",
                mend="ask for a number of false alarms, such as 1/day or 0.1%",
            )
        self.model = model
        self._time, self._entity = model.schema.first("time"), model.schema.first("entity")
        self._all = [column.name for column in model.schema.columns]
        self.columns = [name for name in model.preparation.numbers if name not in (self._time, self._entity)]

    def begin(self, columns: list[str]) -> None:
        """It has its columns."""

    def advance(self, batch: Batch) -> Judgement:
        """Judge rows."""
        frame = batch.readings.frame(self._all, self._time, self._entity)
        scores = self.model.score_frame(frame)
        beyond = self.model.limits.beyond(frame)
        p_values = self.model.threshold.p_value(scores)
        is_anomaly = self.model.threshold.is_anomaly(scores) | beyond

        def cause(row: int) -> Cause:
            reason, columns = self.model.reasons_of(frame.rows(np.array([row])))[0]
            return Cause.told(reason, columns)

        return Judgement(scores, p_values, is_anomaly, is_anomaly, cause)

    def forget(self, codes: npt.NDArray[np.int64], names: Sequence[str]) -> None:
        """It knows no entities."""

    def readiness(self) -> float:
        """It is ready from the first row on."""
        return 1.0

    def state(self) -> dict[str, Any]:
        """Nothing beside the model."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """There is nothing to take up."""


def judge_of(model: Model) -> Judge:
    """The judge that a model makes.

    Raises
    ------
    ParameterError
        The model cannot judge rows as they come.
    """
    if isinstance(model, SeriesModel):
        return CourseJudge(model)
    if model.kind != "table":
        raise ParameterError(
            f"a model of {model.kind} cannot watch a stream of readings", mend="fit a model of such readings"
        )
    return ModelJudge(model)
