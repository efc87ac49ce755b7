"""Windows of a series as rows of a table, and the way back from their scores to the rows."""

from __future__ import annotations

import numpy as np

from amiss.core.summary import Matrix, Vector

__all__ = ["spread", "windows"]


def windows(X: Matrix, window: int, *, before: bool = False) -> Matrix:
    """Each stretch of `window` rows as one row, feature by feature: (n_windows, n_features × window).

    Costs 8 × window bytes for each value where the result is written to or copied; for one feature it is a view.

    Parameters
    ----------
    X : (n_rows, n_features)
        Rows at equal steps.
    window
        Rows in a window; a shorter series is taken to have stood at its first row before.
    before
        One window ends with each row, so that none looks ahead: what would stand before the first row is the first row.
        Otherwise there are n_rows − window + 1.
    """
    missing = window - 1 if before else max(window - len(X), 0)
    padded = np.vstack([np.repeat(X[:1], missing, axis=0), X]) if missing else X
    view = np.lib.stride_tricks.sliding_window_view(padded, window, axis=0)
    return view.reshape(len(view), -1)


def spread(scores: Vector, n_rows: int, window: int, *, before: bool = False) -> Vector:
    """Scores of windows as scores of rows, (n_rows,): the mean over the windows that hold the row.

    With `before` the score of a window is that of its last row.
    """
    if before or window == 1:
        return scores
    if n_rows <= window:
        return np.full(n_rows, scores[0])
    at = np.arange(n_rows)
    first, last = np.maximum(at - window + 1, 0), np.minimum(at, len(scores) - 1)
    # Of what is left of the smallest score, so that a high one elsewhere costs no digits here.
    lowest = scores.min()
    total = np.append(0.0, np.cumsum(scores - lowest))
    mean: Vector = lowest + (total[last + 1] - total[first]) / (last - first + 1)
    return mean
