"""A process that is killed at random moments, with real brokers: each message lies in its snapshots once."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from amiss.core.extras import require
from tests.servers import kafka_broker, mosquitto

pytest.importorskip("paho.mqtt.client")
pytest.importorskip("confluent_kafka")
WATCHER = """
import json, os, sys
from amiss.io.live import open_live
address, folder = sys.argv[1:]
snapshot, kept = folder + "/snapshot.json", folder + "/kept"
position, size = None, 0
if os.path.exists(snapshot):
    with open(snapshot) as stream:
        position, size = json.load(stream)
stream = open(kept, "ab")
stream.truncate(size)
source = open_live(address)
source.open(position)
while True:
    found = b""
    for _ in range(3):
        got = source.poll(256, 0.05)
        found += b"".join(message.body + b"\\n" for message in got.messages)
    size += stream.write(found)
    stream.flush()
    with open(snapshot + ".new", "w") as new:
        json.dump([got.position, size], new)
    os.replace(snapshot + ".new", snapshot)
    source.commit(got.position)
"""


def killed_again_and_again(address: str, folder: Path, send: Callable[[int], None], n_kills: int = 8) -> None:
    n_messages = 500 * n_kills
    chance = random.Random(0)
    snapshot = folder / "snapshot.json"

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", WATCHER, address, str(folder)])

    def saved() -> list[bytes]:
        size = json.loads(snapshot.read_text())[1]
        return (folder / "kept").read_bytes()[:size].splitlines()

    watcher = start()
    try:
        until = time.monotonic() + 20
        while not snapshot.exists() and time.monotonic() < until:
            time.sleep(0.05)
        sending = threading.Thread(target=lambda: [(send(k), time.sleep(0.001)) for k in range(n_messages)])
        sending.start()
        for _ in range(n_kills):
            time.sleep(chance.uniform(0.35, 0.9))
            watcher.kill()
            watcher.wait()
            watcher = start()
        sending.join()
        until = time.monotonic() + 20
        while len(saved()) < n_messages and time.monotonic() < until:
            time.sleep(0.2)
        time.sleep(0.5)
        assert sorted(saved()) == sorted(b"%d" % k for k in range(n_messages))
    finally:
        watcher.kill()
        watcher.wait()


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_mqtt(tmp_path: Path, protocol: str) -> None:
    mqtt = require("paho.mqtt.client", extra="live", what="this test")
    with mosquitto(tmp_path / "broker") as broker:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        address = f"mqtt://127.0.0.1:{broker.port}/plant?protocol={protocol}"
        killed_again_and_again(address, tmp_path, lambda k: client.publish("plant", b"%d" % k, qos=1))
        client.disconnect()
        client.loop_stop()


@pytest.mark.slow
def test_kafka(tmp_path: Path) -> None:
    kafka = require("confluent_kafka", extra="live", what="this test")
    admin = require("confluent_kafka.admin", extra="live", what="this test")
    with kafka_broker(tmp_path / "broker") as broker:
        servers = {"bootstrap.servers": f"127.0.0.1:{broker.port}", "log_level": 0}
        client = admin.AdminClient(servers)
        client.create_topics([admin.NewTopic("plant", 3)])["plant"].result(10)
        producer = kafka.Producer(servers)

        def send(k: int) -> None:
            producer.produce("plant", b"%d" % k)
            producer.poll(0)

        killed_again_and_again(f"kafka://127.0.0.1:{broker.port}/plant", tmp_path, send)
