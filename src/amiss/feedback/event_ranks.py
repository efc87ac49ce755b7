"""Order of events by what was known of them and what was said of others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.feedback.shadow import Comparison, compare

__all__ = ["EventRanks", "rank_events"]

Vector = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
_PRIOR = 0.5
"""Likeness that what was known before weighs as much as."""
_HALF_SURE = 4.0
"""Orders of magnitude of the p-value at which an event is taken to be an anomaly as likely as not."""
_ENOUGH = 8
"""Verdicts from which on it is asked whether learning from them helps."""


@dataclass(frozen=True, slots=True)
class EventRanks:
    """Where events stand.

    Attributes
    ----------
    order, static_order : (n_events,)
        Places of the events, the first first; the second as if nobody had said anything.
    rank, static_rank : (n_events,)
        Where each event stands in them.
    chance : (n_events,)
        That each is called an anomaly, in [0, 1].
    weight : (n_events,)
        Likeness of each to what was called either.
    learns
        Whether verdicts order the events.
    why
        Why, in one sentence.
    """

    order: Places
    static_order: Places
    rank: Places
    static_rank: Places
    chance: Vector
    weight: Vector
    learns: bool
    why: str


def rank_events(
    gravity: Vector,
    static_order: Places,
    speaks_for: Vector,
    against: Vector,
    decided: Places,
    is_anomaly: npt.NDArray[np.bool_],
) -> EventRanks:
    """Order events: those called an anomaly first, those called normal last, between them by chance.

    Parameters
    ----------
    gravity : (n_events,)
        Orders of magnitude of the p-value below 1.
    static_order : (n_events,)
        Places of the events by what was known before.
    speaks_for, against : (n_events,)
        Likeness to what was called an anomaly, and to what was called normal.
    decided, is_anomaly : (n_decided,)
        Places of the events that were called either, and which.
    """
    known = gravity / (gravity + _HALF_SURE)
    weight = speaks_for + against
    chance = (_PRIOR * known + speaks_for) / (_PRIOR + weight)
    # Each verdict as all the others would have it: its own likeness to itself is one.
    alone = (_PRIOR * known[decided] + speaks_for[decided] - is_anomaly) / (_PRIOR + weight[decided] - 1.0)
    found = compare(alone, known[decided], is_anomaly)
    learns = len(decided) < _ENOUGH or not found.worse
    tier = np.ones(len(known))
    tier[decided] = np.where(is_anomaly, 0.0, 2.0)
    static_rank = _ranks_of(static_order)
    order = np.lexsort((static_rank, -(chance if learns else known), tier))
    return EventRanks(
        order, static_order, _ranks_of(order), static_rank, chance if learns else known, weight, learns,
        _said(found, learns),
    )  # fmt: skip


def _ranks_of(order: Places) -> Places:
    ranks = np.empty(len(order), np.intp)
    ranks[order] = np.arange(len(order))
    return ranks


def _said(found: Comparison, learns: bool) -> str:
    n = found.n_anomalies + found.n_normal
    if n < _ENOUGH or not found.n_anomalies or not found.n_normal:
        return f"{n} verdicts: too few of either kind to tell whether learning from them helps"
    figures = (
        f"of {n} verdicts, each judged by the others: {found.first:.2f} in order, by p-values alone {found.second:.2f}"
    )
    return figures if learns else f"p-values alone order the queue, as they do so better ({figures})"
