"""CPU time of `amiss compare` with 12 detectors and 5 folds against a loop written by hand over the same detectors.

Run: python benchmarks/speed/compare.py PEER_PYTHON [N_ROWS]     (a Python with pandas, scikit-learn and pyod installed)
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from detect import HERE, measure

DETECTORS = (
    "decision_tree", "random_forest", "extra_trees", "gradient_boosting", "logistic_regression", "linear_svm",
    "labelled_neighbors", "mlp", "naive_bayes", "isolation_forest", "knn", "lof",
)  # fmt: skip
RUNS = 3
COLUMNS = 40


def main() -> None:
    peer_python = sys.argv[1]
    n_rows = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    random = np.random.default_rng(0)
    odd = random.random(n_rows) < 0.1
    X = random.normal(size=(n_rows, COLUMNS)) + np.outer(odd, random.normal(0, 0.7, COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.csv"
        pl.DataFrame(X).with_columns(label=odd.astype(int)).write_csv(table)
        ours = [sys.executable, "-m", "amiss", "compare", str(table), "--label", "label", "--jobs", "1"]
        for name in DETECTORS:
            ours += ["--detector", name]
        peer = [peer_python, str(HERE / "peer_loop.py"), str(table)]
        pairs = [(measure(ours), measure(peer)) for _ in range(RUNS)]
    print(f"{n_rows:,} rows x {COLUMNS}, {len(DETECTORS)} detectors, 5 folds, median of {RUNS} runs in turns\n")
    print("| figure | amiss compare | loop by hand | ratio | asked |")
    print("| --- | --- | --- | --- | --- |")
    for k, (name, asked) in enumerate((("CPU s", "≤ 0.7"), ("peak MiB", ""), ("wall s", ""))):
        a, b = statistics.median(p[0][k] for p in pairs), statistics.median(p[1][k] for p in pairs)
        ratio = statistics.median(p[0][k] / p[1][k] for p in pairs)
        print(f"| {name} | {a:.1f} | {b:.1f} | {ratio:.2f} | {asked} |")


if __name__ == "__main__":
    main()
