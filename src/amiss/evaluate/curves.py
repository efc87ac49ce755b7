"""The points of curves: what each cut of a score finds and wrongly flags, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.core.summary import Vector
from amiss.evaluate.draws import Figure
from amiss.evaluate.probabilities import share_figure
from amiss.evaluate.ranking import score_steps
from amiss.evaluate.truth import Rows, as_flags, as_scores

__all__ = ["ScorePart", "cost_envelope", "cut_counts", "shares_by_score", "thinned"]

_FEWEST_IN_PART = 25
_FEW_POINTS = 1000
_TENTHS = tuple(k / 10 for k in range(11))
_TOP = (0.95, 0.98, 0.99, 0.995, 0.998, 0.999)


@dataclass(frozen=True, slots=True)
class ScorePart:
    """Rows of about the same score.

    Attributes
    ----------
    start, end
        Share of all rows that score lower than the lowest, and than the highest of this part, in [0, 1].
    n_rows
        How many there are.
    came
        The share of them that are anomalies.
    """

    start: float
    end: float
    n_rows: int
    came: Figure


def cut_counts(labels: Any, scores: Any) -> tuple[Rows, Rows]:
    """Anomalies found and normal rows flagged by each cut, from the one that flags nothing to the one that flags all.

    Both curves are made of these: (false / normal, found / anomalies) is the ROC curve, (found / anomalies,
    found / (found + false)) the precision–recall curve. Rows of one score are flagged together.

    Parameters
    ----------
    labels : (n_rows,)
        1 for an anomaly, 0 for a normal row.
    scores : (n_rows,)
        Higher is more anomalous.

    Returns
    -------
    found, false : (n_levels + 1,)
        Numbers of rows; the first are 0.

    Examples
    --------
    >>> found, false = cut_counts([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> found.tolist(), false.tolist()
    ([0, 1, 1, 2, 2], [0, 0, 1, 1, 2])
    """
    truth = as_flags(labels)
    found, flagged = score_steps(truth, as_scores(scores, n_rows=len(truth)))
    return tuple(np.append(0, counts).astype(np.int64) for counts in (found, flagged - found))  # type: ignore[return-value]


def thinned(found: Rows, false: Rows, most: int = 300) -> Rows:
    """Which points of `cut_counts` to draw, so that at most `most` show the shape of both curves.

    The first and the last are among them. Points are evenly spread over found and false, both also on a logarithmic
    scale: the corner of few false alarms, which matters most, has its share of them.

    Parameters
    ----------
    found, false : (n_points,)
        As `cut_counts` gives them.
    most
        From 2.

    Returns
    -------
    chosen : (at most `most`,)
        Places in ascending order.

    Examples
    --------
    >>> found, false = cut_counts([0, 1] * 500, range(1000))
    >>> chosen = thinned(found, false, most=20)
    >>> len(chosen) <= 20, chosen[0].item(), chosen[-1].item()
    (True, 0, 1000)
    """
    bends = _bends(found, false)
    if len(bends) <= most:
        return bends
    way = np.zeros(len(bends))
    for counts in (found[bends], false[bends]):
        way += counts / max(counts[-1], 1) + np.log1p(counts) / max(np.log1p(counts[-1]), 1e-9)
    wanted = np.linspace(0, way[-1], most)
    chosen: Rows = bends[np.unique(np.append(np.searchsorted(way, wanted[:-1]), len(bends) - 1))]
    return chosen


def cost_envelope(found: Rows, false: Rows) -> tuple[Vector, Vector]:
    """The lowest cost that any cut of a score reaches, whatever the costs are: corners of the lower envelope.

    Cost is in shares of what it costs to be wrong on every row, against the "probability cost", p · c / (p · c +
    (1 − p)), where p is the share of anomalies and a missed anomaly costs c false alarms. Each cut is a straight line
    there, from its false-alarm rate at 0 to its share of missed anomalies at 1.

    Parameters
    ----------
    found, false : (n_points,)
        As `cut_counts` gives them; both kinds of rows occur.

    Returns
    -------
    at, cost : (n_corners,)
        Probability cost from 0 to 1, and the cost, in [0, 0.5].

    Examples
    --------
    >>> at, cost = cost_envelope(*cut_counts([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]))
    >>> at.round(3).tolist(), cost.round(3).tolist()
    ([0.0, 0.5, 1.0], [0.0, 0.25, 0.0])

    References
    ----------
    Drummond, C. & Holte, R. C. (2006). Cost curves: an improved method for visualizing classifier performance.
    """
    hull = _hull(found, false)
    missed, wrong = 1 - found[hull] / found[-1], false[hull] / false[-1]
    # Where two neighbouring cuts cost the same: missed · at + wrong · (1 − at).
    rise, fall = np.diff(wrong), -np.diff(missed)
    corners = rise / (rise + fall)
    cost = missed[:-1] * corners + wrong[:-1] * (1 - corners)
    inside = (corners > 0) & (corners < 1)
    return (
        np.concatenate([[0.0], corners[inside], [1.0]]),
        np.concatenate([[wrong[0]], cost[inside], [missed[-1]]]),
    )


def shares_by_score(labels: Any, scores: Any) -> tuple[ScorePart, ...]:
    """What share of the rows of a score are anomalies: in tenths of all rows, the highest tenth in finer parts.

    Scores are no chances of an anomaly; this says what they are worth on such rows. Rows of one score stay together;
    parts of few rows are joined.

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> labels = np.arange(2000) < 100
    >>> parts = shares_by_score(labels, random.normal(size=2000) + 2 * labels)
    >>> print(parts[0].came, parts[-1].start, parts[-1].came)
    0.00 (0.00–.012) 0.98 .80 (.66–.90)
    """
    from scipy.stats import rankdata

    truth = as_flags(labels)
    rank = (rankdata(as_scores(scores, n_rows=len(truth))) - 0.5) / len(truth)
    borders = _borders(len(truth))
    place = np.searchsorted(borders[1:-1], rank, side="right")
    parts = []
    for k in np.unique(place):
        rows = place == k
        n = int(rows.sum())
        parts.append(ScorePart(borders[k], borders[k + 1], n, share_figure(int(truth[rows].sum()), n)))
    return tuple(parts)


def _bends(found: Rows, false: Rows) -> Rows:
    """Points at which the ROC curve turns: between them counts rise evenly, and both curves follow from the ends."""
    if len(found) < 3:
        return np.arange(len(found))
    rise, run = np.diff(found), np.diff(false)
    turns = rise[:-1] * run[1:] != rise[1:] * run[:-1]
    return np.flatnonzero(np.concatenate([[True], turns, [True]]))


def _hull(found: Rows, false: Rows) -> Rows:
    """Points of the upper hull of the ROC curve."""
    near = _near_hull(found, false)
    hull: list[int] = []
    y, x = found[near].tolist(), false[near].tolist()
    for k in range(len(x)):
        while len(hull) > 1:
            a, b = hull[-2:]
            if (y[b] - y[a]) * (x[k] - x[a]) > (y[k] - y[a]) * (x[b] - x[a]):
                break
            hull.pop()
        hull.append(k)
    return near[hull]


def _near_hull(found: Rows, false: Rows) -> Rows:
    """Points without those that lie below the line between their neighbours, until that leaves out only a few."""
    kept = np.arange(len(found))
    while len(kept) > _FEW_POINTS:
        y, x = found[kept], false[kept]
        above = (y[1:-1] - y[:-2]) * (x[2:] - x[:-2]) > (y[2:] - y[:-2]) * (x[1:-1] - x[:-2])
        if above.mean() > 0.9:
            break
        kept = kept[np.concatenate([[True], above, [True]])]
    return kept


def _borders(n_rows: int) -> list[float]:
    """Borders of the parts, each of rows enough to tell a share."""
    wanted = [border for border in (*_TENTHS, *_TOP) if border < 1]
    kept = [1.0]
    for border in sorted(wanted, reverse=True):
        if (kept[-1] - border) * n_rows >= _FEWEST_IN_PART:
            kept.append(border)
    lowest = [border for border in kept if border * n_rows >= _FEWEST_IN_PART] or [1.0]
    return [0.0, *reversed(lowest)]
