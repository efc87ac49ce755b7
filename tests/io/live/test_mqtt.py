"""Messages from mosquitto: plain, with a password, over TLS, and with the broker killed under the client."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from amiss.core.errors import ConnectorError
from amiss.core.live import LiveSource
from amiss.io.live import open_live
from amiss.io.mqtt.ledger import Arrival, Ledger
from tests.io.live.contract import LiveContract, bodies, polled, written
from tests.servers import Server, authority, free_port, mosquitto

mqtt = pytest.importorskip("paho.mqtt.client")


class Sender:
    """Publishes, each message confirmed by the broker."""

    def __init__(self, port: int) -> None:
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self.client.reconnect_delay_set(1, 1)
        self.client.max_queued_messages_set(0)
        self.client.max_inflight_messages_set(1000)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def send(self, contents: Sequence[bytes], topic: str = "plant/a", *, qos: int = 1, retain: bool = False) -> None:
        sent = [self.client.publish(topic, content, qos=qos, retain=retain) for content in contents]
        for one in sent:
            one.wait_for_publish(10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def cut_off(source: Any) -> None:
    """The client's side of a kill: the connection breaks, and nothing that was to be sent is sent."""
    link = source._link
    link._acknowledgements.clear()
    with contextlib.suppress(OSError, AttributeError):  # it may just be broken by itself
        link._client.socket().shutdown(socket.SHUT_RDWR)
    link._closing.set()
    link.ring()
    link._thread.join(5)
    link._let_go()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with mosquitto(tmp_path_factory.mktemp("mosquitto")) as server:
        yield server


@pytest.fixture
def sender(broker: Server) -> Iterator[Sender]:
    found = Sender(broker.port)
    yield found
    found.close()


class TestMqtt(LiveContract):
    scheme, folder = "mqtt", "mqtt"

    @pytest.fixture(params=["5", "3.1.1"])
    def address(self, request: pytest.FixtureRequest, broker: Server, sender: Sender) -> str:
        self.sender = sender
        self.topic = f"plant/{random.getrandbits(60)}"  # each test its own session
        return f"mqtt://127.0.0.1:{broker.port}/{self.topic}/#?protocol={request.param}"

    def send(self, contents: Sequence[bytes]) -> None:
        self.sender.send(contents, f"{self.topic}/a")

    def crash(self, source: LiveSource) -> None:
        cut_off(source)

    def test_the_topic_goes_along(self, source: LiveSource) -> None:
        self.send([b"1"])
        (message,), _ = polled(source, 1)
        assert message.topic == f"{self.topic}/a"
        assert message.received is not None
        assert abs(message.received - time.time()) < 60

    def test_what_is_acknowledged_is_forgotten_once_the_broker_surely_has_it(self, source: LiveSource) -> None:
        for k in range(4):
            self.send(bodies(10, 10 * k))
            _, last = polled(source, 10)
            source.commit(last.position)
            until = time.monotonic() + 5
            while source.poll(1, 0.02).position["handed_out"] and time.monotonic() < until:
                pass
            assert source.poll(1, 0.0).position["handed_out"] == {}

    def test_retained_values_come_once(self, address: str) -> None:
        self.sender.send([b"kept"], f"{self.topic}/k", retain=True)
        first = open_live(address)
        first.open(None)
        _, last = polled(first, 1)
        first.commit(last.position)
        first.close()
        second = open_live(address)
        second.open(written(last.position))
        assert second.poll(10, 0.3).messages == []
        second.close()

    def test_messages_sent_once_only_need_no_acknowledgement(self, source: LiveSource) -> None:
        self.sender.send(bodies(5), f"{self.topic}/a", qos=0)
        _, last = polled(source, 5)
        assert last.position["handed_out"] == {}


def session(broker: Server, **options: Any) -> tuple[str, str]:
    topic = f"plant/{random.getrandbits(60)}"
    return f"mqtt://127.0.0.1:{broker.port}/{topic}", topic


def test_no_more_is_received_ahead_than_was_asked_for(broker: Server, sender: Sender) -> None:
    address, topic = session(broker)
    source: Any = open_live(address, max_unacknowledged=50)
    source.open(None)
    sender.send(bodies(500), topic)
    time.sleep(0.3)
    assert len(source._inbox) <= 51
    found = []
    while len(found) < 500:
        got = source.poll(20, 2.0)
        assert got.messages, f"{len(found)} came"
        found += [m.body for m in got.messages]
        source.commit(got.position)
        assert len(got.position["handed_out"]) <= 100
    assert found == bodies(500)
    source.close()


def test_messages_that_nobody_keeps_back_wait_in_the_network(broker: Server, sender: Sender) -> None:
    """Quality 0 knows no acknowledgement: what is not read waits at the broker, in bounded memory here."""
    address, topic = session(broker)
    source: Any = open_live(address, max_waiting_bytes=1_000_000)
    source.open(None)
    sender.send([b"z" * 50_000] * 300, topic, qos=0)
    time.sleep(0.5)
    assert source._inbox._bytes_in - source._inbox._bytes_out < 1_100_000
    n_found = 0
    while source.poll(5, 1.0).messages:
        n_found += 5
    assert n_found > 20
    source.close()


def test_the_broker_is_killed_and_comes_back(tmp_path: Path) -> None:
    with mosquitto(tmp_path / "own") as server:
        address, topic = session(server)
        source = open_live(address)
        source.open(None)
        sender = Sender(server.port)
        sender.send(bodies(20), topic)
        before, last = polled(source, 12)
        source.commit(last.position)
        time.sleep(0.3)  # it has the acknowledgements now
        assert server.process is not None
        server.process.send_signal(signal.SIGUSR1)  # it writes its sessions down now
        time.sleep(0.5)
        server.kill()
        notes = []
        for _ in range(8):
            got = source.poll(10, 0.1)
            before += got.messages
            notes += got.notes
        assert [("lost" in note) for note in notes] == [True]
        server.start()
        until = time.monotonic() + 10
        while not sender.client.is_connected() and time.monotonic() < until:
            time.sleep(0.05)
        sender.send(bodies(10, 20), topic)
        after, last = polled(source, 30 - len(before), seconds=15)
        assert [m.body for m in before + after] == bodies(30)
        assert source.poll(10, 0.3).messages == []
        source.commit(last.position)
        source.close()
        sender.close()


def test_a_broker_that_forgot_us_is_told_of_and_goes_on(tmp_path: Path) -> None:
    with mosquitto(tmp_path / "own", settings=("persistence false",)) as server:
        address, topic = session(server)
        source = open_live(address)
        source.open(None)
        server.kill()
        server.start()
        notes: list[str] = []
        until = time.monotonic() + 10
        while not any("back" in note for note in notes) and time.monotonic() < until:
            notes += source.poll(1, 0.2).notes
        assert any("forgotten" in note for note in notes)
        sender = Sender(server.port)
        sender.send(bodies(3), topic)
        assert [m.body for m in polled(source, 3)[0]] == bodies(3)
        source.close()
        sender.close()


def test_many_crashes_under_load_and_nothing_is_lost_or_handed_out_twice(broker: Server, sender: Sender) -> None:
    """What lies in snapshots is each message once, wherever between poll and acknowledgement the process ends."""
    address, topic = session(broker)
    chance = random.Random(5)
    n_messages = 1500
    saved: list[bytes] = []
    kept = None
    source: Any = open_live(address)
    source.open(kept)
    publishing = threading.Thread(target=lambda: [sender.send(bodies(50, k), topic) for k in range(0, n_messages, 50)])
    publishing.start()
    until = time.monotonic() + 40
    n_crashes = 0
    while len(saved) < n_messages and time.monotonic() < until:
        got = source.poll(chance.randint(1, 60), 0.1)
        fate = chance.random()
        if fate > 0.1:  # otherwise it ends before the snapshot
            saved += [m.body for m in got.messages]
            kept = written(got.position)
        if fate > 0.2:  # otherwise it ends before the acknowledgement
            source.commit(got.position)
        if fate < 0.3:  # with the acknowledgement on its way, or not
            cut_off(source)
            n_crashes += 1
            source = open_live(address)
            source.open(kept)
    publishing.join()
    source.close()
    assert n_crashes > 5
    assert sorted(saved) == sorted(bodies(n_messages))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, files: tuple[Path, Path, Path]) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("guarded")
    with mosquitto(folder, users={"ann": "se@cret"}, tls=files, readable_topics="open/#") as server:
        yield server


class TestRefused:
    def test_the_right_password_over_tls(
        self, guarded: Server, files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        where = f"127.0.0.1:{guarded.port}/open/#"
        with_password = open_live(f"mqtts://ann:se%40cret@{where}", ca_file=str(files[0]))
        (tmp_path / "word").write_text("se@cret\n", encoding="utf-8")
        with_file = open_live(f"mqtts://ann@{where}", ca_file=str(files[0]), password_file=str(tmp_path / "word"))
        monkeypatch.setenv("AMISS_MQTT_PASSWORD", "se@cret")
        with_variable = open_live(f"mqtts://ann@{where}", ca_file=str(files[0]))
        for source in (with_password, with_file, with_variable):
            source.open(None)
            assert source.poll(1, 0.05).messages == []
            source.close()
            assert "cret" not in source.name

    @pytest.mark.parametrize("protocol", ["5", "3.1.1"])
    @pytest.mark.parametrize(
        ("scheme", "user", "topic", "own", "what"),
        [
            ("mqtts", "ann:wrong@", "open/#", True, "refuses us"),
            ("mqtts", "", "open/#", True, "refuses us"),
            ("mqtts", "ann:se%40cret@", "open/#", False, "certificate is not trusted"),
            ("mqtt", "ann:se%40cret@", "open/#", True, "nobody there speaks MQTT|cannot be reached"),
        ],
    )
    def test_what_is_wrong_is_said_at_once_and_without_the_password(
        self, guarded: Server, files: Any, protocol: str, scheme: str, user: str, topic: str, own: bool, what: str
    ) -> None:
        source = open_live(
            f"{scheme}://{user}127.0.0.1:{guarded.port}/{topic}", ca_file=str(files[0]) if own else "",
            protocol=protocol, connect_timeout_seconds=3.0,
        )  # fmt: skip
        began = time.monotonic()
        with pytest.raises(ConnectorError, match=what) as told:
            source.open(None)
        assert time.monotonic() - began < 4
        assert "wrong" not in str(told.value).replace("wrong way", "")
        assert "cret" not in str(told.value)
        assert told.value.mend
        source.close()

    def test_nobody_there(self) -> None:
        for address in (f"mqtt://127.0.0.1:{free_port()}/a", "mqtt://nobody.invalid/a"):
            with pytest.raises(ConnectorError, match=r"cannot be reached|no host"):
                open_live(address).open(None)

    def test_files_that_are_none(self, tmp_path: Path) -> None:
        for options in ({"ca_file": str(tmp_path / "none")}, {"certificate_file": str(tmp_path / "none")}):
            with pytest.raises(ConnectorError, match="file for TLS"):
                open_live("mqtts://host/a", **options).open(None)

    @pytest.mark.parametrize("topic", ["", "a/#/b", "a+/b", "a#"])
    def test_topics_that_are_none(self, topic: str) -> None:
        with pytest.raises(ConnectorError, match="no topic filter"):
            open_live(f"mqtt://host/{topic}")


def test_a_broker_of_the_old_version_is_spoken_to_in_the_old_version() -> None:
    """A broker that knows only 3.1.1 refuses version 5 with a code of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        versions = []

        def serve() -> None:
            for _ in range(2):
                talk, _ = server.accept()
                with talk:
                    asked = talk.recv(4096)
                    versions.append(asked[8])
                    talk.sendall(b"\x20\x02\x00\x01" if asked[8] == 5 else b"\x20\x02\x00\x00")
                    if asked[8] != 5:
                        wish = talk.recv(4096)
                        talk.sendall(b"\x90\x03" + wish[2:4] + b"\x01")
                        talk.sendall(b"\x32\x07\x00\x01a\x00\x07hi")
                        talk.recv(4096)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        source = open_live(f"mqtt://127.0.0.1:{server.getsockname()[1]}/a")
        source.open(None)
        assert [m.body for m in polled(source, 1)[0]] == [b"hi"]
        source.close()
        thread.join(5)
    assert versions == [5, 4]


@pytest.mark.parametrize("code", [0x80, 0x87])
def test_a_subscription_that_is_refused(code: int) -> None:
    """As mosquitto never does: it takes each subscription, and sends what may be read."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            talk, _ = server.accept()
            with talk:
                talk.recv(4096)
                talk.sendall(b"\x20\x03\x00\x00\x00")
                wish = talk.recv(4096)
                talk.sendall(b"\x90\x04" + wish[2:4] + bytes([0, code]))
                talk.recv(4096)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        source = open_live(f"mqtt://127.0.0.1:{server.getsockname()[1]}/a")
        with pytest.raises(ConnectorError, match="refuses the subscription to 'a'"):
            source.open(None)
        thread.join(5)


def test_two_of_the_same_name_are_told_of(broker: Server) -> None:
    address, _ = session(broker)
    first, second = open_live(address), open_live(address)
    first.open(None)
    second.open(None)
    notes: list[str] = []
    until = time.monotonic() + 10
    while not any("same client_id" in note for note in notes) and time.monotonic() < until:
        notes += first.poll(1, 0.1).notes + second.poll(1, 0.1).notes
    assert any("same client_id" in note for note in notes), notes
    assert len(notes) < 20  # the pauses grow
    first.close()
    second.close()


class TestLedger:
    def test_a_message_that_comes_again_with_another_body_is_new(self) -> None:
        ledger = Ledger(10)
        ledger.taken_up({"7": "aa"})
        ledger.connected(1, resumed=True)
        assert ledger.arrived(7, "bb", again=True) is Arrival.NEW

    def test_the_same_body_that_comes_for_the_first_time_is_new(self) -> None:
        ledger = Ledger(10)
        ledger.taken_up({"7": "aa"})
        ledger.connected(1, resumed=True)
        assert ledger.arrived(7, "aa", again=False) is Arrival.NEW

    def test_an_acknowledgement_lost_with_its_connection_is_sent_again(self) -> None:
        ledger = Ledger(10)
        ledger.connected(1, resumed=False)
        assert ledger.arrived(7, "aa", again=False) is Arrival.NEW
        kept = ledger.position()
        assert ledger.safe(kept) == [7]
        number = ledger.acknowledging(7)
        ledger.connected(2, resumed=True)
        ledger.settled(2, number)
        assert ledger.position() == kept
        assert ledger.arrived(7, "aa", again=True) is Arrival.SAFE
        ledger.settled(2, ledger.acknowledging(7))
        assert ledger.position() == {}

    def test_what_waits_for_its_snapshot_is_not_handed_out_again(self) -> None:
        ledger = Ledger(10)
        ledger.connected(1, resumed=False)
        ledger.arrived(7, "aa", again=False)
        kept = ledger.position()
        ledger.connected(2, resumed=True)
        assert ledger.safe(kept) == []  # it did not come by this connection yet
        assert ledger.arrived(7, "aa", again=True) is Arrival.SAFE

    def test_its_memory_is_bounded(self) -> None:
        ledger = Ledger(10)
        ledger.connected(1, resumed=False)
        for k in range(1000):
            ledger.arrived(k, "aa", again=False)
            ledger.safe(ledger.position())
        assert len(ledger.position()) == 20

    def test_a_full_memory_takes_no_longer(self) -> None:
        ledger = Ledger(10_000)
        ledger.taken_up({str(k): "aa" for k in range(20_000)})
        ledger.connected(1, resumed=True)
        begun = time.process_time()
        for k in range(20_000, 30_000):
            assert ledger.arrived(k, "bb", again=False) is Arrival.NEW
        assert time.process_time() - begun < 1.0  # a look at all of it for each message took ten seconds
        assert list(ledger.position())[0] == "10000"  # the oldest that is safe goes first

    def test_a_broker_that_forgot_us_sends_nothing_again(self) -> None:
        ledger = Ledger(10)
        ledger.taken_up({"7": "aa"})
        ledger.connected(1, resumed=False)
        assert ledger.position() == {}
