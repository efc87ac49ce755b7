"""Rounds of a Monitor: parity with batch, crashes at every point, snapshots."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import amiss
from amiss.core.errors import StoreError
from amiss.core.live import Message
from amiss.store.store import Store
from amiss.stream.model_judge import judge_of
from amiss.stream.monitor import Monitor, Step
from amiss.stream.snapshot import read_snapshot, write_snapshot

from .feeds import NAME, START, Feed, message, monitor_of, pumps

_FAULTS = [(row, 30.0) for row in (800, 804, 808, 1_402, 1_406, 1_701)]


class _CrashError(Exception):
    pass


def _run(monitor: Monitor) -> list[Step]:
    steps: list[Step] = []
    try:
        monitor.open()
        monitor.run(threading.Event(), steps.append)
    finally:
        monitor.close()
    return steps


def _events(store: Store) -> list[tuple[Any, ...]]:
    return sorted(
        (e.id, e.entity or "", e.state, e.opened, e.ended, e.n_alarms, round(e.score, 9)) for e in store.events()
    )


@pytest.mark.parametrize("batch_rows", [1, 37, 2_000])
def test_the_cut_into_batches_changes_no_score_and_no_event(batch_rows: int) -> None:
    messages = pumps(2_000, faults=_FAULTS)
    whole = _run(monitor_of(Feed(messages), batch_rows=500))
    cut = _run(monitor_of(Feed(messages), batch_rows=batch_rows))
    scores = [np.concatenate([s.taken.judged.scores for s in steps if s.taken.judged]) for steps in (whole, cut)]
    assert np.array_equal(*scores)
    told = [[c.event.id for s in steps for c in s.changes] for steps in (whole, cut)]
    assert told[0] == told[1]
    assert len(told[0]) >= 5


@pytest.mark.parametrize("at", ["store", "snapshot", "commit"])
@pytest.mark.parametrize("round_", [0, 3, 8, 14])
def test_a_crash_at_any_point_loses_nothing_and_tells_nothing_twice(tmp_path: Path, at: str, round_: int) -> None:
    messages = pumps(2_000, faults=_FAULTS)
    with Store.open(tmp_path / "clean.db") as store:
        _run(monitor_of(Feed(messages), store=store, sinks=["mail"]))
        clean, clean_told = _events(store), sorted(d.id for d in store.deliveries())
    with Store.open(tmp_path / "crash.db") as store:
        first = monitor_of(Feed(messages), tmp_path, store=store, sinks=["mail"])
        first.open()
        for _ in range(round_):
            first.step()
        with pytest.raises(StoreError, match="another watch"):
            _run(monitor_of(Feed(messages), tmp_path))
        _break(first, at)
        with pytest.raises(_CrashError):
            # A snapshot is acknowledged in one of the next rounds, once it lies on the disk.
            first.run(threading.Event(), lambda step: None)
        # Another batch size: what is judged again is cut otherwise.
        second = monitor_of(Feed(messages), tmp_path, store=store, sinks=["mail"], batch_rows=73)
        _run(second)
        assert _events(store) == clean
        assert sorted(d.id for d in store.deliveries()) == clean_told
        assert second.flow.counts["rows judged"] == 2_000
        assert sum(len(store.history(NAME, f"pump-{k}")) for k in range(4)) == 2_000


def _break(monitor: Monitor, at: str) -> None:
    def crash(*_: Any) -> None:
        raise _CrashError

    if at == "store":
        keep = monitor._keeper.keep

        def kept_then_crash(*args: Any) -> None:
            keep(*args)
            raise _CrashError

        monitor._keeper.keep = kept_then_crash
    elif at == "snapshot":
        monitor._state = crash
    else:
        monitor.source.commit = crash


def test_a_model_of_rows_says_what_it_says_in_batch() -> None:
    rng = np.random.default_rng(0)
    learnt = {"temp": rng.normal(20, 1, 2_000), "flow": rng.normal(5, 1, 2_000), "mode": rng.choice(["a", "b"], 2_000)}
    model = amiss.fit(learnt, kind="table")
    columns = rng.normal(20, 3, 300), rng.normal(5, 3, 300), rng.choice(["a", "b", "c"], 300)
    rows = [{"temp": t, "flow": f, "mode": m} for t, f, m in zip(*(c.tolist() for c in columns), strict=True)]
    batch = model.score({name: [row[name] for row in rows] for name in learnt})
    steps = _run(monitor_of(Feed([message(row) for row in rows]), judge=judge_of(model), batch_rows=17))
    judged = [s.taken.judged for s in steps if s.taken.judged is not None]
    assert np.array_equal(np.concatenate([j.scores for j in judged]), batch.scores)
    assert np.array_equal(np.concatenate([j.is_anomaly for j in judged]), batch.is_anomaly)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_a_causal_model_of_series_says_what_it_says_in_batch(n_channels: int) -> None:
    rng = np.random.default_rng(1)
    x = np.cumsum(rng.normal(size=(3_000, n_channels)), axis=0) * 0.05 + rng.normal(size=(3_000, n_channels))
    x[2_500:2_510] += 12
    table = {"time": START + 60.0 * np.arange(3_000)} | {f"c{j}": x[:, j] for j in range(n_channels)}
    model = amiss.fit({name: values[:2_000] for name, values in table.items()}, causal=True, kind="series")
    batch = model.score({name: values[2_000:] for name, values in table.items()})
    rows = [message({name: float(values[i]) for name, values in table.items()}) for i in range(2_000, 3_000)]
    feed = Feed(rows)
    monitor = monitor_of(feed, judge=judge_of(model), batch_rows=23)
    monitor.clock.at = START + 1e6  # type: ignore[attr-defined]
    judged = [s.taken.judged for s in _run(monitor) if s.taken.judged is not None]
    assert np.allclose(np.concatenate([j.scores for j in judged]), batch.scores, rtol=0, atol=1e-9)
    assert np.array_equal(np.concatenate([j.is_anomaly for j in judged]), batch.is_anomaly)
    assert batch.is_anomaly.any()


def test_a_course_goes_on_behind_its_snapshot_as_if_nothing_had_been(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=2_000)
    x[1_200:1_300] += 8
    table = {"time": START + 60.0 * np.arange(2_000), "c": x}
    model = amiss.fit({name: values[:1_000] for name, values in table.items()}, causal=True, kind="series")
    rows = [message({"time": float(START + 60.0 * i), "c": float(x[i])}) for i in range(1_000, 2_000)]
    whole = monitor_of(Feed(rows), judge=judge_of(model))
    whole.clock.at = START + 1e6  # type: ignore[attr-defined]
    clean = [s.taken.judged for s in _run(whole) if s.taken.judged]
    found = []
    for part in (rows[:240], rows):
        monitor = monitor_of(Feed(part), tmp_path, judge=judge_of(model), batch_rows=40)
        monitor.clock.at = START + 1e6  # type: ignore[attr-defined]
        found += [s.taken.judged for s in _run(monitor) if s.taken.judged]
    for name in ("scores", "p_values", "is_anomaly"):
        assert np.array_equal(*(np.concatenate([getattr(j, name) for j in js]) for js in (clean, found))), name


def test_a_snapshot_of_another_stream_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    _run(monitor_of(Feed(pumps(100)), tmp_path))
    other = Feed(pumps(10))
    other.name = "another"
    with pytest.raises(StoreError, match="not of 'another'"):
        _run(monitor_of(other, tmp_path))
    file = tmp_path / "snapshot"
    whole = file.read_bytes()
    for cut in (0, 5, 30, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:cut])
        with pytest.raises(StoreError):
            _run(monitor_of(Feed(pumps(10)), tmp_path))
    file.write_bytes(b"\xff" * 5_000)
    with pytest.raises(StoreError, match="no snapshot"):
        _run(monitor_of(Feed(pumps(10)), tmp_path))


def test_a_snapshot_comes_back_as_it_was(tmp_path: Path) -> None:
    state = {
        "a": np.arange(6, dtype=np.int32).reshape(2, 3), "b": [1, "ü", None, True, 2.5], "c": {"d": np.float64(0.1)},
        "e": float("inf"), "empty": np.zeros((0, 3)), "flags": np.array([True, False]), "n": np.array([np.nan, 1.0]),
    }  # fmt: skip
    write_snapshot(tmp_path / "s", state)
    found = read_snapshot(tmp_path / "s")
    assert found is not None
    assert found.keys() == state.keys()
    for name in ("a", "empty", "flags", "n"):
        assert np.array_equal(found[name], state[name], equal_nan=found[name].dtype.kind == "f")
        assert found[name].dtype == state[name].dtype
    assert (found["b"], found["c"], found["e"]) == (state["b"], {"d": 0.1}, float("inf"))
    found["a"][0, 0] = 9  # what comes back can be gone on with


def test_a_snapshot_that_cannot_be_written_leaves_the_earlier_one(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "s", {"a": 1})
    (tmp_path / "s.part").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        write_snapshot(tmp_path / "s", {"a": 2})
    assert read_snapshot(tmp_path / "s") == {"a": 1}


def test_refused_records_lie_in_the_store_and_silences_keep_events_from_being_told(tmp_path: Path) -> None:
    from amiss.store.records import SilenceRecord

    messages = pumps(2_000, faults=_FAULTS)
    messages.insert(500, Message(b"{broken", "plant/x"))
    with Store.open(tmp_path / "a.db") as store:
        with store.writing() as writer:
            writer.put_silences([
                SilenceRecord(id="1", author="kim", reason="known", starts=0, ends=1e10, created=0, entity="pump-0")
            ])  # fmt: skip
        _run(monitor_of(Feed(messages), store=store, sinks=["mail"]))
        assert [(d.reason, d.source, d.body) for d in store.dead_letters()] == [("no JSON", "plant/x", b"{broken")]
        who = {e.entity for e in store.events()}
        assert "pump-0" in who
        assert {d.notification.entity for d in store.deliveries()} == who - {"pump-0"}
        assert store.silences(active_at=1.0)[0].n_hidden >= 1


@pytest.mark.parametrize("batch_rows", [1, 2_000])
def test_a_reason_says_what_was_expected_of_the_very_row(batch_rows: int) -> None:
    steps = _run(monitor_of(Feed(pumps(2_000, faults=[(1_600, 30.0)])), batch_rows=batch_rows))
    (event,) = [c.event for s in steps for c in s.changes if c.opened]
    low, _, high = event.usual["temp"].partition(" to ")
    assert 15 < float(low) < 19
    assert 21 < float(high) < 25
    assert event.reason == f"temp is {event.values['temp']:.2f}, usual is {event.usual['temp']}"
    assert list(event.values) == ["temp"]


def test_words_that_may_be_an_entity_are_pointed_at() -> None:
    rows = [message({"pump": "P1", "time": START + i, "a": float(i)}) for i in range(3)]
    steps = _run(monitor_of(Feed(rows), batch_rows=1))
    notes = [note for step in steps for note in step.polled.notes]
    assert notes == ["no entity is known; if pump says whose a row is, name it with --entity pump"]
