"""Webhook, Alertmanager, PagerDuty and Apprise against web services that check what they are sent."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from datetime import datetime
from email.utils import formatdate

import msgspec
import pytest

from amiss.core.errors import TerminalError, TransientError
from amiss.io.alarms.making import make_sink
from tests.io.alarms.contract import Channel, SinkContract
from tests.io.alarms.receivers import Answer, Request, WebService, hostile, news, serving
from tests.servers import free_port

SECRET = "of-the-signature-7f3a"
TOKEN = "of-the-bearer-91bc"


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("HOOK_TOKEN", TOKEN)


def hook(port: int, **options):
    secret, token = {"env": "HOOK_SECRET"}, {"env": "HOOK_TOKEN"}
    url = f"http://127.0.0.1:{port}/alarms"
    return make_sink("hook", {"type": "webhook", "url": url, "secret": secret, "token": token, **options})


def signed(request: Request) -> bool:
    """As a receiver would check it."""
    message = request.headers["X-Amiss-Timestamp"].encode() + b"." + request.body
    right = hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()
    return hmac.compare_digest(right, request.headers["X-Amiss-Signature"])


class TestWebhook(SinkContract):
    @pytest.fixture
    def channel(self):
        service = WebService()
        service.judge = lambda request: None if signed(request) else Answer(401)
        with serving(service) as port:

            def arrived(_):
                assert all(r.headers["Idempotency-Key"] == json.loads(r.body)["id"] for r in service.requests)
                return [json.dumps(json.loads(r.body), ensure_ascii=False) for r in service.requests]

            yield Channel(hook(port), arrived, hook(free_port()), (SECRET, TOKEN))


def test_a_webhook_is_signed_and_carries_every_field():
    service = WebService()
    with serving(service) as port:
        hook(port).deliver(news())
    (request,) = service.requests
    assert signed(request)
    assert abs(int(request.headers["X-Amiss-Timestamp"]) - time.time()) < 10
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert set(json.loads(request.body)) == set(news().__struct_fields__)
    assert not signed(Request(request.path, request.headers, request.body.replace(b"81.2", b"11.2")))


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_a_busy_service_is_tried_again(status):
    service = WebService(Answer(status, {"Retry-After": "17"}, f"wait, {TOKEN}\r\n".encode()))
    with serving(service) as port, pytest.raises(TransientError, match=str(status)) as caught:
        hook(port).deliver(news())
    assert caught.value.retry_after_seconds == 17
    assert TOKEN not in str(caught.value)
    assert "***" in str(caught.value)


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422])
def test_a_refusal_is_for_good(status):
    with serving(WebService(Answer(status))) as port, pytest.raises(TerminalError, match=str(status)):
        hook(port).deliver(news())


def test_a_date_to_come_back_at_is_understood_and_nonsense_is_not():
    service = WebService()
    service.answers = [
        Answer(429, {"Retry-After": formatdate(time.time() + 60, usegmt=True)}),
        Answer(429, {"Retry-After": "soon"}),
        Answer(429, {"Retry-After": "9" * 400}),
    ]
    asked = []
    with serving(service) as port:
        for _ in range(3):
            with pytest.raises(TransientError) as caught:
                hook(port).deliver(news())
            asked.append(caught.value.retry_after_seconds)
    assert 50 < asked[0] <= 60
    assert asked[1] is None
    assert asked[2] == 3600


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status):
    other = WebService()
    with serving(other) as elsewhere:
        with serving(WebService(Answer(status, {"Location": f"http://127.0.0.1:{elsewhere}/"}))) as port:
            with pytest.raises(TerminalError, match=str(status)):
                hook(port).deliver(news())
    assert other.requests == []


def test_a_service_that_is_slow_or_hangs_up_is_tried_again():
    service = WebService()
    service.answers = [Answer(wait_seconds=1.0), Answer(breaks="before")]
    with serving(service) as port:
        began = time.monotonic()
        with pytest.raises(TransientError, match="no answer"):
            hook(port, timeout_seconds=0.3).deliver(news())
        assert time.monotonic() - began < 0.9
        with pytest.raises(TransientError, match="no answer"):
            hook(port).deliver(news())
        hook(port).deliver(news())
    assert len(service.requests) == 3


def test_an_answer_that_breaks_off_behind_its_status_counts():
    service = WebService(Answer(200, breaks="within", body=b"{"))
    with serving(service) as port:
        hook(port, timeout_seconds=1.0).deliver(news())
    assert len(service.requests) == 1


def test_a_service_that_comes_back_is_served():
    port, service = free_port(), WebService()
    sink = hook(port)
    with pytest.raises(TransientError):
        sink.deliver(news())
    with serving(service, port):
        sink.deliver(news())
    assert len(service.requests) == 1


def alert_errors(request: Request) -> list[str]:
    """What Alertmanager's own description of its interface would object to in `POST /api/v2/alerts`."""
    wrong = [] if request.path == "/api/v2/alerts" else [f"path {request.path}"]
    for alert in json.loads(request.body):
        wrong += [f"unknown {name}" for name in set(alert) - {
            "labels", "annotations", "startsAt", "endsAt", "generatorURL"}]  # fmt: skip
        wrong += [] if alert["labels"] and all(alert["labels"].values()) else ["no labels"]
        for pairs in (alert["labels"], alert["annotations"]):
            wrong += [f"label {k}" for k, v in pairs.items() if not (k.isidentifier() and isinstance(v, str))]
        starts, ends = datetime.fromisoformat(alert["startsAt"]), datetime.fromisoformat(alert["endsAt"])
        wrong += ["ends before it starts"] if ends < starts else []
    return wrong


@pytest.fixture
def alertmanager():
    service = WebService()
    service.judge = lambda request: Answer(400, body="; ".join(alert_errors(request)).encode()) if alert_errors(
        request) else None  # fmt: skip
    with serving(service) as port:
        service.url = f"http://127.0.0.1:{port}"
        yield service


class TestAlertmanager(SinkContract):
    @pytest.fixture
    def channel(self, alertmanager):
        def made(url):
            return make_sink("am", {"type": "alertmanager", "url": url, "token": {"env": "HOOK_TOKEN"}})

        def arrived(_):
            return [json.dumps(json.loads(r.body), ensure_ascii=False) for r in alertmanager.requests]

        return Channel(made(alertmanager.url), arrived, made(f"http://127.0.0.1:{free_port()}"), (TOKEN,))


def test_an_alert_goes_on_until_its_end_is_told(alertmanager):
    sink = make_sink("am", {"type": "alertmanager", "url": alertmanager.url, "hold_hours": 48})
    sink.deliver(news())
    sink.deliver(news(action="acknowledge"))
    sink.deliver(news(action="resolve", ended="2026-03-02T01:00:00Z"))
    begun, ended = (json.loads(request.body)[0] for request in alertmanager.requests)
    assert begun["labels"] == ended["labels"]
    assert begun["labels"] == {
        "alertname": "amiss_spike", "entity": "pump-3", "kind": "spike", "severity": "warning",
        "source": "mqtt://plant/pumps/#", "fingerprint": "0123456789abcdef",
    }  # fmt: skip
    assert datetime.fromisoformat(begun["endsAt"]).timestamp() > time.time() + 47 * 3600
    assert ended["endsAt"] == "2026-03-02T01:00:00.000Z"


@pytest.mark.parametrize("started", ["2999-01-01T00:00:00Z", "2026-03-02T02:00:00Z", "yesterday"])
def test_an_alert_never_ends_before_it_starts(alertmanager, started):
    sink = make_sink("am", {"type": "alertmanager", "url": alertmanager.url})
    sink.deliver(news(action="resolve", started=started, ended="2026-03-02T01:00:00Z"))
    sink.deliver(news(started=started))
    assert not [wrong for request in alertmanager.requests for wrong in alert_errors(request)]


def event_errors(request: Request) -> list[str]:
    """What PagerDuty's description of its events (version 2) would object to."""
    event = json.loads(request.body)
    wrong = [] if event.get("event_action") in ("trigger", "acknowledge", "resolve") else ["event_action"]
    wrong += [] if event.get("routing_key") == TOKEN else ["routing_key"]
    wrong += [] if 0 < len(event.get("dedup_key", "")) <= 255 else ["dedup_key"]
    wrong += ["too large"] if len(request.body) > 512 * 1024 else []
    if event.get("event_action") == "trigger":
        payload = event.get("payload", {})
        wrong += [name for name in ("summary", "source", "severity") if not payload.get(name)]
        wrong += ["summary too long"] if len(payload.get("summary", "")) > 1024 else []
        wrong += [] if payload.get("severity") in ("critical", "error", "warning", "info") else ["severity"]
        wrong += [f"link {link}" for link in event.get("links", []) if not link["href"].startswith("http")]
        if "timestamp" in payload:
            datetime.fromisoformat(payload["timestamp"])
    return wrong


@pytest.fixture
def pagerduty():
    service = WebService(Answer(202, body=b'{"status":"success"}'))
    service.judge = lambda request: Answer(400, body="; ".join(event_errors(request)).encode()) if event_errors(
        request) else None  # fmt: skip
    with serving(service) as port:
        service.url = f"http://127.0.0.1:{port}/v2/enqueue"
        yield service


def pager(url):
    return make_sink("pager", {"type": "pagerduty", "url": url, "routing_key": {"env": "HOOK_TOKEN"}})


class TestPagerDuty(SinkContract):
    @pytest.fixture
    def channel(self, pagerduty):
        def arrived(_):
            texts = [json.loads(r.body) for r in pagerduty.requests]
            assert [t.pop("routing_key") for t in texts] == [TOKEN] * len(texts)
            return [json.dumps(text, ensure_ascii=False) for text in texts]

        return Channel(pager(pagerduty.url), arrived, pager(f"http://127.0.0.1:{free_port()}"), (TOKEN,))


def test_an_incident_is_one_key_from_trigger_to_resolve(pagerduty):
    for action in ("trigger", "acknowledge", "resolve"):
        pager(pagerduty.url).deliver(news(action=action, id=action))
    events = [json.loads(request.body) for request in pagerduty.requests]
    assert [event["event_action"] for event in events] == ["trigger", "acknowledge", "resolve"]
    assert {event["dedup_key"] for event in events} == {"0123456789abcdef"}


def test_a_refused_routing_key_is_for_good_and_not_repeated_in_words(pagerduty):
    pagerduty.answers = [Answer(400, body=f"routing_key {TOKEN} is not valid".encode())]
    with pytest.raises(TerminalError, match="400") as caught:
        pager(pagerduty.url).deliver(news())
    assert TOKEN not in str(caught.value)


# Apprise itself imports a module that Python is about to drop, and then does without it.
@pytest.mark.filterwarnings("ignore:.*imghdr:DeprecationWarning")
class TestApprise(SinkContract):
    @pytest.fixture
    def channel(self, monkeypatch):
        pytest.importorskip("apprise", reason="the extra `notify` is not installed")
        service = WebService()

        def made(port):
            monkeypatch.setenv("APPRISE_URL", f"json://user:{TOKEN}@127.0.0.1:{port}/alarms")
            return make_sink("chat", {"type": "apprise", "url": {"env": "APPRISE_URL"}})

        def arrived(_):
            return [json.dumps(json.loads(r.body), ensure_ascii=False) for r in service.requests]

        with serving(service) as port:
            yield Channel(made(port), arrived, made(free_port()), (TOKEN,), keeps_ids=False)


def test_hostile_news_keep_to_the_limits_of_each_service(alertmanager, pagerduty):
    for action in ("trigger", "resolve"):
        made = msgspec.structs.replace(hostile(), action=action)
        make_sink("am", {"type": "alertmanager", "url": alertmanager.url}).deliver(made)
        pager(pagerduty.url).deliver(made)
    keys = {json.loads(request.body)["dedup_key"] for request in pagerduty.requests}
    assert len(keys) == 1
