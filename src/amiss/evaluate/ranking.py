"""How well scores put anomalies first: areas under the two curves, ties counted exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from amiss.core.errors import DataError
from amiss.core.summary import Vector
from amiss.evaluate.truth import Flags, as_flags, as_scores

__all__ = ["auc_pr", "auc_roc", "score_steps"]


def auc_pr(labels: Any, scores: Any) -> float:
    """Area under the precision–recall curve, as average precision: Σ (rise of recall) · precision, in (0, 1].

    What to look at first where anomalies are rare: a random order reaches the share of anomalies. Rows of the same
    score are one step, so it does not depend on their order.

    Parameters
    ----------
    labels : (n_rows,)
        1 for an anomaly, 0 for a normal row.
    scores : (n_rows,)
        Higher is more anomalous.

    Raises
    ------
    DataError
        Labels or scores that cannot be judged, or no anomaly in the labels.

    Examples
    --------
    >>> auc_pr([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.8333333333333333
    """
    truth = as_flags(labels)
    _need(truth, normal=False)
    true, flagged = score_steps(truth, as_scores(scores, n_rows=len(truth)))
    return float(np.sum(np.diff(true, prepend=0.0) * true / flagged) / true[-1])


def auc_roc(labels: Any, scores: Any) -> float:
    """Area under the ROC curve: the chance that an anomaly scores above a normal row, a tie counted half; in [0, 1].

    0.5 is a random order. Where anomalies are rare it flatters: see `auc_pr`.

    Parameters
    ----------
    labels : (n_rows,)
        1 for an anomaly, 0 for a normal row.
    scores : (n_rows,)
        Higher is more anomalous.

    Raises
    ------
    DataError
        Labels or scores that cannot be judged, or labels of one kind only.

    Examples
    --------
    >>> auc_roc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    truth = as_flags(labels)
    _need(truth, normal=True)
    true, flagged = score_steps(truth, as_scores(scores, n_rows=len(truth)))
    false = flagged - true
    below = np.diff(false, prepend=0.0)
    return float(np.sum(below * (true - np.diff(true, prepend=0.0) / 2)) / (true[-1] * false[-1]))


def _need(labels: Flags, *, normal: bool) -> None:
    if not labels.any():
        raise DataError(
            "labels hold no anomaly, so nothing can be ranked above the rest",
            where=f"{len(labels):,} labels, all 0",
            mend="judge false alarms on such data: amiss.evaluate.events.at_operating_point",
        )
    if normal and labels.all():
        raise DataError("labels hold no normal row", where=f"{len(labels):,} labels, all 1", mend="add normal rows")


def score_steps(labels: Flags, scores: Vector) -> tuple[Vector, Vector]:
    """True ones and all ones flagged at each level of the score, from the highest down."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    return np.cumsum(labels[order])[ends].astype(np.float64), (ends + 1).astype(np.float64)
