"""Empirical-cumulative-distribution outlier detection."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.core.summary import Sample, Summary

__all__ = ["ECOD"]


class ECOD(MergeDetector[Summary]):
    """How far out in the tails a row's values lie, column by column; no parameter to set.

    Fast, exact in its reasons, and unmoved by any monotone change of a column's scale. Sees neither gaps in the
    middle of a column nor relations between columns.

    Scoring costs O(n_rows × n_features × log n_kept) time. A row's score does not depend on the rows scored with it.

    Parameters
    ----------
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    random_state
        Seed of the sample, from 0.

    Attributes
    ----------
    values_ : (n_features, n_kept)
        The values seen of each feature, ascending, missing ones last.
    n_present_ : (n_features,)
        How many of them are not missing.
    skewness_ : (n_features,)
        Their skewness; its sign says which tail counts in the third sum of the paper.

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
    domains: ClassVar = {"sample_size": Optional(Whole(2)), "random_state": Whole(0)}

    def __init__(self, sample_size: int | None = 20_000, random_state: int = 0) -> None:
        self.sample_size = sample_size
        self.random_state = random_state

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        X = sample.rows
        self.values_ = np.ascontiguousarray(np.sort(X, axis=0).T)
        self.n_present_ = (~np.isnan(X)).sum(axis=0)
        # Only the sign counts, so the cubes are taken of numbers that cannot overflow.
        scale = np.nanmax(np.abs(np.where(np.isnan(X), 0.0, X)), axis=0)
        unit = X / np.where(scale > 0, scale, 1.0)
        n = np.maximum(self.n_present_, 1)
        centred = unit - np.nansum(unit, axis=0) / n
        self.skewness_ = np.nansum(centred**3, axis=0) / n

    def _score(self, X: Matrix) -> Vector:
        total: Vector = self._contributions(X).sum(axis=1)
        return total

    def _tails(self, X: Matrix) -> tuple[Matrix, Matrix]:
        left, right = np.empty_like(X), np.empty_like(X)
        for j, (values, n) in enumerate(zip(self.values_, self.n_present_, strict=True)):
            at_most = np.searchsorted(values[:n], X[:, j], side="right")
            at_least = n - np.searchsorted(values[:n], X[:, j], side="left")
            # A value beyond all that were seen counts as the next one; one never missing is rare when it is.
            left[:, j] = -np.log(np.maximum(at_most, 0.5) / max(n, 1))
            right[:, j] = -np.log(np.maximum(at_least, 0.5) / max(n, 1))
            missing = -np.log(max(len(values) - n, 0.5) / len(values))
            left[np.isnan(X[:, j]), j] = right[np.isnan(X[:, j]), j] = missing
        return left, right

    def _contributions(self, X: Matrix) -> Matrix:
        left, right = self._tails(X)
        by_skew = np.where(self.skewness_ < 0, left, right)
        sums = np.stack([left.sum(axis=1), right.sum(axis=1), by_skew.sum(axis=1)])
        which = sums.argmax(axis=0)[:, None]
        chosen: Matrix = np.choose(which, [left, right, by_skew])
        return chosen
