"""How stable a selection of features is over draws of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.core.errors import DataError
from amiss.core.summary import Vector

__all__ = ["Stability", "stability"]


@dataclass(frozen=True, slots=True)
class Stability:
    """How alike the selections from different rows are.

    Attributes
    ----------
    value
        1 where all are the same, about 0 where they are drawn by chance; NaN where each takes all features, or none.
    low, high
        Ends of its interval.
    frequency : (n_features,)
        Share of the selections that each feature is in.
    """

    value: float
    low: float
    high: float
    frequency: Vector


def stability(chosen: Any, *, level: float = 0.95) -> Stability:
    """Nogueira's stability of selections, corrected for chance, for any number of features in each.

    By custom above .75 is excellent agreement and below .4 poor.

    Parameters
    ----------
    chosen : (n_draws, n_features)
        True where a feature was taken.
    level
        Of the interval, which is that of a normal distribution.

    Raises
    ------
    DataError
        Fewer than two selections.

    Examples
    --------
    >>> found = stability([[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 0, 1, 0, 0]])
    >>> round(found.value, 3), found.frequency.round(2).tolist()
    (0.444, [1.0, 0.67, 0.33, 0.0, 0.0])

    References
    ----------
    Nogueira, S., Sechidis, K. & Brown, G. (2018). On the stability of feature selection algorithms.
    """
    from statistics import NormalDist

    taken = np.asarray(chosen, np.float64)
    if taken.ndim != 2 or len(taken) < 2 or not taken.shape[1]:
        raise DataError(
            "stability takes two selections or more", where=f"selections of shape {taken.shape}",
            mend="select on several folds or halves",
        )  # fmt: skip
    n_draws, n_features = taken.shape
    frequency, sizes = taken.mean(axis=0), taken.sum(axis=1)
    share = float(sizes.mean()) / n_features
    by_chance = share * (1 - share)
    if by_chance == 0:
        return Stability(float("nan"), float("nan"), float("nan"), frequency)
    spread = n_draws / (n_draws - 1) * frequency * (1 - frequency)
    value = 1 - float(spread.mean()) / by_chance
    own = sizes / n_features
    each = (
        (taken @ frequency) / n_features - own * share + value / 2 * (2 * share * own - own - share + 1)
    ) / by_chance
    error = 2 * np.sqrt(float(((each - each.mean()) ** 2).sum())) / n_draws
    reach = NormalDist().inv_cdf((1 + level) / 2) * error
    return Stability(value, float(value - reach), float(min(value + reach, 1.0)), frequency)
