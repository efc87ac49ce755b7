"""Empirical-cumulative-distribution outlier detection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.core.summary import Sample, Summary
from amiss.kernels.tails import Tails

__all__ = ["ECOD"]


class ECOD(MergeDetector[Summary]):
    """How far out in the tails a row's values lie, column by column; no parameter to set.

    Each value counts minus the log of the share of learnt values that are at least as extreme, in the tail in which it
    lies further out, as in the authors' own code (the text of the paper takes the largest of three sums). Fast, exact
    in its reasons, and unmoved by any monotone change of a column's scale. Sees neither gaps in the middle of a column
    nor relations between columns.

    Fitting costs O(n_kept × log n_kept) a feature, scoring O(n_rows × n_features × log n_kept) time; memory 8 bytes a
    kept value. A row's score does not depend on the rows scored with it.

    Parameters
    ----------
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    random_state
        Seed of the sample, from 0.
    n_jobs
        Threads for scoring; −1 uses every processor.

    Attributes
    ----------
    values_ : (n_features, n_kept)
        The values seen of each feature, ascending, missing ones last.
    n_present_ : (n_features,)
        How many of them are not missing.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import ECOD
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> ECOD().fit(X).anomaly_score([[0, 0], [6, 6]]).round(1)
    array([ 1.5, 15.2])

    References
    ----------
    Li, Z. et al. (2022). ECOD: unsupervised outlier detection using empirical cumulative distribution functions. TKDE.
    """

    capabilities: ClassVar = Capabilities(missing=True, reasons=True, additive=True)
    domains: ClassVar = {
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }

    def __init__(self, sample_size: int | None = 20_000, random_state: int = 0, n_jobs: int | None = None) -> None:
        self.sample_size = sample_size
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        self._take(Tails.of(sample.kept, skewed=False))

    def _take(self, tails: Tails) -> None:
        self._tails = tails
        self.values_, self.n_present_ = tails.values, tails.n_present

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`; ValueError if its arrays do not fit together."""
        super().restore(state)
        self._take(Tails.restored(self.values_, self.n_present_, np.zeros(self.n_features_in_), skewed=False))
        return self

    def _score(self, X: Matrix) -> Vector:
        return self._tails.score(X, n_jobs=self.n_jobs)

    def _contributions(self, X: Matrix) -> Matrix:
        terms = np.empty_like(X)
        self._tails.score(X, terms)
        return terms
