"""What a watch says on standard error."""

from __future__ import annotations

import json
import logging
import re
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from amiss.cli.log import Log, LogForm, Seldom
from amiss.cli.watch_lines import Lines
from amiss.core.errors import TransientError
from amiss.core.notification import Notification
from amiss.store.store import Store
from amiss.stream.outbox import Postman
from tests.stream.feeds import Feed, monitor_of, pumps


class _Said:
    """A log that is written into a list, at a time that stands still."""

    def __init__(self, form: LogForm | None) -> None:
        self.lines: list[str] = []
        self.now = 1_700_000_000.25
        self.log = Log(form, write=self.lines.append, now=lambda: self.now)

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


def test_a_line_is_an_object_with_its_time_level_name_and_fields() -> None:
    said = _Said(LogForm.json)
    said.log.note("ready", "ready at last", {"rows": 7, "path": Path("x")}, source="line 1")
    assert said.objects == [
        {"time": "2023-11-14T22:13:20.250000Z", "level": "info", "event": "ready", "message": "ready at last",
         "source": "line 1", "rows": 7, "path": "x"}
    ]  # fmt: skip


def test_text_has_a_head_and_stays_on_its_line() -> None:
    said = _Said(LogForm.text)
    said.log.note("source_note", "away\nFAKE 2023 error: x", level="warning", source="line 1")
    assert said.lines == ["2023-11-14T22:13:20Z warning source_note: line 1: away FAKE 2023 error: x"]
    plain = _Said(None)
    plain.log.note("started", "not for people", plain=False)
    plain.log.note("ready", "ready", source="line 1", named=False)
    assert plain.lines == ["ready"]


@pytest.mark.parametrize("form", [LogForm.json, LogForm.text, None])
def test_a_flood_of_one_kind_is_bounded_and_counted_and_keeps_no_other_back(form: LogForm | None) -> None:
    said = _Said(form)
    for second in range(600):
        said.now += 1.0
        for _ in range(50):
            said.log.note("source_note", "the broker is away", source="line 1")
        if second == 300:
            said.log.note("store_back", "another kind")
    said.log.close()
    assert len(said.lines) <= 10 * 20 + 20 + 2
    assert sum("another kind" in line for line in said.lines) == 1
    numbers = [int(n.replace(",", "")) for line in said.lines for n in
               re.findall(r'"left_out":(\d+)|([\d,]+) more', line)[0:1] for n in n if n]  # fmt: skip
    told = sum("the broker is away" in line for line in said.lines)
    assert sum(numbers) + told == 600 * 50


def test_kinds_without_end_take_no_memory_without_end() -> None:
    seldom = Seldom()
    for i in range(20_000):
        seldom.ask(f"kind {i}", i * 0.001)
    assert len(seldom._kinds) <= 1_001
    assert seldom.ask("one more", 1e6) is not None


def test_what_other_threads_and_libraries_log_is_in_the_same_form() -> None:
    class Away:
        name = "mail"

        def deliver(self, notification: Notification) -> None:
            raise TransientError("nobody is there")

        def close(self) -> None:
            pass

    said = _Said(LogForm.json)
    with Store.open("file-of-the-log.db") as store:
        news = Notification("n1", "f1", "trigger", "error", "t", "r", "s", None, "anomaly", "2023-11-14T22:13:20Z")
        with store.writing() as writer:
            writer.queue([news], ["mail"], 0.0)
        with said.log.listening():
            logging.getLogger("another.library").warning("it says %s", "so")
            logging.getLogger("another.library").info("too much")
            with Postman(store, {"mail": Away()}) as postman:
                _until(lambda: postman.n_dead["mail"] == 1)
    logging.getLogger("another.library").addHandler(logging.NullHandler())
    first, second = said.objects
    assert (first["event"], first["level"], first["message"]) == ("another.library", "warning", "it says so")
    assert (second["event"], second["level"], second["channel"]) == ("delivery_given_up", "error", "mail")
    assert second["reason"] == "nobody is there"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _until(done: Any) -> None:
    waiting = threading.Event()
    for _ in range(400):
        if done():
            return
        waiting.wait(0.025)
    raise AssertionError("it did not come about")


def test_the_rounds_of_a_watch_are_told_by_name(tmp_path: Path) -> None:
    said = _Said(LogForm.json)
    messages = pumps(2_000, faults=[(1_450, 30.0)])
    messages.insert(900, type(messages[0])(b"{broken"))
    with Store.open(tmp_path / "a.db", wait_seconds=0.02) as store:
        monitor = monitor_of(Feed(messages), store=store)
        lines = Lines([monitor], said.log)
        monitor.open()
        with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
            for k in range(200):
                if k in (5, 40):
                    other.execute("BEGIN IMMEDIATE" if k == 5 else "ROLLBACK")
                step = monitor.step()
                lines.take(monitor, step)
                if step.polled.ended:
                    break
    told = [(line["event"], line["level"]) for line in said.objects]
    assert told == [
        ("started", "info"), ("learning", "info"), ("ready", "info"), ("store_refused", "error"),
        ("store_back", "info"), ("refused", "warning"), ("event_opened", "warning"), ("event_ended", "info"),
    ]  # fmt: skip
    opened = next(line for line in said.objects if line["event"] == "event_opened")
    assert (opened["source"], opened["entity"], opened["kind"]) == ("the stream", "pump-2", "anomaly")
    assert opened["message"].startswith("temp is ")
    assert next(line for line in said.objects if line["event"] == "refused")["reason"] == "no JSON"


def test_standard_error_of_a_watch_is_objects_to_its_end(run: Any, tmp_path: Path) -> None:
    rows = b"".join(m.body + b"\n" for m in pumps(1_500, faults=[(1_300, 30.0)])) + b"{broken\n"
    _, err = run("watch", "-", "--log", "json", "--format", "ndjson", stdin=rows, cwd=tmp_path)
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert events[:3] == ["started", "learning", "ready"]
    assert events[-1] == "ended"
    assert {"event_opened", "event_ended", "refused"} <= set(events)
    assert json.loads(err.splitlines()[-1])["messages"] == 1_501
    (tmp_path / "watch.toml").write_text('log = "json"\n[source]\naddress = "file:/nowhere/at/all"\n')
    _, err = run("watch", "--config", "watch.toml", code=3, cwd=tmp_path)
    last = json.loads(err.splitlines()[-1])
    assert (last["event"], last["level"]) == ("error", "error")
    assert last["mend"]
    _, err = run("watch", "-", "--log", "text", "--format", "ndjson", stdin=rows, cwd=tmp_path)
    assert re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ info started: standard input: reading begins\n", err)
