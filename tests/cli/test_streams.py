"""Output of any encoding, full disks, closed readers, names that are no text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from amiss.cli.streams import as_json_text

FULL = Path("/dev/full")
NAME = "pump\udcff\x1b[31m→.csv"
SEEN = "pump\\xff\\x1b[31m→.csv"


@pytest.fixture(scope="module")
def odd(pump_csv, tmp_path_factory):
    """A folder with a table whose name is neither UTF-8 nor harmless."""
    folder = tmp_path_factory.mktemp("odd")
    try:
        (folder / NAME).write_bytes((pump_csv / "pump.csv").read_bytes())
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system takes only names that are text")
    return folder


def done(words, *, env=None, cwd=None, **streams):
    command = [sys.executable, "-m", "amiss", *words]
    return subprocess.run(command, cwd=cwd, timeout=300, env={**os.environ, "COLUMNS": "120", **(env or {})}, **streams)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("words", [["detect"], ["drift", "pump.csv"]])
def test_any_encoding_carries_tables_and_json(odd, pump_csv, encoding, words):
    env = {"PYTHONIOENCODING": encoding}
    file = str(odd / NAME)
    table = done([*words, file], env=env, cwd=pump_csv, capture_output=True)
    assert (table.returncode, table.stderr) == (0, b"")
    text = table.stdout.decode(encoding)
    assert "\x1b" not in text
    assert ("→" if encoding == "utf-8" else "->") in text
    record = json.loads(done([*words, file, "--format", "json"], env=env, cwd=pump_csv, capture_output=True).stdout)
    assert (record["data"] if words == ["detect"] else record["b"])["name"].endswith(SEEN)


def test_json_escapes_what_a_stream_cannot_carry(monkeypatch):
    class Narrow:
        encoding = "ascii"

    text = json.dumps({"a": "ü→😀"}, ensure_ascii=False)
    monkeypatch.setattr(sys, "stdout", Narrow())
    assert as_json_text(text).isascii()
    assert json.loads(as_json_text(text)) == json.loads(text)


def test_names_that_are_no_text(odd, tmp_path):
    """A model, a report and a scored table are written to, and read from, places with such names."""
    model, page, scored = (tmp_path / f"m\udcfe{ending}" for ending in (".amiss", ".html", ".parquet"))
    fitted = done(["fit", str(odd / NAME), "-o", str(model)], capture_output=True)
    assert fitted.returncode == 0
    assert b"m\\xfe.amiss" in fitted.stderr
    words = ["score", str(model), str(odd / NAME), "--report", str(page), "-o", str(scored)]
    assert done(words, capture_output=True).returncode == 0
    assert SEEN in page.read_text(encoding="utf-8")
    assert done(["detect", str(scored), "--top", "1"], capture_output=True).returncode == 0
    gone = done(["detect", "none\x1b[2J\udcff"], capture_output=True)
    assert gone.returncode == 3
    assert b"none\\x1b[2J\\xff" in gone.stderr


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    ("words", "code"),
    [(["--help"], 3), (["--version"], 3), (["detect", "--help"], 3), (["detect", "pump.csv"], 3), (["doctor"], 3)],
)
def test_a_full_disk_is_said_quietly(pump_csv, words, code):
    with FULL.open("wb") as full:
        ended = done(words, cwd=pump_csv, stdout=full, stderr=subprocess.PIPE)
        unsaid = done(words, cwd=pump_csv, stdout=full, stderr=full)
    assert ended.returncode == unsaid.returncode == code
    assert b"cannot write: No space left" in ended.stderr
    assert b"Traceback" not in ended.stderr


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(("words", "code"), [(["detect", "none.csv"], 3), (["detect"], 2), (["score", "a", "b"], 4)])
def test_an_error_that_cannot_be_said_keeps_its_code(pump_csv, words, code):
    with FULL.open("wb") as full:
        assert done(words, cwd=pump_csv, stdout=subprocess.PIPE, stderr=full).returncode == code


def test_help_for_a_reader_that_has_gone_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as gone:
        ended = done(["--help"], stdout=gone, stderr=subprocess.PIPE)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_what_is_written_is_a_table(odd, tmp_path):
    assert done(["detect", str(odd / NAME), "-o", str(tmp_path / "s.csv")], capture_output=True).returncode == 0
    assert pl.read_csv(tmp_path / "s.csv", infer_schema_length=None).height == 2016
