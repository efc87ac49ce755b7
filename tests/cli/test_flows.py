"""`amiss flows`, as a user runs it."""

from __future__ import annotations

import gzip
import json

import polars as pl
import pytest

from tests.network.packets import connection, dns, ethernet, icmp, pcap, pcapng, udp


@pytest.fixture(scope="module")
def captures(tmp_path_factory):
    """A folder with two captures, one of them packed, and what is none."""
    folder = tmp_path_factory.mktemp("captures")
    web = connection(
        "10.0.0.1", "10.0.0.2", 5000, 80, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"
    )
    others = [udp("10.0.0.1", "10.0.0.3", 5353, 53, dns(1, "b.example")), icmp("10.0.0.1", "10.0.0.4", 8)]
    (folder / "a.pcap").write_bytes(pcap([(1000 + k, ethernet(packet)) for k, packet in enumerate(web)]))
    (folder / "b.pcapng.gz").write_bytes(gzip.compress(pcapng([(2000, ethernet(packet)) for packet in others])))
    (folder / "notes.txt").write_text("time,value\n1,2\n")
    return folder


def test_the_largest_flows_and_the_counts(run, captures):
    out, err = run("flows", captures / "a.pcap")
    assert "1 flow of 8 packets" in err
    assert "10.0.0.1 5000  10.0.0.2 80  tcp       http     a.example  SF" in out


def test_a_folder_says_of_each_file_what_was_read(run, captures):
    out, err = run("flows", captures, "--format", "json", "--top", "1")
    record = json.loads(out)
    assert record["n_flows"] == 3
    assert {one["service"] for one in record["spoken"]} == {"http", "dns", None}
    assert record["largest"][0]["file"].endswith("a.pcap")
    assert len([line for line in err.splitlines() if str(captures) in line]) == 3
    assert "notes.txt: left out: this is no capture of packets" in err


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_all_flows_to_a_file(run, captures, tmp_path, ending):
    target = tmp_path / f"flows.{ending}"
    _, err = run("flows", captures / "a.pcap", captures / "b.pcapng.gz", "-o", target)
    assert f"3 flows: {target}" in err
    read = {"parquet": pl.read_parquet, "csv": pl.read_csv, "jsonl": pl.read_ndjson}[ending]
    table = read(target)
    assert table.height == 3
    assert table["server_name"].to_list() == ["a.example", "b.example", None]
    assert "size_out_mean" in table.columns


def test_all_flows_to_standard_output(run, captures):
    content = (captures / "a.pcap").read_bytes()
    out, _ = run("flows", "-", "--format", "ndjson", stdin=content)
    assert json.loads(out)["dst_port"] == 80
    out, _ = run("flows", "-", "--format", "csv", "--idle-timeout", "500s", stdin=content)
    assert out.count("\n") == 2
    out, _ = run("flows", captures / "a.pcap", "--format", "csv", "--idle-timeout", "1s")
    assert out.count("\n") == 9  # a packet a second: each is a flow


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["absent.pcap"], 3, "no such file"), (["notes.txt"], 3, "no capture of packets"),
        (["a.pcap", "--idle-timeout", "0"], 2, "--idle-timeout"), (["a.pcap", "-o", "a.pcap"], 2, "ending"),
        (["-", "-"], 2, "only once"), (["empty"], 3, "no files in the folder"),
    ],
)  # fmt: skip
def test_errors(run, captures, words, code, what):
    (captures / "empty").mkdir(exist_ok=True)
    _, err = run("flows", *words, code=code, cwd=captures)
    assert what in err


def test_one_bad_file_leaves_the_others(run, captures):
    out, err = run("flows", "absent.pcap", "a.pcap", "--format", "ndjson", code=3, cwd=captures)
    assert json.loads(out)["service"] == "http"
    assert "absent.pcap: left out: there is no such file" in err
