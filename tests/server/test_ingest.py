"""Records that are pushed: watched as any stream, answered once they are safe."""

from __future__ import annotations

import time

import msgspec
import numpy as np
import pytest
from starlette.testclient import TestClient

from amiss.server.app import make_app, make_service
from amiss.server.demo import Demo
from amiss.server.demo_office import OFFICE
from amiss.store import Store
from amiss.stream.clock import WallClock

START = time.time() // 60 * 60 - 2 * 86_400.0


def rows(n, first=0, spike=None):
    values = 20 + np.random.default_rng(first).normal(0, 1, n)
    if spike is not None:
        values[spike] += 60
    return msgspec.json.encode(
        [{"time": START + 60 * (first + k), "entity": "P1", "heat": float(value)} for k, value in enumerate(values)]
    )


@pytest.fixture
def pushing(tmp_path):
    """A server by the wall clock, and somebody who may push."""
    with Store.open(tmp_path / "push.db") as store:
        service = make_service(tmp_path, store, clock=WallClock())
        token, _ = service.access.make("gateway", ("ingest",), time.time())
        headers = {"Authorization": f"Bearer {token}"}
        with TestClient(make_app(service), base_url="http://127.0.0.1", headers=headers) as asks:
            yield asks, store


def test_what_is_pushed_is_kept_once_it_is_answered_and_raises_events(pushing):
    asks, store = pushing
    assert asks.post("/api/ingest/plant", content=rows(900)).status_code == 204
    assert asks.post("/api/ingest/plant", content=rows(100, 900, spike=50)).status_code == 204
    (kept,) = store.series(source="push:plant")
    assert (kept.entity, kept.columns) == ("P1", ("heat",))
    assert len(store.history("push:plant", "P1", limit=10_000)) == 1_000
    assert [each.kind for each in store.events(source="push:plant")] == ["anomaly"]
    assert [each.source for each in store.watches()] == ["push:plant"]


def test_a_stream_goes_on_after_a_restart_and_a_repeat_counts_once(tmp_path):
    bodies = [rows(50, 50 * k) for k in range(4)]
    with Store.open(tmp_path / "push.db") as store:
        for half in (bodies[:2], bodies[1:]):
            service = make_service(tmp_path, store, clock=WallClock())
            token, _ = service.access.make("gateway", ("ingest",), time.time())
            headers = {"Authorization": f"Bearer {token}"}
            with TestClient(make_app(service), base_url="http://127.0.0.1", headers=headers) as asks:
                assert [asks.post("/api/ingest/plant", content=body).status_code for body in half] == [204] * len(half)
        assert len(store.history("push:plant", "P1", limit=10_000)) == 200


@pytest.mark.parametrize("name", ["..", ".hidden", "a b", "x" * 101, "%2e%2e%2fetc", "a%00b"])
def test_a_stream_has_a_plain_name(pushing, tmp_path, name):
    asks, _ = pushing
    answer = asks.post(f"/api/ingest/{name}", content=b"{}")
    assert answer.status_code in (404, 422)
    assert answer.json()["error"]["what"]
    assert not list(tmp_path.rglob("*.snapshot"))


def test_a_body_that_is_damaged_is_told(pushing):
    asks, _ = pushing
    answer = asks.post("/api/ingest/plant", content=b"no gzip", headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["error"]["what"]) == (400, "the body is no gzip")


def test_the_demo_shows_a_past_and_goes_on(tmp_path):
    with Store.open(tmp_path / "demo.db") as store, Demo(store, tmp_path, seed=3):
        until = time.monotonic() + 90
        while {each.source for each in store.watches() if each.n_rows >= 12_000} != {"simulated plant", OFFICE}:
            assert time.monotonic() < until
            time.sleep(0.2)
        assert {each.entity for each in store.series()} == {f"P{k}" for k in range(1, 7)}
        assert any(each.kind == "anomaly" for each in store.events(source="simulated plant"))
        told = {each.kind for each in store.events(source=OFFICE)}
        assert {"vertical scan", "dns tunnel", "brute force"} <= told
    assert store.name
