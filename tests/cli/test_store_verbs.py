"""`amiss events` and `amiss silence`: what people ask a store, and say to it."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from amiss.store import Store
from amiss.store.records import EventRecord, SilenceRecord
from tests.databases import database, postgres
from tests.stream.feeds import START, Feed, monitor_of, pumps


def _event(name: str, **changed: Any) -> EventRecord:
    now = time.time()
    told: dict[str, Any] = {
        "id": name, "source": "mqtt://plant/#", "entity": "pump-1", "kind": "anomaly", "opened": now - 60,
        "updated": now, "fingerprint": f"of {name}", "reason": "temp is 49, usual is 17 to 23", "body": {"id": name},
    }  # fmt: skip
    return EventRecord(**told | changed)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a watch with some events."""
    now = time.time()
    over = {"state": "resolved", "ended": now}
    with Store.open(tmp_path / "amiss.db") as store, store.writing() as writer:
        writer.put_events([
            _event("on"), _event("over", entity="fan-2", kind="stuck temp", opened=now - 120, **over),
            _event("old and on", opened=now - 1e6, updated=now - 1e6, kind="no_data"),
            _event("old", opened=now - 1e6, updated=now - 9e5, **over | {"ended": now - 9e5}),
        ])  # fmt: skip
    return tmp_path


def _ids(text: str) -> list[str]:
    return [json.loads(line)["id"] for line in text.splitlines()]


def test_events_that_are_on_and_those_of_late_are_listed(run: Any, folder: Path) -> None:
    def listed(*words: str) -> list[str]:
        return _ids(run("events", "--state", folder, "--format", "ndjson", *words)[0])

    assert listed() == ["on", "over", "old and on"]
    assert listed("--open") == ["on", "old and on"]
    assert listed("--since", "30d") == ["on", "over", "old", "old and on"]
    assert listed("--entity", "fan-*") == listed("--kind", "stuck*") == ["over"]
    assert listed("--top", "1") == ["on"]
    assert listed("--source", "kafka*") == []
    assert "no event is on" in run("events", "--state", folder, "--source", "kafka*")[0]
    table = run("events", "--state", folder)[0]
    assert "temp is 49, usual is 17 to 23" in table
    assert "source" not in table  # one source need not be told in every line
    assert isinstance(json.loads(run("events", "--store", folder / "amiss.db", "--format", "json")[0]), list)


def test_an_event_is_taken_on_once_and_those_told_of_it_are_told(run: Any, tmp_path: Path) -> None:
    messages = pumps(1_500, faults=[(1_496, 30.0)])
    with Store.open(tmp_path / "amiss.db") as store:
        monitor = monitor_of(Feed(messages), store=store, sinks=["mail", "pager"])
        monitor.open()
        monitor.run(threading.Event(), lambda step: None)
        (event,) = store.events(state="firing")
    assert event.opened == START + 1_496
    words = ("events", "ack", event.id, "--by")
    first = run(*words, "kim", "--state", tmp_path)[0]
    assert first.startswith(f"{event.id} is taken on by kim, 20")
    assert run("events", "--state", tmp_path, *words[1:], "lee")[0] == first  # the first stays
    with Store.open(tmp_path / "amiss.db") as store:
        news = [d for d in store.deliveries() if d.notification.action == "acknowledge"]
        assert sorted(d.sink for d in news) == ["mail", "pager"]
        assert {d.notification.fingerprint for d in news} == {event.fingerprint}
        assert news[0].notification.title == "pump-0 is unusual: taken on by kim"
    assert "kim" in run("events", "--state", tmp_path, "--since", "10000d")[0]


def test_silences_are_added_listed_and_ended(run: Any, folder: Path) -> None:
    of = ("--state", folder)
    out = run("silence", "add", *of, "--entity", "pump-*", "--for", "2h", "--reason", "bearing", "--author", "kim")[0]
    name = out.split()[0]
    run("silence", "add", *of, "--kind", "stuck*", "--until", "2100-01-01T00:00+01:00", "--reason", "gauges")
    with Store.open(folder / "amiss.db") as store:
        with store.writing() as writer:
            writer.count_hidden({name: 1_234})
        first, second = store.silences()
    assert (first.author, first.source, first.entity, first.kind) == ("kim", "*", "pump-*", "*")
    assert abs(first.ends - time.time() - 7200) < 60
    assert (second.ends, second.entity, second.kind) == (4_102_441_200.0, "*", "stuck*")
    table = run("silence", "list", *of)[0]
    assert all(word in table for word in (name, "kim", "pump-*", "1,234", "bearing", "2099-12-31 23:00:00"))
    run("silence", "end", name, *of)
    assert _ids(run("silence", "list", *of, "--format", "ndjson")[0]) == [second.id]
    every = json.loads(run("silence", "list", *of, "--all", "--format", "json")[0])
    assert [(each["id"], each["holds"], each["n_hidden"]) for each in every] == [
        (name, False, 1_234), (second.id, True, 0),
    ]  # fmt: skip
    assert "no silence" in run("silence", "end", name, *of, code=2)[1]


def test_a_silence_keeps_a_watch_from_telling(run: Any, tmp_path: Path) -> None:
    Store.open(tmp_path / "amiss.db").close()
    run("silence", "add", "--state", tmp_path, "--entity", "pump-0", "--for", "2h", "--reason", "known")
    feed = Feed(pumps(1_500, faults=[(1_200, 30.0), (1_205, 30.0)]))
    with Store.open(tmp_path / "amiss.db") as store:
        monitor = monitor_of(feed, store=store, sinks=["mail"])
        monitor.clock.at = time.time()  # type: ignore[attr-defined]
        monitor.open()
        monitor.run(threading.Event(), lambda step: None)
        assert {e.entity for e in store.events()} == {"pump-0", "pump-1"}
        assert {d.notification.entity for d in store.deliveries()} == {"pump-1"}
    assert json.loads(run("silence", "list", "--state", tmp_path, "--format", "ndjson")[0])["n_hidden"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("events",), "nothing says which store"),
        (("events", "--state", "nowhere"), "there is no store"),
        (("events", "--store", "sqlite:///nowhere.db"), "there is no store"),
        (("events", "--state", ".", "--format", "csv"), "no form csv"),
        (("events", "--state", ".", "--since", "soon"), "is no time"),
        (("events", "ack", "none", "--state", "."), "there is no event 'none'"),
        (("events", "ack", "none"), "nothing says which store"),
        (("silence", "add", "--state", ".", "--entity", "a", "--reason", "x"), "a silence has one end"),
        (("silence", "add", "--state", ".", "--for", "2h", "--reason", "x"), "nothing says what"),
        (("silence", "add", "--state", ".", "--for", "2h", "--kind", "a", "--reason", " "), "the reason is empty"),
        (("silence", "add", "--state", ".", "--until", "2001-01-01", "--kind", "a", "--reason", "x"), "is over"),
        (("silence", "add", "--state", ".", "--until", "soon", "--kind", "a", "--reason", "x"), "is no time"),
        (("silence", "end", "none", "--state", "."), "no silence 'none' holds"),
    ],
)
def test_what_cannot_be_is_said_and_makes_no_store(run: Any, folder: Path, words: tuple[str, ...], said: str) -> None:
    before = sorted(p.name for p in folder.iterdir())
    assert said in run(*words, code=3 if said == "there is no store" else 2, cwd=folder)[1]
    assert [p.name for p in folder.iterdir() if p.name not in before and "db-" not in p.name] == []


def test_a_store_in_postgresql_is_asked_in_the_same_way(run: Any) -> None:
    pytest.importorskip("psycopg", reason="the extra `sql` is not installed")
    try:
        with postgres() as server, database(server) as url:
            with Store.open(url) as store, store.writing() as writer:
                writer.put_events([_event("on")])
                writer.put_silences([
                    SilenceRecord(id="s", author="kim", reason="x", starts=0, ends=1e10, created=0)
                ])  # fmt: skip
            assert _ids(run("events", "--store", url, "--format", "ndjson")[0]) == ["on"]
            run("events", "ack", "on", "--store", url)
            run("silence", "end", "s", "--store", url)
            assert "nothing is silenced" in run("silence", "list", "--store", url)[0]
    except FileNotFoundError as error:
        pytest.skip(str(error))
