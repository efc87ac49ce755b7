"""Lines of a file that grows, is renamed, copied and cut."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from amiss.core.errors import ConnectorError
from amiss.core.live import LiveSource
from amiss.io.live import open_live
from tests.io.live.contract import LiveContract, bodies, polled, written


class TestFile(LiveContract):
    scheme, folder = "file", "tail"

    @pytest.fixture
    def address(self, tmp_path: Path) -> str:
        self.path = tmp_path / "lines.ndjson"
        self.path.touch()
        return f"file:{self.path}"

    def send(self, contents: Sequence[bytes]) -> None:
        with self.path.open("ab") as stream:
            stream.write(b"".join(content + b"\n" for content in contents))

    def rename(self) -> None:
        time.sleep(0.02)  # the clock of files ticks in steps of some milliseconds
        os.rename(self.path, f"{self.path}.{len(list(self.path.parent.iterdir()))}")

    def copy_and_cut(self) -> None:
        time.sleep(0.02)
        shutil.copy(self.path, f"{self.path}.{len(list(self.path.parent.iterdir()))}")
        os.truncate(self.path, 0)

    @pytest.mark.parametrize("rotate", [rename, copy_and_cut])
    def test_a_rotation_while_it_is_read_loses_nothing(self, source: LiveSource, rotate) -> None:
        notes: list[str] = []
        found: list[bytes] = []
        for k in range(3):
            self.send(bodies(10, 20 * k))
            found += [m.body for m in polled(source, 10)[0]]
            self.send(bodies(10, 20 * k + 10))
            rotate(self)
        self.send(bodies(5, 60))
        for _ in range(12):
            got = source.poll(7, 0.05)
            found += [m.body for m in got.messages]
            notes += got.notes
        assert found == bodies(65)
        assert any("rotated" in note for note in notes)

    @pytest.mark.parametrize("rotate", [rename, copy_and_cut])
    def test_rotations_while_nobody_watched(self, address: str, rotate) -> None:
        first = open_live(address)
        first.open(None)
        self.send(bodies(10))
        kept = written(polled(first, 6)[1].position)
        first.close()
        for k in (10, 20, 30):
            rotate(self)
            self.send(bodies(10, k))
            newest = self.path.stat().st_mtime_ns + 10_000_000 * k
            os.utime(self.path, ns=(newest, newest))  # as if some time had passed
        second = open_live(address)
        second.open(kept)
        got = second.poll(3, 0.1)
        found = [*got.messages, *polled(second, 31)[0]]
        assert [m.body for m in found] == bodies(34, 6)
        assert ["rotated" in note for note in got.notes] == [True]
        second.close()

    def test_the_older_part_is_gone(self, address: str) -> None:
        first = open_live(address)
        first.open(None)
        self.send(bodies(10))
        kept = written(polled(first, 6)[1].position)
        first.close()
        self.path.unlink()
        self.send([b"other"] * 30)
        second = open_live(address)
        second.open(kept)
        got = second.poll(100, 0.1)
        assert [m.body for m in got.messages] == [b"other"] * 30
        assert "is not to be found" in got.notes[0]
        second.close()

    def test_the_same_inode_with_another_beginning_is_another_file(self, address: str) -> None:
        first = open_live(address)
        first.open(None)
        self.send(bodies(10))
        kept = written(polled(first, 6)[1].position)
        first.close()
        self.path.write_bytes(b"other\n" * 100)
        second = open_live(address)
        second.open(kept)
        assert len(polled(second, 100)[0]) == 100
        second.close()

    def test_half_a_line_waits_for_its_end_also_over_a_restart(self, address: str, source: LiveSource) -> None:
        with self.path.open("ab", buffering=0) as stream:
            stream.write(b"whole\nha")
            got = source.poll(10, 0.1)
            assert [m.body for m in got.messages] == [b"whole"]
            second = open_live(address)
            second.open(written(got.position))
            assert second.poll(10, 0.1).messages == []
            stream.write(b"lf\n")
            assert [m.body for m in source.poll(10, 0.3).messages] == [b"half"]
            assert [m.body for m in second.poll(10, 0.3).messages] == [b"half"]
            second.close()

    def test_an_old_writer_may_write_on_until_the_new_file_holds_something(self, source: LiveSource) -> None:
        with self.path.open("ab", buffering=0) as old:
            old.write(b"one\n")
            polled(source, 1)
            self.rename()
            self.path.touch()
            assert source.poll(10, 0.1).messages == []
            old.write(b"two\nunfinished")
            assert [m.body for m in source.poll(10, 0.1).messages] == [b"two"]
        self.send([b"three"])
        assert [m.body for m in polled(source, 2)[0]] == [b"unfinished", b"three"]

    def test_a_file_that_goes_away_is_waited_for_and_said_once(self, source: LiveSource) -> None:
        self.send([b"one"])
        polled(source, 1)
        self.path.unlink()
        notes = [note for _ in range(4) for note in source.poll(1, 0.06).notes]
        assert ["waited for" in note for note in notes] == [True]
        self.send([b"two"])
        assert [m.body for m in polled(source, 1)[0]] == [b"two"]

    def test_a_rotation_under_a_busy_writer(self, source: LiveSource) -> None:
        """Rename, and a writer that opens the file anew for each line."""

        def write() -> None:
            for k in range(600):
                self.send(bodies(1, k))
                if k % 150 == 149:
                    self.rename()

        writer = threading.Thread(target=write)
        writer.start()
        found = [m.body for m in polled(source, 600, most=50)[0]]
        writer.join()
        assert found == bodies(600)


@pytest.mark.parametrize(("name", "what"), [("none", "no such file"), (".", "no regular file")])
def test_what_cannot_be_read_says_so_at_once(tmp_path: Path, name: str, what: str) -> None:
    with pytest.raises(ConnectorError, match=what):
        open_live(f"file:{tmp_path / name}").open(None)
