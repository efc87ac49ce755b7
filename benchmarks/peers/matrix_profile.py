"""CPU time of the matrix profile beside stumpy's, on the same random walk, and the difference of the distances.

Run: python benchmarks/peers/matrix_profile.py PEER_PYTHON [--rows 100000] [--window 100]
PEER_PYTHON is a Python that has stumpy.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from amiss.kernels.profile import matrix_profile

PEER = """
import os, sys, time
os.environ["NUMBA_NUM_THREADS"] = "1"
import numpy as np, stumpy
x, window = np.load(sys.argv[1]), int(sys.argv[2])
stumpy.stump(x[:2000], window)  # compiled before it is timed
start = time.process_time()
distance = stumpy.stump(x, window)[:, 0].astype(float)
print(stumpy.__version__, time.process_time() - start)
np.save(sys.argv[3], distance)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer_python")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--window", type=int, default=100)
    options = parser.parse_args()
    x = np.random.default_rng(0).normal(size=options.rows).cumsum()
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder, "x.npy"), Path(folder, "distance.npy")
        np.save(given, x)
        start = time.process_time()
        ours = matrix_profile(x, options.window)
        mine = time.process_time() - start
        command = [options.peer_python, "-c", PEER, str(given), str(options.window), str(found)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.split()
        difference = np.abs(ours.distance - np.load(found)).max()
    theirs = float(said[1])
    print("| rows | window | ours | stumpy | ratio | asked | largest difference |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    print(
        f"| {options.rows:,} | {options.window} | {mine:.2f} s | {theirs:.2f} s ({said[0]}) | {theirs / mine:.1f} × | "
        f"≥ 2: {'yes' if theirs >= 2 * mine else '**no**'} | {difference:.1e} |"
    )


if __name__ == "__main__":
    main()
