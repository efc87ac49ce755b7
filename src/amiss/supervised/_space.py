"""Where learners that measure distances or add up terms see the rows."""

from __future__ import annotations

import numpy as np

from amiss.core.classifier import Arrays
from amiss.core.detector import Matrix
from amiss.prepare.scales import Space

__all__ = ["put", "space_of"]

_FARTHEST = 20.0
_LEAST_DEVIATION = 1e-9


def space_of(X: Matrix) -> Arrays:
    """How the features of `X` become comparable: "space", (4, n_features).

    Robust deviations from the median, on a logarithmic scale either way; then a mean of 0 and a variance of 1. NaN
    is passed over.
    """
    first = Space.signed_log(X)
    Z = first(X)
    known = np.maximum((~np.isnan(Z)).sum(axis=0), 1)
    mean = np.nansum(Z, axis=0) / known
    deviation = np.sqrt(np.nansum((Z - mean) ** 2, axis=0) / known)
    deviation = np.where(deviation > _LEAST_DEVIATION, deviation, 1.0)
    return {"space": np.stack([first.location, first.scale, mean, deviation])}


def put(X: Matrix, arrays: Arrays) -> Matrix:
    """The rows in the space of `arrays`; what is farther out than any learnt row is no farther than 20 deviations."""
    space = arrays["space"]
    if space.shape != (4, X.shape[1]):
        raise ValueError("the arrays of the model do not fit together")
    Z = Space(space[0], space[1], True)(X)
    Z -= space[2]
    Z /= space[3]
    return np.clip(Z, -_FARTHEST, _FARTHEST, out=Z)
