"""Addresses, the door that knows them, and passwords that are never shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from amiss.core.errors import AmissError, ConnectorError, ParameterError
from amiss.io.address import read_address
from amiss.io.inbox import Inbox
from amiss.io.line_parts import LineParts
from amiss.io.live import LIVE_SCHEMES, live_options, open_live
from amiss.io.secret import secret


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("mqtt://h/a/#", ("h", None, "a/#", "", None)),
        ("mqtt://u:p@h:1/+/b", ("h", 1, "+/b", "u", "p")),
        ("MQTT://u@H/a", ("h", None, "a", "u", None)),
        ("mqtts://u:p%40%2F%3A@h/a%20b", ("h", None, "a b", "u", "p@/:")),
        ("kafka://[::1]:9092/a,b?group=g", ("::1", 9092, "a,b", "", None)),
        ("http://:80/", ("", 80, "", "", None)),
        ("mqtt://h/a@b", ("h", None, "a@b", "", None)),
    ],
)
def test_the_parts_of_an_address(text: str, parts: tuple[object, ...]) -> None:
    found = read_address(text)
    assert (found.host, found.port, found.path, found.user, found.password) == parts


@pytest.mark.parametrize(
    "text",
    [
        "mqtt://me:geheim@h:1883/a/#", "mqtt://me:geheim@h/a?password_file=geheim", "mqtt://me:ge/geheim@h/a",
        "mqtt://me:geheim@h:99999/a", "mqtt://me:geheim@h:0/a", "mqtt:me:geheim@h", "mqtt://:geheim@h/a",
        "mqt://me:geheim@h/a", "http://:80/?token=geheim&answr=saved", "kafka://me:geheim@/a",
        "mqtt://me:geheim@h:x/a", "mqtt://me:geheim@h/a?keep_alive_seconds=geheim", "me:geheim@h", "//me:geheim@h/a",
        "mqtt://me:geheim@[::1/a",
    ],
)  # fmt: skip
def test_a_password_is_in_no_name_and_no_message(text: str) -> None:
    shown = [said(lambda: open_live(text).name), said(lambda: read_address(text).shown)]
    shown.append(said(lambda: repr(read_address(text))))
    assert [part for part in shown if "geheim" in part] == []


def said(work: Callable[[], str]) -> str:
    """What comes of it, be it an error and its cause."""
    try:
        return work()
    except AmissError as error:
        return f"{error} {error.__cause__}"


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("mqtr://h/a", "is it 'mqtt'"), ("kafak://h/a", "is it 'kafka'"), ("sensors.csv", "is no address"),
        ("", "is no address"), ("fil:/x", "is it 'file'"), ("mqtt:h/a", "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_address_names_the_nearest(address: str, what: str) -> None:
    with pytest.raises(ConnectorError, match=what) as told:
        open_live(address)
    assert told.value.mend


def test_options_of_the_wrong_kind() -> None:
    with pytest.raises(ParameterError, match="Expected `float`") as told:
        open_live("host:?interval_seconds=soon")
    assert "interval_seconds of host:" in str(told.value)
    with pytest.raises(ParameterError, match="Invalid enum value"):
        open_live("mqtt://h/a", protocol="4")


def test_options_beside_the_address_win_over_those_in_it() -> None:
    source = open_live("mqtt://h/a?client_id=one&max_unacknowledged=5", client_id="two", name="line 4")
    assert source.name == "line 4"
    assert (source._options.client_id, source._options.max_unacknowledged) == ("two", 5)  # type: ignore[attr-defined]


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    strange = tmp_path / "a?b#c%20d"
    strange.write_bytes(b"one\n")
    for address in (f"file:{strange}", f"file://{strange}"):
        source = open_live(address)
        source.open(None)
        assert [m.body for m in source.poll(5, 0.1).messages] == [b"one"]
        source.close()


@pytest.mark.parametrize("scheme", LIVE_SCHEMES)
def test_each_scheme_says_its_options(scheme: str) -> None:
    assert issubclass(live_options(scheme), live_options(scheme))
    with pytest.raises(ParameterError, match="no option 'xyzzy'"):
        open_live({"-": "-", "file": "file:x", "host": "host:"}.get(scheme, f"{scheme}://h:1/a"), xyzzy=1)


def test_where_a_password_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "word"
    file.write_text("from the file\r\nand more", encoding="utf-8")
    monkeypatch.setenv("AMISS_X", "from the environment")
    assert secret("given", str(file), "AMISS_X") == "given"
    assert secret(None, str(file), "AMISS_X") == "from the file"
    assert secret(None, "", "AMISS_X") == "from the environment"
    assert secret(None, "", "AMISS_Y") is None
    with pytest.raises(ConnectorError, match="cannot be read"):
        secret(None, str(tmp_path / "none"), "AMISS_X")


def test_lines_from_pieces_are_those_of_the_whole() -> None:
    whole = b"one\r\n\n" + b"x" * 20 + b"\ntwo\n" + b"y" * 11 + b"\n" + b"z" * 10 + b"\nend"
    for size in range(1, len(whole) + 1):
        parts = LineParts(10)
        found = [line for k in range(0, len(whole), size) for line in parts.lines(whole[k : k + size])]
        found += parts.last()
        assert [line for line, _, _ in found] == [b"one", b"two", b"z" * 10, b"end"]
        assert (parts.n_too_long, parts.n_bytes, parts.n_lines) == (2, len(whole), 7)
        assert [whole[:at].count(b"\n") for _, at, _ in found[:-1]] == [n for _, _, n in found[:-1]]


def test_an_inbox_knows_when_it_is_full() -> None:
    inbox: Inbox[int] = Inbox(3, 100)
    assert not inbox.wait(0.0)
    for k in range(3):
        assert not inbox.full
        inbox.put(k, 10)
    assert inbox.full
    assert [inbox.take() for _ in range(4)] == [0, 1, 2, None]
    inbox.put(9, 200)
    assert inbox.full
    assert inbox.wait(0.0)
    assert inbox.take() == 9
    assert not inbox.full
