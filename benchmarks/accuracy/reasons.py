"""Are the reasons right? Causes are planted, and each detector is asked for its contributions.

Run: python benchmarks/accuracy/reasons.py [FOLDER] [--detectors NAME,NAME] [--draws N]
(FOLDER holds NAME.npz with X and y; without it only made-up tables are asked.)

Each table has up to 2,000 rows. Causes are planted in rows that have none of their own: drawn from the half of the rows
whose largest deviation is smaller. In 20 of them one value, in 20 others three values are moved beyond all values of
their columns, by 6 to 12 robust deviations, above or below by chance. The detector learns from the table as it then is.
 Counted are the rows it finds, those that score above 95 % of the rows left as they were:

first       the moved column has the largest contribution
top three   the three moved columns have the three largest
relation    a harder second kind, beside the promise: in tables of factors one value is replaced by one inside the
            middle 96 % of its column that breaks the relation to the others
Spearman    between the contributions under two seeds, negative ones taken as 0; over all columns, and over those that
            carry 90 % of the blame under the first seed
sum         largest deviation from "contributions and one constant sum to the score", over max(1, |score|)
CPU         seconds for the contributions of 1,000 rows x 30 columns
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from amiss.core.catalog import detector_class, detector_names
from amiss.core.detector import Detector
from amiss.core.frame import Frame
from amiss.prepare.preparation import Preparation
from amiss.prepare.roles import Wishes, infer_schema
from amiss.summaries.table import TableSummary

MOST_ROWS, N_PLANTED = 2000, 20
ASKED = ("asked", "0.95", "0.95", "0.90", "0.90", "", "", "0.90", "0.90", "1e-6", "0.20")


def made_up(draws: int) -> Iterator[tuple[str, np.ndarray]]:
    """Tables of four kinds, with 10 and 30 columns."""
    for draw in range(draws):
        for d in (10, 30):
            random = np.random.default_rng([draw, d])
            n = MOST_ROWS
            yield "independent", random.normal(size=(n, d))
            factors = random.normal(size=(n, 3)) @ random.normal(size=(3, d))
            yield "factors", factors + 0.5 * random.normal(size=(n, d))
            yield "heavy tails", random.standard_t(3, size=(n, d))
            centres = random.normal(0, 4, size=(5, d))
            yield "clusters", centres[random.integers(5, size=n)] + random.normal(size=(n, d))


def real(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """The normal rows of labelled tables."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as arrays:
            X, y = arrays["X"].astype(np.float64), arrays["y"]
        X = X[y == 0]
        random = np.random.default_rng(0)
        yield path.stem, X[random.permutation(len(X))[:MOST_ROWS]]


def prepared(X: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """What a detector sees of a table, and the column behind each feature."""
    frame = Frame.of(X)
    summary = TableSummary.of(frame, capacity=10_000)
    preparation = Preparation.of(infer_schema(summary, Wishes()), summary, fill_missing=True)
    return preparation.transform(frame), [frame.names.index(name) for name in preparation.features]


def robust_scale(X: np.ndarray) -> np.ndarray:
    low, high = np.quantile(X, [0.25, 0.75], axis=0)
    scale = (high - low) / 1.349
    return np.where(scale > 0.05 * X.std(axis=0), scale, X.std(axis=0))


def plant(X: np.ndarray, columns: list[int], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list]:
    """The table with causes in it, the rows, and their causes."""
    X = X.copy()
    scale, low, high = robust_scale(X), X.min(axis=0), X.max(axis=0)
    gap = np.abs(X - np.median(X, axis=0))[:, columns] / scale[columns]
    usual = np.argsort(gap.max(axis=1), kind="stable")[: len(X) // 2]
    rows = random.permutation(usual)[: 2 * min(N_PLANTED, len(X) // 50)]
    causes = []
    for k, row in enumerate(rows):
        n_causes = 1 if k < len(rows) // 2 else min(3, len(columns))
        cause = random.choice(columns, n_causes, replace=False)
        beyond = random.uniform(6, 12, n_causes) * scale[cause]
        X[row, cause] = np.where(random.random(n_causes) < 0.5, high[cause] + beyond, low[cause] - beyond)
        causes.append(set(cause.tolist()))
    return X, rows, causes


def break_relations(X: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list]:
    """The table with 20 values that only their relation to the others shows."""
    X = X.copy()
    low, high = np.quantile(X, [0.02, 0.98], axis=0)
    rows = random.permutation(len(X))[:N_PLANTED]
    causes = [{int(j)} for j in random.integers(X.shape[1], size=len(rows))]
    for row, (j,) in zip(rows, causes, strict=True):
        others = np.delete(X, j, axis=1)
        weight = np.linalg.lstsq(np.c_[others, np.ones(len(X))], X[:, j], rcond=None)[0]
        expected = np.r_[others[row], 1.0] @ weight
        X[row, j] = high[j] if expected < (low[j] + high[j]) / 2 else low[j]
    return X, rows, causes


@dataclass
class Tally:
    """What was counted for one detector."""

    first: dict[bool, list[bool]] = field(default_factory=lambda: {True: [], False: []})
    three: dict[bool, list[bool]] = field(default_factory=lambda: {True: [], False: []})
    relation: list[bool] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)
    spearman: list[float] = field(default_factory=list)
    spearman_main: list[float] = field(default_factory=list)
    deviation: float = 0.0


def fitted(name: str, X: np.ndarray, seed: int) -> Detector:
    detector = detector_class(name)()
    if "random_state" in detector.get_params():
        detector.set_params(random_state=seed)
    return detector.fit(X)


def found(scores: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return scores[rows] > np.quantile(np.delete(scores, rows), 0.95)


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Of two rows of contributions; where one column has all the blame, whether it is the first in both."""
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float(np.argmax(a) == np.argmax(b))
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def compare(tally: Tally, one: np.ndarray, other: np.ndarray) -> None:
    for a, b in zip(np.maximum(one, 0), np.maximum(other, 0), strict=True):
        tally.spearman.append(spearman(a, b))
        order = np.argsort(-a)
        main = order[: int(np.searchsorted(np.cumsum(a[order]), 0.9 * a.sum())) + 1]
        if len(main) == 1:
            tally.spearman_main.append(float(b.argmax() == main[0]))
        else:
            tally.spearman_main.append(spearman(a[main], b[main]))


def ask(tally: Tally, name: str, X: np.ndarray, is_real: bool, rows: np.ndarray, causes: list) -> None:
    detector = fitted(name, X, 0)
    scores = detector.anomaly_score(X)
    hit = found(scores, rows)
    tally.found += hit.tolist()
    if not hit.any():
        return
    terms = detector.contributions(X[rows[hit]])
    for line, cause in zip(terms, [c for c, h in zip(causes, hit, strict=True) if h], strict=True):
        named = set(np.argsort(-line, kind="stable")[: len(cause)].tolist())
        (tally.first if len(cause) == 1 else tally.three)[is_real].append(named == cause)
    if "random_state" in detector.get_params():
        compare(tally, terms, fitted(name, X, 1).contributions(X[rows[hit]]))
    if detector.capabilities.additive:
        target = scores[rows[hit]]
        target = np.log2(target) if detector.capabilities.additive_target == "log2" else target
        rest = target - terms.sum(axis=1)
        tally.deviation = max(tally.deviation, np.ptp(rest) / max(1.0, np.abs(target).max()))


def ask_relations(tally: Tally, name: str, X: np.ndarray, rows: np.ndarray, causes: list) -> None:
    detector = fitted(name, X, 0)
    hit = found(detector.anomaly_score(X), rows)
    if hit.any():
        named = detector.contributions(X[rows[hit]]).argmax(axis=1)
        tally.relation += [int(j) in c for j, c in zip(named, np.array(causes)[hit], strict=True)]


def cpu_seconds(name: str) -> float:
    X = np.random.default_rng(0).normal(size=(MOST_ROWS, 30))
    detector = fitted(name, X, 0)
    best = np.inf
    for _ in range(3):
        start = time.process_time()
        detector.contributions(X[:1000])
        best = min(best, time.process_time() - start)
    return best


def share(hits: list) -> str:
    return f"{np.mean(hits):.3f}" if len(hits) else "–"


def line_of(name: str, tally: Tally, seconds: float) -> list[str]:
    additive = detector_class(name).capabilities.additive
    deviation = f"{tally.deviation:.0e}" if additive else "not claimed"
    return [
        name, share(tally.first[False]), share(tally.first[True]), share(tally.three[False]), share(tally.three[True]),
        share(tally.found), share(tally.relation), share(tally.spearman) if tally.spearman else "no seed",
        share(tally.spearman_main) if tally.spearman else "no seed", deviation, f"{seconds:.3f}",
    ]  # fmt: skip


def tables(folder: Path | None, draws: int) -> Iterator[tuple[bool, str, np.ndarray]]:
    for kind, X in made_up(draws):
        yield False, kind, X
    for name, X in real(folder) if folder else ():
        yield True, name, X


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--detectors")
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--each", action="store_true", help="print the figures of each table too")
    given = parser.parse_args()
    with_reasons = [n for n in detector_names() if detector_class(n).capabilities.reasons]
    names = given.detectors.split(",") if given.detectors else with_reasons
    tallies = {name: Tally() for name in names}
    for is_real, kind, raw in tables(given.folder, given.draws):
        random = np.random.default_rng(7)
        _, columns = prepared(raw)
        X, rows, causes = plant(raw, columns, random)
        X, columns = prepared(X)
        causes = [{columns.index(j) for j in cause} for cause in causes]
        for name, tally in tallies.items():
            before = len(tally.first[is_real]), len(tally.three[is_real])
            ask(tally, name, X, is_real, rows, causes)
            if given.each:
                first, three = tally.first[is_real][before[0] :], tally.three[is_real][before[1] :]
                print(f"{name} {kind} {X.shape[1]}: {share(first)} {share(three)}", flush=True)
        if kind == "factors":
            X, rows, causes = break_relations(raw, random)
            for name, tally in tallies.items():
                ask_relations(tally, name, prepared(X)[0], rows, causes)
    head = ("detector", "first, made up", "first, real", "top three, made up", "top three, real", "found", "relation",
            "Spearman", "Spearman, 90 %", "sum", "CPU s")  # fmt: skip
    for cells in (head, ["---"] * len(head), ASKED):
        print("| " + " | ".join(cells) + " |")
    for name, tally in tallies.items():
        print("| " + " | ".join(line_of(name, tally, cpu_seconds(name))) + " |", flush=True)


if __name__ == "__main__":
    main()
