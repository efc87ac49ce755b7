"""What a few verdicts say of all rows: a prior of scores, and what labelled rows add to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amiss.core.summary import Matrix, Vector

__all__ = ["Lesson", "learn"]

_NOISE = 0.03
"""Variance of a verdict around what it should be, −1 or 1."""
_TRUST = 0.1
"""Variance of what a unit of a member's surprise is worth, over all members together."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learnt from some labelled rows.

    Attributes
    ----------
    weights : (n_labelled,)
        Of the kinship with each of them.
    members : (n_members,)
        What each member's surprise is worth more than before.
    alone : (n_labelled,)
        What is expected of each of them by all the others, around −1 for normal and 1 for anomalies.
    """

    weights: Vector
    members: Vector
    alone: Vector


def learn(kin: Matrix, members: Matrix, prior: Vector, verdicts: Vector) -> Lesson:
    """A Gaussian process over kinship and the members' scores, whose mean is what was known before.

    Parameters
    ----------
    kin : (n_labelled, n_labelled)
        Kinship of the labelled rows, in [0, 1].
    members : (n_labelled, n_members)
        Their surprises.
    prior, verdicts : (n_labelled,)
        What was expected of them, and what was said: 1 for an anomaly, −1 for normal.

    References
    ----------
    Rasmussen, C. E. and Williams, C. K. I. (2006). Gaussian processes for machine learning. MIT Press. 5.4.2.
    Das, S., Wong, W.-K., Dietterich, T., Fern, A. and Emmott, A. (2016). Incorporating expert feedback into active
    anomaly discovery. ICDM.
    """
    trust = _TRUST / members.shape[1]
    covariance = kin + trust * (members @ members.T)
    covariance[np.diag_indices_from(covariance)] += _NOISE
    inverse = np.linalg.inv(covariance)
    weights = inverse @ (verdicts - prior)
    # Left out, each verdict is expected to be short of itself by its weight over its precision.
    return Lesson(weights, trust * (members.T @ weights), verdicts - weights / np.diag(inverse))
