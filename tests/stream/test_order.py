"""Order of rows, silence, and values that stay."""

from __future__ import annotations

import copy

import numpy as np

from amiss.core.live import Message
from amiss.stream.decode import Decoder
from amiss.stream.events import Change
from amiss.stream.flow import Flow

from .feeds import START, flow_of, message, pumps


def _run(flow: Flow, messages: list[Message], *, batch: int = 50, now: float | None = None) -> list[Change]:
    decoder, changes = Decoder(), []
    for i in range(0, len(messages), batch):
        part = messages[i : i + batch]
        changes += flow.take(decoder.decode(part, START), START + 1e6 if now is None else now).changes
    return changes


def test_rows_in_disorder_within_a_batch_give_what_rows_in_order_give() -> None:
    messages = pumps(2_000, faults=[(1_500, 30.0)])
    shuffled, rng = list(messages), np.random.default_rng(1)
    for start in range(0, len(shuffled), 50):
        part = shuffled[start : start + 50]
        shuffled[start : start + 50] = [part[i] for i in rng.permutation(len(part))]
    first = Decoder().decode(messages[:1], 0.0)
    assert first.n_rows == 1
    assert [c.event for c in _run(flow_of(), shuffled)] == [c.event for c in _run(flow_of(), messages)]


def test_what_is_late_or_comes_again_is_counted_and_not_learnt() -> None:
    messages = pumps(400)
    clean, doubled = flow_of(), flow_of()
    _run(clean, messages)
    _run(doubled, [*messages[:200], *messages[150:200], *messages[200:], *messages[:10]])
    assert doubled.counts["older than the last of its entity"] + doubled.counts["came before"] == 60
    assert doubled.counts["rows judged"] == clean.counts["rows judged"] == 400
    assert np.array_equal(doubled.judge.state()["detector"]["memory_"], clean.judge.state()["detector"]["memory_"])


def test_rows_of_one_time_with_other_values_are_no_repetition() -> None:
    flow = flow_of()
    _run(flow, [message({"time": START, "a": float(i)}) for i in range(3)])
    assert flow.counts["rows judged"] == 3


def test_rows_of_the_future_are_refused_with_what_they_held() -> None:
    flow = flow_of()
    taken = flow.take(Decoder().decode([message({"time": START + 3600, "a": 1})], START), START)
    assert [each.reason for each in taken.refused] == ["dated in the future"]
    assert b'"a":1' in taken.refused[0].body
    assert taken.batch is None


def test_more_entities_at_once_than_may_be_known_are_counted_and_the_others_go_on() -> None:
    flow = flow_of()
    flow.roster.most = 10
    _run(flow, [message({"device": f"d{i % 20}", "time": START + i, "a": float(i % 7)}) for i in range(400)], batch=40)
    assert len(flow.roster.names) == 10
    assert (flow.counts["of one entity too many"], flow.counts["rows judged"]) == (200, 200)


def test_a_dead_sensor_is_told_within_three_of_its_intervals_and_once() -> None:
    flow = flow_of()
    last = START + 200 * 10
    rows = [message({"device": d, "time": START + 10.0 * i, "a": float(i % 3)}) for i in range(201) for d in ("x", "y")]
    rows += [message({"device": "x", "time": last + 10.0 * i, "a": float(i % 3)}) for i in range(1, 4)]
    _run(flow, rows, now=last + 30)
    assert flow.silences(last + 30.0)[0].event.entity == "y"
    assert flow.silences(last + 31.0) == []
    event = flow.life.open[(1, "no_data")].event
    assert (event.kind, event.reason) == ("no_data", "nothing came for 30 s, usually something comes every 10 s")
    back = _run(flow, [message({"device": "y", "time": last + 60, "a": 1.0})])
    assert [(c.opened, c.event.kind) for c in back] == [(False, "no_data")]


def test_while_the_watch_was_away_nobody_was_silent() -> None:
    flow, resumed = flow_of(), flow_of()
    rows = [message({"device": d, "time": START + i, "a": float(i % 3)}) for i in range(201) for d in ("x", "y")]
    last = START + 200
    _run(flow, rows, now=last)
    kept = copy.deepcopy(flow.state())
    resumed.restore(copy.deepcopy(kept))
    assert [len(resumed.silences(last + 60 + i)) for i in range(5)] == [0] * 5  # nothing has come by now
    rows = [message({"device": "x", "time": last + i, "a": float(i % 3)}) for i in range(1, 61)]
    _run(resumed, rows, now=last + 65)  # what waited at the broker, and y is dead indeed
    assert [change.event.entity for change in resumed.silences(last + 65)] == ["y"]
    never = flow_of()
    never.restore(kept)
    assert never.silences(last + 60) == []
    assert {change.event.entity for change in never.silences(last + 60 + 14)} == {"x", "y"}


def test_an_entity_that_comes_when_it_likes_is_not_silent_for_nothing() -> None:
    rng, told = np.random.default_rng(3), 0
    for _ in range(20):
        flow, when = flow_of(), START
        for gap in rng.exponential(10.0, 500):
            when += float(gap)
            told += len(flow.silences(when - 1e-3))
            _run(flow, [message({"time": when, "a": 1.0})], now=when)
    assert told <= 20  # of 10,000 gaps


def test_a_stuck_channel_is_told_and_its_end_too() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(20, 1, 600)
    x[300:400] = 19.5
    for batch in (1, 7, 600):
        rows = [message({"time": START + i, "a": float(v), "b": float(rng.normal())}) for i, v in enumerate(x)]
        changes = [c for c in _run(flow_of(), rows, batch=batch) if c.event.kind == "stuck a"]
        assert [c.opened for c in changes] == [True, False], batch
        assert changes[0].event.start == "2023-11-14T22:18:29Z", changes[0].event
        assert changes[0].event.reason.startswith("a has stayed at 19.5 for 10 rows")


def test_a_channel_that_is_usually_constant_is_never_stuck() -> None:
    rows = [message({"time": START + i, "a": 5.0, "b": float(i // 100)}) for i in range(1_000)]
    assert _run(flow_of(), rows) == []
