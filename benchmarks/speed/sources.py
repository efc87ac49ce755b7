"""Messages a second, and CPU time a message, through `poll` and `commit` of live sources, from real brokers.

Run: python benchmarks/speed/sources.py [N_MESSAGES]     (mosquitto and noida-db installed)

The broker holds all messages before the source is opened for the second time, so that only the source is measured; CPU
time is of all threads of this process. Each round: poll up to 1,000, commit every 5,000, as if there were a snapshot.
mosquitto takes ever longer to queue one more, so keep N_MESSAGES to some ten thousand.
"""

from __future__ import annotations

import importlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as mqtt
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from amiss.io.live import open_live

sys.path.insert(0, str(Path(__file__).parents[2]))
kafka_broker, mosquitto = (getattr(importlib.import_module("tests.servers"), n) for n in ("kafka_broker", "mosquitto"))


RUNS = 3
ROUND, SNAPSHOT = 1_000, 5_000
BODY = b'{"time": 1700000000.123, "device": "pump-17", "temperature": 61.25, "pressure": 3.017, "current": 12.5}'


def read(address: str, n_messages: int, fill: Callable[[], None]) -> tuple[float, float]:
    """Messages a second, and microseconds of CPU a message."""
    first = open_live(address)
    first.open(None)  # so that the broker keeps what comes for us
    kept = first.poll(1, 0.1).position
    first.close()
    fill()
    source = open_live(address)
    wall, cpu = time.perf_counter(), time.process_time()
    source.open(kept)
    n_found = since = 0
    while n_found < n_messages:
        got = source.poll(ROUND, 5.0)
        n_found += len(got.messages)
        since += len(got.messages)
        if since >= SNAPSHOT or n_found >= n_messages:
            source.commit(got.position)
            since = 0
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    source.close()
    return n_messages / wall, 1e6 * cpu / n_messages


def from_mosquitto(folder: Path, n_messages: int) -> tuple[float, float]:
    with mosquitto(folder, autosave_seconds=3600) as broker:

        def fill() -> None:
            client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
            client.max_inflight_messages_set(5_000)
            client.connect("127.0.0.1", broker.port)
            client.loop_start()
            sent = [client.publish(f"plant/{k % 100}", BODY, qos=1) for k in range(n_messages)]
            for one in sent:
                one.wait_for_publish(60)
            client.disconnect()
            client.loop_stop()

        return read(f"mqtt://127.0.0.1:{broker.port}/plant/#", n_messages, fill)


def from_kafka(folder: Path, n_messages: int) -> tuple[float, float]:
    with kafka_broker(folder) as broker:
        servers = {"bootstrap.servers": f"127.0.0.1:{broker.port}", "log_level": 0}
        admin = AdminClient(servers)
        admin.create_topics([NewTopic("plant", 4)])["plant"].result(10)

        def fill() -> None:
            producer = Producer(servers | {"queue.buffering.max.messages": n_messages + 1})
            for k in range(n_messages):
                producer.produce("plant", BODY, key=b"%d" % (k % 100))
            producer.flush(60)

        return read(f"kafka://127.0.0.1:{broker.port}/plant", n_messages, fill)


def from_file(folder: Path, n_messages: int) -> tuple[float, float]:
    path = folder / "lines"
    path.touch()
    return read(f"file:{path}", n_messages, lambda: (path.write_bytes((BODY + b"\n") * n_messages), None)[1])


def main() -> None:
    n_messages = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    print(f"{n_messages:,} messages of {len(BODY)} bytes, median of {RUNS} runs\n")
    print("| source | messages/s | µs of CPU a message |")
    print("| --- | --- | --- |")
    for name, measured in (("MQTT, mosquitto", from_mosquitto), ("Kafka, noida-db", from_kafka), ("file", from_file)):
        runs = []
        for _ in range(RUNS):
            with tempfile.TemporaryDirectory() as folder:
                runs.append(measured(Path(folder), n_messages))
        rate, cpu = (statistics.median(run[k] for run in runs) for k in (0, 1))
        print(f"| {name} | {rate:,.0f} | {cpu:.1f} |", flush=True)


if __name__ == "__main__":
    main()
