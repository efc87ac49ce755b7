"""Events asked for and events reported in series that have no anomalies, clean and drifting.

Run: python benchmarks/accuracy/series_promises.py [--series 40] [--rows 5000 20000] [shape …]

Every series is normal all along, so every event is a false one. `detect`: learnt and judged at once. `score`: the first
half is learnt, the second judged; what is asked is then for a history as long as the half.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

import amiss
from amiss.pipeline.series_result import SeriesResult

STEP_SECONDS, DAY = 600, 144
ASKED = (0.5, 1.0, 5.0, 20.0)
FACTOR = 2.0
Draw = Callable[[np.random.Generator, int], np.ndarray]


def autoregressive(random: np.random.Generator, n: int, share: float) -> np.ndarray:
    return lfilter([np.sqrt(1 - share**2)], [1.0, -share], random.normal(size=n + 200))[200:]


def day(n: int) -> np.ndarray:
    return np.sin(2 * np.pi * np.arange(n) / DAY)


def channels(random: np.random.Generator, n: int, d: int) -> np.ndarray:
    together = 3 * day(n) + 0.5 * random.normal(size=n)
    return together[:, None] + random.normal(size=(n, d))


SHAPES: dict[str, Draw] = {
    "white noise": lambda random, n: random.normal(size=n),
    "heavy tails": lambda random, n: random.standard_t(3, size=n),
    "autoregressive .5": lambda random, n: autoregressive(random, n, 0.5),
    "autoregressive .95": lambda random, n: autoregressive(random, n, 0.95),
    "a day and noise": lambda random, n: 3 * day(n) + random.normal(size=n),
    "slow random walk": lambda random, n: random.normal(size=n) + 0.05 * random.normal(size=n).cumsum(),
    "slow line": lambda random, n: random.normal(size=n) + 4 * np.arange(n) / n,
    "level that wanders": lambda random, n: random.normal(size=n) + 2 * autoregressive(random, n, 0.999),
    "three channels, a day": lambda random, n: channels(random, n, 3),
    "spread by the hour": lambda random, n: (1.5 + day(n)) * random.normal(size=n),
}


def timed(x: np.ndarray) -> dict[str, np.ndarray]:
    time = np.datetime64("2026-01-01") + np.arange(len(x)) * np.timedelta64(STEP_SECONDS, "s")
    return {"time": time, **{f"value_{j}": column for j, column in enumerate(np.atleast_2d(x.T))}}


def counted(result: SeriesResult, n_rows: int) -> list[int]:
    """Events of one result under each promise; only the threshold changes."""
    found = []
    for asked in ASKED:
        wish = f"{asked * 86_400 / ((n_rows - 1) * STEP_SECONDS):.9f}/day"
        model = result.model.with_false_alarms(wish)
        scores = [judged.scores for judged in result.judged]
        anew = SeriesResult(
            model=model, source=result.source, series=result.series, judged=model.judge(result.series.members, scores),
            beyond=result.beyond,
        )  # fmt: skip
        found.append(anew.n_promised)
    return found


def line(shape: str, n_rows: int, way: str, counts: np.ndarray, peaks: float) -> str:
    cells = []
    for asked, each in zip(ASKED, counts.T, strict=True):
        reached, error = each.mean(), max(each.std(ddof=1), np.sqrt(asked)) / np.sqrt(len(each))
        most = min(asked, peaks / 2)  # of all separate chances hardly more than half can be promised
        low, high = most / FACTOR - 2 * error, most * FACTOR + 2 * error
        cells.append(f"{reached:.2f} ± {error:.2f}{'' if low <= reached <= high else ' !'}")
    return f"| {shape} | {n_rows:,} | {way} | {peaks:.0f} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shapes", nargs="*", default=list(SHAPES))
    parser.add_argument("--series", type=int, default=40)
    parser.add_argument("--rows", type=int, nargs="*", default=[5000, 20_000])
    options = parser.parse_args()
    print("| series | rows | way | peaks | " + " | ".join(f"asked {asked:g}" for asked in ASKED) + " |")
    print("| --- | --- | --- | --- |" + " --- |" * len(ASKED))
    for n_rows in options.rows:
        n_series = options.series if n_rows < 10_000 else max(options.series // 3, 10)
        for shape in options.shapes:
            at_once, later, peaks = [], [], []
            for draw in range(n_series):
                x = SHAPES[shape](np.random.default_rng([draw, n_rows]), 2 * n_rows)
                result = amiss.detect(timed(x[:n_rows]), kind="series")
                at_once.append(counted(result, n_rows))
                peaks.append(result.model.threshold.n_calibration_)
                model = amiss.fit(timed(x[:n_rows]), kind="series")
                later.append(counted(model.score(timed(x[n_rows:])), n_rows))
            for way, counts in (("detect", at_once), ("score", later)):
                print(line(shape, n_rows, way, np.array(counts, float), float(np.mean(peaks))), flush=True)


if __name__ == "__main__":
    main()
