"""Scores beyond the calibration rows: a generalised-Pareto tail, averaged over all tails that fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from amiss.core.summary import Matrix, Vector

__all__ = ["FEWEST_ROWS", "Tail", "survival"]

FEWEST_ROWS = 100
"""Calibration rows that a tail takes."""

_FEWEST, _MOST, _SHARE = 50, 250, 0.1
"""Rows that a tail is fitted to: a tenth of all, between these numbers."""
_MOST_TRIMMED = 500
"""The same where the upper part was left out, and each row says less."""
_WORST_FIT = 1.2
"""Largest distance between fitted and seen shares, times the root of the number of rows."""
_PRIOR_SHAPE = 0.45
"""Deviation of the shapes held possible before the data are seen: 0 is an exponential tail, 1 Cauchy's."""
_TINY = 1e-300


def _grid() -> tuple[Matrix, Matrix]:
    """Shapes, and scales in units of log 2 over the median, that are tried."""
    shape = np.linspace(-1.2, 1.6, 57)
    shape[np.abs(shape) < 1e-9] = 1e-9
    by_median = np.log(2) * shape / (np.exp2(shape) - 1)
    return np.meshgrid(shape, np.ones(61))[0].T, by_median[:, None] * np.exp(np.linspace(-1.5, 1.5, 61))


def survival(excess: Vector, shape: Vector, scale: Vector) -> Matrix:
    """Share above each excess by each generalised Pareto law: (n_tails, n_excesses)."""
    inside = np.maximum(1 + shape[:, None] * excess / scale[:, None], 0.0)
    with np.errstate(divide="ignore"):
        share: Matrix = np.where(inside > 0, np.exp(-np.log(np.maximum(inside, _TINY)) / shape[:, None]), 0.0)
    return share


@dataclass(frozen=True, slots=True)
class Tail:
    """How the highest scores go on beyond the calibration rows.

    Excesses over a high score follow a generalised Pareto law, whatever the scores (Pickands 1975). A single fitted law
    would promise too much, as its error is forgotten; here every shape and scale is weighed by its likelihood, and the
    share above a score is the mean over all of them. On average over draws it is then what a new row does.

    Attributes
    ----------
    start
        Score from which on the tail is modelled.
    unit
        Unit of the excesses.
    shape, scale, weight : (n_tails,)
        Laws that fit, and their weights, which sum to 1. A positive shape is a heavy tail, a negative one an end.
    n_hidden
        Expected number of normal rows among those that were left out as anomalies.

    References
    ----------
    Pickands, J. (1975). Statistical inference using extreme order statistics. Annals of Statistics.
    Northrop, P. J. and Attalides, N. (2016). Posterior propriety in Bayesian extreme value analyses. Statistica Sinica.
    """

    start: float
    unit: float
    shape: Vector
    scale: Vector
    weight: Vector
    n_hidden: float = 0.0

    @classmethod
    def fitted(cls, scores: Vector, trimmed: Vector) -> Self | None:
        """The tail of `scores`, descending; None where they are too few, repeat too often, or no tail fits.

        Parameters
        ----------
        scores : (n_rows,)
            Scores of rows taken to be normal, descending.
        trimmed : (n_trimmed,)
            Scores above all of these, of rows taken to be anomalies, descending. The normal rows among them are hidden.
        """
        most = _MOST_TRIMMED if len(trimmed) else _MOST
        n = min(most, max(_FEWEST, int(_SHARE * len(scores))))
        while len(scores) >= FEWEST_ROWS:
            found = cls._of(scores[: n + 1], trimmed)
            if found is None or found._misfit(scores[:n]) <= _WORST_FIT or n == _FEWEST:
                return found
            n = max(_FEWEST, n // 2)
        return None

    @classmethod
    def _of(cls, scores: Vector, trimmed: Vector) -> Self | None:
        start = float(scores[-1])
        excess = scores[:-1] - start
        if len(np.unique(excess[excess > 0])) < 0.5 * len(excess):
            return None
        excess = excess[excess > 0]
        unit = float(np.median(excess) / np.log(2))
        if not 0 < unit < np.inf:
            return None
        z = excess / unit
        shape, scale = (part.ravel() for part in _grid())
        inside = 1 + shape[:, None] * z / scale[:, None]
        possible = (inside > 0).all(axis=1)
        shape, scale, inside = shape[possible], scale[possible], inside[possible]
        fit = -(1 + 1 / shape) * np.log(inside).sum(axis=1) - len(z) * np.log(scale)
        beyond = np.zeros(len(shape))
        if len(trimmed):
            above = (trimmed - start) / unit
            beyond = np.minimum(survival(above[-1:], shape, scale)[:, 0], 1 - 1e-9)
            fit += _fit_beyond(above, len(z), beyond, shape, scale)
        fit -= 0.5 * (shape / _PRIOR_SHAPE) ** 2
        weight = np.exp(fit - fit.max())
        kept = weight > 1e-6
        weight = weight[kept] / weight[kept].sum()
        odds = beyond[kept] / (1 - beyond[kept])
        n_hidden = float(min(len(z) * (weight @ odds), len(trimmed)))
        # From here on a law counts by the rows that it gives to the tail, seen and hidden.
        counts = weight * (1 + odds)
        return cls(start, unit, shape[kept], scale[kept], counts / counts.sum(), n_hidden)

    def share_above(self, scores: Vector) -> Vector:
        """Share of the tail's rows that lie above each score, (n_rows,); 1 below its start."""
        excess = np.maximum(np.asarray(scores, np.float64) - self.start, 0.0) / self.unit
        out = np.empty(len(excess))
        for first in range(0, len(excess), 4096):
            part = slice(first, first + 4096)
            out[part] = self.weight @ survival(excess[part], self.shape, self.scale)
        return out

    def _misfit(self, scores: Vector) -> float:
        if self.n_hidden:
            return 0.0
        n = len(scores)
        gap = np.abs(self.share_above(scores) - (np.arange(n) + 0.5) / n)
        return float(gap.max() * np.sqrt(n))


def _fit_beyond(above: Vector, n_seen: int, beyond: Vector, shape: Vector, scale: Vector) -> Vector:
    """What trimming says about each law: none of its rows are seen there, and no more can be hidden than there are.

    Parameters
    ----------
    above : (n_trimmed,)
        Excesses of the rows left out, descending.
    beyond : (n_tails,)
        Share of each law beyond the lowest of them.
    """
    ends = above[-1] * np.geomspace(1, max(above[0] / max(above[-1], _TINY), 1.001) * 1.0001, 9)
    counts = np.array([((above >= low) & (above < high)).sum() for low, high in zip(ends[:-1], ends[1:], strict=True)])
    expected = -np.diff(survival(ends, shape, scale), axis=1) * (n_seen / (1 - beyond))[:, None]
    most = np.maximum(expected, counts)
    # Anomalies fill up what a law leaves; only where it expects more rows than there are does it lose.
    lost = counts * np.log(np.maximum(most, _TINY) / np.maximum(counts, _TINY)) - (most - counts)
    fit: Vector = -n_seen * np.log1p(-beyond) + lost.sum(axis=1)
    return fit
