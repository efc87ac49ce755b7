"""Flow exports become flows in both directions; what is lost, late or damaged is counted."""

from __future__ import annotations

import random
import re
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.network.flows import STATES, Flows
from amiss.network.netflow import FlowExports, is_export
from tests.network.exports import (
    IPFIX_FIELDS,
    SENT,
    V9_FIELDS,
    Record,
    ipfix,
    record_9,
    record_10,
    set_of,
    template,
    version_5,
    version_9,
)

CAPTURES = Path(__file__).parents[3] / "shared/data/network/pcap"


def told(*records: Record) -> Flows:
    exports = FlowExports()
    exports.add(version_5(records), "10.0.0.254", 0.0)
    return exports.flows()


def line(flows: Flows, i: int = 0) -> tuple:
    words = flows.hosts.words
    return (words[flows.src[i]], int(flows.src_port[i]), words[flows.dst[i]], int(flows.dst_port[i]))


def test_both_directions_are_one_flow() -> None:
    there = Record("10.0.0.1", "8.8.8.8", 4000, 443, 6, 9, 2000, 1000, 5000, 0x1B)
    back = Record("8.8.8.8", "10.0.0.1", 443, 4000, 6, 7, 9000, 1020, 5500, 0x1B)
    for order in ((there, back), (back, there)):
        flows = told(*order)
        assert flows.n_flows == 1
        assert line(flows) == ("10.0.0.1", 4000, "8.8.8.8", 443)
        assert (flows.packets_out[0], flows.packets_in[0]) == (9, 7)
        assert (flows.bytes_out[0], flows.bytes_in[0]) == (2000, 9000)
        assert flows.start[0] == pytest.approx(there.start)
        assert flows.duration[0] == pytest.approx(4.5)
        assert STATES[flows.state[0]] == "SF"
        assert np.isnan(flows.payload_out[0])


def test_at_once_the_higher_port_is_the_client() -> None:
    flows = told(
        Record("8.8.8.8", "10.0.0.1", 53, 4000, 17, first=7, last=7),
        Record("10.0.0.1", "8.8.8.8", 4000, 53, 17, first=7, last=7),
    )
    assert line(flows) == ("10.0.0.1", 4000, "8.8.8.8", 53)
    assert STATES[flows.state[0]] == "SF"


def test_parts_of_a_long_connection_are_one_and_silence_ends_it() -> None:
    parts = [
        Record("10.0.0.1", "8.8.8.8", 4000, 443, packets=5, first=t, last=t + 59_000, flags=0x18)
        for t in (0, 60_000, 120_000)
    ]
    assert told(*parts).packets_out.tolist() == [15]
    again = Record("10.0.0.1", "8.8.8.8", 4000, 443, packets=1, first=400_000, last=400_000, flags=2)
    flows = told(*parts, again)
    assert flows.packets_out.tolist() == [15, 1]
    assert [STATES[code] for code in flows.state] == ["OTH", "S0"]


@pytest.mark.parametrize(
    ("there", "back", "state"),
    [(2, None, "S0"), (2, 0x14, "REJ"), (0x1B, 0x1B, "SF"), (0x1E, 0x1A, "RSTO"), (0x1A, 0x1E, "RSTR"),
     (6, None, "RSTOS0"), (0x10, 0x10, "OTH"), (0x12, 0x12, "S1")],
)  # fmt: skip
def test_states(there: int, back: int | None, state: str) -> None:
    records = [Record("10.0.0.1", "8.8.8.8", 4000, 443, flags=there, first=0)]
    if back is not None:
        records.append(Record("8.8.8.8", "10.0.0.1", 443, 4000, flags=back, first=9, last=9))
    assert STATES[told(*records).state[0]] == state


def test_icmp_is_paired_without_ports() -> None:
    flows = told(
        Record("10.0.0.1", "8.8.8.8", 0, 8 * 256, 1), Record("8.8.8.8", "10.0.0.1", 0, 0, 1, first=20, last=20)
    )
    assert line(flows) == ("10.0.0.1", 8, "8.8.8.8", 0)
    assert flows.packets_in.tolist() == [1]


def test_sampling_is_made_up_for() -> None:
    exports = FlowExports()
    exports.add(
        version_5([Record("10.0.0.1", "8.8.8.8", 4000, 443, packets=3, size=300, flags=2)], sampling=100), "r", 0.0
    )
    flows = exports.flows()
    assert (flows.packets_out[0], flows.bytes_out[0], flows.column("sampled")[0]) == (300, 30_000, 100)
    # The answer may have been among the packets that were not looked at.
    assert STATES[flows.state[0]] == ""


def test_exporters_are_not_added_up() -> None:
    exports = FlowExports()
    for router in ("a", "b"):
        exports.add(version_5([Record("10.0.0.1", "8.8.8.8", 4000, 443, packets=3)]), router, 0.0)
    assert exports.flows().packets_out.tolist() == [3, 3]


@pytest.mark.parametrize("version", [9, 10])
def test_records_before_their_template_wait(version: int) -> None:
    exports = FlowExports()
    record = Record("10.0.0.1", "8.8.8.8", 4000, 443, packets=3)
    if version == 9:
        late, early = version_9(set_of(256, record_9(record))), version_9(template(256, V9_FIELDS), sequence=1)
    else:
        late, early = ipfix(set_of(256, record_10(record))), ipfix(template(256, IPFIX_FIELDS, 10), sequence=1)
    exports.add(late, "r", 0.0)
    assert exports.flows().n_flows == 0
    assert any("1 sets of flow exports could not be read" in note for note in exports.notes)
    exports.add(early, "r", 1.0)
    assert exports.flows().packets_out.tolist() == [3]
    assert not any("could not be read" in note for note in exports.notes)


def test_what_waits_is_bounded() -> None:
    exports = FlowExports()
    for i in range(5_000):
        exports.add(version_9(set_of(256 + i % 999, bytes(1400)), sequence=i), "r", 0.0)
    assert exports.flows().n_flows == 0
    assert len(exports._waiting) <= 1000
    assert exports.n_dropped >= 4_000


def test_lost_and_late_datagrams() -> None:
    exports = FlowExports()
    two = [Record("10.0.0.1", "8.8.8.8", 4000, 443)] * 2
    for sequence in (0, 2, 8, 10, 4, 12):
        exports.add(version_5(two, sequence), "r", 0.0)
    exports.flows()
    assert exports.n_lost == 2
    nine = FlowExports()
    for sequence in (5, 6, 9):
        nine.add(version_9(template(256, V9_FIELDS), sequence=sequence), "r", 0.0)
    nine.flows()
    assert nine.n_lost == 2


def test_damage_is_counted_by_reason() -> None:
    exports = FlowExports()
    for datagram in (b"", b"\0\x05", b"\0\x08" + bytes(30), version_5([Record("1.1.1.1", "2.2.2.2")])[:-1]):
        exports.add(datagram, "r", 0.0)
    assert exports.flows().n_flows == 0
    assert dict(exports.wrong) == {"shorter than a header": 2, "of another version": 1, "cut": 1}
    assert any("left out: of another version" in note for note in exports.notes)


def test_times_that_cannot_be_are_left_out() -> None:
    exports = FlowExports()
    fields = ((8, 4), (12, 4), (152, 8), (153, 8))
    ends = bytes([10, 0, 0, 1, 8, 8, 8, 8])
    exports.add(
        ipfix(template(256, fields, 10), set_of(256, ends + b"\xff" * 16 + ends + struct.pack(">QQ", 5000, 6000))),
        "r",
        0.0,
    )
    flows = exports.flows()
    assert (flows.start.tolist(), flows.duration.tolist()) == ([5.0], [1.0])
    assert exports.wrong == {"with times that cannot be": 1}


def test_recognised_by_content() -> None:
    assert is_export(version_5([Record("1.1.1.1", "2.2.2.2")] * 3))
    assert is_export(version_9(template(256, V9_FIELDS)))
    assert is_export(ipfix(template(256, IPFIX_FIELDS, 10)))
    for other in (
        b"",
        bytes(100),
        b"\0\x05" + bytes(70),
        b"\0\x0a\0\x20" + bytes(28),
        struct.pack(">HHHHHH", 9, 1, 0, 0, 1, 1) + b"www",
    ):
        assert not is_export(other)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_nothing_raises(seed: int) -> None:
    chance = random.Random(seed)
    whole = [version_5([Record("1.1.1.1", "2.2.2.2")] * 2), ipfix(template(256, IPFIX_FIELDS, 10)),
             ipfix(set_of(256, record_10(Record("1.1.1.1", "2.2.2.2", first=5))))]  # fmt: skip
    exports = FlowExports()
    for _ in range(30):
        data = bytearray(chance.choice(whole))
        for _ in range(chance.randrange(4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        exports.add(bytes(data[: chance.randrange(len(data) + 9)]), chance.choice("ab"), 0.0)
    flows = exports.flows()
    assert not np.isnan(flows.start).any()
    assert (flows.duration >= 0).all()


@pytest.mark.skipif(not CAPTURES.exists(), reason="the development data are not there")
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize(("name", "port"), [("netflowv9", 2055), ("ipfix", 9995)])
def test_captures_as_tshark_reads_them(name: str, port: int) -> None:
    path = CAPTURES / f"{name}.pcap"
    command = ["tshark", "-r", str(path), "-d", f"udp.port=={port},cflow"]
    raw = subprocess.run([*command, "-T", "fields", "-e", "udp.payload"], capture_output=True, text=True, check=True)
    exports = FlowExports()
    for payload in raw.stdout.split():
        assert is_export(bytes.fromhex(payload))
        exports.add(bytes.fromhex(payload), "r", 0.0)
    flows = exports.flows()
    text = subprocess.run([*command, "-V"], capture_output=True, text=True, check=True).stdout
    decoded = [block for block in re.split(r"\n +Flow \d+", text)[1:] if "SrcAddr" in block]
    assert flows.n_flows == len(decoded) > 0
    for what, column in (("Octets", flows.bytes_out), ("Packets", flows.packets_out)):
        asked = sorted(float(re.search(rf"\n +{what}: (\d+)", block)[1]) for block in decoded)
        assert sorted(column.tolist()) == asked
    lasted = sorted(float(re.search(r"Duration: ([\d.]+) seconds", block)[1]) for block in decoded)
    np.testing.assert_allclose(sorted(flows.duration), lasted, atol=1e-6)
    assert SENT > 0
