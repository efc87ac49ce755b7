"""Whatever is sent to the server, it answers, stays up, and gives nothing away."""

from __future__ import annotations

import socket
import threading
import time
from itertools import product

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from amiss.server.app import make_app, make_service
from amiss.server.running import Address, Server
from amiss.server.shield import Limits
from amiss.store import Store
from tests.server.made import NOW, SetClock, events

_EXAMPLES = 450
"""Of each operation; those without a parameter have one alone."""
_SLOW = {("POST", "/api/ingest/{name}"), ("POST", "/api/sets"), ("POST", "/api/score"), ("GET", "/api/detectors")}
_OF_SLOW = 20
"""They wait for a snapshot, begin a detection or read all of a month."""
_SECRET = "the-secret-of-this-test"


@pytest.fixture
def served(tmp_path):
    """A server that listens, and the token of one who may do all."""
    with Store.open(tmp_path / "amiss.db") as store:
        with store.writing() as writer:
            writer.put_events(events(40))
        limits = Limits(requests_a_second=1e9, burst=1e9, read_seconds=2.0)
        address = Address(port=0).checked()
        service = make_service(tmp_path, store, clock=SetClock(NOW), limits=limits, hosts=address.hosts)
        token, _ = service.access.make("kim", ("admin",), NOW)
        app = make_app(service)
        server = Server(app, address)
        stop = server.start()
        try:
            yield app, server.url, token
        finally:
            stop()


def asked_of_each(app, url, headers, examples):
    """How many answers there were by status, over made-up requests to each operation but the live stream."""
    schema = schemathesis.openapi.from_dict(app.openapi())
    session, statuses = requests.Session(), []
    session.headers.update(headers)

    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path == "/api/live":
            continue

        most = _OF_SLOW if (operation.method.upper(), operation.path) in _SLOW else examples

        @given(case=operation.as_strategy())
        @settings(
            max_examples=min(examples, most), deadline=None, database=None, phases=[Phase.generate], derandomize=True,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def one(case):
            answer = case.call(base_url=url, session=session)
            statuses.append(answer.status_code)
            assert answer.status_code < 500, (case.method, case.path, answer.text)

        one()
    return statuses


@pytest.mark.slow
def test_no_request_that_the_api_describes_makes_the_server_fail(served):
    app, url, token = served
    statuses = asked_of_each(app, url, {"Authorization": f"Bearer {token}"}, _EXAMPLES)
    assert len(statuses) >= 10_000
    assert {200, 404, 422} <= set(statuses)
    assert requests.get(f"{url}/healthz", timeout=5).json() == {"status": "ok"}


def test_no_request_of_a_stranger_is_let_in(served):
    app, url, _ = served
    statuses = asked_of_each(app, url, {}, 20)
    assert set(statuses) <= {401, 404, 405, 413, 421}
    assert statuses.count(401) > 0.9 * len(statuses)


def traversals():
    """Ways out of a folder, as they are tried."""
    ups = (
        "../",
        "..\\",
        "%2e%2e/",
        "%2e%2e%2f",
        "..%2f",
        "..%5c",
        "%252e%252e%252f",
        "....//",
        "..;/",
        "%c0%ae%c0%ae/",
    )
    ends = ("session.key", "amiss.db", "etc/passwd", "secret.txt", "secret.txt%00.css", "secret.txt?x", "secret.txt#")
    return ["/static/" + up * depth + end for up, depth, end in product(ups, (1, 2, 5), ends)]


def test_no_address_leads_out_of_the_folder_of_static_files(served, tmp_path):
    _, url, token = served
    (tmp_path / "secret.txt").write_text(_SECRET)
    key = (tmp_path / "session.key").read_bytes()
    ways = traversals()
    assert len(ways) >= 200
    host, port = url.removeprefix("http://").split(":")
    for way in ways:
        with socket.create_connection((host, int(port)), timeout=10) as line:
            request = (
                f"GET {way} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
            )
            line.sendall(request.encode())
            answer = b"".join(iter(lambda: line.recv(65_536), b""))
        assert not answer.startswith(b"HTTP/1.1 200"), way
        assert _SECRET.encode() not in answer
        assert key not in answer
        assert b"root:" not in answer


def test_health_is_told_at_once_while_hundreds_are_slow(served):
    _, url, token = served
    host, port = url.removeprefix("http://").split(":")
    starts = (
        b"GET /api/queue HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
        f"POST /api/labels HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        "Content-Length: 500\r\n\r\n{".encode(),
    )
    lines = [socket.create_connection((host, int(port)), timeout=10) for _ in range(200)]
    done = threading.Event()

    def drip():
        while not done.wait(0.05):
            for k, line in enumerate(lines):
                try:
                    line.sendall(b" " if k % 2 else b"x")
                except OSError:
                    continue

    dripping = threading.Thread(target=drip, daemon=True)
    try:
        for k, line in enumerate(lines):
            line.sendall(starts[k % 2])
        dripping.start()
        waits = []
        for _ in range(20):
            start = time.perf_counter()
            assert requests.get(f"{url}/healthz", timeout=5).status_code == 200
            waits.append(time.perf_counter() - start)
        # Ten times what is asked for: a busy machine is not a slow server, which would not answer at all.
        assert sorted(waits)[10] < 2.0
        assert requests.get(f"{url}/api/queue", headers={"Authorization": f"Bearer {token}"}, timeout=5).ok
    finally:
        done.set()
        for line in lines:
            line.close()
        dripping.join()
