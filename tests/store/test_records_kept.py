"""What is put into a store comes out of it: events, alarms, deliveries, silences."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.store.made import T0, event, notification, silence


def put(store, *events):
    with store.writing() as writer:
        writer.put_events(events)


def test_events_come_back_as_they_went_the_last_opened_first(store):
    put(store, *(event(i) for i in range(5)))
    assert store.events() == [event(i) for i in reversed(range(5))]
    assert store.event("event-3") == event(3)
    assert store.event("nobody") is None


def test_a_replay_writes_the_same_row(store):
    put(store, event(1), event(2))
    put(store, event(1, state="resolved", ended=T0 + 9, updated=T0 + 9, n_alarms=4))
    put(store, event(2))
    assert store.events() == [event(2), event(1, state="resolved", ended=T0 + 9, updated=T0 + 9, n_alarms=4)]


def test_the_same_event_twice_in_one_batch_is_its_last_state(store):
    put(store, event(1), event(1, score=99.0))
    assert store.events() == [event(1, score=99.0)]


def test_who_acknowledged_an_event_stays_when_it_is_written_again(store):
    put(store, event(1))
    assert store.acknowledge("event-1", "kim", T0 + 60)
    assert not store.acknowledge("event-1", "lee", T0 + 61)
    assert not store.acknowledge("nobody", "kim", T0)
    put(store, event(1, state="resolved"))
    assert store.event("event-1") == event(1, state="resolved", acknowledged_by="kim", acknowledged_at=T0 + 60)


def test_events_are_chosen(store):
    put(store, *(event(i) for i in range(20)), event(20, entity=None, state="pending", source="file"))
    assert [e.id for e in store.events(entity="pump-3")] == ["event-17", "event-10", "event-3"]
    assert [e.id for e in store.events(state="pending")] == ["event-20"] == [e.id for e in store.events(source="file")]
    assert {e.id for e in store.events(since=T0 + 22)} == {"event-17", "event-18", "event-19", "event-20"}
    assert [e.id for e in store.events(until=T0 + 2)] == ["event-1", "event-0"]


def test_pages_of_events_hold_each_event_once(store):
    put(store, *(event(i, opened=T0 + i // 10) for i in range(95)))
    seen, after = [], None
    while page := store.events(limit=10, after=after):
        seen += [e.id for e in page]
        after = (page[-1].opened, page[-1].id)
    assert len(seen) == 95 == len(set(seen))


def test_numbers_that_json_or_sql_do_not_have_are_kept(store):
    odd = {"low": -math.inf, "high": math.inf, "big": 10**30, "list": [1, None, True, -(2**63), 2**64], "n": 2**63 - 1}
    put(store, event(1, score=math.inf, p_value=5e-324, n_alarms=10**30, body=odd))
    (read,) = store.events()
    assert (read.score, read.p_value, read.n_alarms, read.body) == (math.inf, 5e-324, 2**63 - 1, odd)
    put(store, event(1, score=math.nan, p_value=math.nan, body={"value": math.nan, "null": None}))
    (read,) = store.events()
    assert math.isnan(read.score)
    assert read.p_value is None
    assert math.isnan(read.body["value"])
    assert read.body["null"] is None


def test_numbers_of_numpy_are_numbers(store):
    told = {"n": np.int64(3), "x": np.float32(0.5), "inf": np.float64(np.inf), "yes": np.bool_(True), "none": None}
    plain = {"n": 3, "x": 0.5, "inf": math.inf, "yes": True, "none": None}
    put(store, event(1, n_alarms=np.int64(7), score=np.float64(2.5), p_value=np.float32(0.5), body=told))
    assert store.events() == [event(1, n_alarms=7, score=2.5, p_value=0.5, body=plain)]
    with store.writing() as writer:
        writer.put_alarm_states({"a": told})
    assert store.alarm_states() == {"a": plain}


def test_what_cannot_be_kept_is_refused_before_anything_is(store):
    with pytest.raises(TypeError, match="object cannot be kept"):
        put(store, event(1), event(2, body={"what": object()}))
    assert not store.events()


HOSTILE = [
    "a\x00b",
    "'; DROP TABLE amiss_events; --",
    '"quoted" \\ %s :name {x}',
    "😀𝄞",
    "\ud800 half",
    "",
    " ",
    "\n",
    "%",
]


@pytest.mark.parametrize("word", HOSTILE)
def test_hostile_text_is_kept_and_found(store, word):
    kept = word.replace("\x00", "␀").replace("\ud800", "\ufffd")
    put(store, event(1, id=word, entity=word, reason=word * 100, fingerprint=word, body={word: [word]}))
    (read,) = store.events(entity=word)
    assert (read.id, read.entity, read.reason, read.fingerprint) == (kept, kept, kept * 100, kept)
    assert read.body in ({word: [word]}, {kept: [kept]})
    assert store.acknowledge(word, word, T0)
    assert store.event(word).acknowledged_by == kept
    with store.writing() as writer:
        writer.put_alarm_states({word: {"word": word}})
        writer.queue([notification(id=word, title=word, entity=word)], [word], T0)
    assert list(store.alarm_states()) == [kept]
    (due,) = store.due_deliveries(T0)
    assert due.notification.title in {word, kept}
    assert store.mark_failed(due.id, word, T0)
    assert store.deliveries()[0].last_error == kept


def test_alarm_states_outlive_a_restart(store, place):
    from amiss.store import Store

    states = {"a": {"since": T0, "m_of_n": [1, 0, 1], "limit": math.inf}, "b": {"since": None}}
    with store.writing() as writer:
        writer.put_alarm_states(states)
    with Store.open(place) as again:
        assert again.alarm_states() == states
        with again.writing() as writer:
            writer.put_alarm_states({"a": {"since": 1}, "b": None, "never": None})
    assert store.alarm_states() == {"a": {"since": 1}}


def test_a_notification_is_queued_once_for_each_sink(store):
    with store.writing() as writer:
        assert writer.queue([notification(0), notification(1)], ["mail", "hook"], T0) == 4
    with store.writing() as writer:
        assert writer.queue([notification(0), notification(2)], ["mail", "hook"], T0 + 5) == 2
    due = store.due_deliveries(T0)
    assert [(d.id, d.sink, d.notification) for d in due] == [
        (f"notification-{i}@{sink}", sink, notification(i)) for i in (0, 1) for sink in ("mail", "hook")
    ]
    assert len(store.due_deliveries(T0 + 5)) == 6
    assert len(store.due_deliveries(T0 + 5, limit=2)) == 2


def test_a_delivery_from_its_first_try_to_its_last(store):
    with store.writing() as writer:
        writer.queue([notification()], ["mail"], T0)
    (first,) = store.due_deliveries(T0)
    assert (first.state, first.n_tries, first.due_at, first.created) == ("waiting", 0, T0, T0)
    assert store.mark_failed(first.id, "nobody answers", T0 + 30)
    assert not store.due_deliveries(T0 + 29)
    (second,) = store.due_deliveries(T0 + 30)
    assert (second.n_tries, second.last_error) == (1, "nobody answers")
    assert store.mark_failed(first.id, "refused", None)
    assert not store.due_deliveries(T0 + 1e6)
    assert not store.mark_delivered(first.id, T0)
    assert [d.last_error for d in store.deliveries(state="dead")] == ["refused"]
    assert store.revive(first.id, T0 + 50)
    assert not store.revive(first.id, T0 + 50)
    assert store.mark_delivered(first.id, T0 + 51)
    (last,) = store.deliveries()
    assert (last.state, last.n_tries, last.delivered_at, last.last_error) == ("delivered", 3, T0 + 51, "")
    with store.writing() as writer:
        assert writer.queue([notification()], ["mail"], T0 + 60) == 0
    assert not store.due_deliveries(T0 + 100)


def test_an_end_does_not_overtake_its_beginning(store):
    with store.writing() as writer:
        writer.queue([notification(1, fingerprint="f")], ["mail", "hook"], T0)
        writer.queue([notification(2, fingerprint="f", action="resolve"), notification(3)], ["mail", "hook"], T0)
    store.mark_failed("notification-1@mail", "busy", T0 + 60)
    store.mark_delivered("notification-1@hook", T0)
    assert {d.id for d in store.due_deliveries(T0 + 30)} == {
        "notification-2@hook", "notification-3@mail", "notification-3@hook",
    }  # fmt: skip
    store.mark_failed("notification-1@mail", "refused", None)
    assert "notification-2@mail" in {d.id for d in store.due_deliveries(T0 + 30)}


def test_silences_hold_from_their_start_to_their_end(store):
    with store.writing() as writer:
        writer.put_silences([silence(1, entity="pump-*"), silence(2, starts=T0 + 100, ends=T0 + 200)])
        writer.count_hidden({"silence-1": 3, "nobody": 1})
    with store.writing() as writer:
        writer.count_hidden({"silence-1": 2})
        writer.put_silences([silence(1, entity="pump-*", ends=T0 + 7200)])
    assert store.silences() == [
        silence(2, starts=T0 + 100, ends=T0 + 200), silence(1, entity="pump-*", ends=T0 + 7200, n_hidden=5),
    ]  # fmt: skip
    assert [s.id for s in store.silences(active_at=T0 + 100)] == ["silence-2", "silence-1"]
    assert [s.id for s in store.silences(active_at=T0 + 200)] == ["silence-1"]
    assert not store.silences(active_at=T0 - 1)
    assert store.end_silence("silence-1", T0 + 150)
    assert not store.end_silence("silence-1", T0 + 150)
    assert not store.silences(active_at=T0 + 200)


@pytest.mark.parametrize(
    ("patterns", "fits"),
    [({}, True), ({"entity": "pump-?"}, True), ({"entity": "PUMP-*"}, False),
     ({"kind": "spike", "source": "mqtt:*"}, True), ({"kind": "dip"}, False), ({"entity": "pump-[0-3]"}, True)],
)  # fmt: skip
def test_a_silence_is_for_what_fits_all_its_patterns(patterns, fits):
    assert silence(**patterns).covers("mqtt://plant", "pump-3", "spike") is fits


def test_an_event_without_entity_is_silenced_by_patterns_that_fit_nothing():
    assert silence().covers("file", None, "gap")
    assert not silence(entity="?*").covers("file", None, "gap")


def test_nothing_of_a_block_that_raises_is_kept(store):
    def write():
        with store.writing() as writer:
            writer.put_events([event(1)])
            writer.queue([notification()], ["mail"], T0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert not store.events()
    assert not store.deliveries()


def test_nothing_put_is_nothing_written(store):
    with store.writing() as writer:
        writer.put_events([])
        writer.put_alarm_states({})
        writer.put_silences([])
        writer.count_hidden({})
        writer.put_dead_letters([])
        assert writer.queue([], ["mail"], T0) == 0 == writer.queue([notification()], [], T0)
    assert not store.events()
    assert not store.deliveries()
