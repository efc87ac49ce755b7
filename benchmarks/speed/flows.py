"""Packets to flows: CPU time of one thread, peak memory and number of flows, beside NFStream, argus and nfpcapd.

Run: python benchmarks/speed/flows.py [--peer PEER_PYTHON] [--packets 1000000] [--captures FOLDER] [--detect]
PEER_PYTHON is a Python with nfstream; argus and nfpcapd are run where they are installed. With --captures, the number
of flows is compared with NFStream's on each capture of a folder instead. With --detect, `amiss detect` is run on
two captures of small conversations, for what a flow takes in memory.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from detect import measure
from made_capture import SMALL, write_capture

from amiss.io.captures.source import CaptureSource

HERE = Path(__file__).parent
RUNS = 3
OURS = "import sys; from amiss.io.captures.source import CaptureSource; CaptureSource(sys.argv[1]).traffic()"
STREAMED = "import sys; from amiss.io.captures.source import CaptureSource; list(map(len, map(lambda f: f.start, CaptureSource(sys.argv[1]).flows())))"  # noqa: E501


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--peer")
    asked.add_argument("--packets", type=int, default=1_000_000)
    asked.add_argument("--captures", type=Path)
    asked.add_argument("--detect", action="store_true")
    given = asked.parse_args()
    if given.captures:
        compare_counts(given.captures, given.peer)
        return
    with tempfile.TemporaryDirectory() as folder:
        if given.detect:
            memory(Path(folder), given.packets)
            return
        speed(Path(folder), given.packets, given.peer)


def speed(folder: Path, n_packets: int, peer: str | None) -> None:
    """The same file by everyone, in turns."""
    capture = folder / "made.pcap"
    write_capture(capture, n_packets)
    print(f"{n_packets:,} packets, {capture.stat().st_size / 1e6:.0f} MB")
    commands = {
        "amiss, whole": [sys.executable, "-c", OURS, str(capture)],
        "amiss, streamed": [sys.executable, "-c", STREAMED, str(capture)],
    }
    counts = {"amiss, whole": str(CaptureSource(capture).traffic().flows.n_flows)}
    if peer:
        for how in ("statistics", "bare"):
            command = [peer, str(HERE / "peer_nfstream.py"), str(capture), how]
            commands[f"NFStream, {how}"] = command
            counts[f"NFStream, {how}"] = subprocess.check_output(command, text=True).split()[-1]
    if argus := shutil.which("argus"):
        commands["argus"] = [argus, "-r", str(capture), "-w", str(folder / "made.argus")]
    if nfpcapd := shutil.which("nfpcapd"):
        (folder / "nf").mkdir()
        # -e: active and idle time-out.
        commands["nfpcapd"] = [nfpcapd, "-r", str(capture), "-w", str(folder / "nf"), "-e", "1800,120"]
    print("| what | flows | CPU s | packets a CPU s | peak MiB |\n| --- | --- | --- | --- | --- |")
    for name, command in commands.items():
        runs = [measure(command) for _ in range(RUNS if name.startswith("amiss") else 1)]
        cpu, peak = statistics.median(run[0] for run in runs), max(run[1] for run in runs)
        print(f"| {name} | {counts.get(name, '')} | {cpu:.2f} | {n_packets / cpu:,.0f} | {peak:.0f} |", flush=True)


def memory(folder: Path, n_packets: int) -> None:
    """Events of a capture and of one three times as large: what each further flow takes at the peak."""
    print("| packets | flows | CPU s | peak MiB |\n| --- | --- | --- | --- |")
    found = []
    for n in (n_packets, 3 * n_packets):
        capture = folder / f"{n}.pcap"
        write_capture(capture, n, shares=SMALL)
        cpu, peak, _ = measure([sys.executable, "-m", "amiss", "detect", str(capture), "--format", "ndjson"])
        n_flows = sum(len(flows.start) for flows in CaptureSource(capture).flows())
        found.append((n_flows, peak))
        print(f"| {n:,} | {n_flows:,} | {cpu:.1f} | {peak:.0f} |", flush=True)
    (few, low), (many, high) = found
    print(f"\na further flow takes {(high - low) * 1024 / (many - few):.2f} KiB")


def compare_counts(folder: Path, peer: str | None) -> None:
    """Flows of each capture of a folder, and NFStream's."""
    print("| capture | packets | flows | flows of NFStream |\n| --- | --- | --- | --- |")
    for capture in sorted(folder.iterdir()):
        flows = CaptureSource(capture).traffic().flows
        n_packets = int(flows.packets_out.sum() + flows.packets_in.sum())
        other = ""
        if peer:
            command = [peer, str(HERE / "peer_nfstream.py"), str(capture), "bare"]
            other = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        print(f"| {capture.name} | {n_packets} | {flows.n_flows} | {other} |", flush=True)


if __name__ == "__main__":
    main()
