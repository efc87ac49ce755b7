"""`amiss watch` killed at random moments under load: what was lost, learnt twice or told twice.

Run: python benchmarks/speed/kills.py mqtt|kafka [--kills 200] [--rate 1000]     (mosquitto or noida-db installed)

The whole program with its store and its outbox reads a broker to which so many messages a second go without a pause;
kill -9 hits it between .2 and 3.5 seconds after each start, of which the first is the start itself. The broker
is not killed; what it hands out to a second reader is counted, too, so that what it loses by itself is known.
lost: rows that lie in no history. learnt: rows by entity, and the bands, in the last snapshot, against those of one run
over the same messages without a broker and without a kill. told: lines of the channel, by their idempotency keys.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from amiss.core.live import Message
from amiss.store import Store
from amiss.store.tables import SERIES
from amiss.stream.band_judge import BandJudge
from amiss.stream.decode import Decoder
from amiss.stream.flow import Flow
from amiss.stream.life import Life, LifeRules
from amiss.stream.moments import moments_of
from amiss.stream.rules import Rules
from amiss.stream.snapshot import read_snapshot

sys.path.insert(0, str(Path(__file__).parents[2]))
kafka_broker, mosquitto = (getattr(importlib.import_module("tests.servers"), n) for n in ("kafka_broker", "mosquitto"))

ENTITIES, FAULT_EVERY, BATCH = 50, 1_999, 50
SOON, LATE = 0.2, 3.5
TOPIC = "plant/pumps"
PATIENCE = 30.0
CONFIG = """
state = "{folder}/state"
keep_history = true

[source]
address = "{address}"
{options}

[storms]
burst = 100000

[[channel]]
name = "lines"
type = "ndjson"
path = "{folder}/told.ndjson"
"""


class Mqtt:
    """mosquitto, one who sends with QoS 1, and a second reader."""

    options = '[source.options]\nclient_id = "watched"'

    def __init__(self, port: int) -> None:
        import paho.mqtt.client as paho

        self.address = f"mqtt://127.0.0.1:{port}/plant/#"
        self.n_seen, self._sent = 0, []
        self._sender, self._reader = (paho.Client(paho.CallbackAPIVersion.VERSION2) for _ in range(2))
        self._reader.on_message = self._see
        for client in (self._sender, self._reader):
            client.connect("127.0.0.1", port)
            client.loop_start()
        self._reader.subscribe("plant/#", qos=1)

    def _see(self, *_: Any) -> None:
        self.n_seen += 1

    def send(self, body: bytes) -> None:
        self._sent.append(self._sender.publish(TOPIC, body, qos=1))

    def confirmed(self) -> int:
        for one in self._sent:
            one.wait_for_publish(30)
        return sum(one.is_published() for one in self._sent)

    def seen(self, n: int) -> int:
        end = time.monotonic() + 20
        while self.n_seen < n and time.monotonic() < end:
            time.sleep(0.1)
        for client in (self._sender, self._reader):
            client.disconnect()
            client.loop_stop()
        return self.n_seen


class Kafka:
    """noida-db, one who sends with acknowledgements, and what lies in the topic at the end."""

    options = ""

    def __init__(self, port: int) -> None:
        import confluent_kafka
        from confluent_kafka.admin import AdminClient, NewTopic

        self._kafka = confluent_kafka
        self._servers = {"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0}
        self._admin = AdminClient(self._servers)
        self._admin.create_topics([NewTopic("plant", 1)])["plant"].result(10)
        self.address = f"kafka://127.0.0.1:{port}/plant"
        self._producer = confluent_kafka.Producer({**self._servers, "linger.ms": 5, "acks": "all"})
        self._n = 0

    def _done(self, error: Any, _: Any) -> None:
        self._n += error is None

    def send(self, body: bytes) -> None:
        self._producer.produce("plant", body, on_delivery=self._done)
        self._producer.poll(0)

    def confirmed(self) -> int:
        self._producer.flush(30)
        return self._n

    def seen(self, n: int) -> int:
        reader = self._kafka.Consumer({**self._servers, "group.id": "second", "enable.auto.commit": False})
        reader.assign([self._kafka.TopicPartition("plant", 0, 0)])
        found, empty = 0, 0
        while found < n and empty < 10:
            some = [m for m in reader.consume(10_000, 1.0) if m.error() is None]
            found, empty = found + len(some), 0 if some else empty + 1
        reader.close()
        return found


@contextlib.contextmanager
def broker_of(kind: str, folder: Path) -> Iterator[Mqtt | Kafka]:
    if kind == "mqtt":
        with mosquitto(folder, autosave_seconds=60) as server:
            yield Mqtt(server.port)
    else:
        with kafka_broker(folder) as server:
            yield Kafka(server.port)


class Feeder(threading.Thread):
    """Sends rows, so many a second, until it is told to stop."""

    def __init__(self, broker: Mqtt | Kafka, rate: int) -> None:
        super().__init__()
        self.broker, self.rate, self.enough = broker, rate, threading.Event()
        self.bodies: list[bytes] = []

    def run(self) -> None:
        random_, begun, i = np.random.default_rng(0), time.time(), 0
        while not self.enough.is_set():
            for x in random_.normal(20, 1, BATCH).round(4).tolist():
                more = 30.0 if i % FAULT_EVERY == FAULT_EVERY - 1 else 0.0
                row = {"device": f"pump-{i % ENTITIES}", "time": round(begun + i / self.rate, 6), "temp": x + more}
                self.bodies.append(json.dumps(row).encode())
                self.broker.send(self.bodies[-1])
                i += 1
            time.sleep(max(begun + i / self.rate - time.time(), 0.0))


def started(config: Path, log: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "amiss", "watch", "--config", str(config), "--format", "ndjson"]
    with log.open("ab") as file:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file)


def snapshots(folder: Path) -> list[Path]:
    return list((folder / "state").glob("*.snapshot"))


def rows_kept(folder: Path) -> Counter[tuple[str, float]]:
    """How often each row, by its entity and time, lies in the history."""
    with Store.open(folder / "state" / "amiss.db") as store:
        with store._database.reading() as connection:
            names = connection.execute(select(SERIES.c.source, SERIES.c.entity)).all()
        return Counter(
            (who, round(row.time, 6))
            for name, who in sorted(set(map(tuple, names)))
            for row in store.history(name, who)
        )


def clean(bodies: list[bytes]) -> tuple[Flow, set[tuple[str, float]]]:
    """What one run without a kill knows at the end, and the anomalies that it tells of."""
    flow, decoder, found = Flow(BandJudge(1.0, "day"), Life("x", LifeRules()), Rules()), Decoder(), set()
    for k in range(0, len(bodies), 1000):
        taken = flow.take(decoder.decode([Message(body) for body in bodies[k : k + 1000]], time.time()), time.time())
        for change in taken.changes:
            if change.opened and change.event.kind == "anomaly":
                found.add((change.event.entity, float(moments_of([change.event.start])[0])))
    return flow, found


def killed(kind: str, n_kills: int, rate: int, folder: Path) -> dict[str, Any]:
    dice, log = random.Random(0), folder / "log"
    with broker_of(kind, folder / "broker") as broker:
        config = folder / "watch.toml"
        config.write_text(CONFIG.format(folder=folder, address=broker.address, options=broker.options))
        watch = started(config, log)
        try:
            while not snapshots(folder):
                time.sleep(0.05)
            feeder = Feeder(broker, rate)
            feeder.start()
            for k in range(n_kills):
                time.sleep(dice.uniform(SOON, LATE))
                if watch.poll() is not None:
                    raise RuntimeError(f"it ended by itself: {log.read_text()[-2000:]}")
                watch.kill()
                watch.wait()
                watch = started(config, log)
                known = sum(read_snapshot(place)["flow"]["roster"]["n_rows"].sum() for place in snapshots(folder))
                print(f"\r{k + 1} kills, {known:,} of {len(feeder.bodies):,} judged", end="", file=sys.stderr)
            feeder.enough.set()
            feeder.join()
            confirmed = broker.confirmed()
            caught_up(folder, len(feeder.bodies))
            watch.terminate()
            watch.wait(30)
        finally:
            watch.kill()
            watch.wait()
        seen = broker.seen(len(feeder.bodies))
    return counted(folder, feeder.bodies) | {"confirmed by the broker": confirmed, "seen by a second reader": seen}


def caught_up(folder: Path, n: int) -> None:
    """Wait until all rows are judged, as long as there are ever more of them."""
    before, since = -1, time.monotonic()
    while before < n and time.monotonic() < since + PATIENCE:
        now = sum(read_snapshot(place)["flow"]["roster"]["n_rows"].sum() for place in snapshots(folder))
        if now > before:
            before, since = now, time.monotonic()
        print(f"\r{now:,} of {n:,} messages judged   ", end="", file=sys.stderr)
        time.sleep(1)
    time.sleep(5)  # what is to be told goes out, too


def counted(folder: Path, bodies: list[bytes]) -> dict[str, Any]:
    kept, sent = rows_kept(folder), [json.loads(body) for body in bodies]
    wanted = {(row["device"], row["time"]) for row in sent}
    (place,) = snapshots(folder)
    state = read_snapshot(place)
    flow, usual = clean(bodies)
    assert state is not None
    learnt = dict(zip(state["flow"]["roster"]["names"], state["flow"]["roster"]["n_rows"].tolist(), strict=True))
    right = dict(zip(flow.roster.names, flow.roster.n_rows.tolist(), strict=True))
    over = sum(max(learnt.get(who, 0) - n, 0) for who, n in right.items())
    under = sum(max(n - learnt.get(who, 0), 0) for who, n in right.items())
    same = np.array_equal(state["flow"]["judge"]["detector"]["memory_"], flow.judge.state()["detector"]["memory_"])
    with Store.open(folder / "state" / "amiss.db") as store:
        events = store.events(limit=1_000_000)
    found = Counter((e.entity, round(e.opened, 6)) for e in events if e.kind == "anomaly")
    lines = [json.loads(line) for line in (folder / "told.ndjson").read_text().splitlines()]
    keys = Counter(line["id"] for line in lines)
    told = {(line["action"], line["fingerprint"], line["started"]) for line in lines}
    last = max(row["time"] for row in sent) - 1.0  # then all of them fall silent
    others = Counter(e.kind for e in events if e.kind != "anomaly" and e.opened < last)
    return {
        "messages": len(bodies),
        "rows lost": len(wanted - set(kept)),
        "rows kept twice": sum(kept.values()) - len(kept),
        "rows learnt twice": over,
        "rows never learnt": under,
        "bands as without a kill": same,
        "anomalies without a kill": len(usual),
        "missed": len(usual - set(found)),
        "beside them": len(set(found) - usual),
        "alarms twice in the store": sum(found.values()) - len(found),
        "other events while all were sending": dict(others),
        "lines told": len(lines),
        "sent again with the same key": sum(keys.values()) - len(keys),
        "told twice with another key": len(keys) - len(told),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=("mqtt", "kafka"))
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--rate", type=int, default=1000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = killed(asked.kind, asked.kills, asked.rate, Path(folder))
    print(f"\n| {asked.kind}, {asked.kills} kills | |\n| --- | --- |")
    for what, n in found.items():
        print(f"| {what} | {n} |")


if __name__ == "__main__":
    main()
