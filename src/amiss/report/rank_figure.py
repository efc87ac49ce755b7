"""Ranks of detectors as a critical-difference diagram, over the folds of one data set or over many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amiss.evaluate.data_sets import Ranked

__all__ = ["rank_figure"]


def rank_figure(ranked: Ranked) -> dict[str, Any]:
    """What `drawRanks` of ranks.js draws: the best first.

    Examples
    --------
    >>> from amiss.evaluate.data_sets import over_data_sets
    >>> table = [[0.9, 0.8, 0.1], [0.8, 0.85, 0.2], [0.9, 0.7, 0.3], [0.7, 0.6, 0.1]]
    >>> figure = rank_figure(over_data_sets(table, ["forest", "boosting", "chance"], method="nemenyi"))
    >>> figure["names"], figure["ranks"], figure["groups"]
    (['forest', 'boosting', 'chance'], [1.25, 1.75, 3.0], [[0, 1], [1, 2]])
    """
    place = {name: k for k, name in enumerate(ranked.names)}
    difference = ranked.critical_difference
    return {
        "names": list(ranked.names),
        "ranks": [round(float(rank), 4) for rank in ranked.mean_ranks],
        "groups": [[place[group[0]], place[group[-1]]] for group in ranked.groups],
        "difference": None if difference != difference else round(difference, 4),
        "friedman": ranked.friedman.p_value,
        "notes": list(ranked.notes),
    }
