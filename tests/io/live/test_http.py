"""Messages pushed over HTTP: JSON, line protocol, and answers that wait for the snapshot."""

from __future__ import annotations

import gzip
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from amiss.core.errors import ConnectorError
from amiss.core.live import LiveSource
from amiss.io.http.bodies import messages_in
from amiss.io.live import open_live
from tests.io.live.contract import LiveContract, bodies, polled, written
from tests.servers import free_port

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")


@dataclass
class Answer:
    status: int
    text: str
    headers: dict[str, str]


def post(port: int, path: str, body: bytes, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, headers=named, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as found:
            return Answer(found.status, found.read().decode(), dict(found.headers))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode(), dict(error.headers))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(50) as found:
        yield found


@pytest.fixture
def port() -> int:
    return free_port()


def opened(port: int, position: Any = None, **options: Any) -> Any:
    source: Any = open_live(f"http://:{port}/", **options)
    source.open(position)
    return source


def received(source: Any, n: int) -> None:
    """Wait until `n` messages are in the inbox."""
    until = time.monotonic() + 5
    while len(source._inbox) < n and time.monotonic() < until:
        time.sleep(0.005)
    assert len(source._inbox) == n


class TestHttp(LiveContract):
    scheme, folder, resumes = "http", "http", False

    @pytest.fixture
    def address(self, port: int, pool: ThreadPoolExecutor) -> str:
        self.port, self.pool = port, pool
        return f"http://:{port}/"

    def send(self, contents: Sequence[bytes]) -> None:
        self.pool.submit(post, self.port, "/", b"\n".join(contents) + b"\n")


def test_the_answer_comes_with_the_snapshot(port: int, pool: ThreadPoolExecutor) -> None:
    source = opened(port)
    one = pool.submit(post, port, "/a", b'[{"n": 1}, {"n": 2}]')
    received(source, 2)
    two = pool.submit(post, port, "/b", b'{"n": 3}\n{"n": 4}')
    received(source, 4)
    part = source.poll(3, 1.0)
    assert [(m.topic, json.loads(m.body)["n"]) for m in part.messages] == [("/a", 1), ("/a", 2), ("/b", 3)]
    assert not one.done()
    source.commit(part.position)
    assert one.result(5).status == 204
    time.sleep(0.1)
    assert not two.done()  # half of it is not handed out
    source.commit(source.poll(3, 1.0).position)
    assert two.result(5).status == 204
    assert source.poll(1, 0.2).position["handed_out"] == []
    source.close()


def test_what_is_sent_again_after_a_crash_is_handed_out_once(port: int, pool: ThreadPoolExecutor) -> None:
    first = opened(port)
    contents = [b"\n".join(bodies(10, 10 * k)) for k in range(3)]
    asked: list[Future[Answer]] = []
    for k, body in enumerate(contents):
        asked.append(pool.submit(post, port, "/a", body))
        received(first, 10 * (k + 1))
    before = first.poll(15, 1.0)
    kept = written(before.position)
    first.poll(15, 1.0)  # handed out and in no snapshot
    first.close()  # nobody has been answered
    assert [one.result(5).status for one in asked] == [503] * 3
    second = opened(port, kept)
    again = [pool.submit(post, port, "/a", body) for body in contents]
    after, last = polled(second, 15)
    assert again[0].result(5).status == 204  # all of it lies in the snapshot
    second.commit(last.position)
    assert [one.result(5).status for one in again] == [204] * 3
    assert sorted(m.body for m in [*before.messages, *after]) == sorted(bodies(30))
    anew = pool.submit(post, port, "/a", contents[0])  # the same once more is another one
    assert len(polled(second, 10)[0]) == 10
    second.commit(second.poll(1, 0.1).position)
    assert anew.result(5).status == 204
    second.close()


def test_no_snapshot_in_time_and_the_sender_comes_again(port: int, pool: ThreadPoolExecutor) -> None:
    source = opened(port, answer_timeout_seconds=0.2)
    asked = pool.submit(post, port, "/a", b'{"n": 1}')
    got, last = polled(source, 1)
    answer = asked.result(5)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    again = pool.submit(post, port, "/a", b'{"n": 1}')
    assert source.poll(1, 0.1).messages == []
    source.commit(last.position)
    assert again.result(5).status == 204
    assert source.poll(1, 0.1).messages == []
    assert len(got) == 1
    source.close()


def test_the_key_of_a_request_tells_it_from_another_with_the_same_body(port: int, pool: ThreadPoolExecutor) -> None:
    first = opened(port)
    asked = pool.submit(post, port, "/a", b"1", Idempotency_Key="k1")
    kept = written(polled(first, 1)[1].position)
    first.close()
    assert asked.result(5).status == 503
    second = opened(port, kept, answer="received")
    assert post(port, "/a", b"1", Idempotency_Key="k2").status == 204
    assert len(second.poll(10, 1.0).messages) == 1
    assert post(port, "/a", b"1", Idempotency_Key="k1").status == 204
    assert second.poll(10, 0.2).messages == []
    second.close()


def test_an_answer_at_once_where_asked_for(port: int) -> None:
    source = opened(port, answer="received")
    assert post(port, "/a", b'{"n": 1}').status == 204
    got = source.poll(10, 1.0)
    assert len(got.messages) == 1
    assert got.position["handed_out"] == []
    source.close()


def test_full_is_full_and_memory_stays(port: int) -> None:
    source = opened(port, answer="received", max_waiting_messages=30)
    statuses = [post(port, "/a", b"\n".join(bodies(10))).status for _ in range(5)]
    assert statuses == [204, 204, 204, 429, 429]
    assert post(port, "/a", b"1").headers["retry-after"] == "1"
    assert len(source._inbox) == 30
    got = source.poll(100, 1.0)
    assert len(got.messages) == 30
    assert "3 requests were told to come again" in got.notes[0]
    assert post(port, "/a", b"1").status == 204
    source.close()


def test_refusals(port: int) -> None:
    source = opened(port, token="t0ken", max_body_bytes=1000, answer="received")
    right = {"Authorization": "Bearer t0ken"}
    assert post(port, "/a", b"1").status == 401
    assert post(port, "/a", b"1", Authorization="Bearer t0kem").status == 401
    assert post(port, "/a", b"1", Authorization="Token t0ken").status == 204
    assert post(port, "/a", b"x" * 1001, **right).status == 413
    assert post(port, "/a", gzip.compress(b"x" * 1001), Content_Encoding="gzip", **right).status == 413
    assert post(port, "/a", b"no gzip", Content_Encoding="gzip", **right).status == 400
    assert post(port, "/a", gzip.compress(b"1\n2")[:-9], Content_Encoding="gzip", **right).status == 400
    assert post(port, "/a", b"1", Content_Encoding="br", **right).status == 400
    assert post(port, "/api/v2/write?precision=h", b"m f=1", **right).status == 400
    assert post(port, "/a", gzip.compress(b"2"), Content_Encoding="gzip", **right).status == 204
    assert post(port, "/a", b"", **right).status == 204
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5) as alive:
        assert alive.status == 204
    with pytest.raises(urllib.error.HTTPError, match="405"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/a", timeout=5)
    assert [m.body for m in source.poll(10, 0.5).messages] == [b"1", b"2"]
    source.close()


@pytest.mark.parametrize(
    ("path", "body", "precision", "found"),
    [
        ("/", b'{"a": 1}', "ns", [b'{"a": 1}']),
        ("/", b'{\n  "a": 1\n}\n', "ns", [b'{\n  "a": 1\n}']),
        ("/", b'{"a": 1}\r\n\r\n{"a": 2}\n', "ns", [b'{"a": 1}', b'{"a": 2}']),
        ("/", b' [1, {"b": [2]}]', "ns", [b"1", b'{"b": [2]}']),
        ("/", b"[1, 2", "ns", [b"[1, 2"]),
        ("/api/v2/write", b"m f=1\n# said\n\nm f=2 5\r\n", "ns", [b"m f=1", b"m f=2 5"]),
        ("/api/v2/write", b"m f=1 5", "ms", [b"m f=1 5000000"]),
        ("/api/v2/write", b"m f=1 -5", "us", [b"m f=1 -5000"]),
        ("/api/v2/write", b'm f="a 5"', "s", [b'm f="a 5"']),
        ("/api/v2/write", b"m f=1i", "s", [b"m f=1i"]),
    ],
)
def test_bodies(path: str, body: bytes, precision: str, found: list[bytes]) -> None:
    assert messages_in(path, body, precision) == found


def test_a_port_that_is_taken_and_one_that_lacks(port: int) -> None:
    source = opened(port)
    with pytest.raises(ConnectorError, match="cannot be listened on"):
        opened(port)
    with pytest.raises(ConnectorError, match="lacks its port"):
        open_live("http://host/")
    source.close()


def test_everybody_is_told_of_and_the_loopback_is_not() -> None:
    for address, told in (("http://0.0.0.0:{}/", 1), ("http://:{}/", 0), ("http://0.0.0.0:{}/?token=t", 0)):
        source: LiveSource = open_live(address.format(free_port()))
        source.open(None)
        assert sum("set a token" in note for note in source.poll(1, 0.0).notes) == told
        source.close()


def test_many_senders_at_once(port: int, pool: ThreadPoolExecutor) -> None:
    source = opened(port)
    asked = [pool.submit(post, port, "/a", b"\n".join(bodies(20, 20 * k))) for k in range(40)]
    found: list[bytes] = []
    stop = threading.Event()
    while len(found) < 800 and not stop.wait(0.01):
        got = source.poll(64, 1.0)
        found += [m.body for m in got.messages]
        source.commit(got.position)
    assert sorted(found) == sorted(bodies(800))
    assert {one.result(5).status for one in asked} == {204}
    source.close()
