"""What is known of a column."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from amiss.core.frame import Frame
from amiss.core.schema import ColumnSchema
from amiss.prepare.roles import Wishes, infer_schema
from amiss.summaries.table import TableSummary


@pytest.mark.parametrize(
    ("ends", "band", "left"),
    [
        ((0.0, 40.0), (-3.0, 13.0), (0.0, 13.0)),
        ((2.0, 40.0), (-3.0, 50.0), (2.0, 50.0)),
        ((2.0, 40.0), (-9.0, -3.0), (2.0, 2.0)),
        ((-40.0, 0.0), (-13.0, 3.0), (-13.0, 0.0)),
        ((-40.0, -5.0), (-13.0, 3.0), (-13.0, -5.0)),
        ((-1.0, 40.0), (-3.0, 13.0), (-3.0, 13.0)),
        ((None, None), (-3.0, 13.0), (-3.0, 13.0)),
    ],
)
def test_nothing_is_expected_that_a_column_never_was(ends, band, left):
    column = ColumnSchema(name="x", role="number", lowest=ends[0], highest=ends[1])
    assert column.within(*band) == left


def test_extremes_are_those_of_all_rows_however_they_were_cut():
    x = np.random.default_rng(0).poisson(5, 3000).astype(float)
    x[[7, 1700, 2900]] = (np.nan, -8, np.inf)
    parts = [TableSummary.of(Frame(pl.DataFrame({"x": x[i : i + 1000], "w": ["1,5"] * 1000}), i), capacity=50)
             for i in range(0, 3000, 1000)]  # fmt: skip
    whole = parts[0].merge(parts[1]).merge(parts[2])
    there = x[np.isfinite(x)]
    assert whole.columns["x"].ends == (-8, there.max())
    assert whole.columns["w"].ends is None
    column = infer_schema(whole, Wishes()).columns[0]
    assert (column.lowest, column.highest) == (-8, there.max())


def test_extremes_of_numbers_in_text_are_those_read():
    text = [f"{v},5" for v in range(40)]
    column = infer_schema(TableSummary.of(Frame.of({"x": text}), capacity=100), Wishes()).columns[0]
    assert (column.role, column.lowest, column.highest) == ("number", 0.5, 39.5)
