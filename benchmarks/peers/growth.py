"""How the CPU time of each detector grows with the number of rows and of columns.

Run: python benchmarks/peers/growth.py [--only knn …] [--budget 60] [--write docs]

Each with its own defaults, one thread, fit and score of the same rows. What is predicted to take longer than the
budget, in CPU seconds, is left out and shown as such.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from drawing import Growth, draw
from paste import paste
from threadpoolctl import threadpool_limits

from amiss.core.catalog import detector_class, detector_names

N_ROWS = (1_000, 3_000, 10_000, 30_000, 100_000)
N_COLUMNS = (2, 5, 10, 20, 50, 100)
ROWS_MEANWHILE = 10_000
COLUMNS_MEANWHILE = 10
SHORT = 1.0
"""CPU seconds under which a time is the least of three."""
TAIL = 3
"""Largest sizes an exponent is fitted to: beside the smaller ones stands what every call costs."""


def rows(n_rows: int, n_features: int) -> np.ndarray:
    """Rows around zero, one in 200 far out."""
    random = np.random.default_rng(0)
    X = random.normal(size=(n_rows, n_features))
    X[::200] += 6 * random.normal(size=X[::200].shape)
    return X


def seconds(name: str, X: np.ndarray) -> float:
    """CPU time of fit and score."""
    least = np.inf
    for _ in range(3):
        start = time.process_time()
        detector_class(name)().fit(X).anomaly_score(X)
        least = min(least, time.process_time() - start)
        if least > SHORT:
            break
    return least


def along(name: str, shapes: list[tuple[int, int]], budget: float) -> list[float | None]:
    """Times at growing sizes; None from where the next would take too long."""
    times: list[float | None] = []
    for k, (n_rows, n_features) in enumerate(shapes):
        last = times[-1] if times else 0.0
        # Twice as large may take four times as long.
        growth = (n_rows * n_features / np.prod(shapes[k - 1])) ** 2 if k else 1.0
        too_long = last is None or last * growth > budget
        times.append(None if too_long else seconds(name, rows(n_rows, n_features)))
    return times


def measure(names: list[str], budget: float) -> Iterator[Growth]:
    for name in names:
        seconds(name, rows(200, 3))  # late imports
        by_rows = along(name, [(n, COLUMNS_MEANWHILE) for n in N_ROWS], budget)
        by_columns = along(name, [(ROWS_MEANWHILE, d) for d in N_COLUMNS], budget)
        yield Growth(name, dict(zip(N_ROWS, by_rows, strict=True)), dict(zip(N_COLUMNS, by_columns, strict=True)))


def exponent(times: dict[int, float | None]) -> float:
    """Slope of log time over log size, of the largest sizes."""
    known = [(size, time) for size, time in times.items() if time is not None][-TAIL:]
    sizes, spent = np.log(np.array(known)).T
    return float(np.polyfit(sizes, spent, 1)[0])


def shown(times: dict[int, float | None], size: int) -> str:
    spent = times[size]
    return "over the budget" if spent is None else f"{spent:.3g}"


def table(growths: list[Growth]) -> str:
    lines = [
        f"| detector | s at {N_ROWS[-1]:,} × {COLUMNS_MEANWHILE} | grows as n to the | s at {ROWS_MEANWHILE:,} × "
        f"{N_COLUMNS[-1]} | grows as d to the |",
        "| --- | --- | --- | --- | --- |",
    ]
    for growth in growths:
        lines.append(
            f"| `{growth.name}` | {shown(growth.by_rows, N_ROWS[-1])} | {exponent(growth.by_rows):.2f} "
            f"| {shown(growth.by_columns, N_COLUMNS[-1])} | {exponent(growth.by_columns):.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", help="names of detectors")
    parser.add_argument("--budget", type=float, default=60.0, help="CPU seconds for one time")
    parser.add_argument("--write", type=Path, help="folder with benchmarks.md, where growth.svg is put too")
    parser.add_argument("--keep", type=Path, help="JSON with the times: read where it exists, written where not")
    options = parser.parse_args()
    if options.keep and options.keep.exists():
        growths = [Growth.of(record) for record in json.loads(options.keep.read_text())]
    else:
        growths = []
        with threadpool_limits(1):
            for growth in measure(list(options.only or detector_names()), options.budget):
                growths.append(growth)
                print(growth.name, file=sys.stderr, flush=True)
        if options.keep:
            options.keep.write_text(json.dumps([growth.record() for growth in growths]))
    text = table(growths)
    print(text)
    if options.write:
        paste(options.write / "benchmarks.md", "growth", text)
        exponents = {g.name: (exponent(g.by_rows), exponent(g.by_columns)) for g in growths}
        (options.write / "growth.svg").write_text(draw(growths, exponents), encoding="utf-8")


if __name__ == "__main__":
    main()
