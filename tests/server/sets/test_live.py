"""A live series holds what the store holds, whatever comes and goes."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.server.problems import Problem
from amiss.server.sets import live as room
from amiss.server.sets.detail import detail
from amiss.server.sets.live import LiveSets
from amiss.server.sets.viewport import viewport
from amiss.store import Store
from amiss.store.records import Retention
from tests.store.made import T0, batch


class Ticks:
    def __init__(self):
        self.at = 0.0

    def __call__(self):
        return self.at


@pytest.fixture
def opened(tmp_path):
    with Store.open(tmp_path / "amiss.db") as store:
        yield store


def put(store, n, **changed):
    with store.writing() as writer:
        writer.put_history(batch(n, entities=("pump-0",), **changed))
    store.roll_up()


def check(store, live):
    rows = store.history_columns(live.record.id)
    np.testing.assert_array_equal(live.times, rows.times)
    np.testing.assert_array_equal(live.flags, rows.is_anomaly)
    np.testing.assert_array_equal(live.track("flow").lows[0], rows.values[:, 1])
    names = ["flow", "temp"]
    anew = LiveSets(store).get(f"live-{live.record.id}")
    assert viewport(live.course(names), names, width=50) == viewport(anew.course(names), names, width=50)


def test_rows_that_come_are_seen_a_second_later(opened):
    put(opened, 5000)
    ticks = Ticks()
    sets = LiveSets(opened, now=ticks)
    live = sets.get("live-1")
    check(opened, live)
    for k in range(1, 6):
        put(opened, 3000 * k, first=T0 + 5000 + 60_000 * k, seed=k)
        before = len(live.times)
        assert len(sets.get("live-1").times) == before
        ticks.at += 1.0
        check(opened, sets.get("live-1"))


def test_rows_that_come_a_little_late_or_again_are_seen(opened):
    put(opened, 5000, step=2.0)
    ticks = Ticks()
    sets = LiveSets(opened, now=ticks)
    sets.get("live-1")
    put(opened, 60, first=T0 + 9901.0, step=1.0, seed=3)
    ticks.at += 2
    check(opened, sets.get("live-1"))


def test_rows_that_come_very_late_are_seen_within_an_hour(opened):
    put(opened, 20_000)
    ticks = Ticks()
    sets = LiveSets(opened, now=ticks)
    sets.get("live-1")
    put(opened, 7000, first=T0 + 0.5, seed=3)
    ticks.at += 3600
    check(opened, sets.get("live-1"))


def test_rows_that_are_kept_no_more_are_gone_within_an_hour(opened):
    put(opened, 40_000)
    ticks = Ticks()
    sets = LiveSets(opened, now=ticks)
    sets.get("live-1")
    opened.prune(T0 + 86_400.0 + 15_000, Retention(history_days=1.0))
    ticks.at += 3600
    live = sets.get("live-1")
    assert 24_000 < len(live.times) < 26_000
    check(opened, live)


def test_a_series_without_rows_is_empty(opened):
    put(opened, 100)
    opened.prune(T0 + 1e7, Retention(history_days=1.0))
    ticks = Ticks()
    live = LiveSets(opened, now=ticks).get("live-1")
    assert len(live.times) == 0
    assert viewport(live.course(["flow"]), ["flow"])
    put(opened, 100, first=T0 + 2e7)
    ticks.at += 1
    assert len(live.fresh().times) == 100


def test_the_next_server_reads_a_long_series_from_its_file(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "_LONG", 1000)
    put(opened, 20_000)
    assert LiveSets(opened, tmp_path / "live").warm() == 1
    assert LiveSets(opened, tmp_path / "live").warm() == 0
    put(opened, 500, first=T0 + 20_000, seed=1)
    asked = []
    whole = opened.history_columns
    monkeypatch.setattr(
        opened, "history_columns", lambda number, **piece: asked.append(piece) or whole(number, **piece)
    )
    live = LiveSets(opened, tmp_path / "live").get("live-1")
    assert all("since" in piece for piece in asked)
    check(opened, live)


@pytest.mark.parametrize("harm", ["cut", "junk", "shape", "other"])
def test_a_file_that_is_not_of_the_store_is_not_believed(opened, tmp_path, monkeypatch, harm):
    monkeypatch.setattr(room, "_LONG", 1000)
    put(opened, 8000)
    file = tmp_path / "live" / "live-1.npy"
    LiveSets(opened, tmp_path / "live").warm()
    if harm == "cut":
        file.write_bytes(file.read_bytes()[:5000])
    elif harm == "junk":
        file.write_bytes(b"\x93NUMPY" + b"x" * 100)
    elif harm == "shape":
        np.save(file, np.zeros((3, 10)))
    else:
        rows = np.load(file)
        rows[-1, -1] += 1
        np.save(file, rows)
    check(opened, LiveSets(opened, tmp_path / "live").get("live-1"))


def test_the_series_asked_for_longest_ago_is_forgotten(opened, monkeypatch):
    monkeypatch.setattr(room, "_MOST_VALUES", 10_000)
    with opened.writing() as writer:
        writer.put_history(batch(4000, entities=("a", "b", "c", "d")))
    sets = LiveSets(opened)
    for k in (1, 2, 3, 4, 1):
        assert len(sets.get(f"live-{k}").times) == 1000
    assert list(sets._open) == [1]


@pytest.mark.parametrize("set_id", ["live-", "live-x", "live-2", "live-1 ", "live--1", "live-1/..", "live-" + "9" * 30])
def test_other_ids_are_none(opened, set_id):
    put(opened, 10)
    with pytest.raises(Problem) as problem:
        LiveSets(opened).get(set_id)
    assert problem.value.status == 404


def test_numbers_without_end_are_told_of(opened):
    values = np.random.default_rng(0).normal(size=(300, 2))
    values[::7, 0] = np.inf
    values[::11] = np.nan
    put(opened, 300, values=values)
    live = LiveSets(opened).get("live-1")
    for row in range(12):
        told = detail(live, row)
        assert len(told["nearest"]) == 3
        assert all(np.isfinite(near["distance"]) for near in told["nearest"])
    assert viewport(live.course(["temp"]), ["temp"], width=10)
