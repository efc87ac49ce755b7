"""Filters cut out of a capture the packets of a finding: as many as its flows have."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from amiss.io.captures.source import CaptureSource
from amiss.network.behave import find_behaviours
from amiss.network.capture import file_header, file_record
from amiss.network.filters import capture_filter, display_filter
from amiss.network.finding import Finding
from amiss.network.traffic import Traffic

BEGIN = 1_700_000_000.0
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
needs_tcpdump = pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")


def address(word: str) -> bytes:
    return bytes(int(part) for part in word.split("."))


def ip(src: str, dst: str, protocol: int, content: bytes, *, vlan: int = 0) -> bytes:
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(content), 1, 0, 64, protocol, 0, address(src), address(dst))
    return bytes(12) + tag + struct.pack("!H", 0x0800) + header + content


def tcp(ports: tuple[int, int], flags: int, content: bytes = b"") -> bytes:
    return struct.pack("!HHIIBBHHH", *ports, 1, 0, 0x50, flags, 1024, 0, 0) + content


def arp(src: str, dst: str) -> bytes:
    asked = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, bytes(6), address(src), bytes(6), address(dst))
    return b"\xff" * 6 + bytes(6) + struct.pack("!H", 0x0806) + asked


def talk(src: str, dst: str, port: int, at: float, *, vlan: int = 0) -> list[tuple[float, bytes]]:
    there, back = (40_000 + int(at * 10) % 20_000, port), (port, 40_000 + int(at * 10) % 20_000)
    steps = ((there, 2, b""), (back, 18, b""), (there, 16, b""), (there, 24, b"x" * 90), (back, 24, b"y" * 300),
             (there, 17, b""), (back, 17, b""))  # fmt: skip
    ends = [(src, dst) if ports == there else (dst, src) for ports, _, _ in steps]
    return [
        (at + 0.01 * i, ip(*ends[i], 6, tcp(ports, flags, content), vlan=vlan))
        for i, (ports, flags, content) in enumerate(steps)
    ]


def scan(vlan: int = 0) -> list[tuple[float, bytes]]:
    probes = []
    for i, port in enumerate(range(3, 1800, 7)):
        at = BEGIN + 20 + 0.02 * i
        probes.append((at, ip("10.0.0.66", "10.0.0.5", 6, tcp((51_000 + i, port), 2), vlan=vlan)))
        probes.append((at + 0.001, ip("10.0.0.5", "10.0.0.66", 6, tcp((port, 51_000 + i), 20), vlan=vlan)))
    return probes


def wide_scan() -> list[tuple[float, bytes]]:
    return [(BEGIN + 20 + 0.1 * i, ip("10.0.0.66", f"10.0.1.{i}", 6, tcp((52_000 + i, 445), 2))) for i in range(1, 90)]


def pings() -> list[tuple[float, bytes]]:
    echo = struct.pack("!BBHHH", 8, 0, 0, 7, 1) + bytes(32)
    return [(BEGIN + 20 + 0.1 * i, ip("10.0.0.66", f"10.0.1.{i}", 1, echo)) for i in range(1, 60)]


def arps() -> list[tuple[float, bytes]]:
    return [(BEGIN + 20 + 0.1 * i, arp("10.0.0.66", f"10.0.0.{i}")) for i in range(1, 60)]


CASES = {
    "vertical_scan": scan(), "horizontal_scan": wide_scan(), "sweep": pings(), "sweep by ARP": arps(),
    "vertical_scan in a VLAN": scan(vlan=7),
}  # fmt: skip


@pytest.fixture(params=sorted(CASES))
def found(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Finding, Traffic]:
    vlan = 7 if "VLAN" in request.param else 0
    packets = list(CASES[request.param])
    for i in range(40):
        packets += talk("10.0.0.66", "10.0.0.5", 443, BEGIN + 200 + i, vlan=vlan)
        packets += talk("10.0.0.20", "198.51.100.7", 443, BEGIN + 2 * i, vlan=vlan)
        packets += talk("10.0.0.66", "198.51.100.8", 8080, BEGIN + 20 + 0.2 * i, vlan=vlan)
    path = tmp_path / "made.pcap"
    path.write_bytes(file_header() + b"".join(file_record(at, packet) for at, packet in sorted(packets)))
    traffic = CaptureSource(path).traffic()
    findings = find_behaviours(traffic)
    assert [(one.kind, one.host) for one in findings] == [(request.param.split()[0], "10.0.0.66")]
    return path, findings[0], traffic


def n_packets(finding: Finding, traffic: Traffic) -> int:
    flows = traffic.flows
    return int((flows.packets_out + flows.packets_in)[finding.flows].sum())


@needs_tshark
def test_wireshark_shows_its_packets_and_no_others(found: tuple[Path, Finding, Traffic]) -> None:
    path, finding, traffic = found
    words = display_filter(finding, traffic.flows)
    assert len(words) < 400
    shown = subprocess.run(["tshark", "-n", "-r", str(path), "-Y", words], capture_output=True, text=True, check=True)
    expected = n_packets(finding, traffic)
    if finding.kind == "vertical_scan":
        # Hundreds of ports are not named: within the scan's time its talk with another server is told apart by the
        # peer, and with the same one there is none.
        assert len(traffic.flows.start) > len(finding.flows)
    assert len(shown.stdout.splitlines()) == expected


@needs_tcpdump
def test_tcpdump_shows_its_packets(found: tuple[Path, Finding, Traffic]) -> None:
    path, finding, traffic = found
    words = capture_filter(finding, traffic.flows)
    assert len(words) < 400
    shown = subprocess.run(["tcpdump", "-n", "-r", str(path), words], capture_output=True, text=True, check=True)
    n, expected = len(shown.stdout.splitlines()), n_packets(finding, traffic)
    # It knows no times, so that the later talk of the same two hosts is among them where ports cannot be named.
    assert n == expected + (40 * 7 if finding.kind == "vertical_scan" else 0)
