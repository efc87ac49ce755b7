"""What figures are made of: of flags from two rates, areas of many draws at once, the cut for a false-alarm rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from amiss.core.params import Between, Domain, check
from amiss.core.summary import Matrix, Vector
from amiss.evaluate.truth import as_scores

__all__ = ["RATES", "areas", "cut_for_rate", "decided"]

RATES = (0.001, 0.01, 0.05)
"""False-alarm rates at which recall is told."""

_RATE: Mapping[str, Domain] = {"rate": Between(0, 1, open_low=True, open_high=True)}


def decided(recall: Vector, false_alarm_rate: Vector, share: float) -> dict[str, Vector]:
    """The figures of flags from recall and false-alarm rate where a `share` of the rows are anomalies.

    Examples
    --------
    >>> import numpy as np
    >>> found = decided(np.array([0.8]), np.array([0.01]), share=0.1)
    >>> {name: float(value[0].round(3)) for name, value in found.items()}
    {'accuracy': 0.971, 'balanced_accuracy': 0.895, 'precision': 0.899, 'recall': 0.8, 'f1': 0.847, 'mcc': 0.832, \
'false_alarm_rate': 0.01}
    """
    nothing = np.zeros_like(recall)
    tp, fn = (share * recall, share * (1 - recall)) if share > 0 else (nothing, nothing)
    fp, tn = ((1 - share) * false_alarm_rate, (1 - share) * (1 - false_alarm_rate)) if share < 1 else (nothing, nothing)
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    both = 0 < share < 1
    with np.errstate(invalid="ignore", divide="ignore"):
        mcc = np.where(product > 0, (tp * tn - fp * fn) / np.sqrt(product), 0.0 if both else np.nan)
        return {
            "accuracy": tp + tn,
            "balanced_accuracy": (recall + 1 - false_alarm_rate) / 2,
            "precision": tp / (tp + fp),
            "recall": recall,
            "f1": 2 * tp / (2 * tp + fp + fn) if share > 0 else np.full_like(recall, np.nan),
            "mcc": mcc,
            "false_alarm_rate": false_alarm_rate,
        }


def areas(anomalies: Matrix, normal: Matrix, share: float) -> list[Vector]:
    """Areas under both curves and recall at each rate, of many draws at once."""
    found, false = np.cumsum(anomalies, axis=1), np.cumsum(normal, axis=1)
    roc = np.sum(normal * (found - anomalies / 2), axis=1)
    flagged = share * found + (1 - share) * false
    pr = np.sum(anomalies * share * found / np.maximum(flagged, 1e-300), axis=1)
    return [roc, pr, *(np.max(np.where(false <= rate, found, 0.0), axis=1) for rate in RATES)]


def cut_for_rate(calibration: Any, rate: float) -> float:
    """The score above which a row is flagged, so that a normal row is flagged with probability at most `rate`.

    From scores of normal rows alone: a new one exceeds the cut with at most this chance if it is exchangeable with
    them. Infinite where they are fewer than 1 / rate − 1: no cut of so few rows can promise that.

    Examples
    --------
    >>> cut_for_rate(range(99), 0.05)
    94.0
    >>> cut_for_rate(range(10), 0.05)
    inf
    """
    check("cut_for_rate", _RATE, {"rate": rate})
    scores = np.sort(as_scores(calibration))[::-1]
    # A hair more: rate · (n + 1) is meant to be whole where it is so on paper.
    n_above = int(np.floor(rate * (len(scores) + 1) * (1 + 1e-12))) - 1
    return float(scores[n_above]) if n_above >= 0 else float("inf")
