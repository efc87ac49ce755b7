"""Histogram-based outlier score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.core.search_space import LogRange
from amiss.core.summary import Sample, Summary
from amiss.kernels.histograms import Bins

__all__ = ["HBOS"]


class HBOS(MergeDetector[Summary]):
    """How rare a row's values are, column by column, by a histogram of each.

    Very fast, handles missing values as a value of its own, and names the columns to blame exactly. Sees nothing of
    the relation between columns: a row of usual values in an unusual combination passes.

    Scoring costs O(n_rows × n_features) time, whatever the number of bins; memory 8 bytes a bin.

    Parameters
    ----------
    n_bins
        Bins of equal width for each feature, at least 2, between the smallest and the largest value seen.
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    random_state
        Seed of the sample, from 0.
    n_jobs
        Threads for scoring; −1 uses every processor.

    Attributes
    ----------
    low_, width_ : (n_features,)
        Left end of the first bin and width of a bin, in the feature's unit.
    surprise_ : (n_features, n_bins + 2)
        Negative log of the share of rows in each bin (nats); then of values outside all bins, and of missing ones.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import HBOS
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> HBOS().fit(X).anomaly_score([[0, 0], [6, 6]]).round(1)
    array([ 2.8, 15.2])

    References
    ----------
    Goldstein, M. and Dengel, A. (2012). Histogram-based outlier score (HBOS). KI.
    """

    capabilities: ClassVar = Capabilities(missing=True, reasons=True, additive=True)
    domains: ClassVar = {
        "n_bins": Whole(2),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }
    search_space: ClassVar = {"n_bins": LogRange(5, 200)}

    def __init__(
        self,
        n_bins: int = 10,
        sample_size: int | None = 20_000,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_bins = n_bins
        self.sample_size = sample_size
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        bins = Bins.of(np.ascontiguousarray(sample.kept.T), self.n_bins)
        self.low_, self.width_, self.surprise_ = bins.low, bins.width, bins.surprise

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`; ValueError if its arrays do not fit together."""
        super().restore(state)
        self._bins().check(self.n_features_in_)
        return self

    def _bins(self) -> Bins:
        return Bins(self.low_, self.width_, self.surprise_)

    def _score(self, X: Matrix) -> Vector:
        return self._bins().score(X, n_jobs=self.n_jobs)

    def _contributions(self, X: Matrix) -> Matrix:
        terms = np.empty_like(X)
        self._bins().score(X, terms)
        return terms
