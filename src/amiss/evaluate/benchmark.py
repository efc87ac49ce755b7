"""Detectors over many data sets: each compared on each, and which are told apart over all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from amiss.core.errors import AmissError, DataError
from amiss.core.extras import late
from amiss.core.source import Progress, Source, silent
from amiss.core.summary import Matrix
from amiss.evaluate.compare import Plan, compare_sources
from amiss.evaluate.comparison import Comparison
from amiss.evaluate.data_sets import Ranked, over_data_sets
from amiss.pipeline.opening import open_source
from amiss.pipeline.recipe import Recipe

__all__ = ["Benchmark", "benchmark", "benchmark_sources"]

_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What came of it.

    Attributes
    ----------
    measure
        What is in the table.
    sets
        Names of the data sets that could be judged.
    detectors
        Names of the detectors that were judged on all of them, the best mean first.
    table : (n_sets, n_detectors)
        The measure.
    comparisons
        Of each data set.
    ranked
        Which detectors are told apart; None with fewer than two data sets or detectors.
    failures
        Data sets that could not be judged, and detectors that failed on some, and why.
    """

    measure: str
    sets: tuple[str, ...]
    detectors: tuple[str, ...]
    table: Matrix
    comparisons: tuple[Comparison, ...]
    ranked: Ranked | None
    failures: Mapping[str, str]

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write the HTML report: one file that needs no network."""
        late("amiss.report.frame:write_page")(path, late("amiss.report.benchmark_page:benchmark_html"), self)

    def __str__(self) -> str:
        if not self.detectors:
            return "no detector was judged on all data sets"
        best = f"{self.detectors[0]} has the highest mean {self.measure}, {self.table[:, 0].mean():.3f}"
        if self.ranked is None:
            return f"{best}; one data set or one detector tells no more"
        first = self.ranked.names[0]
        group = next((group for group in self.ranked.groups if first in group), ())
        others = ", ".join(name for name in group if name != first)
        apart = f"not told apart from {others}" if others else "told apart from all others"
        rank = f"the best mean rank, {self.ranked.mean_ranks[0]:.2f}"
        return f"{best}, and {rank}: {apart}" if first == self.detectors[0] else f"{best}; {first} has {rank}: {apart}"


def benchmark(
    data_sets: Mapping[str, Any],
    label: str,
    *,
    detectors: Sequence[str] = (),
    false_alarms: float = 0.05,
    measure: str = "auc_pr",
    n_folds: int = 5,
    n_jobs: int = 1,
    normal: str | None = None,
    ignore: str | Sequence[str] = (),
    seed: int = 0,
    progress: Progress = silent,
) -> Benchmark:
    """Compare detectors on each of many labelled data sets, and say which are told apart over all of them.

    Each data set is split, cut and judged as `compare` does it; one that cannot be is named and stops no other. Over
    data sets mean ranks are compared, by Friedman's test and Nemenyi's.

    Parameters
    ----------
    data_sets
        Name of each data set, and what `compare` takes: a path, a table, a mapping of columns.
    label, normal
        Column that says, in each, which rows are anomalies, and its word for a normal row where that is not plain.
    detectors, false_alarms, measure, n_folds, n_jobs, ignore, seed, progress
        As `compare` has them.

    Raises
    ------
    DataError
        No data set could be judged; says why the first could not.

    Examples
    --------
    >>> import amiss, numpy as np
    >>> def line(seed):
    ...     random = np.random.default_rng(seed)
    ...     x, odd = random.normal(size=(400, 2)), random.random(400) < 0.1
    ...     x[odd] += 3
    ...     return {"a": x[:, 0], "b": x[:, 1], "fault": odd}
    >>> found = amiss.benchmark(
    ...     {"one": line(1), "two": line(2)}, "fault", detectors=["naive_bayes", "hbos"], n_folds=3
    ... )
    >>> found.detectors, found.table.shape
    (('naive_bayes', 'hbos'), (2, 2))
    """
    recipe = Recipe(
        label=label, normal=normal, seed=seed, ignore=(ignore,) if isinstance(ignore, str) else tuple(ignore)
    )
    sources = [_named(name, data) for name, data in data_sets.items()]
    return benchmark_sources(
        sources, recipe, detectors, Plan(false_alarms, measure, n_folds, n_jobs=n_jobs), progress
    )  # fmt: skip


def _named(name: str, data: Any) -> Source:
    source = open_source(data)
    source.name = str(name)
    return source


def benchmark_sources(
    sources: Sequence[Source], recipe: Recipe, detectors: Sequence[str], plan: Plan, progress: Progress
) -> Benchmark:
    """Compare detectors on each source, labelled by the recipe's column.

    Raises
    ------
    DataError
        No source could be judged; says why the first could not.
    """
    told, failures = [], {}
    for k, source in enumerate(sources):
        try:
            told.append(compare_sources(
                source, None, recipe, detectors, replace(plan, part_of_more=True), _share_of(progress, k, len(sources))
            ))  # fmt: skip
        except AmissError as error:
            failures[source.name] = error.what
    if not told:
        raise DataError(
            f"no data set could be judged: {next(iter(failures.values()), 'there is none')}",
            where=", ".join(failures) or "no files", mend="give labelled data sets",
        )  # fmt: skip
    return _joined(told, failures, plan.measure)


def _share_of(progress: Progress, k: int, n: int) -> Progress:
    return lambda stage, share: progress(stage, (k + share) / n)


def _joined(told: Sequence[Comparison], failures: dict[str, str], measure: str) -> Benchmark:
    values = [_figures(each, measure) for each in told]
    every = list(dict.fromkeys(candidate.name for each in told for candidate in each.candidates))
    whole = [name for name in every if all(name in found for found in values)]
    for name in every:
        if name not in whole:
            lacking = [each.name for each, found in zip(told, values, strict=True) if name not in found]
            failures[name] = f"not judged on {', '.join(lacking)}"
    table = np.array([[found[name] for name in whole] for found in values]).reshape(len(told), len(whole))
    order = np.argsort(-table.mean(axis=0), kind="stable")
    names, table = tuple(whole[j] for j in order), table[:, order]
    can = len(told) >= _FEWEST and len(names) >= _FEWEST
    ranked = over_data_sets(table, names, method="nemenyi") if can else None
    return Benchmark(measure, tuple(each.name for each in told), names, table, tuple(told), ranked, failures)


def _figures(told: Comparison, measure: str) -> dict[str, Any]:
    found = {each.name: each.judged.figures[measure].value for each in told.candidates if each.judged is not None}
    return {name: value for name, value in found.items() if value == value}
