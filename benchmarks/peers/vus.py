"""VUS against the reference implementation, TSB_AD: CPU time, and by how much the values differ.

Run: python benchmarks/peers/vus.py REFERENCE_PYTHON [--rows 10000 …] [--write docs/benchmarks.md]

REFERENCE_PYTHON is the one of reference.txt, see README.md: TSB_AD needs numpy < 2. The same labels and scores, one
thread, VUS-PR and VUS-ROC together, as TSB_AD computes them; the least of three runs, or one that takes long.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from paste import paste
from speed import LONG, RUNS, THREADS, ratio, rule, seconds
from threadpoolctl import threadpool_limits

from amiss.evaluate.vus import volume

HERE = Path(__file__).parent
ASKED_RATIO, ASKED_DIFFERENCE = 50.0, 1e-6
HEAD = rule("| rows | events | scores | window | ours | reference | ratio | asked | difference | asked |")


@dataclass(frozen=True, slots=True)
class Case:
    n_rows: int
    n_events: int
    length: int
    window: int
    digits: int | None
    """To which scores are rounded: ties."""

    def draw(self) -> tuple[np.ndarray, np.ndarray]:
        """Events spread over the series, not evenly, and noise that is higher in and right after them."""
        random = np.random.default_rng(0)
        labels = np.zeros(self.n_rows, dtype=np.int64)
        for start in random.integers(0, self.n_rows - self.length, self.n_events):
            labels[start : start + self.length] = 1
        late = np.roll(labels, self.length // 3)
        scores = random.normal(size=self.n_rows) + 1.5 * late
        return labels, scores if self.digits is None else scores.round(self.digits)


def cases(sizes: list[int]) -> Iterator[Case]:
    for n_rows in sizes:
        yield Case(n_rows, 5, n_rows // 100, 100, None)
        yield Case(n_rows, 50, 20, 100, None)
        yield Case(n_rows, 50, 20, 100, 0)
        yield Case(n_rows, 5, n_rows // 100, 300, None)


def ours(case: Case) -> tuple[float, float, float]:
    """CPU seconds, VUS-PR, VUS-ROC."""
    labels, scores = case.draw()
    least = np.inf
    for _ in range(RUNS):
        start = time.process_time()
        surface = volume(labels, scores, case.window)
        least = min(least, time.process_time() - start)
    return least, surface.vus_pr, surface.vus_roc


def theirs(case: Case, python: str, folder: Path) -> tuple[float, float, float]:
    path = folder / "case.npz"
    labels, scores = case.draw()
    np.savez(path, labels=labels, scores=scores)
    environment = os.environ | dict.fromkeys(THREADS, "1")
    environment.pop("PYTHONPATH", None)
    command = [python, str(HERE / "vus_reference.py"), str(path), str(case.window), str(RUNS), str(LONG)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment)
    if ran.returncode:
        raise SystemExit(ran.stderr)
    cpu, pr, roc = json.loads(ran.stdout)
    return cpu, pr, roc


def line(case: Case, python: str, folder: Path) -> str:
    cpu, *mine = ours(case)
    their_cpu, *reference = theirs(case, python, folder)
    apart = float(np.abs(np.subtract(mine, reference)).max())
    kind = "all different" if case.digits is None else "many ties"
    met = "yes" if apart <= ASKED_DIFFERENCE else "**no**"
    return (
        f"| {case.n_rows:,} | {case.n_events} × {case.length:,} | {kind} | {case.window} | {seconds(cpu)} "
        f"| {seconds(their_cpu)} | {ratio(their_cpu / cpu, ASKED_RATIO)} | {apart:.1g} "
        f"| ≤ {ASKED_DIFFERENCE:.0e}: {met} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference_python", help="Python with TSB_AD, of benchmarks/peers/README.md")
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--write", type=Path, help="Markdown file whose table is replaced")
    options = parser.parse_args()
    lines = [HEAD]
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        for case in cases(options.rows):
            lines.append(line(case, options.reference_python, Path(folder)))
            print(lines[-1], flush=True)
    if options.write:
        paste(options.write, "vus", "\n".join(lines))


if __name__ == "__main__":
    main()
