"""Rough series: each gets a sound answer that says what was assumed, or one clear error; no traceback, no storm."""

from __future__ import annotations

import datetime as dt
import json
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.core.errors import AmissError, DataError

START = dt.datetime(2026, 3, 1)
N = 2000
SPIKE = slice(1400, 1410)
SECONDS = 1_772_000_000 + 600 * np.arange(N)
FEW = 3
"""Events that a history with one anomaly may have at most, where one false one is allowed."""


def stamps(n, start=START):
    return [start + dt.timedelta(minutes=10 * i) for i in range(n)]


def pump(n=N, seed=0):
    """Bearing temperature with a day, every ten minutes."""
    at = np.arange(n)
    return 65 + 4 * np.sin(2 * np.pi * at / 144) + 0.3 * np.random.default_rng(seed).normal(size=n)


def spiked(n=N):
    x = pump(n)
    x[SPIKE] += 12
    return x


def table(x, time=None, **columns):
    return pl.DataFrame({"time": stamps(len(x)) if time is None else time, "temp": x, **columns})


def local(zone, first):
    """Moments every ten minutes over a change of the clocks."""
    return [(first + dt.timedelta(minutes=10 * i)).astimezone(ZoneInfo(zone)) for i in range(N)]


AUTUMN = local("Europe/Berlin", dt.datetime(2026, 10, 20, tzinfo=dt.UTC))
SPRING = local("Europe/Berlin", dt.datetime(2026, 3, 24, tzinfo=dt.UTC))
ZONES = [dt.timezone(dt.timedelta(hours=hours)) for hours in range(3)]
UTC_TIMES = [dt.datetime.fromtimestamp(int(s), tz=dt.UTC) for s in SECONDS]


def one_value_more(**changes):
    x = np.full(N, 7.0)
    for at in changes.values():
        x[at] = 8.0
    return x


def with_value(value, at=500):
    x = spiked()
    x[at] = value
    return x


def without(every):
    return [None if i % every == 0 else t for i, t in enumerate(stamps(N))]


# Name: table, and words that a note must have.
FINDABLE = {
    "integers as text": (table([str(int(10 * v)) for v in spiked()]), ""),
    "all as text": (table([str(v) for v in spiked()], [str(s) for s in SECONDS]), ""),
    "epoch seconds": (table(spiked(), SECONDS), ""),
    "epoch milliseconds": (table(spiked(), SECONDS * 1000), ""),
    "epoch microseconds": (table(spiked(), SECONDS * 1_000_000), ""),
    "epoch nanoseconds": (table(spiked(), SECONDS * 1_000_000_000), ""),
    "epoch milliseconds as text": (table(spiked(), [str(s * 1000) for s in SECONDS]), ""),
    "mixed zones": (table(spiked(), [t.astimezone(ZONES[i % 3]).isoformat() for i, t in enumerate(UTC_TIMES)]), ""),
    "zones at half of the times": (
        table(spiked(), [t.isoformat()[: 19 if i % 2 else 25] for i, t in enumerate(UTC_TIMES)]), "",
    ),
    "a clock that jumps back": (
        table(spiked(), np.where(np.arange(N) < 1000, SECONDS, SECONDS - 86_400 * 30)), "the clock went back 1 time",
    ),
    "a clock that starts anew": (
        table(spiked(), np.where(np.arange(N) < 1200, SECONDS, SECONDS - SECONDS[0])), "the clock went back 1 time",
    ),
    "two rows for each time": (table(spiked(), np.repeat(SECONDS[::2], 2)), "1,000 rows had the time of another"),
    "times that go down": (table(spiked(), stamps(N)[::-1]), "rows were put in order"),
    "times missing in part": (table(spiked(), without(7)), "286 rows without a time"),
    "a column of infinity": (table(spiked(), bad=np.full(N, np.inf)), ""),
    "two infinite values": (table(with_value([np.inf, -np.inf], [5, 600])), "no finite numbers"),
    "a tenth missing": (table(np.where(np.arange(N) % 10 == 3, np.nan, spiked())), "10% of the values are missing"),
    "nothing at first": (table(np.where(np.arange(N) < 1000, np.nan, spiked())), "50% of the values are missing"),
    "no time is there": (table(spiked(), pl.Series([None] * N, dtype=pl.Datetime)), ""),
    "no time passes": (table(spiked(), [START] * N), ""),
    "autumn, naive": (table(spiked(), [t.replace(tzinfo=None) for t in AUTUMN]), "as at the end of daylight saving"),
    "autumn, with its zone": (
        table(spiked(), pl.Series([t.astimezone(dt.UTC) for t in AUTUMN]).dt.convert_time_zone("Europe/Berlin")), "",
    ),
    "autumn, with its offset": (table(spiked(), [t.isoformat() for t in AUTUMN]), ""),
    "spring, naive": (table(spiked(), [t.replace(tzinfo=None) for t in SPRING]), "6 rows missing"),
    "the year 1": (table(spiked(), stamps(N, dt.datetime(1, 1, 2))), ""),
    "one time far ahead": (table(spiked(), [*SECONDS[:-1], int(SECONDS[-1]) + 50 * 31_557_600]), "1 gap"),
    "names from afar": (pl.DataFrame({"Zeit": stamps(N), "Wärme °C 温度": spiked()}), ""),
}  # fmt: skip

QUIET = {
    "two values": np.random.default_rng(0).integers(0, 2, N).astype(float),
    "two values, one rare": (np.random.default_rng(0).random(N) < 0.01).astype(float),
    "one value more, for good": one_value_more(at=slice(1500, None)),
    "one value more, once": one_value_more(at=1500),
    "one value more, for a while": one_value_more(at=slice(1500, 1510)),
    "one value more, five times": one_value_more(at=slice(300, None, 400)),
    "tiny": pump() * 1e-300,
    "huge": pump() * 1e300,
    "twenty rows": pump(20),
    "shorter than a window": pump(50),
    "shorter than its period": pump(100),
    "nearly all missing": np.where(np.arange(N) % 10 > 0, np.nan, pump()),
    "immense both ways": np.where(np.arange(N) % 1500 == 700, 1.7e308, pump()) * np.where(np.arange(N) > 1000, 1, -1),
}

REFUSED = {
    "constant": (table(np.full(N, 4.0)), "no column is left"),
    "nothing but missing": (table(np.full(N, np.nan)), "no column is left"),
    "nothing but infinity": (table(np.full(N, np.inf)), "no column is left"),
    "one row": (table(np.array([3.0])), "1 row is too few"),
    "two rows": (table(np.array([3.0, 4.0])), "2 rows are too few"),
    "fewer than can be compared": (table(pump(15)), "15 steps are too few"),
    "ten rows of each entity": (
        pl.DataFrame({"time": stamps(10) * 100, "temp": pump(1000), "unit": np.repeat(np.arange(100), 10).astype(str)}),
        "10 steps are too few",
    ),
}


@pytest.fixture(scope="module")
def model():
    """Of a plain series like the others."""
    return amiss.fit(table(pump(seed=3)), kind="series")


def checked(result):
    """Everything that a user may ask for, of finite numbers."""
    assert np.isfinite(result.scores).all()
    assert ((result.p_values > 0) & (result.p_values <= 1)).all()
    assert all(event.reason and event.first_row <= event.peak_row <= event.last_row for event in result.events)
    assert all(np.isfinite(channel.low) and np.isfinite(channel.high) for e in result.events for channel in e.channels)
    assert sum(frame.height for frame in result.scored()) == len(result)
    assert len(result.top(5)) == min(5, len(result))
    return result


@pytest.mark.parametrize("name", FINDABLE)
def test_the_anomaly_is_found_and_what_was_assumed_is_said(name, tmp_path):
    data, note = FINDABLE[name]
    result = checked(amiss.detect(data, kind="series"))
    assert result.events[0].first_row < SPIKE.stop + 1
    assert result.events[0].last_row >= SPIKE.start - 1
    assert len(result.events) <= FEW
    assert note in " ".join(result.notes)
    result.report(tmp_path / "report.html")
    assert "NaN" not in json.dumps([str(event) for event in result.events])


@pytest.mark.parametrize("name", ["all as text", "mixed zones", "a clock that jumps back", "two infinite values"])
def test_what_is_learnt_from_it_judges_it_after_the_file(name, tmp_path):
    data, _ = FINDABLE[name]
    amiss.fit(data, kind="series").save(tmp_path / "m.amiss")
    result = checked(amiss.load(tmp_path / "m.amiss").score(data))
    assert any(e.first_row <= SPIKE.stop and e.last_row >= SPIKE.start for e in result.events)
    assert len(result.events) <= FEW


@pytest.mark.parametrize("name", FINDABLE)
def test_a_model_of_plain_times_reads_others(name, model):
    data, _ = FINDABLE[name]
    if "temp" not in data.columns or name in ("integers as text", "two rows for each time"):
        return  # other columns, other units, other noise
    if name == "no time is there":
        with pytest.raises(DataError, match="not one time"):
            model.score(data)
        return
    checked(model.score(data))


@pytest.mark.parametrize("name", QUIET)
def test_no_storm(name, tmp_path):
    result = checked(amiss.detect(table(QUIET[name]), kind="series"))
    assert len(result.events) <= FEW
    result.report(tmp_path / "report.html")


@pytest.mark.parametrize("name", QUIET)
def test_no_storm_where_another_series_is_learnt(name, model, tmp_path):
    result = checked(model.score(table(QUIET[name])))
    assert len(result.events) <= FEW
    result.report(tmp_path / "report.html")


@pytest.mark.parametrize("name", REFUSED)
def test_one_clear_error(name):
    data, words = REFUSED[name]
    for door in (amiss.detect, amiss.fit):
        with pytest.raises(AmissError, match=words) as caught:
            door(data, kind="series")
        assert caught.value.mend


@pytest.mark.parametrize("name", ["one row", "two rows", "constant", "nothing but missing", "nothing but infinity"])
def test_too_little_to_learn_from_can_still_be_judged(name, model, tmp_path):
    data, _ = REFUSED[name]
    result = checked(model.score(data))
    assert len(result.events) <= 1
    result.report(tmp_path / "report.html")


def test_one_value_more_is_told_as_it_was():
    once = amiss.detect(table(QUIET["one value more, once"]), kind="series").events[0]
    assert (once.kind, once.first_row, once.last_row) == ("spike", 1500, 1500)
    a_while = amiss.detect(table(QUIET["one value more, for a while"]), kind="series").events[0]
    assert (a_while.first_row, a_while.last_row) == (1500, 1509)
    for_good = amiss.detect(table(QUIET["one value more, for good"]), kind="series").events[0]
    assert for_good.kind == "level_shift"
    assert for_good.first_row <= 1500 <= for_good.last_row + 1


@pytest.mark.parametrize("value", [1e6, 1e15, 1e300, -1.7e308])
def test_a_huge_value_hides_nothing_else(value):
    result = checked(amiss.detect(table(with_value(value)), false_alarms=2))
    assert result.events[0].kind == ("spike" if value > 0 else "dip")
    assert result.events[0].peak_row == 500
    assert any(e.first_row <= SPIKE.stop and e.last_row >= SPIKE.start for e in result.events[1:])
    assert any("immensely far out" in note for note in result.notes) == (abs(value) > 1e10)


def test_two_seasons_of_the_year_are_no_event():
    """A day by the clock on the wall: neither naive times nor times with a zone see the change of the clocks."""
    for moments in (AUTUMN, SPRING):
        by_clock = 65 + 4 * np.sin([2 * np.pi * (t.hour + t.minute / 60) / 24 for t in moments])
        x = by_clock + 0.3 * np.random.default_rng(1).normal(size=N)
        zoned = pl.Series([t.astimezone(dt.UTC) for t in moments]).dt.convert_time_zone("Europe/Berlin")
        for time in ([t.replace(tzinfo=None) for t in moments], zoned):
            assert len(checked(amiss.detect(table(x, time))).events) <= FEW


@pytest.mark.parametrize("name", ["all as text", "a clock that starts anew", "nothing at first", "autumn, naive"])
def test_several_channels(name):
    data, _ = FINDABLE[name]
    others = {f"c{j}": 10 * j + pump(N, seed=j) for j in (1, 2)}
    result = checked(amiss.detect(data.with_columns(**{k: pl.Series(v) for k, v in others.items()}), kind="series"))
    assert any(e.first_row <= SPIKE.stop and e.last_row >= SPIKE.start for e in result.events)
    # One channel may have to be blamed at the joint of two histories, and so may each other.
    assert len(result.events) <= 2 * FEW


@pytest.mark.parametrize("name", QUIET)
def test_several_channels_one_of_them_rough(name, tmp_path):
    x = QUIET[name]
    result = checked(amiss.detect(table(x, c1=pump(len(x), 1), c2=pump(len(x), 2)), kind="series"))
    assert len(result.events) <= FEW + 2  # one value more, five times, may be five events
    result.report(tmp_path / "report.html")


def test_hundreds_of_channels(tmp_path):
    channels = {f"c{j}": pump(400, j) + j for j in range(500)}
    result = checked(amiss.detect(pl.DataFrame({"time": stamps(400), **channels}), kind="series"))
    assert len(result.events) <= FEW
    result.report(tmp_path / "report.html")


def test_three_rows_beside_many():
    many = 30_000
    data = pl.DataFrame(
        {"time": [*stamps(many), *stamps(3)], "temp": np.append(pump(many), [1e6, 0.0, -1e6]),
         "unit": ["big"] * many + ["small"] * 3}
    )  # fmt: skip
    result = checked(amiss.detect(data, entity="unit"))
    assert any("too short to be judged" in note and "small" in note for note in result.notes)
    assert not result.is_anomaly[-3:].any()
    assert len(result.events) <= FEW
    few = pl.concat([data[:3000], data[-3:]])
    assert amiss.detect(few, kind="series").schema.first("entity") == "unit"


@pytest.mark.parametrize("other", ["", None, "α 泵\n<b>"])
def test_odd_names_of_entities(other, tmp_path):
    data = pl.concat([table(pump()), table(spiked())]).with_columns(pump=pl.Series([other] * N + ["b"] * N))
    result = checked(amiss.detect(data))
    assert result.events[0].entity == "b"
    assert not result.notes
    result.report(tmp_path / "report.html")
    amiss.fit(data).save(tmp_path / "m.amiss")
    again = checked(amiss.load(tmp_path / "m.amiss").score(data))
    assert again.events[0].entity == "b"
    assert not again.notes


def test_no_name_is_not_the_empty_name():
    data = pl.concat([table(pump()), table(spiked()), table(pump(seed=2))])
    data = data.with_columns(pump=pl.Series([None] * N + ["b"] * N + [""] * N))
    result = checked(amiss.detect(data))
    assert len(result.series.members) == 3
    assert not result.notes


def test_a_thousand_short_series():
    random = np.random.default_rng(0)
    unit = np.repeat([f"u{i}" for i in range(1000)], 30)
    data = pl.DataFrame({"time": stamps(30) * 1000, "temp": random.normal(size=30_000), "unit": unit})
    result = checked(amiss.detect(data))
    assert len(result.series.members) == 1000
    assert len(result.events) <= FEW


def odd_times(n=N, mean=90.0, seed=0):
    """Moments that come by chance, as messages do."""
    gaps = np.random.default_rng(seed).exponential(mean, n)
    return [START + dt.timedelta(seconds=float(s)) for s in np.cumsum(gaps)]


@pytest.mark.parametrize("channels", [1, 2])
def test_steps_between_irregular_times_are_not_missing(channels):
    more = {"flow": pump(seed=5)} if channels > 1 else {}
    rows = table(spiked(), odd_times(), **more)
    for causal in (False, True):
        found = amiss.detect(rows, kind="series", causal=causal)
        assert found.events
        assert all("missing" not in event.reason and event.kind != "dropout" for event in found.events)
    assert not amiss.detect(rows, kind="series", detector="dropout").events


def test_values_missing_at_irregular_rows_are_missed():
    x = pump()
    x[1400:1440] = np.nan
    found = amiss.detect(table(x, odd_times(), flow=pump(seed=5)), kind="series", detector="dropout")
    assert len(found.events) == 1
    assert 1400 <= found.events[0].first_row < found.events[0].last_row <= 1440
    assert found.events[0].kind == "dropout"
