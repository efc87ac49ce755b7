"""Which detector is best on labelled rows: all on the same splits, none with a look at what it is judged by."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.catalog import detector_names
from amiss.core.errors import AmissError, ParameterError
from amiss.core.source import Progress, Source, silent
from amiss.evaluate.bench import Bench, Candidate, Told
from amiss.evaluate.leaks import Leak
from amiss.evaluate.significance import compare_on_rows
from amiss.evaluate.verdict import Verdict, verdict
from amiss.pipeline.opening import open_source
from amiss.pipeline.recipe import Recipe

__all__ = ["Comparison", "compare", "compare_sources", "suitable"]

_ONE_CLASS = (
    "ensemble", "isolation_forest", "knn", "lof", "pca", "mahalanobis", "hbos", "ecod", "gmm", "one_class_svm",
)  # fmt: skip
"""Detectors that learn without labels which are tried unasked: unlike ones, that stay quick on 100,000 rows."""
_EXTRAS = {"lightgbm": "lightgbm"}
_MEASURES = ("f1", "mcc", "balanced_accuracy", "accuracy", "precision", "recall", "auc_roc", "auc_pr")
_DEFAULT_RATE = 0.05


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing detectors.

    Attributes
    ----------
    name, label
        Of the source, and of its label.
    n_rows, n_anomalies
        Labelled rows that were judged, and the anomalies among them.
    split
        "stratified", "forward" or "official"; and how many splits there are.
    n_splits
        Number of splits.
    rate
        False-alarm rate that each cut was chosen for, from normal rows that were held out of training.
    measure
        What decides.
    candidates
        The best first, those that are not judged last.
    verdict
        Which to take, by how much, how sure; None where none was judged.
    findings
        What has to be known of the data before a figure is believed, the strong ones first.
    notes
        What is to be said of labels and splits, one sentence each.
    """

    name: str
    label: str
    n_rows: int
    n_anomalies: int
    split: str
    n_splits: int
    rate: float
    measure: str
    candidates: tuple[Candidate, ...]
    verdict: Verdict | None
    findings: tuple[Leak, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        return self.verdict.sentence if self.verdict else "no detector could be judged"


def compare(
    data: Any,
    label: str,
    *,
    test: Any = None,
    detectors: Sequence[str] = (),
    false_alarms: float = _DEFAULT_RATE,
    measure: str = "f1",
    n_folds: int = 5,
    budget_seconds: float | None = None,
    normal: str | None = None,
    time: str | None = None,
    entity: str | None = None,
    ignore: str | Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Comparison:
    """Fit detectors on the same splits of labelled rows, judge them on rows that they have not seen, and name the best.

    Splits are forward in time where there is a time, otherwise stratified with identical rows kept together; or `test`
    is the test set. In each, a fifth of the training rows is held out of learning, and the cut for the asked
    false-alarm rate comes from the normal ones among it: never from a row that is judged. Detectors that learn without
    labels learn from the normal training rows.

    Parameters
    ----------
    data
        A path, "-", a pandas, polars or Arrow table, or a mapping of columns.
    label
        Column that says which rows are anomalies; see `fit`.
    test
        Rows to be judged on, of the same columns; None for splits of `data`.
    detectors
        Names of the catalog; empty for all that learn from labels, and ten unlike ones that learn from normal rows.
    false_alarms
        False-alarm rate of the cuts, in (0, 1).
    measure
        What decides: "f1", "mcc", "balanced_accuracy", "auc_roc", "auc_pr" …
    n_folds
        Splits, where there is no `test`.
    budget_seconds
        No detector is begun after so long; None for no end.
    normal
        The label's word for a normal row, where it is not plain.
    time, entity, ignore, roles
        As `detect` has them.
    seed
        Seed of everything random, from 0.
    progress
        Called with a stage and the share of it that is done.

    Raises
    ------
    DataError
        The labels cannot be told, or are too few for the splits; the test rows have other columns.

    Examples
    --------
    >>> import amiss, numpy as np
    >>> random = np.random.default_rng(0)
    >>> x, odd = random.normal(size=(600, 2)), random.random(600) < 0.1
    >>> x[odd] += 3
    >>> table = {"a": x[:, 0], "b": x[:, 1], "label": odd}
    >>> found = amiss.compare(table, "label", detectors=["logistic_regression", "mahalanobis"])
    >>> found.candidates[0].name, found.split
    ('logistic_regression', 'stratified')
    """
    recipe = Recipe(
        label=label, normal=normal, time=time, entity=entity, seed=seed, roles=dict(roles or {}),
        ignore=(ignore,) if isinstance(ignore, str) else tuple(ignore),
    )  # fmt: skip
    tested = None if test is None else open_source(test)
    return compare_sources(
        open_source(data), tested, recipe, detectors, rate=false_alarms, measure=measure, n_folds=n_folds,
        budget_seconds=budget_seconds, progress=progress,
    )  # fmt: skip


def compare_sources(
    source: Source,
    test: Source | None,
    recipe: Recipe,
    detectors: Sequence[str],
    *,
    rate: float,
    measure: str,
    n_folds: int,
    budget_seconds: float | None,
    progress: Progress,
) -> Comparison:
    """`compare` for sources that are open already and a recipe with a label."""
    if not 0 < rate < 1:
        raise ParameterError(f"a false-alarm rate of {rate:g} is not between none and all", mend="give one such as 5%")
    if measure not in _MEASURES:
        raise ParameterError(f"there is no measure {measure!r}", mend=f"give one of {', '.join(_MEASURES)}")
    bench = Bench.of(source, test, recipe, n_folds, rate)
    names = tuple(detectors) or suitable()
    for name in names:
        recipe.for_labels(name).checked()
    until = None if budget_seconds is None else time.monotonic() + budget_seconds
    told: list[Told] = []
    failed: list[Candidate] = []
    for k, name in enumerate(names):
        progress(f"trying {name}", k / len(names))
        if until is not None and time.monotonic() > until:
            failed.append(Candidate(name, "", None, failure="the budget was spent before its turn"))
            continue
        try:
            told.append(bench.tried(name))
        except AmissError as error:
            failed.append(Candidate(name, "", None, failure=error.what))
        except Exception as error:  # one detector that fails must not stop the others
            failed.append(Candidate(name, "", None, failure=f"{type(error).__name__}: {error}"))
    progress("trying", 1.0)
    told.sort(key=lambda each: -_value(each, measure))
    return Comparison(
        name=source.name, label=str(recipe.label), n_rows=len(bench.truth), n_anomalies=int(bench.truth.sum()),
        split=bench.folds.kind, n_splits=len(bench.folds), rate=rate, measure=measure,
        candidates=(*(each.candidate for each in told), *failed), verdict=_verdict(told, bench.truth, measure),
        findings=bench.findings, notes=(*bench.labels.notes, *bench.folds.notes),
    )  # fmt: skip


def suitable() -> tuple[str, ...]:
    """Names of the detectors that are compared unasked."""
    learners = [name for name in detector_names("labels") if _installed(name)]
    return (*learners, *_ONE_CLASS)


def _installed(name: str) -> bool:
    return name not in _EXTRAS or importlib.util.find_spec(_EXTRAS[name]) is not None


def _value(told: Told, measure: str) -> float:
    assert told.candidate.judged is not None
    value = told.candidate.judged.figures[measure].value
    return value if value == value else -np.inf


def _verdict(told: list[Told], truth: npt.NDArray[np.bool_], measure: str) -> Verdict | None:
    judged = {each.candidate.name: each.candidate.judged for each in told}
    figures = {name: j.figures[measure] for name, j in judged.items() if j is not None}
    if not figures or all(f.value != f.value for f in figures.values()):
        return None
    best = told[0]
    curve = measure.startswith("auc")
    p_values = {
        other.candidate.name: compare_on_rows(
            truth, best.scores if curve else best.flags, other.scores if curve else other.flags, measure=measure
        )[1].p_value
        for other in told[1:]
    }
    return verdict(figures, p_values, measure=measure)
