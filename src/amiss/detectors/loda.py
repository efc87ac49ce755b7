"""Lightweight on-line detector of anomalies: histograms of random projections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.core.search_space import LogRange
from amiss.core.summary import Sample, Summary
from amiss.kernels.histograms import Bins, projected_bins, projected_score, projections
from amiss.summaries.blame import beyond_reach, reach, share_out

__all__ = ["LODA"]

_REACH_ROWS = 5000


class LODA(MergeDetector[Summary]):
    """How rare a row is along random directions, by a histogram of each.

    Each direction mixes about √n_features features. Sees what histograms of single columns miss, broken relations
    among others, at nearly their speed; a single column that goes wrong is diluted where there are many. Features must
    be on comparable scales.

    Fitting costs O(n_kept × n_estimators × √n_features), scoring O(n_rows × n_estimators × √n_features) time; memory
    8 bytes a bin.

    Parameters
    ----------
    n_estimators
        Number of directions, at least 1.
    n_bins
        Bins of equal width for each, at least 2.
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    random_state
        Seed, from 0.
    n_jobs
        Threads for scoring; −1 uses every processor.

    Attributes
    ----------
    feature_ : (n_estimators, n_mixed)
        Features of each direction.
    weight_ : (n_estimators, n_mixed)
        Their weights.
    low_, width_ : (n_estimators,)
        Left end of the first bin and width of a bin.
    surprise_ : (n_estimators, n_bins + 2)
        Negative log of the share of rows in each bin (nats); then outside all bins, and unused.
    location_, reach_ : (n_features,)
        Medians, and the distance to them that nine values in ten keep within, in the feature's unit; reasons measure
        from there.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import LODA
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> LODA().fit(X).anomaly_score([[0, 0], [6, 6]]).round(1)
    array([1.4, 7.6])

    References
    ----------
    Pevný, T. (2016). Loda: lightweight on-line detector of anomalies. Machine Learning.
    """

    capabilities: ClassVar = Capabilities(reasons=True)
    domains: ClassVar = {
        "n_estimators": Whole(1),
        "n_bins": Whole(2),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }
    search_space: ClassVar = {"n_bins": LogRange(5, 100)}

    def __init__(
        self,
        n_estimators: int = 100,
        n_bins: int = 10,
        sample_size: int | None = 20_000,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.n_bins = n_bins
        self.sample_size = sample_size
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        X = sample.kept
        d = X.shape[1]
        random = np.random.default_rng(self.random_state)
        n_mixed = max(1, int(np.sqrt(d)))
        chosen = [random.choice(d, n_mixed, replace=False) for _ in range(self.n_estimators)]
        self.feature_ = np.array(chosen, np.int32)
        self.weight_ = random.normal(size=self.feature_.shape)
        bins = projected_bins(X, self.feature_, self.weight_, self.n_bins)
        self.low_, self.width_, self.surprise_ = bins.low, bins.width, bins.surprise
        self.location_, self.reach_ = reach(sample.head(_REACH_ROWS))

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`; ValueError if its arrays do not fit together."""
        super().restore(state)
        self._bins().check(len(self.feature_))
        inside = (self.feature_ >= 0) & (self.feature_ < self.n_features_in_)
        fit = self.feature_.ndim == 2 and self.feature_.shape == self.weight_.shape and inside.all()
        if not fit or self.feature_.dtype != np.int32 or self.weight_.dtype != np.float64:
            raise ValueError("the arrays of the projections do not fit together")
        return self

    def _bins(self) -> Bins:
        return Bins(self.low_, self.width_, self.surprise_)

    def _score(self, X: Matrix) -> Vector:
        return projected_score(X, self.feature_, self.weight_, self._bins(), self.n_jobs)

    def _contributions(self, X: Matrix) -> Matrix:
        """The score, shared by what each value alone would surprise in a usual row, and how far out it lies."""
        alone = np.sqrt(np.maximum(self._alone(X), 0.0))
        return share_out(self._score(X), alone * beyond_reach(X, self.location_, self.reach_), alone)

    def _alone(self, X: Matrix) -> Matrix:
        """Surprise over all directions of a row of medians in which one value is the row's own."""
        bins, gaps = self._bins(), np.ascontiguousarray((X - self.location_).T)
        centre = projections(self.location_[None, :], self.feature_, self.weight_)
        usual = bins.terms(centre)
        alone = np.zeros((X.shape[1], len(X)))
        for feature, weight in zip(self.feature_.T, self.weight_.T, strict=True):
            lines = centre + weight[:, None] * gaps[feature]
            np.add.at(alone, feature, bins.terms(lines) - usual)
        return np.ascontiguousarray(alone.T)
