"""What every live source keeps to: a suite that each inherits."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

import amiss
from amiss.core.errors import ConnectorError, ParameterError
from amiss.core.live import LiveSource, Message, Polled, Position
from amiss.io.live import live_options, open_live

IO = Path(amiss.__file__).parent / "io"
STRANGE = [b'{"half": ', b"\xff\xfe\x80", b"plain words", b'{"a":1}{"b":2}']


def bodies(n: int, first: int = 0) -> list[bytes]:
    return [b'{"n": %d}' % k for k in range(first, first + n)]


def polled(source: LiveSource, n: int, *, most: int = 1000, seconds: float = 8.0) -> tuple[list[Message], Polled]:
    """Poll until `n` messages are there, and whatever comes in the next moment."""
    messages: list[Message] = []
    until = time.monotonic() + seconds
    last = source.poll(min(most, n - len(messages)), 0.2)
    messages += last.messages
    while len(messages) < n and time.monotonic() < until:
        last = source.poll(min(most, n - len(messages)), 0.2)
        messages += last.messages
    return messages, last


def written(position: Position) -> Position:
    """A position as it comes out of a snapshot."""
    found: Position = json.loads(json.dumps(position))
    return found


class LiveContract:
    """Inherit it, and give `scheme`, `address`, `send` and, where a crash is more than forgetting, `crash`."""

    scheme: str
    folder: str
    resumes = True
    options: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def address(self) -> str:
        raise NotImplementedError

    def send(self, contents: Sequence[bytes]) -> None:
        raise NotImplementedError

    def crash(self, source: LiveSource) -> None:
        """Forget the source as if the process were killed: nothing more is sent by it."""

    def made(self, address: str, **options: Any) -> LiveSource:
        return open_live(address, **{**self.options, **options})

    @pytest.fixture
    def source(self, address: str) -> Iterator[LiveSource]:
        source = self.made(address)
        source.open(None)
        yield source
        source.close()

    def test_messages_come_as_they_are_in_order_and_no_more_than_asked_for(self, source: LiveSource) -> None:
        sent = bodies(25)
        self.send(sent)
        found: list[bytes] = []
        until = time.monotonic() + 8
        while len(found) < 25 and time.monotonic() < until:
            got = source.poll(10, 0.5)
            assert len(got.messages) <= 10
            found += [message.body for message in got.messages]
        assert found == sent
        assert source.poll(10, 0.05).messages == []

    def test_an_empty_poll_waits_its_time_and_no_longer(self, source: LiveSource) -> None:
        began = time.monotonic()
        got = source.poll(10, 0.3)
        assert got.messages == []
        assert 0.25 <= time.monotonic() - began < 1.5
        began = time.monotonic()
        source.poll(10, 0.0)
        assert time.monotonic() - began < 0.2

    def test_what_is_no_message_is_left_to_the_decoder(self, source: LiveSource) -> None:
        self.send(STRANGE)
        found, _ = polled(source, len(STRANGE))
        assert [message.body for message in found] == STRANGE

    def test_it_is_taken_up_at_the_position_and_what_lies_before_does_not_come_again(self, address: str) -> None:
        if not self.resumes:
            pytest.skip("this source has no position")
        first = self.made(address)
        first.open(None)
        self.send(bodies(20))
        before, last = polled(first, 8)
        kept = written(last.position)
        beyond, _ = polled(first, 7)
        self.crash(first)
        second = self.made(address)
        second.open(kept)
        self.send(bodies(5, 20))
        again, last = polled(second, 17)
        assert [m.body for m in before] == bodies(8)
        assert [m.body for m in beyond] == bodies(7, 8)
        assert sorted(m.body for m in again) == sorted(bodies(17, 8))
        assert second.poll(10, 0.3).messages == []
        second.commit(last.position)
        kept = written(second.poll(1, 0.0).position)
        second.close()
        third = self.made(address)
        third.open(kept)
        self.send(bodies(3, 25))
        assert [m.body for m in polled(third, 3)[0]] == bodies(3, 25)
        assert third.poll(10, 0.2).messages == []
        third.close()

    def test_what_was_polled_and_never_saved_comes_again(self, address: str) -> None:
        if not self.resumes:
            pytest.skip("this source has no position")
        first = self.made(address)
        first.open(None)
        self.send(bodies(6))
        polled(first, 4)
        self.crash(first)
        second = self.made(address)
        second.open(None)
        assert sorted(m.body for m in polled(second, 6)[0]) == bodies(6)
        second.close()

    def test_a_message_too_large_is_counted_and_the_next_one_comes(self, address: str) -> None:
        if "max_message_bytes" not in live_options(self.scheme).__struct_fields__:
            pytest.skip("this source bounds whole requests, or makes its messages itself")
        source = self.made(address, max_message_bytes=1000)
        source.open(None)
        self.send([b"x" * 1001, b"x" * 1000, b"y"])
        found, notes = [], []
        until = time.monotonic() + 8
        while len(found) < 2 and time.monotonic() < until:
            got = source.poll(10, 0.2)
            found += [message.body for message in got.messages]
            notes += got.notes
        assert found == [b"x" * 1000, b"y"]
        assert sum("1 " in note and "more than 1,000 bytes left out" in note for note in notes) == 1
        source.close()

    def test_closing_twice_and_before_it_is_open(self, address: str) -> None:
        source = self.made(address)
        source.close()
        source.open(None)
        source.close()
        source.close()

    def test_an_option_that_is_not_known_names_the_nearest(self, address: str) -> None:
        names = live_options(self.scheme).__struct_fields__
        with pytest.raises(ParameterError, match=f"is it '{names[0]}'"):
            open_live(address, **{f"{names[0]}x": 1})

    def test_its_sample_shows_each_option_with_its_default(self) -> None:
        text = (IO / self.folder / "sample.toml").read_text(encoding="utf-8")
        shown = tomllib.loads(
            "\n".join(line.removeprefix("# ") for line in text.splitlines() if " = " in line or line == "[[sources]]")
        )["sources"][0]
        kind = live_options(self.scheme)
        address = shown.pop("address")
        assert address.split(":")[0] == self.scheme
        assert shown == {field.name: field.default for field in msgspec.structs.fields(kind)}
        assert (IO / self.folder / "README.md").read_text(encoding="utf-8").startswith("# ")

    def test_polling_before_it_is_open_is_an_error_with_a_cure(self, address: str) -> None:
        source = self.made(address)
        with pytest.raises((ConnectorError, AttributeError)):
            source.poll(1, 0.0)
