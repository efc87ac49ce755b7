"""Which detector is best on labelled rows: all on the same splits, none with a look at what it is judged by."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from amiss import __version__
from amiss.core.catalog import detector_class, detector_names
from amiss.core.errors import DataError, ParameterError
from amiss.core.extras import require
from amiss.core.source import Progress, Source, silent
from amiss.evaluate.bench import Bench, whole_part
from amiss.evaluate.candidate import Candidate, candidate_of, learns_in_order
from amiss.evaluate.comparison import Comparison, Selected
from amiss.evaluate.courses import SERIES_DETECTORS, stretches
from amiss.evaluate.halving import SEARCHES, Tuned, tuned_params
from amiss.evaluate.kept_trials import KeptTrials
from amiss.evaluate.runner import Runner, Task
from amiss.evaluate.significance import compare_on_rows
from amiss.evaluate.trial import with_params
from amiss.evaluate.verdict import Verdict, verdict
from amiss.kernels.blocks import n_threads
from amiss.pipeline.api import fit_labelled, fit_source
from amiss.pipeline.model import Model
from amiss.pipeline.opening import open_source
from amiss.pipeline.recipe import Recipe
from amiss.prepare.stability import stability

__all__ = [
    "MEASURES",
    "TUNED_SETTINGS",
    "Plan",
    "compare",
    "compare_sources",
    "fit_best",
    "suitable",
    "tuned_on_all",
]

_ONE_CLASS = (
    "ensemble", "isolation_forest", "knn", "lof", "pca", "mahalanobis", "hbos", "ecod", "gmm", "one_class_svm",
)  # fmt: skip
"""Detectors that learn without labels which are tried unasked: unlike ones, that stay quick on 100,000 rows."""
_EXTRAS = {"lightgbm": "lightgbm"}
MEASURES = ("f1", "mcc", "balanced_accuracy", "accuracy", "precision", "recall", "auc_roc", "auc_pr")
_DEFAULT_RATE = 0.05
TUNED_SETTINGS = 12
"""Settings of the parameters that each detector's tuning chooses from, where there is a budget."""
_TUNED_AT_ONCE = 3
"""What is left of a budget goes to so many detectors at a time: the best are tuned well, the others if time is left."""
_COURSE = (
    "the rows are one series: detectors for series learn from all rows before those judged, whatever their labels; "
    "intervals come from redrawing stretches of it"
)
_LEAST_FITS = 3
"""A detector is tuned only where there is time for so many fits in each split."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to compare.

    Attributes
    ----------
    rate
        False-alarm rate of the cuts.
    measure
        What decides; one of `MEASURES`.
    n_folds
        Splits, where there is no test set.
    budget_seconds
        No trial is begun after so long; None for no end.
    n_settings
        Settings of its parameters that each detector is tuned over, in a second round; 0 for the defaults alone.
    search
        How settings are found, one of `SEARCHES`.
    n_jobs
        Processes; −1 for one on each processor.
    keep
        Folder in which trials are kept as they are done, until all are; None for nowhere.
    part_of_more
        Trials are kept to the end of a larger whole.
    kind
        "series" where the rows follow one another, "table" where not; None recognises it.
    """

    rate: float = _DEFAULT_RATE
    measure: str = "f1"
    n_folds: int = 5
    budget_seconds: float | None = None
    n_settings: int = 0
    search: str = "halving"
    n_jobs: int = 1
    keep: str | os.PathLike[str] | None = None
    part_of_more: bool = False
    kind: str | None = None


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
    tune: bool | None = None,
    select: str | None = None,
    n_jobs: int = 1,
    keep: str | os.PathLike[str] | None = None,
    normal: str | None = None,
    time: str | None = None,
    entity: str | None = None,
    kind: str | None = None,
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
        No detector is begun on a split after so long; None for no end. What is left when all have been tried with
        their defaults goes into tuning.
    tune
        Whether detectors are tried with tuned parameters too; None where there is a budget. Each split tunes by the
        rows that it learns from: what is judged has no say.
    select
        How columns are chosen in each split, by the rows that it learns from: "variance", "correlation",
        "mutual_information", "l1", "model", "heavy_tails"; None ranks by all.
    n_jobs
        Processes, each of one thread; 1 stays in this one and uses threads; −1 is one for each processor.
    keep
        Folder in which trials are kept until all are done: the same call after a stop goes on from there.
    normal
        The label's word for a normal row, where it is not plain.
    time, entity, ignore, roles
        As `detect` has them.
    kind
        "series" where the rows follow one another: detectors for series take part, and events are judged beside rows.
        "table" where not; None recognises one series as `detect` does.
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
        label=label, normal=normal, time=time, entity=entity, seed=seed, roles=dict(roles or {}), select=select,
        ignore=(ignore,) if isinstance(ignore, str) else tuple(ignore),
    )  # fmt: skip
    is_tuned = budget_seconds is not None if tune is None else tune
    plan = Plan(
        false_alarms, measure, n_folds, budget_seconds, TUNED_SETTINGS if is_tuned else 0, n_jobs=n_jobs, keep=keep,
        kind=kind,
    )  # fmt: skip
    tested = None if test is None else open_source(test)
    return compare_sources(open_source(data), tested, recipe, detectors, plan, progress)


def compare_sources(
    source: Source, test: Source | None, recipe: Recipe, detectors: Sequence[str], plan: Plan, progress: Progress
) -> Comparison:
    """`compare` for sources that are open already and a recipe with a label."""
    if not 0 < plan.rate < 1:
        raise ParameterError(
            f"a false-alarm rate of {plan.rate:g} is not between none and all", mend="give one such as 5%"
        )
    if plan.measure not in MEASURES:
        raise ParameterError(f"there is no measure {plan.measure!r}", mend=f"give one of {', '.join(MEASURES)}")
    if plan.search not in SEARCHES:
        raise ParameterError(f"there is no search {plan.search!r}", mend=f"give one of {', '.join(SEARCHES)}")
    if plan.search == "optuna":
        require("optuna", extra="tune", what="search='optuna'")
    for name in detectors:
        recipe.for_labels(name).checked()
    until = None if plan.budget_seconds is None else time.monotonic() + plan.budget_seconds
    bench = Bench.of(source, test, recipe, plan.n_folds, plan.kind)
    names = tuple(dict.fromkeys(detectors)) or (suitable() + (SERIES_DETECTORS if bench.course else ()))
    kept = KeptTrials.of(
        plan.keep, bench.content, msgspec.structs.replace(bench.recipe, detector=""), bench.folds.kind, plan.n_folds,
        plan.rate, plan.measure, plan.search, __version__,
    )  # fmt: skip
    runner = Runner(bench, plan.rate, plan.measure, plan.search, n_threads(plan.n_jobs), until, kept, progress)
    told = _all_judged(runner, names, plan)
    if not plan.part_of_more:
        kept.clear()
    progress("trying", 1.0)
    return Comparison(
        name=source.name, label=str(recipe.label), n_rows=len(bench.y), n_anomalies=int((bench.y > 0).sum()),
        split=bench.folds.kind, n_splits=len(bench.folds), rate=plan.rate, measure=plan.measure,
        candidates=told, verdict=_verdict(told, bench, plan.measure), findings=bench.findings,
        notes=(*bench.labels.notes, *bench.folds.notes, *([_COURSE] if bench.course else [])), y=bench.y,
        kinds=bench.labels.kinds, sizes=tuple(len(split.test) for split in bench.folds), selection=_selection(bench),
    )  # fmt: skip


def tuned_on_all(source: Source, recipe: Recipe, plan: Plan) -> Tuned:
    """Parameters of a recipe's detector, chosen by all rows with a label."""
    part = whole_part(source, recipe)
    return tuned_params(
        recipe,
        part.X,
        part.y,
        measure=plan.measure,
        rate=plan.rate,
        n_settings=plan.n_settings,
        search=plan.search,
        forward=part.forward,
    )


def fit_best(
    source: Source, recipe: Recipe, told: Comparison, plan: Plan, *, false_alarms: Any, progress: Progress = silent
) -> Model:
    """The best of a comparison, fitted on all rows; one that was tuned is tuned once more, by all rows.

    Raises
    ------
    DataError
        None could be judged.
    """
    if told.verdict is None:
        raise DataError("no detector could be judged, so none is best", mend="give more time, or other detectors")
    best = next(each for each in told.candidates if each.name == told.verdict.best)
    wanted = msgspec.structs.replace(recipe, false_alarms=false_alarms)
    if detector_class(best.detector).capabilities.ordered:
        roles = {**recipe.roles, str(recipe.label): "label"}
        return fit_source(source, msgspec.structs.replace(
            wanted, label=None, normal=None, select=None, kind="series", detector=best.detector, roles=roles
        ), progress=progress)  # fmt: skip
    wanted = wanted.for_labels(best.detector)
    if best.tuned:
        wanted = with_params(wanted, tuned_on_all(source, wanted, plan).params)
    return fit_labelled(source, wanted, progress=progress)


def _all_judged(runner: Runner, names: Sequence[str], plan: Plan) -> tuple[Candidate, ...]:
    """All with their defaults; then, the best first, tuned as long as the budget lasts."""
    halfway = 0.5 if plan.n_settings else 1.0
    plain = _judged(runner, names, 0, (0.0, halfway))
    if not plan.n_settings:
        return _ordered(plain, plan.measure)
    ranked = [each for each in _ordered(plain, plan.measure) if each.judged is not None]
    # Tuning holds rows out of the course, which a detector for series or streams cannot do without.
    rows = [each for each in ranked if not learns_in_order(each.detector)]
    searched = [each for each in rows if detector_class(each.detector).search_space]
    tuned: list[Candidate] = []
    for k, each in enumerate(searched):
        seconds = runner.slice(len(searched) - k, _TUNED_AT_ONCE)
        if seconds is not None and seconds < _LEAST_FITS * each.fit_seconds:
            continue
        place = (halfway + (1 - halfway) * k / len(searched), halfway + (1 - halfway) * (k + 1) / len(searched))
        tuned += _judged(runner, [each.detector], plan.n_settings, place, seconds)
    # One that there was no time to tune is there with its defaults.
    return _ordered([*plain, *(each for each in tuned if each.judged is not None)], plan.measure)


def _judged(
    runner: Runner, names: Sequence[str], n_settings: int, share: tuple[float, float], seconds: float | None = None
) -> list[Candidate]:
    splits = range(len(runner.bench.folds))
    done = runner.run([Task(name, k, n_settings) for name in names for k in splits], share, seconds)
    return [
        candidate_of(runner.bench, name, [done.get(Task(name, k, n_settings)) for k in splits], tuned=n_settings > 0)
        for name in names
    ]


def _ordered(candidates: Sequence[Candidate], measure: str) -> tuple[Candidate, ...]:
    return tuple(sorted(candidates, key=lambda each: -_value(each, measure)))


def _selection(bench: Bench) -> Selected | None:
    if bench.recipe.select is None:
        return None
    columns = tuple(dict.fromkeys(name for chosen in bench.chosen.values() for name in chosen))
    ranked = tuple(sorted(columns, key=lambda name: -sum(name in chosen for chosen in bench.chosen.values())))
    taken = [[name in chosen for name in bench.columns] for chosen in bench.chosen.values()]
    return Selected(
        bench.recipe.select, {name: sum(name in chosen for chosen in bench.chosen.values()) for name in ranked},
        len(bench.chosen), stability(taken) if len(taken) > 1 else None,
    )  # fmt: skip


def suitable() -> tuple[str, ...]:
    """Names of the detectors that are compared unasked; none that is made for rows without a label."""
    learners = [
        name for name in detector_names("labels")
        if _installed(name) and not detector_class(name).capabilities.unlabelled
    ]  # fmt: skip
    return (*learners, *_ONE_CLASS)


def _installed(name: str) -> bool:
    return name not in _EXTRAS or importlib.util.find_spec(_EXTRAS[name]) is not None


def _value(candidate: Candidate, measure: str) -> float:
    if candidate.judged is None:
        return -np.inf
    value = candidate.judged.figures[measure].value
    return value if value == value else -np.inf


def _verdict(candidates: Sequence[Candidate], bench: Bench, measure: str) -> Verdict | None:
    told = {each.name: each for each in candidates if each.judged is not None}
    figures = {name: each.judged.figures[measure] for name, each in told.items() if each.judged is not None}
    if not figures or all(f.value != f.value for f in figures.values()):
        return None
    best, *others = told.values()
    curve, truth = measure.startswith("auc"), bench.y > 0
    groups = stretches(truth) if bench.course else None
    p_values = {
        other.name: compare_on_rows(
            truth,
            best.scores if curve else best.flags,
            other.scores if curve else other.flags,
            measure=measure,
            groups=groups,
        )[1].p_value
        for other in others
    }
    return verdict(figures, p_values, measure=measure)
