"""Alarms as MQTT messages, against a real mosquitto."""

from __future__ import annotations

import json
import time

import pytest

from amiss.core.errors import RecipeError, TerminalError, TransientError
from amiss.io.alarms.making import make_sink
from tests.io.alarms.contract import Channel, SinkContract
from tests.io.alarms.receivers import HOSTILE, news, until
from tests.servers import authority, free_port, mosquitto

paho = pytest.importorskip("paho.mqtt.client", reason="the extra `live` is not installed")
PASSWORD = "of-the-broker-20ef"


class Reader:
    """Takes all that is published, and what was retained."""

    def __init__(self, port: int, *, password: str | None = None, ca=None) -> None:
        self.messages: list = []
        ready: list = []
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if password is not None:
            self._client.username_pw_set("reader", password)
        if ca is not None:
            self._client.tls_set(ca_certs=str(ca))
        self._client.on_message = lambda client, userdata, message: self.messages.append(message)
        self._client.on_subscribe = lambda *args: ready.append(args)
        self._client.on_connect = lambda client, *args: client.subscribe("#", qos=1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert until(lambda: ready)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with mosquitto(tmp_path_factory.mktemp("open")) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    papers = authority(tmp_path_factory.mktemp("authority"))
    users = {"amiss": PASSWORD, "reader": "reads"}
    with mosquitto(tmp_path_factory.mktemp("guarded"), users=users, tls=papers) as server:
        yield server, papers[0]


def channel_to(port, **options):
    usual = {"type": "mqtt", "host": "127.0.0.1", "port": port, "timeout_seconds": 3}
    return make_sink("topic", usual | options)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
class TestMqtt(SinkContract):
    @pytest.fixture
    def channel(self, guarded, protocol, monkeypatch):
        server, ca = guarded
        monkeypatch.setenv("MQTT_PASSWORD", PASSWORD)
        options = {
            "protocol": protocol, "user": "amiss", "password": {"env": "MQTT_PASSWORD"}, "tls": True, "ca_file": str(ca)
        }  # fmt: skip
        reader = Reader(server.port, password="reads", ca=ca)

        def arrived(n):
            until(lambda: len(reader.messages) >= n)
            return [json.dumps(json.loads(m.payload), ensure_ascii=False) for m in reader.messages]

        yield Channel(channel_to(server.port, **options), arrived, channel_to(free_port(), **options), (PASSWORD,))
        reader.stop()


def test_topics_are_filled_in_and_kept_for_those_who_come_later(broker):
    sink = channel_to(broker.port, topic="plant/{entity}/{kind}/{fingerprint}", retained=True)
    sink.deliver(news(entity="hall/3+#", kind=HOSTILE))
    reader = Reader(broker.port)
    try:
        assert until(lambda: reader.messages)
        (message,) = reader.messages
        assert message.retain
        assert message.qos == 1
        assert message.topic.startswith("plant/hall-3--/a  Bcc: all@example.org ")
        assert message.topic.count("/") == 3
        assert message.properties.UserProperty == [("idempotency-key", news().id)]
    finally:
        reader.stop()


def test_a_wrong_password_is_for_good(guarded, monkeypatch):
    server, ca = guarded
    monkeypatch.setenv("MQTT_PASSWORD", "wrong-and-long")
    options = {"user": "amiss", "password": {"env": "MQTT_PASSWORD"}, "tls": True, "ca_file": str(ca)}
    for protocol in ("5", "3.1.1"):
        with pytest.raises(TerminalError, match="refuses") as caught:
            channel_to(server.port, protocol=protocol, **options).deliver(news())
        assert "wrong-and-long" not in str(caught.value)


def test_a_forbidden_topic_is_for_good(tmp_path):
    with mosquitto(tmp_path / "b", readable_topics="allowed/#") as server:
        channel_to(server.port, topic="allowed/x").deliver(news())
        with pytest.raises(TerminalError, match="refuses"):
            channel_to(server.port, topic="elsewhere").deliver(news())


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_certificate_of_others_is_not_believed(guarded):
    with pytest.raises(TransientError, match="certificate"):
        channel_to(guarded[0].port, tls=True).deliver(news())


def test_a_broker_that_goes_and_comes_back(tmp_path):
    with mosquitto(tmp_path / "b") as server:
        sink = channel_to(server.port, retained=True)
        server.kill()
        with pytest.raises(TransientError):
            sink.deliver(news())
        server.start()
        sink.deliver(news())
        reader = Reader(server.port)
        assert until(lambda: reader.messages)
        reader.stop()


def test_one_who_accepts_and_says_nothing_is_left_in_time():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(TransientError, match="in time"):
            channel_to(silent.getsockname()[1], timeout_seconds=0.5).deliver(news())
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("topic", ["a/#", "a/+", "a/{host}", "a\nb", "a" * 1001])
def test_topics_that_cannot_be_published_to(topic):
    with pytest.raises(RecipeError, match=r"channel\.topic\.topic"):
        channel_to(1883, topic=topic)
