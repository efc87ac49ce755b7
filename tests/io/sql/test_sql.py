"""Queries are read whole and only read; results are written whole or not at all."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys

import polars as pl
import pytest

import amiss
from amiss.core.errors import ConnectorError, DataError, ParameterError, SchemaError
from amiss.core.frame import Frame
from amiss.io.sql.address import read_address
from amiss.io.sql.columns import typed_table
from amiss.io.sql.progress import Mark, job_of, read_state, write_state
from amiss.io.sql.sink import Step, check_table, progress_in, write_to_table
from amiss.io.sql.source import SqlSource
from tests.io.sql.conftest import run_in


def whole(source):
    return Frame.stacked(list(source.batches())).table


def test_a_table_and_a_query_give_the_same_rows_at_each_pass(plant):
    table, query = SqlSource(plant + "#readings"), SqlSource(plant, "SELECT * FROM readings ORDER BY id DESC;")
    assert whole(table).height == table.n_rows == 300
    assert whole(query)["id"].to_list() == list(range(300, 0, -1))
    assert whole(query).equals(whole(query))
    kinds = [Frame(whole(table)).kind(name) for name in whole(table).columns]
    assert kinds[:4] == ["number", "number", "number", "text"]
    assert whole(table)["mode"].null_count() == 42


def test_what_is_read_stays_though_the_table_changes(plant):
    source = SqlSource(plant + "#readings")
    run_in(plant, "DELETE FROM readings")
    assert whole(source).height == 300


def test_many_batches(plant, monkeypatch):
    monkeypatch.setattr("amiss.io.sql.reading.BATCH_ROWS", 64)
    source = SqlSource(plant, "SELECT id, CASE WHEN id > 200 THEN flow END AS late FROM readings ORDER BY id")
    frames = list(source.batches())
    assert [frame.first_row for frame in frames] == [0, 64, 128, 192, 256]
    assert {frame.table.schema["late"] for frame in frames} == {pl.Float64()}
    assert whole(source)["late"].null_count() == 200


def test_detect_reads_a_query(plant):
    found = amiss.detect(SqlSource(plant, "SELECT flow, pressure, mode FROM readings ORDER BY id"), kind="table")
    assert len(found) == 300
    assert amiss.detect(plant + "#readings", kind="table").n_columns == 5


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE readings",
        "DELETE FROM readings",
        "SELECT 1; DROP TABLE readings",
        "SELECT 1; COMMIT; DROP TABLE readings",
        "INSERT INTO readings (id) VALUES (1) RETURNING id",
        "COPY readings TO '/tmp/amiss_never.csv'",
        "ATTACH '/tmp/amiss_never.db' AS other",
        "selct 1",
        "",
    ],
)
def test_a_query_only_reads(plant, query):
    with pytest.raises((ConnectorError, ParameterError)):
        SqlSource(plant, query)
    assert run_in(plant, "SELECT count(*) FROM readings") == [[(300,)]]
    assert not os.path.exists("/tmp/amiss_never.csv")
    assert not os.path.exists("/tmp/amiss_never.db")


def test_what_is_missing_is_named_with_the_nearest(plant):
    with pytest.raises(ConnectorError, match="did you mean 'readings'"):
        SqlSource(plant + "#reading")
    with pytest.raises(ConnectorError, match="no such table or column"):
        SqlSource(plant, "SELECT flo FROM readings")
    with pytest.raises(DataError, match="no rows"):
        SqlSource(plant, "SELECT * FROM readings WHERE id < 0")
    with pytest.raises(SchemaError, match="did you mean 'id'"):
        SqlSource(plant + "#readings", new_by="idd")
    with pytest.raises(ParameterError, match="not both"):
        SqlSource(plant + "#readings", "SELECT 1")


def test_a_server_that_is_not_there_or_refuses(server):
    wrong = server.replace("amiss:", "amiss:not", 1)
    with pytest.raises(ConnectorError, match="refuses the user or the password") as caught:
        SqlSource(wrong + "#readings")
    assert "not" + "of" not in str(caught.value)
    assert "***" in str(caught.value)
    with pytest.raises(ConnectorError, match="no database answers"):
        SqlSource("postgresql://amiss:secret@127.0.0.1:1/plant#readings")
    with pytest.raises(ConnectorError, match="no such database"):
        SqlSource(server.rpartition("/")[0] + "/nowhere#readings")


def test_a_password_from_the_environment(server, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "of the tests")
    bare = server.replace(":of%20the%20tests@", "@")
    assert SqlSource(bare, "SELECT 1 AS one").n_rows == 1


@pytest.mark.parametrize(
    "text", ["sqlite://plant.db", "mysql://host/db", "sqlite:///", "duckdb://", "postgresql://ada:secret@db/x"]
)
def test_addresses_that_name_no_table(text):
    with pytest.raises(ParameterError) as caught:
        check_table(text)
    assert "secret" not in str(caught.value)


def test_no_password_in_names():
    for text in ("postgresql://a:se/cret@h/d", "postgresql://a:se@cret@h/d", "postgresql://h/d?user=a&password=secret"):
        name = read_address(text).name
        assert "***" in name
        assert "cret" not in name
        assert "se/" not in name


def test_values_of_a_column_that_has_no_type():
    table = typed_table(["a", "b", "c"], [(1, "x", 2**70), (2.5, 7, 1), (None, b"y", None)])
    assert table.dtypes == [pl.Float64, pl.String, pl.Float64]
    assert table["b"].to_list() == ["x", "7", "b'y'"]


TABLE = pl.DataFrame(
    {"id": [1, 2], "x": [0.5, None], "at": pl.Series([0, 10**9], dtype=pl.Datetime("us")), "why": ["a?%", None],
     "odd": [True, False]}
)  # fmt: skip


def test_written_and_read_again(place):
    target = check_table(place + "#scored")
    assert write_to_table(target, iter([TABLE, TABLE])) == 4
    back = whole(SqlSource(place + "#scored"))
    assert back.columns == TABLE.columns
    assert back["x"].to_list() == [0.5, None, 0.5, None]
    assert back["why"].to_list() == ["a?%", None, "a?%", None]
    assert Frame(back).times("at").tolist() == [0.0, 1000.0, 0.0, 1000.0]


def test_a_table_that_is_there(place):
    target = check_table(place + "#scored")
    write_to_table(target, iter([TABLE]))
    with pytest.raises(DataError, match="there already"):
        write_to_table(target, iter([TABLE]))
    write_to_table(target, iter([TABLE]), if_exists="append")
    with pytest.raises(SchemaError, match="has no 'new'"):
        write_to_table(target, iter([TABLE.rename({"x": "new"})]), if_exists="append")
    assert whole(SqlSource(place + "#scored")).height == 4
    write_to_table(target, iter([TABLE.rename({"x": "new"})]), if_exists="replace")
    assert whole(SqlSource(place + "#scored")).columns[1] == "new"


def test_half_a_table_is_never_left(place):
    def breaking():
        yield TABLE
        raise DataError("the rest cannot be read")

    target = check_table(place + "#scored")
    with pytest.raises(DataError, match="the rest"):
        write_to_table(target, breaking())
    with pytest.raises(ConnectorError, match="no such table"):
        SqlSource(place + "#scored")
    write_to_table(target, iter([TABLE]))
    with pytest.raises(DataError, match="the rest"):
        write_to_table(target, breaking(), if_exists="replace")
    assert whole(SqlSource(place + "#scored")).height == 2


def test_progress_comes_with_the_rows_or_not_at_all(place):
    target = check_table(place + "#scored")
    assert progress_in(target, "job") is None
    write_to_table(target, iter([TABLE]), step=Step("job", None, Mark(2)))
    assert progress_in(target, "job") == Mark(2)
    # A second run of the same rows, begun before the first had ended.
    with pytest.raises(ConnectorError, match="another run"):
        write_to_table(target, iter([TABLE]), if_exists="append", step=Step("job", None, Mark(2)))
    assert whole(SqlSource(place + "#scored")).height == 2
    write_to_table(target, iter([TABLE]), if_exists="append", step=Step("job", Mark(2), Mark(4)))
    assert progress_in(target, "job") == Mark(4)
    assert progress_in(target, "other") is None


def test_what_is_new(plant):
    first = SqlSource(plant, "SELECT * FROM readings WHERE mode = 'auto' OR mode IS NULL", new_by="id")
    assert (first.n_rows, first.highest) == (300, Mark(300))
    run_in(plant, "INSERT INTO readings (id, flow) VALUES (301, 1), (302, 2), (NULL, 3)")
    assert SqlSource(plant + "#readings", new_by="id", mark=Mark(302)).n_rows == 0
    new = SqlSource(plant + "#readings", new_by="id", mark=Mark(300))
    assert whole(new)["id"].to_list() == [301, 302]
    beside = SqlSource(plant + "#readings", new_by="id", mark=Mark(300), whole=True)
    assert (beside.n_rows, beside.is_new.sum(), beside.highest) == (302, 2, Mark(302))


def test_marks_in_a_query_are_the_user_s_own(plant):
    query = "SELECT id, flow, '50 %? off' AS said FROM readings WHERE mode LIKE 'au%' -- all?"
    assert SqlSource(plant, query).n_rows == 258
    assert SqlSource(plant, query, new_by="id", mark=Mark(295)).n_rows == 5


@pytest.mark.parametrize("kind", ["TIMESTAMP", "DATE", "DOUBLE PRECISION"])
def test_marks_of_each_kind_are_kept(place, kind):
    values = {"TIMESTAMP": "2026-01-0{} 10:00:00.5", "DATE": "2026-01-0{}", "DOUBLE PRECISION": "{}.25"}[kind]
    run_in(place, f"CREATE TABLE r (t {kind}, x INTEGER)")
    run_in(place, *(f"INSERT INTO r VALUES ('{values.format(i)}', {i})" for i in (3, 1, 2)))
    highest = SqlSource(place + "#r", new_by="t").highest
    kept = Mark.from_text(highest.to_text())
    assert kept == highest
    run_in(place, f"INSERT INTO r VALUES ('{values.format(4)}', 4)")
    assert whole(SqlSource(place + "#r", new_by="t", mark=kept))["x"].to_list() == [4]


def test_a_file_keeps_how_far_a_job_has_come(tmp_path):
    path, job = tmp_path / "state.json", job_of("a", None, "id", "b")
    assert read_state(path, job) is None
    write_state(path, job, Mark(7))
    assert read_state(path, job) == Mark(7)
    with pytest.raises(DataError, match="of another source"):
        read_state(path, job_of("a", "select 1", "id", "b"))
    path.write_text("{}")
    with pytest.raises(DataError, match="does not hold"):
        read_state(path, job)
    with pytest.raises(DataError, match="cannot be read"):
        Mark.from_text("list []")


def test_files_that_are_no_database(tmp_path):
    (tmp_path / "x.db").write_text("a,b\n1,2\n" * 200)
    for kind in ("sqlite", "duckdb"):
        with pytest.raises(ConnectorError, match="no such file"):
            SqlSource(f"{kind}:///{tmp_path}/none.db#r")
        with pytest.raises(ConnectorError):
            SqlSource(f"{kind}:///{tmp_path}/x.db#r")
    assert not (tmp_path / "none.db").exists()


def test_a_table_that_may_not_be_written_to(tmp_path):
    path = tmp_path / "r.db"
    with sqlite3.connect(path) as holder:
        holder.execute("CREATE TABLE scored (a INTEGER)")
        holder.execute("CREATE VIEW seen AS SELECT * FROM scored")
    holder.close()
    with pytest.raises(ConnectorError):
        write_to_table(check_table(f"sqlite:///{path}#seen"), iter([pl.DataFrame({"a": [1]})]), if_exists="append")


def test_a_run_that_is_killed_has_written_nothing(place):
    """Killed between the rows and the commit: neither rows nor progress are there."""
    script = (
        "import os, signal, sys\nimport polars as pl\n"
        "from amiss.io.sql.progress import Mark\nfrom amiss.io.sql.sink import Step, check_table, write_to_table\n"
        "import amiss.io.sql.sink as sink\n"
        "kept = sink._keep\n"
        "def die(*words):\n    kept(*words)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "sink._keep = die\n"
        "write_to_table(check_table(sys.argv[1]), iter([pl.DataFrame({'a': [1]})]), step=Step('job', None, Mark(1)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, place + "#scored"], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    target = check_table(place + "#scored")
    assert progress_in(target, "job") is None
    write_to_table(target, iter([TABLE]), step=Step("job", None, Mark(2)))
    assert progress_in(target, "job") == Mark(2)
