"""Rows that come late and in disorder, over batches: the same events as on the clean stream."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amiss.core.live import Message, Polled
from amiss.store.store import Store
from amiss.stream.monitor import Monitor, Step
from amiss.stream.readings import Readings
from amiss.stream.rounds import take_turns
from amiss.stream.waiting import Waiting

from .feeds import NAME, START, Feed, message, monitor_of, pumps

_FAULTS = [(row, 30.0) for row in (800, 804, 808, 1_402, 1_406, 1_701, 1_990)]
_N, _LATE = 2_000, 60.0


def _shuffled(messages: list[Message], seed: int) -> list[Message]:
    """Rows as they come when each is late by up to `_LATE` of its seconds."""
    rng = np.random.default_rng(seed)
    arrives = np.arange(len(messages)) + rng.uniform(0, _LATE, len(messages))
    return [messages[i] for i in np.argsort(arrives).tolist()]


def _monitor(feed: Feed, folder: Path | None = None, *, lateness: float = _LATE, **how: Any) -> Monitor:
    monitor = monitor_of(feed, folder, **how)
    monitor.flow.waiting.lateness_seconds = lateness
    return monitor


def _run(monitor: Monitor) -> list[Any]:
    told: list[Any] = []
    monitor.open()
    monitor.run(threading.Event(), lambda s: told.extend((c.opened, c.event) for c in s.changes))
    return told


def _kept(store: Store) -> list[Any]:
    events = sorted((e.id, e.entity, e.state, e.opened, e.ended, e.n_alarms, e.reason) for e in store.events())
    rows = [(row.time, row.score) for k in range(4) for row in store.history(NAME, f"pump-{k}")]
    return [events, sorted(d.id for d in store.deliveries()), rows]


@pytest.fixture(scope="module")
def clean() -> list[Any]:
    found = _run(_monitor(Feed(pumps(_N, faults=_FAULTS)), lateness=0.0))
    assert len(found) >= 7
    return found


@pytest.mark.parametrize("batch_rows", [1, 37, 500, 2_000])
def test_what_was_shuffled_within_the_lateness_is_the_clean_stream_event_by_event(
    batch_rows: int, clean: list[Any]
) -> None:
    messages = _shuffled(pumps(_N, faults=_FAULTS), batch_rows)
    monitor = _monitor(Feed(messages), batch_rows=batch_rows)
    assert _run(monitor) == clean
    assert monitor.flow.counts["rows judged"] == _N
    assert monitor.flow.counts["older than the last of its entity"] == 0


def test_without_waiting_it_is_not_the_clean_stream(clean: list[Any]) -> None:
    monitor = _monitor(Feed(_shuffled(pumps(_N, faults=_FAULTS), 1)), lateness=0.0)
    assert _run(monitor) != clean
    assert monitor.flow.counts["older than the last of its entity"] > 100


def test_later_than_that_is_counted_as_before(clean: list[Any]) -> None:
    messages = pumps(_N, faults=_FAULTS)
    late = messages.pop(400)
    messages.insert(700, late)
    monitor = _monitor(Feed(messages))
    _run(monitor)
    assert monitor.flow.counts["older than the last of its entity"] == 1
    assert monitor.flow.counts["rows judged"] == _N - 1


@pytest.mark.parametrize("round_", [1, 5, 9, 14, 18])
def test_killed_with_rows_that_wait_it_goes_on_with_them(tmp_path: Path, round_: int) -> None:
    messages = pumps(_N, faults=_FAULTS)
    with Store.open(tmp_path / "clean.db") as store:
        _run(_monitor(Feed(messages), store=store, sinks=["mail"], lateness=0.0))
        clean = _kept(store)
    shuffled = _shuffled(messages, round_)
    with Store.open(tmp_path / "a.db") as store:
        first = _monitor(Feed(shuffled), tmp_path, store=store, sinks=["mail"])
        first.open()
        for _ in range(round_):
            first.step()
        assert first.flow.waiting.n_rows > 30
        first.make_safe()
        first._acknowledge()
        first.step()  # beyond the snapshot: this comes again
        first.close()  # and not made safe
        second = _monitor(Feed(shuffled), tmp_path, store=store, sinks=["mail"], batch_rows=73)
        second.open()
        assert second.flow.waiting.n_rows > 30
        second.run(threading.Event(), lambda step: None)
        assert _kept(store) == clean
        assert second.flow.counts["rows judged"] == _N


def test_a_stop_without_a_snapshot_judges_what_waits_and_one_with_keeps_it(tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        feed = Feed(pumps(_N + 1)[:_N])
        monitor = _monitor(feed, folder, batch_rows=_N // 2)
        monitor.open()
        stop = threading.Event()
        monitor.run(stop, lambda step, stop=stop: stop.set())
        assert monitor.flow.counts["rows judged"] == (_N // 2 if folder is None else _N // 2 - 60)


def test_of_several_sources_too_what_waits_is_judged_at_a_stop() -> None:
    monitors = [_monitor(Feed(pumps(_N, seed=k)), batch_rows=100) for k in range(2)]
    told: list[bool] = []
    stop = threading.Event()
    for monitor in monitors:
        monitor.open()

    def each(monitor: Monitor, step: Step) -> None:
        told.append(step.polled.ended)
        if len(told) == 10:
            stop.set()

    take_turns(monitors, stop, each)
    assert told[10:] == [True, True]
    assert [m.flow.counts["rows judged"] for m in monitors] == [500, 500]


def test_what_waits_goes_by_the_clock_where_nothing_more_comes() -> None:
    feed = _Ceases(pumps(100))
    monitor = _monitor(feed, batch_rows=100)
    monitor.open()
    for more, n_waiting in ((0, 60), (59, 60), (-3_600, 60), (119, 60), (1, 0)):
        # The clock was set back by an hour: what waits has come anew, and does not wait for that hour.
        monitor.clock.at += more  # type: ignore[attr-defined]
        monitor.step()
        assert monitor.flow.waiting.n_rows == n_waiting
    assert monitor.flow.counts["rows judged"] == 100


class _Ceases(Feed):
    """A source that says nothing any more, and does not end."""

    def poll(self, most: int, timeout_seconds: float) -> Polled:
        return replace(super().poll(most, timeout_seconds), ended=False)


def test_a_dead_sensor_is_told_later_by_the_lateness_and_no_other() -> None:
    rows = [message({"device": d, "time": START + i, "a": float(i % 7)}) for i in range(400) for d in "xyz"
            if d != "z" or i < 300]  # fmt: skip
    told = _run(_monitor(Feed(rows), batch_rows=9))
    assert [(e.kind, e.entity) for _, e in told] == [("no_data", "z")]


def test_rows_of_one_time_go_by_their_entity_however_they_came() -> None:
    rows = [message({"device": f"d{k}", "time": START + i, "a": float(np.sin(i * k))}) for i in range(300)
            for k in range(5)]  # fmt: skip
    found = []
    for seed in range(3):
        order = np.argsort(np.arange(len(rows)) // 5 + np.random.default_rng(seed).uniform(0, _LATE, len(rows)))
        monitor = _monitor(Feed([rows[i] for i in order.tolist()]), batch_rows=50 + seed)
        _run(monitor)
        scores = np.asarray(monitor.flow.judge.state()["threshold"]["memory"])
        by_name = np.argsort(monitor.flow.roster.names)
        found.append((scores, monitor.flow.judge.state()["detector"]["memory_"][by_name]))
    for one in found[1:]:
        assert np.array_equal(one[0], found[0][0])
        assert np.array_equal(one[1], found[0][1])


def _rows(*times: float) -> Readings:
    return Readings(None, np.array(times, float), {"a": list(times)}, [])


def test_too_many_that_wait_go_early_and_are_counted() -> None:
    waiting = Waiting(1e6, most_rows=100)
    gone = [waiting.push(_rows(*range(30 * k, 30 * k + 30)), 1e9).times for k in range(10)]
    assert np.array_equal(np.concatenate(gone), np.arange(200))
    assert (waiting.n_rows, waiting.n_early) == (100, 200)


def test_a_row_dated_ahead_of_the_clock_pulls_none_before_its_time() -> None:
    waiting = Waiting(10.0)
    assert list(waiting.push(_rows(150.0, 95.0), now=100.0).times) == []
    assert list(waiting.push(_rows(92.0), now=101.0).times) == []
    assert list(waiting.push(_rows(), now=106.0).times) == [92.0, 95.0]
    assert list(waiting.push(_rows(), now=140.0).times) == []
    assert list(waiting.push(_rows(), now=150.0).times) == [150.0]


def test_many_small_parts_are_put_together_and_lose_nothing() -> None:
    waiting, rng = Waiting(500.0), np.random.default_rng(0)
    times = rng.permutation(1_000).astype(float) + np.repeat(np.arange(10) * 0.01, 100)
    gone = [waiting.push(_rows(t), 1e9).times for t in times] + [waiting.push(_rows(), 1e9, last=True).times]
    assert np.array_equal(np.sort(np.concatenate(gone)), np.sort(times))
    assert waiting.n_rows == 0


def test_columns_that_come_later_are_missing_before() -> None:
    waiting = Waiting(10.0)
    waiting.push(Readings(["x"], np.array([5.0]), {"a": [1.0]}, []), 100.0)
    found = waiting.push(Readings(None, np.array([3.0]), {"a": [2.0], "b": ["w"]}, []), 100.0, last=True)
    assert (found.entities, found.columns) == (["", "x"], {"a": [2.0, 1.0], "b": ["w", None]})
