"""CPU time and peak memory of whole processes: `amiss detect` against pandas + PyOD, and one row at a time.

Run: python benchmarks/speed/detect.py PEER_PYTHON     (a Python with pandas and pyod==3.6.7 installed)
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.ensemble import IsolationForest as Peer

from amiss.detectors import IsolationForest

HERE = Path(__file__).parent
RUNS = 5


# Linux counts the parent's memory into a child's peak until it has started its own program, so a small process stands
# between this one, which has loaded scikit-learn, and the one that is measured.
BETWEEN = """
import os, sys, time
start = time.perf_counter()
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
_, status, used = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet), 0)
print(status, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, time.perf_counter() - start)
"""


def measure(command: list[str]) -> tuple[float, float, float]:
    """CPU seconds, MiB at the peak and wall seconds of one process."""
    out = subprocess.run([sys.executable, "-S", "-c", BETWEEN, *command], capture_output=True, text=True, check=True)
    status, cpu, peak, wall = map(float, out.stdout.split())
    if status:
        raise SystemExit(f"{command} ended with status {status}: {out.stderr}")
    return cpu, peak, wall


def processes(peer_python: str) -> None:
    """A B A B …, the ratio pair by pair."""
    random = np.random.default_rng(0)
    X = random.normal(size=(100_000, 20))
    X[:500] += 6 * random.normal(size=(500, 20))
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.csv"
        pl.DataFrame(X).write_csv(table)
        ours = [sys.executable, "-m", "amiss", "detect", str(table)]
        peer = [peer_python, str(HERE / "peer_pyod.py"), str(table)]
        measure(ours), measure(peer)
        pairs = [(measure(ours), measure(peer)) for _ in range(RUNS)]
    print("| figure | amiss detect | pandas + PyOD IForest | ratio | asked |")
    print("| --- | --- | --- | --- | --- |")
    for k, (name, asked) in enumerate((("CPU s", "≤ 0.5"), ("peak MiB", "≤ 0.5"), ("wall s", ""))):
        a, b = statistics.median(p[0][k] for p in pairs), statistics.median(p[1][k] for p in pairs)
        ratio = statistics.median(p[0][k] / p[1][k] for p in pairs)
        print(f"| {name} | {a:.2f} | {b:.2f} | {ratio:.2f} | {asked} |")


def one_row() -> None:
    """Rows a second, one at a time, of fitted isolation forests."""
    X = np.random.default_rng(0).normal(size=(10_000, 20))
    row = X[:1].copy()
    ours, peer = IsolationForest().fit(X), Peer(n_estimators=100, max_samples=256, random_state=0).fit(X)

    def seconds(score, calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            score(row)
        return (time.perf_counter() - start) / calls

    pairs = [(seconds(ours.score_samples, 5000), seconds(peer.score_samples, 50)) for _ in range(RUNS)]
    a, b = statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)
    ratio = statistics.median(p[1] / p[0] for p in pairs)
    print(f"\none row: amiss {a * 1e6:.1f} µs, scikit-learn {b * 1e3:.2f} ms, {ratio:.0f} times its rate (asked ≥ 200)")


if __name__ == "__main__":
    processes(sys.argv[1])
    one_row()
