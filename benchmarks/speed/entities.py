"""The band and the threshold on a stream of 100,000 entities with 4 channels: speed, bytes, snapshots, memory.

Run: python benchmarks/speed/entities.py [PEER_PYTHON]     (a Python with river installed)

Rows of entities in random order, in batches of 1,024: `AdaptiveBand.score_partial_fit`, then `Adaptive.advance`; CPU
time of one thread, median of five runs after every entity has been seen. A snapshot copies the states of both, a
restore makes both from it: medians of nine, after the first, which asks the system for memory. Growth is that of the
process's memory while ten times as many further events pass. The peer: an object a channel and entity, in a dictionary,
`GaussianScorer`, on 2,000 entities.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from amiss.core.detector import Context
from amiss.detectors import AdaptiveBand
from amiss.thresholds.adaptive import Adaptive

N_ENTITIES, N_CHANNELS, BATCH, N_EVENTS, RUNS, COPIES = 100_000, 4, 1024, 256 * 1024, 5, 9
PEER = """
import random, time
from pathlib import Path
from river import anomaly
def held(): return 4096 * int(Path("/proc/self/statm").read_text().split()[1])
chance, known = random.Random(0), {}
rows = [(i % 2000, [chance.gauss(0, 1) for _ in range(4)]) for i in range(20000)]
before, start = held(), time.process_time()
for who, row in rows:
    scorers = known.get(who)
    if scorers is None:
        scorers = known[who] = [anomaly.GaussianScorer() for _ in row]
    score = max(scorer.score_one(None, x) for scorer, x in zip(scorers, row))
    for scorer, x in zip(scorers, row):
        scorer.learn_one(None, x)
print((held() - before) / 2000, len(rows) / (time.process_time() - start))
"""


def held_mb() -> float:
    """Memory of this process, MB."""
    return 4096 * int(Path("/proc/self/statm").read_text().split()[1]) / 1e6


def main() -> None:
    random = np.random.default_rng(0)
    X, who = random.normal(size=(N_EVENTS, N_CHANNELS)), random.integers(0, N_ENTITIES, N_EVENTS)
    detector, threshold = AdaptiveBand(), Adaptive(1e-4, least_score=2.5)

    def passed(n_events: int) -> float:
        """CPU microseconds an event."""
        start = time.process_time()
        for first in range(0, n_events, BATCH):
            rows = slice(first % N_EVENTS, first % N_EVENTS + BATCH)
            scores = detector.score_partial_fit(X[rows], context=Context(entity=who[rows]))
            threshold.advance(scores, who[rows])
        return 1e6 * (time.process_time() - start) / n_events

    everyone = np.arange(N_ENTITIES)
    detector.score_partial_fit(random.normal(size=(N_ENTITIES, N_CHANNELS)), context=Context(entity=everyone))
    threshold.advance(np.zeros(N_ENTITIES), everyone)
    each = statistics.median(passed(N_EVENTS) for _ in range(RUNS))
    before = held_mb()
    passed(10 * N_EVENTS)
    grown = held_mb() - before
    saved, restored = [], []
    for _ in range(COPIES + 1):
        start = time.process_time()
        states = [{name: np.array(v) for name, v in part.state().items()} for part in (detector, threshold)]
        middle = time.process_time()
        AdaptiveBand().restore(states[0])
        Adaptive.restored(states[1])
        saved.append(1e3 * (middle - start))
        restored.append(1e3 * (time.process_time() - middle))
    n_bytes = sum(v.nbytes for state in states for v in state.values())
    print("| what | asked | reached |")
    print("| --- | --- | --- |")
    print(f"| band and threshold, µs of CPU an event | ≤ 1 | {each:.2f} |")
    print(f"| state, bytes an entity | ≤ 500 | {n_bytes / N_ENTITIES:.0f} |")
    print(f"| snapshot in memory, ms of CPU | ≤ 50 | {statistics.median(saved[1:]):.0f} |")
    print(f"| restore, ms of CPU | ≤ 50 | {statistics.median(restored[1:]):.0f} |")
    print(f"| growth over {10 * N_EVENTS:,} further events, MB | ≤ 1 | {grown:.2f} |")
    if len(sys.argv) > 1:
        out = subprocess.run([sys.argv[1], "-I", "-c", PEER], capture_output=True, text=True, check=True).stdout
        size, pace = map(float, out.split())
        print(f"| River `GaussianScorer` objects: bytes an entity | | {size:,.0f} |")
        print(f"| River: µs of CPU an event | | {1e6 / pace:.1f} |")


if __name__ == "__main__":
    main()
