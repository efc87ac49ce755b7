"""Detectors that learn as they go: after a shift, on real streams, and the alarms reached for those asked.

Run: python benchmarks/accuracy/stream.py shift|model|auc|others|rates [--folder FOLDER] [--peers PEER_PYTHON]

FOLDER holds `index.csv` and the files that it names (see series.py); PEER_PYTHON has River, PySAD and krcf. Every
detector has one set of defaults, begins with the first row, and scores each row before it learns it.

shift: normal streams whose level rises by three deviations at row 2,000, in all channels. False alarms: the share of
the 1,000 rows after it above the 99 % quantile of the 1,000 before it. AUC lost: spikes of five deviations among these
1,000 rows, AUC without the shift less that with it. Means over draws.
model: the same for a Model of 2,000 rows that watches, by some detectors; and its own alarms, asked for in 1 % of rows.
auc: AUC over all rows after the first 500 of the NAB series with known causes, and of SKAB's runs with valve 1 as one
stream, in the order in which they were taken.
others: the same over the other NAB series that have anomalies, and the other runs of SKAB; StreamEnsemble was chosen
on these.
rates: alarms raised in 30 days, one row a minute, for those asked for; five streams without anomalies. AdaptiveBand
scores, Adaptive decides.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from scipy.signal import lfilter
from sklearn.metrics import roc_auc_score

import amiss
from amiss.core.catalog import detector_class, detector_names
from amiss.core.detector import SequentialDetector
from amiss.detectors import AdaptiveBand
from amiss.pipeline.model import Model
from amiss.series import CausalEnsemble
from amiss.stream.judge import Batch
from amiss.stream.model_judge import ModelJudge
from amiss.stream.readings import Readings
from amiss.thresholds.adaptive import Adaptive

PEER = Path(__file__).parent / "peer_stream.py"
ASIDE = ("timestamp", "label", "train", "changepoint")
COLD = 500
QUICK = ("River HalfSpaceTrees", "River GaussianScorer", "PySAD LODA", "krcf")
N_DRAWS, N_ROWS, SHIFTED_AT, SHIFT, SPIKE = 10, 3000, 2000, 3.0, 5.0
DAYS, ROWS_A_DAY = 30, 1440
Streams = dict[str, np.ndarray]


def ours() -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Own online detectors by name, those of the catalog and the default for live series."""
    kinds = {name: detector_class(name) for name in detector_names()}
    found = {
        kind.__name__: (lambda X, kind=kind: kind().score_partial_fit(X))
        for kind in kinds.values()
        if isinstance(kind, type) and issubclass(kind, SequentialDetector)
    }
    return {**found, "CausalEnsemble": lambda X: CausalEnsemble().fit_score(X)}


def scores_of(streams: Streams, python: str | None, peers: tuple[str, ...] = ()) -> dict[str, dict[str, np.ndarray]]:
    """Scores by detector and stream, ours and those of the peers."""
    found = {name: {stream: score(X) for stream, X in streams.items()} for name, score in ours().items()}
    if python is None:
        return found
    with tempfile.TemporaryDirectory() as folder:
        given, told = Path(folder, "streams.npz"), Path(folder, "scores.npz")
        np.savez(given, **streams)
        subprocess.run([python, str(PEER), str(given), str(told), *peers], check=True)
        for key, scores in np.load(told).items():
            peer, _, stream = key.partition("/")
            found.setdefault(peer, {})[stream] = scores
    return found


def shifted_streams() -> tuple[Streams, dict[tuple[int, int], np.ndarray]]:
    """Streams with a shift, with spikes, and with both, by channels and draw; and which rows are spikes."""
    streams, spikes = {}, {}
    for draw in range(N_DRAWS):
        for d in (1, 4):
            random = np.random.default_rng(draw)
            X = random.normal(size=(N_ROWS, d))
            odd = SHIFTED_AT + random.choice(N_ROWS - SHIFTED_AT, 20, replace=False)
            spike = np.zeros_like(X)
            spike[odd, random.integers(0, d, 20)] = SPIKE * random.choice([-1, 1], 20)
            shift = np.where(np.arange(N_ROWS) >= SHIFTED_AT, SHIFT, 0.0)[:, None]
            streams |= {f"{d}.{draw}.shift": X + shift, f"{d}.{draw}.calm": X + spike}
            streams[f"{d}.{draw}.both"] = X + shift + spike
            spikes[d, draw] = np.isin(np.arange(SHIFTED_AT, N_ROWS), odd)
    return streams, spikes


def after_shift(told: dict[str, np.ndarray], spikes: dict[tuple[int, int], np.ndarray], d: int) -> tuple[float, float]:
    """Share of false alarms after the shift, and AUC lost by it."""
    rates, lost = [], []
    for draw in range(N_DRAWS):
        shifted, calm, both = (told[f"{d}.{draw}.{kind}"] for kind in ("shift", "calm", "both"))
        limit = np.quantile(shifted[SHIFTED_AT - 1000 : SHIFTED_AT], 0.99)
        rates.append((shifted[SHIFTED_AT:] > limit).mean())
        y = spikes[d, draw]
        lost.append(roc_auc_score(y, calm[SHIFTED_AT:]) - roc_auc_score(y, both[SHIFTED_AT:]))
    return float(np.mean(rates)), float(np.mean(lost))


def run_shift(python: str | None) -> None:
    streams, spikes = shifted_streams()
    print("| detector | false alarms, 1 channel | AUC lost | false alarms, 4 channels | AUC lost |")
    print("| --- | --- | --- | --- | --- |")
    for name, told in scores_of(streams, python, QUICK).items():
        found = [after_shift(told, spikes, d) for d in (1, 4)]
        print(f"| {name} |", " | ".join(f"{100 * rate:.1f} % | {lost:.3f}" for rate, lost in found), "|", flush=True)


def watched(model: Model, X: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Scores and alarms of rows that a model watches, and how many drifts it finds."""
    judge, names, parts = ModelJudge(model), [f"c{j}" for j in range(X.shape[1])], []
    for i in range(0, len(X), 250):
        rows = X[i : i + 250]
        table = {name: rows[:, j].tolist() for j, name in enumerate(names)}
        readings = Readings(None, np.arange(i, i + len(rows), dtype=float), table, [])
        parts.append(judge.advance(Batch(readings, rows, np.zeros(len(rows), np.int64), [""], names)))
    scores, alarms = (np.concatenate([getattr(part, name) for part in parts]) for name in ("scores", "is_anomaly"))
    return scores, alarms, sum(len(part.drifts) for part in parts)


def run_model() -> None:
    streams, spikes = shifted_streams()
    print(
        "| detector of the model | channels | false alarms | its own alarms | AUC lost | drifts found with, without |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for name in (None, "isolation_forest", "ecod", "mahalanobis", "knn"):
        for d in (1, 4):
            X = np.random.default_rng(1000).normal(size=(2000, d))
            model = amiss.fit({f"c{j}": X[:, j] for j in range(d)}, kind="table", false_alarms="1%", detector=name)
            found = {key: watched(model, rows) for key, rows in streams.items() if key.startswith(f"{d}.")}
            rate, lost = after_shift({key: scores for key, (scores, _, _) in found.items()}, spikes, d)
            own = np.mean([alarms[SHIFTED_AT:].mean() for key, (_, alarms, _) in found.items() if "shift" in key])
            drifts = [[n for key, (_, _, n) in found.items() if ("calm" in key) == calm] for calm in (False, True)]
            told = ", ".join(f"{np.mean(n):.2f}" for n in drifts)
            print(
                f"| {name or 'default'} | {d} | {100 * rate:.1f} % | {100 * own:.1f} % | {lost:.3f} | {told} |",
                flush=True,
            )


def real_streams(folder: Path, *, others: bool) -> tuple[Streams, Streams]:
    """Streams and their labels: those that the figures are asked for, or the others of their kinds."""
    index = pl.read_csv(folder / "index.csv")
    found: dict[str, list[tuple[object, np.ndarray, np.ndarray]]] = {}
    for line in index.iter_rows(named=True):
        name = _stream_of(line["dataset"], line["series"], others)
        if name is None:
            continue
        path = folder / line["file"]
        table = pl.read_csv(path) if path.suffix == ".gz" else pl.read_parquet(path)
        values = table.select(name for name in table.columns if name not in ASIDE).to_numpy()
        begin = table["timestamp"][0] if line["dataset"] == "SKAB" else None
        rows = np.ascontiguousarray(values, np.float64), table["label"].to_numpy().astype(int)
        found.setdefault(name, []).append((begin, *rows))
    runs = {name: sorted(parts, key=lambda part: str(part[0])) for name, parts in found.items()}
    labels = {name: np.concatenate([y for _, _, y in parts]) for name, parts in runs.items()}
    labels = {name: y for name, y in labels.items() if y[COLD:].any()}
    return {name: np.concatenate([X for _, X, _ in runs[name]]) for name in labels}, labels


def _stream_of(dataset: str, series: str, others: bool) -> str | None:
    """The stream that a series is of; None where it is left out."""
    if dataset == "SKAB":
        group = "valve1" if series.startswith("valve1") else "valve2" if series.startswith("valve2") else "other"
        return f"SKAB {group}" if (group != "valve1") == others else None
    wanted = dataset.startswith("NAB_") if others else dataset == "NAB_realKnownCause"
    return series if wanted and (dataset == "NAB_realKnownCause") != others else None


def run_auc(folder: Path, python: str | None, *, others: bool) -> None:
    streams, labels = real_streams(folder, others=others)
    print("| detector |", " | ".join(f"{name}, {len(X):,} × {X.shape[1]}" for name, X in streams.items()), "| mean |")
    print("| --- |", " | ".join("---" for _ in streams), "| --- |")
    for name, told in scores_of(streams, python).items():
        figures = [roc_auc_score(labels[s][COLD:], told[s][COLD:]) for s in streams]
        cells = " | ".join(f"{figure:.3f}" for figure in [*figures, float(np.mean(figures))])
        print(f"| {name} | {cells} |", flush=True)


def seasonal(random: np.random.Generator) -> Streams:
    """Streams with a day's course that drift, without anomalies."""
    n = DAYS * ROWS_A_DAY
    at = np.arange(n) / ROWS_A_DAY
    day, noise = np.sin(2 * np.pi * at), random.normal(size=n)
    return {
        "a day's course and a trend": 10 * day + at + noise,
        "day and week, noise that lasts": 5 * day + 5 * np.sin(2 * np.pi * at / 7) + lfilter([1], [1, -0.9], noise),
        "a day's course on a random walk": 5 * day + 0.2 * np.cumsum(random.normal(size=n)) + noise,
        "spread that follows the day and doubles in a month": (1.5 + day) * 2 ** (at / DAYS) * noise,
        "counts that follow the day and grow": random.poisson(np.exp(1.5 + day + at / DAYS)),
    }


def run_rates() -> None:
    asked = (1, 3, 10, 30)
    found: dict[str, dict[int, list[int]]] = {}
    for draw in range(N_DRAWS):
        random = np.random.default_rng(draw)
        for name, x in seasonal(random).items():
            detector = AdaptiveBand()
            scores = detector.score_partial_fit(np.ascontiguousarray(x, np.float64)[:, None])
            for n in asked:
                threshold = Adaptive(n, per="day", least_score=detector.usual_score)
                threshold.advance(scores, time=60.0 * np.arange(len(x)))
                found.setdefault(name, {}).setdefault(n, []).append(threshold.n_raised)
    print("| stream |", " | ".join(f"asked {n} a day" for n in asked), "| largest factor off |")
    print("| --- |", " | ".join("---" for _ in asked), "| --- |")
    for name, counts in found.items():
        cells = " | ".join(f"{np.mean(k) / DAYS:.2f} ± {np.std(k) / DAYS:.2f}" for k in counts.values())
        worst = max(max(max(k) / DAYS / n, DAYS * n / max(min(k), 1)) for n, k in counts.items())
        print(f"| {name} | {cells} | {worst:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("shift", "model", "auc", "others", "rates"))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--peers")
    options = parser.parse_args()
    if options.what == "rates":
        run_rates()
    elif options.what == "model":
        run_model()
    elif options.what == "shift":
        run_shift(options.peers)
    elif options.folder is None:
        parser.error("--folder is missing")
    else:
        run_auc(options.folder, options.peers, others=options.what == "others")


if __name__ == "__main__":
    main()
