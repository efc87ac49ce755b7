"""Accuracy and cost of the neural detectors beside the core's own, on labelled tables and series.

Run: python benchmarks/accuracy/deep.py rows FOLDER [detector …] [--seeds 3]
     python benchmarks/accuracy/deep.py series FOLDER [detector …] [--each]

Rows: FOLDER holds NAME.npz with X and y; the detector, as it is and with its defaults, learns a random half of the
normal rows, 5,000 at most, and scores the rest. Series: as `series.py` reads and judges them, and of those at most
6,000 rows long the first two of each source. A name can give parameters: "sequence_autoencoder:cell=gru".
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from tables import cut, figures, print_summary

from amiss.core.catalog import detector_class
from amiss.evaluate.vus import vus_pr, vus_window
from series import read

ROWS = ["ensemble", "autoencoder", "variational_autoencoder", "deep_belief_network", "deep_svdd"]
SERIES = [
    "series_ensemble", "windowed_pca", "windowed:detector=autoencoder", "autoregression",
    "sequence_autoencoder:cell=lstm", "sequence_autoencoder:cell=gru", "sequence_autoencoder:cell=tcn",
    "sequence_forecaster:cell=lstm", "sequence_forecaster:cell=gru", "sequence_forecaster:cell=tcn", "transformer",
]  # fmt: skip
MOST_LEARNT, LONGEST, OF_A_SOURCE = 5_000, 6_000, 2


def made(name: str, **more: Any) -> Any:
    """The detector that a name with parameters means."""
    kind, _, told = name.partition(":")
    detector = detector_class(kind)()
    given = dict(pair.split("=") for pair in told.split(",") if pair)
    return detector.set_params(**{key: _read(value) for key, value in given.items()}, **more)


def _read(value: str) -> Any:
    return int(value) if value.isdigit() else value


def seeded(name: str, seed: int) -> Any:
    more = {"random_state": seed} if "random_state" in made(name).get_params() else {}
    return made(name, **more)


def timed(work: Callable[..., Any], *given: Any) -> tuple[Any, float]:
    start = time.process_time()
    return work(*given), time.process_time() - start


def warm() -> None:
    """Load torch, which is no cost of a fit."""
    made("deep_svdd:n_steps=1").fit(np.random.default_rng(0).normal(size=(50, 2)))


def rows(folder: Path, names: list[str], n_seeds: int) -> None:
    paths = sorted(folder.glob("*.npz"))
    values, seconds = np.zeros((len(paths), n_seeds, len(names), 2)), np.zeros((len(paths), n_seeds, len(names)))
    for i, path in enumerate(paths):
        for seed in range(n_seeds):
            parts = cut(path, "one-class", seed)
            for j, name in enumerate(names):
                fitted, seconds[i, seed, j] = timed(seeded(name, seed).fit, parts.train[:MOST_LEARNT])
                values[i, seed, j] = figures(parts.y, fitted.anomaly_score(parts.test))
    print(f"{len(paths)} tables, {n_seeds} seeds; CPU s of all fits together\n")
    print_summary([f"`{name}`" for name in names], len(names), values, seconds)


def chosen(folder: Path) -> Iterator[dict[str, Any]]:
    index = pl.read_csv(folder / "index.csv").filter((pl.col("events") > 0) & (pl.col("n") <= LONGEST))
    for _, part in index.group_by("kind", "dataset", maintain_order=True):
        yield from part.head(OF_A_SOURCE).iter_rows(named=True)


def series(folder: Path, names: list[str], each: bool) -> None:
    lines = list(chosen(folder))
    n_one = sum(line["kind"] == "univariate" for line in lines)
    print(f"{n_one} series of one channel, {len(lines) - n_one} of several\n")
    print("| detector | one channel | several channels | CPU s a fit | µs a row |\n" + "| --- " * 5 + "|")
    for name in names:
        found: dict[str, list[float]] = {"univariate": [], "multivariate": []}
        costs = []
        for line in lines:
            X, labels, train = read(folder / line["file"])
            learnt = X if line["kind"] == "univariate" else np.ascontiguousarray(X[train])
            fitted, cost = timed(made(name).fit, learnt)
            scores, more = timed(fitted.anomaly_score, X)
            costs.append((cost, 1e6 * more / len(X)))
            found[line["kind"]].append(vus_pr(labels, np.nan_to_num(scores), vus_window(X)))
            if each:
                print(f"|   {line['dataset']} {line['series']} | {found[line['kind']][-1]:.3f} | | {cost:.1f} | |")
        one, many = (np.mean(found[kind]) for kind in ("univariate", "multivariate"))
        fit, score = np.mean(costs, axis=0)
        print(f"| `{name}` | {one:.3f} | {many:.3f} | {fit:.1f} | {score:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("rows", "series"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("detectors", nargs="*")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--each", action="store_true", help="every series by itself")
    options = parser.parse_args()
    warm()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if options.kind == "rows":
            rows(options.folder, options.detectors or ROWS, options.seeds)
        else:
            series(options.folder, options.detectors or SERIES, options.each)


if __name__ == "__main__":
    main()
