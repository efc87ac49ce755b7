"""How far out something rare is, in the unit of numbers that are far out."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from amiss.core.summary import Vector

__all__ = ["deviation_of"]


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
