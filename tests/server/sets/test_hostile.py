"""Files and names that mean harm: told in words, and nothing is read or written outside."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import urllib.parse
import zipfile
from pathlib import Path

import polars as pl
import pytest

from amiss.core.errors import DataError
from amiss.core.frame import Frame
from amiss.server.sets.bounds import BoundedSource, Bounds, check_unpacked
from amiss.server.sets.library import SetLibrary, safe_name
from tests.server.sets.made import csv, table, until_done

SMALL = Bounds(unpacked_bytes=1 << 20, small_bytes=1 << 16, ratio=20.0, n_rows=1000, n_columns=50)


def forms(target: str = "etc/passwd") -> list[str]:
    """More than 200 ways to write a path that leaves a folder."""
    ups = [
        "../", "..\\", "..;/", "%2e%2e/", "%2e%2e%2f", "..%2f", "%2e%2e\\", "..%5c", "%252e%252e%252f", "..%c0%af",
        "..%ef%bc%8f", "....//", "....\\\\", "..././", "\uff0e\uff0e/", "..\uff0f", ".%00./", "..%00/", "%c0%ae%c0%ae/",
        "..%u2215", "..\u2215", "..\u2044",
    ]  # fmt: skip
    heads = [
        "/", "//", "\\", "\\\\host\\share\\", "C:\\", "C:/", "file:///", "~/", "~root/", "/proc/self/root/", "./../",
        ".//..//", "a/../../", "%2f", "/./", "\x00/",
    ]  # fmt: skip
    found = [up * n + target for up in ups for n in (1, 2, 3, 5, 8, 12)]
    found += [head + target for head in heads]
    found += [f"live-{form}" for form in found[:40]] + [f"{'0' * 16}/{form}" for form in found[:40]]
    return found


def test_there_are_enough_forms():
    assert len(set(forms())) >= 200


@pytest.mark.parametrize("part", ["", "/view", "/rows", "/rows/0", "/events", "/report", "/result.csv"])
def test_no_path_leaves_the_folder(asks, shelf, part):
    library, _ = shelf
    secret = library.folder.parent / "secret"
    secret.write_text("the secret")
    for form in [*forms(), *forms("secret")]:
        for written in (form, urllib.parse.quote(form, safe="")):
            if not written.isprintable():  # no client sends it so
                continue
            answer = asks.get(f"/api/sets/{written}{part}")
            assert answer.status_code in (400, 404, 405, 422), (form, answer.status_code)
            assert b"root:" not in answer.content
            assert b"the secret" not in answer.content


def test_deleting_by_no_path_deletes_anything(asks, shelf):
    library, _ = shelf
    before = sorted(p.name for p in library.folder.rglob("*"))
    for form in forms():
        assert asks.delete(f"/api/sets/{urllib.parse.quote(form, safe='')}").status_code in (400, 404, 405, 422)
    assert sorted(p.name for p in library.folder.rglob("*")) == before


def test_no_name_of_a_file_is_a_path(tmp_path, monkeypatch):
    from amiss.server.sets import jobs

    monkeypatch.setattr(jobs.Jobs, "put", lambda self, set_id: None)
    folder = tmp_path / "a" / "sets"
    with SetLibrary(folder, bounds=Bounds(n_waiting=1000, n_sets=1000)) as library:
        for form in forms():
            name = library.add(io.BytesIO(b"a\n1\n"), form).name
            assert "/" not in name
            assert "\\" not in name
            assert "\x00" not in name
            assert name not in ("", ".", "..")
            assert len(os.fsencode(safe_name(form * 20))) <= 800
        outside = [p for p in tmp_path.rglob("*") if folder not in p.parents and p not in (folder, folder.parent)]
        assert outside == []
        for path in folder.glob("*/*"):
            assert path.name in ("upload", "set.json")


def _written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "upload"
    path.write_bytes(data)
    return path


def _zip(n_bytes: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * n_bytes)
    return out.getvalue()


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, lambda data: _zip(len(data))])
def test_a_bomb_is_not_unpacked(tmp_path, pack):
    with pytest.raises(DataError, match="unpacked, the file is larger"):
        check_unpacked(_written(tmp_path, pack(b"0" * (4 << 20))), SMALL)
    check_unpacked(_written(tmp_path, pack(b"0" * (1 << 15))), SMALL)


def test_an_archive_that_lies_about_its_sizes_is_counted_all_the_same(tmp_path):
    data = bytearray(_zip(4 << 20))
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + at, 100)
    path = _written(tmp_path, bytes(data))
    with zipfile.ZipFile(path) as archive:
        assert archive.infolist()[0].file_size == 100
    with pytest.raises(DataError, match="unpacked, the file is larger"):
        check_unpacked(path, SMALL)


def test_many_parts_are_no_spreadsheet(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for i in range(10_001):
            archive.writestr(f"{i}", b"")
    with pytest.raises(DataError):
        check_unpacked(_written(tmp_path, out.getvalue()), SMALL)


@pytest.mark.parametrize("write", ["write_parquet", "write_ipc"])
def test_rows_and_columns_of_a_columnar_file_are_counted_before_it_is_read(tmp_path, write):
    path = tmp_path / "upload"
    getattr(pl.DataFrame({"a": [0.0] * 1001}), write)(path)
    with pytest.raises(DataError, match="more than 1,000 rows"):
        check_unpacked(path, SMALL)
    getattr(pl.DataFrame({f"c{i}": [0.0] for i in range(51)}), write)(path)
    with pytest.raises(DataError, match="51 columns"):
        check_unpacked(path, SMALL)


def test_rows_and_columns_of_any_source_are_counted():
    from amiss.core.source import MemorySource

    for frame in (Frame.of({"a": [1.0] * 1001}), Frame.of({f"c{i}": [1.0] for i in range(51)})):
        with pytest.raises(DataError):
            list(BoundedSource(MemorySource(frame), SMALL).batches())
    assert len(list(BoundedSource(MemorySource(Frame.of({"a": [1.0] * 1000})), SMALL).batches())) == 1


def _hostile_files() -> dict[str, bytes]:
    chance = __import__("random").Random(0)
    good = csv(table(300))
    parquet = io.BytesIO()
    table(300).write_parquet(parquet)
    return {
        "junk": chance.randbytes(20_000),
        "zeros": b"\0" * 20_000,
        "cut.parquet": parquet.getvalue()[: len(parquet.getvalue()) // 2],
        "no.parquet": b"PAR1" + chance.randbytes(2000) + struct.pack("<I", 2**31 - 1) + b"PAR1",
        "no.arrow": b"ARROW1\0\0" + chance.randbytes(2000) + b"ARROW1",
        "no.xlsx": b"PK\x03\x04" + chance.randbytes(2000),
        "empty.zip": b"PK\x05\x06" + b"\0" * 18,
        "cut.gz": gzip.compress(good)[:-200],
        "wrong.gz": b"\x1f\x8b\x08\0" + chance.randbytes(500),
        "wrong.xz": b"\xfd7zXZ\0" + chance.randbytes(500),
        "deep.json": b"[" * 50_000,
        "deep.jsonl": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        "no.pcap": b"\xd4\xc3\xb2\xa1" + chance.randbytes(500),
        "one line": b"x" * 2_000_000,
        "columns.csv": ",".join(f"c{i}" for i in range(3000)).encode() + b"\n" + b"1," * 2999 + b"1\n",
        "words.csv": b"name\n" + b"\n".join(b"w%d" % i for i in range(300)),
        "two rows.csv": b"a,b\n1,2\n3,4\n",
        "model.amiss": _zip(10),
    }


@pytest.mark.slow
def test_every_such_file_fails_with_words_and_leaves_its_record_alone(tmp_path):
    with SetLibrary(tmp_path, bounds=Bounds(n_waiting=50)) as library:
        ids = {name: library.add(io.BytesIO(data), name).id for name, data in _hostile_files().items()}
        until_done(library, *ids.values(), seconds=300)
        for name, found in ids.items():
            view = library.get(found)
            assert view.state == "failed", name
            assert view.error.what, name
            assert len(view.error.what) < 600, name
            assert "Traceback" not in view.error.what, name
            assert str(tmp_path) not in str(view.error), name
            assert os.listdir(tmp_path / found) == ["set.json"], name


def test_no_cell_of_the_result_is_a_formula(asks, shelf):
    _library, ids = shelf
    answer = asks.get(f"/api/sets/{ids['table']}/result.csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    back = pl.read_csv(io.BytesIO(answer.content))
    notes, given = back["note"].to_list(), table()["note"].to_list()
    assert [note.removeprefix("'") for note in notes[:5]] == given[:5]
    assert [note[0] for note in notes[:6]] == ["'", "'", "-", "'", "'", "p"], "text that is a number stays"
    assert back["flow"].to_list() == table()["flow"].to_list()


def test_names_of_columns_are_no_formulas():
    from amiss.server.sets.cells import harmless_table

    made = harmless_table(pl.DataFrame({"=1+1": ["a"], "@x": [1], "fine": [None]}))
    assert made.columns == ["'=1+1", "'@x", "fine"]
