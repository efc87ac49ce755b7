"""Memory and time of fit and score on a file larger than memory should hold.

Run: python benchmarks/speed/large.py FOLDER [parquet|csv] [rows]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from detect import measure

from amiss.io.files.sink import write_table

N_COLUMNS = 20


def tables(n_rows: int) -> Iterator[pl.DataFrame]:
    random = np.random.default_rng(0)
    for start in range(0, n_rows, 250_000):
        X = random.normal(size=(min(250_000, n_rows - start), N_COLUMNS)).round(3)
        X[::1000] += 5
        yield pl.DataFrame(X, schema=[f"c{j}" for j in range(N_COLUMNS)])


def main() -> None:
    folder, form = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "parquet"
    n_rows = int(sys.argv[3]) if len(sys.argv) > 3 else 20_000_000
    data, model = folder / f"large.{form}", folder / "large.amiss"
    if not data.exists():
        write_table(data, tables(n_rows))
    amiss = [sys.executable, "-m", "amiss"]
    steps = {
        "plain read": [
            sys.executable,
            "-c",
            f"import polars as pl; print(pl.scan_{form}({str(data)!r}).sum().collect())",
        ],
        "fit": [*amiss, "fit", str(data), "-o", str(model)],
        "score -o": [*amiss, "score", str(model), str(data), "-o", str(folder / "scored.parquet"), "--top", "3"],
        "detect": [*amiss, "detect", str(data), "--top", "3"],
    }
    print(f"{n_rows:,} rows x {N_COLUMNS} columns, {form}, {data.stat().st_size / 1e9:.2f} GB")
    print("| step | CPU s | peak MiB | wall s | rows/s |\n| --- | --- | --- | --- | --- |")
    for name, command in steps.items():
        cpu, peak, wall = measure(command)
        print(f"| {name} | {cpu:.0f} | {peak:.0f} | {wall:.0f} | {n_rows / wall:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
