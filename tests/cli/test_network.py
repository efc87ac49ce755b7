"""Captures and logs on the command line: what is printed, written and refused."""

from __future__ import annotations

import json

import jsonschema
import polars as pl
import pytest

from amiss.report.network_record import network_record_schema

from ..network.logs import office, scan, write_zeek


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with day.log, in which someone scans, and good.log."""
    place = tmp_path_factory.mktemp("traffic")
    write_zeek(place / "day.log", [*office(), *scan()])
    write_zeek(place / "good.log", office(seed=1))
    return place


def test_the_table_names_hosts_and_what_they_do(run, folder):
    out, err = run("detect", "day.log", cwd=folder)
    assert "900 flows" in out
    assert "10.0.0.66" in out
    assert "vertical scan" in out
    assert "T1046" in out
    assert err == ""


def test_json_follows_its_schema(run, folder):
    out, _ = run("detect", "day.log", "--format", "json", cwd=folder)
    record = json.loads(out)
    jsonschema.validate(record, network_record_schema())
    assert record["events"][0]["evidence"]["technique"] == "T1046"


def test_lines_for_other_systems(run, folder):
    lines = run("detect", "day.log", "--format", "ndjson", cwd=folder)[0].splitlines()
    assert json.loads(lines[0])["kind"] == "vertical_scan"
    document = json.loads(run("detect", "day.log", "--format", "ecs", "--top", 1, cwd=folder)[0])
    assert document["source"]["ip"] == "10.0.0.66"
    assert run("detect", "day.log", "--format", "cef", "--top", 1, cwd=folder)[0].startswith("CEF:0|amiss|")
    assert run("detect", "day.log", "--format", "syslog", "--top", 1, cwd=folder)[0].startswith("<106>1 2026-03-02T")
    table = pl.read_csv(run("detect", "day.log", "--format", "csv", cwd=folder)[0].encode())
    assert table["host"][0] == "10.0.0.66"


def test_series_and_tables_have_these_lines_too(run):
    lines = run("detect", "pump.csv", "--format", "ecs", "--top", 2)[0].splitlines()
    assert len(lines) == 2
    assert all(json.loads(line)["event"]["kind"] == "alert" for line in lines)


def test_all_about_one_event(run, folder):
    out, _ = run("detect", "day.log", "--explain", 0, cwd=folder)
    assert "display filter:" in out
    assert "ports" in out
    run("detect", "day.log", "--explain", 999, code=2, cwd=folder)
    listed = run("detect", "day.log", "--format", "csv", cwd=folder)[0].splitlines()
    out = run("detect", "day.log", "--explain", 0, "--format", "csv", cwd=folder)[0]
    assert out.splitlines() == listed[:2]


def test_flows_and_page_are_written(run, folder):
    _, err = run("detect", "day.log", "-o", "told.parquet", "--report", "day.html", cwd=folder)
    assert "900 flows: told.parquet" in err
    table = pl.read_parquet(folder / "told.parquet")
    assert table.filter(pl.col("event_kind") == "vertical_scan").height == 300
    assert "10.0.0.66" in (folder / "day.html").read_text(encoding="utf-8")


def test_exclusions_and_known_good(run, folder):
    out, _ = run("detect", "day.log", "--exclude", "host 10.0.0.66", "--known-good", "good.log", cwd=folder)
    assert "excluded: host 10.0.0.66, which hides 1 event" in out
    assert "known good: good.log" in out
    run("detect", "day.log", "--exclude", "hots 10.0.0.66", code=2, cwd=folder)
    run("detect", "day.log", "--known-good", "none.log", code=3, cwd=folder)


def test_a_recipe_may_hold_them(run, folder):
    (folder / "recipe.toml").write_text('exclude = ["kind vertical_scan"]\nknown_good = ["good.log"]\n')
    out, _ = run("detect", "day.log", "--config", "recipe.toml", cwd=folder)
    assert "excluded: kind vertical_scan, which hides 1 event" in out


def test_a_model_of_good_traffic(run, folder):
    run("fit", "good.log", "-o", "good.amiss", cwd=folder)
    out, _ = run("score", "good.amiss", "day.log", "--fail-on", 1, code=1, cwd=folder)
    assert "vertical scan" in out


def test_standard_input(run, folder):
    out, _ = run("detect", "-", stdin=(folder / "day.log").read_bytes())
    assert out.startswith("standard input")
    assert "vertical scan" in out


def test_a_folder_is_one_traffic(run, folder, tmp_path):
    (tmp_path / "conn.log").write_bytes((folder / "day.log").read_bytes())
    (tmp_path / "readme.md").write_text("# nothing\n")
    out, _ = run("detect", tmp_path)
    assert "readme.md: not read" in " ".join(out.split())
    assert "vertical scan" in out
