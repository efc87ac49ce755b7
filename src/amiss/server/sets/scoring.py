"""Rows that are sent to be scored by a model of the store."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amiss.core.errors import ParameterError
from amiss.server.problems import Problem
from amiss.store.store import Store

if TYPE_CHECKING:
    from amiss.pipeline.model import Model

__all__ = ["MOST_COLUMNS", "MOST_ROWS", "Scorer"]

MOST_ROWS, MOST_COLUMNS = 10_000, 2000
_MOST_MODELS = 8
_LONGEST = 10_000
"""Characters of a value."""


class Scorer:
    """Models of a store, kept ready.

    Parameters
    ----------
    store
        Knows where their files are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._models: dict[str, Model] = {}

    def score(self, name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Score, p-value, decision and, for rows that raise an alarm, the reason.

        Parameters
        ----------
        name
            Of the model; of its versions the champion scores, or else the newest.
        rows
            By column; what a row lacks is missing.

        Raises
        ------
        Problem
            There is no such model (404), or there are too many rows (413).
        ParameterError
            There are no rows, or a value is neither number nor text.
        SchemaError
            A column that the model needs is not there.
        """
        model = self._model(name)
        result = model.score(_columns(rows))
        alarms = [row for row in range(len(rows)) if result.is_anomaly[row]]
        import numpy as np

        told = result.explain_all(np.array(alarms, np.int64)) if alarms else []
        reasons = {each.row: each.reason for each in told}
        return [
            {"score": float(score), "p_value": float(p_value), "is_anomaly": bool(odd), "reason": reasons.get(row)}
            for row, (score, p_value, odd) in enumerate(
                zip(result.scores, result.p_values, result.is_anomaly, strict=True)
            )
        ]

    def _model(self, name: str) -> Model:
        versions = self._store.models(name)
        if not versions:
            raise Problem(404, f"there is no model {name[:100]!r}", where="model", mend="GET /api/models lists them")
        record = next((each for each in versions if each.state == "champion"), versions[-1])
        with self._lock:
            if record.digest not in self._models:
                from amiss.pipeline.model_file import load

                while len(self._models) >= _MOST_MODELS:
                    self._models.pop(next(iter(self._models)))
                self._models[record.digest] = load(Path(record.path))
            return self._models[record.digest]


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    if not rows:
        raise ParameterError("there are no rows", where="rows", mend="send at least one")
    if len(rows) > MOST_ROWS:
        raise Problem(413, f"{len(rows):,} rows at once are too many", where="rows", mend=f"send at most {MOST_ROWS:,}")
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names or len(names) > MOST_COLUMNS:
        raise ParameterError(f"{len(names):,} columns are none that can be scored", where="rows")
    return {name: _alike(name, [row.get(name) for row in rows]) for name in names}


def _alike(name: str, values: list[Any]) -> list[Any]:
    """The values of a column: numbers where all are, otherwise text."""
    for k, value in enumerate(values):
        if value is not None and not isinstance(value, (bool, int, float, str)):
            raise ParameterError("a value is neither number nor text", where=f"row {k}, {name[:100]}")
        if isinstance(value, str) and len(value) > _LONGEST:
            raise ParameterError("a value is too long", where=f"row {k}, {name[:100]}")
    if all(value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)) for value in values):
        return [None if value is None else _number(value) for value in values]
    return [None if value is None else str(value) for value in values]


def _number(value: float) -> float:
    """A whole number that no column can hold is as far out as can be."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
