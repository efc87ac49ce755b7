"""CPU time of each detector and of its peers: fit and score of all rows, and one row alone.

Run: python benchmarks/peers/speed.py PEER_PYTHON [--threads 2] [--only ecod …] [--write docs/benchmarks.md]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jobs import JOBS, Job, Rival
from paste import paste

HERE = Path(__file__).parent
RUNS = 3
LONG = 10.0
"""CPU seconds from which one run is enough: noise is then small beside it."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Measured:
    """The least of all runs of one model; scores of the last."""

    cpu: float
    wall: float
    anew: float | None
    one_row: float | None
    one_row_differs: float | None
    scores: np.ndarray


@dataclass(frozen=True, slots=True)
class Bench:
    peer_python: str
    n_threads: int
    n_rows: int
    folder: Path

    def rows(self, n_features: int) -> Path:
        """Rows around zero, one in 200 far out."""
        path = self.folder / f"rows-{n_features}.npy"
        if not path.exists():
            random = np.random.default_rng(0)
            X = random.normal(size=(self.n_rows, n_features))
            n_odd = self.n_rows // 200
            X[:n_odd] += 6 * random.normal(size=(n_odd, n_features))
            np.save(path, X)
        return path

    def job(self, job: Job) -> list[Measured | str]:
        """Ours and each rival's, process by process in turn: A B C A B C …"""
        sides = [(sys.executable, "ours.py", job.model)]
        sides += [(self.peer_python, "peer.py", {"class": r.path, "params": r.params}) for r in job.rivals]
        runs: list[list[dict[str, Any]]] = [[] for _ in sides]
        for _ in range(RUNS):
            for k, (python, script, model) in enumerate(sides):
                if not any("failed" in run or run["cpu"] > LONG for run in runs[k]):
                    runs[k].append(self._run(python, script, model, job.n_features, k))
        return [self._least(side, k) for k, side in enumerate(runs)]

    def _run(self, python: str, script: str, model: Any, n_features: int, side: int) -> dict[str, Any]:
        order = {
            "rows": str(self.rows(n_features)),
            "model": model,
            "n_threads": self.n_threads,
            "one_row": self.n_threads == 1,
            "anew": LONG if self.n_threads == 1 else 0.0,
            "save": str(self.folder / f"scores-{side}.npy"),
        }
        environment = os.environ | dict.fromkeys(THREADS, str(self.n_threads))
        command = [python, str(HERE / script)]
        ran = subprocess.run(command, input=json.dumps(order), capture_output=True, text=True, env=environment)
        if ran.returncode:
            return {"failed": ran.stderr.strip().rpartition("\n")[2] or f"status {ran.returncode}"}
        answer: dict[str, Any] = json.loads(ran.stdout)
        return answer

    def _least(self, runs: list[dict[str, Any]], side: int) -> Measured | str:
        for run in runs:
            if "failed" in run:
                return str(run["failed"])
        one_row = [run["one_row"] for run in runs if "one_row" in run]
        anew = [run["anew"] for run in runs if "anew" in run]
        return Measured(
            cpu=min(run["cpu"] for run in runs),
            wall=min(run["wall"] for run in runs),
            anew=min(anew) if anew else None,
            one_row=min(one_row) if one_row else None,
            one_row_differs=max(run["one_row_differs"] for run in runs) if one_row else None,
            scores=np.load(self.folder / f"scores-{side}.npy"),
        )


def ratio(reached: float, asked: float | None) -> str:
    """How many times as fast, beside what was asked; two cells."""
    shown = f"{reached:,.0f} ×" if reached >= 100 else f"{reached:.1f} ×"
    if asked is None:
        return f"{shown} |"
    return f"{shown} | ≥ {asked:,.0f}: {'yes' if reached >= asked else '**no**'}"


def seconds(value: float) -> str:
    """With a unit that leaves few zeros."""
    if value >= 1:
        return f"{value:.1f} s"
    return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} µs"


def rule(head: str) -> str:
    return head + "\n|" + " --- |" * (head.count("|") - 1)


ALL_ROWS = rule(
    "| detector | columns | peer | ours | peer's | ratio | asked | peer's, scored anew | ratio | difference of scores |"
)
ONE_ROW = rule("| detector | columns | peer | ours | peer's | ratio | asked |")
THREADS_TOO = rule(
    "| detector | columns | peer | ours, CPU | ours, wall | peer's, CPU | peer's, wall | ratio, CPU | ratio, wall |"
)


def start(job: Job, rival: Rival) -> str:
    return f"| {job.name} | {job.n_features} | {rival.name} |"


def all_rows(job: Job, rival: Rival, ours: Measured, peer: Measured) -> str:
    both = f"{seconds(ours.cpu)} | {seconds(peer.cpu)} | {ratio(peer.cpu / ours.cpu, rival.asked)}"
    anew = "|" if peer.anew is None else f"{seconds(peer.anew)} | {peer.anew / ours.cpu:.1f} ×"
    differs = f"{np.abs(ours.scores - peer.scores).max():.1g}" if rival.equal else ""
    return f"{start(job, rival)} {both} | {anew} | {differs} |"


def row_alone(job: Job, rival: Rival, ours: Measured, peer: Measured) -> str:
    assert ours.one_row is not None
    assert peer.one_row is not None
    both = f"{seconds(ours.one_row)} | {seconds(peer.one_row)}"
    return f"{start(job, rival)} {both} | {ratio(peer.one_row / ours.one_row, rival.asked_one_row)} |"


def threads_too(job: Job, rival: Rival, ours: Measured, peer: Measured) -> str:
    spent = (ours.cpu, ours.wall, peer.cpu, peer.wall)
    times = f"{peer.cpu / ours.cpu:.1f} × | {peer.wall / ours.wall:.1f} ×"
    return f"{start(job, rival)} {' | '.join(map(seconds, spent))} | {times} |"


def table(bench: Bench, jobs: list[Job]) -> Iterator[str]:
    """Line by line, as they are measured; then what is seen of one row."""
    alone, moved = [], 0.0
    yield ALL_ROWS if bench.n_threads == 1 else THREADS_TOO
    for job in jobs:
        ours, *peers = bench.job(job)
        if isinstance(ours, str):
            raise SystemExit(f"{job.name}: {ours}")
        for rival, peer in zip(job.rivals, peers, strict=True):
            if isinstance(peer, str):
                yield f"{start(job, rival)} {peer} |"
            elif bench.n_threads > 1:
                yield threads_too(job, rival, ours, peer)
            else:
                yield all_rows(job, rival, ours, peer)
                alone.append(row_alone(job, rival, ours, peer))
                moved = max(moved, ours.one_row_differs or 0.0)
    if alone:
        yield "\n".join(["\nA row alone:\n", ONE_ROW, *alone])
        yield f"\nIn ours, a row's score alone differs from its score among the others by {moved:.1g} at most."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer_python", help="Python of benchmarks/peers/README.md")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="beginnings of the names of detectors")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--write", type=Path, help="Markdown file whose table is replaced")
    options = parser.parse_args()
    jobs = [job for job in JOBS if not options.only or job.name.startswith(tuple(options.only))]
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for text in table(Bench(options.peer_python, options.threads, options.rows, Path(folder)), jobs):
            print(text, flush=True)
            lines.append(text)
    if options.write:
        paste(options.write, f"peers, {options.threads} threads", "\n".join(lines))


if __name__ == "__main__":
    main()
