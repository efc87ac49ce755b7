"""Files as people have them: read rightly, or refused in words that help."""

from __future__ import annotations

import datetime as dt
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
from amiss.core.frame import Frame
from amiss.core.source import first_pass
from amiss.io.files import blocks, sink, source
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
    monkeypatch.setattr(blocks, "BLOCK_BYTES", block)
    pieces, _ = read(path)
    assert whole.equals(pieces)
    assert whole.height == 80
    assert whole["b"][0] == 'one, "two"\nthree'


@pytest.mark.parametrize(
    ("late", "dtype"),
    [("2.5", pl.Float64), ("word", pl.String), ("99999999999999999999", pl.Float64), ("", pl.Int64)],
)
def test_types_that_change_far_down(tmp_path, monkeypatch, late, dtype):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 200)
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{i},1\n" for i in range(500)) + f"{late},1\n")
    found, _ = read(path)
    assert found.height == 501
    assert found.schema["a"] == dtype
    assert found["a"].cast(pl.Float64, strict=False)[:500].to_list() == list(range(500))


def test_json_lines_with_changing_fields(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100)
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
    monkeypatch.setattr(blocks, "LONGEST_LINE", 1 << 20)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 16)
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


@pytest.mark.parametrize(
    "line", ['1.0,2.0,"red" x', '1.0,2.0,"red"x', '1.0,"2.0" ,x', '"a" b,2,3', '1,2,"open', '1,2,re"d']
)
def test_quotes_that_do_not_match_up(tmp_path, line):
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n" + "1.5,3,red\n" * 30 + line + "\n" + "2.5,4,blue\n" * 30)
    script = f"import amiss; r = amiss.detect({str(path)!r}); print(len(r))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "61\n", done.stderr


@pytest.mark.parametrize("short", ["9.9", "9.9,1"])
def test_a_short_first_row(tmp_path, short):
    path = tmp_path / "t.csv"
    path.write_text(f"a,b,c\n{short}\n" + "".join(f"{i * 1.5},{i % 7},{i % 3}\n" for i in range(40)))
    found, notes = read(path)
    assert found.height == 41
    assert "fewer fields" in notes[0]


def test_nested_columns_are_left_out_and_written(tmp_path):
    n = 60
    table = pl.DataFrame(
        {
            "a": R.normal(size=n),
            "list": [[1, i] for i in range(n)],
            "record": [{"p": i, "q": "x"} for i in range(n)],
            "bytes": [bytes([i]) for i in range(n)],
            "clock": [dt.time(i % 24, 0) for i in range(n)],
            "span": [dt.timedelta(seconds=float(s)) for s in R.exponential(5, n)],
            "money": pl.Series(R.normal(size=n)).cast(pl.Decimal(10, 2)),
        }
    )
    table.write_parquet(tmp_path / "t.parquet")
    result = amiss.detect(tmp_path / "t.parquet")
    roles = {c.name: c.role for c in result.schema.columns}
    assert [roles[n] for n in ("list", "record", "bytes")] == ["ignored"] * 3
    assert [roles[n] for n in ("clock", "span", "money")] == ["number"] * 3
    for ending in ("csv", "parquet", "jsonl"):
        assert sink.write_table(tmp_path / f"o.{ending}", result.scored()) == n
    result.report(tmp_path / "r.html")


def test_numbers_with_signs_and_separators_are_numbers(tmp_path):
    table = pl.DataFrame(
        {
            "english": [f"{v:,.2f}" for v in R.normal(5000, 900, 80)],
            "german": [f"{v:,.2f}".translate(str.maketrans(",.", ".,")) for v in R.normal(5000, 900, 80)],
            "percent": [f"{v:.1f}%" for v in R.normal(50, 9, 80)],
            "money": [f"$ {v:.2f}" for v in R.normal(50, 9, 80)],
            "phone": [f"0{i % 9} 12{i} 34" for i in range(80)],
            "address": [f"192.168.{i % 9 + 100}.{i + 100}" for i in range(80)],
        }
    )
    result = amiss.detect(table)
    roles = {c.name: (c.role, c.note) for c in result.schema.columns}
    assert roles["english"] == ("number", "read without thousands separators")
    assert roles["german"][0] == roles["percent"][0] == roles["money"][0] == "number"
    assert roles["address"][0] == "identifier"
    assert roles["phone"][0] != "number"
    values = result.model.preparation.values(Frame.of(table), "german")
    assert values[0] == float(table["german"][0].replace(".", "").replace(",", "."))


def test_values_that_are_no_numbers_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2000)
    lines = [f"{v:.3f},{w:.3f}" for v, w in R.normal(size=(2000, 2))]
    lines[1900] = "broken,1.0"
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "\n".join(lines))
    result = amiss.detect(path)
    assert result.notes == ["a: 1 value is no finite number, read as missing; first in row 1900: 'broken'"]
    assert result.explain(1900).reason == "a 'broken' is no finite number"
    fresh = amiss.fit(path).score(pl.DataFrame({"a": [np.inf, 0.0], "b": [0.0, 0.0], "new": [1, 2]}))
    assert fresh.notes == [
        "a: 1 value is no finite number, read as missing; first in row 0: 'inf'",
        "columns that the model does not know were left out: new",
    ]


def test_the_users_columns_keep_their_values(tmp_path):
    table = pl.DataFrame({"reason": R.normal(size=50), "row": R.normal(size=50), "b": R.normal(size=50)})
    result = amiss.detect(table)
    written = pl.concat(list(result.scored()))
    assert written.columns == [
        "reason_original",
        "row_original",
        "b",
        "anomaly_score",
        "p_value",
        "is_anomaly",
        "reason",
    ]
    assert written["reason_original"].to_list() == table["reason"].to_list()
    assert result.top(3).columns[5:] == ["reason_original", "row_original", "b"]


def test_a_wide_table_is_not_slow(tmp_path):
    """What grows with the square of the number of columns shows at 1,500 of them."""
    path = tmp_path / "t.csv"
    pl.DataFrame(R.normal(size=(60, 1500))).write_csv(path)
    calls = 0
    plain = Frame.kind

    def counted(self, name):
        nonlocal calls
        calls += 1
        return plain(self, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Frame, "kind", counted)
        amiss.detect(path)
    assert calls < 60 * 1500


def test_arrow_streams_and_pipes(tmp_path):
    TABLE.write_ipc_stream(tmp_path / "t.arrows")
    assert read(tmp_path / "t.arrows")[0].equals(TABLE)
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m amiss detect <(cat t.csv) --format json"],
        cwd=_csv(tmp_path), capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _csv(folder):
    TABLE.write_csv(folder / "t.csv")
    return folder
