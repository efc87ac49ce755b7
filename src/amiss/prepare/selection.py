"""Chooses features from prepared rows: to be done inside each fold, from its training rows alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError, ParameterError
from amiss.core.params import Between, Domain, Optional, Whole, check
from amiss.core.summary import Matrix, Vector
from amiss.prepare.stability import Stability, stability
from amiss.prepare.worth import (
    Classes,
    Scorer,
    by_correlation,
    filled,
    heavy_tails,
    l1_logistic,
    model_importance,
    mutual_information,
    permutation_importance,
    variances,
)

__all__ = ["METHODS", "Selection", "select", "select_stably"]

METHODS = ("variance", "correlation", "mutual_information", "l1", "model", "permutation", "heavy_tails")
"""Those with labels are "mutual_information", "l1", "model" and "permutation"; the others need none."""

_WITH_LABELS = ("mutual_information", "l1", "model")
_N_SHUFFLED = 20
_N_REPEATS = 5
_MOST_ROWS = 20_000
_N_PENALTIES = 30
_ALPHA = 0.05
_DOMAINS: Mapping[str, Domain] = {
    "n_features": Optional(Whole(1)),
    "correlation": Between(0, 1, open_low=True),
    "seed": Whole(0),
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Features that were chosen.

    Attributes
    ----------
    method
        One of `METHODS`.
    chosen : (n_chosen,)
        Their columns, ascending; at least one.
    worth : (n_features,)
        What the method takes each feature for, higher is better.
    groups
        Of "correlation" and "heavy_tails": the features that say the same, the one that is kept first.
    """

    method: str
    chosen: npt.NDArray[np.int64]
    worth: Vector
    groups: tuple[tuple[int, ...], ...] = ()

    def transform(self, X: Matrix) -> Matrix:
        """The chosen columns of `X`: (n_rows, n_chosen), C-contiguous."""
        return np.ascontiguousarray(np.asarray(X, np.float64)[:, self.chosen])


def select(
    X: Any,
    y: Any = None,
    *,
    method: str,
    n_features: int | None = None,
    correlation: float = 0.95,
    scorer: Scorer | None = None,
    seed: int = 0,
) -> Selection:
    """Choose features.

    Without `n_features`, each method stops by itself where chance begins: "mutual_information" and "model" take what
    says more than shuffled features do, "l1" what is left at a penalty that noise does not pass, "permutation" what is
    missed beyond its error, "variance" what varies, "correlation" one of each group; "heavy_tails" takes half of the
    latter. Where nothing passes, the best single feature is taken.

    Without labels, "heavy_tails" takes one of each correlated group, and of these the features whose spread lies in
    few, far values: of the measures tried on the development tables, Laplacian score and entropy among them, it kept
    most of what detectors need (see `docs/judging.md`). Labels, even few, are worth more.

    Parameters
    ----------
    X : (n_rows, n_features)
        Prepared training rows; NaN is missing.
    y : (n_rows,)
        Classes, for the methods with labels: two, or several kinds ("l1": the first against all others).
    method
        One of `METHODS`.
    n_features
        How many to choose; all that pass where it is None. "correlation" then takes those that vary most.
    correlation
        Rank correlation, either way, from which on two features say the same, in (0, 1].
    scorer
        For "permutation": how good a fitted detector is on rows that are given to it. `X` are then rows that it has
        not learnt from.
    seed
        Of shuffling, of trees, and of the 20,000 rows that are taken of more.

    Raises
    ------
    ParameterError
        An unknown method, or one without the labels or the scorer that it needs.
    DataError
        Rows and classes that do not fit, or classes of one kind.

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> y = np.arange(1000) % 4 == 0
    >>> X = random.normal(size=(1000, 6))
    >>> X[:, 2] += 2 * y
    >>> X[:, 4] = X[:, 1] + 0.01 * random.normal(size=1000)
    >>> select(X, y, method="mutual_information").chosen.tolist()
    [2]
    >>> select(X, method="correlation").groups
    ((0,), (1, 4), (2,), (3,), (5,))
    """
    values = {"n_features": n_features, "correlation": correlation, "seed": seed}
    check("select", _DOMAINS, values)
    rows = np.asarray(X, np.float64)
    if rows.ndim != 2 or not rows.size:
        raise DataError(f"rows of shape {rows.shape} have no features", mend="give (n_rows, n_features)")
    classes = _checked(method, rows, y, scorer)
    if len(rows) > _MOST_ROWS and method != "permutation":
        taken = np.sort(np.random.default_rng(seed).choice(len(rows), _MOST_ROWS, replace=False))
        rows, classes = rows[taken], None if classes is None else _packed(classes[taken])
    worth, passed, groups = _judged(method, rows, classes, scorer, n_features, correlation, seed)
    order = np.argsort(-worth, kind="stable")
    if n_features is None:
        chosen = np.flatnonzero(passed) if passed.any() else order[:1]
    else:
        # Those that pass come first; the rest fill up only where nothing says that they must not.
        order = order[np.argsort(~passed[order], kind="stable")] if groups else order
        chosen = np.sort(order[:n_features])
    return Selection(method, chosen.astype(np.int64), worth, groups)


def select_stably(
    X: Any, y: Any = None, *, method: str, n_draws: int = 20, seed: int = 0, **options: Any
) -> tuple[Selection, Stability]:
    """The selection from all rows, and how stable it is over random halves of them.

    Halves and not bootstrap draws: a row that is drawn twice makes chance look like a signal, and noise then passes
    far more often than in fresh rows. Half the rows tell less than all: the stability is rather too low than too high.

    Parameters are those of `select`; `n_draws` is how many halves.

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> y = np.arange(400) % 4 == 0
    >>> X = random.normal(size=(400, 6)) + np.outer(y, [1.5, 1.5, 0, 0, 0, 0])
    >>> selection, stable = select_stably(X, y, method="mutual_information")
    >>> selection.chosen.tolist(), stable.value > 0.8
    ([0, 1], True)

    References
    ----------
    Meinshausen, N. & Bühlmann, P. (2010). Stability selection.
    """
    check("select_stably", {"n_draws": Whole(2)}, {"n_draws": n_draws})
    rows = np.asarray(X, np.float64)
    whole = select(rows, y, method=method, seed=seed, **options)
    random = np.random.default_rng(seed)
    classes = None if y is None else np.asarray(y)
    taken = np.zeros((n_draws, rows.shape[1]), bool)
    for k in range(n_draws):
        drawn = _half(classes, len(rows), random)
        part = None if classes is None else classes[drawn]
        taken[k, select(rows[drawn], part, method=method, seed=seed + k + 1, **options).chosen] = True
    return whole, stability(taken)


def _half(classes: npt.NDArray[Any] | None, n_rows: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Half of the rows of each class, or more where it has one: a rare one is in every half."""
    values = [None] if classes is None else np.unique(classes)
    each = [np.arange(n_rows) if classes is None else np.flatnonzero(classes == value) for value in values]
    return np.sort(np.concatenate([random.choice(rows, (len(rows) + 1) // 2, replace=False) for rows in each]))


def _checked(method: str, rows: Matrix, y: Any, scorer: Scorer | None) -> Classes | None:
    if method not in METHODS:
        raise ParameterError(f"there is no method {method!r}", mend="give one of " + ", ".join(METHODS))
    if method == "permutation" and scorer is None:
        raise ParameterError("permutation needs a scorer", mend="give scorer=, a function of rows")
    if method not in _WITH_LABELS:
        return None
    if y is None:
        raise ParameterError(f"{method} needs labels", mend="give y, or take 'heavy_tails' or 'correlation'")
    classes = np.asarray(y)
    if classes.shape != (len(rows),):
        raise DataError("rows and classes differ in number", where=f"{len(rows):,} rows, y of shape {classes.shape}")
    packed = _packed(classes)
    if packed.max() == 0:
        raise DataError("the classes are of one kind, so no feature can tell them", where=f"y, all {classes[0]!r}")
    return packed


def _packed(classes: npt.NDArray[Any]) -> Classes:
    packed: Classes = np.unique(classes, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return packed


def _judged(
    method: str,
    rows: Matrix,
    y: Classes | None,
    scorer: Scorer | None,
    n_features: int | None,
    correlation: float,
    seed: int,
) -> tuple[Vector, npt.NDArray[np.bool_], tuple[tuple[int, ...], ...]]:
    """Worth of each feature, whether it passes, and groups."""
    if method == "permutation" and scorer is not None:
        lost = permutation_importance(rows, scorer, _N_REPEATS, seed)
        error = lost.std(axis=0, ddof=1) / np.sqrt(_N_REPEATS)
        return lost.mean(axis=0), lost.mean(axis=0) > 3 * error + 1e-12, ()
    if method == "mutual_information" and y is not None:
        bits, random = mutual_information(rows, y), np.random.default_rng(seed)
        by_chance = [mutual_information(rows, random.permutation(y)).max() for _ in range(_N_SHUFFLED)]
        return bits, bits > max(by_chance), ()
    whole = filled(rows)
    if method == "model" and y is not None:
        worth, by_chance_most = model_importance(whole, y, seed)
        return worth, worth > by_chance_most, ()
    if method == "l1" and y is not None:
        worth = _l1(whole, (y > 0).astype(np.int64), n_features)
        return worth, worth > 0, ()
    varied = variances(whole)
    if method == "variance":
        return varied, varied > 0, ()
    groups = tuple(tuple(group) for group in by_correlation(whole, correlation))
    first = np.zeros(rows.shape[1], bool)
    first[[group[0] for group in groups]] = True
    if method == "correlation":
        return varied, first, groups
    worth = heavy_tails(whole)
    half = np.zeros(len(first), bool)
    half[sorted(np.flatnonzero(first), key=lambda j: -worth[j])[: (int(first.sum()) + 1) // 2]] = True
    return worth, first if n_features is not None else half, groups


def _l1(X: Matrix, y: Classes, n_features: int | None) -> Vector:
    """At the penalty that no noise feature passes, or at the largest one that lets `n_features` through."""
    from statistics import NormalDist

    share, n = float(y.mean()), len(y)
    unit = np.sqrt(share * (1 - share) / n)
    penalty = unit * NormalDist().inv_cdf(1 - _ALPHA / (2 * X.shape[1]))
    if n_features is None:
        return l1_logistic(X, y, penalty)
    Z = (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0)
    most = float(np.abs(Z.T @ (y - share)).max()) / n
    worth = np.zeros(X.shape[1])
    for each in np.geomspace(max(most, 1e-12), max(most, 1e-12) * 1e-3, _N_PENALTIES):
        worth = l1_logistic(X, y, float(each))
        if (worth > 0).sum() >= n_features:
            break
    return worth
