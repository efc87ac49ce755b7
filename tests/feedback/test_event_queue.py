"""The queue of events: what a verdict changes, and what it must not."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.core.errors import ParameterError
from amiss.feedback import TAKEN_BACK, EventQueue
from amiss.store.records import LabelRecord
from tests.feedback.made import NOW, T0, event, mixed_events

VERDICTS = ("anomaly", "normal", "not_now", "unsure")


def picture(queue: EventQueue, now: float = NOW):
    """All that a queue shows, in a form that can be compared."""
    pages = [queue.page(now, limit=10**6, hidden=True), queue.page(now, limit=10**6, decided=True)]
    return [[(i.event.id, i.place, i.chance, i.hidden, i.moved, i.label) for i in page] for page in pages]


def test_at_first_the_p_value_orders_the_queue():
    events = mixed_events(50)
    shown = [item.event.p_value for item in EventQueue(events).page(NOW)]
    assert shown == sorted(shown)


def test_severity_serves_where_there_is_no_p_value():
    words = ("info", "critical", "warning", "error")
    queue = EventQueue(event(i, p_value=None, severity=word) for i, word in enumerate(words))
    assert [item.event.severity for item in queue.page(NOW)] == ["critical", "error", "warning", "info"]


class TestANormalVerdict:
    def test_hides_near_duplicates_and_says_why(self):
        queue = EventQueue([event(0), event(1), event(2, entity="pump-2")])
        queue.label("e00000", "normal", author="kim", at=NOW)
        assert [item.event.id for item in queue.page(NOW)] == ["e00002"]
        assert queue.item("e00001", NOW).hidden == "like the spike of pump-1 at 2023-11-14 22:13 that kim called normal"

    @pytest.mark.parametrize(
        "other",
        [
            event(1, entity="pump-2"),
            event(1, kind="level_shift"),
            event(1, source="mqtt://office"),
            event(1, column="pressure"),
            event(1, value=-40.0),
            event(1, severity="critical"),
            event(1, p_value=1e-9),
            event(1, score=9.0),
        ],
        ids=["entity", "kind", "source", "column", "direction", "severity", "p-value", "score"],
    )
    def test_hides_nothing_else(self, other):
        queue = EventQueue([event(0), other])
        queue.label("e00000", "normal", author="kim", at=NOW)
        assert queue.item("e00001", NOW).hidden == ""

    def test_hides_nothing_that_is_as_much_like_an_anomaly(self):
        queue = EventQueue([event(0), event(1), event(2)])
        queue.label("e00000", "normal", author="kim", at=NOW)
        queue.label("e00002", "anomaly", author="kim", at=NOW)
        assert queue.item("e00001", NOW).hidden == ""

    def test_moves_what_is_like_it_down_and_says_why(self):
        queue = EventQueue([event(0), event(1, entity="pump-2"), event(2, column="flow", kind="drift", p_value=1e-4)])
        assert queue.item("e00001", NOW).place < queue.item("e00002", NOW).place
        queue.label("e00000", "normal", author="kim", at=NOW)
        item = queue.item("e00001", NOW)
        assert item.place > queue.item("e00002", NOW).place
        assert "like the spike of pump-1" in item.moved


def test_a_label_never_lowers_an_anomalys_own_rank():
    random = np.random.default_rng(3)
    queue = EventQueue(mixed_events(120))
    for i in random.permutation(120)[:60]:
        event_id, verdict = f"e{i:05d}", str(random.choice(["anomaly", "normal"]))
        before = queue.item(event_id, NOW).place
        queue.label(event_id, verdict, author="kim", at=NOW)
        after = queue.item(event_id, NOW).place
        assert after <= before if verdict == "anomaly" else after >= before


def test_not_now_hides_for_a_time_only():
    queue = EventQueue([event(0), event(1), event(2, entity="pump-2")], snooze_seconds=600.0)
    queue.label("e00000", "not_now", author="kim", at=NOW)
    assert [item.event.id for item in queue.page(NOW + 599)] == ["e00002"]
    assert "put off until" in queue.item("e00001", NOW + 599).hidden
    assert {item.event.id for item in queue.page(NOW + 600)} == {"e00000", "e00001", "e00002"}
    assert queue.item("e00001", NOW + 600).hidden == ""


def test_unsure_is_kept_and_changes_nothing_else():
    events = mixed_events(30)
    queue, plain = EventQueue(events), EventQueue(events)
    queue.label("e00007", "unsure", author="kim", at=NOW)
    left = [entry for entry in picture(plain)[0] if entry[0] != "e00007"]
    assert picture(queue)[0] == left
    assert [label.verdict for label in queue.labels()] == ["unsure"]


said = st.lists(st.tuples(st.integers(0, 39), st.sampled_from(VERDICTS)), max_size=25, unique_by=lambda pair: pair[0])


@settings(max_examples=30, deadline=None)
@given(said, st.randoms(use_true_random=False))
def test_the_order_of_verdicts_on_different_events_does_not_matter(pairs, random):
    shuffled = list(pairs)
    random.shuffle(shuffled)
    queues = [EventQueue(mixed_events(40)) for _ in range(2)]
    for queue, order in zip(queues, (pairs, shuffled), strict=True):
        for i, verdict in order:
            queue.label(f"e{i:05d}", verdict, author="kim", at=NOW)
    assert picture(queues[0]) == picture(queues[1])


@settings(max_examples=30, deadline=None)
@given(said, st.integers(0, 39), st.sampled_from(VERDICTS))
def test_undo_restores_the_queue_exactly(pairs, i, verdict):
    queue = EventQueue(mixed_events(40))
    for j, each in pairs:
        queue.label(f"e{j:05d}", each, author="kim", at=NOW)
    before = picture(queue)
    queue.label(f"e{i:05d}", verdict, author="kim", at=NOW + 1)
    record = queue.undo("kim", at=NOW + 2)
    assert record.reason == TAKEN_BACK
    assert picture(queue) == before


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.tuples(st.integers(0, 19), st.sampled_from(VERDICTS)), st.none()), max_size=30))
def test_a_queue_made_from_the_kept_labels_is_the_same(acts):
    queue, kept = EventQueue(mixed_events(20)), []
    for act in acts:
        record = queue.undo("kim", at=NOW) if act is None else None
        if act is not None:
            record = queue.label(f"e{act[0]:05d}", act[1], author="kim", at=NOW)
        kept += [record] if record is not None else []
    assert picture(EventQueue(mixed_events(20), kept)) == picture(queue)
    late = EventQueue(labels=kept)
    for each in mixed_events(20):
        late.put([each])
    assert picture(late) == picture(queue)


def test_only_ones_own_words_are_taken_back():
    queue = EventQueue([event(0), event(1, entity="pump-2")])
    queue.label("e00000", "normal", author="kim", at=NOW)
    queue.label("e00001", "anomaly", author="lee", at=NOW)
    assert queue.undo("kim", at=NOW).entity == "pump-1"
    assert queue.undo("kim", at=NOW) is None
    assert [label.author for label in queue.labels()] == ["lee"]


def test_the_later_of_two_verdicts_stands_and_undo_brings_the_first_back():
    queue = EventQueue([event(0)])
    queue.label("e00000", "normal", author="kim", at=NOW)
    queue.label("e00000", "anomaly", author="kim", at=NOW + 1)
    assert queue.item("e00000", NOW).label.verdict == "anomaly"
    queue.undo("kim", at=NOW + 2)
    assert queue.item("e00000", NOW).label.verdict == "normal"


class TestLabelsAreOfData:
    def test_a_span_counts_for_events_that_it_half_covers(self):
        def long(i, hours):
            return event(i, ended=T0 + 3600.0 * (i + hours))

        queue = EventQueue([long(0, 2), long(3, 1), long(10, 1), event(3, id="other", entity="pump-2")])
        brushed = LabelRecord(
            verdict="anomaly", author="kim", at=NOW, source="mqtt://plant/#", entity="pump-1", starts=T0 + 1800,
            ends=T0 + 3600 * 5,
        )  # fmt: skip
        queue.take([brushed])
        assert {item.event.id for item in queue.page(NOW, decided=True)} == {"e00000", "e00003"}

    def test_they_survive_new_ids_and_a_second_ingestion(self):
        queue = EventQueue([event(0), event(1)])
        kept = queue.label("e00000", "anomaly", author="kim", at=NOW)
        again = EventQueue([event(0, id="new", p_value=1e-4), event(1)], [kept])
        assert again.item("new", NOW).label == kept

    def test_a_row_of_a_table_is_known_by_its_key(self):
        def row(i):
            return event(i, opened=0.0, updated=0.0, body={"row_key": f"order-{i}"})

        queue = EventQueue([row(0), row(1)])
        queue.label("e00000", "anomaly", author="kim", at=NOW)
        assert queue.item("e00001", NOW).label is None

    def test_an_event_that_changes_keeps_its_label(self):
        queue = EventQueue([event(0), event(1)])
        queue.label("e00000", "normal", author="kim", at=NOW)
        queue.put([event(0, ended=T0 + 9999, score=5.5)])
        assert queue.item("e00000", NOW).label.verdict == "normal"


def test_every_tenth_question_is_uncertain_or_novel():
    queue = EventQueue(mixed_events(200))
    asked = []
    for _ in range(40):
        question = queue.next_question(NOW)
        asked.append(question.asked)
        queue.label(question.event.id, "anomaly" if question.event.entity == "pump-1" else "normal", author="k", at=NOW)
    assert [i + 1 for i, why in enumerate(asked) if why != "rank"] == [10, 20, 30, 40]
    assert set(asked) == {"rank", "uncertain", "novel"}


def test_the_next_question_can_be_asked_ahead():
    queue = EventQueue(mixed_events(20))
    first = queue.next_question(NOW)
    second = queue.next_question(NOW, skip=[first.event.id])
    assert second.event.id == queue.page(NOW)[1].event.id
    assert queue.next_question(NOW, skip=[item.event.id for item in queue.page(NOW)]) is None


def test_verdicts_order_what_they_tell():
    queue = EventQueue(mixed_events(300, seed=1))
    for i in range(40):
        verdict = "anomaly" if queue.item(f"e{i:05d}", NOW).event.entity == "pump-3" else "normal"
        queue.label(f"e{i:05d}", verdict, author="kim", at=NOW)
    assert queue.state(NOW).learns
    first = queue.page(NOW, limit=20)
    assert np.mean([item.event.entity == "pump-3" for item in first]) > 0.6


def test_the_p_values_order_the_queue_where_verdicts_mislead():
    # Verdicts follow the p-value alone, and look-alikes got the opposite ones.
    events = [
        event(2 * i + j, entity=f"pump-{i}", p_value=10.0 ** -(4.8 if j else 5.2)) for i in range(12) for j in (0, 1)
    ]
    queue = EventQueue(events)
    for each in events:
        queue.label(each.id, "anomaly" if each.p_value < 1e-5 else "normal", author="kim", at=NOW)
    state = queue.state(NOW)
    assert not state.learns
    assert "p-values alone" in state.why
    queue.put([event(100, p_value=1e-5, entity="pump-3"), event(101, p_value=1e-7, entity="fan")])
    assert [item.event.id for item in queue.page(NOW, hidden=True)] == ["e00101", "e00100"]


class TestSimilar:
    def test_the_most_alike_come_first_with_labels_and_words(self):
        queue = EventQueue([event(0), event(1), event(2, entity="pump-2"), event(3, kind="stuck", column="flow")])
        queue.label("e00002", "anomaly", author="kim", at=NOW)
        found = queue.similar("e00000", k=3)
        assert [each.event.id for each in found] == ["e00001", "e00002", "e00003"]
        assert found[0].why == "same kind, source, entity; both blame temp↑; at the same hour of the day"
        assert found[1].label.verdict == "anomaly"
        assert [each.event.id for each in queue.similar("e00000", labelled=True)] == ["e00002"]

    def test_likeness_is_symmetric_and_one_for_the_same(self):
        queue = EventQueue([*mixed_events(30), event(100), event(100, id="twin")])
        assert queue.similar("twin", k=1)[0].likeness == 1.0
        for a, b in (("e00001", "e00002"), ("e00005", "e00020")):
            there = {each.event.id: each.likeness for each in queue.similar(a, k=100)}
            back = {each.event.id: each.likeness for each in queue.similar(b, k=100)}
            assert there[b] == back[a]


def test_series_events_blame_their_channels():
    body = {"channels": [{"column": "flow", "value": 1.0, "low": 2.0, "high": 3.0}]}
    queue = EventQueue([event(0, body=body), event(1, body=body)])
    assert "flow↓" in queue.similar("e00000")[0].why


def test_bodies_of_any_kind_are_taken():
    bodies = [{}, {"values": None}, {"values": {"a": None, "b": "x"}, "usual": {"b": "x, y to z"}}, {"channels": [1]}]
    queue = EventQueue(event(i, body=body, p_value=None, score=float("nan")) for i, body in enumerate(bodies))
    queue.label("e00000", "normal", author="kim", at=NOW)
    assert len(queue.page(NOW, hidden=True)) == 3


def test_what_is_forgotten_is_gone_and_its_label_kept():
    queue = EventQueue([event(0), event(1)])
    queue.label("e00000", "normal", author="kim", at=NOW)
    queue.forget(["e00000"])
    assert [item.event.id for item in queue.page(NOW)] == ["e00001"]
    assert len(queue.labels()) == 1


def test_wrong_words_are_refused():
    queue = EventQueue([event(0)])
    with pytest.raises(ParameterError, match="no event 'x'"):
        queue.label("x", "normal", author="kim", at=NOW)
    with pytest.raises(ParameterError, match="no verdict 'bad'"):
        queue.label("e00000", "bad", author="kim", at=NOW)
    with pytest.raises(ParameterError, match="snooze_seconds"):
        EventQueue(snooze_seconds=0)


def test_a_pattern_called_normal_is_rarely_shown_again():
    random = np.random.default_rng(0)
    shown = total = 0
    for _ in range(20):
        column, hour = f"c{random.integers(9)}", random.integers(24)
        like = [
            event(i, opened=T0 + 86_400.0 * i + 3600.0 * hour + random.normal(0, 1800), column=column,
                  value=float(random.uniform(80, 110)), p_value=float(10 ** -random.uniform(5.5, 6.2)))
            for i in range(40)
        ]  # fmt: skip
        queue = EventQueue([*like, *(event(100 + i, entity=f"p{i}") for i in range(20))])
        queue.label("e00000", "normal", author="kim", at=NOW)
        is_shown = {item.event.id for item in queue.page(NOW, limit=1000)}
        shown, total = shown + sum(each.id in is_shown for each in like[1:]), total + 39
    assert shown / total <= 0.05


def test_ten_thousand_events_are_ranked_again_in_a_twentieth_of_a_second():
    queue = EventQueue(mixed_events(10_000))
    for i in range(200):
        queue.label(f"e{i:05d}", "anomaly" if i % 3 else "normal", author="kim", at=NOW)
    taken = []
    for i in range(200, 220):
        start = time.process_time()
        queue.label(f"e{i:05d}", "normal", author="kim", at=NOW)
        queue.next_question(NOW)
        taken.append(time.process_time() - start)
    assert np.median(taken) < 0.05
