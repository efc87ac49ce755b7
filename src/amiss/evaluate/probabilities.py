"""Whether probabilities keep their word: Brier score and calibration curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.core.errors import DataError
from amiss.core.summary import Vector
from amiss.evaluate.draws import Draws, Figure, figure, levels_of
from amiss.evaluate.truth import Flags, as_flags, as_scores

__all__ = ["CalibrationBin", "brier_draws", "brier_score", "calibration_curve", "share_figure"]


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Rows of about the same probability.

    Attributes
    ----------
    n_rows
        How many.
    said
        Their mean probability, in [0, 1].
    came
        The share of them that are anomalies.
    """

    n_rows: int
    said: float
    came: Figure


def brier_score(labels: Any, probabilities: Any) -> float:
    """Mean squared distance of the probability of an anomaly to the label, in [0, 1]; 0 is perfect.

    To say the share of anomalies for every row reaches share · (1 − share).

    Examples
    --------
    >>> round(brier_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.1581

    References
    ----------
    Brier, G. W. (1950). Verification of forecasts expressed in terms of probability.
    """
    truth = as_flags(labels)
    return float(np.mean((as_scores(probabilities, n_rows=len(truth)) - truth) ** 2))


def brier_draws(labels: Flags, probabilities: Vector, draws: Draws) -> Vector:
    """The Brier score of redrawn rows: (n_draws,)."""
    levels, n_levels = levels_of(labels, probabilities)
    share = float(labels.mean())
    total = np.zeros(draws.n_draws)
    for rows, mass, part in zip((labels, ~labels), draws.curves(levels, n_levels), (share, 1 - share), strict=True):
        if rows.any():
            n = np.bincount(levels[rows], minlength=n_levels)
            squares = np.bincount(levels[rows], (probabilities[rows] - labels[rows]) ** 2, n_levels)
            total += part * (mass @ (squares / np.maximum(n, 1)))
    return total


def calibration_curve(
    labels: Any, probabilities: Any, *, n_bins: int = 10, level: float = 0.95
) -> tuple[CalibrationBin, ...]:
    """What was said against what came, in at most `n_bins` parts of about as many rows each.

    Rows of one probability stay together. The interval of each share is that of Jeffreys.

    Raises
    ------
    DataError
        Probabilities outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> p = np.repeat([0.1, 0.8], 500)
    >>> came = np.random.default_rng(0).random(1000) < p
    >>> for part in calibration_curve(came, p):
    ...     print(part.n_rows, round(part.said, 2), part.came)
    500 0.1 .094 (.071–.12)
    500 0.8 .81 (.77–.84)
    """
    truth = as_flags(labels)
    p = as_scores(probabilities, n_rows=len(truth))
    if ((p < 0) | (p > 1)).any():
        raise DataError("probabilities lie outside [0, 1]", where=f"from {p.min():g} to {p.max():g}")
    borders = np.unique(np.quantile(p, np.linspace(0, 1, n_bins + 1)[1:-1], method="inverted_cdf"))
    place = np.searchsorted(borders, p, side="left")
    parts = []
    for k in np.unique(place):
        rows = place == k
        n, came = int(rows.sum()), int(truth[rows].sum())
        parts.append(CalibrationBin(n, float(p[rows].mean()), share_figure(came, n, level)))
    return tuple(parts)


def share_figure(n_found: int, n: int, level: float = 0.95) -> Figure:
    """A share of `n` rows, with the interval of Jeffreys.

    Examples
    --------
    >>> print(share_figure(4, 50))
    .080 (.028–.18)
    """
    from scipy.special import betaincinv

    ends = betaincinv(n_found + 0.5, n - n_found + 0.5, [(1 - level) / 2, (1 + level) / 2])
    return figure(n_found / n, np.asarray(ends), 1 - 1e-12)
