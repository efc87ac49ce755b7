"""Parameters chosen by labelled rows: many settings on few rows, the best of them on more."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.extras import require
from amiss.core.label_detector import drawn
from amiss.core.search_space import Searched, draw
from amiss.core.summary import Matrix, Vector
from amiss.evaluate.measures import cut_for_rate, decided
from amiss.evaluate.ranking import auc_pr, auc_roc
from amiss.evaluate.splits import Split, stratified_folds
from amiss.evaluate.trial import failure_of, row_detector, with_params
from amiss.pipeline.labelled import fitted_on
from amiss.pipeline.recipe import Recipe

__all__ = ["SEARCHES", "Judge", "Setting", "Tuned", "tuned_params"]

SEARCHES = ("halving", "optuna")

_SHARES = (1 / 9, 1 / 3, 1.0)
"""Of the rows that each round learns from; the best third of the settings goes on."""
_FEWEST_ROWS = 1000
"""A round learns from so many rows, where there are as many: fewer tell settings apart by luck."""
_FOLDS = 4
_CURVES = {"auc_roc": auc_roc, "auc_pr": auc_pr}

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of the parameters, as far as it came.

    Attributes
    ----------
    params
        Those that differ from the defaults.
    n_rows
        Rows that it last learnt from.
    value
        What it was worth on the rows held out; −inf where it failed.
    failure
        Why it failed; empty where it did not.
    """

    params: Mapping[str, Any]
    n_rows: int
    value: float
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What tuning chose.

    Attributes
    ----------
    params
        Of the best setting; empty where the defaults are best.
    settings
        All that were tried, the best first; among equals those that came farther.
    """

    params: Mapping[str, Any]
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges settings of a recipe's detector by rows held out of those that it is given.

    Attributes
    ----------
    recipe, X, y, measure, rate, n_jobs
        As `tuned_params` has them.
    split
        Rows to learn from, and to judge by.
    """

    recipe: Recipe
    X: Matrix
    y: Labels
    split: Split
    measure: str
    rate: float
    n_jobs: int

    def judged(self, params: Mapping[str, Any], n_rows: int) -> Setting:
        """A setting that has learnt from so many rows."""
        train, test, recipe = self.split.train, self.split.test, with_params(self.recipe, params)
        rows = train[drawn(self.y[train], n_rows, recipe.seed)]
        try:
            fitted = fitted_on(row_detector(recipe, self.n_jobs), self.X[rows], self.y[rows])
            scores = fitted.score_rows(np.ascontiguousarray(self.X[test]))
        except Exception as error:  # a setting that cannot be is no reason to stop
            return Setting(params, len(rows), -np.inf, failure_of(error))
        value = _figure(self.y[test] > 0, scores, self.measure, self.rate)
        return Setting(params, len(rows), value if value == value else -np.inf)


def tuned_params(
    recipe: Recipe,
    X: Matrix,
    y: Labels,
    *,
    measure: str,
    rate: float,
    n_settings: int,
    search: str = "halving",
    forward: bool = False,
    until: float | None = None,
    n_jobs: int = -1,
) -> Tuned:
    """Choose the detector's parameters by rows that it is given to learn from, and by no others.

    A quarter of the rows is held out to judge settings by: the last in time, or a stratified part with equal rows kept
    together. The defaults are among the settings; what replaces them must be better in the end.

    Parameters
    ----------
    recipe
        With the detector; its class says which parameters are tried, and from where to where.
    X, y
        Prepared rows, and 0 or the kind of anomaly.
    measure, rate
        What decides; for figures of flags, the false-alarm rate that each cut is chosen for.
    n_settings
        Different settings, with the defaults.
    search
        One of `SEARCHES`: "halving" draws settings at random and tries all on few rows, the best third of them on
        more, and so on, in the time of about n_settings / 3 fits; "optuna" lets Optuna's tree of Parzen estimators
        suggest each by what those before it were worth, on all rows (extra `tune`).
    forward
        Whether rows are in the order of time.
    until
        `time.monotonic` from which on no setting is begun.

    References
    ----------
    Jamieson, K. & Talwalkar, A. (2016). Non-stochastic best arm identification and hyperparameter optimization.
    Bergstra, J. et al. (2011). Algorithms for hyper-parameter optimization.
    """
    space = type(recipe.make_detector()).search_space
    split = _held_out(X, y, forward, recipe.seed)
    if split is None or not space:
        return Tuned({}, ())
    judge = Judge(recipe, X, y, split, measure, rate, n_jobs)
    if search == "optuna":
        return _chosen(_suggested(judge, space, n_settings, until))
    return _chosen(_halved(judge, draw(space, n_settings, recipe.seed), until))


def _is_over(until: float | None, told: Sequence[Setting]) -> bool:
    return until is not None and time.monotonic() > until and bool(told)


def _halved(judge: Judge, settings: Sequence[Mapping[str, Any]], until: float | None) -> list[Setting]:
    """Each setting as far as it came."""
    going = list(settings)
    left: list[Setting] = []
    for n_rows in _sizes(len(judge.split.train)):
        told: list[Setting] = []
        for params in going:
            if _is_over(until, [*left, *told]):
                return [*told, *(each for each in left if each.params not in [t.params for t in told])]
            told.append(judge.judged(params, n_rows))
        ranked = sorted(told, key=lambda each: -each.value)
        # The defaults stay in to the end: what replaces them must beat them on all rows.
        best = ranked[: max(1, len(told) // 3)]
        best += [each for each in ranked if not each.params and each not in best]
        going = [each.params for each in best]
        left = [*told, *(each for each in left if each.params not in [t.params for t in told])]
    return left


def _suggested(judge: Judge, space: Mapping[str, Searched], n_settings: int, until: float | None) -> list[Setting]:
    """Settings that Optuna suggests, the defaults first."""
    optuna = require("optuna", extra="tune", what="search='optuna'")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    n_rows = len(judge.split.train)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=judge.recipe.seed))
    told = [judge.judged({}, n_rows)]
    for _ in range(n_settings - 1):
        if _is_over(until, told):
            break
        trial = study.ask()
        params = {name: searched.suggested(trial, name) for name, searched in space.items()}
        told.append(judge.judged(params, n_rows))
        failed = told[-1].value == -np.inf
        study.tell(trial, None if failed else told[-1].value,
                   state=optuna.trial.TrialState.FAIL if failed else None)  # fmt: skip
    return told


def _sizes(n_rows: int) -> list[int]:
    sizes = [min(max(round(share * n_rows), _FEWEST_ROWS), n_rows) for share in _SHARES]
    return sorted(set(sizes))


def _held_out(X: Matrix, y: Labels, forward: bool, seed: int) -> Split | None:
    """Rows to learn from and to judge settings by; None where one of them would have one class only."""
    rows = np.arange(len(y))
    if forward:
        cut = len(rows) * (_FOLDS - 1) // _FOLDS
        split = Split(rows[:cut], rows[cut:])
    else:
        if min((y > 0).sum(), (y == 0).sum()) < _FOLDS:
            return None
        split = next(iter(stratified_folds(y > 0, n_folds=_FOLDS, X=X, seed=seed)))
    both = all(0 < (y[part] > 0).sum() < len(part) for part in (split.train, split.test))
    return split if both else None


def _figure(truth: npt.NDArray[np.bool_], scores: Vector, measure: str, rate: float) -> float:
    if measure in _CURVES:
        return _CURVES[measure](truth, scores)
    flags = scores > cut_for_rate(scores[~truth], rate)
    found, false = (np.array([flags[of].mean()]) for of in (truth, ~truth))
    return float(decided(found, false, float(truth.mean()))[measure][0])


def _chosen(told: Sequence[Setting]) -> Tuned:
    settings = sorted(told, key=lambda s: (-s.n_rows, -s.value, len(s.params)))
    best = settings[0]
    return Tuned(best.params if best.value > -np.inf else {}, tuple(settings))
