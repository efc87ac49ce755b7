"""Captures as tshark reads them: packets and payload of each connection."""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from amiss.io.captures.source import CaptureSource
from tests.network.packets import connection, dns, ethernet, pcap, tagged, udp

SHARED = Path(__file__).parents[3] / "shared" / "data" / "network" / "pcap"
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def by_tshark(path):
    """Packets and payload by (source, port, destination, port), of whole packets of TCP and UDP."""
    fields = ["ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "tcp.len", "udp.srcport",
              "udp.dstport", "udp.length", "ip.flags.mf", "ip.frag_offset", "icmp.type", "icmpv6.type"]  # fmt: skip
    command = ["tshark", "-n", "-r", path, "-o", "ip.defragment:FALSE", "-T", "fields", "-E", "occurrence=l"]
    command += [word for field in fields for word in ("-e", field)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = defaultdict(lambda: [0, 0])
    for line in text.splitlines():
        told = dict(zip(fields, line.split("\t"), strict=False))
        pieces = told["ip.flags.mf"] in ("1", "True") or told["ip.frag_offset"] not in ("", "0")
        layer = "tcp" if told["tcp.srcport"] else "udp"
        if pieces or told["icmp.type"] or told["icmpv6.type"] or not told[f"{layer}.srcport"]:
            continue
        six = bool(told["ipv6.src"])
        src, dst = (told["ipv6.src"], told["ipv6.dst"]) if six else (told["ip.src"], told["ip.dst"])
        payload = int(told["tcp.len"]) if layer == "tcp" else int(told["udp.length"]) - 8
        one = found[src, int(told[f"{layer}.srcport"]), dst, int(told[f"{layer}.dstport"])]
        one[0] += 1
        one[1] += payload
    return dict(found)


def by_us(path):
    flows = CaptureSource(path).traffic().flows
    found = defaultdict(lambda: [0, 0])
    words = flows.hosts.words
    for k in range(flows.n_flows):
        if flows.protocol[k] not in (6, 17) or flows.column("fragments")[k]:
            continue
        ends = (words[flows.src[k]], int(flows.src_port[k])), (words[flows.dst[k]], int(flows.dst_port[k]))
        for (a, b), way in ((ends, "out"), (ends[::-1], "in")):
            if n := getattr(flows, f"packets_{way}")[k]:
                one = found[*a, *b]
                one[0] += int(n)
                one[1] += int(getattr(flows, f"payload_{way}")[k])
    return dict(found)


@needs_tshark
def test_made_packets(tmp_path):
    packets = connection("10.0.0.1", "10.0.0.2", 5000, 80, b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")
    packets += connection("2001:db8::1", "2001:db8::2", 5001, 443, bytes(700))
    packets += [udp("10.0.0.1", "10.0.0.3", 5353, 53, dns(1, "a.example"))]
    frames = [ethernet(packet) for packet in packets]
    frames[-1] = tagged(frames[-1], 12)
    path = tmp_path / "made.pcap"
    path.write_bytes(pcap([(k, frame) for k, frame in enumerate(frames)]))
    found = by_us(path)
    assert len(found) == 5
    assert found == by_tshark(path)


@needs_tshark
@pytest.mark.skipif(not SHARED.is_dir(), reason="the captures for development are not here")
@pytest.mark.parametrize("name", sorted(path.name for path in SHARED.iterdir()) if SHARED.is_dir() else [])
def test_captures_for_development(name):
    assert by_us(SHARED / name) == by_tshark(SHARED / name)
