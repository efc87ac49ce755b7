"""Chooses a detector's parameters, and says what that is worth."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from amiss.core.catalog import detector_class
from amiss.core.errors import ParameterError
from amiss.core.frame import Frame
from amiss.core.source import Progress, Source, silent
from amiss.evaluate.compare import Plan, compare_sources, tuned_on_all
from amiss.evaluate.comparison import Comparison
from amiss.evaluate.consensus import agreed_params
from amiss.evaluate.halving import Setting
from amiss.pipeline.opening import open_source
from amiss.pipeline.recipe import DEFAULT, Recipe
from amiss.prepare.preparation import Preparation
from amiss.prepare.roles import infer_schema
from amiss.summaries.table import TableSummary

__all__ = ["Tuning", "starting_recipe", "tune", "tune_source"]

_SETTINGS = 24
_LABELLED, _UNLABELLED = "hybrid", "knn"
_SAMPLE_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Tuning:
    """What came of tuning a detector.

    Attributes
    ----------
    name
        Of the source.
    detector
        Name of the detector.
    params
        What was chosen, beside the defaults; empty where these are best.
    settings
        All that were tried on all rows, the best first, the defaults among them as the empty one.
    measure
        What decided: a figure of labelled rows, or "agreement" with the ensemble without labels.
    comparison
        The detector with its defaults, and tuned anew in each split, on rows that neither has seen; None without
        labels.
    helps
        Whether what was chosen is to be taken: with labels, where it is better on unseen rows beyond chance.
    sentence
        What to make of it.
    """

    name: str
    detector: str
    params: Mapping[str, Any]
    settings: tuple[Setting, ...]
    measure: str
    comparison: Comparison | None
    helps: bool
    sentence: str

    def __str__(self) -> str:
        return self.sentence

    def recipe(self, recipe: Recipe, false_alarms: Any = None) -> Recipe:
        """`recipe` with what was chosen, where that helps, and a promise."""
        chosen = self.params if self.helps else {}
        return msgspec.structs.replace(recipe, params={**recipe.params, **chosen}, false_alarms=false_alarms)


def tune(
    data: Any,
    label: str | None = None,
    *,
    detector: str | None = None,
    n_settings: int = _SETTINGS,
    search: str = "halving",
    measure: str = "f1",
    false_alarms: float = 0.05,
    n_folds: int = 5,
    budget_seconds: float | None = None,
    n_jobs: int = 1,
    normal: str | None = None,
    time: str | None = None,
    entity: str | None = None,
    ignore: str | Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Tuning:
    """Choose a detector's parameters by successive halving, or without labels by agreement with the default ensemble.

    With labels, the figures come from rows that had no part in the choice: tuning is done in each split anew. Without,
    nobody can know which setting finds most: what is chosen is stable, and agrees with what the default ensemble finds.

    Parameters
    ----------
    data
        As `fit` takes it.
    label, normal
        As `fit` has them; None tunes without labels.
    detector
        Name of the catalog; None for "hybrid" with labels and "knn" without.
    n_settings
        Different settings of its parameters, the defaults among them, at least 2.
    search
        With labels: "halving" draws settings at random, tries all on few rows and the best on more; "optuna" suggests
        each by what those before it were worth (extra `tune`).
    measure, false_alarms, n_folds
        As `compare` has them; they need labels.
    budget_seconds
        No setting is begun after so long; None for no end.
    n_jobs
        Processes for the splits; −1 is one for each processor.
    time, entity, ignore, roles, seed, progress
        As `compare` has them.

    Raises
    ------
    ParameterError
        The detector has no parameters that are tuned, or does not learn from what there is.
    DataError
        The labels cannot be told, or are too few for the splits.

    Examples
    --------
    >>> import amiss, numpy as np
    >>> random = np.random.default_rng(0)
    >>> x, odd = random.normal(size=(600, 2)), random.random(600) < 0.2
    >>> x[odd] *= 3
    >>> table = {"a": x[:, 0], "b": x[:, 1], "label": odd}
    >>> found = amiss.tune(table, "label", detector="decision_tree", n_settings=4)
    >>> len(found.settings), sorted(found.params) in ([], ["class_weight", "max_depth", "min_samples_leaf"])
    (4, True)
    """
    recipe = Recipe(
        label=label, normal=normal, time=time, entity=entity, seed=seed, roles=dict(roles or {}),
        ignore=(ignore,) if isinstance(ignore, str) else tuple(ignore),
    )  # fmt: skip
    plan = Plan(false_alarms, measure, n_folds, budget_seconds, n_settings, search, n_jobs)
    return tune_source(open_source(data), starting_recipe(recipe, detector), plan, progress)


def starting_recipe(recipe: Recipe, detector: str | None) -> Recipe:
    """The recipe for the detector that was named; else for its own, or one that suits where it has the default."""
    usual = _UNLABELLED if recipe.label is None else _LABELLED
    own = usual if recipe.detector == DEFAULT else recipe.detector
    return msgspec.structs.replace(recipe, detector=detector or own)


def tune_source(source: Source, recipe: Recipe, plan: Plan, progress: Progress) -> Tuning:
    """`tune` for a source that is open already, a recipe with a detector, and a plan with settings."""
    made = detector_class(recipe.detector)
    if not made.search_space:
        raise ParameterError(f"{recipe.detector} has no parameters that are tuned", mend="name another detector")
    if plan.n_settings < 2:
        raise ParameterError(f"{plan.n_settings} settings are no choice", mend="give 2 or more")
    if recipe.label is None:
        if made.capabilities.labels:
            raise ParameterError(f"{recipe.detector} learns from labels", mend="name their column")
        return _without_labels(source, recipe, plan, progress)
    return _with_labels(source, recipe, plan, progress)


def _with_labels(source: Source, recipe: Recipe, plan: Plan, progress: Progress) -> Tuning:
    wanted = recipe.for_labels(recipe.detector)
    told = compare_sources(source, None, recipe, [recipe.detector], plan, progress)
    found = tuned_on_all(source, wanted, plan)
    helps, sentence = _outcome(told, found.params)
    return Tuning(
        source.name, recipe.detector, found.params, found.settings, plan.measure, told, helps, sentence
    )  # fmt: skip


def _outcome(told: Comparison, params: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether tuning helps, and that in words."""
    chosen = ", ".join(f"{name} = {value}" for name, value in params.items())
    if told.verdict is None or len([each for each in told.candidates if each.judged is not None]) < 2:
        return False, f"there was no time to judge what tuning brings; {chosen or 'the defaults'} came out best so far"
    best = next(each for each in told.candidates if each.name == told.verdict.best)
    if told.verdict.alike:
        return False, f"tuning changes nothing that can be told on unseen rows: keep the defaults. {told.verdict}"
    if not best.tuned:
        return False, f"tuning does harm on unseen rows: keep the defaults. {told.verdict}"
    return bool(params), f"tuning helps on unseen rows: take {chosen or 'the defaults all the same'}. {told.verdict}"


def _without_labels(source: Source, recipe: Recipe, plan: Plan, progress: Progress) -> Tuning:
    frame = Frame.stacked(list(source.batches()))
    summary = TableSummary.of(Frame(frame.table), capacity=_SAMPLE_ROWS)
    schema = infer_schema(summary, recipe.checked().wishes())
    fill = not recipe.make_detector().capabilities.missing
    X = Preparation.of(schema, summary, fill_missing=fill).transform(summary.sample)
    until = None if plan.budget_seconds is None else clock.monotonic() + plan.budget_seconds
    found = agreed_params(recipe, np.ascontiguousarray(X), n_settings=plan.n_settings, until=until, progress=progress)
    chosen = ", ".join(f"{name} = {value}" for name, value in found.params.items()) or "the defaults"
    sentence = (
        f"{chosen}: of {len(found.settings)} settings the one that best foretells what the default ensemble finds odd; "
        "without labels nobody can say that it finds more"
    )
    return Tuning(source.name, recipe.detector, found.params, found.settings, "agreement", None, True, sentence)
