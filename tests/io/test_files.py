"""Files as people have them: read rightly, or refused in words that help."""

from __future__ import annotations

import gc
import gzip
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.core.errors import ConnectorError, DataError, ParameterError
from amiss.core.source import first_pass
from amiss.io.files import sink, source, text
from amiss.io.files.source import FileSource

R = np.random.default_rng(0)
TABLE = pl.DataFrame(
    {"a": R.normal(size=60).round(3), "b": R.integers(0, 9, 60), "c": R.choice(["x", "y z"], 60).tolist()}
)


def read(path):
    opened = FileSource(path)
    tables = first_pass(opened, lambda batches: [frame.table for frame in batches])
    return pl.concat(tables), opened.notes


WRITERS = {
    "t.csv": lambda p: TABLE.write_csv(p),
    "t.tsv": lambda p: TABLE.write_csv(p, separator="\t"),
    "semicolon.csv": lambda p: TABLE.write_csv(p, separator=";"),
    "pipe.txt": lambda p: TABLE.write_csv(p, separator="|"),
    "crlf.csv": lambda p: p.write_bytes(TABLE.write_csv().replace("\n", "\r\n").encode()),
    "mac.csv": lambda p: p.write_bytes(TABLE.write_csv().replace("\n", "\r").encode()),
    "bom.csv": lambda p: p.write_bytes(b"\xef\xbb\xbf" + TABLE.write_csv().encode()),
    "utf16.csv": lambda p: p.write_bytes(TABLE.write_csv().encode("utf-16")),
    "blank.csv": lambda p: p.write_text(TABLE.write_csv().replace("\n", "\n\n")),
    "no_end.csv": lambda p: p.write_text(TABLE.write_csv().rstrip("\n")),
    "t.csv.gz": lambda p: p.write_bytes(gzip.compress(TABLE.write_csv().encode())),
    "no_ending": lambda p: TABLE.write_csv(p),
    "t.jsonl": lambda p: TABLE.write_ndjson(p),
    "t.json": lambda p: p.write_text(TABLE.write_json()),
    "t.parquet": lambda p: TABLE.write_parquet(p),
    "t.arrow": lambda p: TABLE.write_ipc(p),
    "t.xlsx": lambda p: TABLE.write_excel(p),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_form_gives_the_same_table(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    found, notes = read(path)
    assert found.columns == TABLE.columns
    assert found.cast(TABLE.schema).equals(TABLE)
    assert notes == []
    assert amiss.detect(path).scores.tolist() == amiss.detect(TABLE).scores.tolist()


@pytest.mark.parametrize("block", [40, 97, 300])
def test_block_size_does_not_matter(tmp_path, monkeypatch, block):
    quoted = 'a,b\n1,"one, ""two""\nthree"\n2,plain\n' * 40
    path = tmp_path / "q.csv"
    path.write_text("a,b\n" + quoted.replace("a,b\n", ""))
    whole, _ = read(path)
    monkeypatch.setattr(text, "BLOCK_BYTES", block)
    pieces, _ = read(path)
    assert whole.equals(pieces)
    assert whole.height == 80
    assert whole["b"][0] == 'one, "two"\nthree'


@pytest.mark.parametrize(
    ("late", "dtype"),
    [("2.5", pl.Float64), ("word", pl.String), ("99999999999999999999", pl.Float64), ("", pl.Int64)],
)
def test_types_that_change_far_down(tmp_path, monkeypatch, late, dtype):
    monkeypatch.setattr(text, "BLOCK_BYTES", 200)
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{i},1\n" for i in range(500)) + f"{late},1\n")
    found, _ = read(path)
    assert found.height == 501
    assert found.schema["a"] == dtype
    assert found["a"].cast(pl.Float64, strict=False)[:500].to_list() == list(range(500))


def test_json_lines_with_changing_fields(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "BLOCK_BYTES", 100)
    path = tmp_path / "t.jsonl"
    lines = ['{"a": 1, "in": {"x": 1, "y": "u"}}'] * 30 + ['{"a": 2.5, "new": true}'] * 30 + ['{"a": "odd"}']
    path.write_text("\n".join(lines))
    found, _ = read(path)
    assert found.columns == ["a", "in.x", "in.y", "new"]
    assert found["a"].to_list()[-1] == "odd"
    assert found["in.x"].to_list() == [1] * 30 + [None] * 31


def test_windows_1252(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(("größe,farbe\n" + "1,grün\n" * 20).encode("cp1252"))
    found, notes = read(path)
    assert found.columns == ["größe", "farbe"]
    assert found["farbe"][0] == "grün"
    assert any("Windows-1252" in note for note in notes)


def test_no_header_is_noted(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("".join(f"{i},tcp,{i * 2}\n" for i in range(30)))
    found, notes = read(path)
    assert found.columns == ["column_1", "column_2", "column_3"]
    assert found.height == 30
    assert "first line holds values" in notes[0]


def test_names_that_are_missing_or_double_are_noted(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,,a\n" + "1,2,3\n" * 12)
    found, notes = read(path)
    assert found.columns == ["a", "column_2", "a_2"]
    assert len(notes) == 2


def test_ragged_lines(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 50 + "1,2,3\n" * 2 + "7\n")
    found, notes = read(path)
    assert found.height == 53
    assert found["b"].to_list()[-1] is None
    assert notes == [
        "1 lines have fewer fields than columns; the last ones were read as missing",
        "2 lines have more fields than columns; the extra fields were dropped",
    ]
    path.write_text("a,b\n" + "1,2,3\n" * 50)
    with pytest.raises(DataError, match="more fields than the first"):
        read(path)


BAD = {
    "empty": (b"", "the file is empty"),
    "spaces": (b"  \n \n", "the file is empty"),
    "header": (b"a,b,c\n", "no rows"),
    "nul": (b"a,b\n1,\x002\n", "NUL bytes"),
    "late_nul": (b"a,b\n" + b"1,2\n" * 600_000 + b"1,\x00\n", "NUL bytes"),
    "broken_json": (b'{"a": 1}\n{"a": \n', "no JSON"),
    "list_json": (b'{"a": 1}\n[1]\n', "no JSON object"),
    "cut_gzip": (gzip.compress(b"a,b\n" + R.bytes(4000).hex().encode())[:-900], "cut or damaged"),
    "cut_parquet": (b"PAR1" + R.bytes(500), "cut or damaged"),
    "cut_arrow": (b"ARROW1" + R.bytes(500), "cut or damaged"),
    "zip": (b"PK\x03\x04" + R.bytes(100), "no Excel file"),
    "pcap": (b"\xd4\xc3\xb2\xa1" + bytes(40), "packet capture"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_named_and_explained(tmp_path, name):
    content, words = BAD[name]
    path = tmp_path / f"{name}.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_line_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "LONGEST_LINE", 1 << 20)
    monkeypatch.setattr(text, "BLOCK_BYTES", 1 << 16)
    path = tmp_path / "long.csv"
    path.write_bytes(b"a" * (4 << 20))
    with pytest.raises(DataError, match="a line is longer than 1 MiB"):
        read(path)
    path.write_bytes(b"a,b\n" + b"1,2\n" * 20 + b"a" * (4 << 20))
    with pytest.raises(DataError, match="a line is longer than 1 MiB"):
        read(path)


def test_places_that_cannot_be_read(tmp_path):
    with pytest.raises(ConnectorError, match="no such file"):
        FileSource(tmp_path / "none.csv")
    with pytest.raises(ConnectorError, match="a folder"):
        FileSource(tmp_path)
    with pytest.raises(ConnectorError, match="no regular file"):
        FileSource("/dev/null")


def test_large_tables_are_read_again_and_small_ones_kept(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    TABLE.write_csv(path)
    kept = FileSource(path)
    first = first_pass(kept, list)
    assert list(kept.batches())[0] is first[0]
    monkeypatch.setattr(source, "_KEPT_CELLS", 10)
    again = FileSource(path)
    first = first_pass(again, list)
    second = list(again.batches())
    assert second[0] is not first[0]
    assert second[0].table.equals(first[0].table)


@pytest.mark.parametrize("ending", [".parquet", ".arrow", ".feather", ".csv", ".tsv", ".jsonl", ".csv.gz", ".jsonl.gz"])
def test_written_tables_come_back(tmp_path, ending):
    path = tmp_path / f"out{ending}"
    assert sink.write_table(path, iter([TABLE[:25], TABLE[25:]])) == 60
    found, _ = read(path)
    assert found.cast(TABLE.schema).equals(TABLE)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".csv.gz"])
def test_an_interrupted_run_leaves_nothing(tmp_path, ending):
    path = tmp_path / f"out{ending}"
    path.write_text("before")

    def tables():
        yield TABLE
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sink.write_table(path, tables())
    assert os.listdir(tmp_path) == [path.name]
    assert path.read_text() == "before"


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(ParameterError, match="stands for no form"):
        sink.check_target(tmp_path / "x.docx")
    with pytest.raises(ParameterError, match="stands for no form"):
        sink.check_target(tmp_path / "x.parquet.gz")
    with pytest.raises(ConnectorError, match="no such folder"):
        sink.check_target(tmp_path / "none" / "x.csv")
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(ConnectorError, match="a folder"):
        sink.check_target(tmp_path / "d.csv")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_full_disk(tmp_path, ending):
    """A limit on the size of files stands in for the end of the disk; nothing half is left."""
    script = (
        "import resource, signal, sys, polars as pl\n"
        "from amiss.io.files.sink import write_table\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "import numpy as np\n"
        "t = pl.DataFrame({'a': np.random.default_rng(0).normal(size=50000)})\n"
        "try: write_table(sys.argv[1], iter([t, t]))\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / f"x.{ending}")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.startswith("ConnectorError"), done.stdout + done.stderr
    assert os.listdir(tmp_path) == []


def test_standard_input(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TABLE.write_csv().encode())))
    opened = FileSource("-")
    spool = Path(opened._path)
    assert first_pass(opened, list)[0].table.cast(TABLE.schema).equals(TABLE)
    assert spool.exists()
    del opened
    gc.collect()
    assert not spool.exists()
