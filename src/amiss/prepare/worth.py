"""What each feature is worth, by one measure each: arrays in, one number a feature out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector

__all__ = [
    "Scorer", "by_correlation", "filled", "heavy_tails", "l1_logistic", "model_importance", "mutual_information",
    "permutation_importance", "ranked", "standardised", "variances",
]  # fmt: skip

Scorer = Callable[[Matrix], float]
"""How good a fitted detector is on these rows, higher is better."""

Classes = npt.NDArray[np.int64]

_CONSTANT = 1e-9
"""A spread below this share of the size of a feature's values is rounding."""
_N_BINS = 16
_N_STEPS = 500
_N_TREES = 100


def filled(X: Matrix) -> Matrix:
    """NaN as the feature's median, 0 where there is no value at all."""
    missing = np.isnan(X)
    if not missing.any():
        return X
    out = X.copy()
    for j in np.flatnonzero(missing.any(axis=0)):
        there = X[~missing[:, j], j]
        out[missing[:, j], j] = np.median(there) if len(there) else 0.0
    return out


def variances(X: Matrix) -> Vector:
    """Variance of each feature; 0 where it is constant but for rounding."""
    size = np.abs(X).max(axis=0)
    unit = np.where(size > 0, size, 1.0)
    spread = (X / unit).std(axis=0)  # unit-free, so that squares cannot overflow
    with np.errstate(over="ignore"):
        found: Vector = np.where(spread > _CONSTANT, (spread * unit) ** 2, 0.0)
    return found


def standardised(X: Matrix) -> Matrix:
    """Each feature with mean 0 and variance 1; 0 where it is constant."""
    spread = np.sqrt(variances(X))
    Z: Matrix = np.where(spread > 0, (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0), 0.0)
    return Z


def ranked(X: Matrix) -> Matrix:
    """Each feature as ranks, ties with their mean."""
    out = np.empty_like(X)
    for j in range(X.shape[1]):
        _, place, n = np.unique(X[:, j], return_inverse=True, return_counts=True)
        out[:, j] = (np.cumsum(n) - (n - 1) / 2)[place.reshape(-1)]
    return out


def by_correlation(X: Matrix, limit: float) -> list[list[int]]:
    """Features in groups: each is correlated by rank, either way, at `limit` or more with the first of its group.

    The first is the one with the most different values, so that of a number and its rounding the number is kept.
    Constant features are in none.
    """
    varied = np.flatnonzero(variances(X) > 0)
    Z = standardised(ranked(X[:, varied]))
    correlation = np.abs(Z.T @ Z) / max(len(X), 1)
    n_different = [len(np.unique(X[:, j])) for j in varied]
    groups, free = [], np.ones(len(varied), bool)
    for first in np.argsort([-n for n in n_different], kind="stable"):
        if free[first]:
            near = free & (correlation[first] >= limit)
            near[first] = False
            groups.append([int(varied[first]), *varied[near].tolist()])
            free[near] = free[first] = False
    return sorted(groups)


def mutual_information(X: Matrix, y: Classes) -> Vector:
    """Bits that each feature, in 16 bins of about as many rows, says about the class; a missing value is a bin.

    The bias of counts, which makes every feature say something, is taken off.

    References
    ----------
    Miller, G. A. (1955). Note on the bias of information estimates.
    """
    n, n_classes = len(y), int(y.max()) + 1
    bits = np.empty(X.shape[1])
    for j in range(X.shape[1]):
        missing = np.isnan(X[:, j])
        there = X[~missing, j]
        ends = np.unique(np.quantile(there, np.linspace(0, 1, _N_BINS + 1)[1:-1])) if len(there) else there
        place = np.where(missing, 0, np.searchsorted(ends, X[:, j], side="left") + 1)
        table = np.bincount(place * n_classes + y, minlength=(len(ends) + 2) * n_classes).reshape(-1, n_classes) / n
        both = table[table > 0]
        rows, columns = table.sum(axis=1), table.sum(axis=0)
        outer = np.outer(rows, columns)[table > 0]
        bias = (np.sum(rows > 0) - 1) * (np.sum(columns > 0) - 1) / (2 * n)
        bits[j] = max(float(np.sum(both * np.log(both / outer))) - bias, 0.0) / np.log(2)
    return bits


def l1_logistic(X: Matrix, y: Classes, penalty: float) -> Vector:
    """Size of each coefficient, per standard deviation, of a logistic regression with an absolute penalty.

    `penalty` is per row. Most coefficients are exactly 0. By accelerated proximal gradient steps.

    References
    ----------
    Tibshirani, R. (1996). Regression shrinkage and selection via the lasso.
    Beck, A. & Teboulle, M. (2009). A fast iterative shrinkage-thresholding algorithm.
    """
    Z, share = standardised(X), float(y.mean())
    weights, ahead = np.zeros(Z.shape[1]), np.zeros(Z.shape[1])
    bias = bias_ahead = float(np.log(share / (1 - share)))
    # The curvature of the loss is a quarter of the largest eigenvalue, at most.
    gram = Z.T @ Z / len(Z)
    step = 4.0 / max(float(np.linalg.eigvalsh(gram)[-1]), 1.0)
    speed = 1.0
    for _ in range(_N_STEPS):
        gap = 1 / (1 + np.exp(-np.clip(Z @ ahead + bias_ahead, -500, 500))) - y
        moved = ahead - step * (Z.T @ gap) / len(Z)
        new = np.sign(moved) * np.maximum(np.abs(moved) - step * penalty, 0.0)
        new_bias = bias_ahead - step * float(gap.mean())
        faster = (1 + np.sqrt(1 + 4 * speed**2)) / 2
        ahead = new + (speed - 1) / faster * (new - weights)
        bias_ahead = new_bias + (speed - 1) / faster * (new_bias - bias)
        change = float(np.abs(new - weights).max(initial=0.0))
        weights, bias, speed = new, new_bias, faster
        if change < 1e-6:
            break
    return np.abs(weights)


def permutation_importance(X: Matrix, scorer: Scorer, n_repeats: int, seed: int) -> Matrix:
    """How much worse `scorer` finds the rows where one feature is shuffled: (n_repeats, n_features).

    The rows must be other ones than those learnt from. Features that say the same stand in for one another, and each
    looks worth little: take one of each correlated group first.

    References
    ----------
    Breiman, L. (2001). Random forests.
    """
    random, whole = np.random.default_rng(seed), scorer(X)
    lost = np.empty((n_repeats, X.shape[1]))
    shuffled = X.copy()
    for j in range(X.shape[1]):
        for k in range(n_repeats):
            shuffled[:, j] = random.permutation(X[:, j])
            lost[k, j] = whole - scorer(shuffled)
        shuffled[:, j] = X[:, j]
    return lost


def model_importance(X: Matrix, y: Classes, seed: int) -> tuple[Vector, float]:
    """Share of the purity that splits on each feature bring in randomised trees, and the most that a shuffled one has.

    References
    ----------
    Geurts, P., Ernst, D. & Wehenkel, L. (2006). Extremely randomized trees.
    Kursa, M. B. & Rudnicki, W. R. (2010). Feature selection with the Boruta package.
    """
    from sklearn.ensemble import ExtraTreesClassifier

    shadows = np.random.default_rng(seed).permuted(X, axis=0)
    trees = ExtraTreesClassifier(_N_TREES, min_samples_leaf=3, class_weight="balanced", random_state=seed)
    found = np.asarray(trees.fit(np.hstack([X, shadows]), y).feature_importances_)
    return found[: X.shape[1]], float(found[X.shape[1] :].max())


def heavy_tails(X: Matrix) -> Vector:
    """Kurtosis of each feature: how much of its spread lies in few, far values; 3 for a normal one, 0 if constant."""
    found: Vector = (standardised(X) ** 4).mean(axis=0)
    return found
