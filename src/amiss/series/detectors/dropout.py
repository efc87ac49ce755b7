"""Runs of missing values."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, SeriesDetector, Vector
from amiss.series.runs import improbability, run_ends, run_lengths, tail_of

__all__ = ["Dropout"]


class Dropout(SeriesDetector):
    """How improbably long a feature has been missing, given how often and how long it was in what was learnt.

    Made for connections that break and sensors that fall silent: a row missing in the grid of times counts as NaN,
    unless the times are irregular: no row was due there.
    Where single values are often missing, single ones score low and only longer runs stand out; where nothing was
    missing, any run scores, by its length. Looks at nothing but what is missing. The longest run learnt is left out of
    what is usual, since it may be the failure. Runs that have a fixed hour are not known as such.

    The score is the sum over the features of −log of the share of rows that begin so long a run; the first value after
    a run has the run's. Costs O(n_rows × n_features) time and memory.

    Attributes
    ----------
    surprise_ : (n_features,)
        −log of the share of values after which one is missing.
    tails_ : (n_features, 3)
        How fast longer runs become rarer: rate a row, length of a long one, further rate beyond it.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import Dropout
    >>> X = np.random.default_rng(0).normal(size=(1000, 1))
    >>> X[::50] = np.nan
    >>> X[600:620] = np.nan
    >>> Dropout().fit(X).anomaly_score(X)[[599, 600, 619, 620, 621]].round(1)
    array([ 0. ,  3.9, 61.7, 61.7,  0. ])

    References
    ----------
    Mood, A. M. (1940). The distribution theory of runs. Annals of Mathematical Statistics.
    """

    capabilities: ClassVar = Capabilities(ordered=True, causal=True, missing=True, reasons=True, additive=True)
    finds: ClassVar = ("gap",)

    def _learn(self, X: Matrix) -> None:
        surprise, tails = [], []
        for missing in np.isnan(X).T:
            length = run_lengths(missing)
            lengths = length[run_ends(length)]
            n_known = max(len(lengths) - 1, 0)
            surprise.append(-np.log((n_known + 1) / (len(X) - missing.sum() + 2)))
            tails.append(tail_of(lengths))
        self.surprise_, self.tails_ = np.array(surprise), np.stack(tails)

    def _score(self, X: Matrix) -> Vector:
        score: Vector = self._contributions(X).sum(axis=1)
        return score

    def _contributions(self, X: Matrix) -> Matrix:
        said = np.zeros(X.shape)
        for j, missing in enumerate(np.isnan(X).T):
            said[:, j] = np.where(missing, self.surprise_[j] + improbability(run_lengths(missing), self.tails_[j]), 0.0)
            # Where whole rows are missing, this is the one that a table has.
            after = np.flatnonzero(missing[:-1] & ~missing[1:]) + 1
            said[after, j] = said[after - 1, j]
        return said
