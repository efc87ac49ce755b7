"""One column of two tables: its tests, how large the change is, and whether it matters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from amiss.core.schema import ColumnSchema
from amiss.core.summary import Vector
from amiss.evaluate.findings import SEVERITIES, ColumnDrift, DriftTest
from amiss.evaluate.side import Side, plain_kind
from amiss.evaluate.two_sample import (
    Tested,
    chi_square,
    cohen_h,
    ends_of_bins,
    gaps,
    in_bins,
    kolmogorov_smirnov,
    population_stability,
    proportions,
)  # fmt: skip
from amiss.evaluate.wording import chance_words, kind_words, missing_words, number_words, value_words

__all__ = ["Draft", "compare_categories", "compare_numbers", "level"]

MARKS_PSI = (0.1, 0.25)
MARKS_WASSERSTEIN = (0.32, 0.5)
"""In standard deviations: where a normal column that moves has the population stability index of `MARKS_PSI`."""
MARKS_SHARE = (0.2, 0.5)
"""Cohen's small and medium difference of two shares."""
_FEW_VALUES = 20
_KINDS_APART = 20
_KINDS_FOLLOWED = 5
_MOST_NAMED = 10


def level(size: float, marks: tuple[float, float]) -> int:
    """Position in `SEVERITIES` of a size: 0 below both marks, 2 from the second on."""
    return int(size >= marks[0]) + int(size >= marks[1])


@dataclass(frozen=True, slots=True)
class Draft:
    """A column before its p-values are corrected.

    Attributes
    ----------
    found
        All but the decision.
    size, missing_size
        Position in `SEVERITIES` of how much the values, and the share of missing ones, have changed.
    moved, alike, missing
        What to say in each case.
    """

    found: ColumnDrift
    size: int
    missing_size: int
    moved: str
    alike: str
    missing: str

    def judged(self, corrected: Iterator[float], alpha: float) -> ColumnDrift:
        """The finding, once the corrected p-values of its tests are known, in their order."""
        tests = [msgspec.structs.replace(test, p_corrected=next(corrected)) for test in self.found.tests]
        severity, said, p_corrected = 0, [], 1.0
        for test in tests:
            is_missing = test.name == "missing_share"
            size, words = (self.missing_size, self.missing) if is_missing else (self.size, self.moved)
            p_corrected = min(p_corrected, test.p_corrected)
            if size and test.p_corrected <= alpha:
                severity = max(severity, size)
                said.append(words)
            elif size and not is_missing:
                said.append(f"{words}, {chance_words(self.found)}")
        sentence = f"{self.found.column} {'; '.join(said) if said else self.alike}"
        return msgspec.structs.replace(
            self.found, tests=tests, severity=SEVERITIES[severity], p_corrected=p_corrected, sentence=sentence
        )


def compare_numbers(column: ColumnSchema, a: Side, b: Side) -> Draft:
    """A column of numbers."""
    all_a, all_b = a.numbers(column), b.numbers(column)
    values_a, values_b = (np.sort(values[~np.isnan(values)]) for values in (all_a, all_b))
    rows_a, rows_b = (_missing_numbers(side, column, values) for side, values in ((a, all_a), (b, all_b)))
    worth_a, worth_b = _worth_of_numbers(a, all_a), _worth_of_numbers(b, all_b)
    found = ColumnDrift(
        column=column.name,
        kind="number",
        missing_a=rows_a[0] / rows_a[1],
        missing_b=rows_b[0] / rows_b[1],
        rows_worth_a=worth_a * len(values_a),
        rows_worth_b=worth_b * len(values_b),
    )
    tests, size, moved, alike = [], 0, "", "has no values to compare"
    if len(values_a) and len(values_b):
        gap, area = gaps(values_a, values_b)
        ends = ends_of_bins(values_a)
        psi = population_stability(in_bins(values_a, ends), in_bins(values_b, ends))
        spread = _deviation(values_a)
        standardised = area / spread if spread else None
        size = max(level(psi, MARKS_PSI), level(standardised or 0.0, MARKS_WASSERSTEIN))
        tests = _of_numbers(values_a, values_b, gap, worth_a, worth_b)
        moved, alike = number_words(values_a, values_b, column.decimals, area, psi)
        if tests and tests[0].name == "chi_square" and values_a[0] < values_a[-1] and values_b[0] < values_b[-1]:
            moved = value_words(values_a, values_b, column.decimals)
        found = msgspec.structs.replace(
            found,
            psi=psi,
            wasserstein=area if np.isfinite(area) else None,
            wasserstein_standardised=standardised if standardised is not None and np.isfinite(standardised) else None,
            median_a=float(np.median(values_a)),
            median_b=float(np.median(values_b)),
        )
    gone_a, gone_b = np.isnan(all_a).astype(np.float64), np.isnan(all_b).astype(np.float64)
    return _drafted(found, tests, (rows_a, rows_b), (a.worth(gone_a), b.worth(gone_b)), size, moved, alike)


def compare_categories(name: str, a: Side, b: Side) -> Draft:
    """A column of kinds."""
    kinds_a, kinds_b = _kinds(name, a, b)
    rows_a, rows_b = _missing_kinds(a, name), _missing_kinds(b, name)
    worth_a, worth_b = _worth_of_kinds(a, name, kinds_a), _worth_of_kinds(b, name, kinds_a)
    n_a, n_b = sum(kinds_a.values()), sum(kinds_b.values())
    found = ColumnDrift(
        column=name,
        kind="category",
        missing_a=rows_a[0] / rows_a[1],
        missing_b=rows_b[0] / rows_b[1],
        rows_worth_a=worth_a * n_a,
        rows_worth_b=worth_b * n_b,
    )
    tests, size, moved, alike = [], 0, "", "has no values to compare"
    if n_a and n_b:
        names = list(kinds_a | kinds_b)
        counts_a = np.array([kinds_a.get(kind, 0) for kind in names], np.float64)
        counts_b = np.array([kinds_b.get(kind, 0) for kind in names], np.float64)
        unseen = counts_a == 0
        share, expected = float(counts_b[unseen].sum()) / n_b, float((counts_a == 1).sum()) / n_a
        psi = _stability_of_kinds(counts_a, counts_b)
        # A column of many kinds always shows new ones; how many is foretold by those seen once (Good, 1953).
        size = max(level(psi, MARKS_PSI), level(cohen_h(expected, share), MARKS_SHARE) if share > expected else 0)
        tested = chi_square(counts_a, counts_b, worth_a, worth_b)
        tests = [_named("chi_square", tested)] if tested else []
        fresh = sorted((kind for kind in kinds_b if kind not in kinds_a), key=lambda kind: (-kinds_b[kind], kind))
        moved, alike = kind_words(kinds_a, kinds_b, fresh)
        found = msgspec.structs.replace(found, psi=psi, unseen_share=share, unseen=fresh[:_MOST_NAMED])
    sample_a, sample_b = (side.sample.missing(name).astype(np.float64) for side in (a, b))
    return _drafted(found, tests, (rows_a, rows_b), (a.worth(sample_a), b.worth(sample_b)), size, moved, alike)


def _drafted(
    found: ColumnDrift,
    tests: list[DriftTest],
    rows: tuple[tuple[int, int], tuple[int, int]],
    worth: tuple[float, float],
    size: int,
    moved: str,
    alike: str,
) -> Draft:
    missing_size = 0
    if found.missing_a or found.missing_b:
        tests = [*tests, _named("missing_share", proportions(*rows[0], *rows[1], *worth))]
        missing_size = level(cohen_h(found.missing_a, found.missing_b), MARKS_SHARE)
    found = msgspec.structs.replace(found, tests=tests)
    return Draft(found, size, missing_size, moved, alike, missing_words(found.missing_a, found.missing_b))


def _named(name: str, tested: Tested) -> DriftTest:
    return DriftTest(name, float(tested.statistic), float(tested.p_value))


def _of_numbers(a: Vector, b: Vector, gap: float, worth_a: float, worth_b: float) -> list[DriftTest]:
    """The test of a column of numbers: by kinds where there are few values, which would make the other cautious."""
    n_a, n_b = worth_a * len(a), worth_b * len(b)
    n_values = int((np.diff(a) > 0).sum()) + 1  # of a alone: cheap, and mostly enough to know
    values, which = np.unique(np.concatenate([a, b]), return_inverse=True) if n_values <= _FEW_VALUES else (a, a)
    if max(n_values, len(values)) > min(_FEW_VALUES, 0.1 * min(n_a, n_b)):
        return [_named("kolmogorov_smirnov", kolmogorov_smirnov(gap, n_a, n_b))]
    counts_a, counts_b = (np.bincount(part, minlength=len(values)) for part in np.split(which.reshape(-1), [len(a)]))
    tested = chi_square(counts_a.astype(np.float64), counts_b.astype(np.float64), worth_a, worth_b)
    return [_named("chi_square", tested)] if tested else []


def _missing_numbers(side: Side, column: ColumnSchema, values: Vector) -> tuple[int, int]:
    """Rows without a number, of how many: of all rows where they were counted, else of the sampled ones."""
    counts = side.summary.columns[column.name]
    if counts.kind == "number":
        return counts.n_missing + counts.n_infinite, side.n_rows
    return int(np.isnan(values).sum()), len(values)


def _missing_kinds(side: Side, name: str) -> tuple[int, int]:
    return side.summary.columns[name].n_missing, side.n_rows


def _worth_of_numbers(side: Side, values: Vector) -> float:
    """By their ranks, so that a few immense values do not speak for all."""
    if side.moments is None:
        return 1.0
    there = ~np.isnan(values)
    ranks = np.full(len(values), np.nan)
    ordered = np.sort(values[there])
    ranks[there] = np.searchsorted(ordered, values[there]) / max(len(ordered), 1)
    return side.worth(ranks)


def _deviation(values: Vector) -> float:
    """Standard deviation; 0 where all values are one but for rounding."""
    unit = float(np.abs(values).max())
    if unit == 0:
        return 0.0
    deviation = float(np.std(values / unit))  # unit-free, so that squares cannot overflow
    return deviation * unit if deviation > 1e-12 else 0.0


def _kinds(name: str, a: Side, b: Side) -> tuple[dict[str, int], dict[str, int]]:
    """How often each kind occurs: in all rows where they were counted on both sides, else in the sampled ones."""
    counts = a.summary.columns[name], b.summary.columns[name]
    exact = tuple(c.kinds if c.kind != "empty" else {} for c in counts)
    if exact[0] is not None and exact[1] is not None:
        found = exact[0], exact[1]
    else:
        found = a.sample.counts(name), b.sample.counts(name)
    kinds = {c.kind for c in counts}
    return (_folded(found[0]), _folded(found[1])) if kinds in ({"bool", "text"}, {"number"}) else found


def _folded(kinds: dict[str, int]) -> dict[str, int]:
    folded: dict[str, int] = {}
    for kind, n in kinds.items():
        folded[plain_kind(kind)] = folded.get(plain_kind(kind), 0) + n
    return folded


def _worth_of_kinds(side: Side, name: str, kinds: dict[str, int]) -> float:
    if side.moments is None:
        return 1.0
    followed = sorted(kinds, key=lambda kind: -kinds[kind])[:_KINDS_FOLLOWED]
    codes = side.sample.codes(name, followed)
    return min((side.worth((codes == k).astype(np.float64)) for k in range(len(followed))), default=1.0)


def _stability_of_kinds(counts_a: Vector, counts_b: Vector) -> float:
    """Over the 20 most frequent kinds of a, its other kinds together, and those that it does not have."""
    order = np.argsort(-counts_a, kind="stable")
    bins = np.minimum(np.arange(len(order)), _KINDS_APART)
    bins = np.where(counts_a[order] == 0, _KINDS_APART + 1, bins)
    grouped_a, grouped_b = (np.zeros(_KINDS_APART + 2) for _ in range(2))
    np.add.at(grouped_a, bins, counts_a[order])
    np.add.at(grouped_b, bins, counts_b[order])
    return population_stability(grouped_a, grouped_b)
