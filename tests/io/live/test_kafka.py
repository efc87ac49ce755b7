"""Records from a broker that speaks Kafka's protocol (noida-db), also with the broker killed under the client."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from amiss.core.errors import ConnectorError
from amiss.core.live import LiveSource, Polled
from amiss.io.address import read_address
from amiss.io.kafka.settings import KafkaOptions, client_settings
from amiss.io.live import open_live
from tests.io.live.contract import LiveContract, bodies, polled, written
from tests.servers import Server, free_port, kafka_broker

kafka = pytest.importorskip("confluent_kafka")
admin = pytest.importorskip("confluent_kafka.admin")


class Sender:
    """Produces, each record confirmed by the broker."""

    def __init__(self, port: int) -> None:
        self._servers = {"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0}
        self._admin = admin.AdminClient(self._servers)
        self._producer = kafka.Producer(self._servers | {"message.max.bytes": 20_000_000})

    def topic(self, partitions: int = 1) -> str:
        name = f"plant-{random.getrandbits(60)}"
        self._admin.create_topics([admin.NewTopic(name, partitions)])[name].result(10)
        return name

    def more(self, topic: str, partitions: int) -> None:
        wish = admin.NewPartitions(topic, partitions)
        self._admin.create_partitions([wish])[topic].result(10)

    def send(self, contents: Sequence[bytes], topic: str, **how: Any) -> None:
        for content in contents:
            self._producer.produce(topic, content, **how)
        assert self._producer.flush(20) == 0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with kafka_broker(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture(scope="module")
def sender(broker: Server) -> Sender:
    return Sender(broker.port)


class TestKafka(LiveContract):
    scheme, folder = "kafka", "kafka"

    @pytest.fixture
    def address(self, broker: Server, sender: Sender) -> str:
        self.sender = sender
        self.topic = sender.topic()
        return f"kafka://127.0.0.1:{broker.port}/{self.topic}"

    def send(self, contents: Sequence[bytes]) -> None:
        self.sender.send(contents, self.topic)

    def test_topic_and_key_go_along(self, source: LiveSource) -> None:
        self.sender.send([b"1"], self.topic, key=b"pump 4")
        (message,), _ = polled(source, 1)
        assert (message.topic, message.key) == (self.topic, b"pump 4")
        assert message.received is not None
        assert abs(message.received - time.time()) < 60

    def test_how_many_wait_is_known(self, source: LiveSource) -> None:
        self.send(bodies(30))
        _, last = polled(source, 10)
        assert last.lag == 20

    def test_the_position_wins_over_what_was_committed(self, address: str) -> None:
        first = open_live(address)
        first.open(None)
        self.send(bodies(10))
        kept = written(polled(first, 4)[1].position)
        first.commit(polled(first, 6)[1].position)
        first.poll(1, 0.2)
        first.close()
        second = open_live(address)
        second.open(kept)
        assert [m.body for m in polled(second, 6)[0]] == bodies(6, 4)
        second.close()
        third = open_live(address)
        third.open(None)
        assert third.poll(10, 0.3).messages == []  # all were committed
        third.close()

    def test_earliest_begins_with_the_oldest(self, address: str) -> None:
        self.send(bodies(5))
        source = open_live(address, start="earliest")
        source.open(None)
        assert [m.body for m in polled(source, 5)[0]] == bodies(5)
        source.close()

    def test_an_offset_that_is_not_there_is_told_of(self, address: str) -> None:
        self.send(bodies(5))
        source = open_live(address)
        source.open({"offsets": {self.topic: {"0": 77}}})
        got: list[Polled] = [source.poll(10, 0.3) for _ in range(3)]
        assert [m.body for one in got for m in one.messages] == bodies(5)
        assert [note for one in got for note in one.notes if "ends at 5 and was read to 77" in note]
        source.close()

    def test_a_fetch_ahead_is_bounded(self, address: str) -> None:
        source = open_live(address, max_waiting_bytes=1_000_000)
        source.open(None)
        self.send([b"z" * 100_000] * 100)
        time.sleep(0.5)
        assert len(polled(source, 100, most=3)[0]) == 100
        source.close()


def test_all_partitions_of_all_topics_and_new_ones(
    broker: Server, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics = [sender.topic(3), sender.topic(2)]
    source = open_live(f"kafka://127.0.0.1:{broker.port}/{','.join(topics)}")
    source.open(None)
    for topic in topics:
        sender.send(bodies(60), topic)
    found, last = polled(source, 120)
    assert sorted(m.body for m in found) == sorted(bodies(60) * 2)
    assert {topic: len(parts) for topic, parts in last.position["offsets"].items()} == {topics[0]: 3, topics[1]: 2}
    try:
        sender.more(topics[1], 4)
    except kafka.KafkaException:
        pytest.skip("this broker adds no partitions")
    Sender(broker.port).send(bodies(5), topics[1], partition=3)
    monkeypatch.setattr("amiss.io.kafka.source._LOOK_AGAIN_SECONDS", 0.0)
    assert [m.body for m in polled(source, 5)[0]] == bodies(5)
    source.close()


def test_watchers_share_the_partitions_of_a_group(broker: Server, sender: Sender) -> None:
    topic = sender.topic(4)
    workers = [
        open_live(f"kafka://127.0.0.1:{broker.port}/{topic}?group=g-{topic}&share_partitions=true") for _ in "12"
    ]
    for worker in workers:
        worker.open(None)
    until = time.monotonic() + 15
    while time.monotonic() < until:
        held = [sorted(worker.poll(1, 0.1).position["offsets"].get(topic, {})) for worker in workers]
        if sorted(held[0] + held[1]) == ["0", "1", "2", "3"] and all(held):
            break
    assert all(held), held
    for k in range(4):
        sender.send(bodies(10, 10 * k), topic, partition=k)
    found: list[list[bytes]] = [[], []]
    while sum(map(len, found)) < 40 and time.monotonic() < until:
        for worker, own in zip(workers, found, strict=True):
            got = worker.poll(100, 0.1)
            own += [m.body for m in got.messages]
            worker.commit(got.position)
    assert sorted(found[0] + found[1]) == sorted(bodies(40))
    assert all(len(own) >= 10 for own in found)
    workers[1].poll(1, 0.2)
    workers[1].close()
    for k in range(4):
        sender.send(bodies(5, 100 + 5 * k), topic, partition=k)
    rest, _ = polled(workers[0], 20, seconds=15)
    assert sorted(m.body for m in rest) == sorted(bodies(20, 100))
    workers[0].close()


def test_the_broker_is_killed_and_comes_back(tmp_path: Path) -> None:
    with kafka_broker(tmp_path / "own") as server:
        sender = Sender(server.port)
        topic = sender.topic()
        source = open_live(f"kafka://127.0.0.1:{server.port}/{topic}")
        source.open(None)
        sender.send(bodies(20), topic)
        found, last = polled(source, 12)
        source.commit(last.position)
        source.poll(0, 0.0)
        server.stop()  # what it had not written yet would be its own loss
        notes: list[str] = []
        for _ in range(10):
            got = source.poll(10, 0.1)
            found += got.messages
            notes += got.notes
        assert [("away" in note) for note in notes] == [True], notes
        server.start()
        threading.Thread(target=sender.send, args=(bodies(10, 20), topic)).start()
        until = time.monotonic() + 20
        while (len(found) < 30 or not any("back" in note for note in notes)) and time.monotonic() < until:
            got = source.poll(10, 0.2)
            found += got.messages
            notes += got.notes
        assert [m.body for m in found] == bodies(30)
        assert any("back" in note for note in notes)
        source.close()


def test_many_restarts_and_nothing_is_lost_or_handed_out_twice(broker: Server, sender: Sender) -> None:
    topic = sender.topic(3)
    address = f"kafka://127.0.0.1:{broker.port}/{topic}"
    chance = random.Random(5)
    saved: list[bytes] = []
    kept = None
    source = open_live(address)
    source.open(kept)
    sender.send(bodies(1500), topic)
    until = time.monotonic() + 30
    n_crashes = 0
    while len(saved) < 1500 and time.monotonic() < until:
        got = source.poll(chance.randint(1, 100), 0.2)
        fate = chance.random()
        if fate > 0.15:
            saved += [m.body for m in got.messages]
            kept = written(got.position)
        if fate > 0.3:
            source.commit(got.position)
        else:
            n_crashes += 1
            source.close()
            source = open_live(address)
            source.open(kept)
    source.close()
    assert n_crashes > 5
    assert sorted(saved) == sorted(bodies(1500))


def test_what_is_wrong_is_said_at_once(broker: Server, sender: Sender) -> None:
    sender.send([b"1"], "plant")
    for address, what in (
        (f"kafka://127.0.0.1:{free_port()}/plant", "cannot be reached"),
        ("kafka://nobody.invalid/plant", "no host is called 'nobody.invalid'"),
        (f"kafka://127.0.0.1:{broker.port}/plent", "is it 'plant'"),
        (f"kafka://127.0.0.1:{broker.port}/plant?tls=true&connect_timeout_seconds=2", "cannot be reached"),
    ):
        began = time.monotonic()
        source = open_live(address)
        with pytest.raises(ConnectorError, match=what) as told:
            source.open(None)
        assert told.value.mend
        assert time.monotonic() - began < 5
        source.close()
    for address, what in (("kafka:///plant", "lacks its host"), ("kafka://host:9092/", "names no topic")):
        with pytest.raises(ConnectorError, match=what):
            open_live(address)


def test_the_words_of_the_client_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMISS_KAFKA_PASSWORD", "from the environment")
    options = KafkaOptions(tls=True, ca_file="ca.pem", sasl_mechanism="SCRAM-SHA-512", brokers="b:2,c:3", group="g")
    found = client_settings(read_address("kafka://ann@[::1]:9/t"), options, "")
    assert found["bootstrap.servers"] == "[::1]:9,b:2,c:3"
    assert found["security.protocol"] == "sasl_ssl"
    assert found["sasl.password"] == "from the environment"
    assert (found["sasl.username"], found["sasl.mechanism"]) == ("ann", "SCRAM-SHA-512")
    assert (found["ssl.ca.location"], found["group.id"]) == ("ca.pem", "g")
    kafka.Consumer(client_settings(read_address("kafka://ann:word@h/t"), KafkaOptions(), "")).close()
