"""Sets are taken in whole or not at all, and are there again after whatever ended the server."""

from __future__ import annotations

import io
import os
import signal
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

import amiss
from amiss.core.errors import DataError, ParameterError
from amiss.server.problems import Problem
from amiss.server.sets import jobs
from amiss.server.sets.bounds import Bounds
from amiss.server.sets.library import SetLibrary, safe_name
from amiss.server.sets.record import SetOptions, SetRecord, read_record, write_record
from tests.server.sets.made import csv, series, table, until_done


def test_the_result_is_that_of_the_command_line(shelf, tmp_path):
    library, ids = shelf
    for name, frame, wish in (("table", table(), "1%"), ("series", series(), None)):
        path = tmp_path / f"{name}.csv"
        path.write_bytes(csv(frame))
        expected = amiss.detect(path, false_alarms=wish)
        saved = library.saved(ids[name])
        np.testing.assert_array_equal(saved.scores, expected.scores)
        np.testing.assert_array_equal(saved.p_values, expected.p_values)
        np.testing.assert_array_equal(saved.flags, expected.is_anomaly)
        view = library.get(ids[name])
        assert (view.kind, view.n_rows, view.n_anomalies) == (expected.kind, len(frame), expected.n_anomalies)
        assert view.has_report
        rows = np.flatnonzero(expected.is_anomaly).tolist()
        assert saved.reasons(rows) == [e.reason for e in expected.explain_all(np.array(rows))]


def test_the_columns_hold_the_data(shelf):
    library, ids = shelf
    saved, frame = library.saved(ids["series"]), series()
    rows = [0, 1, 4001, 5999]
    values = saved.values(rows)
    assert [v["flow"] for v in values] == frame["flow"][rows].to_list()
    assert [v["pump"] for v in values] == frame["pump"][rows].to_list()
    assert values[0]["time"].startswith("2026-01-01T00:00:00")
    view = library.get(ids["series"])
    assert view.entities == ["p2", "p1"], "the worst first"
    for entity in view.entities:
        course = saved.course(["flow"], entity)
        here = frame.filter(frame["pump"] == entity)
        np.testing.assert_array_equal(course.tracks["flow"].lows[0][course.first : course.end], here["flow"])
        assert (np.diff(course.times[course.first : course.end]) == 60).all()
        band = course.tracks["flow"].band
        low, high = (side[0][course.first : course.end] + band.centre for side in (band.lows, band.highs))
        inside = (here["flow"].to_numpy() >= low) & (here["flow"].to_numpy() <= high)
        assert inside.mean() > 0.9, "most rows are as expected"
    with pytest.raises(ParameterError, match="no entity"):
        saved.course(["flow"], "p3")


def test_a_network_file_is_a_set_too(shelf):
    library, ids = shelf
    view = library.get(ids["network"])
    assert view.kind == "network"
    assert view.n_anomalies >= 399
    assert {"src_ip", "dst_port", "bytes_out"} <= {c.name for c in view.columns}
    saved = library.saved(ids["network"])
    row = int(saved.ranking[0])
    assert saved.values([row])[0]["src_ip"] == "10.0.0.66"
    assert "port" in saved.reasons([row])[0]


def test_nothing_is_left_of_what_is_refused(tmp_path):
    with SetLibrary(tmp_path / "sets", bounds=Bounds(size_bytes=1000)) as library:
        for data, error in ((b"", DataError), (b"x" * 1001, Problem)):
            with pytest.raises(error):
                library.add(io.BytesIO(data), "f.csv")
        with pytest.raises(ParameterError):
            library.add(io.BytesIO(b"a\n1\n"), "f.csv", SetOptions(false_alarms="many"))

        class Broken(io.BytesIO):
            def read(self, size=-1):
                raise ConnectionResetError("gone")

        with pytest.raises(OSError, match="gone"):
            library.add(Broken(), "f.csv")
        assert library.listed() == []
        assert [p.name for p in library.folder.iterdir()] == [".incoming"]
        assert not list((library.folder / ".incoming").iterdir())


def test_a_table_that_says_nothing_fails_with_words(tmp_path):
    with SetLibrary(tmp_path) as library:
        found = library.add(io.BytesIO(b"only,header\n"), "empty.csv").id
        until_done(library, found)
        view = library.get(found)
        assert view.state == "failed"
        assert "no rows" in view.error.what
        assert view.error.where.startswith("empty.csv")
        assert os.listdir(tmp_path / found) == ["set.json"]
        with pytest.raises(Problem) as problem:
            library.saved(found)
        assert problem.value.status == 409
        library.delete(found)
        assert not (tmp_path / found).exists()


def _worker_of(library, found: str) -> int:
    end = time.monotonic() + 30
    while library._jobs._process is None or library._jobs._current != found:
        assert time.monotonic() < end
        time.sleep(0.005)
    return library._jobs._process.pid


def test_a_worker_that_is_killed_fails_its_set_and_the_next_is_taken(tmp_path):
    with SetLibrary(tmp_path) as library:
        first, second = (library.add(io.BytesIO(csv(table())), f"{n}.csv").id for n in "ab")
        os.kill(_worker_of(library, first), signal.SIGKILL)
        until_done(library, first, second)
        assert library.get(first).state == "failed"
        assert "signal 9" in library.get(first).error.what
        assert library.get(first).error.mend
        assert library.get(second).state == "ready"
        assert os.listdir(tmp_path / first) == ["set.json"]


def test_a_worker_that_takes_too_long_is_ended(tmp_path):
    with SetLibrary(tmp_path, bounds=Bounds(seconds=0.05)) as library:
        found = library.add(io.BytesIO(csv(table())), "a.csv").id
        until_done(library, found)
        assert "took more than" in library.get(found).error.what


def test_a_worker_without_memory_fails_or_is_ended(tmp_path):
    with SetLibrary(tmp_path, bounds=Bounds(memory_bytes=150 << 20, seconds=20.0)) as library:
        found = library.add(io.BytesIO(csv(series(60_000))), "a.csv").id
        until_done(library, found)
        assert library.get(found).state == "failed"
        assert library.get(found).error.mend


def test_a_set_that_is_deleted_while_it_is_worked_on_is_gone(tmp_path):
    with SetLibrary(tmp_path) as library:
        found, after = (library.add(io.BytesIO(csv(table())), f"{n}.csv").id for n in "ab")
        _worker_of(library, found)
        library.delete(found)
        until_done(library, after)
        assert library.get(after).state == "ready"
        assert not (tmp_path / found).exists()
        with pytest.raises(Problem):
            library.get(found)


def test_a_set_that_is_deleted_while_it_is_looked_at_says_so(tmp_path):
    with SetLibrary(tmp_path) as library:
        found = library.add(io.BytesIO(csv(table())), "a.csv").id
        until_done(library, found)
        saved = library.saved(found)
        library.delete(found)
        for work in (lambda: saved.course(["flow"]), lambda: saved.values([1]), lambda: saved.reasons([1])):
            with pytest.raises(DataError, match="not there any more"):
                work()


def test_a_server_that_ends_is_gone_on_with(tmp_path):
    library = SetLibrary(tmp_path)
    ids = [library.add(io.BytesIO(csv(table())), f"{n}.csv").id for n in "abc"]
    pid = _worker_of(library, ids[0])
    library.close()
    assert not Path(f"/proc/{pid}").exists()
    assert read_record(tmp_path / ids[0]).state in ("working", "waiting")
    with SetLibrary(tmp_path) as again:
        assert {view.id for view in again.listed()} == set(ids)
        until_done(again, *ids)
        assert {again.get(each).state for each in ids} == {"ready"}
    with SetLibrary(tmp_path) as third:
        assert {third.get(each).state for each in ids} == {"ready"}
        assert third.saved(ids[0]).facts.n_rows == 600


def test_a_worker_ends_when_its_server_is_no_more(tmp_path):
    library = SetLibrary(tmp_path)
    found = library.add(io.BytesIO(csv(series(20_000))), "long.csv").id
    pid = _worker_of(library, found)
    # What the system does to a pipe whose process was killed.
    library._jobs._closed = True
    library._jobs._process.stdin.close()
    end = time.monotonic() + 20
    while Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
        assert time.monotonic() < end, "it works on for nobody"
        time.sleep(0.02)
    library.close()


@pytest.mark.parametrize("n_tries", [1, 3])
def test_what_ended_the_server_each_time_is_not_tried_for_ever(tmp_path, n_tries):
    folder = tmp_path / "0123456789abcdef"
    folder.mkdir()
    (folder / "upload").write_bytes(csv(table()))
    write_record(folder, SetRecord(id=folder.name, name="a.csv", created=1.0, state="working", n_tries=n_tries))
    with SetLibrary(tmp_path) as library:
        until_done(library, folder.name)
        assert library.get(folder.name).state == ("ready" if n_tries < 3 else "failed")


def test_a_result_that_was_done_when_the_server_ended_is_ready(shelf, tmp_path):
    library, ids = shelf
    record = msgspec.structs.replace(library.record(ids["table"]), state="working")
    folder = tmp_path / record.id
    folder.mkdir()
    (folder / "result").symlink_to(library.folder / record.id / "result")
    write_record(folder, record)
    with SetLibrary(tmp_path) as again:
        assert again.get(record.id).state == "ready"
        assert again.get(record.id).n_rows == 600


def test_what_is_no_set_is_left_alone(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "fedcba9876543210").mkdir()
    (tmp_path / "fedcba9876543210" / "set.json").write_text("{not json")
    with SetLibrary(tmp_path) as library:
        assert library.listed() == []
    assert (tmp_path / "notes").is_dir()


def test_sets_that_wait_and_that_are_kept_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs.Jobs, "put", lambda self, set_id: None)
    with SetLibrary(tmp_path, bounds=Bounds(n_waiting=2)) as library:
        for _ in range(2):
            library.add(io.BytesIO(b"a\n1\n"), "a.csv")
        with pytest.raises(Problem) as problem:
            library.add(io.BytesIO(b"a\n1\n"), "a.csv")
        assert problem.value.status == 429
    with SetLibrary(tmp_path, bounds=Bounds(n_sets=2)) as library, pytest.raises(Problem) as problem:
        library.add(io.BytesIO(b"a\n1\n"), "a.csv")
    assert problem.value.status == 507


def test_progress_is_told_and_never_falls(tmp_path):
    told = []
    with SetLibrary(tmp_path, heard=told.append) as library:
        found = library.add(io.BytesIO(csv(series(20_000))), "a.csv").id
        until_done(library, found)
    shares = [view.progress for view in told]
    assert shares == sorted(shares)
    assert [told[0].state, told[-1].state] == ["waiting", "ready"]
    assert len({view.message for view in told}) >= 4
    assert len([s for s in shares if 0 < s < 1]) >= 3


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("/etc/passwd", "passwd"), ("..\\..\\a.csv", "a.csv"), ("..", "unnamed"), ("", "unnamed"),
        ("x" * 500, "x" * 200),
        ("a\x00b\n.csv", "ab.csv"), ("<img src=x>.csv", "<img src=x>.csv"), ("\ud800", "unnamed"),
        ("pumpe größe.csv", "pumpe größe.csv"),
    ],
)  # fmt: skip
def test_names_are_text(given, name):
    assert safe_name(given) == name
