"""`amiss watch` as a process: streams, signals, kills, real brokers, metrics."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amiss.core.live import Message
from amiss.store.store import Store
from tests.databases import postgres_server
from tests.servers import free_port, mosquitto

# What is older than a month is taken away.
_START = int(time.time()) - 10_000


def _rows(n: int, n_entities: int = 4, faults: tuple[int, ...] = ()) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    temp = rng.normal(20, 1, n)
    temp[list(faults)] += 30
    return [
        {"device": f"pump-{i % n_entities}", "time": _START + i, "temp": round(float(temp[i]), 4)} for i in range(n)
    ]


def _amiss(*words: str, stdin: bytes | None = None, timeout: float = 60) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "amiss", *words], input=stdin, capture_output=True, timeout=timeout)


def _start(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "amiss", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )


def _until(done: Any, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about in time")


def test_events_of_a_piped_stream_are_one_line_when_they_open_and_one_when_they_end() -> None:
    lines = "\n".join(json.dumps(row) for row in _rows(1_500, faults=(1_200, 1_204)))
    ended = _amiss("watch", "-", "--format", "ndjson", stdin=lines.encode())
    assert ended.returncode == 0, ended.stderr
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [(e["state"], e["entity"], e["n_alarms"]) for e in events][-2:] == [
        ("firing", "pump-0", 1),
        ("resolved", "pump-0", 2),
    ]
    assert events[-1]["reason"].startswith("temp is 4")
    assert b"ready: what is usual is known" in ended.stderr
    assert b"1,500 messages" in ended.stderr


def test_a_stop_and_a_start_go_on_where_they_were(tmp_path: Path) -> None:
    place = tmp_path / "in.ndjson"
    rows = [json.dumps(row) for row in _rows(2_000, faults=(1_200,))]
    place.write_text("\n".join(rows[:1_000]) + "\n")
    words = ("watch", f"file:{place}", "--format", "ndjson", "--keep-history", "--state", str(tmp_path / "state"))
    first = _start(*words)
    try:
        _until(lambda: _counted(tmp_path) == 1_000)
        first.send_signal(signal.SIGTERM)
        assert first.wait(20) == 0
    finally:
        first.kill()
        first.communicate()
    with place.open("a") as file:
        file.write("\n".join(rows[1_000:]) + "\n")
    second = _start(*words)
    try:
        _until(lambda: _counted(tmp_path) == 2_000)
        second.send_signal(signal.SIGINT)
        out, _ = second.communicate(timeout=20)
    finally:
        second.kill()
        second.communicate()
    assert second.returncode == 0
    assert [json.loads(line)["entity"] for line in out.splitlines()] == ["pump-0", "pump-0"]


def _counted(folder: Path) -> int:
    """Scored rows in the store of a watch."""
    place = folder / "state" / "amiss.db"
    if not place.exists():
        return 0
    with Store.open(place) as store:
        found = [store.history(name, f"pump-{k}") for k in range(4) for name in _sources(store)]
    return sum(len(rows) for rows in found)


def _sources(store: Store) -> list[str]:
    from sqlalchemy import select

    from amiss.store.tables import SERIES

    with store._database.reading() as connection:
        return sorted({row[0] for row in connection.execute(select(SERIES.c.source))})


@pytest.mark.slow
def test_kills_under_load_lose_nothing_learn_nothing_twice_and_tell_nothing_twice(tmp_path: Path) -> None:
    faults = tuple(range(2_000, 6_000, 500))
    rows = _rows(6_000, faults=faults)
    with mosquitto(tmp_path) as broker:
        address = f"mqtt://127.0.0.1:{broker.port}/plant/#"
        words = (
            "watch",
            address,
            "--keep-history",
            "--state",
            str(tmp_path / "state"),
            "--format",
            "ndjson",
            "--option",
            "client_id=w1",
        )
        watch = _start(*words)
        try:
            _until(lambda: list((tmp_path / "state").glob("*.snapshot")))
            feeder = threading.Thread(target=_publish, args=(broker.port, rows))
            feeder.start()
            dice = random.Random(1)
            for _ in range(4):
                time.sleep(dice.uniform(0.6, 1.6))
                watch.kill()
                watch.communicate()
                watch = _start(*words)
            feeder.join(60)
            _until(lambda: _counted(tmp_path) == 6_000, 40)
            time.sleep(1.5)
            watch.send_signal(signal.SIGTERM)
            watch.communicate(timeout=20)
        finally:
            watch.kill()
            watch.communicate()
    with Store.open(tmp_path / "state" / "amiss.db") as store:
        live = {(e.entity, e.kind, e.opened) for e in store.events()}
        n_events = len(store.events())
    assert live == _clean(rows)
    assert n_events == len(live)


def _publish(port: int, rows: list[dict[str, Any]]) -> None:
    """About a thousand messages a second, each acknowledged by the broker."""
    import paho.mqtt.client as paho

    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    sent = []
    for i, row in enumerate(rows):
        sent.append(client.publish("plant/pumps", json.dumps(row), qos=1))
        if i % 50 == 49:
            time.sleep(0.05)
    for each in sent:
        each.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()


def _clean(rows: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """Events of the same rows without a broker and without a kill."""
    from tests.stream.feeds import Feed, monitor_of

    monitor = monitor_of(Feed([Message(json.dumps(row).encode()) for row in rows]))
    monitor.clock.at = time.time()
    found: set[tuple[Any, ...]] = set()
    monitor.open()

    def take(step: Any) -> None:
        for change in step.changes:
            if change.opened:
                from amiss.stream.moments import moments_of

                event = change.event
                found.add((event.entity, event.kind, float(moments_of([event.start])[0])))

    monitor.run(threading.Event(), take)
    return found


def test_metrics_and_health_are_served_while_it_runs(tmp_path: Path) -> None:
    port = free_port()
    place = tmp_path / "in.ndjson"
    place.write_text("".join(json.dumps(row) + "\n" for row in _rows(500)) + "{broken\n")
    watch = _start("watch", f"file:{place}", "--listen", f"127.0.0.1:{port}", "--format", "ndjson")
    try:
        of = f'source="file:{place}"'
        _until(lambda: f"amiss_messages_total{{{of}}} 501.0" in _get(port, "/metrics"))
        text = _get(port, "/metrics")
        assert f'amiss_rows_total{{fate="rows judged",{of}}} 500.0' in text
        assert f'amiss_refused_total{{reason="no JSON",{of}}} 1.0' in text
        assert f"amiss_entities{{{of}}} 4.0" in text
        assert f"amiss_store_refusals_total{{{of}}} 0.0" in text
        assert _get(port, "/healthz") == "ok\n"
        assert _get(port, "/other") == "404"
    finally:
        watch.send_signal(signal.SIGTERM)
        watch.communicate(timeout=20)
    assert watch.returncode == 0


def _get(port: int, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        error.close()
        return str(error.code)
    except OSError:
        return ""


def test_this_machine_can_be_watched() -> None:
    ended = _amiss("watch", "host:", "--stop-after", "2s", "--format", "ndjson", "--option", "interval_seconds=0.2")
    assert ended.returncode == 0, ended.stderr
    assert b"0 refused" in ended.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("watch",), "nothing says what to watch"),
        (("watch", "mqt://127.0.0.1/x"), "is it 'mqtt'?"),
        (("watch", "host:", "--format", "csv"), "a stream has no end"),
        (("watch", "host:", "--learn", "--model", "x"), "--learn begins with nothing known"),
        (("watch", "host:", "--option", "interval"), "has no value"),
        (("watch", "host:", "--false-alarms", "5"), "stream without end"),
        (("watch", "host:", "--model", "nowhere.amiss"), "nowhere.amiss"),
        (("watch", "file:/nowhere/at/all"), "/nowhere/at/all"),
        (("watch", "host:", "--listen", "nowhere"), "nobody can listen"),
        (("watch", "--config", "nowhere.toml"), "cannot read the configuration"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    ended = _amiss(*words, "--stop-after", "1s", timeout=30)
    assert ended.returncode in (2, 3, 4), ended.stderr
    assert said in ended.stderr.decode()
    assert b"Traceback" not in ended.stderr


_CONFIG = """
false_alarms = "3/day"
zone = "Europe/Berlin"
state = "{folder}"

[source]
address = "file:{folder}/in.ndjson"

[alarms]
keep_rows = 10

[[rule]]
column = "temp"
direction = "up"
low = -40
hours = "06:00-22:00"
days = ["mon", "tue"]

[[maintenance]]
start = 2026-01-01T08:00:00
end = 2026-01-01T09:00:00
entity = "pump-*"

[[channel]]
name = "lines"
type = "ndjson"
path = "{folder}/alarms.ndjson"
"""


def test_a_configuration_is_checked_and_its_channels_tried(tmp_path: Path) -> None:
    place = tmp_path / "plant.toml"
    place.write_text(_CONFIG.format(folder=tmp_path))
    assert b"is right" in _amiss("config", "check", str(place)).stdout
    ended = _amiss("alert", "test", str(place))
    assert (ended.returncode, ended.stdout) == (0, b"lines: delivered\n"), ended.stderr
    told = [json.loads(line) for line in (tmp_path / "alarms.ndjson").read_text().splitlines()]
    assert [each["action"] for each in told] == ["trigger", "resolve"]
    for wrong, said in (
        ('direction = "up"', 'direction = "sideways"'), ("keep_rows", "keep_row"), ("06:00-22:00", "dawn"),
        ("Europe/Berlin", "Mars"), ('type = "ndjson"', 'type = "pager"'),
    ):  # fmt: skip
        place.write_text(_CONFIG.format(folder=tmp_path).replace(wrong, said))
        ended = _amiss("config", "check", str(place))
        assert ended.returncode == 2, said
        assert b"where:" in ended.stderr
        assert b"Traceback" not in ended.stderr


def test_alarms_of_a_watch_reach_its_channel(tmp_path: Path) -> None:
    (tmp_path / "in.ndjson").write_text("".join(json.dumps(row) + "\n" for row in _rows(1_500, faults=(1_200,))))
    place = tmp_path / "plant.toml"
    text = _CONFIG.format(folder=tmp_path)
    place.write_text(text.split("[[rule]]")[0] + text[text.index("[[channel]]") :])
    watch = _start("watch", "--config", str(place), "--format", "ndjson")
    try:
        _until(
            lambda: (tmp_path / "alarms.ndjson").exists() and (tmp_path / "alarms.ndjson").read_text().count("\n") >= 2
        )
    finally:
        watch.send_signal(signal.SIGTERM)
        watch.communicate(timeout=20)
    told = [json.loads(line) for line in (tmp_path / "alarms.ndjson").read_text().splitlines()]
    assert [(each["action"], each["entity"]) for each in told] == [("trigger", "pump-0"), ("resolve", "pump-0")]


def test_several_sources_of_one_configuration_are_watched_together(tmp_path: Path) -> None:
    text = f'state = "{tmp_path}/state"\n'
    for name, fault in (("a", 1_200), ("b", 1_300)):
        rows = "".join(json.dumps(row) + "\n" for row in _rows(1_500, faults=(fault,)))
        (tmp_path / f"{name}.ndjson").write_text(rows)
        text += f'[[source]]\naddress = "file:{tmp_path}/{name}.ndjson"\noptions = {{ name = "line {name}" }}\n'
    place = tmp_path / "plant.toml"
    place.write_text(text)
    assert b"is right: line a, line b, 0 channels" in _amiss("config", "check", str(place)).stdout
    watch = _start("watch", "--config", str(place), "--format", "ndjson")
    try:
        _until(lambda: {e["source"] for e in _listed(tmp_path / "state")} == {"line a", "line b"})
        watch.send_signal(signal.SIGTERM)
        out, err = watch.communicate(timeout=20)
    finally:
        watch.kill()
        watch.communicate()
    assert watch.returncode == 0, err
    assert {json.loads(line)["source"] for line in out.splitlines()} == {"line a", "line b"}
    assert b"line b: ready: what is usual is known" in err
    assert b"3,000 messages" in err
    ended = _amiss("watch", "--config", str(place), "--entity", "device")
    assert ended.returncode == 2
    assert b"there are 2 sources" in ended.stderr


def _listed(state: Path) -> list[dict[str, Any]]:
    ended = _amiss("events", "--state", str(state), "--since", "1d", "--format", "ndjson")
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_late_rows_of_a_pipe_give_the_events_of_those_in_order() -> None:
    rows, dice = _rows(1_500, faults=(1_200, 1_204, 1_497)), random.Random(3)
    mixed = sorted(rows, key=lambda row: row["time"] + dice.uniform(0, 30))
    told = []
    for each, words in ((rows, ()), (mixed, ("--lateness", "30s"))):
        lines = "\n".join(map(json.dumps, each))
        ended = _amiss("watch", "-", "--format", "ndjson", *words, stdin=lines.encode())
        assert ended.returncode == 0, ended.stderr
        told.append(ended.stdout)
    assert told[0] == told[1]
    assert told[0].count(b"\n") == 3


@pytest.mark.slow
def test_a_database_that_is_away_and_a_kill_meanwhile_lose_nothing_and_tell_nothing_twice(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="the extra `sql` is not installed")
    rows = _rows(6_000, faults=tuple(range(2_000, 6_000, 500)))
    port = free_port()
    try:
        with mosquitto(tmp_path) as broker, postgres_server() as server:
            words = (
                "watch", f"mqtt://127.0.0.1:{broker.port}/plant/#", "--state", str(tmp_path / "state"),
                "--store", server.url, "--keep-history", "--format", "ndjson", "--option", "client_id=w1",
                "--log", "json", "--listen", f"127.0.0.1:{port}",
            )  # fmt: skip
            watch = _start(*words)
            try:
                _until(lambda: list((tmp_path / "state").glob("*.snapshot")))
                _publish(broker.port, rows[:2_000])
                server.stop()
                _publish(broker.port, rows[2_000:3_000])
                _until(lambda: _get(port, "/healthz").startswith("degraded: "))
                assert "amiss_held_seconds" in _get(port, "/metrics")
                watch.kill()
                watch.communicate()
                server.start()
                watch = _start(*words)
                _until(lambda: _get(port, "/healthz") == "ok\n")
                _publish(broker.port, rows[3_000:4_000])
                server.stop()
                _publish(broker.port, rows[4_000:])
                _until(lambda: _get(port, "/healthz").startswith("degraded: "))
                server.start()
                _until(lambda: _get(port, "/healthz") == "ok\n", 40)
                with Store.open(server.url) as store:
                    _until(lambda: sum(len(store.history(n, f"pump-{k}")) for n in _sources(store)
                                       for k in range(4)) == 6_000, 60)  # fmt: skip
                time.sleep(1.5)
                watch.send_signal(signal.SIGTERM)
                _, err = watch.communicate(timeout=20)
            finally:
                watch.kill()
                watch.communicate()
            with Store.open(server.url) as store:
                events = store.events()
                live = {(e.entity, e.kind, e.opened) for e in events}
    except FileNotFoundError as error:
        pytest.skip(str(error))
    assert watch.returncode == 0, err
    assert live == _clean(rows)
    assert len(events) == len(live)
    told = [json.loads(line)["event"] for line in err.splitlines()]
    assert told.count("store_refused") == told.count("store_back") >= 1
