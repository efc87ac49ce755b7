"""Sequential detectors: ROC AUC of rows scored before they are learnt, beside their peers, in one run.

Run: python benchmarks/accuracy/sequential.py TABLES SERIES [PEER_PYTHON]     (a Python with river, krcf and pysad)

TABLES is a folder with `NAME.npz` files, `X` and `y` in each, whose rows are put in a random order, the first 3,000
kept. SERIES holds `index.csv` and the files that it names (see series.py): the NAB series with a known cause, each
alone, and the SKAB runs of valve 1 one after the other. Defaults everywhere; the first 500 rows are not judged. Peers
that do not scale by themselves get rows in units of the first 500 rows' deviations, where their name says so.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from amiss.core.catalog import detector_class

FIRST, MOST_ROWS = 500, 3_000
TABLES = (
    "6_cardio", "16_http", "20_letter", "23_mammography", "27_PageBlocks", "30_satellite", "31_satimage-2",
    "32_shuttle", "34_smtp",
)  # fmt: skip
ASIDE = ("label", "train", "changepoint", "timestamp")
OURS = {
    "half_space_trees": {},
    "random_cut_forest": {},
    "random_cut_forest, shingle of 8": {"shingle": 8},
    "online_mahalanobis": {},
}
PEERS = ("River trees, scaled", "PySAD trees", "PySAD LODA", "PySAD xStream", "krcf", "krcf, scaled",
         "krcf, shingle of 8")  # fmt: skip


def tables(folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for name in TABLES:
        held = np.load(folder / f"{name}.npz")
        order = np.random.default_rng(0).permutation(len(held["X"]))[:MOST_ROWS]
        y = held["y"][order].astype(int)
        if y[FIRST:].any():
            yield name, np.ascontiguousarray(held["X"][order], float), y


def series(folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    index = pl.read_csv(folder / "index.csv")
    for line in index.filter(pl.col("dataset") == "NAB_realKnownCause").iter_rows(named=True):
        yield f"NAB {line['series']}", *_read(folder / line["file"])
    runs = index.filter(pl.col("file").str.contains("SKAB__valve1")).sort("file")["file"]
    parts = [_read(folder / file) for file in runs]
    if parts:
        yield "SKAB valve 1", np.vstack([X for X, _ in parts]), np.concatenate([y for _, y in parts])


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    table = pl.read_csv(path) if path.suffix == ".gz" else pl.read_parquet(path)
    values = table.select(name for name, kind in table.schema.items() if name not in ASIDE and kind.is_numeric())
    return np.ascontiguousarray(values.to_numpy(), float), (table["label"].to_numpy() > 0).astype(int)


def judged(scores: np.ndarray, y: np.ndarray) -> float:
    return float(roc_auc_score(y[FIRST:], np.nan_to_num(scores[FIRST:])))


def peer_scores(python: str, X: np.ndarray) -> dict[str, np.ndarray]:
    script = Path(__file__).parents[1] / "speed" / "peer_streams.py"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, X)
        subprocess.run([python, "-I", str(script), "scores", str(path)], check=True)
        with np.load(path.with_suffix(".npz")) as held:
            return dict(held)


def main() -> None:
    python = sys.argv[3] if len(sys.argv) > 3 else None
    columns = [*OURS, *(PEERS if python else ())]
    means: dict[str, list[dict[str, float]]] = {}
    print(f"| data | {' | '.join(columns)} |\n| --- |{' --- |' * len(columns)}")
    for kind, source in (("tables", tables(Path(sys.argv[1]))), ("series", series(Path(sys.argv[2])))):
        for name, X, y in source:
            found = {
                title: judged(detector_class(title.partition(",")[0])(**options).score_partial_fit(X), y)
                for title, options in OURS.items()
            }
            if python:
                found |= {title: judged(scores, y) for title, scores in peer_scores(python, X).items()}
            means.setdefault(kind, []).append(found)
            print(f"| {name} | {_cells(found, columns)} |", flush=True)
    for kind, lines in means.items():
        whole = {c: float(np.mean([line[c] for line in lines])) for c in columns if all(c in line for line in lines)}
        print(f"| mean of {len(lines)} {kind} | {_cells(whole, columns)} |")


def _cells(found: dict[str, float], columns: list[str]) -> str:
    return " | ".join(f"{found[c]:.3f}" if c in found else "" for c in columns)


if __name__ == "__main__":
    main()
