"""A history replayed row by row: alarms for each promise, and the delay of each event."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.core.errors import DataError, ParameterError, PromiseError, SchemaError

START = np.datetime64("2026-03-02T00:00:00", "us")


def _table(n=4000, seed=0):
    random = np.random.default_rng(seed)
    x = 20 + 0.5 * random.normal(size=n)
    fault = np.zeros(n, int)
    for start, stop, by in ((1500, 1530, 8.0), (3000, 3001, -9.0)):
        x[start:stop] += by
        fault[start:stop] = 1
    return pl.DataFrame({"time": START + np.arange(n) * np.timedelta64(10, "m"), "x": x, "fault": fault})


def test_labelled_events_are_found_and_timed():
    told = amiss.backtest(_table(), label="fault", false_alarms=["1/day", "1/week"])
    assert told.labelled
    assert [tried.asked for tried in told.tried] == ["1 per week", "1 per day"]
    assert [(event.first_row, event.last_row) for event in told.events] == [(1500, 1529), (3000, 3000)]
    assert told.events[0].delay_rows == (0, 0)
    assert told.events[0].delay_seconds == (0.0, 0.0)
    assert told.events[0].start == "2026-03-12T10:00:00"
    rare, often = told.tried
    assert rare.n_found == often.n_found == 2
    assert rare.n_alarms <= often.n_alarms
    assert rare.n_alarms == rare.n_false + 2
    days = told.span_seconds / 86_400
    assert rare.alarms_per_day == pytest.approx(rare.n_alarms / days)
    assert 0.3 * days < often.n_alarms < 2 * days


def test_without_labels_the_events_are_those_seen_with_hindsight():
    table = _table().drop("fault")
    told = amiss.backtest(table)
    assert not told.labelled
    seen = sorted(event.first_row for event in amiss.detect(table).events)
    assert [event.first_row for event in told.events] == seen
    assert {tried.asked for tried in told.tried} == {"1 per week", "1 per day"}
    assert all(event.reason for event in told.events)


def test_it_says_what_causal_mode_says():
    table = _table().drop("fault")
    told = amiss.backtest(table, false_alarms=["1/week"])
    live = amiss.detect(table, causal=True, false_alarms="1/week")
    assert told.tried[0].n_alarms == pytest.approx(len(live.events), abs=1)


def test_entities_and_rows_without_time():
    a, b = _table(seed=1), _table(seed=2)
    both = pl.concat([a.with_columns(pump=pl.lit("a")), b.with_columns(pump=pl.lit("b"))])
    told = amiss.backtest(both, label="fault", entity="pump", false_alarms=["2/week"])
    assert [event.entity for event in told.events].count("b") == 2
    untimed = amiss.backtest(a.drop("time"), label="fault", kind="series")
    assert untimed.span_seconds is None
    assert untimed.tried[0].alarms_per_day is None
    assert untimed.events[0].start is None
    assert untimed.events[0].delay_rows[-1] == 0


def test_what_cannot_be_replayed_is_refused():
    table = _table(300)
    with pytest.raises(SchemaError, match="no column 'odd'"):
        amiss.backtest(table, label="odd")
    with pytest.raises(DataError, match="0"):
        amiss.backtest(table.with_columns(fault=pl.lit(3)), label="fault")
    with pytest.raises(PromiseError, match="no time column"):
        amiss.backtest(table.drop("time"), kind="series", false_alarms=["1/day"])
    with pytest.raises(ParameterError, match="do not come one after another"):
        amiss.backtest(table, kind="table")


def test_rows_that_detect_judges_as_a_table_are_replayed_only_where_asked():
    random = np.random.default_rng(0)
    noise = pl.DataFrame(
        {
            "time": START + np.arange(800) * np.timedelta64(1, "h"),
            **dict(zip("abc", random.normal(size=(3, 800)), strict=True)),
        }
    )
    for table in (noise, noise.drop("time"), _table(800).drop("time", "fault")):
        found = amiss.detect(table)
        assert found.kind == "table"
        with pytest.raises(DataError, match="judged as a table") as caught:
            amiss.backtest(table)
        assert "--kind series" in str(caught.value)
        assert amiss.backtest(table, kind="series").n_rows == 800


def test_holes_between_labelled_rows_belong_to_their_event():
    whole = _table()
    keep = np.ones(len(whole), bool)
    keep[[1505, 1506, 1515, 2999, 3001, 3500]] = False
    told = amiss.backtest(whole.filter(keep), label="fault", false_alarms=["1/week"])
    assert [(event.start, event.end) for event in told.events] == [
        ("2026-03-12T10:00:00", "2026-03-12T14:50:00"),
        ("2026-03-22T20:00:00", "2026-03-22T20:00:00"),
    ]
