"""What networks for rows share: the scale of what they see, and rows held out."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from amiss.core.detector import Matrix, MergeDetector, Vector
from amiss.core.summary import Sample, Summary
from amiss.deep._network import CLIP, TRAINING, Network
from amiss.prepare.scales import Space

__all__ = ["RowNetwork", "halves", "sizes", "terms"]

_HELD_OUT, _FEWEST_HELD = 0.1, 10
_LEAST_SPREAD = 1e-9


class RowNetwork(Network, MergeDetector[Summary]):
    """A network that sees rows in robust deviations, on a logarithmic scale. A subclass writes `_train` and `_score`.

    Attributes
    ----------
    location_, scale_ : (n_features,)
        Median and robust deviation of each feature, in the feature's unit.
    middle_, spread_ : (n_features,)
        Mean and standard deviation of these deviations on a logarithmic scale either way of 0, where the network sees
        them.
    still_ : (n_features,)
        Features that did not vary: nothing can be learnt of them, and the square of a change counts by itself.
    """

    domains: ClassVar = dict(TRAINING)
    sample_size: int | None

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        X = sample.rows
        largest = np.abs(X).max(axis=0)
        space = Space.signed_log(X, np.where(largest > 0, largest, 1.0))
        self.location_, self.scale_ = space.location, space.scale
        self.still_ = X.max(axis=0) == X.min(axis=0)
        Z = space(X)
        self.middle_, spread = Z.mean(axis=0), Z.std(axis=0)
        self.spread_ = np.where(spread > _LEAST_SPREAD, spread, 1.0)
        self._train(self._standard(X, CLIP)[0], np.random.default_rng(self.random_state))

    def _standard(self, X: Matrix, farthest: float) -> tuple[Matrix, Matrix]:
        """Rows in deviations, 0 where a feature did not vary; and how far those that did not vary have gone."""
        with np.errstate(over="ignore"):
            plain: Matrix = np.clip((X - self.location_) / self.scale_, -farthest, farthest)
            Z = (Space(self.location_, self.scale_, True)(X) - self.middle_) / self.spread_
        return np.where(self.still_, 0.0, np.clip(Z, -farthest, farthest)), np.where(self.still_, plain, 0.0)

    @abstractmethod
    def _train(self, Z: Matrix, random: np.random.Generator) -> None:
        """Learn from the rows in deviations, none beyond `CLIP`, in random order."""


def halves(Z: Matrix) -> tuple[Matrix, Matrix]:
    """Rows to learn from, and a tenth of them held out; both are all of them where that is too few.

    The rows of a Sample stand in random order, so the first of them are a fair part.
    """
    n_held = int(_HELD_OUT * len(Z))
    return (Z[n_held:], Z[:n_held]) if n_held >= _FEWEST_HELD else (Z, Z)


def sizes(n_features: int, n_hidden: int | None, n_code: int | None) -> tuple[int, int]:
    """Units of the hidden layers and of the code: twice the features, from 8 to 64, and the root of their number."""
    return n_hidden or min(max(2 * n_features, 8), 64), n_code or max(1, round(n_features**0.5))


def terms(missed: Matrix, usual: Vector) -> Matrix:
    """Squares of what is missed, in usual sizes, so that they sum to their mean: (n_rows, n_features)."""
    shares: Matrix = (missed / usual) ** 2 / missed.shape[1]
    return shares
