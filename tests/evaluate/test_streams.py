"""Detectors that learn row after row: judged in the order of rows that have one, and refused where there is none."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

import amiss
from amiss.core.errors import ParameterError


def _table() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(1_500, 2)), np.zeros(1_500, int)
    for first in (350, 750, 950, 1_150, 1_300, 1_400):
        X[first : first + 10] += 6
        y[first : first + 10] = 1
    start = datetime(2024, 1, 1)
    time = [start + timedelta(minutes=i) for i in range(1_500)]
    return {"time": time, "a": X[:, 0], "b": X[:, 1], "label": y}


def test_they_are_compared_where_rows_have_an_order() -> None:
    found = amiss.compare(_table(), detectors=["online_mahalanobis", "adaptive_band"], label="label")
    assert {each.name: (each.learns_from, each.failure) for each in found.candidates} == {
        "online_mahalanobis": ("the course", ""),
        "adaptive_band": ("the course", ""),
    }
    assert all(each.judged is not None and each.scores.size for each in found.candidates)


def test_where_rows_have_none_that_is_what_is_said() -> None:
    table = {name: values for name, values in _table().items() if name != "time"}
    found = amiss.compare(table, detectors=["adaptive_band", "hbos"], label="label", kind="table")
    failures = {each.name: each.failure for each in found.candidates}
    assert failures["adaptive_band"] == "adaptive_band learns row after row, and these rows have no order"
    assert failures["hbos"] == ""


def test_labels_and_tables_are_refused_with_the_reason() -> None:
    with pytest.raises(ParameterError, match="learns row after row, and labels are learnt whatever the order"):
        amiss.fit(_table(), detector="adaptive_band", label="label")
    table = {name: values for name, values in _table().items() if name not in ("time", "label")}
    with pytest.raises(ParameterError, match="learns row after row, and a table has no order"):
        amiss.fit(table, kind="table", detector="adaptive_band")
