"""What the routes of sets answer."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from fastapi.testclient import TestClient

from amiss.server.access import guard
from amiss.server.routes import detectors, score, sets
from amiss.server.sets.backtest import Backtests
from amiss.server.sets.bounds import Bounds
from amiss.server.sets.library import SetLibrary
from amiss.server.sets.live import LiveSets
from amiss.server.sets.scoring import Scorer
from amiss.store.records import LabelRecord
from tests.server.sets.made import T0, bare_app, csv, seen, table, until_done


def test_a_file_is_brought_looked_at_and_taken_away(tmp_path):
    app = bare_app()
    with SetLibrary(tmp_path) as library:
        app.include_router(sets.make_router(library, lambda scope: lambda: None))
        asks = TestClient(app)
        answer = asks.post("/api/sets", files={"file": ("pump.csv", csv(table()))}, data={"false_alarms": "5"})
        assert answer.status_code == 202
        made = answer.json()
        assert (made["name"], made["state"], made["error"]) == ("pump.csv", "waiting", None)
        until_done(library, made["id"])
        found = asks.get(f"/api/sets/{made['id']}").json()
        assert (found["state"], found["n_anomalies"], found["from"], found["to"]) == ("ready", 5, 0.0, 599.0)
        assert asks.get("/api/sets").json()["items"] == [found]
        report = asks.get(f"/api/sets/{made['id']}/report")
        assert "sandbox" in report.headers["content-security-policy"]
        assert "pump.csv" in report.text
        assert asks.delete(f"/api/sets/{made['id']}").json() == {"deleted": made["id"]}
        assert asks.get(f"/api/sets/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    ("form", "status"),
    [({}, 422), ({"data": {"file": "text"}}, 422), ({"content": b"raw"}, 422),
     ({"files": {"file": ("a.csv", b"")}}, 422),
     ({"files": {"file": ("a.csv", b"a\n1\n")}, "data": {"kind": "x"}}, 422),
     ({"files": {"file": ("a.csv", b"a\n1\n")}, "data": {"time": "x" * 201}}, 422),
     ({"files": {"file": ("a.csv", b"a\n1\n")}, "data": {"false_alarms": "999%"}}, 422),
     ({"files": [("file", ("a.csv", b"1")), ("file", ("b.csv", b"1"))]}, 400),
     ({"content": b"--x\r\nbroken", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 422),
     ({"content": b"--x\r\nbroken", "headers": {"content-type": "multipart/form-data"}}, 400),
     ({"files": {"file": ("a.csv", b"x" * 300_000)}}, 413)],
)  # fmt: skip
def test_forms_that_are_none_are_refused_and_leave_nothing(tmp_path, form, status):
    app = bare_app()
    with SetLibrary(tmp_path, bounds=Bounds(size_bytes=200_000)) as library:
        app.include_router(sets.make_router(library, lambda scope: lambda: None))
        answer = TestClient(app, raise_server_exceptions=False).post("/api/sets", **form)
        assert answer.status_code == status, answer.text
        assert set(answer.json()["error"]) == {"what", "where", "mend", "status"}
        assert library.listed() == []
        assert not list((tmp_path / ".incoming").iterdir())


def test_a_form_without_a_length_is_refused(tmp_path):
    app = bare_app()
    with SetLibrary(tmp_path) as library:
        app.include_router(sets.make_router(library, lambda scope: lambda: None))
        answer = TestClient(app).post("/api/sets", content=iter([b"--x"]),
                                      headers={"content-type": "multipart/form-data; boundary=x"})  # fmt: skip
        assert answer.status_code == 411


def test_no_route_answers_a_stranger(shelf, store):
    library, _ = shelf
    app = bare_app()
    app.include_router(sets.make_router(library, guard, store=store, live=LiveSets(store)))
    app.include_router(detectors.make_router(Backtests(store, library, lambda: 0.0), guard))
    app.include_router(score.make_router(Scorer(store), guard))
    asks = TestClient(app, raise_server_exceptions=False)
    routes = [(path, method) for path, methods in app.openapi()["paths"].items() for method in methods]
    assert len(routes) >= 12
    for path, method in routes:
        answer = asks.request(
            method, path.replace("{set_id}", "0" * 16).replace("{row}", "1"), json={"model": "m", "rows": []}
        )
        assert answer.status_code == 401, (method, path)


def test_a_view_is_of_the_rows_asked_for(asks, shelf):
    library, ids = shelf
    whole = asks.get(f"/api/sets/{ids['series']}/view", params={"columns": ["flow", "temp"], "width": 500})
    assert whole.headers["content-type"] == "application/octet-stream"
    assert "immutable" in whole.headers["cache-control"]
    found = seen(whole.content, ["flow", "temp"])
    assert (found["n"], found["raw"], found["banded"]) == (500, False, True)
    assert found["n_anomalies"].sum() >= 8
    start = T0 + 60 * 1990
    piece = asks.get(f"/api/sets/{ids['series']}/view", params={"columns": "flow", "from": start, "to": start + 1800})
    found = seen(piece.content, ["flow"])
    assert found["raw"]
    assert found["n"] == 33, "both ends of half an hour are included, and a row more stands at either side"
    other = asks.get(f"/api/sets/{ids['series']}/view", params={"columns": "flow", "entity": "p1"})
    assert seen(other.content, ["flow"])["n_anomalies"].sum() == library.saved(ids["series"]).flags[::2].sum()
    table_view = asks.get(f"/api/sets/{ids['table']}/view")
    assert seen(table_view.content, ["flow", "temp"])["times"][-1] == 599


@pytest.mark.parametrize(
    "asked",
    ["width=0", "width=9000", "width=x", "from=x", "from=nan", "to=inf", "from=2&to=1", "columns=note", "columns=%00",
     "entity=nobody", "columns=" + "a" * 5000, "from=1e309"],
)  # fmt: skip
def test_views_that_cannot_be_are_refused(asks, shelf, asked):
    _, ids = shelf
    answer = asks.get(f"/api/sets/{ids['series']}/view?{asked}")
    assert answer.status_code in (400, 404, 422), answer.text
    assert answer.json()["error"]["what"]


def test_rows_are_listed_by_score_and_in_their_order(asks, shelf):
    library, ids = shelf
    for name in ids:
        saved = library.saved(ids[name])
        found = asks.get(f"/api/sets/{ids[name]}/rows", params={"limit": 20}).json()
        assert found["n_rows"] == saved.facts.n_rows
        assert all(item["is_anomaly"] and item["reason"] for item in found["items"][: min(saved.facts.n_anomalies, 20)])
        own = [item["score"] for item in found["items"] if item["is_anomaly"] and item["score"] is not None]
        assert own == sorted(own, reverse=True)
        page = asks.get(f"/api/sets/{ids[name]}/rows", params={"order": "row", "offset": 5, "limit": 3}).json()["items"]
        assert [item["row"] for item in page] == [5, 6, 7]
    series = asks.get(f"/api/sets/{ids['series']}/rows", params={"order": "row", "limit": 4}).json()["items"]
    assert [item["entity"] for item in series] == ["p1", "p2", "p1", "p2"]
    assert [item["time"] for item in series] == [T0, T0, T0 + 60, T0 + 60]
    beyond = asks.get(f"/api/sets/{ids['table']}/rows", params={"offset": 10_000}).json()
    assert beyond == {"items": [], "n_rows": 600}
    assert asks.get(f"/api/sets/{ids['table']}/rows", params={"order": "worst"}).status_code == 422


def test_what_was_said_of_rows_stands_beside_them(asks, shelf, store):
    _library, ids = shelf
    source = asks.get(f"/api/sets/{ids['table']}").json()["label_source"]
    assert source.startswith("file:")
    for verdict, reason in (("anomaly", ""), ("unsure", "taken back"), ("normal", "")):
        store.add_label(LabelRecord(verdict=verdict, author="kim", at=1.0, source=source, row_key="7", reason=reason))
        row = asks.get(f"/api/sets/{ids['table']}/rows/7").json()
        assert row["verdict"] == (None if reason else verdict)
    series = asks.get(f"/api/sets/{ids['series']}").json()["label_source"]
    span = {"starts": T0 + 60.0, "ends": T0 + 120.0}
    store.add_label(LabelRecord(verdict="normal", author="kim", at=1.0, source=series, entity="p1", **span))
    listed = asks.get(f"/api/sets/{ids['series']}/rows", params={"order": "row", "limit": 8}).json()["items"]
    assert [item["verdict"] for item in listed] == [None, None, "normal", None, "normal", None, None, None]


def test_events_of_a_series_and_of_a_network(asks, shelf):
    _, ids = shelf
    event = asks.get(f"/api/sets/{ids['series']}/events").json()["items"][0]
    assert event["entity"] == "p2"
    assert abs(event["start"] - (T0 + 2000 * 60)) <= 600
    assert event["blame"][0][0] == "flow"
    scan = asks.get(f"/api/sets/{ids['network']}/events").json()["items"][0]
    assert (scan["entity"], scan["kind"]) == ("10.0.0.66", "vertical_scan")


def _numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [x for each in value for x in _numbers(each)]
    return [value] if isinstance(value, float) else []


def test_a_row_is_told_of_with_all_that_is_near_it(asks, shelf):
    library, ids = shelf
    for name in ids:
        saved = library.saved(ids[name])
        for row in (int(saved.ranking[0]), int(saved.ranking[-1])):
            told = asks.get(f"/api/sets/{ids[name]}/rows/{row}").json()
            assert told["row"] == row
            assert told["reason"]
            assert all(math.isfinite(x) for x in _numbers(told))
            assert told["values"] == saved.values([row])[0]
            shares = [each["share"] for each in told["blame"]]
            assert shares or not told["is_anomaly"]
            assert sum(shares) <= 1.001
    row = asks.get(f"/api/sets/{ids['table']}/rows/7").json()
    worst = row["blame"][0]
    assert (worst["column"], worst["value"]) == ("flow", 40.0)
    assert sum(worst["histogram"]["counts"]) == 600
    assert len(worst["histogram"]["edges"]) == len(worst["histogram"]["counts"]) + 1
    assert worst["box"]["q1"] < worst["box"]["median"] < worst["box"]["q3"] < 40
    assert {"flow"} <= {row["scatter"]["x"], row["scatter"]["y"]}
    assert len(row["scatter"]["points"]) <= 2000
    assert row["scatter"]["here"][[row["scatter"]["x"], row["scatter"]["y"]].index("flow")] == 40.0
    assert [near["row"] for near in row["nearest"]]
    assert all(near["row"] != 7 for near in row["nearest"])
    flags = library.saved(ids["table"]).flags
    assert not any(flags[near["row"]] for near in row["nearest"])
    assert [near["distance"] for near in row["nearest"]] == sorted(near["distance"] for near in row["nearest"])
    modes = next(each for each in row["blame"] if each["column"] == "mode") if len(row["blame"]) > 2 else None
    assert modes is None or [word for word, _ in modes["common"]] == ["auto", "hand"]


@pytest.mark.slow
def test_a_row_is_told_of_in_a_fifth_of_a_second(asks, shelf):
    library, ids = shelf
    library.warm()
    for name in ids:
        asks.get(f"/api/sets/{ids[name]}")
        spent = []
        for row in range(5):
            begun = time.process_time()
            assert asks.get(f"/api/sets/{ids[name]}/rows/{row}").status_code == 200
            spent.append(time.process_time() - begun)
        assert max(spent) < 0.2, name


@pytest.mark.parametrize("row", ["-1", "600", "x", "99999999999999999999999", "1.5"])
def test_rows_that_are_not_there(asks, shelf, row):
    _, ids = shelf
    assert asks.get(f"/api/sets/{ids['table']}/rows/{row}").status_code in (404, 422)


def test_a_live_series_is_a_set(asks, store):
    listed = [item for item in asks.get("/api/sets").json()["items"] if item["kind"] == "live"]
    assert [item["entities"] for item in listed] == [["pump-0"], ["pump-1"]]
    live = asks.get(f"/api/sets/{listed[0]['id']}").json()
    assert (live["n_rows"], live["label_source"], live["has_report"]) == (3000, "mqtt://plant/#", False)
    assert listed[0]["n_rows"] == 3000
    view = asks.get(f"/api/sets/{live['id']}/view", params={"columns": ["flow", "temp"], "width": 100})
    assert view.headers["cache-control"] == "no-store"
    assert seen(view.content, ["flow", "temp"])["n"] == 100
    rows = asks.get(f"/api/sets/{live['id']}/rows", params={"limit": 500}).json()["items"]
    flagged = [item["is_anomaly"] for item in rows]
    assert flagged == sorted(flagged, reverse=True)
    told = asks.get(f"/api/sets/{live['id']}/rows/{rows[0]['row']}").json()
    assert len(told["nearest"]) == 3
    assert {each["column"] for each in told["blame"]} == {"temp", "flow"}
    assert asks.get(f"/api/sets/{live['id']}/events").json() == {"items": []}
    assert asks.get(f"/api/sets/{live['id']}/report").status_code == 404
    assert asks.delete(f"/api/sets/{live['id']}").status_code == 405
    assert asks.get("/api/sets/live-99").status_code == 404


def test_pages_of_the_list_go_on_from_files_to_live_series(asks, shelf):
    items = asks.get("/api/sets").json()["items"]
    assert len(items) == 5
    paged = [asks.get("/api/sets", params={"limit": 1, "offset": k}).json()["items"][0] for k in range(5)]
    assert [item["id"] for item in paged] == [item["id"] for item in items]


def test_score_by_a_model_of_the_store(asks, store, tmp_path):
    import amiss

    model = amiss.fit({"a": np.random.default_rng(0).normal(size=500), "mode": ["x", "y"] * 250})
    model.save(tmp_path / "m.amiss")
    store.add_model("pump", path=str(tmp_path / "m.amiss"), digest="d1", now=1.0, state="champion")
    rows = [{"a": 0.0, "mode": "x"}, {"a": 50, "mode": "y"}, {"mode": "x"}]
    answer = asks.post("/api/score", json={"model": "pump", "rows": rows})
    items = answer.json()["items"]
    assert [item["is_anomaly"] for item in items][:2] == [False, True]
    assert items[0]["reason"] is None
    assert "a 50" in items[1]["reason"]
    expected = model.score({"a": [0.0, 50.0, None], "mode": ["x", "y", "x"]})
    assert [item["score"] for item in items] == pytest.approx(expected.scores.tolist())


@pytest.mark.parametrize(
    ("asked", "status"),
    [({"model": "none", "rows": [{"a": 1}]}, 404), ({"model": "pump", "rows": []}, 422), ({"rows": [{"a": 1}]}, 422),
     ({"model": "pump", "rows": [{"a": [1]}]}, 422), ({"model": "pump", "rows": [{"b": 1}]}, 422),
     ({"model": "pump", "rows": [{"a": 10**400}]}, 200), ({"model": "pump", "rows": [{"a": "word"}]}, 422),
     ({"model": "pump", "rows": [{}]}, 422), ({"model": "pump", "rows": [{"a": "x" * 20_000}]}, 422),
     ({"model": "pump", "rows": [{"a": 1.0}] * 10_001}, 413), ({"model": "pump", "rows": [1]}, 422)],
)  # fmt: skip
def test_what_cannot_be_scored_is_said(asks, store, tmp_path, asked, status):
    import amiss

    amiss.fit({"a": np.random.default_rng(0).normal(size=300)}).save(tmp_path / "m.amiss")
    store.add_model("pump", path=str(tmp_path / "m.amiss"), digest="d2", now=1.0)
    answer = asks.post("/api/score", json=asked)
    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["error"]["what"]


def test_a_model_whose_file_is_gone(asks, store):
    store.add_model("lost", path="/nowhere/m.amiss", digest="d3", now=1.0)
    answer = asks.post("/api/score", json={"model": "lost", "rows": [{"a": 1}]})
    assert answer.status_code >= 400
    assert answer.json()["error"]["what"]


def test_the_description_of_the_routes_can_be_made(asks):
    described = asks.get("/openapi.json").json()
    assert "multipart/form-data" in described["paths"]["/api/sets"]["post"]["requestBody"]["content"]
