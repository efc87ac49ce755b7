"""Labels, versions of models, dead letters, and how long deliveries and events are kept."""

from __future__ import annotations

import pytest

from amiss.core.errors import ParameterError
from amiss.store.records import DeadLetter, LabelRecord, Retention
from tests.store.made import T0, event, notification

DAY = 86_400.0


def label(verdict="anomaly", **changed):
    told = {"author": "kim", "at": T0, "source": "plant", "entity": "pump-1", "starts": T0, "ends": T0 + 60}
    return LabelRecord(verdict=verdict, **(told | changed))


def test_labels_are_added_and_never_changed(store):
    said = [label(), label("normal", at=T0 + 5, reason="service"), label("unsure", entity=None, starts=None, ends=None,
            row_key="4711"), label("not_now", source="other")]  # fmt: skip
    for one in said:
        store.add_label(one)
    assert store.labels() == said
    assert store.labels(source="plant", entity="pump-1") == said[:2]
    assert store.labels(source="plant", since=T0 + 60, until=T0 + 61) == said[:2]
    assert store.labels(since=T0 + 61) == [] == store.labels(until=T0)


def test_a_model_has_one_champion(store):
    first = store.add_model("pumps", path="a.amiss", digest="00", now=T0, state="champion")
    assert (first.number, first.state) == (1, "champion")
    second = store.add_model("pumps", path="b.amiss", digest="11", now=T0 + 1, note="after the service")
    other = store.add_model("fans", path="c.amiss", digest="22", now=T0, state="champion")
    assert (second.number, second.state, other.number) == (2, "challenger", 1)
    assert store.set_model_state("pumps", 2, "champion").state == "champion"
    assert [(m.name, m.number, m.state) for m in store.models()] == [
        ("fans", 1, "champion"), ("pumps", 1, "retired"), ("pumps", 2, "champion"),
    ]  # fmt: skip
    with pytest.raises(ParameterError, match="no version 3"):
        store.set_model_state("pumps", 3, "champion")
    # The attempt has not dethroned anybody.
    assert [m.state for m in store.models("pumps")] == ["retired", "champion"]


def test_dead_letters_are_cut_and_bounded(store, monkeypatch):
    monkeypatch.setattr("amiss.store.writer._N_DEAD_LETTERS", 5)
    bodies = [b"\x00\xff" * 5000, b"", b"{"]
    for i in range(4):
        with store.writing() as writer:
            writer.put_dead_letters(
                DeadLetter(at=T0 + i, source=f"s{i % 2}", reason="no JSON", body=body) for body in bodies
            )
    assert [(d.at - T0, d.body) for d in store.dead_letters()] == [
        (3, b"{"), (3, b""), (3, bodies[0][:4096]), (2, b"{"), (2, b""),
    ]  # fmt: skip
    assert store.dead_letters()[2].size_bytes == 10_000
    assert [d.source for d in store.dead_letters(source="s0")] == ["s0", "s0"]
    with store.writing() as writer:
        writer.put_dead_letters(DeadLetter(at=i, source="s", reason="", body=b"", size_bytes=9) for i in range(100))
    assert [(d.at, d.size_bytes) for d in store.dead_letters()] == [(i, 9) for i in (99, 98, 97, 96, 95)]


def test_what_has_ended_goes_after_its_time_and_what_has_not_stays(store):
    with store.writing() as writer:
        writer.put_events([event(1, state="resolved"), event(2), event(3, state="resolved", updated=T0 + 50 * DAY)])
        writer.queue([notification(i) for i in range(3)], ["mail"], T0)
    store.mark_delivered("notification-0@mail", T0)
    store.mark_failed("notification-1@mail", "refused", None)
    gone = store.prune(T0 + 60 * DAY, Retention(events_days=30))
    assert (gone["events"], gone["deliveries"]) == (1, 0)
    assert [e.id for e in store.events()] == ["event-3", "event-2"]
    assert store.prune(T0 + 91 * DAY)["deliveries"] == 2
    assert [d.id for d in store.deliveries()] == ["notification-2@mail"]
