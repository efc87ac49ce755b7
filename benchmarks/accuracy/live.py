"""Causal mode: NAB's rule, SKAB's protocol, and the alarms reached for those asked.

Run: python benchmarks/accuracy/live.py nab|skab|rates [FOLDER]

FOLDER holds `index.csv` and the files that it names (see series.py). Everything goes through the public door:
`amiss.detect(..., causal=True)`, or `amiss.fit(..., causal=True)` and `score`.

nab: each NAB series alone; scored by `amiss.evaluate.nab`, our own implementation of the published rule (its scorer
needs another environment), with the labels' windows as they are in the files. "best threshold" is NAB's own protocol:
one threshold for all series, the best for each profile. The lines below it are decisions: one promise for all, the
rows at which an alarm is raised.
skab: the first 400 rows are learnt, the rest is decided row by row; F1, false alarms and missed rows over all files.
rates: alarms raised on generated streams without anomalies, over those asked for; mean and standard error.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl
from scipy.signal import lfilter

import amiss
from amiss.evaluate.nab import nab
from amiss.thresholds.notices import news

ASIDE = ("label", "train", "changepoint")
LEARNT = 400


def tables(folder: Path, source: str) -> list[tuple[str, pl.DataFrame, np.ndarray]]:
    """Name, table without labels, and labels of each series of a source."""
    found = []
    index = pl.read_csv(folder / "index.csv").filter(pl.col("dataset").str.starts_with(source))
    for line in index.iter_rows(named=True):
        path = folder / line["file"]
        table = pl.read_csv(path) if path.suffix == ".gz" else pl.read_parquet(path)
        values = table.select(name for name in table.columns if name not in ASIDE)
        found.append((line["dataset"], values, table["label"].to_numpy().astype(int)))
    return found


def run_nab(folder: Path) -> None:
    series = tables(folder, "NAB_")
    print(f"{len(series)} series, {sum(len(y) for _, _, y in series):,} rows")
    print("| decided by | standard | low false positives | low false negatives | windows found | false rows |")
    print("| --- | --- | --- | --- | --- | --- |")
    scored = [(y, news(amiss.detect(X, causal=True).scores)) for _, X, y in series]
    _print_nab("the best threshold", nab(scored))
    for n in (1, 2, 4, 8):
        told = [(y, raised(amiss.detect(X, causal=True, false_alarms=n).is_anomaly)) for _, X, y in series]
        _print_nab(f"{n} false alarm{'' if n == 1 else 's'} in each series", nab(told, threshold=0.5))


def raised(is_anomaly: np.ndarray) -> np.ndarray:
    """1 where an alarm is raised, 0 where it goes on or there is none."""
    return (is_anomaly & ~np.append(False, is_anomaly[:-1])) * 1.0


def _print_nab(name: str, found: dict) -> None:
    figures = " | ".join(f"{profile.score:.1f}" for profile in found.values())
    standard = found["standard"]
    print(f"| {name} | {figures} | {standard.n_found} of {standard.n_windows} | {standard.n_false} |", flush=True)


def run_skab(folder: Path) -> None:
    series = [each for each in tables(folder, "SKAB") if each[2].any()]
    print(f"{len(series)} files")
    print("| false alarms asked for in 400 rows | F1 | false alarms, % | missed, % |")
    print("| --- | --- | --- | --- |")
    _print_skab("always alarming", [(y[LEARNT:], np.ones(len(y) - LEARNT, bool)) for _, _, y in series])
    for asked in (0.25, 0.5, 1):
        told = []
        for _, X, y in series:
            model = amiss.fit(X[:LEARNT], causal=True, false_alarms=asked / LEARNT)
            told.append((y[LEARNT:], model.score(X[LEARNT:]).is_anomaly))
        _print_skab(f"{asked:g}", told)


def _print_skab(name: str, told: list[tuple[np.ndarray, np.ndarray]]) -> None:
    y, flag = np.concatenate([y for y, _ in told]) > 0, np.concatenate([flag for _, flag in told])
    f1 = 2 * (y & flag).sum() / (y.sum() + flag.sum())
    print(f"| {name} | {f1:.3f} | {100 * flag[~y].mean():.1f} | {100 * (~flag[y]).mean():.1f} |", flush=True)


def streams(n: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Streams without anomalies, clean and drifting."""
    noise, at = random.normal(size=n), np.arange(n)
    knots = np.interp(at, np.linspace(0, n, 9), random.normal(size=9))
    factor = noise[:, None] + random.normal(size=(n, 5))
    return {
        "noise": noise,
        "heavy tails, t with 3 degrees": random.standard_t(3, size=n),
        "AR(1), 0.5": lfilter([1], [1, -0.5], noise),
        "AR(1), 0.95": lfilter([1], [1, -0.95], noise),
        "a day's course and noise": 3 * np.sin(2 * np.pi * at / 144) + noise,
        "drifting: a random walk": np.cumsum(noise),
        "drifting: 4 deviations over the history": noise + 4 * at / n,
        "drifting: a level that wanders": noise + 3 * knots,
        "drifting: a spread that comes and goes": noise * (1 + 0.8 * np.sin(2 * np.pi * at / 1000)),
        "noise in whole numbers": np.round(2 * noise),
        "a level read every fifth row": np.repeat(noise[: n // 5], 5) + 0.0,
        "five channels with one cause": factor,
    }


def run_rates() -> None:
    print("| stream | rows | asked 1 | asked 5 | asked 20 |")
    print("| --- | --- | --- | --- | --- |")
    for n, n_draws in ((2000, 40), (20_000, 8)):
        found: dict[str, dict[int, list[int]]] = {}
        for draw in range(n_draws):
            for name, X in streams(n, np.random.default_rng(draw)).items():
                table = X if X.ndim == 2 else X[:, None]
                for asked in (1, 5, 20):
                    raised = len(amiss.detect(table, causal=True, false_alarms=asked).events)
                    found.setdefault(name, {}).setdefault(asked, []).append(raised)
        for name, counts in found.items():
            cells = [f"{np.mean(k):.1f} ± {np.std(k) / np.sqrt(n_draws):.1f}" for k in counts.values()]
            print(f"| {name} | {n:,} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("nab", "skab", "rates"))
    parser.add_argument("folder", type=Path, nargs="?")
    options = parser.parse_args()
    if options.what == "rates":
        run_rates()
    elif options.folder is None:
        parser.error("FOLDER is missing")
    else:
        {"nab": run_nab, "skab": run_skab}[options.what](options.folder)


if __name__ == "__main__":
    main()
