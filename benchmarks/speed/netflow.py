"""Flow exports: records per CPU second of one thread, beside the package `netflow`, in one run.

Run: python benchmarks/speed/netflow.py [PEER_PYTHON]     (a Python with netflow installed)

The datagrams are written here, as an exporter sends them: 30 records each of NetFlow 5, 24 of NetFlow 9 and 20 of
IPFIX, the template once. Ours: `FlowExports.add` for each datagram and the records decoded into arrays ("records"), and
also the pairing of both directions into flows ("flows"). The peer: `parse_packet` for each datagram. A B A B …,
medians.
"""

from __future__ import annotations

import pickle
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "network"))

import exports as sent  # type: ignore[import-not-found]

from amiss.network.netflow import FlowExports

RUNS = 5
N_RECORDS, N_FOR_PEER = 600_000, 24_000
ASKED = {"NetFlow 5": "1,000k", "NetFlow 9": "500k", "IPFIX": "500k"}
PEER = """
import pickle, sys, time
import netflow
with open(sys.argv[1], "rb") as file:
    datagrams = pickle.load(file)
start, n, known = time.process_time(), 0, {"netflow": {}, "ipfix": {}}
for datagram in datagrams:
    n += len(netflow.parse_packet(datagram, known).flows)
print(n, time.process_time() - start)
"""


def made(n: int) -> dict[str, list[bytes]]:
    chance = random.Random(0)
    records = []
    for i in range(0, n, 2):
        inside, outside = (
            f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}",
            f"93.184.{chance.randrange(99)}.{chance.randrange(254)}",
        )
        first, port = 4_000_000 + i // 2, chance.randrange(1024, 65536)
        records.append(sent.Record(inside, outside, port, 443, 6, 9, 2000, first, first + 1500, 0x1B))
        records.append(sent.Record(outside, inside, 443, port, 6, 7, 9000, first + 20, first + 1490, 0x1B))

    def groups(size: int) -> list[list[sent.Record]]:
        return [records[at : at + size] for at in range(0, len(records), size)]

    nine = [sent.set_of(256, b"".join(map(sent.record_9, group))) for group in groups(24)]
    ten = [sent.set_of(256, b"".join(map(sent.record_10, group))) for group in groups(20)]
    return {
        "NetFlow 5": [sent.version_5(group, 30 * i) for i, group in enumerate(groups(30))],
        "NetFlow 9": [
            sent.version_9(sent.template(256, sent.V9_FIELDS)),
            *(sent.version_9(s, sequence=i) for i, s in enumerate(nine, 1)),
        ],
        "IPFIX": [
            sent.ipfix(sent.template(256, sent.IPFIX_FIELDS, 10)),
            *(sent.ipfix(s, sequence=20 * i) for i, s in enumerate(ten)),
        ],
    }


def ours(datagrams: list[bytes]) -> tuple[int, float, float]:
    """Records, CPU seconds until they are in arrays, and until they are flows."""
    exports = FlowExports()
    start = time.process_time()
    for datagram in datagrams:
        exports.add(datagram, "10.0.0.254", 0.0)
    exports._decode()
    decoded = time.process_time() - start
    flows = exports.flows()
    assert exports.n_lost == 0
    assert 2 * flows.n_flows == exports.n_records
    return exports.n_records, decoded, time.process_time() - start


def peer(python: str, path: Path) -> float:
    out = subprocess.run([python, "-I", "-c", PEER, str(path)], capture_output=True, text=True, check=True).stdout
    n, seconds = map(float, out.split())
    return n / seconds


def main() -> None:
    python = sys.argv[1] if len(sys.argv) > 1 else None
    whole, few = made(N_RECORDS), made(N_FOR_PEER)
    print("| format | records / CPU s | flows, paired: records / CPU s | asked | `netflow`: records / CPU s |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name, datagrams in whole.items():
            path = Path(folder) / "datagrams"
            path.write_bytes(pickle.dumps(few[name]))
            decoded, paired, theirs = [], [], []
            for _ in range(RUNS):
                n, a, b = ours(datagrams)
                decoded.append(n / a)
                paired.append(n / b)
                if python:
                    theirs.append(peer(python, path))
            cells = [statistics.median(decoded), statistics.median(paired)]
            told = f"{statistics.median(theirs) / 1e3:,.0f}k" if theirs else ""
            print(
                f"| {name} | {cells[0] / 1e3:,.0f}k | {cells[1] / 1e3:,.0f}k | ≥ {ASKED[name]} | {told} |", flush=True
            )


if __name__ == "__main__":
    main()
