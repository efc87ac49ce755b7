"""Precision and recall of ranges: each event and each burst of flags counts once, by how much of it is hit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from amiss.core.errors import DataError
from amiss.core.params import Between, Domain, OneOf, check
from amiss.core.summary import Vector
from amiss.evaluate.truth import Flags, as_flags, runs

__all__ = ["range_precision", "range_recall"]

_BIASES: dict[str, Callable[[Vector], Vector]] = {
    "flat": np.ones_like,
    "front": lambda i: len(i) - i + 1,
    "back": lambda i: i,
    "middle": lambda i: np.where(i <= len(i) / 2, i, len(i) - i + 1),
}
"""Weight of the i-th row of a range, from 1."""
_DOMAINS: dict[str, Domain] = {"alpha": Between(0, 1), "bias": OneOf(tuple(_BIASES))}


def range_recall(labels: Any, flags: Any, *, alpha: float = 0.0, bias: str = "flat") -> float:
    """Mean over the events of how much of each is flagged, in [0, 1].

    An event hit by several bursts of flags is divided by their number: it should be told once.

    Parameters
    ----------
    labels : (n_rows,)
        1 for an anomaly, 0 for a normal row, in order of time. Each run of 1 is an event.
    flags : (n_rows,)
        1 where the detector says anomaly. Each run of 1 is a burst.
    alpha
        Weight of being hit at all, in [0, 1]; the rest is the weight of how much is hit.
    bias
        Which rows of an event weigh more: "flat", "front", "back" or "middle".

    Raises
    ------
    DataError
        Labels or flags that cannot be judged, or no event in the labels.

    Examples
    --------
    >>> range_recall([0, 1, 1, 1, 1, 0, 0, 1], [1, 1, 1, 0, 0, 0, 0, 0])
    0.25

    References
    ----------
    Tatbul, N., Lee, T. J., Zdonik, S., Alam, M. & Gottschlich, J. (2018). Precision and recall for time series.
    """
    check("range_recall", _DOMAINS, {"alpha": alpha, "bias": bias})
    truth = as_flags(labels)
    flagged = as_flags(flags, name="flags", n_rows=len(truth))
    if not truth.any():
        raise DataError(
            "labels hold no anomaly: range recall is undefined",
            where=f"{len(truth):,} labels, all 0",
            mend="judge false alarms on such data: amiss.evaluate.events.at_operating_point",
        )
    return _covered(truth, flagged, alpha, bias)


def range_precision(labels: Any, flags: Any, *, bias: str = "flat") -> float:
    """Mean over the bursts of flags of how much of each is anomalous, in [0, 1]; NaN where nothing is flagged.

    Parameters
    ----------
    labels, flags : (n_rows,)
        As in `range_recall`.
    bias
        Which rows of a burst weigh more: "flat", "front", "back" or "middle".

    Raises
    ------
    DataError
        Labels or flags that cannot be judged.

    Examples
    --------
    >>> range_precision([0, 1, 1, 0, 0], [0, 0, 1, 1, 0])
    0.5

    References
    ----------
    Tatbul, N., Lee, T. J., Zdonik, S., Alam, M. & Gottschlich, J. (2018). Precision and recall for time series.
    """
    check("range_precision", _DOMAINS, {"alpha": 0.0, "bias": bias})
    truth = as_flags(labels)
    flagged = as_flags(flags, name="flags", n_rows=len(truth))
    return _covered(flagged, truth, 0.0, bias) if flagged.any() else float("nan")


def _covered(ranges: Flags, others: Flags, alpha: float, bias: str) -> float:
    """Mean over the runs of `ranges` of how they are covered by the runs of `others`."""
    first, last = runs(ranges)
    other_first, other_last = runs(others)
    n_touching = np.searchsorted(other_first, last, side="right") - np.searchsorted(other_last, first, side="left")
    total = 0.0
    for a, b, n_others in zip(first, last, n_touching, strict=True):
        if n_others:
            weight = _BIASES[bias](np.arange(1.0, b - a + 2))
            share = float(weight[others[a : b + 1]].sum() / weight.sum())
            total += alpha + (1 - alpha) * share / float(n_others)
    return total / len(first)
