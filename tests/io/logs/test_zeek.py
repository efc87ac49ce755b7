"""Zeek's logs become one traffic, whatever the order of their fields, and damaged lines are told."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.core.errors import ConnectorError, DataError
from amiss.io.logs.source import LogSource, recognise
from amiss.network.flows import ICMP6, STATES
from amiss.network.outcomes import odd_flags

SHARED = Path(__file__).parents[4] / "shared/data/network/zeek-labelled"
FIELDS = [
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration", "orig_bytes",
    "resp_bytes", "conn_state", "history", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes",
]  # fmt: skip
ROWS = [
    "100.5 C1 10.0.0.1 4000 8.8.8.8 443 tcp ssl 1.5 100 2000 SF ShADadFf 5 400 6 2300",
    "99.0 C2 10.0.0.2 5000 8.8.4.4 53 udp dns 0.1 40 80 SF Dd 1 68 1 108",
    "101.0 C3 10.0.0.1 4001 10.0.0.9 23 tcp - - - - S0 S 1 44 0 0",
    "102.0 C4 fe80::1 135 fe80::2 0 icmp - - - - OTH - 1 72 0 0",
]


def written(fields: list[str], rows: list[str], path: str = "conn") -> str:
    head = ["#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", f"#path\t{path}"]
    return "\n".join([*head, "#fields\t" + "\t".join(fields), *("\t".join(r.split(" ")) for r in rows)]) + "\n"


@pytest.fixture
def conn(tmp_path: Path) -> Path:
    path = tmp_path / "conn.log"
    path.write_text(written(FIELDS, ROWS))
    return path


def test_columns(conn: Path) -> None:
    flows = LogSource([conn]).traffic().flows
    assert flows.start.tolist() == [99.0, 100.5, 101.0, 102.0]
    words = [flows.hosts.words[code] for code in flows.src]
    assert words == ["10.0.0.2", "10.0.0.1", "10.0.0.1", "fe80::1"]
    assert [STATES[code] for code in flows.state] == ["SF", "SF", "S0", "S0"]
    assert [flows.services[code] if code >= 0 else "" for code in flows.service] == ["dns", "tls", "", ""]
    assert flows.protocol.tolist() == [17, 6, 6, ICMP6]
    assert flows.bytes_out.tolist() == [68, 400, 44, 72]
    assert flows.payload_out.tolist() == [40, 100, 0, 24]
    assert flows.duration.tolist() == [0.1, 1.5, 0.0, 0.0]
    assert flows.flags_out.tolist() == [-1, 2 + 16 + 1, 2, -1]
    assert flows.flags_in.tolist() == [-1, 2 + 16 + 1, 0, -1]
    assert flows.label == ()


def test_who_sent_nothing_or_nothing_that_is_known_sent_no_odd_flags(tmp_path: Path) -> None:
    ends = "10.0.0.1 {} 198.51.100.{} 443 tcp - - - -"
    more = [("OTH", "h", 0, 2), ("OTH", "C", 3, 0), ("RSTRH", "r", 0, 2), ("SHR", "f", 0, 1), ("OTH", "C", 0, 0)]
    rows = [
        f"{100 + k}.0 C{k} {ends.format(4000 + k, k)} {state} {history} {out} {40 * out} {back} {40 * back}"
        for k, (state, history, out, back) in enumerate(more)
    ]
    path = tmp_path / "conn.log"
    path.write_text(written(FIELDS, rows))
    traffic = LogSource([path]).traffic()
    assert traffic.flows.flags_out.tolist() == [0, -1, 0, 0, 0]
    assert traffic.flows.flags_in.tolist() == [18, 0, 4, 17, 0]
    assert not odd_flags(traffic.flows).any()


@pytest.mark.parametrize("squeeze", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_is_the_same(conn: Path, tmp_path: Path, squeeze) -> None:
    packed = tmp_path / "packed"
    packed.write_bytes(squeeze(conn.read_bytes()))
    a, b = (LogSource([path]).traffic().flows for path in (conn, packed))
    assert a.start.tolist() == b.start.tolist()
    assert a.hosts.words == b.hosts.words


def test_rotated_header_with_another_order(tmp_path: Path) -> None:
    turned = [" ".join(reversed(row.split(" "))) for row in ROWS]
    path = tmp_path / "conn.log"
    path.write_text(written(FIELDS, ROWS) + "#close\t2022\n" + written(FIELDS[::-1], turned))
    flows = LogSource([path]).traffic().flows
    assert flows.n_flows == 8
    for column in ("start", "duration", "src", "dst_port", "state", "bytes_in", "payload_out", "service"):
        values = getattr(flows, column)
        np.testing.assert_array_equal(values[::2], values[1::2])


def test_missing_fields_say_nothing(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_text(written(["ts", "id.orig_h", "id.resp_h"], ["5 10.0.0.1 10.0.0.2"]))
    flows = LogSource([path]).traffic().flows
    assert flows.n_flows == 1
    assert flows.protocol.tolist() == [-1]
    assert np.isnan(flows.bytes_out).all()


def test_labels_behind_blanks(tmp_path: Path) -> None:
    text = written([*FIELDS, "tunnel"], [f"{row} -" for row in ROWS])
    lines = text.splitlines()
    lines[5] += "   label   detailed-label"
    lines[6] += "   Malicious   PartOfAScan"
    lines[7:] = [f"{line}   benign   -" for line in lines[7:]]
    path = tmp_path / "conn.log.labeled"
    path.write_text("\n".join(lines) + "\n")
    assert LogSource([path]).traffic().flows.label == ("benign", "Malicious: PartOfAScan", "benign", "benign")


def test_damaged_lines_are_told(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_text(written(FIELDS, [ROWS[0], "1 2 3", ROWS[1], "x C9 " + " ".join(ROWS[0].split(" ")[2:])]) + "10\tC")
    source = LogSource([path])
    assert source.traffic().flows.n_flows == 2
    assert any("2 lines are left out (another number of fields" in n and "at line 8" in n for n in source.notes)
    assert any("1 line is left out (no time or no address), the first at line 10" in n for n in source.notes)


def test_read_again_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_text(written(FIELDS, [*ROWS, "1 2 3"]))
    source, seen = LogSource([path]), []
    first, notes = source.traffic(lambda stage, share: seen.append((stage, share))), list(source.notes)
    assert source.traffic().flows.start.tolist() == first.flows.start.tolist()
    assert source.notes == notes
    assert seen == [("reading", 1.0)]
    assert source.share_read() == 1.0


def test_names_are_joined_by_identity(conn: Path, tmp_path: Path) -> None:
    ends = ["ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p"]
    (tmp_path / "ssl.log").write_text(
        written([*ends, "server_name"], ["100.6 C1 10.0.0.1 4000 8.8.8.8 443 WWW.Example.org"], "ssl")
    )
    (tmp_path / "dns.log").write_text(
        written([*ends, "query", "qtype", "rcode"], ["99 C2 10.0.0.2 5000 8.8.4.4 53 Example.org 1 0",
                                                     "98 C7 10.0.0.7 5000 8.8.4.4 53 other.org 28 3"], "dns")
    )  # fmt: skip
    (tmp_path / "http.log").write_text(
        written([*ends, "method", "host", "uri", "user_agent", "status_code"],
                ["101 C3 10.0.0.1 4001 10.0.0.9 23 GET box /a?b=1 curl 404"], "http")
    )  # fmt: skip
    (tmp_path / "weird.log").write_text(written(["ts", "uid", "name"], ["1 C1 odd"], "weird"))
    (tmp_path / "notes.txt").write_text("nothing of interest\n")
    source = LogSource([tmp_path])
    traffic = source.traffic()
    names = [traffic.flows.names[code] if code >= 0 else "" for code in traffic.flows.name]
    assert names == ["other.org", "example.org", "www.example.org", "box", ""]
    assert traffic.dns.name == ("other.org", "example.org")
    assert traffic.dns.code.tolist() == [3, 0]
    assert [traffic.flows.hosts.words[code] for code in traffic.dns.client] == ["10.0.0.7", "10.0.0.2"]
    assert (traffic.http.path, traffic.http.status.tolist(), traffic.http.port.tolist()) == (("/a?b=1",), [404], [23])
    assert any("notes.txt: passed over" in note for note in source.notes)
    assert any("weird (1)" in note for note in source.notes)


def test_json_is_the_same(conn: Path, tmp_path: Path) -> None:
    rows = []
    for row in ROWS:
        found = dict(zip(FIELDS, row.split(" "), strict=True))
        text = {"uid", "id.orig_h", "id.resp_h", "proto", "service", "conn_state", "history"}
        rows.append({k: v if k in text else float(v) for k, v in found.items() if v != "-"})
    rows[1]["ts"] = "1970-01-01T00:01:39.000000Z"
    path = tmp_path / "conn.json"
    path.write_text("\n".join([*map(json.dumps, rows), "{broken", '["list"]']) + "\n")
    source = LogSource([path])
    a, b = LogSource([conn]).traffic().flows, source.traffic().flows
    for column in (
        "start",
        "duration",
        "src",
        "dst",
        "dst_port",
        "protocol",
        "state",
        "bytes_in",
        "payload_in",
        "flags_in",
    ):
        np.testing.assert_array_equal(getattr(a, column), getattr(b, column), column)
    assert any("2 lines are left out (no JSON object), the first at line 5" in note for note in source.notes)


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_text(written(FIELDS, ["a b c"]))
    with pytest.raises(DataError, match="no line of this log"):
        LogSource([path]).traffic()
    path.write_text("some words\n")
    with pytest.raises(DataError, match="no log of network traffic"):
        LogSource([path]).traffic()
    with pytest.raises(ConnectorError, match="no such file"):
        LogSource([tmp_path / "absent"])


def test_cut_gzip_keeps_what_comes_before(tmp_path: Path) -> None:
    path = tmp_path / "conn.log.gz"
    many = [row.replace("C1", f"C{i}") for i in range(20_000) for row in ROWS]
    whole = gzip.compress(written(FIELDS, many).encode())
    path.write_bytes(whole[: len(whole) // 2])
    source = LogSource([path])
    assert source.traffic().flows.n_flows > 1_000
    assert any("cut or damaged" in note for note in source.notes)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2_000), st.binary(min_size=1, max_size=6)), min_size=1, max_size=12))
def test_mutated_logs_never_raise(tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(written([*FIELDS, "label"], [f"{row} Benign" for row in ROWS]).encode())
    for at, letters in changes:
        place = at % len(data)
        data[place : place + len(letters)] = letters
    path = tmp_path_factory.mktemp("logs") / "conn.log"
    path.write_bytes(bytes(data))
    try:
        traffic = LogSource([path]).traffic()
    except DataError:
        return
    assert len(traffic.flows.label) in (0, traffic.flows.n_flows)


@pytest.mark.skipif(not SHARED.exists(), reason="the development data are not there")
def test_real_days() -> None:
    traffic = LogSource([SHARED]).traffic()
    assert traffic.flows.n_flows == 5_663 + 5_347
    assert {word.partition(":")[0] for word in traffic.flows.label} == {"Benign", "Malicious", "Background"}


def test_recognised_by_content() -> None:
    assert recognise(b"") is None
    assert recognise(b"\x1f\x8b\x08broken") is None
    assert recognise(b'{"ts":1,"uid":"C","id.orig_h":"1.1.1.1"}\n') is not None
    assert recognise(b'{"temp": 1}\n') is None
