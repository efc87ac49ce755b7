"""Reads mutated captures: none may end in an error, take long, or be read otherwise by the plain loops.

Run: python scripts/fuzz_captures.py [NUMBER] [SEED] [CAPTURE …]     (captures beside those that the tests make)
Each two-hundredth is also read by the plain loops and compared. What fails is left in fuzz-failed.pcap.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from tests.network.corpus import corpus, mutated

from amiss.kernels import loops
from amiss.network.capture import FlowMeter, traffic_of
from amiss.network.flows import Flows
from amiss.network.traffic import Traffic

LONGEST = 6000
SLOW = 2.0
COMPARED = 200


def read(content: bytes, step: int) -> Traffic:
    """The traffic of a capture that comes in pieces of a size, with little room for it."""
    pieces = [content[k : k + step] for k in range(0, len(content), step)]
    return traffic_of(pieces, meter=FlowMeter(idle_timeout=1.0, active_timeout=20.0, capacity=16))


def columns(flows: Flows) -> list[np.ndarray]:
    """What is compared of flows."""
    return [flows.start, flows.src, flows.dst, flows.state, flows.service, flows.name, flows.statistics]


def same(content: bytes, step: int, fast: Traffic) -> bool:
    """Whether the plain loops read the same."""
    lib, loops.lib = loops.lib, None
    try:
        slow = read(content, step)
    finally:
        loops.lib = lib
    pairs = zip(columns(fast.flows), columns(slow.flows), strict=True)
    alike = all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)
    return alike and fast.flows.hosts.words == slow.flows.hosts.words and fast.dns.name == slow.dns.name


def main() -> None:
    """Mutate and read."""
    number, seed = (int(word) for word in (*sys.argv[1:3], *("10000", "0")[len(sys.argv[1:3]) :]))
    captures = corpus() + [Path(name).read_bytes()[:LONGEST] for name in sys.argv[3:]]
    draw = random.Random(seed)
    n_flows, slowest = 0, 0.0
    for k in range(number):
        content, step = mutated(draw.choice(captures), draw), draw.choice([97, 1024, 1 << 20])
        begun = time.process_time()
        try:
            traffic = read(content, step)
            n_flows += traffic.flows.n_flows
            slowest = max(slowest, time.process_time() - begun)
            fine = k % COMPARED or not loops.compiled() or same(content, step, traffic)
        except BaseException:
            Path("fuzz-failed.pcap").write_bytes(content)
            raise
        if not fine or slowest > SLOW:
            Path("fuzz-failed.pcap").write_bytes(content)
            what = "slow" if fine else "the plain loops read it otherwise"
            raise SystemExit(f"capture {k}: {what}; see fuzz-failed.pcap")
        if k % 10_000 == 9_999:
            print(f"{k + 1:,} captures, {n_flows:,} flows", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{number:,} captures, {n_flows:,} flows, none failed; slowest {slowest:.3f} s, peak {peak:.0f} MiB")


if __name__ == "__main__":
    main()
