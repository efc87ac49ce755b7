"""100,000 entities of four channels, from JSON bytes to decisions: events a second, bytes an entity, snapshots.

    python benchmarks/speed/watch.py [--entities 100000] [--rounds 5]

CPU time of one thread. Memory is what the live state holds, arrays and names.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import msgspec
import numpy as np

from amiss.core.live import Message
from amiss.stream.band_judge import BandJudge
from amiss.stream.decode import Decoder
from amiss.stream.flow import Flow
from amiss.stream.life import Life, LifeRules
from amiss.stream.rules import Rules
from amiss.stream.snapshot import Saver, read_snapshot

START, BATCH, CHANNELS = 1_700_000_000.0, 2_000, 4


def flow_of() -> Flow:
    return Flow(BandJudge(1.0, "day"), Life("fleet", LifeRules()), Rules())


def messages_of(n_entities: int, round_: int, rng: np.random.Generator) -> list[Message]:
    x = rng.normal(20, 1, (n_entities, CHANNELS)).round(3).tolist()
    encode = msgspec.json.encode
    return [
        Message(encode({"device": f"device-{i:06d}", "time": START + 60 * round_, "a": a, "b": b, "c": c, "d": d}))
        for i, (a, b, c, d) in enumerate(x)
    ]


def size_of(flow: Flow) -> tuple[int, int]:
    """Bytes of arrays, and of names with their places in the dictionary."""
    arrays = [
        flow.roster.n_rows,
        flow.roster.last_time,
        flow.roster.last_mark,
        flow.life._on,
        flow.judge.threshold._quiet,
    ]
    arrays += [value for value in vars(flow.presence).values() if isinstance(value, np.ndarray)]
    arrays.append(flow.judge.detector.memory_)
    names = sum(sys.getsizeof(name) for name in flow.roster.names)
    return sum(a.nbytes for a in arrays), names + sys.getsizeof(flow.roster._codes) + sys.getsizeof(flow.roster.names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    rng, decoder, flow = np.random.default_rng(0), Decoder(), flow_of()
    spent, n = 0.0, 0
    for round_ in range(asked.rounds):
        messages = messages_of(asked.entities, round_, rng)
        gc.collect()
        begun = time.process_time()
        for i in range(0, len(messages), BATCH):
            flow.take(decoder.decode(messages[i : i + BATCH], START), START + 1e9)
            flow.silences(START + 60.0 * round_)
        took = time.process_time() - begun
        print(f"round {round_ + 1}: {len(messages) / took:,.0f} events a CPU-second", file=sys.stderr)
        if round_:  # the first makes room for all
            spent, n = spent + took, n + len(messages)
    arrays, names = size_of(flow)
    print("| what | asked | measured |\n| --- | --- | --- |")
    print(f"| events a CPU-second, JSON bytes to decision | >= 200,000 | {n / spent:,.0f} |")
    print(f"| bytes an entity, arrays | <= 500 | {arrays / asked.entities:.0f} |")
    print(f"| bytes an entity, with its name | | {(arrays + names) / asked.entities:.0f} |")
    with tempfile.TemporaryDirectory() as folder:
        place, times = Path(folder) / "snapshot", []
        for _ in range(5):
            begun = time.perf_counter()
            saver = Saver(place)
            saver.save({"flow": flow.state(), "decoder": decoder.state()})
            paused = time.perf_counter()
            saver.wait()
            written = time.perf_counter()
            state = read_snapshot(place)
            assert state is not None
            flow_of().restore(state["flow"])
            times.append((paused - begun, written - begun, time.perf_counter() - written))
        paused, wrote, read = np.median(np.array(times), axis=0) * 1e3
        print(f"| snapshot, ms for which the stream waits | <= 50 | {paused:.0f} |")
        print(f"| the same until it lies on the disk, in a thread beside | | {wrote:.0f} |")
        print(f"| restore, ms of wall time | <= 50 | {read:.0f} |")
        print(f"| size of the snapshot, MB | | {place.stat().st_size / 1e6:.1f} |")


if __name__ == "__main__":
    main()
