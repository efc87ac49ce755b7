"""Nobody comes in without a token, and no further than it allows."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest
from starlette.testclient import TestClient

import amiss
from amiss.core.errors import ParameterError
from amiss.server.access import COOKIE, SCOPES
from amiss.server.app import make_app, make_service
from amiss.server.shield import Limits
from tests.server.made import NOW, SetClock

OPEN = {"/healthz", "/login"}


def every_route(app):
    """Method and path of each route, with something in the place of its parameters."""
    inner = [
        each for route in app.routes for each in getattr(getattr(route, "original_router", None), "routes", [route])
    ]
    return [
        (method, re.sub(r"{[^}]*}", "1", route.path))
        for route in inner
        for method in getattr(route, "methods", None) or ()
    ]


def test_every_route_refuses_a_stranger_but_those_that_are_open(app, stranger):
    asked = [(method, path) for method, path in every_route(app) if path not in OPEN]
    assert len(asked) > 25
    for method, path in asked:
        answer = stranger.request(method, path, follow_redirects=False)
        assert answer.status_code == 401, (method, path)
        if method != "HEAD":
            assert answer.json()["error"]["what"] == "a token is needed"
    assert stranger.get("/healthz").json() == {"status": "ok"}


def test_people_are_led_to_the_login_and_back(stranger):
    answer = stranger.get("/queue", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?then=/queue")


@pytest.mark.parametrize("said", ["Bearer amiss_wrong", "Bearer", "Basic a2ltOmtpbQ==", "amiss_wrong", "Bearer \udcff"])
def test_what_is_no_token_is_refused(stranger, said):
    assert stranger.get("/api/queue", headers={"Authorization": said.encode("utf-8", "replace")}).status_code == 401


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("read", "GET", "/api/queue", 200), ("read", "POST", "/api/labels/undo", 403),
        ("read", "GET", "/api/tokens", 403), ("label", "GET", "/api/queue", 403),
        ("label", "POST", "/api/labels/undo", 200), ("ingest", "GET", "/api/events", 403),
        ("admin", "GET", "/api/queue", 200), ("admin", "POST", "/api/labels/undo", 200),
        ("read", "POST", "/api/models/pump/1/promote", 403), ("read", "DELETE", "/api/silences/x", 403),
    ],
)  # fmt: skip
def test_a_token_allows_its_scopes_alone(app, token, scope, method, path, status):
    with TestClient(app, base_url="http://127.0.0.1") as asks:
        answer = asks.request(method, path, headers={"Authorization": f"Bearer {token(scope)}"})
    assert answer.status_code == status
    if status == 403:
        assert "does not allow" in answer.json()["error"]["what"]


def test_a_token_is_kept_as_a_digest_expires_and_can_be_revoked(service, admin, stranger):
    made = admin.post("/api/tokens", json={"name": "cron", "scopes": ["read"], "days": 1}).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    assert made["token"] not in str(service.store.tokens())
    assert stranger.get("/api/queue", headers=headers).status_code == 200
    service.clock.at += 86_399.0
    assert stranger.get("/api/queue", headers=headers).status_code == 200
    service.clock.at += 2.0
    assert stranger.get("/api/queue", headers=headers).status_code == 401
    lasting = admin.post("/api/tokens", json={"name": "cron", "scopes": ["read"]}).json()
    headers = {"Authorization": f"Bearer {lasting['token']}"}
    assert stranger.get("/api/queue", headers=headers).status_code == 200
    assert admin.delete(f"/api/tokens/{lasting['record']['id']}").status_code == 200
    assert stranger.get("/api/queue", headers=headers).status_code == 401
    assert admin.delete(f"/api/tokens/{lasting['record']['id']}").status_code == 404


def test_the_last_that_rules_stays(admin):
    (only,) = [t for t in admin.get("/api/tokens").json()["items"] if "admin" in t["scopes"]]
    assert admin.delete(f"/api/tokens/{only['id']}").status_code == 409


def test_scopes_that_are_none_are_refused(service):
    with pytest.raises(ParameterError, match="no scope 'write'"):
        service.access.make("kim", ("write",), 0.0)
    with pytest.raises(ParameterError, match="without a scope"):
        service.access.make("kim", (), 0.0)
    assert set(SCOPES) == {"read", "label", "ingest", "admin"}


def logged_in(asks, token):
    """The CSRF token of a page, after a login by its form."""
    page = asks.get("/login")
    csrf = re.search(r'name="csrf_token"[^>]*value="([0-9a-f]+)"', page.text)[1]
    answer = asks.post("/login", data={"token": token, "csrf_token": csrf, "then": "/queue"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    return re.search(r'name="csrf-token" content="([0-9a-f]+)"', asks.get("/queue").text)[1]


def test_a_session_changes_nothing_without_what_its_pages_say(app, token):
    with TestClient(app, base_url="http://127.0.0.1") as asks:
        csrf = logged_in(asks, token("read", "label"))
        assert asks.get("/api/queue").status_code == 200
        assert asks.post("/api/labels/undo").status_code == 403
        assert asks.post("/api/labels/undo", headers={"X-CSRF-Token": "0" * 64}).status_code == 403
        right = {"X-CSRF-Token": csrf}
        assert asks.post("/api/labels/undo", headers=right).status_code == 200
        assert asks.post("/api/labels/undo", headers=right | {"Origin": "http://evil.test"}).status_code == 403
        assert asks.post("/api/labels/undo", data={"csrf_token": csrf}).status_code == 200
        assert asks.post(f"/api/labels/undo?csrf_token={csrf}").status_code == 200
        asks.post("/logout", headers=right)
        assert asks.get("/api/queue").status_code == 401


def test_a_login_without_its_form_or_with_a_wrong_token_is_refused(app, stranger, token):
    assert stranger.post("/login", data={"token": token("read")}).status_code == 403
    csrf = re.search(r'name="csrf_token"[^>]*value="([0-9a-f]+)"', stranger.get("/login").text)[1]
    assert stranger.post("/login", data={"token": "amiss_wrong", "csrf_token": csrf}).status_code == 401


@pytest.mark.parametrize("then", ["//evil.test", "https://evil.test/", "/\\evil.test", "javascript:alert(1)", ""])
def test_a_login_leads_nowhere_else(app, stranger, token, then):
    csrf = re.search(r'name="csrf_token"[^>]*value="([0-9a-f]+)"', stranger.get("/login").text)[1]
    answer = stranger.post(
        "/login", data={"token": token("read"), "csrf_token": csrf, "then": then}, follow_redirects=False
    )
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("change", [lambda c: c[:-1] + ("0" if c[-1] != "0" else "1"), lambda c: "", lambda c: "a.b.c"])
def test_a_session_that_was_changed_is_none(service, stranger, token, change):
    now = service.clock.now()
    cookie = service.access.session(service.access.by_token(token("read"), now), now)
    stranger.cookies.set(COOKIE, cookie)
    assert stranger.get("/api/queue").status_code == 200
    stranger.cookies.set(COOKIE, change(cookie))
    assert stranger.get("/api/queue").status_code == 401


def test_a_session_ends_after_two_weeks_and_with_its_token(service, stranger, token):
    now = service.clock.now()
    visitor = service.access.by_token(token("read"), now)
    stranger.cookies.set(COOKIE, service.access.session(visitor, now))
    service.clock.at += 14 * 86_400.0 + 1.0
    assert stranger.get("/api/queue").status_code == 401
    service.clock.at = now
    service.access.revoke(visitor.token.id)
    assert stranger.get("/api/queue").status_code == 401


def test_every_answer_says_what_a_browser_may_do(client, stranger):
    for answer in (client.get("/api/queue"), stranger.get("/login"), stranger.get("/api/queue"), client.get("/none")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_a_server_on_the_loopback_answers_to_no_other_name(tmp_path, store, token):
    service = make_service(tmp_path, store, clock=SetClock(NOW), hosts=("127.0.0.1", "localhost", "::1"))
    with TestClient(make_app(service), base_url="http://rebound.test") as asks:
        assert asks.get("/healthz").status_code == 421
    with TestClient(make_app(service), base_url="http://localhost:8765") as asks:
        assert asks.get("/healthz").status_code == 200


def test_too_large_and_too_often_is_refused(tmp_path, store):
    limits = Limits(body_bytes=1_000, requests_a_second=1.0, burst=5.0)
    service = make_service(tmp_path, store, clock=SetClock(NOW), limits=limits)
    token, _ = service.access.make("kim", ("label",), NOW)
    with TestClient(
        make_app(service), base_url="http://127.0.0.1", headers={"Authorization": f"Bearer {token}"}
    ) as asks:
        assert asks.post("/api/labels", content=b"x" * 1_001).status_code == 413
        assert asks.post("/api/labels", content=(b"x" * 600 for _ in range(2))).status_code == 413
        statuses = [asks.post("/api/labels/undo").status_code for _ in range(8)]
        assert statuses.count(429) >= 3
        service.clock.at += 10.0
        assert asks.post("/api/labels/undo").status_code == 200


def test_a_body_nested_without_end_is_refused(client):
    for body in (b"[" * 100_000, b'{"a":' * 50_000):
        answer = client.post("/api/labels", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422)
        assert answer.json()["error"]["status"] == answer.status_code


def test_a_model_is_brought_by_its_form(tmp_path, app, service, token):
    rows = np.random.default_rng(0).normal(size=(400, 3))
    amiss.fit(rows).save(tmp_path / "m.amiss")
    with TestClient(app, base_url="http://127.0.0.1") as asks:
        csrf = logged_in(asks, token("admin"))
        send = partial(asks.post, f"/models?csrf_token={csrf}", data={"name": "pump"}, follow_redirects=False)
        good = {"file": ("m.amiss", (tmp_path / "m.amiss").read_bytes())}
        assert send(files=good).status_code == 303
        assert [each.state for each in service.store.models("pump")] == ["champion"]
        assert send(files=good).status_code == 303
        assert [each.state for each in service.store.models("pump")] == ["champion", "challenger"]
        assert send(files={"file": ("x", b"no model")}).status_code == 422
        assert "pump" in asks.get("/models").text
    assert len(list((tmp_path / "models").iterdir())) == 1
