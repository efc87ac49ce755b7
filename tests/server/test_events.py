"""Events, the queue, labels and silences, as the API tells them."""

from __future__ import annotations

import csv
import io

import pytest

from amiss.server.answers import harmless
from amiss.store import Store
from tests.server.made import NOW, SOURCE, event


def queue(client, **asked):
    return client.get("/api/queue", params=asked).json()


def label(client, event_id, verdict, **more):
    return client.post("/api/labels", json={"event_id": event_id, "verdict": verdict, **more}).json()


def test_the_queue_begins_with_the_least_probable(client):
    told = queue(client, limit=40)
    p_values = [each["p_value"] for each in told["items"]]
    assert p_values == sorted(p_values)
    assert [each["place"] for each in told["items"]] == list(range(1, 41))
    assert (told["n_total"], told["n_left"], told["n_judged"]) == (40, 40, 0)
    first = told["items"][0]
    assert first["why_here"] == "seen by chance once in 100,000,000,000 rows"
    assert (first["usual"], first["verdict"]) == ({"load": "60 to 70"}, None)


def test_a_page_of_the_queue_goes_on_where_the_one_before_ended(client):
    whole = [each["id"] for each in queue(client, limit=40)["items"]]
    assert [e["id"] for e in queue(client, limit=15, offset=15)["items"]] == whole[15:30]


def test_the_queue_is_searched_by_words(client):
    told = queue(client, search="PUMP-3 stuck")
    assert told["n_total"] == len(told["items"]) > 0
    assert all(each["entity"] == "pump-3" and each["kind"] == "stuck" for each in told["items"])
    assert queue(client, search="no such thing")["items"] == []


def test_a_verdict_is_kept_before_it_is_answered_and_brings_the_next(client, store):
    first, second = [each["id"] for each in queue(client)["items"][:2]]
    told = label(client, first, "anomaly", reason="bearing gone")
    (kept,) = store.labels()
    assert (kept.verdict, kept.author, kept.reason, kept.at) == ("anomaly", "kim", "bearing gone", NOW)
    assert told["label"]["verdict"] == "anomaly"
    assert told["next"]["id"] != first
    assert told["queue"]["n_judged"] == 1
    assert first not in [each["id"] for each in queue(client)["items"]]
    assert client.get(f"/api/events/{first}").json()["event"]["verdict"] == "anomaly"
    assert second in [each["id"] for each in queue(client)["items"]]


def test_a_verdict_taken_back_leaves_the_queue_as_it_was_and_both_are_kept(client, store):
    before = queue(client, limit=40)["items"]
    label(client, before[3]["id"], "normal")
    told = client.post("/api/labels/undo").json()
    assert told["next"]["id"] == before[3]["id"]
    assert queue(client, limit=40)["items"] == before
    assert [each.verdict for each in store.labels()] == ["normal", "unsure"]
    assert client.post("/api/labels/undo").json()["undone"] is None


def test_what_is_like_something_normal_is_hidden_with_the_reason(client, store):
    same = {"updated": NOW, "entity": "fan", "p_value": 1e-5, "score": 5.0}
    alike = [event(100 + 84 * i, opened=NOW - 50_000.0 - 86_400 * i, **same) for i in range(3)]
    with store.writing() as writer:
        writer.put_events(alike)
    service_events = [each["id"] for each in client.get("/api/events", params={"entity": "fan"}).json()["items"]]
    assert len(service_events) == 3
    label(client, "event-100", "normal")
    other = client.get("/api/events/event-184").json()["event"]
    assert other["hidden"].endswith("that kim called normal")
    shown = [each["id"] for each in queue(client, limit=1000)["items"]]
    assert "event-184" not in shown
    assert "event-184" in [each["id"] for each in queue(client, limit=1000, hidden=True)["items"]]


def test_labels_of_a_span_count_for_its_events(client):
    one = event(5)
    body = {"source": SOURCE, "entity": one.entity, "starts": one.opened - 10, "ends": one.ended + 10}
    assert client.post("/api/labels", json=body | {"verdict": "normal"}).status_code == 200
    assert client.get(f"/api/events/{one.id}").json()["event"]["verdict"] == "normal"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"verdict": "normal"}, "nothing says what is meant"),
        ({"verdict": "normal", "source": "x"}, "nothing says what is meant"),
        ({"verdict": "normal", "source": "x", "starts": 2, "ends": 1}, "nothing says what is meant"),
        ({"verdict": "good", "event_id": "event-1"}, "Input should be"),
        ({"verdict": "normal", "event_id": "event-1", "extra": 1}, "Extra inputs"),
        ({"event_id": "event-1"}, "Field required"),
    ],
)
def test_a_label_that_says_too_little_is_refused(client, store, body, what):
    answer = client.post("/api/labels", json=body)
    assert answer.status_code == 422
    assert what in answer.json()["error"]["what"]
    assert store.labels() == []


def test_an_event_that_is_not_there_is_told(client):
    for answer in (
        client.get("/api/events/none"), client.post("/api/labels", json={"event_id": "none", "verdict": "normal"}),
        client.post("/api/events/none/acknowledge"),
    ):  # fmt: skip
        assert answer.status_code == 404
        assert answer.json()["error"]["what"] == "there is no event 'none'"


def test_an_event_comes_with_what_is_like_it_and_what_was_near(client):
    label(client, "event-28", "anomaly")
    told = client.get("/api/events/event-0").json()
    assert told["event"]["id"] == "event-0"
    assert "event-28" in [each["event"]["id"] for each in told["similar"]]
    assert all(each["why"] for each in told["similar"])
    assert all(near["id"] != "event-0" for near in told["near"])
    assert told["series"] is None


def test_an_event_is_taken_on_once(client, admin):
    assert client.post("/api/events/event-3/acknowledge").json()["event"]["acknowledged_by"] == "kim"
    assert admin.post("/api/events/event-3/acknowledge").json()["event"]["acknowledged_by"] == "kim"


def test_events_are_filtered_and_paged(client):
    told = client.get("/api/events", params={"kind": "stuck", "limit": 4}).json()
    assert [each["kind"] for each in told["items"]] == ["stuck"] * 4
    assert told["more"]
    opened = [each["opened"] for each in told["items"]]
    assert opened == sorted(opened, reverse=True)
    rest = client.get("/api/events", params={"kind": "stuck", "limit": 100, "offset": 4}).json()
    assert len(rest["items"]) == 6
    assert not rest["more"]


def test_tables_hold_no_formulas(client, store):
    with store.writing() as writer:
        writer.put_events([event(50, entity="=cmd|' /C calc'!A0", reason="@SUM(1)", updated=NOW)])
    rows = list(csv.DictReader(io.StringIO(client.get("/api/events.csv").text)))
    assert len(rows) == 41
    (odd,) = [row for row in rows if row["id"] == "event-50"]
    assert (odd["entity"], odd["reason"]) == ("'=cmd|' /C calc'!A0", "'@SUM(1)")
    assert [harmless(x) for x in ("-1", "+1", "\t=1", "\r=1", 1, float("nan"))] == [
        "'-1",
        "'+1",
        "'\t=1",
        "'\r=1",
        1,
        "",
    ]
    label(client, "event-1", "normal", reason="=1+1")
    assert "'=1+1" in client.get("/api/labels.csv").text


def test_the_overview_has_a_lane_for_each_entity(client):
    told = client.get("/api/overview", params={"from": NOW - 86_400, "to": NOW}).json()
    inside = [event(i) for i in range(40) if event(i).ended >= NOW - 86_400]
    assert sum(lane["n_events"] for lane in told["lanes"]) == len(inside)
    assert {lane["entity"] for lane in told["lanes"]} == {each.entity for each in inside}
    assert told["counts"]["to_judge"] == 40


def test_a_silence_says_how_much_it_would_hide_and_then_hides_it(client, store):
    seen = client.get("/api/silences/preview", params={"entity": "pump-3"}).json()
    assert (seen["n_events"], len(seen["examples"])) == (6, 5)
    told = client.post("/api/silences", json={"entity": "pump-3", "reason": "our scanner"}).json()["silence"]
    assert (told["ends"], told["n_hidden"], told["active"], told["author"]) == (None, 6, True, "kim")
    shown = queue(client, limit=100)
    assert (shown["n_left"], shown["n_total"]) == (34, 34)
    assert "pump-3" not in {each["entity"] for each in shown["items"]}
    assert client.get("/api/events/event-3").json()["event"]["hidden"]
    assert client.delete(f"/api/silences/{told['id']}").status_code == 200
    assert queue(client)["n_left"] == 40
    assert client.delete(f"/api/silences/{told['id']}").status_code == 404


def test_a_silence_for_a_while_leaves_what_is_over_alone(client, service):
    body = {"entity": "pump-*", "reason": "service", "ends": NOW + 3_600}
    assert client.post("/api/silences", json=body).json()["silence"]["n_hidden"] == 0
    assert queue(client)["n_left"] == 40
    late = client.post("/api/silences", json=body | {"ends": NOW - 1})
    assert "over already" in late.json()["error"]["what"]


def test_labels_outlive_the_server(client, tmp_path, store):
    label(client, "event-7", "anomaly")
    with Store.open(tmp_path / "amiss.db") as again:
        assert [each.verdict for each in again.labels()] == ["anomaly"]


def test_another_process_is_heard(client, service, store):
    with store.writing() as writer:
        writer.put_events([event(60, opened=NOW - 1, updated=NOW, p_value=1e-30)])
    assert queue(client)["items"][0]["id"] == "event-60"
    assert service.triage.refresh() == []
