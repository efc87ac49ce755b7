"""One door: every kind of frame gives the same columns and the same scores."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import amiss
from amiss.core.errors import DataError
from amiss.core.foreign import column_names
from amiss.core.frame import Frame

RANDOM = np.random.default_rng(0)
N = 120
COLUMNS = {
    "time": [dt.datetime(2026, 1, 1) + dt.timedelta(minutes=i) for i in range(N)],
    "temp": [None if i % 40 == 3 else float(v) for i, v in enumerate(RANDOM.normal(60, 2, N))],
    "count": RANDOM.integers(0, 50, N).tolist(),
    "mode": [None if i == 5 else ("auto", "manual")[i % 7 == 0] for i in range(N)],
    "ok": [bool(i % 3) for i in range(N)],
}
KINDS = {
    "dict": lambda: COLUMNS,
    "pandas": lambda: pd.DataFrame(COLUMNS),
    "pandas_index": lambda: pd.DataFrame(COLUMNS, index=[f"r{i}" for i in range(N)]),
    "pandas_nullable": lambda: pd.DataFrame(COLUMNS).convert_dtypes(),
    "pandas_category": lambda: pd.DataFrame(COLUMNS).astype({"mode": "category"}),
    "polars": lambda: pl.DataFrame(COLUMNS),
    "polars_lazy": lambda: pl.LazyFrame(COLUMNS),
    "polars_categorical": lambda: pl.DataFrame(COLUMNS).with_columns(pl.col("mode").cast(pl.Categorical)),
    "arrow": lambda: pa.table(COLUMNS),
    "frame": lambda: Frame.of(COLUMNS),
}


@pytest.fixture(scope="module")
def expected():
    return amiss.detect(COLUMNS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_gives_the_same_scores(kind, expected):
    result = amiss.detect(KINDS[kind]())
    np.testing.assert_array_equal(result.scores, expected.scores)
    assert [c.role for c in result.schema.columns] == [c.role for c in expected.schema.columns]
    assert result.explain(3).reason == expected.explain(3).reason


@pytest.mark.parametrize("kind", ["pandas", "pandas_index", "polars", "arrow"])
def test_top_is_of_the_callers_kind(kind, expected):
    data = KINDS[kind]()
    top = amiss.detect(data).top(4)
    assert type(top) is type(data)
    names = top.column_names if kind == "arrow" else list(top.columns)
    assert [int(row) for row in top["row"].to_numpy()] == expected.ranking(4).tolist()
    assert names == ["row", "anomaly_score", "p_value", "is_anomaly", "reason", *COLUMNS]
    if kind == "pandas_index":
        assert list(top.index) == [f"r{i}" for i in top["row"]]


def test_arrays_and_lists():
    X = RANDOM.normal(size=(50, 3))
    expected = amiss.detect(X).scores
    columns = {f"column_{j + 1}": X[:, j] for j in range(3)}
    np.testing.assert_array_equal(amiss.detect(columns).scores, expected)
    assert amiss.detect(X.astype(np.float32)).scores.shape == (50,)
    assert amiss.detect(RANDOM.integers(0, 9, 50)).scores.shape == (50,)
    assert isinstance(amiss.detect(X).top(2), pl.DataFrame)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.zeros((2, 2, 2)), "3 dimensions"),
        (np.zeros((20, 2), complex), "complex"),
        (object(), "cannot read a table"),
        ({"a": [1, 2], "b": [1]}, "different lengths"),
        ({"a": 5}, "single value"),
        ({"a": "text"}, "single value"),
        (pl.DataFrame(), "empty"),
        (pd.DataFrame(), "empty"),
        (np.zeros((0, 3)), "empty"),
    ],
)
def test_what_is_no_table_is_refused(data, words):
    with pytest.raises(DataError, match=words):
        amiss.detect(data)


def test_pandas_with_odd_column_names():
    frame = pd.DataFrame(RANDOM.normal(size=(40, 3)), columns=[0, "a", "a"])
    result = amiss.detect(frame)
    assert [c.name for c in result.schema.columns] == ["0", "a", "a_2"]
    assert list(result.top(2).columns[5:]) == ["0", "a", "a_2"]


def test_numbers_read_what_people_write():
    frame = Frame.of({"x": ["1.5", " 2 ", "n/a", None, "1e3", "inf", "abc"]})
    np.testing.assert_array_equal(frame.numbers("x"), [1.5, 2, np.nan, np.nan, 1000, np.nan, np.nan])
    np.testing.assert_array_equal(Frame.of({"x": ["1,5", "2", "3,25"]}).numbers("x"), [1.5, 2, 3.25])
    np.testing.assert_array_equal(Frame.of({"x": [Decimal("1.5"), Decimal(2)]}).numbers("x"), [1.5, 2])
    np.testing.assert_array_equal(Frame.of({"x": [True, None, False]}).numbers("x"), [1, np.nan, 0])
    np.testing.assert_array_equal(Frame.of({"x": [1.0, np.inf, -np.inf]}).numbers("x"), [1, np.nan, np.nan])


def test_masked_values_are_missing():
    array = np.ma.MaskedArray(RANDOM.normal(size=(50, 2)), mask=False)
    array[3, 1] = 1e9
    array.mask[3, 1] = True
    assert np.isnan(Frame.of(array).numbers("column_2")[3])


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-01 12:30:00", "2026-03-01T12:30:00", "2026-03-01T12:30:00Z", "2026-03-01 12:30",
        "2026-03-01T14:30:00+02:00", "2026/03/01 12:30:00", "01.03.2026 12:30:00", "2026-03-01 12:30:00.000",
    ],
)  # fmt: skip
def test_times_read_what_people_write(written):
    expected = dt.datetime(2026, 3, 1, 12, 30, tzinfo=dt.UTC).timestamp()
    found = Frame.of({"t": [written, None, "never"]}).times("t")
    np.testing.assert_array_equal(found, [expected, np.nan, np.nan])


@pytest.mark.parametrize("unit", [1, 1e3, 1e6, 1e9])
def test_times_since_1970_in_any_unit(unit):
    seconds = np.array([1.76e9, 1.7600001e9])
    np.testing.assert_allclose(Frame.of({"t": seconds * unit}).times("t"), seconds, rtol=1e-12)


def test_codes_tell_known_unknown_and_missing_apart():
    frame = Frame.of({"x": ["b", None, "zz", "a"]})
    assert frame.codes("x", ["a", "b"]).tolist() == [1, -1, 2, 0]
    assert frame.codes("x", []).tolist() == [0, -1, 0, 0]


def test_column_names_are_all_there_and_all_different():
    names, notes = column_names(["a", "", "a", "a_2", " b "])
    assert names == ["a", "column_2", "a_3", "a_2", "b"]
    assert len(notes) == 2


def test_labels_of_rows_that_are_times_become_a_column():
    when = pd.date_range("2026-01-01", periods=300, freq="h", tz="Europe/Berlin")
    x = RANDOM.normal(size=300)
    plain = pd.DataFrame({"x": x}, index=when)
    frame = Frame.of(plain)
    assert frame.names == ["time", "x"]
    assert frame.times("time")[0] == when[0].timestamp()
    assert list(plain.columns) == ["x"]
    assert Frame.of(plain.rename_axis("at")).names == ["at", "x"]
    assert Frame.of(plain.set_axis(when.strftime("%Y-%m-%d %H:%M")).rename_axis("at")).names == ["at", "x"]
    assert Frame.of(plain.set_axis(when.tz_localize(None).to_period("h"))).kind("time") == "time"
    assert Frame.of(plain.assign(time=1.0)).names == ["x", "time"]
    panel = plain.assign(pump="a").set_index("pump", append=True).swaplevel()
    assert Frame.of(panel).names == ["pump", "time", "x"]
    for index in (None, [f"r{i}" for i in range(300)], pd.RangeIndex(300, name="n")):
        assert Frame.of(pd.DataFrame({"x": x}, index=index)).names == ["x"]
    twice = plain.set_axis(when[[0] * 300])
    assert Frame.of(twice).n_rows == 300


def test_a_column_alone_is_a_table_of_it():
    when = pd.date_range("2026-01-01", periods=300, freq="h")
    x = RANDOM.normal(size=300)
    assert Frame.of(pd.Series(x, index=when)).names == ["time", "value"]
    assert Frame.of(pd.Series(x, name="temp")).names == ["temp"]
    assert Frame.of(pl.Series(x)).names == ["value"]
    assert Frame.of(pl.Series("temp", x)).names == ["temp"]
    x[200] = 40
    result = amiss.detect(pd.Series(x, index=when, name="temp"))
    assert result.schema.first("time") == "time"
    top = result.top(1)
    assert isinstance(top, pd.DataFrame)
    assert list(top.index) == [when[200]]
    assert top["temp"].item() == 40
