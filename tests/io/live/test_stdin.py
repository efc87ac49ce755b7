"""Lines of standard input: of a pipe, and of a file."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from amiss.core.errors import ConnectorError
from amiss.core.live import LiveSource
from amiss.io.stdin.source import StdinOptions, StdinSource
from tests.io.live.contract import LiveContract, bodies, written


class TestPipe(LiveContract):
    scheme, folder, resumes = "-", "stdin", False

    @pytest.fixture
    def address(self) -> Iterator[str]:
        self.ear, self.mouth = os.pipe()
        yield "-"
        os.close(self.ear)
        if self.mouth >= 0:
            os.close(self.mouth)

    def made(self, address: str, **options: Any) -> LiveSource:
        return StdinSource(options=StdinOptions(**options), descriptor=self.ear)

    def send(self, contents: Sequence[bytes]) -> None:
        os.write(self.mouth, b"".join(content + b"\n" for content in contents))

    def test_half_a_line_waits_and_the_last_one_needs_no_end(self, source: LiveSource) -> None:
        os.write(self.mouth, b"one\r\n\nha")
        assert [m.body for m in source.poll(10, 0.2).messages] == [b"one"]
        os.write(self.mouth, b"lf\nlast")
        assert [m.body for m in source.poll(10, 0.2).messages] == [b"half"]
        assert source.poll(10, 0.05).messages == []
        os.close(self.mouth)
        self.mouth = -1
        got = source.poll(10, 0.2)
        assert [m.body for m in got.messages] == [b"last"]
        assert got.ended
        assert got.position == {"lines": 4}

    def test_it_ends_only_when_all_is_handed_out(self, source: LiveSource) -> None:
        self.send(bodies(5))
        os.close(self.mouth)
        self.mouth = -1
        assert [source.poll(2, 0.1).ended for _ in range(4)] == [False, False, True, True]

    def test_a_writer_too_fast_waits_and_memory_stays(self, source: LiveSource) -> None:
        line, n_lines = b"z" * 9_999 + b"\n", 2_000

        def write() -> None:
            for _ in range(n_lines):
                os.write(self.mouth, line)

        writer = threading.Thread(target=write)
        writer.start()
        source.poll(1, 1.0)
        time.sleep(0.3)
        assert writer.is_alive()  # 20 MB do not fit into what is read ahead
        n_found = 1
        while n_found < n_lines:
            n_found += len(source.poll(100, 1.0).messages)
        writer.join()


def test_a_file_as_standard_input_is_taken_up_where_it_stood(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"".join(body + b"\n" for body in bodies(10)))
    with path.open("rb") as one, path.open("rb") as two:
        first = StdinSource(descriptor=one.fileno())
        first.open(None)
        kept = written(first.poll(4, 0.1).position)
        first.poll(3, 0.1)
        second = StdinSource(descriptor=two.fileno())
        second.open(kept)
        got = second.poll(100, 0.1)
    assert [m.body for m in got.messages] == bodies(6, 4)
    assert got.position["lines"] == 10
    with (tmp_path / "other").open("wb+") as other:
        other.write(b"a\nb\n")
        other.flush()
        other.seek(0)
        third = StdinSource(descriptor=other.fileno())
        third.open(kept)
        assert [m.body for m in third.poll(9, 0.1).messages] == [b"a", b"b"]


def test_standard_input_that_is_closed() -> None:
    ear, mouth = os.pipe()
    os.close(ear)
    os.close(mouth)
    with pytest.raises(ConnectorError, match="standard input is closed"):
        StdinSource(descriptor=ear).open(None)


def test_by_its_address_it_reads_what_is_piped_in() -> None:
    program = (
        "from amiss.io.live import open_live\n"
        "s = open_live('-'); s.open(None)\n"
        "n, ended = 0, False\n"
        "while not ended:\n"
        "    got = s.poll(10, 1.0); n += len(got.messages); ended = got.ended\n"
        "print(n)"
    )
    done = subprocess.run([sys.executable, "-c", program], input=b"a\nb\nc", capture_output=True, timeout=30)
    assert done.stdout.strip() == b"3", done.stderr
