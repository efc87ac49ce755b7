"""Syslog and lines of JSON."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import threading

import pytest

from amiss.core.errors import TransientError
from amiss.io.alarms.making import make_sink
from tests.io.alarms.contract import Channel, SinkContract
from tests.io.alarms.receivers import hostile, news, until
from tests.servers import authority, free_port

HEAD = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([!-~]{1,255}) amiss - ([!-~]{1,32}) - (.*)", re.S
)


class Listener:
    """Takes datagrams or connections until it is stopped; each connection's bytes are kept when it has ended."""

    def __init__(self, kind: int, context: ssl.SSLContext | None = None) -> None:
        self.pieces: list[bytes] = []
        self._context, self._kind = context, kind
        self._socket = socket.socket(socket.AF_INET, kind)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        if kind == socket.SOCK_STREAM:
            self._socket.listen()
        self.port = self._socket.getsockname()[1]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError, ssl.SSLError):
                if self._kind == socket.SOCK_DGRAM:
                    self.pieces.append(self._socket.recv(65536))
                else:
                    self._take(self._socket.accept()[0])

    def _take(self, link: socket.socket) -> None:
        link.settimeout(3)
        with link if self._context is None else self._context.wrap_socket(link, server_side=True) as whole:
            parts = []
            while part := whole.recv(65536):
                parts.append(part)
            self.pieces.append(b"".join(parts))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._socket.close()


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    ca, certificate, key = authority(tmp_path_factory.mktemp("authority"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return ca, context


@pytest.fixture
def listening():
    begun = []

    def start(*args):
        begun.append(Listener(*args))
        return begun[-1]

    yield start
    for listener in begun:
        listener.stop()


def logger(port, **options):
    return make_sink("log", {"type": "syslog", "host": "127.0.0.1", "port": port, "timeout_seconds": 3, **options})


def whole(piece: bytes) -> bytes:
    """A message out of its frame of RFC 6587."""
    if piece.startswith(b"<"):
        return piece.removesuffix(b"\n")
    length, _, message = piece.partition(b" ")
    assert int(length) == len(message)
    return message


@pytest.mark.parametrize("transport", ["udp", "tcp", "tcp lines", "tls"])
@pytest.mark.parametrize("body", ["cef", "text"])
class TestSyslog(SinkContract):
    @pytest.fixture
    def channel(self, listening, papers, transport, body):
        transport, _, framing = transport.partition(" ")
        ca, context = papers
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        listener = listening(kind, context if transport == "tls" else None)
        options = {"transport": transport, "body": body, "framing": framing or "octets"}
        options |= {"ca_file": str(ca)} if transport == "tls" else {}

        def arrived(n):
            until(lambda: len(listener.pieces) >= n)
            messages = [HEAD.fullmatch(whole(piece)) for piece in listener.pieces]
            assert all(messages)
            return [message.group(5).decode() for message in messages]

        away = None if transport == "udp" else logger(free_port(), **options)
        return Channel(logger(listener.port, **options), arrived, away)


def test_one_message_is_one_line_and_fits_a_datagram(listening):
    listener = listening(socket.SOCK_DGRAM)
    logger(listener.port).deliver(hostile())
    assert until(lambda: listener.pieces)
    assert len(listener.pieces[0]) <= 2048
    assert not re.search(rb"[\x00-\x1f]", listener.pieces[0])
    assert listener.pieces[0].decode()


def test_the_common_event_format_is_escaped_and_graded(listening):
    listener = listening(socket.SOCK_DGRAM)
    logger(listener.port, facility=16).deliver(news(title="a|b", reason="x=1", severity="critical"))
    logger(listener.port, facility=16).deliver(news(action="resolve"))
    assert until(lambda: len(listener.pieces) == 2)
    begun, ended = (HEAD.fullmatch(piece) for piece in listener.pieces)
    assert (int(begun.group(1)), int(ended.group(1))) == (8 * 16 + 2, 8 * 16 + 5)
    assert begun.group(5).startswith(b"CEF:0|amiss|amiss|")
    assert b"|spike|a\\|b|10|" in begun.group(5)
    assert begun.group(5).endswith(b"msg=x\\=1")
    assert b"act=resolve" in ended.group(5)


def test_a_receiver_that_speaks_no_tls_is_for_later(listening):
    listener = listening(socket.SOCK_STREAM)
    with pytest.raises(TransientError):
        logger(listener.port, transport="tls", timeout_seconds=0.3).deliver(news())


class TestNdjson(SinkContract):
    @pytest.fixture
    def channel(self, tmp_path):
        path = tmp_path / "alarms.ndjson"

        def arrived(_):
            return [json.dumps(json.loads(line), ensure_ascii=False) for line in path.read_text("utf-8").splitlines()]

        away = make_sink("lines", {"type": "ndjson", "path": str(tmp_path / "gone" / "alarms.ndjson")})
        return Channel(make_sink("lines", {"type": "ndjson", "path": str(path)}), arrived, away)


def test_lines_go_to_standard_output(capsys):
    make_sink("lines", {"type": "ndjson"}).deliver(news())
    assert json.loads(capsys.readouterr().out)["id"] == news().id


def test_a_full_disk_is_for_later():
    with pytest.raises(TransientError, match="No space"):
        make_sink("lines", {"type": "ndjson", "path": "/dev/full"}).deliver(news())
