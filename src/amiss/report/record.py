"""The result as a record: what `--format json` prints, and its JSON schema."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from amiss import __version__
from amiss.core.finding import Contribution, Event
from amiss.core.schema import ColumnSchema
from amiss.pipeline.result import Result

__all__ = ["DetectRecord", "detect_record", "record_schema"]


class DataRecord(msgspec.Struct, frozen=True):
    """What was read."""

    name: str
    kind: str
    n_rows: int
    n_columns: int
    notes: list[str]


class PromiseRecord(msgspec.Struct, frozen=True):
    """False alarms: asked for, and reached on the calibration rows; see `amiss.core.threshold.Promise`."""

    asked: str
    rate: float
    reached: float
    n_calibration: int
    note: str
    share_of: str
    n_effective: int
    dirt: float
    if_normal: float
    model_based: bool
    version: int


class AnomalyRecord(msgspec.Struct, frozen=True):
    """A row (from 0), why it stands here, and its values; `data` is the name of the table.

    `probability`, of an anomaly, is there where the model has learnt from labels.
    """

    data: str
    row: int
    score: float
    p_value: float
    is_anomaly: bool
    reason: str
    contributions: list[Contribution]
    values: dict[str, float | int | str | bool | None]
    probability: float | None


class DetectRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A result of detect or score."""

    format: str
    amiss_version: str
    data: DataRecord
    detector: str
    seed: int
    promise: PromiseRecord
    n_anomalies: int
    schema: list[ColumnSchema]
    anomalies: list[AnomalyRecord]
    events: list[Event]


def anomaly_records(result: Result, n: int) -> list[AnomalyRecord]:
    """The `n` rows with the highest scores."""
    explanations = result.explain_top(n)
    frame = result.rows_at(result.ranking(n))
    chances = result.probabilities
    rows = frame.table.to_dicts()
    return [
        AnomalyRecord(
            result.source.name,
            e.row,
            e.score,
            e.p_value,
            e.is_anomaly,
            e.reason,
            list(e.contributions),
            {name: _plain(value) for name, value in row.items()},
            None if chances is None else float(chances[e.row]),
        )
        for e, row in zip(explanations, rows, strict=True)
    ]


def _plain(value: Any) -> float | int | str | bool | None:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def detect_record(result: Result, n: int | None = None) -> DetectRecord:
    """The record of a result, with its `n` most anomalous rows; by default all that raise an alarm."""
    promise, model = result.promise, result.model
    return DetectRecord(
        format="amiss-detect/1",
        amiss_version=__version__,
        data=DataRecord(result.source.name, result.kind, len(result), result.n_columns, result.notes),
        detector=model.recipe.detector,
        seed=model.recipe.seed,
        promise=PromiseRecord(**dataclasses.asdict(promise)),
        n_anomalies=result.n_anomalies,
        schema=list(result.schema.columns),
        anomalies=anomaly_records(result, result.n_anomalies if n is None else n),
        events=result.events,
    )


def record_schema() -> dict[str, Any]:
    """JSON schema of a `DetectRecord`."""
    return msgspec.json.schema(DetectRecord)
