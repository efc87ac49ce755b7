"""Change points of level and spread, by exact search."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import PREDICT_RATE, Capabilities, Matrix, SeriesDetector, Vector
from amiss.core.params import Between, OneOf, Optional, Whole
from amiss.prepare.scales import robust_scale
from amiss.series.decompose import decompose
from amiss.series.seasons import Positions, find_seasons, profile
from amiss.series.segment import Cost, gains, noise_of, pelt, sharpened

__all__ = ["PELT"]

_EXACT_ROWS = 10_000
"""Of one feature; of several so many less that they cost as much together."""
_NUMBERS = {"mean": 2, "normal": 3}
"""What a change has to tell: its row, a mean, a variance."""
_FINEST = 1e-6
"""Of scale_²: a series that repeats exactly is not cut by what rounding leaves."""
_LEAST_VARIANCE = 1e-3
_FARTHEST = 1e6
_TAPER = 6
"""Rows over which the score of a change falls to nothing, either way."""


class PELT(SeriesDetector):
    """How much is gained by saying that level or spread change at a row, among the best of all sets of such rows.

    Good at where a series goes over to another level or another noise, and at how surely; it looks both ways. A change
    counts if it gains more than the penalty, which grows with the memory of the noise, so that a series that wanders
    is not cut to pieces; steady seasons are found and taken out first, what is left of others is cut up. It is silent
    within a stretch: what is odd in itself and a single spike are not seen, an anomaly of fewer rows than `min_size`
    hardly, and a steady slope becomes a staircase. Each feature is cut by itself, its missing values left out.

    Exact up to 10,000 / √n_features rows; in a longer series changes are looked for at every second, third … row, and
    each is then moved to its best row. Up to there it costs O(n_rows² × n_features) at worst, where nothing changes,
    and less the more does: about a second; beyond O(n_rows × n_features × log n_rows), for the seasons.

    Parameters
    ----------
    cost
        "normal" for changes of mean and variance, "mean" for those of the mean alone.
    penalty
        What a change must gain, in twice the logarithm of the likelihood, above 0; None for that of the Bayesian
        information criterion times the memory of the noise.
    min_size
        Rows between two changes at least, from 2.

    Attributes
    ----------
    change_points_ : (n_change_points,)
        Rows of the series learnt at which a feature changes: the first rows after.
    location_, scale_ : (n_features,)
        Median and robust deviation of each feature.
    variance_, memory_ : (n_features,)
        Variance of each feature while nothing changes, in units of scale_²; and by how much its long-run variance
        exceeds that.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import PELT
    >>> X = np.random.default_rng(5).normal(size=(600, 1))
    >>> X[200:300] += 3
    >>> X[450:] *= 4
    >>> PELT().fit(X).change_points_
    array([200, 300, 450])

    References
    ----------
    Killick, R., Fearnhead, P. and Eckley, I. A. (2012). Optimal detection of changepoints with a linear computational
    cost. JASA.
    """

    capabilities: ClassVar = Capabilities(ordered=True, missing=True, reasons=True, additive=True)
    finds: ClassVar = ("change_point", "level_shift", "variance_change")
    domains: ClassVar = {
        "cost": OneOf(("normal", "mean")),
        "penalty": Optional(Between(0, open_low=True)),
        "min_size": Whole(2),
    }

    def __init__(self, cost: str = "normal", penalty: float | None = None, min_size: int = 10) -> None:
        self.cost = cost
        self.penalty = penalty
        self.min_size = min_size

    def change_points(self, X: Matrix) -> Positions:
        """Rows at which a feature changes, ascending: the first rows after."""
        self._check_fitted()
        return _rows(self._found(self._door(X)))

    def _learn(self, X: Matrix) -> None:
        self.location_, self.scale_ = robust_scale(X)
        self.location_ = np.nan_to_num(self.location_)
        noises = [noise_of(_without_seasons(z)[1]) for z in self._standard(X).T]
        self.variance_ = np.array([max(noise.variance, _FINEST) for noise in noises])
        self.memory_ = np.array([noise.memory for noise in noises])

    def _learn_score(self, X: Matrix) -> Vector:
        self._learn(X)
        found = self._found(X)
        self.change_points_ = _rows(found)
        scores: Vector = _tapered(found, len(X)).sum(axis=1)
        self.offset_ = -float(np.quantile(scores, 1 - PREDICT_RATE))
        return scores

    def _score(self, X: Matrix) -> Vector:
        scores: Vector = self._contributions(X).sum(axis=1)
        return scores

    def _contributions(self, X: Matrix) -> Matrix:
        return _tapered(self._found(X), len(X))

    def _standard(self, X: Matrix) -> Matrix:
        standard: Matrix = np.clip((X - self.location_) / self.scale_, -_FARTHEST, _FARTHEST)
        return standard

    def _found(self, X: Matrix) -> list[tuple[Positions, Vector]]:
        """Change points of each feature, and what each gains."""
        return [self._of_feature(z, j) for j, z in enumerate(self._standard(X).T)]

    def _of_feature(self, z: Vector, j: int) -> tuple[Positions, Vector]:
        variance = float(self.variance_[j])
        noise = variance if self.cost == "mean" else _LEAST_VARIANCE * variance
        there, rest = _without_seasons(z)
        cost = Cost.of(rest, self.cost, noise)
        usual = _NUMBERS[self.cost] * float(self.memory_[j]) * np.log(max(len(there), 2))
        step = max(1, int(np.ceil(len(there) * np.sqrt(len(self.scale_)) / _EXACT_ROWS)))
        points = pelt(cost, self.penalty or usual, self.min_size, step)
        points = sharpened(cost, points, step, self.min_size)
        return there[points], gains(cost, points)


def _without_seasons(z: Vector) -> tuple[Positions, Vector]:
    """Rows that have a value, and what is left there of the median of all cycles.

    A median that follows the cycles around would follow a change too.
    """
    there = np.flatnonzero(~np.isnan(z))
    rest = z.copy()
    seasons = find_seasons(z)
    if seasons:
        trend = decompose(z, seasons).trend
        for season in seasons:
            pattern = profile(rest - trend, season, wide=None)
            rest -= pattern - pattern.mean()
    return there, rest[there]


def _rows(found: list[tuple[Positions, Vector]]) -> Positions:
    return np.unique(np.concatenate([points for points, _ in found]))


def _tapered(found: list[tuple[Positions, Vector]], n_rows: int) -> Matrix:
    """What changes gain, at their rows and falling off beside them: (n_rows, n_features)."""
    tapered = np.zeros((n_rows, len(found)))
    for j, (points, gain) in enumerate(found):
        for away in range(-_TAPER + 1, _TAPER):
            at = np.clip(points + away, 0, n_rows - 1)
            np.maximum.at(tapered[:, j], at, gain * (1 - abs(away) / _TAPER))
    return tapered
