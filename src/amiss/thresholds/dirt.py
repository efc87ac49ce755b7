"""Finds anomalies among the rows that a threshold is calibrated on."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector

__all__ = ["FEWEST_ROWS", "n_suspicious"]

FEWEST_ROWS = 100
_MOST = 0.15
"""Largest share of the rows that can be told from a group of their own."""
_CHANCE = 1e-3
"""Of leaving out rows of clean scores, by the first sign."""
_BUMP = 4.0
"""Deviations that the second sign takes; clean scores of all kinds reach 3.3."""


def n_suspicious(scores: Vector) -> int:
    """How many of the highest scores do not belong to the tail of the others.

    As scores rise, those of rows of one kind become rarer at a growing rate, measured by the ratio to what is above:
    true of normal, exponential, log-normal and Pareto tails alike. Anomalies break it: there is a gap, or a thin
    stretch, between the normal rows and them. Two signs are looked for, and the cut goes where the scores are thinnest.

    Parameters
    ----------
    scores : (n_rows,)
        In any order; higher is more anomalous.

    Returns
    -------
    int
        0 where nothing is found, and where there are fewer than 100 rows.

    References
    ----------
    Barlow, R. E. and Doksum, K. A. (1972). Isotonic tests for convex orderings. Berkeley Symposium.
    Lariviere, M. A. and Porteus, E. L. (2001). Selling to the newsvendor: price-only contracts. MSOM.
    """
    n = len(scores)
    width = float(np.ptp(scores)) if n else 0.0
    if n < FEWEST_ROWS or not width > 0:
        return 0
    ordered = np.sort(scores)[::-1][: n // 2]
    height = np.maximum(ordered - np.median(scores), 1e-9 * width)
    # At rank i: i times the logarithm of the step to the next, 1 / rate. For a Pareto tail all have one mean.
    rank = np.arange(1, len(height), dtype=np.float64)
    steps: Vector = rank * np.log(height[:-1] / height[1:])
    total = np.append(0.0, np.cumsum(steps))
    for found in (_gap(total, n), _bump(total, n)):
        if found:
            return _thinnest(steps, total, found)
    return 0


def _gap(total: Vector, n: int) -> int:
    """Rank at the lower end of the stretch that is most surprisingly thinner than the ranks below it; 0 for none."""
    most, n_below = int(n * _MOST), n // 10
    best, where = NormalDist().inv_cdf(1 - _CHANCE / most), 0
    width = 1
    while width <= most:
        rank = np.arange(width, min(most, len(total) - 1 - n_below) + 1)
        stretch = total[rank] - total[rank - width]
        below = total[rank + n_below] - total[rank]
        ratio = (stretch / width) / np.maximum(below / n_below, 1e-300)
        surprise = _deviations(ratio, width, n_below)
        place = int(np.argmax(surprise))
        if surprise[place] > best:
            best, where = float(surprise[place]), int(rank[place])
        width *= 2
    return where


def _deviations(ratio: Vector, n_above: int, n_below: int) -> Vector:
    """The ratio of two means of exponential values as a standard normal one (Wilson and Hilferty, for F)."""
    a, b = 1 / (9 * n_above), 1 / (9 * n_below)
    root = np.cbrt(ratio)
    z: Vector = ((1 - b) * root - (1 - a)) / np.sqrt(b * root**2 + a)
    return z


def _bump(total: Vector, n: int) -> int:
    """Rank where the steps are larger than both above and below, as no single kind of rows makes them; 0 for none."""
    rank = np.arange(8, int(n * _MOST) + 1)
    rank = rank[3 * rank < len(total)]

    def mean(low: npt.NDArray[Any], high: npt.NDArray[Any]) -> tuple[Vector, Vector]:
        first, last = low.astype(np.int64), high.astype(np.int64)
        count = (last - first).astype(np.float64)
        return np.maximum(total[last] - total[first], 1e-300) / count, count

    here, n_here = mean(rank / np.sqrt(2), rank)
    above, n_above = mean(rank / 4, rank / 2)
    below, n_below = mean(rank, 3 * rank)
    rise = np.log(here) - 0.5 * np.log(above) - 0.5 * np.log(below)
    surprise = rise / np.sqrt(1 / n_here + 0.25 / n_above + 0.25 / n_below)
    place = int(np.argmax(surprise))
    return int(rank[place]) if surprise[place] > _BUMP else 0


def _thinnest(steps: Vector, total: Vector, rank: int) -> int:
    """The rank of the widest step, near `rank`, where the scores are thinnest."""
    width = max(1, rank // 6)
    first = np.arange(rank // 4, min(int(rank * 1.25) + 1, len(steps)) - width + 1)
    start = int(first[np.argmax(total[first + width] - total[first])])
    return int(start + np.argmax(steps[start : start + width]) + 1)
