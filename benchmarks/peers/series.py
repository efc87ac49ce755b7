"""CPU time and memory on long and on many series, beside a matrix profile, neighbours of windows, and a loop over PyOD.

Run: python benchmarks/peers/series.py STUMPY_PYTHON PYOD_PYTHON [--peer-rows 20000] [--many 1000 3000 10000]

Ours is the whole process `amiss detect FILE.parquet`: start, reading, events and reasons included. The matrix profile
and the neighbours are measured on the first rows, without start and compilation, and scaled with the square of the
number of rows, which is what they cost. The loop over PyOD is measured on a few series and scaled with their number.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
DAY, ROWS, LOOPED, WINDOW, NEIGHBORS = 144, 1000, 5, 100, 10
ONE_TENTH, TIMES, MOST_MB = 0.1, 20.0, 500
STUMPY = """
import sys, time, numpy as np, stumpy
x, window = np.load(sys.argv[1]), int(sys.argv[2])
stumpy.stump(x[: 5 * window], window)
start = time.process_time()
stumpy.stump(x, window)
print(time.process_time() - start)
"""
NEAREST = """
import sys, time, numpy as np
from sklearn.neighbors import NearestNeighbors
W = np.lib.stride_tricks.sliding_window_view(np.load(sys.argv[1]), int(sys.argv[2]))
start = time.process_time()
NearestNeighbors(n_neighbors=int(sys.argv[3]), algorithm="brute").fit(W).kneighbors(W)
print(time.process_time() - start)
"""
LOOP = """
import sys, time, numpy as np
from pyod.models.knn import KNN
from pyod.models.ts_od import TimeSeriesOD
X, window = np.load(sys.argv[1]), int(sys.argv[2])
def windows(x): return np.lib.stride_tricks.sliding_window_view(x, window)
ways = {
    "TimeSeriesOD, its default": lambda x: TimeSeriesOD(window_size=window).fit(x[:, None]).decision_scores_,
    "TimeSeriesOD of KNN": lambda x: TimeSeriesOD(detector="KNN", window_size=window).fit(x[:, None]).decision_scores_,
    "KNN of windows, their scores alone": lambda x: KNN().fit(windows(x)).decision_scores_,
}
for name, way in ways.items():
    way(X[0])
    start = time.process_time()
    for x in X: way(x)
    print(f"{name};{(time.process_time() - start) / len(X)}")
"""


def asked(python: str, script: str, *words: object) -> str:
    environment = os.environ | THREADS
    ran = subprocess.run([python, "-c", script, *map(str, words)], capture_output=True, text=True, env=environment)
    if ran.returncode:
        raise SystemExit(ran.stderr)
    return ran.stdout


def ours(path: Path) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of the whole process."""
    pid = os.fork()
    if pid == 0:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        os.execve(sys.executable, [sys.executable, "-m", "amiss", "detect", str(path)], os.environ | THREADS)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"amiss detect {path.name}: status {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def minutes(n: int) -> np.ndarray:
    """A day, a week and noise; an hour too high, and a stuck sensor."""
    at = np.arange(n)
    x = 50 + 10 * np.sin(2 * np.pi * at / 1440) + 3 * np.sin(2 * np.pi * at / 10_080)
    x += np.random.default_rng(0).normal(size=n)
    x[n // 3 : n // 3 + 60] += 12
    x[2 * n // 3 : 2 * n // 3 + 200] = x[2 * n // 3]
    return x


def devices(n: int) -> np.ndarray:
    random = np.random.default_rng(n)
    phase, level = random.uniform(0, 6, size=(n, 1)), 20 * random.normal(size=(n, 1))
    return level + 10 * np.sin(2 * np.pi * np.arange(ROWS) / DAY + phase) + random.normal(size=(n, ROWS))


def times(n: int, seconds: int) -> np.ndarray:
    return np.datetime64("2025-01-01", "us") + (seconds * np.arange(n)).astype("timedelta64[s]")


def year(folder: Path, stumpy: str, n: int, n_peer: int) -> None:
    x, path, part = minutes(n), folder / "year.parquet", folder / "part.npy"
    pl.DataFrame({"time": times(n, 60), "value": x}).write_parquet(path)
    np.save(part, x[:n_peer])
    cpu, memory = ours(path)
    print("| rows | what | CPU | memory | ours in it | asked |")
    print("| --- | --- | --- | --- | --- | --- |")
    small = f"< {MOST_MB} MB: {'yes' if memory < MOST_MB else '**no**'}"
    print(f"| {n:,} | `amiss detect`, whole process | {cpu:.1f} s | {memory:.0f} MB | | {small} |", flush=True)
    scale = (n / n_peer) ** 2
    peers = {
        "matrix profile, window 1,440 (stumpy)": (stumpy, STUMPY, 1440),
        "matrix profile, window 100 (stumpy)": (stumpy, STUMPY, 100),
        f"{NEIGHBORS} neighbours of windows of {WINDOW} (scikit-learn)": (sys.executable, NEAREST, WINDOW, NEIGHBORS),
    }
    for name, (python, script, *words) in peers.items():
        theirs = float(asked(python, script, part, *words)) * scale
        met = "yes" if cpu <= ONE_TENTH * theirs else "**no**"
        print(
            f"| {n:,} | {name}, from {n_peer:,} rows | {theirs:,.0f} s | | 1/{theirs / cpu:.0f} | ≤ 1/10: {met} |",
            flush=True,
        )


def many(folder: Path, pyod: str, counts: list[int]) -> None:
    part = folder / "devices.npy"
    np.save(part, devices(LOOPED))
    loops = dict(line.split(";") for line in asked(pyod, LOOP, part, WINDOW).splitlines())
    print(f"\n| series of {ROWS:,} | CPU | memory | each | " + " | ".join(loops) + " |")
    print("| --- | --- | --- | --- |" + " --- |" * len(loops))
    for n in counts:
        X, path = devices(n), folder / "devices.parquet"
        names = np.repeat([f"device {k}" for k in range(n)], ROWS)
        pl.DataFrame({"device": names, "time": np.tile(times(ROWS, 600), n), "value": X.ravel()}).write_parquet(path)
        del X, names
        cpu, memory = ours(path)
        cells = [f"{float(each) * n / cpu:.1f} × ({1e3 * float(each):.1f} ms)" for each in loops.values()]
        print(f"| {n:,} | {cpu:.1f} s | {memory:,.0f} MB | {1e3 * cpu / n:.1f} ms | {' | '.join(cells)} |", flush=True)
    print(f"\nAsked: ≥ {TIMES:.0f} times as fast as a loop over PyOD, and linear growth.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stumpy_python")
    parser.add_argument("pyod_python")
    parser.add_argument("--year", type=int, default=525_600)
    parser.add_argument("--peer-rows", type=int, default=20_000)
    parser.add_argument("--many", type=int, nargs="*", default=[1000, 3000, 10_000])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        year(Path(folder), options.stumpy_python, options.year, options.peer_rows)
        many(Path(folder), options.pyod_python, options.many)


if __name__ == "__main__":
    main()
