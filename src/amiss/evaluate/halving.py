"""Parameters chosen by successive halving: many settings on few rows, the best of them on more."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.label_detector import drawn
from amiss.core.search_space import draw
from amiss.core.summary import Matrix, Vector
from amiss.evaluate.measures import cut_for_rate, decided
from amiss.evaluate.ranking import auc_pr, auc_roc
from amiss.evaluate.splits import Split, stratified_folds
from amiss.evaluate.trial import failure_of, row_detector, with_params
from amiss.pipeline.labelled import fitted_on
from amiss.pipeline.recipe import Recipe

__all__ = ["Setting", "Tuned", "tuned_params"]

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


def tuned_params(
    recipe: Recipe,
    X: Matrix,
    y: Labels,
    *,
    measure: str,
    rate: float,
    n_settings: int,
    forward: bool = False,
    until: float | None = None,
    n_jobs: int = -1,
) -> Tuned:
    """Choose the detector's parameters by rows that it is given to learn from, and by no others.

    A quarter of the rows is held out to judge settings by: the last in time, or a stratified part with equal rows kept
    together. The defaults are among the settings; a setting must be better than they are in the end. Takes about
    n_settings / 3 fits.

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
    forward
        Whether rows are in the order of time.
    until
        `time.monotonic` from which on no setting is begun.

    References
    ----------
    Jamieson, K. & Talwalkar, A. (2016). Non-stochastic best arm identification and hyperparameter optimization.
    """
    space = type(recipe.make_detector()).search_space
    split = _held_out(X, y, forward, recipe.seed)
    if split is None or not space:
        return Tuned({}, ())
    going = draw(space, n_settings, recipe.seed)
    last: dict[int, Setting] = {}
    names = {id(params): k for k, params in enumerate(going)}
    for n_rows in _sizes(len(split.train)):
        rows = split.train[drawn(y[split.train], n_rows, recipe.seed)]
        told = []
        for params in going:
            if until is not None and time.monotonic() > until and last:
                return _chosen(last)
            found = _worth(with_params(recipe, params), X, y, rows, split.test, measure, rate, n_jobs)
            last[names[id(params)]] = Setting(params, len(rows), *found)
            told.append((found[0], params))
        # The defaults stay in to the end: what replaces them must beat them on all rows.
        best = sorted(told, key=lambda each: -each[0])[: max(1, len(told) // 3)]
        going = [params for _, params in best]
        going += [params for _, params in told if not params and params not in going]
    return _chosen(last)


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


def _worth(
    recipe: Recipe, X: Matrix, y: Labels, rows: Labels, judged: Labels, measure: str, rate: float, n_jobs: int
) -> tuple[float, str]:
    try:
        fitted = fitted_on(row_detector(recipe, n_jobs), X[rows], y[rows])
        scores = fitted.score_rows(np.ascontiguousarray(X[judged]))
    except Exception as error:  # a setting that cannot be is no reason to stop
        return -np.inf, failure_of(error)
    value = _figure(y[judged] > 0, scores, measure, rate)
    return (value if value == value else -np.inf), ""


def _figure(truth: npt.NDArray[np.bool_], scores: Vector, measure: str, rate: float) -> float:
    if measure in _CURVES:
        return _CURVES[measure](truth, scores)
    flags = scores > cut_for_rate(scores[~truth], rate)
    found, false = (np.array([flags[of].mean()]) for of in (truth, ~truth))
    return float(decided(found, false, float(truth.mean()))[measure][0])


def _chosen(last: Mapping[int, Setting]) -> Tuned:
    settings = sorted(last.values(), key=lambda s: (-s.n_rows, -s.value, len(s.params)))
    best = settings[0]
    return Tuned(best.params if best.value > -np.inf else {}, tuple(settings))
