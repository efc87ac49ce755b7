"""Judges a stream by a model of rows: what `score` says of each row, as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import ParameterError
from amiss.core.summary import Matrix, Vector
from amiss.explain.words import number_word
from amiss.pipeline.model import Model
from amiss.pipeline.series_model import SeriesModel
from amiss.stream.course_judge import CourseJudge
from amiss.stream.judge import Batch, Cause, Judge, Judgement
from amiss.stream.recalibration import Moved, Recalibration

__all__ = ["ModelJudge", "judge_of"]

_DIGITS = 6


class ModelJudge:
    """A model of rows, which learns nothing: rows get the very scores that `Model.score` gives them.

    Where an entity drifts away from what was learnt, the levels of its numbers are found anew, as `Recalibration` has
    it; rows after that are scored as if they stood at the levels before.

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
        self._drift = Recalibration(len(model.preparation.numbers))
        self.columns = [name for name in model.preparation.numbers if name not in (self._time, self._entity)]

    def begin(self, columns: list[str]) -> None:
        """It has its columns."""

    def advance(self, batch: Batch) -> Judgement:
        """Judge rows."""
        frame = batch.readings.frame(self._all, self._time, self._entity)
        beyond = self.model.limits.beyond(frame)
        prepared = self.model.preparation.transform(frame)
        scores, p_values, judged, moved = self._drift.judge(prepared, batch.codes, self._said)
        is_anomaly = self.model.threshold.is_anomaly(scores) | beyond

        def cause(row: int) -> Cause:
            one = np.array([row])
            reason, columns = self.model.reasons_of(frame.rows(one), judged[one])[0]
            return Cause.told(reason, columns)

        drifts = tuple((each.row, self._told(each, batch)) for each in moved)
        return Judgement(scores, p_values, is_anomaly, is_anomaly, cause, drifts)

    def _said(self, prepared: Matrix) -> tuple[Vector, Vector]:
        scores = self.model.detector.score_rows(prepared)
        return scores, self.model.threshold.p_value(scores)

    def _told(self, moved: Moved, batch: Batch) -> Cause:
        """What has moved, in the units of its column."""
        preparation = self.model.preparation
        one = batch.readings.at(np.array([moved.row])).frame(self._all, self._time, self._entity)
        line = int(preparation.entity_codes(one)[0])
        values, usual, said = {}, {}, []
        for j in np.flatnonzero(moved.before != moved.after).tolist():
            name, scale = preparation.numbers[j], float(preparation.scale[line, j])
            before, after = (float(preparation.location[line, j] + scale * level[j]) for level in
                             (moved.before, moved.after))  # fmt: skip
            words = [number_word(level, _DIGITS, abs(after - before)) for level in (before, after)]
            values[name], usual[name] = after, f"about {words[0]}"
            said.append(f"{name} was about {words[0]} and is about {words[1]}")
        return Cause("; ".join(said) + "; this is usual from here on", values, usual)

    def forget(self, codes: npt.NDArray[np.int64], names: Sequence[str]) -> None:
        """It knows no entities."""

    def readiness(self) -> float:
        """It is ready from the first row on."""
        return 1.0

    def state(self) -> dict[str, Any]:
        """What has drifted."""
        return {"drift": self._drift.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a `state`; ValueError if its parts do not fit together."""
        self._drift.restore(state.get("drift", {}))


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
