"""Flows in their context against their raw columns, learnt from one clean day and judged on another one.

Run: python benchmarks/accuracy/zeek_days.py FOLDER [--seeds N] [--peers PYTHON]

FOLDER holds zeek-labelled/. The benign flows of one day are learnt, those without a label left out of what is judged on
the other; both ways round. A fifth of the rows learnt, drawn anew in each seed, is kept for the cut that 5 % of them
exceed. The context of the day judged has the clean day before it, as it would have in use; that of the clean day begins
with nothing, so its first rows are left out. "raw" are the columns of the log without addresses, ports and time, which
one_class.py takes. PyOD's detectors learn and judge the same rows, words as one column each, scaled to [0, 1].
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import polars as pl
from labels import ZEEK_LEFT_OUT, unpacked
from one_class import RATE, Cut, figures, fit_clean, one_hot, ours, print_table
from peers import PEERS, Peers

from amiss.evaluate.measures import cut_for_rate
from amiss.io.logs.source import LogSource
from amiss.network.context import WARM_UP, flow_features
from amiss.network.traffic import Traffic

JUDGED = ("IForest", "KNN", "LOF")
DAYS = ("008", "010")
TEXT = ("proto", "service", "conn_state", "history")


def word(traffic: Traffic) -> np.ndarray:
    """Benign, Malicious or Background of each flow."""
    return np.array([label.partition(":")[0] for label in traffic.flows.label])


def in_context(learnt: Traffic, judged: Traffic) -> tuple[pl.DataFrame, pl.DataFrame]:
    clean = Traffic(learnt.flows.take(word(learnt) == "Benign"))
    rows = flow_features(judged, clean).table.filter(pl.Series(word(judged) != "Background"))
    return flow_features(clean).table[WARM_UP:], rows


def raw(path: Path) -> tuple[pl.DataFrame, np.ndarray]:
    lines = unpacked(path).decode().splitlines()
    names = next(line for line in lines if line.startswith("#fields")).split("\t")[1:]
    rows = sorted((line.split("\t") for line in lines if not line.startswith("#")), key=lambda row: float(row[0]))
    table = pl.DataFrame(
        {n: [None if row[k] == "-" else row[k] for row in rows] for k, n in enumerate(names) if n not in ZEEK_LEFT_OUT}
    ).with_columns(pl.exclude(TEXT).cast(pl.Float64, strict=False))
    return table, np.array([row[names.index("label")] for row in rows])


def cut_of(train: pl.DataFrame, test: pl.DataFrame, kind: np.ndarray, seed: int) -> Cut:
    held = np.random.default_rng(seed).random(train.height) < 0.2
    return Cut(train.filter(pl.Series(~held)), train.filter(pl.Series(held)), test, kind, None)


def judged(train: pl.DataFrame, test: pl.DataFrame, kind: np.ndarray, seeds: int, peers: Peers | None) -> dict:
    found: dict[str, list[dict[str, float]]] = {}
    for seed in range(seeds):
        cut = cut_of(train, test, kind, seed)
        scored = [("`ensemble`", *ours("ensemble", cut, seed))]
        if peers is not None:
            X, T = one_hot(cut)
            low, high = X.min(axis=0), X.max(axis=0)
            X, T = ((part - low) / np.where(high > low, high - low, 1.0) for part in (X, T))
            for name in JUDGED:
                scores, seconds = peers.scores(PEERS[name], seed, X, T)
                n = len(cut.held)
                scored.append((f"PyOD {name}", scores[:n], scores[n:], seconds))
        for name, held, scores, seconds in scored:
            found.setdefault(name, []).append(figures(cut, scores, scores > cut_for_rate(held, RATE), seconds))
        found.setdefault("`amiss fit --clean`", []).append(figures(cut, *fit_clean(cut, seed)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--peers", metavar="PYTHON", help="Python that has PyOD")
    args = parser.parse_args()
    peers = Peers(args.peers, None, "") if args.peers else None
    paths = {day: args.folder / f"zeek-labelled/{day}.conn.log.labeled.gz" for day in DAYS}
    traffic = {day: LogSource([path]).traffic() for day, path in paths.items()}
    for a, b in (DAYS, DAYS[::-1]):
        start = time.process_time()
        train, test = in_context(traffic[a], traffic[b])
        seconds = time.process_time() - start
        label = word(traffic[b])
        kind = np.where(label[label != "Background"] == "Malicious", "attack", "")
        title = f"{a} → {b}, in context ({seconds:.2f} CPU s for the features), {args.seeds} seeds"
        print_table(title, judged(train, test, kind, args.seeds, peers))
        (train, of_train), (test, of_test) = raw(paths[a]), raw(paths[b])
        keep = of_test != "Background"
        kind = np.where(of_test[keep] == "Malicious", "attack", "")
        found = judged(
            train.filter(pl.Series(of_train == "Benign")), test.filter(pl.Series(keep)), kind, args.seeds, peers
        )
        print_table(f"{a} → {b}, raw columns, {args.seeds} seeds", found)
    if peers is not None:
        peers.close()


if __name__ == "__main__":
    main()
