"""Values that stand still."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Capabilities, Matrix, SeriesDetector, Vector
from amiss.core.params import Between
from amiss.series.runs import improbability, run_ends, tail_of

__all__ = ["Stuck"]

_FEWEST_RUNS = 5
_LEAST_RUN = 3
_MOST_VALUES = 20
"""Values of a feature at which it often stands still, each with runs of its own."""


class Stuck(SeriesDetector):
    """How improbably long a feature has stood still, given how it does in what was learnt.

    Made for sensors that freeze: exactly equal values, or far less variation than from row to row else. Values at which
    the feature often rests, such as zero at night, have runs of their own to be compared with, so that resting there is
    normal and freezing elsewhere is not. A constant, and what changes a few times at most, is quiet. Looks at nothing
    else; the first rows of a standstill are like any two equal values, so it speaks with a delay; and it takes a mode
    of operation that was never learnt, in which little moves, for a standstill.

    The score is the sum over the features of −log of the share of runs that last so long. A missing value neither
    lengthens nor ends a run, and scores 0. Costs some tenths of a microsecond a value, 8 bytes of memory a value.

    Parameters
    ----------
    tolerance
        Values that differ by no more than this share of the usual step count as equal, in [0, 1].

    Attributes
    ----------
    step_ : (n_features,)
        Difference up to which values are equal, in the feature's unit.
    tails_ : (n_features, 3)
        How fast longer runs become rarer: rate a row, length of a long one, further rate beyond it.
    resting_ : (n_features, 20)
        Values at which a feature often rests, in steps, NaN where there are fewer.
    resting_tails_ : (n_features, 20, 3)
        As `tails_`, for these.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import Stuck
    >>> X = np.random.default_rng(0).normal(size=(1000, 1))
    >>> X[600:620] = X[599]
    >>> int(np.argmax(Stuck().fit(X).anomaly_score(X)))
    619

    References
    ----------
    Sharma, A. B., Golubchik, L. and Govindan, R. (2010). Sensor faults: detection methods and prevalence in real-world
    datasets. ACM Transactions on Sensor Networks.
    """

    capabilities: ClassVar = Capabilities(ordered=True, causal=True, missing=True, reasons=True, additive=True)
    finds: ClassVar = ("stuck",)
    domains: ClassVar = {"tolerance": Between(0, 1)}

    def __init__(self, tolerance: float = 0.05) -> None:
        self.tolerance = tolerance

    def _learn(self, X: Matrix) -> None:
        n_features = X.shape[1]
        self.step_ = np.array([self.tolerance * _usual_step(x) for x in X.T])
        self.tails_ = np.zeros((n_features, 3))
        self.resting_ = np.full((n_features, _MOST_VALUES), np.nan)
        self.resting_tails_ = np.zeros((n_features, _MOST_VALUES, 3))
        for j, x in enumerate(X.T):
            length, value = _standing(x, float(self.step_[j]))
            ends = run_ends(length)
            self._learn_runs(j, length[ends], value[ends])

    def _learn_runs(self, j: int, lengths: npt.NDArray[np.int64], values: Vector) -> None:
        long = lengths >= _LEAST_RUN
        resting, counts = np.unique(values[long], return_counts=True)
        resting = resting[counts >= _FEWEST_RUNS]
        resting = resting[np.argsort(-counts[counts >= _FEWEST_RUNS], kind="stable")][:_MOST_VALUES]
        for k, value in enumerate(resting):
            self.resting_[j, k] = value
            self.resting_tails_[j, k] = tail_of(lengths[values == value])
        others = lengths[~np.isin(values, resting)]
        # What hardly ever changes says nothing of how long it may stand still.
        if len(lengths) > _FEWEST_RUNS:
            self.tails_[j] = tail_of(others)

    def _score(self, X: Matrix) -> Vector:
        score: Vector = self._contributions(X).sum(axis=1)
        return score

    def _contributions(self, X: Matrix) -> Matrix:
        said = np.empty(X.shape)
        for j, x in enumerate(X.T):
            length, value = _standing(x, float(self.step_[j]))
            tails = np.tile(self.tails_[j], (len(x), 1))
            for resting, tail in zip(self.resting_[j], self.resting_tails_[j], strict=True):
                tails[value == resting] = tail
            said[:, j] = improbability(length, tails)
        return said


def _usual_step(x: Vector) -> float:
    x = x[~np.isnan(x)]
    size = np.abs(np.diff(x))
    moved = size[size > 0]
    return float(np.median(moved)) if len(moved) else 0.0


def _standing(x: Vector, step: float) -> tuple[npt.NDArray[np.int64], Vector]:
    """How many rows each has stood still within a step, 0 where it is missing; and at which value, in steps."""
    lengths, values = np.zeros(len(x), np.int64), np.empty(len(x))
    low = high = first = np.nan
    n = 0
    for i, value in enumerate(x.tolist()):
        if value != value:
            values[i] = first
            continue
        if value <= low + step and value >= high - step:
            n += 1
            low, high = min(low, value), max(high, value)
        else:
            n, low, high, first = 1, value, value, value
        lengths[i], values[i] = n, first
    return lengths, np.round(values / step) if step > 0 else values
