"""Whether what was learnt orders labelled data better than what was known before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Comparison", "compare"]

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two rankings of the same labelled data.

    Attributes
    ----------
    first, second
        Chance that an anomaly stands above a normal one, in [0, 1]; NaN where a verdict is missing.
    error
        Standard error of their difference.
    n_anomalies, n_normal
        Labelled data of either kind.
    """

    first: float
    second: float
    error: float
    n_anomalies: int
    n_normal: int

    @property
    def worse(self) -> bool:
        """Whether the first is worse by more than twice the standard error of the difference.

        Less would not do: what is labelled was chosen by the first, mostly from the top of it, where ranks tell least.
        """
        return self.second - self.first > 2 * self.error

    @property
    def better(self) -> bool:
        """Whether the first is better by as much."""
        return self.first - self.second > 2 * self.error


def compare(first: Vector, second: Vector, is_anomaly: npt.NDArray[np.bool_]) -> Comparison:
    """Compare two rankings by the areas under their ROC curves, which are paired: the same data have both scores.

    Parameters
    ----------
    first, second : (n,)
        Scores, higher for anomalies.
    is_anomaly : (n,)
        What was said.

    References
    ----------
    DeLong, E. R., DeLong, D. M. and Clarke-Pearson, D. L. (1988). Comparing the areas under two or more correlated
    receiver operating characteristic curves. Biometrics.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.feedback.shadow import compare
    >>> found = compare(np.array([3.0, 2, 1, 0]), np.array([0.0, 2, 1, 3]), np.array([True, True, False, False]))
    >>> found.first, found.second
    (1.0, 0.25)
    """
    n_anomalies, n_normal = int(is_anomaly.sum()), int((~is_anomaly).sum())
    if not n_anomalies or not n_normal:
        return Comparison(np.nan, np.nan, np.nan, n_anomalies, n_normal)
    above = [_above(scores[is_anomaly], scores[~is_anomaly]) for scores in (first, second)]
    differences = [above[0][side] - above[1][side] for side in (0, 1)]
    variance = sum(float(each.var(ddof=1)) / len(each) if len(each) > 1 else 0.25 for each in differences)
    areas = [float(each[0].mean()) for each in above]
    return Comparison(areas[0], areas[1], float(np.sqrt(variance)), n_anomalies, n_normal)


def _above(anomalies: Vector, normal: Vector) -> tuple[Vector, Vector]:
    """Of each anomaly, the share of the normal ones below it; of each normal one, that of the anomalies above it."""
    below, above = np.sort(normal), np.sort(anomalies)
    left, right = (np.searchsorted(below, anomalies, side=side) for side in ("left", "right"))
    low, high = (np.searchsorted(above, normal, side=side) for side in ("left", "right"))
    return (left + right) / 2 / len(normal), 1.0 - (low + high) / 2 / len(anomalies)
