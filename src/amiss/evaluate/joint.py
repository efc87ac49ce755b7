"""The joint test: can a classifier tell which table a row is from?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.random import small_seed
from amiss.core.summary import Matrix, Vector

__all__ = ["Separation", "separate", "tied_ranks"]

_N_BLOCKS = 5
_N_SHUFFLED = 2
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Separation:
    """How well rows of two tables are told apart.

    Attributes
    ----------
    auc
        Chance that a row of b gets a higher score than one of a, over rows that the classifier had not seen: 0.5 where
        they cannot be told apart, 1 where they always can.
    p_value
        Of the null "both tables are draws from one distribution".
    telling : (n_features,)
        What the AUC loses when a feature is shuffled; all 0 where the p-value is above `explain_below`.
    """

    auc: float
    p_value: float
    telling: Vector


def separate(
    X: Matrix,
    is_b: Bools,
    block: npt.NDArray[np.int64],
    *,
    is_category: Bools,
    worth: Callable[[Vector, bool], float] | None = None,
    explain_below: float = 0.05,
    seed: int = 0,
) -> Separation:
    """Boosted trees learn on the blocks before, and are asked about the next one: never about what they have seen.

    Given what came before, the tables of a block's rows are as good as drawn by lot under the null. The blocks' rank
    sums are then uncorrelated with the variance of Mann and Whitney, and their sum is normal: an honest p-value from
    four fits. (Folds that take turns in learning and testing would not do: their rank sums move together, and
    there are more false verdicts than asked for.)

    Parameters
    ----------
    X : (n_rows, n_features)
        Rows of both tables, NaN where missing; categories as codes below 255.
    is_b : (n_rows,)
        Whether a row is of the second table.
    block : (n_rows,)
        Block of each row, 0 to 4; both tables have rows in each.
    is_category : (n_features,)
        Features whose numbers are codes.
    worth
        Called with the scores of one table's rows (NaN in block 0) and whether it is b: independent rows that a row
        is worth. None: 1.
    explain_below
        p-value below which the telling features are looked for.
    seed
        Seed of the classifier and of the shuffling.

    References
    ----------
    Lopez-Paz, D. and Oquab, M. (2017). Revisiting classifier two-sample tests.
    Mann, H. B. and Whitney, D. R. (1947). On a test of whether one of two random variables is stochastically larger.
    """
    import sklearn.ensemble  # noqa: F401  its threads can be limited only once they are there
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="openmp"):  # in so small a task further threads only wait
        score, auc, variance, last = _scores(X, is_b, block, is_category, seed)
        if worth is not None:
            variance *= _inflation(score, is_b, worth)
        p_value = _above_half(auc, variance)
        telling = np.zeros(X.shape[1])
        if p_value < explain_below:
            test = block == _N_BLOCKS - 1
            telling = _telling(last, X[test], is_b[test], seed)
    return Separation(auc, p_value, telling)


def _scores(
    X: Matrix, is_b: Bools, block: npt.NDArray[np.int64], is_category: Bools, seed: int
) -> tuple[Vector, float, float, Any]:
    """Scores (NaN in block 0), their AUC and its variance, and the classifier that has learnt most."""
    score = np.full(len(X), np.nan)
    asked, last = [], None
    for k in range(1, _N_BLOCKS):
        before, now = block < k, block == k
        last = _classifier(int(before.sum()), is_category, seed).fit(X[before], is_b[before])
        score[now] = last.decision_function(X[now])
        asked.append(_rank_sum(score[now], is_b[now]))
        score[now] -= score[now].mean()
    auc, variance = (np.array(part) for part in zip(*asked, strict=True))
    return score, float(auc.mean()), float(variance.sum()) / len(asked) ** 2, last


def _inflation(score: Vector, is_b: Bools, worth: Callable[[Vector, bool], float]) -> float:
    """How much the variance grows because rows are not independent, from 1."""
    n_a, n_b = int((~is_b).sum()), int(is_b.sum())
    dependent = 1 / (n_a * worth(score[~is_b], False)) + 1 / (n_b * worth(score[is_b], True))
    return dependent / (1 / n_a + 1 / n_b)


def _above_half(auc: float, variance: float) -> float:
    from scipy.special import ndtr

    return float(ndtr(-(auc - 0.5) / np.sqrt(variance))) if variance > 0 else 1.0


def _classifier(n_rows: int, is_category: Bools, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=40,
        max_leaf_nodes=15,
        min_samples_leaf=int(np.clip(n_rows // 20, 5, 20)),
        class_weight="balanced",
        early_stopping=False,
        categorical_features=is_category if is_category.any() else None,
        random_state=small_seed(seed),
    )


def _rank_sum(score: Vector, is_b: Bools) -> tuple[float, float]:
    """AUC and, under the null, its variance; ties count half."""
    n_b, n = int(is_b.sum()), len(score)
    n_a = n - n_b
    rank, ties = tied_ranks(score)
    auc = (rank[is_b].sum() - n_b * (n_b + 1) / 2) / (n_a * n_b)
    return float(auc), (n + 1 - ties / (n * (n - 1))) / (12 * n_a * n_b)


def tied_ranks(values: Vector) -> tuple[Vector, float]:
    """Ranks from 1, equal values sharing their mean; and Σ (t³ − t) over groups of t equal values."""
    _, which, size = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(size) - (size - 1) / 2
    return middle[which.reshape(-1)], float(np.sum(size.astype(np.float64) ** 3 - size))


def _telling(classifier: Any, X: Matrix, is_b: Bools, seed: int) -> Vector:
    random = np.random.default_rng(seed)
    whole, _ = _rank_sum(classifier.decision_function(X), is_b)
    lost = np.zeros(X.shape[1])
    for j in range(X.shape[1]):
        shuffled = X.copy()
        for _ in range(_N_SHUFFLED):
            shuffled[:, j] = random.permutation(X[:, j])
            lost[j] += (whole - _rank_sum(classifier.decision_function(shuffled), is_b)[0]) / _N_SHUFFLED
    return np.maximum(lost, 0.0)
