"""A model against labels: what it finds, what it raises for nothing, kind by kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from amiss.core.errors import DataError
from amiss.core.source import Progress, Source, silent
from amiss.evaluate.decisions import RowJudgement, judge_rows
from amiss.pipeline.model import Model
from amiss.pipeline.opening import open_source
from amiss.prepare.labels import read_label_column
from amiss.thresholds.conformal import Conformal

__all__ = ["judge_model", "judge_model_on"]


def judge_model(
    model: Model, data: Any, label: str, *, normal: str | None = None, progress: Progress = silent
) -> RowJudgement:
    """Judge a model on labelled rows that it has not learnt from.

    Decisions are those of the model's own promise; recall at other false-alarm rates has its cuts from the rows that
    the model was calibrated on. Rows without a label are left out. Probabilities are judged where the model has some.

    Parameters
    ----------
    data
        A path, "-", a pandas, polars or Arrow table, or a mapping of columns.
    label
        Column that says which rows are anomalies; see `amiss.fit`.
    normal
        The label's word for a normal row, where it is not plain.

    Raises
    ------
    DataError
        There is no such column, or its labels cannot be told.

    Examples
    --------
    >>> import amiss, numpy as np
    >>> from amiss.evaluate.model import judge_model
    >>> random = np.random.default_rng(0)
    >>> model = amiss.fit({"x": random.normal(size=2000)}, false_alarms="1%")
    >>> x, odd = random.normal(size=1000), np.arange(1000) < 50
    >>> judged = judge_model(model, {"x": x + 5 * odd, "label": odd}, "label")
    >>> judged.figures["recall"].value > 0.9, judged.figures["false_alarm_rate"].value < 0.03
    (True, True)
    """
    return judge_model_on(model, open_source(data), label, normal=normal, progress=progress)


def judge_model_on(
    model: Model, source: Source, label: str, *, normal: str | None = None, progress: Progress = silent
) -> RowJudgement:
    """`judge_model` for a source that is open already."""
    values: list[Any] = []
    for frame in source.batches():
        if label not in frame.names:
            raise DataError(f"there is no column {label!r}", mend=f"columns: {', '.join(frame.names)}")
        values += frame.table[label].to_list()
    labels = read_label_column(values, label, normal)
    result = model.score_source(source, progress=progress)
    known = labels.y >= 0
    told: dict[str, Any] = {}
    if len(labels.kinds) > 1:
        names = np.array(["", *labels.kinds])
        told["kinds"] = names[labels.y[known]].tolist()
        told["known_kinds"] = set(model.kinds) or None
    if isinstance(model.threshold, Conformal) and not model.threshold.same_rows:
        told["calibration"] = model.threshold.calibration_scores
    if result.probabilities is not None:
        told["chances"] = result.probabilities[known]
    return judge_rows(labels.y[known] > 0, result.scores[known], flags=result.is_anomaly[known], **told)
