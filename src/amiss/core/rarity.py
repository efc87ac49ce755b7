"""How far out something rare is, in the unit of numbers that are far out."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from amiss.core.summary import Vector

__all__ = ["deviation_of", "surprise_of", "thinned"]

_MOST_USUAL = 20_000
_UPPER = 0.9
"""Rank from which on the usual scores give the unit of what is beyond them all."""


def deviation_of(share: Vector) -> Vector:
    """The deviation that a standard normal value exceeds with probability `share`; 0 from one half on.

    It makes a missing value, or a rare word, comparable with a number that lies as far out as it is rare.

    Parameters
    ----------
    share : (n,)
        Shares in (0, 1].
    """
    normal = NormalDist()
    return np.array([max(0.0, -normal.inv_cdf(min(s, 0.5))) for s in share.tolist()])


def thinned(ascending: Vector) -> Vector:
    """No more than 20,000 of the values, evenly by rank, the first and the last among them."""
    places = np.linspace(0, len(ascending) - 1, min(len(ascending), _MOST_USUAL))
    return ascending[places.round().astype(np.int64)]


def surprise_of(scores: Vector, usual: Vector) -> Vector:
    """−log of the share of usual scores that are as high or higher; beyond all of them it rises with the score.

    Parameters
    ----------
    scores : (n_rows,)
        Higher is more anomalous.
    usual : (n_usual,)
        Scores of normal rows, ascending.
    """
    n = len(usual)
    share = (1 + n - np.searchsorted(usual, scores, side="left")) / (n + 1)
    last = float(usual[-1])
    scale = max(last - float(usual[int(_UPPER * (n - 1))]), 1e-9 * max(1.0, abs(last)))
    beyond = np.minimum(np.maximum(scores - last, 0.0) / scale, 1e100)
    surprise: Vector = np.log1p(beyond) - np.log(share)
    return surprise
