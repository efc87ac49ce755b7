"""Tables of flows by CICFlowMeter and nfdump, in the spellings that occur."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.core.errors import ConnectorError, DataError
from amiss.io.logs.source import LogSource, recognise
from amiss.network.flows import STATES

SHARED = Path(__file__).parents[4] / "shared/data/network"
OLD = (
    "Flow ID, Source IP, Source Port, Destination IP, Destination Port, Protocol, Timestamp, Flow Duration,"
    " Total Fwd Packets, Total Backward Packets,Total Length of Fwd Packets, Total Length of Bwd Packets,"
    " Flow IAT Mean, Label"
)
NEW = (
    "Flow ID,Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,Flow Duration,Tot Fwd Pkts,Tot Bwd Pkts,"
    "TotLen Fwd Pkts,TotLen Bwd Pkts,Flow IAT Mean,Label"
)
SNAKE = (
    "flow_id,src_ip,src_port,dst_ip,dst_port,protocol,timestamp,flow_duration,tot_fwd_pkts,tot_bwd_pkts,"
    "totlen_fwd_pkts,totlen_bwd_pkts,flow_iat_mean,label"
)
ROWS = [
    "a,10.0.0.1,4000,8.8.8.8,443,6,2017-07-05 08:55:58,1500000,5,6,100,2000,3.5,BENIGN",
    "b,6.6.6.6,4001,10.0.0.1,23,6,2017-07-05 08:55:59,-1,2,0,0,0,Infinity,PortScan",
]


@pytest.mark.parametrize("header", [OLD, NEW, SNAKE])
def test_cicflowmeter(tmp_path: Path, header: str) -> None:
    path = tmp_path / "flows.csv"
    path.write_text("\n".join([header, *ROWS, "broken,line", header, ROWS[0]]) + "\n")
    source = LogSource([path])
    flows = source.traffic().flows
    assert flows.n_flows == 3
    assert flows.label == ("BENIGN", "BENIGN", "PortScan")
    assert flows.start.tolist() == [1499244958.0, 1499244958.0, 1499244959.0]
    np.testing.assert_array_equal(flows.duration, [1.5, 1.5, np.nan])
    assert flows.payload_in.tolist() == [2000, 2000, 0]
    assert [STATES[code] for code in flows.state] == ["", "", "S0"]
    assert len(flows.statistic_names) == 1
    assert flows.statistics[:, 0].tolist()[:2] == [3.5, 3.5]
    assert any("1 line is left out" in note and "line 4" in note for note in source.notes)


def test_cicflowmeter_without_times(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    path.write_text("Src IP,Dst IP,Flow Duration,Tot Fwd Pkts\n10.0.0.1,8.8.8.8,5,1\n")
    flows = LogSource([path]).traffic().flows
    assert (flows.n_flows, np.isnan(flows.start[0]), flows.packets_out[0]) == (1, True, 1)


@pytest.mark.parametrize(
    "start",
    [
        b"Flow Duration,Tot Fwd Pkts,Label\n5,1,BENIGN\n",
        b"Src_IP,Dst_IP,Flow_Duration,Tot_Fwd_Pkts\n25886,200,5,1\n",
        b"id,dur,proto,service,state,spkts,dpkts,attack_cat,label\n1,0.1,udp,-,INT,2,0,Normal,0\n",
        b"0,tcp,http,SF,181,5450,0,0,0,0,0,1,normal,20\n",
    ],
)
def test_tables_without_addresses_stay_tables(start: bytes) -> None:
    assert recognise(start) is None


@pytest.mark.skipif(not SHARED.exists(), reason="the development data are not there")
@pytest.mark.parametrize("name", ["nsl-kdd", "unsw-nb15", "cicids2017", "iotid20"])
def test_published_tables_stay_tables(name: str) -> None:
    for path in (SHARED / name).glob("*.gz"):
        with path.open("rb") as stream:
            assert recognise(stream.read(65_536)) is None


CSV = (
    "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt\n"
    "2026-03-22 22:47:20,2026-03-22 22:47:22,1.841,10.0.0.1,8.8.8.8,59644,902,TCP,...AP.SF,0,0,13,2428,0,0\n"
    "2026-03-22 22:47:20,2026-03-22 22:47:22,1.844,8.8.8.8,10.0.0.1,902,59644,TCP,...AP.SF,0,0,10,2367,0,0\n"
    "2026-03-22 22:47:26,2026-03-22 22:47:26,0.000,6.6.6.6,10.0.0.1,8,8.0,ICMP,........,0,0,1,84,0,0\n"
    "cut,line\n"
    "Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n3,4795,24,1,1,1\n"
)


def test_nfdump_csv(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    path.write_text(CSV)
    source = LogSource([path])
    flows = source.traffic().flows
    assert flows.n_flows == 2
    assert flows.hosts.words[flows.src[0]] == "10.0.0.1"
    assert (flows.bytes_out[0], flows.bytes_in[0]) == (2428, 2367)
    assert flows.duration[0] == pytest.approx(1.844, abs=1e-5)
    assert [STATES[code] for code in flows.state] == ["SF", "S0"]
    assert (flows.src_port[1], flows.dst_port[1], flows.protocol[1]) == (8, 0, 1)
    assert any("1 line is left out" in note for note in source.notes)


def test_nfdump_lines(tmp_path: Path) -> None:
    path = tmp_path / "flows.txt"
    path.write_text(
        "Date first seen             Duration     Proto      Src IP Addr:Port          Dst IP Addr:Port     Flags Tos"
        "  Packets    Bytes Flows\n"
        "2026-03-22 22:47:26.271     00:01:00.374 TCP       10.0.0.1:902   ->     8.8.8.8:38404 ...AP.SF   0    1.5 M"
        "     2211     1\n"
        "2026-03-22 22:47:26.271     1.500 UDP       2001:db8::1.53   ->     2001:db8::2.5000 ........   0    1"
        "     80     1\n"
        "2026-03-22 nonsense\nSummary: total flows: 2\n"
    )
    source = LogSource([path])
    flows = source.traffic().flows
    assert flows.packets_out.tolist() == [1.5e6, 1]
    assert flows.duration.tolist() == pytest.approx([60.374, 1.5])
    assert "2001:db8::1" in flows.hosts.words
    assert any("1 line is left out" in note for note in source.notes)


@pytest.mark.skipif(not SHARED.exists(), reason="the development data are not there")
@pytest.mark.skipif(shutil.which("nfpcapd") is None, reason="nfdump is not installed")
@pytest.mark.parametrize("form", ["csv", "line", "long", "extended"])
def test_what_nfdump_prints(tmp_path: Path, form: str) -> None:
    capture = SHARED / "pcap/slips-ssh-bruteforce.pcap"
    subprocess.run(["nfpcapd", "-r", str(capture), "-w", str(tmp_path)], capture_output=True, check=True)
    out = subprocess.run(["nfdump", "-R", str(tmp_path), "-o", form], capture_output=True, text=True, check=True).stdout
    path = tmp_path / "printed"
    path.write_text(out)
    source = LogSource([path])
    flows = source.traffic().flows
    if form == "csv":
        n_flows, size, packets, *_ = (float(cell) for cell in out.strip().splitlines()[-1].split(","))
        assert flows.bytes_out.sum() + flows.bytes_in.sum() == size
        assert flows.packets_out.sum() + flows.packets_in.sum() == packets
        assert n_flows / 2 <= flows.n_flows < n_flows
    assert flows.n_flows > 50
    assert not any("left out" in note for note in source.notes)


TABLES = ["\n".join([NEW, *ROWS, ""]).encode(), CSV.encode()]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(TABLES), st.lists(st.tuples(st.integers(0, 900), st.binary(min_size=1, max_size=4)), min_size=1))
def test_mutated_tables_never_raise(
    tmp_path_factory: pytest.TempPathFactory, table: bytes, changes: list[tuple[int, bytes]]
) -> None:
    data = bytearray(table)
    head = data.index(b"\n")
    for at, letters in changes:
        place = head + at % (len(data) - head)
        data[place : place + len(letters)] = letters
    path = tmp_path_factory.mktemp("tables") / "flows.csv"
    path.write_bytes(bytes(data))
    try:
        flows = LogSource([path]).traffic().flows
    except DataError:
        return
    assert len(flows.start) == len(flows.src)


def test_lines_of_nfdump_with_odd_numbers_are_counted(tmp_path: Path) -> None:
    head = "Date first seen Duration Proto Src IP Addr:Port Dst IP Addr:Port Packets Bytes Flows"
    line = "2023-01-01 00:00:00.100 {} TCP 10.0.0.{}:4000 -> 8.8.8.8:443 {} {} 1"
    lines = [
        line.format("2.000", 1, "1.2M", "6.1 G"), line.format("00:01:02.5", 2, "5", "600"),
        line.format(".", 3, "5", "600"), line.format("2.0", 4, ".", "600"), line.format("1..2", 5, "5", "6.0.0"),
    ]  # fmt: skip
    path = tmp_path / "flows.txt"
    path.write_text("\n".join([head, *lines]) + "\n")
    source = LogSource([path])
    flows = source.traffic().flows
    assert sorted(flows.duration.tolist()) == [2.0, 62.5]
    assert sorted(flows.packets_out.tolist()) == [5, 1_200_000]
    assert sorted(flows.bytes_out.tolist()) == [600, 6_100_000_000]
    assert any("3 lines are left out" in note for note in source.notes)


def test_figures_of_nfdump_that_cannot_be_say_nothing(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    lines = ["2023-01-01 00:00:00,{},10.0.0.1,8.8.8.8,4000,443,TCP,.A....,{},600".format(*pair)
             for pair in (("1e999", "1e999"), ("-5", "-7"), ("2.5", "9"))]  # fmt: skip
    path.write_text("\n".join(["ts,td,sa,da,sp,dp,pr,flg,ipkt,ibyt", *lines]) + "\n")
    flows = LogSource([path]).traffic().flows
    assert flows.n_flows == 1
    assert flows.duration.tolist() == [2.5]
    assert np.isfinite(flows.bytes_out).all()


@pytest.mark.parametrize(("when", "said"), [
    ("2017-07-05 08:55:58", True), ("05/07/2017 08:55:58 AM", True), ("5/7/2017 8:55:58", True),
    ("2017-07-05T08:55:58Z", False), ("2017-07-05T08:55:58+02:00", False), ("1499244958.0", False),
])  # fmt: skip
def test_times_without_a_zone_are_said_to_be_taken_for_utc(tmp_path: Path, when: str, said: bool) -> None:
    path = tmp_path / "flows.csv"
    path.write_text("\n".join([NEW, ROWS[0].replace("2017-07-05 08:55:58", when)]) + "\n")
    source = LogSource([path])
    flows = source.traffic().flows
    assert any("taken for UTC" in note for note in source.notes) == said
    if said or when.endswith("Z"):
        assert flows.start.tolist() == [1499244958.0]


def test_a_log_that_vanishes_leaves_the_others(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.csv", "b.csv")]
    for path in paths:
        path.write_text("\n".join([NEW, *ROWS]) + "\n")
    source = LogSource(paths)
    paths[0].unlink()
    assert source.traffic().flows.n_flows == 2
    assert any("a.csv: not read" in note for note in source.notes)
    alone = LogSource(paths[1:])
    paths[1].unlink()
    with pytest.raises(ConnectorError, match=r"b\.csv"):
        alone.traffic()
