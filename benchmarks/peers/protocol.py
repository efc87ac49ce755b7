"""One job a line on standard input, one answer a line on standard output: what it costs to rank rows.

A job is JSON: `rows`, the path of an .npy to learn from; `scored`, another to score, or null for the rows learnt;
`model`, what to build; `n_threads`; `seed`; `one_row`, whether to time a row alone too; `anew`, the CPU seconds under
which the rows learnt are scored once more as if they were new; `save`, where to leave the scores, or null. What counts
is learning and scoring, not reading the rows, imports and compilation, which a first model of a few rows has had.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

ONE_ROW_SECONDS = 1.5
ONE_ROW_CALLS = 2000
ONE_ROW_ROUNDS = 5
WARM_UP_ROWS = 200
_WARM: set[str] = set()


class Ranker(Protocol):
    """A detector of any library behind one door."""

    def learn(self, X: np.ndarray) -> None: ...

    def of_learnt(self, X: np.ndarray) -> np.ndarray:
        """Scores of the rows learnt, by the cheapest way the library has."""

    def of(self, X: np.ndarray) -> np.ndarray:
        """Scores of any rows."""


def serve(build: Callable[[dict[str, Any]], Ranker]) -> None:
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), build)), file=ANSWERS, flush=True)


# Libraries print what they like; answers go where only they go.
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def answer(job: dict[str, Any], build: Callable[[dict[str, Any]], Ranker]) -> dict[str, Any]:
    X = np.load(job["rows"])
    new = None if job.get("scored") is None else np.load(job["scored"])
    warm_up(job, X[:WARM_UP_ROWS], build)
    ranker = build(job)
    cpu, wall = cpu_seconds(), time.perf_counter()
    try:
        ranker.learn(X)
        learnt = cpu_seconds() - cpu
        scores = ranker.of_learnt(X) if new is None else ranker.of(new)
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}
    out: dict[str, Any] = {"cpu": cpu_seconds() - cpu, "wall": time.perf_counter() - wall}
    if out["cpu"] < job.get("anew", 0.0):
        cpu = cpu_seconds()
        ranker.of(X)
        out["anew"] = learnt + cpu_seconds() - cpu
    if job.get("one_row"):
        row = X[:1].copy()
        out["one_row"] = one_row(ranker, row)
        out["one_row_differs"] = abs(float(ranker.of(row)[0]) - float(scores[0]))
    if job.get("save"):
        np.save(job["save"], scores)
    return out


def warm_up(job: dict[str, Any], X: np.ndarray, build: Callable[[dict[str, Any]], Ranker]) -> None:
    """Late imports, compilation and worker processes, once for each kind of model."""
    kind = json.dumps(job["model"])
    if kind not in _WARM:
        _WARM.add(kind)
        with contextlib.suppress(Exception):
            ranker = build(job)
            ranker.learn(X)
            ranker.of_learnt(X)
            ranker.of(X[:1])


def one_row(ranker: Ranker, row: np.ndarray) -> float:
    """CPU seconds for a row alone: the least of a few rounds of calls."""
    start = time.process_time()
    ranker.of(row)
    once = max(time.process_time() - start, 1e-6)
    calls = min(ONE_ROW_CALLS, int(ONE_ROW_SECONDS / ONE_ROW_ROUNDS / once))
    if calls < 1:
        return once
    rounds = []
    for _ in range(ONE_ROW_ROUNDS):
        start = time.process_time()
        for _ in range(calls):
            ranker.of(row)
        rounds.append((time.process_time() - start) / calls)
    return min(rounds)


def cpu_seconds() -> float:
    """CPU time of this process and of its living children: some libraries work in processes of their own."""
    return time.process_time() + sum(map(_cpu_of, _children("self")))


def _children(pid: int | str) -> list[int]:
    found: list[int] = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, tasks.read_text().split()):
            found += [child, *_children(child)]
    return found


def _cpu_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
