"""Probability that level or spread have changed within the last rows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, SeriesDetector, Vector
from amiss.core.params import Between, Whole
from amiss.prepare.scales import robust_scale

__all__ = ["BayesianChangePoint"]

_FARTHEST = 1e6
_MEAN_ROWS = 0.1
"""Rows that what is known of a new level beforehand is worth."""
_SHAPE = 1.0
"""Half the rows that what is known of a new spread beforehand is worth."""
_LEAST_LOG = -300.0
"""Logarithm of how much less probable than the best a run may be, so that no odds overflow."""


class BayesianChangePoint(SeriesDetector):
    """How probable it is that level or spread have changed within the last rows, by all runs that may be under way.

    Bayesian online change-point detection: the rows of a run are normal with a mean and a variance of its own, and
    each row may end the run. Good at where a level or a spread changes; what was odd at first is normal a window later,
    so a lasting anomaly shows by its begin and its end. Knows no seasons, and rows that hang together look like
    ever new runs: in a smooth series the score is high everywhere. A single odd row counts little.

    The score is the sum over the features of −log of the probability that the run is older than `window` rows.
    `max_runs` run lengths are followed, so that a row costs the same whatever came before: some thirty microseconds.

    Parameters
    ----------
    window
        Rows within which a change is new, at least 1. The first rows of a series, so many, score 0.
    run_length
        Rows after which a change is expected, above 1.
    max_runs
        Run lengths that are followed at once, the most probable, at least 2.

    Attributes
    ----------
    location_, scale_ : (n_features,)
        Median and robust deviation of each feature, in its unit.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import BayesianChangePoint
    >>> X = np.random.default_rng(0).normal(size=(600, 1))
    >>> X[400:] += 3
    >>> scores = BayesianChangePoint().fit(X).anomaly_score(X)
    >>> scores[[390, 410, 440, 470, 510]].round()
    array([ 0., 35., 72., 55.,  0.])

    References
    ----------
    Adams, R. P. and MacKay, D. J. C. (2007). Bayesian online changepoint detection. arXiv:0710.3742.
    """

    capabilities: ClassVar = Capabilities(ordered=True, causal=True, reasons=True, additive=True)
    finds: ClassVar = ("change_point", "level_shift", "variance_change")
    domains: ClassVar = {"window": Whole(1), "run_length": Between(1, open_low=True), "max_runs": Whole(2)}

    def __init__(self, window: int = 100, run_length: float = 250.0, max_runs: int = 100) -> None:
        self.window = window
        self.run_length = run_length
        self.max_runs = max_runs

    def _learn(self, X: Matrix) -> None:
        largest = np.abs(X).max(axis=0)
        self.location_, self.scale_ = robust_scale(X, np.where(largest > 0, largest, 1.0))

    def _score(self, X: Matrix) -> Vector:
        score: Vector = self._contributions(X).sum(axis=1)
        return score

    def _contributions(self, X: Matrix) -> Matrix:
        z = np.clip((X - self.location_) / self.scale_, -_FARTHEST, _FARTHEST)
        said = _Runs(z.shape[1], len(z), self.run_length, self.max_runs).watch(z, self.window)
        # What has stood still from its first row on has not changed, however sure of that more rows make.
        moved: Matrix = np.maximum.accumulate(z != z[:1], axis=0) * said
        return moved


class _Runs:
    """The runs that may be under way in each feature, (n_features, n_runs) each: rows, probability, what they tell."""

    def __init__(self, n_features: int, n_rows: int, run_length: float, max_runs: int) -> None:
        from scipy.special import gammaln

        self.going, self.ending = np.log1p(-1 / run_length), -np.log(run_length)
        self.max_runs = max_runs
        shape = (n_features, 2 * max_runs + 1)
        self.rows = np.zeros(shape, np.int64)
        self.log_weight, self.mean, self.scatter, self.log_scatter = np.zeros((4, *shape))
        rows = np.arange(n_rows + 1, dtype=np.float64)
        half = _SHAPE + rows / 2
        self.gap_weight = (_MEAN_ROWS + rows) / (2 * (_MEAN_ROWS + rows + 1))
        self.density = gammaln(half + 0.5) - gammaln(half) + 0.5 * np.log(self.gap_weight)
        self.n = 0

    def watch(self, z: Matrix, window: int) -> Matrix:
        """−log of the probability that a run is older than `window` rows, (n_rows, n_features)."""
        odds = np.zeros(z.shape)
        self._begin(0.0)
        for i, value in enumerate(z[:, :, None]):
            joint, rows = self._told(value), self.rows[:, : self.n]
            likely = np.exp(np.maximum(joint - joint.max(axis=1, keepdims=True), _LEAST_LOG))
            if i >= window:
                old = rows >= window
                # Of the runs that are no longer followed is known that they are less likely than these.
                least = likely.min(axis=1)
                new = np.maximum(np.where(old, 0.0, likely).sum(axis=1), least)
                odds[i] = new / np.maximum(np.where(old, likely, 0.0).sum(axis=1), least)
            self.log_weight[:, : self.n] = np.log(likely / likely.sum(axis=1, keepdims=True)) + self.going
            rows += 1
            if self.n > 2 * self.max_runs - 1:
                self._prune()
            self._begin(self.ending)
        return np.log1p(odds)

    def _begin(self, log_weight: float) -> None:
        """One more run, without a row so far."""
        for values, first in (
            (self.rows, 0),
            (self.log_weight, log_weight),
            (self.mean, 0.0),
            (self.scatter, 1.0),
            (self.log_scatter, 0.0),
        ):
            values[:, self.n] = first
        self.n += 1

    def _told(self, value: Matrix) -> Matrix:
        """Logarithm of each run's probability with this row; its mean and scatter take the row up."""
        now = slice(None), slice(None, self.n)
        rows, mean, scatter, log_scatter = self.rows[now], self.mean[now], self.scatter[now], self.log_scatter[now]
        gap = value - mean
        # Of Student's t: the scatter after a row holds what the row adds to it.
        half = _SHAPE + 0.5 * rows
        joint: Matrix = self.log_weight[now] + self.density[rows] + half * log_scatter
        scatter += self.gap_weight[rows] * gap * gap
        np.log(scatter, out=log_scatter)
        joint -= (half + 0.5) * log_scatter
        mean += gap / (_MEAN_ROWS + 1 + rows)
        return joint

    def _prune(self) -> None:
        """Follow the most probable runs only; the probability of the others goes to the oldest of them."""
        kept = np.argpartition(-self.log_weight[:, : self.n], self.max_runs - 1, axis=1)[:, : self.max_runs]
        before = np.logaddexp.reduce(self.log_weight[:, : self.n], axis=1)
        for values in (self.rows, self.log_weight, self.mean, self.scatter, self.log_scatter):
            values[:, : self.max_runs] = np.take_along_axis(values[:, : self.n], kept, axis=1)
        self.n = self.max_runs
        weight, each = self.log_weight[:, : self.n], np.arange(len(kept))
        lost = np.maximum(1 - np.exp(np.logaddexp.reduce(weight, axis=1) - before), 0.0)
        oldest = self.rows[:, : self.n].argmax(axis=1)
        weight[each, oldest] = np.logaddexp(weight[each, oldest], np.log(lost + 1e-300) + before)
