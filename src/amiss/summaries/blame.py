"""Shares of blame: which features of a row a score is due to."""

from __future__ import annotations

import numpy as np

from amiss.core.summary import Matrix, Vector

__all__ = ["beyond_reach", "neighbor_shares", "quadratic_shares", "reach", "share_out"]

_USUAL_SHARE = 0.9
_NORMAL = 1.4826  # makes a median absolute deviation a standard deviation for normal data
_NORMAL_MEAN = 1.2533  # likewise for a mean absolute deviation
_COMPARED = 512
_NEAREST = 20
_AT_ONCE = 64
_CAP = 3.0
"""Spreads from which on a gap does not speak against a comparison any more: it is what is looked for."""
_USUAL_SQUARE = 3.0
"""Of a spread's square: a gap as large as this is no news."""
_SELDOM_SQUARE = 5.4
"""Likewise of a gap to a centre, where no median over several has quietened it: what one value in fifty exceeds."""
_MOST_STEPS = 8
_LEAST = 1e-12
_MOST_CELLS = 500_000


def share_out(total: Vector, weights: Matrix, otherwise: Matrix | None = None) -> Matrix:
    """`total` of each row, shared among its features in proportion to `weights`, none of them negative.

    The terms of a row sum to its total. Where all weights are zero, those of `otherwise` count; without them all
    features count alike. A negative total lowers all features alike, so that their order stays that of the weights.
    """
    whole = weights.sum(axis=1, keepdims=True)
    if otherwise is not None:
        weights = np.where(whole > 0, weights, otherwise)
        whole = weights.sum(axis=1, keepdims=True)
    share = np.divide(weights, whole, out=np.full_like(weights, 1 / weights.shape[1]), where=whole > 0)
    terms: Matrix = share * np.abs(total)[:, None] + ((total - np.abs(total)) / weights.shape[1])[:, None]
    return terms


def reach(X: Matrix) -> tuple[Vector, Vector]:
    """Median of each feature, and the distance to it that nine values in ten do not exceed; missing ones left out."""
    X = np.where(np.isnan(X).all(axis=0), 0.0, X)
    location = np.nanmedian(X, axis=0)
    gap = np.abs(X - location)
    far = np.nanquantile(gap, _USUAL_SHARE, axis=0)
    far = np.where(far > 0, far, np.nanmean(gap, axis=0))
    return location, np.maximum(far, np.maximum(1e-9 * np.abs(location), _LEAST))


def beyond_reach(X: Matrix, location: Vector, far: Vector) -> Matrix:
    """How far each value lies beyond its feature's reach, in squared reaches: 0 within; 1 for a missing value."""
    with np.errstate(over="ignore"):
        square = np.minimum(((X - location) / far) ** 2, 1e100)
    beyond: Matrix = np.where(np.isnan(X), 1.0, np.maximum(square - 1.0, 0.0))
    return beyond


def quadratic_shares(gap: Matrix, precision: Matrix, usual: float = 0.0) -> Matrix:
    """Share of each feature in the squared lengths of rows `gap` in the metric of `precision`: none negative, sum 1.

    Step by step the feature is taken out whose value, once free, shortens the row most; its share is by how much.
    One moved value shortens the row most when it is freed itself, whatever moves with it: so causes come first, and
    what they drag along gets nothing. After eight steps the rest is shared by what each feature would then take.
    Costs O(n_rows × n_features) time a step beside one product with `precision`.

    Parameters
    ----------
    usual
        Squared length that a feature takes in a usual row; what is more counts, where any takes more.
    """
    unit = np.sqrt(np.maximum(np.diag(precision), 1e-300))
    metric = precision / unit / unit[:, None]
    shares = np.empty_like(gap)
    at_once = max(1, _MOST_CELLS // gap.shape[1])
    for start in range(0, len(gap), at_once):
        rows = slice(start, start + at_once)
        scaled = gap[rows] * unit
        largest = np.abs(scaled).max(axis=1, keepdims=True)
        taken = _freed(np.divide(scaled, largest, out=np.zeros_like(scaled), where=largest > 0), metric)
        whole = largest**2  # a length too small for its square is none
        news = taken - np.divide(usual, whole, out=np.zeros_like(whole), where=whole > 1e-300)
        shares[rows] = share_out(np.ones(len(taken)), np.maximum(news, 0.0), taken)
    return shares


def _freed(gap: Matrix, metric: Matrix) -> Matrix:
    """By how much each feature shortens rows `gap`; a pivoted Cholesky decomposition for each row."""
    pull = gap @ metric
    left = np.ones_like(pull)  # what is left of the metric's diagonal
    taken = np.zeros_like(pull)
    rest = np.maximum(np.einsum("ij,ij->i", gap, pull), 0.0)
    rows, columns = np.arange(len(gap)), np.ones_like(pull, dtype=bool)
    pivots: list[Matrix] = []
    for _ in range(min(_MOST_STEPS, gap.shape[1])):
        drop = np.where(columns, pull**2 / np.maximum(left, _LEAST), 0.0)
        j = drop.argmax(axis=1)
        taken[rows, j] = np.minimum(drop[rows, j], rest)
        rest = rest - taken[rows, j]
        root = np.sqrt(np.maximum(left[rows, j], _LEAST))[:, None]
        pivot = (metric[j] - sum((p * p[rows, j][:, None] for p in pivots), np.zeros_like(pull))) / root
        pull = pull - pivot * (pull[rows, j][:, None] / root)
        left = np.maximum(left - pivot**2, 0.0)
        columns[rows, j] = False
        pivots.append(pivot)
    drop = np.where(columns, pull**2 / np.maximum(left, _LEAST), 0.0)
    whole: Matrix = taken + share_out(rest, drop) * (rest > 0)[:, None]
    return whole


def neighbor_shares(X: Matrix, reference: Matrix, spread: Vector | None = None) -> Matrix:
    """Share of each feature in the squared gaps of rows to comparable ones of `reference`: none negative, sum 1.

    Comparable are the nearest of 512 rows when no gap counts for more than three spreads: a value far out then does
    not choose the rows that it is compared with. Of the gaps to these, the median is taken, and what is usual left out.

    Parameters
    ----------
    spread : (n_features,)
        Usual gap of each feature to rows of `reference` that are centres, the nearest of which is then compared with.
        None: they are rows, 20 of them are compared with, and the robust standard deviations tell the usual gap.
    """
    rows = reference[:_COMPARED]
    unit = _spread(rows) if spread is None else spread
    n_nearest = min(_NEAREST, len(rows)) if spread is None else 1
    gaps = np.empty_like(X)
    for start in range(0, len(X), _AT_ONCE):
        block = X[start : start + _AT_ONCE]
        near = np.argpartition(_capped_squares(block, rows, unit), n_nearest - 1, axis=1)[:, :n_nearest]
        gaps[start : start + _AT_ONCE] = np.median(np.abs(block[:, None, :] - rows[near]), axis=1)
    largest = gaps.max(axis=1, keepdims=True)
    scale = np.where(largest > 0, largest, 1.0)  # squares must not overflow
    square = (gaps / scale) ** 2
    with np.errstate(over="ignore"):
        usual = (_USUAL_SQUARE if spread is None else _SELDOM_SQUARE) * np.minimum(unit / scale, 1e100) ** 2
    return share_out(np.ones(len(X)), np.maximum(square - usual, 0.0), square)


def _capped_squares(block: Matrix, rows: Matrix, unit: Vector) -> Matrix:
    # In the data's own unit, as the distances are that the score is made of; one factor keeps squares from overflow.
    total = np.zeros((len(block), len(rows)))
    gap = np.empty_like(total)
    with np.errstate(over="ignore"):
        block, rows, caps = block / unit.max(), rows / unit.max(), (_CAP * unit / unit.max()) ** 2
        for j, cap in enumerate(caps):
            np.subtract(block[:, j, None], rows[:, j], out=gap)
            np.multiply(gap, gap, out=gap)
            np.minimum(gap, cap, out=gap)
            total += gap
    return total


def _spread(X: Matrix) -> Vector:
    gap = np.abs(X - np.median(X, axis=0))
    spread = _NORMAL * np.median(gap, axis=0)
    spread = np.where(spread > 0, spread, _NORMAL_MEAN * gap.mean(axis=0))
    floor: Vector = np.maximum(spread, np.maximum(1e-9 * np.abs(X).max(axis=0), 1e-300))
    return floor
