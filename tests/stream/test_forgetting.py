"""More entities than may be known: the longest silent go, and leave nothing behind."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import amiss
from amiss.core.live import Message
from amiss.store.store import Store
from amiss.stream.metrics import Metrics
from amiss.stream.model_judge import judge_of
from amiss.stream.monitor import Monitor, Step
from amiss.stream.roster import Roster

from .feeds import NAME, START, Feed, message, monitor_of

_MOST = 20


def _churning(n: int, *, faults: tuple[int, ...] = (), times: bool = True, seed: int = 0) -> list[Message]:
    """Four pumps that stay, one row each in turn, and after each a row of an entity that never comes again."""
    rng = np.random.default_rng(seed)
    temp = rng.normal(20, 1, n)
    temp[list(faults)] += 30
    found = []
    for i in range(n):
        for device in (f"pump-{i % 4}", f"once-{i}"):
            row = {"device": device, "temp": float(temp[i])} | ({"time": START + i} if times else {})
            found.append(message(row))
    return found


def _monitor(messages: list[Message], folder: Path | None = None, **how: Any) -> Monitor:
    monitor = monitor_of(Feed(messages), folder, **how)
    monitor.flow.roster.most = _MOST
    return monitor


def _run(monitor: Monitor) -> list[Step]:
    steps: list[Step] = []
    monitor.open()
    monitor.run(threading.Event(), steps.append)
    return steps


def test_a_stream_of_ever_new_entities_keeps_within_its_bounds() -> None:
    monitor = _monitor(_churning(4_000), batch_rows=16)
    metrics = Metrics([monitor])
    steps = _run(monitor)
    flow = monitor.flow
    for step in steps:
        metrics.take(monitor, step)
    assert len(flow.roster.names) == len(flow.roster._codes) == len(flow.presence.interval) == _MOST
    state = flow.state()
    assert len(state["judge"]["detector"]["memory_"]) == _MOST
    assert len(state["judge"]["threshold"]["quiet"]) <= 2 * _MOST
    assert flow.counts["rows judged"] == 8_000
    assert {f"pump-{k}" for k in range(4)} < set(flow.roster.names)
    n_gone = metrics.registry.get_sample_value("amiss_entities_forgotten_total", {"source": NAME})
    assert n_gone == flow.roster.n_forgotten == 4_004 - _MOST
    notes = [note for step in steps for note in step.polled.notes]
    assert notes == ["more than 20 entities: from now on the longest silent are forgotten for new ones"]


@pytest.mark.parametrize("batch_rows", [1, 7, 16])
def test_those_that_stay_are_judged_as_if_nobody_came_and_went(batch_rows: int) -> None:
    faults = (700, 704, 801)
    alone = [m for m in _churning(1_000, faults=faults) if b"pump" in m.body]
    _run(clean := _monitor(alone))
    _run(churned := _monitor(_churning(1_000, faults=faults), batch_rows=batch_rows))
    memories = []
    for monitor in (clean, churned):
        codes = [monitor.flow.roster.names.index(f"pump-{k}") for k in range(4)]
        memories.append((
            monitor.flow.judge.state()["detector"]["memory_"][codes], monitor.flow.roster.n_rows[codes],
            monitor.flow.presence.interval[codes], monitor.flow.presence.stays[codes],
        ))  # fmt: skip
    for one, other in zip(*memories, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("batch_rows", [1, 5, 18])
def test_the_cut_into_batches_changes_no_event(batch_rows: int) -> None:
    messages = _churning(2_000, faults=(1_700, 1_704, 1_801))
    told = [
        [(c.event.id, c.opened, c.forgotten) for step in _run(_monitor(messages, batch_rows=n)) for c in step.changes]
        for n in (11, batch_rows)
    ]
    assert told[0] == told[1]
    assert len(told[0]) >= 3


def test_one_that_comes_again_begins_anew() -> None:
    rng = np.random.default_rng(0)
    first = [message({"device": "x", "time": START + i, "a": float(rng.normal(20, 1))}) for i in range(200)]
    others = [message({"device": f"d{i}", "time": START + 200 + i, "a": 5.0}) for i in range(_MOST)]
    again = [message({"device": "x", "time": START + 300 + i, "a": float(rng.normal(90, 1))}) for i in range(50)]
    monitor = _monitor([*first, *others, *again], batch_rows=10)
    monitor.clock.at = START + 1_000  # type: ignore[attr-defined]
    _run(monitor)
    fresh = _monitor(again, batch_rows=10)
    fresh.clock.at = START + 1_000  # type: ignore[attr-defined]
    _run(fresh)
    of = [m.flow.judge.state()["detector"]["memory_"][m.flow.roster.names.index("x")] for m in (monitor, fresh)]
    assert np.array_equal(of[0], of[1])
    assert not [key for key in monitor.flow.life.open if key[1] == "anomaly"]


def test_what_is_on_of_one_forgotten_is_given_up_and_not_called_well() -> None:
    rows = [{"device": d, "time": START + i, "a": float(i % 3)} for i in range(100) for d in ("x", "y")]
    rows += [{"device": "y", "time": START + i, "a": float(i % 3)} for i in range(100, 160)]
    rows += [{"device": f"d{i}", "time": START + 160 + i, "a": 1.0} for i in range(_MOST)]
    monitor = _monitor([message(row) for row in rows], batch_rows=6)
    monitor.clock.at = START + 130  # type: ignore[attr-defined]
    steps = _run(monitor)
    told = [(t.action, t.title) for step in steps for t in step.told if t.entity == "x"]
    assert told == [("trigger", "x is silent"), ("resolve", "x is no longer watched")]
    (over,) = [c for step in steps for c in step.changes if c.forgotten and c.event.entity == "x"]
    assert over.event.state == "resolved"
    assert over.event.reason.endswith("given up, as the entity was silent for longest when there were too many")
    assert ("x" in monitor.flow.roster.names, {code for code, _ in monitor.flow.life._memory} & {0}) == (False, set())


@pytest.mark.parametrize("times", [True, False])
@pytest.mark.parametrize("round_", [30, 160, 240])
def test_a_crash_forgets_the_same_and_tells_nothing_twice(tmp_path: Path, round_: int, times: bool) -> None:
    messages = _churning(2_000, faults=(1_300, 1_304, 1_701), times=times)

    def kept(store: Store) -> list[Any]:
        return sorted((e.entity or "", e.kind, e.state, e.n_alarms, round(e.score, 9)) for e in store.events())

    found, ids = [], []
    for name in ("clean", "crash"):
        (tmp_path / name).mkdir()
        with Store.open(tmp_path / name / "a.db") as store:
            monitor = _monitor(messages, tmp_path / name, store=store, batch_rows=16)
            monitor.open()
            for _ in range(round_):
                monitor.clock.at += 8.0  # type: ignore[attr-defined]
                monitor.step()
            if name == "crash":
                monitor.close()
                # Without times a row has that of its batch, so that batches have to be the same.
                again = _monitor(messages, tmp_path / name, store=store, batch_rows=9 if times else 16)
                again.clock.at = monitor.clock.now()  # type: ignore[attr-defined]
                monitor = again
                monitor.open()
            _to_the_end(monitor)
            assert monitor.flow.roster.n_forgotten == 2_004 - _MOST
            found.append(kept(store))
            ids.append([e.id for e in store.events()])
    assert found[0] == found[1]
    assert len(found[0]) >= 2
    assert all(len(set(each)) == len(each) for each in ids)


def _to_the_end(monitor: Monitor) -> None:
    def tick(_: Step) -> None:
        monitor.clock.at += 8.0  # type: ignore[attr-defined]

    monitor.run(threading.Event(), tick)


def test_rows_of_one_that_came_back_have_numbers_of_their_own() -> None:
    roster = Roster(2)

    def hear(name: str, time: float) -> int:
        roster.number([name], 1)
        roster.grow()
        code = roster._codes[name]
        row = int(roster.n_rows[code])
        roster.advance(np.array([code]), np.array([time]), np.ones((1, 1)))
        return row

    heard = [(name, hear(name, t)) for t, name in enumerate("aaabbbcccaaabbaccb")]
    assert len(set(heard)) == len(heard)
    assert heard[:3] == [("a", 0), ("a", 1), ("a", 2)]


def test_courses_of_a_model_of_series_are_forgotten_too() -> None:
    rng = np.random.default_rng(5)
    table = {
        "time": np.tile(START + 60.0 * np.arange(500), 3), "device": np.repeat(["a", "b", "c"], 500),
        "x": rng.normal(size=1_500),
    }  # fmt: skip
    model = amiss.fit(table, causal=True, kind="series", entity="device")
    rows = [message({"time": START + 60.0 * (500 + i), "device": "abc"[i // 20 % 3], "x": 0.1}) for i in range(200)]
    monitor = monitor_of(Feed(rows), judge=judge_of(model), batch_rows=10)
    monitor.flow.roster.most, monitor.clock.at = 2, START + 1e6  # type: ignore[attr-defined]
    _run(monitor)
    assert monitor.flow.counts["rows judged"] == 200
    assert len(monitor.flow.judge.state()["courses"]) == 2
