"""What each column is recognised as."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from amiss.core.errors import SchemaError
from amiss.core.frame import Frame
from amiss.prepare.roles import Wishes, infer_schema
from amiss.summaries.table import TableSummary

N = 200
R = np.random.default_rng(0)
COLUMNS = {
    "row_number": (np.arange(N), "identifier"),
    "serial": ([f"SN-{i:05d}" for i in range(N)], "identifier"),
    "device_id": (R.permutation(10 * N)[:N], "identifier"),
    "flow": (R.normal(size=N), "number"),
    "flag": (R.integers(0, 2, N), "number"),
    "text_number": ([f"{v:.2f}" for v in R.normal(size=N)], "number"),
    "with_words": (["n/a" if i % 50 == 0 else f"{i % 17}" for i in range(N)], "number"),
    "protocol": (R.choice(["tcp", "udp", "icmp"], N), "category"),
    "valve_open": (R.random(N) > 0.3, "category"),
    "remark": ([f"checked by hand, finding number {i} was noted" for i in range(N)], "text"),
    "seldom": ([None] * (N - 3) + ["a", "b", "a"], "text"),
    "label": (R.integers(0, 2, N), "label"),
    "attack_cat": (R.choice(["Normal", "DoS"], N), "label"),
    "Labelb": (R.integers(0, 2, N), "label"),
    "label_width": (R.normal(size=N), "number"),
    "always": (np.full(N, 3.5), "constant"),
    "nothing": ([None] * N, "empty"),
    "when": ([f"2026-01-{1 + i // 24 % 28:02d} {i % 24:02d}:00:00" for i in range(N)], "time"),
}


def schema_of(columns, **wishes):
    summary = TableSummary.of(Frame.of(columns), capacity=1000)
    return {c.name: c for c in infer_schema(summary, Wishes(**wishes)).columns}


@pytest.mark.parametrize("name", COLUMNS)
def test_roles(name):
    values, role = COLUMNS[name]
    found = schema_of({"x": R.normal(size=N), name: values})[name]
    assert found.role == role, found
    assert role in ("number", "time") or found.note


@pytest.mark.parametrize(("unit", "name"), [(1, "ts"), (1e3, "timestamp"), (1e6, "time"), (1e9, "created_at")])
def test_epoch_times(unit, name):
    stamps = (1.76e9 + 60 * np.arange(N)) * unit
    assert schema_of({"x": R.normal(size=N), name: stamps})[name].role == "time"


def test_a_duration_called_time_is_a_number():
    assert schema_of({"x": R.normal(size=N), "time": R.exponential(20, N)})["time"].role == "number"


def test_one_time_only():
    day = [f"2026-01-{1 + i % 28:02d}" for i in range(N)]
    found = schema_of({"x": R.normal(size=N), "start": day, "end": day})
    assert (found["start"].role, found["end"].role) == ("time", "ignored")
    found = schema_of({"x": R.normal(size=N), "start": day, "end": day}, time="end")
    assert (found["start"].role, found["end"].role) == ("ignored", "time")


def test_entity_tells_series_apart():
    stamps = [f"2026-01-01 {h:02d}:{m:02d}:00" for h in range(10) for m in range(10) for _ in "ab"]
    found = schema_of({"time": stamps, "pump": ["a", "b"] * 100, "x": R.normal(size=N)})
    assert found["pump"].role == "entity"
    shuffled = R.permutation(["a", "b"] * 100)
    found = schema_of({"time": stamps, "mode": shuffled, "x": R.normal(size=N)})
    assert found["mode"].role == "category"


def test_wishes_overrule():
    columns = {
        "a": R.normal(size=N),
        "b": R.normal(size=N),
        "label": R.integers(0, 2, N),
        "u": ["x", "y"] * 100,
    }
    found = schema_of(columns, ignore=("a",), entity="u", roles={"label": "number"})
    assert [found[n].role for n in ("a", "u", "label")] == ["ignored", "entity", "number"]


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"time": "tiem"}, "did you mean 'time'"),
        ({"time": "x"}, "holds no times"),
        ({"roles": {"word": "number"}}, "holds no numbers"),
        ({"roles": {"x": "numeric"}}, "cannot be 'numeric'"),
        ({"ignore": ("nope",)}, "there is no column 'nope'"),
    ],
)
def test_wishes_that_cannot_be(wishes, words):
    columns = {
        "time": ["2026-01-01"] * 100 + ["2026-01-02"] * 100,
        "x": np.full(N, 1e300),
        "word": ["a", "b"] * 100,
    }
    columns["x"] = np.array(["abc", "def"] * 100)
    with pytest.raises(SchemaError, match=words):
        schema_of(columns, **wishes)


def _hours(n):
    return pd.date_range("2026-01-07", periods=n, freq="h")


def test_numbers_that_are_stamps_are_times():
    x = R.normal(size=N)
    compact = [int(t) for t in _hours(N).strftime("%Y%m%d%H%M%S")]
    found = schema_of({"x": x, "time": compact})["time"]
    assert (found.role, found.reading) == ("time", "%Y%m%d%H%M%S")
    assert "numbers read as times" in found.note
    assert schema_of({"x": x, "stage": compact})["stage"].role != "time"
    assert schema_of({"x": x, "stage": compact}, time="stage")["stage"].reading == "%Y%m%d%H%M%S"
    days = 46_000 + np.arange(N) / 24
    assert "spreadsheet" in schema_of({"x": x, "timestamp": days})["timestamp"].note
    assert schema_of({"x": x, "pressure": days})["pressure"].role == "number"


def test_times_far_in_the_future_are_refused():
    with pytest.raises(SchemaError, match="no times before 2100") as caught:
        schema_of({"x": R.normal(size=N), "stage": 2e13 + 1e9 * np.arange(N)}, time="stage")
    assert caught.value.mend


@pytest.mark.parametrize("days", [1, 30])
def test_a_date_and_a_time_of_day_are_one_time(days):
    when = pd.date_range("2026-01-07", periods=N, freq=f"{days * 86_000 // N}s")
    found = schema_of({"date": when.strftime("%Y-%m-%d"), "time": when.strftime("%H:%M:%S"), "x": R.normal(size=N)})
    assert [found[name].role for name in ("date", "time", "x")] == ["time", "ignored", "number"]
    assert "joined" in found["date"].note
    assert "joined" in found["time"].note
    found = schema_of({"time": when.strftime("%H:%M:%S"), "x": R.normal(size=N)})
    assert found["time"].role != "time"


@pytest.mark.parametrize("named", ["day", "uhrzeit", "day+uhrzeit", "day + uhrzeit"])
def test_times_in_two_columns_are_named_by_either_or_both(named):
    when = pd.date_range("2026-01-07", periods=N, freq="7h")
    columns = {"day": when.strftime("%Y-%m-%d"), "uhrzeit": when.strftime("%H:%M:%S"), "x": R.normal(size=N)}
    summary = TableSummary.of(Frame.of(columns), capacity=10_000)
    found = {c.name: c for c in infer_schema(summary, Wishes(time=named)).columns}
    assert [found[name].role for name in ("day", "uhrzeit", "x")] == ["time", "ignored", "number"]
    seconds = Frame.of(columns).times("day", found["day"].reading)
    assert (seconds == when.to_numpy().astype("datetime64[s]").astype(float)).all()


def test_columns_of_any_name_are_joined_where_both_are_named():
    when = pd.date_range("2026-01-07", periods=N, freq="7h")
    columns = {"d": when.strftime("%d.%m.%Y"), "c": when.strftime("%H:%M"), "x": R.normal(size=N)}
    summary = TableSummary.of(Frame.of(columns), capacity=10_000)
    found = {c.name: c.role for c in infer_schema(summary, Wishes(time="d+c")).columns}
    assert found == {"d": "time", "c": "ignored", "x": "number"}
    for named, wrong in (("d+x", "'x' does not hold times of day"), ("d+y", "no column 'y'"), ("d+d", "two things"),
                         ("c+d", "'c' holds times of day"), ("c", "times of day and no dates")):  # fmt: skip
        with pytest.raises(SchemaError, match=wrong):
            infer_schema(summary, Wishes(time=named))


def test_a_long_layout_names_its_entity_also_in_a_sample():
    rows = 20_000
    when = np.repeat(_hours(rows // 5), 5)
    data = {"timestamp": when, "tag": [*"abcde"] * (rows // 5), "value": R.normal(size=rows)}
    table = TableSummary.of(Frame.of(pl.DataFrame(data)), capacity=2000)
    found = {c.name: c for c in infer_schema(table, Wishes()).columns}["tag"]
    assert (found.role, found.note) == ("entity", "tells 5 series apart; each is compared with itself")
    shuffled = {**data, "tag": R.permutation(data["tag"])}
    table = TableSummary.of(Frame.of(pl.DataFrame(shuffled)), capacity=2000)
    assert {c.name: c.role for c in infer_schema(table, Wishes()).columns}["tag"] == "category"


def _role_of_device(rows):
    table = TableSummary.of(Frame(rows), capacity=10_000)
    return {c.name: c.role for c in infer_schema(table, Wishes()).columns}["device"]


def test_thousands_of_devices_with_two_words_each_are_series():
    # Few of their names repeat in a sample of the rows: they are no free text all the same.
    n, each = 3000, 20
    time = np.datetime64("2026-01-01T00:00:00", "us") + np.arange(each) * np.timedelta64(600, "s")
    devices = pl.DataFrame({
        "device": np.repeat([f"device {k}" for k in range(n)], each), "time": np.tile(time, n),
        "value": np.random.default_rng(0).normal(size=n * each),
    })  # fmt: skip
    for order in (devices, devices.sort("time")):
        assert _role_of_device(order) == "entity"
    notes = devices.with_columns(device=pl.Series([f"seen at {k}" for k in range(n * each)]))
    assert _role_of_device(notes) == "text"
