"""Series from file to events: clocks, kinds, promises, entities, and the model file."""

from __future__ import annotations

import datetime as dt
import json
import re

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.core.catalog import detector_names
from amiss.core.errors import DataError, SchemaError
from amiss.datasets import make_plant
from amiss.report.page import report_html

START = dt.datetime(2026, 3, 1)


def stamps(n, minutes=10):
    return [START + dt.timedelta(minutes=minutes * i) for i in range(n)]


def pump(n=3000, seed=0, noise=0.3):
    """Bearing temperature with a day, every ten minutes."""
    random = np.random.default_rng(seed)
    at = np.arange(n)
    return 65 + 4 * np.sin(2 * np.pi * at / 144) + noise * random.normal(size=n)


def frame(x, **columns):
    return pl.DataFrame({"time": stamps(len(x)), "temp": x, **columns})


def the_event(x, **options):
    result = amiss.detect(frame(x), **options)
    assert result.events, "nothing was found"
    return result, result.events[0]


def test_a_series_is_recognised_and_told_in_its_own_terms():
    x = pump()
    x[2000:2010] += 12
    result, event = the_event(x)
    assert result.kind == "series"
    assert result.model.recipe.detector == "series_ensemble"
    assert 1995 <= event.first_row <= 2000
    assert 2009 <= event.last_row <= 2015
    assert event.start.startswith("2026-03-14T21:")
    assert event.channels[0].column == "temp"
    assert event.channels[0].value > event.channels[0].high
    assert "usually" in event.reason
    assert "at this time of day" in event.reason
    assert result.is_anomaly[2003]
    assert result.explain(2003).reason == event.reason
    assert (result.p_values <= 1).all()
    assert (result.p_values > 0).all()


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("spike", lambda x: x[2000:2001].__iadd__(15)),
        ("dip", lambda x: x[2000:2001].__isub__(15)),
        ("level_shift", lambda x: x[2000:2060].__iadd__(10)),
        ("stuck", lambda x: x[2000:2080].__imul__(0).__iadd__(x[1999])),
        ("contextual", lambda x: x[2000:2040].__isub__(130).__imul__(-1)),
        ("variance_change", lambda x: x[2000:2100].__iadd__(3 * np.random.default_rng(1).normal(size=100))),
    ],
)
def test_the_kind_of_an_event(kind, change):
    x = pump()
    change(x)
    _, event = the_event(x)
    assert event.kind == kind
    assert 1900 < event.first_row <= 2100


@pytest.mark.parametrize("size", [6, 12, 20])
def test_a_level_that_lasts_is_told_from_its_first_row_on(size):
    """On one of three channels of noise, and alone beside a season."""
    right = 0
    for seed in range(5):
        random = np.random.default_rng(seed)
        columns = {f"c{j}": random.normal(size=3000) for j in range(3)}
        columns["c1"][1800:] += size
        x = pump(seed=seed)
        x[1800:] += 0.3 * size
        for table, name in (({"time": stamps(3000), **columns}, "c1"), (frame(x), "temp")):
            event = amiss.detect(table, kind="series").events[0]
            at_it = event.kind == "level_shift" and abs(event.first_row - 1800) <= 1
            right += at_it and event.channels[0].column == name and "for good" in event.reason
            assert "usually" in event.reason
    assert right >= 8


def test_causal_and_hindsight_agree_on_what_it_was():
    x = pump()
    x[1800:] += 6
    for causal in (False, True):
        event = amiss.detect(frame(x), kind="series", causal=causal).events[0]
        assert (event.kind, event.first_row) == ("level_shift", 1800)


@pytest.mark.parametrize("detector", ["drift", "cusum", None])
def test_a_slow_drift_is_found_and_called_so(detector):
    right = 0
    for seed in range(10):
        x = np.random.default_rng(seed).normal(size=4000)
        x[2500:] += np.linspace(0, 15, 1500)
        events = amiss.detect(frame(x), **({"detector": detector} if detector else {})).events
        right += bool(events) and events[0].kind == "drift" and "drifting up since" in events[0].reason
        if detector is None:
            assert abs(events[0].first_row - 2500) <= 150
    assert right >= 8


@pytest.mark.parametrize("n", [20, 144])
def test_a_single_channel_that_is_stuck_is_found(n):
    found = 0
    for seed in range(10):
        x = np.random.default_rng(seed).normal(size=3000)
        x[1500 : 1500 + n] = x[1499]
        events = [e for e in amiss.detect(frame(x), kind="series").events if e.kind == "stuck"]
        found += [(e.first_row, e.last_row) for e in events] == [(1499, 1499 + n)]
    assert found >= 8


def test_a_value_far_out_that_is_held_is_told_with_what_is_usual():
    x = pump()
    x[2000:2030] = -9999
    _, event = the_event(x)
    assert event.kind == "stuck"
    assert "stuck at -9999" in event.reason
    assert "usually" in event.reason


def test_a_clean_series_raises_about_what_was_asked():
    found = [len(amiss.detect(frame(pump(seed=seed)), false_alarms=3).events) for seed in range(12)]
    assert np.mean(found) <= 6


def test_more_is_found_where_more_is_allowed():
    x = pump(noise=1.0)
    counts = [len(amiss.detect(frame(x), false_alarms=wish).events) for wish in (1, 5, 15)]
    assert counts[0] <= counts[1] <= counts[2]
    assert counts[2] > counts[0]


def test_rates_per_time_and_shares_of_the_alarms():
    x = pump()
    x[2000:2010] += 12
    daily = amiss.detect(frame(x), false_alarms="1/day")
    weekly = daily.model.with_false_alarms("1/week").score(frame(x))
    assert len(weekly.events) <= len(daily.events)
    assert weekly.promise.version == 2
    assert len(amiss.detect(frame(x), false_discoveries="20%").events) >= 1


def test_each_entity_is_compared_with_itself():
    a, b = pump(1500), 100 * pump(1500, seed=1)
    b[900:910] += 1200
    table = pl.concat([frame(a).with_columns(pump=pl.lit("A")), frame(b).with_columns(pump=pl.lit("B"))])
    result = amiss.detect(table)
    assert result.events[0].entity == "B"
    assert "0 to" not in result.events[0].reason
    short = pl.concat([table, frame(a[:3]).with_columns(pump=pl.lit("C"))])
    result = amiss.detect(short)
    assert any("too short to be judged" in note and "C" in note for note in result.notes)
    assert not result.is_anomaly[-3:].any()


def test_disorder_gaps_and_repeats_are_told_and_do_no_harm():
    x = pump()
    x[2000:2010] += 12
    table = frame(x)
    whole = amiss.detect(table)
    order = np.random.default_rng(0).permutation(len(x))
    shuffled = amiss.detect(table[order.tolist()])
    np.testing.assert_allclose(shuffled.scores, whole.scores[order])
    assert any("the clock went back" in note for note in shuffled.notes)
    holed = amiss.detect(pl.concat([table[:500], table[700:], table[-1:]]))
    assert any("200 rows missing" in note for note in holed.notes)
    assert any("had the time of another" in note for note in holed.notes)
    assert holed.events[0].channels[0].value > 70


def test_a_learnt_series_judges_another_and_survives_the_file(tmp_path):
    model = amiss.fit(frame(pump()))
    later = pump(seed=5)
    later[700:720] += 12
    result = model.score(frame(later))
    assert any(690 < event.peak_row < 730 for event in result.events[:1])
    model.save(tmp_path / "m.amiss")
    again = amiss.load(tmp_path / "m.amiss").score(frame(later))
    np.testing.assert_array_equal(again.scores, result.scores)
    assert again.events == result.events
    model.save(tmp_path / "n.amiss")
    assert (tmp_path / "m.amiss").read_bytes() == (tmp_path / "n.amiss").read_bytes()


@pytest.mark.parametrize("detector", [*detector_names("series"), "knn", "isolation_forest", "pca"])
def test_every_detector_serves_for_series(detector, tmp_path):
    x = pump(1200)
    x[800:830] += 12
    result = amiss.detect(frame(x), kind="series", detector=detector)
    assert np.isfinite(result.scores).all()
    assert all(event.reason for event in result.events)
    model = amiss.fit(frame(x), kind="series", detector=detector)
    model.save(tmp_path / "m.amiss")
    np.testing.assert_array_equal(amiss.load(tmp_path / "m.amiss").score(frame(x)).scores, model.score(frame(x)).scores)


def test_several_channels_name_the_one_to_blame():
    random = np.random.default_rng(0)
    base = pump(2500)
    columns = {f"c{j}": base * (j + 1) + 0.3 * random.normal(size=2500) for j in range(4)}
    columns["c2"] = columns["c2"].copy()
    columns["c2"][1500:1530] += 20
    result = amiss.detect(pl.DataFrame({"time": stamps(2500), **columns}), kind="series")
    assert result.events[0].channels[0].column == "c2"
    assert result.events[0].kind == "level_shift"


def plant_events(seed):
    """Events of a plant in its default mode, with the fault that each touches, or None."""
    plant = make_plant(seed=seed)
    result = amiss.detect(plant.frame.table)
    hours = 4 * 6 * 4  # four hours of four pumps, every ten minutes: what an event shows beside its fault
    pairs = []
    for event in result.events:
        near = (
            fault
            for fault in plant.faults
            if fault.pump == event.entity
            and event.first_row <= fault.rows[-1] + hours
            and event.last_row >= fault.rows[0] - hours
        )
        pairs.append((event, next(near, None)))
    return plant, result, pairs


@pytest.mark.parametrize("seed", range(5))
def test_the_faults_of_a_plant_are_found_with_few_false_events(seed):
    plant, result, pairs = plant_events(seed)
    assert result.kind == "series"
    assert sum(result.is_anomaly[fault.rows].any() for fault in plant.faults) >= 7
    assert sum(fault is None for _, fault in pairs) <= 3
    named = [event.channels[0].column in fault.columns for event, fault in pairs if fault is not None]
    assert np.mean(named) >= 0.8


def test_what_stays_away_and_what_is_rare_has_its_own_kind():
    _, _, pairs = plant_events(0)
    kinds = {fault.kind: event for event, fault in pairs if fault is not None}
    assert kinds["dropout"].kind == "dropout"
    assert "missing since 2026-03-18 13:20 for 2 h" in kinds["dropout"].reason
    assert kinds["stuck"].kind == "stuck"
    assert kinds["rare_category"].kind == "rare_category"
    assert "mode 'bypass', as in 0.05% of rows" in kinds["rare_category"].reason


def channels(n, d, seed, persistence):
    """Independent channels, each value resembling the last."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, d))
    for i in range(1, n):
        x[i] += persistence * x[i - 1]
    return {f"c{j}": x[:, j] for j in range(d)}


def test_columns_with_a_course_are_series_and_others_are_rows():
    course, none = channels(1500, 4, 0, 0.8), channels(1500, 4, 0, 0.0)
    assert amiss.detect({"time": stamps(1500), **course}).kind == "series"
    assert amiss.detect({"time": stamps(1500), **none}).model.recipe.detector == "ensemble"
    random = np.random.default_rng(1)
    odd = [START + dt.timedelta(seconds=float(s)) for s in np.cumsum(random.exponential(40, 1500))]
    bought = {
        "time": odd,
        "card": [f"card {k}" for k in random.integers(0, 40, 1500)],
        "amount": random.lognormal(3, 1, 1500),
        "distance": random.exponential(10, 1500),
        "shop": random.choice(["food", "fuel", "books"], 1500).tolist(),
    }
    assert amiss.detect(bought).model.recipe.detector == "ensemble"
    assert amiss.detect({"time": stamps(1500), **course}, kind="table").model.recipe.detector == "ensemble"


def test_clean_channels_raise_about_what_was_asked():
    for d in (5, 20):
        found = [
            len(amiss.detect({"time": stamps(1500), **channels(1500, d, seed, 0.8)}, false_alarms=3).events)
            for seed in range(6)
        ]
        assert np.mean(found) <= 6


def test_a_switch_is_no_measured_channel_in_whatever_unit():
    columns = channels(1500, 3, 0, 0.8)
    columns["c1"][900:930] += 9
    # Thrown a few times, one after another, as commands are.
    on = (np.arange(1500) % 211 < 3).astype(float)
    with_switch = amiss.detect({"time": stamps(1500), **columns, "on": on})
    without = amiss.detect({"time": stamps(1500), **columns})
    np.testing.assert_allclose(with_switch.scores, without.scores)
    assert with_switch.events[0].channels[0].column == "c1"


def test_a_sensor_that_always_repeats_or_misses_is_not_stuck():
    columns = channels(1500, 4, 0, 0.8)
    columns["c0"] = np.repeat(columns["c0"][::5], 5)  # held for five steps, always
    columns["c1"] = np.where(np.arange(1500) % 3 == 0, columns["c1"], np.nan)  # read every third step
    columns["c3"] = columns["c3"].copy()
    columns["c3"][700:760] = columns["c3"][699]
    events = amiss.detect({"time": stamps(1500), **columns}).events
    assert events[0].kind == "stuck"
    assert events[0].channels[0].column == "c3"
    assert len(events) <= 3


def test_marks_survive_the_file_and_judge_what_comes_later(tmp_path):
    plant = make_plant(n_pumps=2, seed=1)
    table = plant.frame.table
    half = len(table) // 2
    model = amiss.fit(table[:half])
    model.save(tmp_path / "m.amiss")
    result = amiss.load(tmp_path / "m.amiss").score(table[half:])
    np.testing.assert_array_equal(result.scores, model.score(table[half:]).scores)
    later = [fault for fault in plant.faults if fault.rows.min() >= half]
    found = {fault.kind for fault in later if result.is_anomaly[fault.rows - half].any()}
    assert {"dropout", "rare_category"} <= {fault.kind for fault in later}
    assert {"dropout", "rare_category"} <= found


def test_a_limit_is_an_event_of_its_own():
    x = pump()
    x[100] = 68.9
    result = amiss.detect(frame(x), limits={"temp": (None, 68.8 + 0.0)})
    limited = [event for event in result.events if event.kind == "limit"]
    assert limited
    assert "limit" in limited[0].reason


def test_without_a_time_the_rows_count():
    x = pump()
    x[2000:2010] += 12
    result = amiss.detect({"temp": x}, kind="series")
    assert result.events[0].start is None
    assert "row 20" in result.events[0].reason


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        ({"time": stamps(12), "x": np.arange(12.0) % 5}, DataError, "too few"),
        ({"time": stamps(300), "x": np.full(300, 4.0)}, DataError, "no column is left"),
        ({"time": stamps(300), "x": np.full(300, np.nan)}, DataError, "no column is left"),
    ],
)
def test_what_cannot_be_judged_is_said(data, error, words):
    with pytest.raises(error, match=words):
        amiss.detect(data, kind="series")


def test_a_missing_column_is_told():
    model = amiss.fit(frame(pump()))
    with pytest.raises(SchemaError, match="temp"):
        model.score({"time": stamps(50), "other": np.arange(50.0)})


@pytest.mark.parametrize(
    "x",
    [
        np.random.default_rng(0).integers(0, 2, 400).astype(float),
        np.append(np.full(399, 7.0), 8.0),
        np.append(np.full(200, 7.0), np.full(200, 8.0)),
        np.where(np.arange(400) % 7 == 0, np.nan, pump(400)),
        pump(25),
    ],
    ids=["two values", "one step at the end", "one step", "holes", "short"],
)
def test_odd_series_get_a_sound_answer(x):
    result = amiss.detect(frame(x), kind="series")
    assert np.isfinite(result.scores).all()
    assert len(result.events) <= 5


@pytest.mark.parametrize("unit", [1, 1e3, 1e6, 1e9])
def test_epoch_times_of_any_unit(unit):
    x = pump()
    x[2000:2010] += 12
    seconds = 1_772_000_000 + 600 * np.arange(len(x))
    result = amiss.detect({"time": (seconds * unit).astype(np.int64), "temp": x})
    assert result.kind == "series"
    assert 1990 < result.events[0].peak_row < 2020


def test_rows_that_are_written_have_the_reasons_of_their_events():
    x = pump()
    x[2000:2010] += 12
    result, event = the_event(x)
    written = pl.concat(list(result.scored()))
    alarms = written.filter(pl.col("is_anomaly"))
    assert event.reason in alarms["reason"].to_list()
    assert written.filter(~pl.col("is_anomaly"))["reason"].null_count() == len(x) - len(alarms)


def test_scores_below_zero_are_ranked_too():
    x = pump(1200)
    x[800:830] += 12
    result = amiss.detect(frame(x), kind="series", detector="gmm")
    assert len(np.unique(result.scores)) > 0.9 * len(x)


@pytest.mark.parametrize("gap", [(1000, 1100), (1000, 1400), (500, 2500)])
def test_a_gap_is_told_and_raises_no_alarm_of_its_own(gap):
    table = frame(pump(4000))
    result = amiss.detect(pl.concat([table[: gap[0]], table[gap[1] :]]))
    assert any("missing" in note for note in result.notes)
    beside = [event for event in result.events if event.first_row < gap[0] + 150 and event.last_row > gap[0] - 150]
    assert [event.kind for event in beside] == ["gap"]
    assert not result.is_anomaly[gap[0] - 150 : gap[0] + 150].any()


def test_an_event_that_lies_in_a_gap_is_told_by_the_row_beside_it():
    x = pump()
    x[1500:] += 9
    table = frame(x)
    table = pl.concat([table[:1400], table[1600:2200], table[2230:]])
    for name in ("pelt", "dropout", "bayesian_change_point", "windowed_pca"):
        result = amiss.detect(table, kind="series", detector=name, false_alarms=20)
        assert all(0 <= event.first_row <= event.last_row < len(table) for event in result.events), name
        assert all(event.reason for event in result.events), name


def test_an_unusual_silence_is_an_event_and_a_nightly_one_is_none():
    table = frame(pump())
    silent = pl.concat([table[:1000], table[1060:]])
    events = amiss.detect(silent).events
    gaps = [event for event in events if event.kind == "gap"]
    assert [(gap.first_row, gap.last_row, gap.n_alarms) for gap in gaps] == [(999, 1000, 0)]
    assert events[-1] is gaps[0]
    assert "60 rows are missing" in gaps[0].reason
    assert np.datetime64(gaps[0].start.removesuffix("Z")) == np.datetime64(table["time"][999])
    nightly = table.filter(pl.col("time").dt.hour() >= 6)
    assert not [event for event in amiss.detect(nightly).events if event.kind == "gap"]
    broken = nightly.filter((pl.int_range(pl.len()) < 1000) | (pl.int_range(pl.len()) >= 1400))
    assert len([event for event in amiss.detect(broken).events if event.kind == "gap"]) == 1


def test_many_stretches_beyond_a_limit_are_told_in_one_reading():
    x = pump()
    x[100:2900:40] += 30
    result = amiss.detect(frame(x), limits={"temp": (None, 85.0)})
    reads = []
    whole = result.rows_at
    result.rows_at = lambda rows: reads.append(len(rows)) or whole(rows)
    result._events = None
    limited = [event for event in result.events if event.kind == "limit"]
    assert len(limited) == 70
    assert all("above its limit of 85" in event.reason for event in limited)
    assert reads == [70]


def counts(n=2000, seed=0):
    x = np.random.default_rng(seed).poisson(2, n)
    x[1500:1510] += 30
    return x


def test_a_count_is_never_expected_to_be_negative(tmp_path):
    result = amiss.detect(frame(counts()))
    amiss.fit(frame(counts())).save(tmp_path / "m.amiss")
    for found in (result, amiss.load(tmp_path / "m.amiss").score(frame(counts(seed=1)))):
        event = found.events[0]
        assert event.channels[0].low == 0
        assert "usually 0 to " in event.reason
    page = report_html(result)
    assert json.loads(re.search(r'id="data">(.*?)</script>', page, re.S).group(1))["tracks"][0]["floor"] == 0
    below = amiss.detect(frame(counts() - 1)).events[0]
    assert below.channels[0].low < -1


def test_the_usual_of_an_entity_is_cut_to_what_the_column_can_be():
    random = np.random.default_rng(0)
    x = np.concatenate([random.poisson(1, 500), random.poisson(400, 500)])
    table = {"pump": ["a"] * 500 + ["b"] * 500, "x": x, "y": random.normal(size=1000)}
    table["x"][3] = 90
    result = amiss.detect(table, entity="pump", kind="table")
    (x_of,) = [c for c in result.explain(3).contributions if c.column == "x"]
    assert x_of.usual.startswith("0 to ")
