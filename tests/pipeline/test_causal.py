"""Causal mode: what would have been said at the time, row by row."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.core.errors import ParameterError, PromiseError

START = np.datetime64("2026-03-02T00:00:00", "us")


def _table(n=3000, channels=1, seed=0):
    random = np.random.default_rng(seed)
    at = np.arange(n)
    base = 20 + 5 * np.sin(2 * np.pi * at / 144) + 0.5 * random.normal(size=n)
    columns = {"time": START + at * np.timedelta64(10, "m"), "temperature": base}
    for k in range(1, channels):
        columns[f"pressure_{k}"] = k * base + 0.3 * random.normal(size=n)
    return pl.DataFrame(columns)


def _with(table, name, rows, by):
    values = table[name].to_numpy().copy()
    values[rows] += by
    return table.with_columns(pl.Series(name, values))


@pytest.mark.parametrize("channels", [1, 3])
def test_rows_that_come_later_change_nothing(channels):
    table = _with(_table(channels=channels), "temperature", slice(2000, 2060), 15.0)
    whole = amiss.detect(table, causal=True, false_alarms="1/week")
    head = amiss.detect(table[:2300], causal=True, false_alarms="1/week")
    np.testing.assert_allclose(head.scores, whole.scores[:2300], atol=1e-6)
    np.testing.assert_array_equal(head.is_anomaly, whole.is_anomaly[:2300])
    assert whole.kind == "series"
    assert whole.model.recipe.detector == "causal_ensemble"


@pytest.mark.parametrize("channels", [1, 3])
def test_an_event_says_when_the_alarm_was_raised(channels):
    table = _with(_table(channels=channels), "temperature", slice(2000, 2060), 15.0)
    result = amiss.detect(table, causal=True)
    event = result.events[0]
    raised = np.datetime64(event.raised)
    assert START + 2000 * np.timedelta64(10, "m") <= raised <= START + 2010 * np.timedelta64(10, "m")
    assert event.channels[0].column == "temperature"
    assert any("hindsight" in note for note in result.notes)
    assert 2000 <= event.raised_row <= 2010
    hindsight = amiss.detect(table, kind="series").events[0]
    assert hindsight.raised is hindsight.raised_row is None
    untimed = amiss.detect(table.drop("time"), causal=True).events[0]
    assert untimed.raised is None
    assert 2000 <= untimed.raised_row <= 2010


@pytest.mark.parametrize("channels", [1, 3])
def test_a_model_goes_on_where_the_rows_ended_and_survives_a_file(tmp_path, channels):
    table = _with(_table(channels=channels), "temperature", slice(2500, 2560), 15.0)
    model = amiss.fit(table[:2000], causal=True, false_alarms="1/week")
    result = model.score(table[2000:])
    model.save(tmp_path / "m.amiss")
    again = amiss.load(tmp_path / "m.amiss").score(table[2000:])
    np.testing.assert_array_equal(again.scores, result.scores)
    np.testing.assert_array_equal(again.is_anomaly, result.is_anomaly)
    np.testing.assert_array_equal(model.score(table[2000:]).scores, result.scores)  # scoring learns nothing
    assert result.is_anomaly[500:560].any()
    assert len(result.events) <= 4
    stricter = model.with_false_alarms("1/week").score(table[2000:])
    assert len(model.with_false_alarms("5/day").score(table[2000:]).events) >= len(stricter.events)


def test_each_entity_is_judged_by_its_own_past():
    calm, wild = _table(seed=1), _table(seed=2)
    wild = _with(wild, "temperature", slice(2500, 2510), -30.0)
    both = pl.concat([calm.with_columns(pump=pl.lit("a")), wild.with_columns(pump=pl.lit("b"))])
    result = amiss.detect(both, causal=True, entity="pump")
    assert result.events[0].entity == "b"
    alone = amiss.detect(wild, causal=True)
    np.testing.assert_allclose(result.scores[len(calm) :], alone.scores, atol=1e-6)


def test_what_is_missing_is_the_value_before_and_never_the_one_to_come():
    table = _table()
    values = table["temperature"].to_numpy().copy()
    values[1000:1010] = np.nan
    values[1010] = 60.0
    result = amiss.detect(table.with_columns(temperature=pl.Series(values)), causal=True)
    assert np.isfinite(result.scores).all()
    assert not result.is_anomaly[990:1010].any()
    assert result.is_anomaly[1010]


def test_a_detector_that_looks_back_is_fitted_on_the_rows_before():
    table = _with(_table(), "temperature", slice(2000, 2001), 30.0)
    whole = amiss.detect(table, causal=True, detector="ewma", false_alarms="1/week")
    assert whole.is_anomaly[2000]
    head = amiss.detect(table[:2100], causal=True, detector="ewma", false_alarms="1/week")
    np.testing.assert_allclose(head.scores, whole.scores[:2100], atol=1e-6)
    windows = amiss.detect(table, causal=True, detector="knn", false_alarms="1/week")
    assert windows.is_anomaly[1990:2030].any()


def test_what_cannot_be_causal_is_refused():
    table = _table(300)
    with pytest.raises(ParameterError, match="looks at what comes after"):
        amiss.detect(table, causal=True, detector="spectral_residual")
    with pytest.raises(ParameterError, match="one after another"):
        amiss.detect(table, causal=True, kind="table")
    with pytest.raises(PromiseError, match="only once all of them are there"):
        amiss.detect(table, causal=True, false_discoveries="10%")


def test_short_and_constant_series_raise_no_storm():
    values = np.full(2000, 7.0)
    values[1500:] = 8.0
    stepped = amiss.detect(pl.DataFrame({"time": _table(2000)["time"], "x": values}), causal=True)
    assert 1 <= len(stepped.events) <= 2
    assert stepped.is_anomaly[1500]
    assert len(amiss.detect(_table(25), causal=True).scores) == 25


def _frozen(table, name, start, n):
    values = table[name].to_numpy().copy()
    values[start : start + n] = values[start - 1]
    return table.with_columns(pl.Series(name, values))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sensor_that_freezes_is_raised_as_it_happens(channels, tmp_path):
    found = 0
    for seed in range(5):
        table = _frozen(_table(channels=channels, seed=seed), "temperature", 2000, 60)
        result = amiss.detect(table, causal=True)
        stuck = [event for event in result.events if event.kind == "stuck"]
        raised = [(np.datetime64(event.raised.removesuffix("Z")) - START) / np.timedelta64(10, "m") for event in stuck]
        found += len(stuck) == 1 and stuck[0].channels[0].column == "temperature" and 2000 <= raised[0] <= 2020
        head = amiss.detect(table[:2030], causal=True)
        np.testing.assert_allclose(head.scores, result.scores[:2030], atol=1e-6)
    assert found == 5
    model = amiss.fit(table[:1990], causal=True)
    model.save(tmp_path / "m.amiss")
    later = amiss.load(tmp_path / "m.amiss").score(table[1990:])
    np.testing.assert_array_equal(later.scores, model.score(table[1990:]).scores)
    assert later.is_anomaly[30:70].all()


def test_a_channel_that_stays_away_is_raised_as_it_happens():
    table = _table(channels=3)
    values = table["pressure_1"].to_numpy().copy()
    values[2000:2060] = np.nan
    events = amiss.detect(table.with_columns(pl.Series("pressure_1", values)), causal=True).events
    gone = [event for event in events if event.kind == "dropout"]
    assert [(event.first_row, event.last_row, event.channels[0].column) for event in gone] == [
        (2000, 2059, "pressure_1")
    ]


@pytest.mark.parametrize("step", [0.5, 1.0, 2.0])
def test_values_that_are_rounded_raise_no_more_than_was_asked(step):
    raised = []
    for seed in range(6):
        x = np.round(np.random.default_rng(seed).normal(size=2000) / step)
        raised.append(len(amiss.detect({"x": x}, causal=True, false_alarms=3).events))
    assert np.mean(raised) <= 6


def test_a_sensor_that_rests_at_night_is_not_stuck():
    kinds = []
    for seed in range(4):
        noise = 0.3 * np.random.default_rng(seed).normal(size=5000)
        x = np.maximum(5 * np.sin(2 * np.pi * np.arange(5000) / 288) + noise, 0.0)
        kinds += [e.kind for e in amiss.detect({"x": x}, causal=True).events if e.first_row > 1000]
    assert kinds.count("stuck") <= 1
