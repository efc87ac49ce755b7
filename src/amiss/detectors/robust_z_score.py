"""Robust z-score."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.core.summary import Sample, Summary

__all__ = ["RobustZScore"]

_NORMAL = 1.4826  # makes a median absolute deviation a standard deviation for normal data
_NORMAL_MEAN = 1.2533  # likewise for a mean absolute deviation


class RobustZScore(MergeDetector[Summary]):
    """The largest distance of a row's values to their columns' medians, in robust standard deviations.

    The first thing to try, and easy to explain: over 3.5 is the customary alarm. Columns with a heavy tail give many
    high scores, and relations between columns are not seen.

    Scoring costs O(n_rows × n_features) time.

    Parameters
    ----------
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    random_state
        Seed of the sample, from 0.

    Attributes
    ----------
    location_, scale_ : (n_features,)
        Median and scaled median absolute deviation of each feature (its mean absolute deviation where more than half
        of the values are equal), in the feature's unit.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import RobustZScore
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> RobustZScore().fit(X).anomaly_score([[0, 0], [6, 1]]).round(0)
    array([0., 6.])

    References
    ----------
    Iglewicz, B. and Hoaglin, D. C. (1993). How to detect and handle outliers. ASQC.
    """

    capabilities: ClassVar = Capabilities(missing=True, reasons=True)
    domains: ClassVar = {"sample_size": Optional(Whole(2)), "random_state": Whole(0)}

    def __init__(self, sample_size: int | None = 20_000, random_state: int = 0) -> None:
        self.sample_size = sample_size
        self.random_state = random_state

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        X = sample.rows
        empty = np.isnan(X).all(axis=0)
        filled = np.where(empty, 0.0, X)
        self.location_ = np.nanmedian(filled, axis=0)
        gap = np.abs(filled - self.location_)
        scale = _NORMAL * np.nanmedian(gap, axis=0)
        scale = np.where(scale > 0, scale, _NORMAL_MEAN * np.nanmean(gap, axis=0))
        self.scale_ = np.maximum(scale, np.maximum(1e-9 * np.abs(self.location_), 1e-12))

    def _score(self, X: Matrix) -> Vector:
        worst: Vector = self._contributions(X).max(axis=1)
        return worst

    def _contributions(self, X: Matrix) -> Matrix:
        """|z| of each value; a missing value adds nothing."""
        z: Matrix = np.nan_to_num(np.abs(X - self.location_) / self.scale_, nan=0.0, posinf=np.finfo(float).max)
        return z
