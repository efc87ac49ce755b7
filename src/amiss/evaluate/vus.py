"""Range-AUC and the volume under its surface (VUS): ranking judged with room for inexact labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError
from amiss.core.params import Whole, check
from amiss.core.summary import Vector
from amiss.evaluate.truth import Flags, Rows, as_flags, as_scores, runs

__all__ = ["Volume", "range_auc_pr", "range_auc_roc", "volume", "vus_pr", "vus_roc", "vus_window"]

Matrix = npt.NDArray[np.float64]

_DOMAINS = {"window": Whole(0), "n_thresholds": Whole(2)}
_NO_PERIOD = 125
_LAGS, _LEAST_LAG, _MOST_LAG = 400, 6, 303
_LEADING_ROWS = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Areas under the surface of range-AUC over all windows.

    Attributes
    ----------
    vus_pr, vus_roc
        Means over the windows 0 … `window`.
    range_auc_pr, range_auc_roc : (window + 1,)
        The areas at each window.
    """

    vus_pr: float
    vus_roc: float
    range_auc_pr: Vector
    range_auc_roc: Vector


def volume(labels: Any, scores: Any, window: int = 100, *, n_thresholds: int = 250) -> Volume:
    """VUS-PR and VUS-ROC together, for the price of one; see `vus_pr`."""
    check("volume", _DOMAINS, {"window": window, "n_thresholds": n_thresholds})
    pr, roc = _areas_at(labels, scores, np.arange(int(window) + 1), n_thresholds)
    return Volume(float(pr.mean()), float(roc.mean()), pr, roc)


def vus_pr(labels: Any, scores: Any, window: int = 100, *, n_thresholds: int = 250) -> float:
    """Volume under the surface of range-AUC-PR, in [0, 1]: the mean over all windows from 0 to `window`.

    The primary measure for series. Labels of series are seldom exact to the row, and a windowed detector answers a
    little early or late: rows within half a window of a labelled event are worth a part of a hit, falling with the
    root of the distance, and an event counts as found from its surroundings too. Averaging over windows leaves no
    width to choose but the widest. Equal to the reference, TSB_AD 1.5.

    Parameters
    ----------
    labels : (n_rows,)
        1 for an anomaly, 0 for a normal row, in order of time. Each run of 1 is an event.
    scores : (n_rows,)
        Higher is more anomalous.
    window
        The widest window, in rows; the benchmark takes `vus_window` of the series.
    n_thresholds
        Levels of the score that are looked at, spread evenly over its ranks.

    Raises
    ------
    DataError
        Labels or scores that cannot be judged; labels without an anomaly, or with nothing else.
    ParameterError
        A window that is no whole number from 0.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros(200, int)
    >>> labels[100:110] = 1
    >>> late = np.zeros(200)
    >>> late[105:115] = 1
    >>> round(vus_pr(labels, late, window=20), 3), round(vus_pr(labels, labels, window=20), 3)
    (0.604, 1.0)

    References
    ----------
    Paparrizos, J., Boniol, P., Palpanas, T., Tsay, R. S., Elmore, A. & Franklin, M. J. (2022). Volume under the
    surface: a new accuracy evaluation measure for time-series anomaly detection.
    """
    return volume(labels, scores, window, n_thresholds=n_thresholds).vus_pr


def vus_roc(labels: Any, scores: Any, window: int = 100, *, n_thresholds: int = 250) -> float:
    """Volume under the surface of range-AUC-ROC: the mean over all windows from 0 to `window`; see `vus_pr`."""
    return volume(labels, scores, window, n_thresholds=n_thresholds).vus_roc


def range_auc_pr(labels: Any, scores: Any, window: int, *, n_thresholds: int = 250) -> float:
    """Range-AUC-PR at one window: a slice of the surface; see `vus_pr`."""
    check("range_auc_pr", _DOMAINS, {"window": window, "n_thresholds": n_thresholds})
    return float(_areas_at(labels, scores, np.array([window]), n_thresholds)[0][0])


def range_auc_roc(labels: Any, scores: Any, window: int, *, n_thresholds: int = 250) -> float:
    """Range-AUC-ROC at one window: a slice of the surface; see `vus_pr`."""
    check("range_auc_roc", _DOMAINS, {"window": window, "n_thresholds": n_thresholds})
    return float(_areas_at(labels, scores, np.array([window]), n_thresholds)[1][0])


def vus_window(values: Any) -> int:
    """The window that the TSB-AD benchmark takes for a series: its period, or 125 rows where none is seen.

    The period is the lag of the highest peak of the autocorrelation up to 400 rows, over the first 20,000 rows.

    Parameters
    ----------
    values : (n_rows,) or (n_rows, n_features)
        The series; of several channels the first is taken, as the benchmark does.

    Examples
    --------
    >>> import numpy as np
    >>> vus_window(np.sin(np.arange(2000) * 2 * np.pi / 48))
    48
    """
    x = np.asarray(values, dtype=np.float64)
    x = x.reshape(len(x), -1)[:_LEADING_ROWS, 0] if x.size else np.zeros(0)
    if not np.isfinite(x).all():
        raise DataError("values hold NaN or infinity, so they have no autocorrelation", mend="fill the gaps first")
    if len(x) < 3 or np.ptp(x) == 0:
        return _NO_PERIOD
    x = x - x.mean()
    spectrum = np.fft.rfft(x, 1 << int(2 * len(x)).bit_length())
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[: min(len(x), _LAGS + 1)]
    tail = correlation[3:]
    peaks = np.flatnonzero((tail[1:-1] > tail[:-2]) & (tail[1:-1] > tail[2:])) + 1
    if not len(peaks):
        return _NO_PERIOD
    lag = int(peaks[np.argmax(tail[peaks])]) + 3
    return lag if _LEAST_LAG <= lag <= _MOST_LAG else _NO_PERIOD


@dataclass(frozen=True, slots=True)
class _Levels:
    """Thresholds from the highest down: a row's step is the first of them that flags it."""

    thresholds: Vector
    n_flagged: Rows

    @classmethod
    def of(cls, scores: Vector, n_thresholds: int) -> _Levels:
        n_rows = len(scores)
        ordered = np.sort(scores)
        ranks = np.linspace(0, n_rows - 1, n_thresholds).astype(np.int64)
        thresholds = ordered[n_rows - 1 - ranks]
        return cls(thresholds, n_rows - np.searchsorted(ordered, thresholds, side="left"))

    def steps(self, scores: Vector) -> Rows:
        return np.searchsorted(-self.thresholds, -scores, side="left")

    def counted(self, steps: Rows) -> Rows:
        """How many are flagged at each threshold."""
        return np.cumsum(np.bincount(steps, minlength=len(self.thresholds)))


def _areas_at(labels: Any, scores: Any, windows: Rows, n_thresholds: int) -> tuple[Vector, Vector]:
    truth = as_flags(labels)
    checked = as_scores(scores, n_rows=len(truth))
    n_rows, n_labelled = len(truth), int(truth.sum())
    if n_labelled in {0, n_rows}:
        missing = "anomaly" if not n_labelled else "normal row"
        raise DataError(
            f"labels hold no {missing}: VUS and range-AUC are undefined",
            where=f"{n_rows:,} labels, all {int(bool(n_labelled))}",
            mend="judge false alarms on such data: amiss.evaluate.events.at_operating_point",
        )
    levels = _Levels.of(checked, n_thresholds)
    inside = levels.steps(checked[truth])
    first, last = runs(truth)
    around = _credit_around(truth, checked, levels, windows)
    found = _share_found(first, last, inside, checked, levels, windows)
    true = levels.counted(inside) + around
    # The weight of labels: those there are, and half of the credit given around them.
    positives = n_labelled + around / 2
    recall = np.minimum(true / positives, 1.0) * found
    false = (levels.n_flagged - true) / (n_rows - positives)
    rise = np.diff(recall, axis=1, prepend=0.0)
    pr = np.einsum("wk,wk->w", rise, true / levels.n_flagged)
    return pr, _under(false, recall)


def _under(x: Matrix, y: Matrix) -> Vector:
    """Area under each line from (0, 0) over its points to (1, 1)."""
    x = np.pad(x, ((0, 0), (1, 1)), constant_values=((0, 0), (0.0, 1.0)))
    y = np.pad(y, ((0, 0), (1, 1)), constant_values=((0, 0), (0.0, 1.0)))
    area: Vector = np.einsum("wk,wk->w", np.diff(x, axis=1), (y[:, 1:] + y[:, :-1]) / 2)
    return area


def _credit_around(labels: Flags, scores: Vector, levels: _Levels, windows: Rows) -> Matrix:
    """Credit for flagged rows beside the events, for each window and threshold.

    A row at distance d of an event is worth √(1 − d / window) up to d = window // 2, which is at least √½: where two
    events reach a row, it is worth 1. So its distances to the nearest and to the second nearest event are all that
    counts, and rows at the same distance are counted together.
    """
    reach, n_levels = int(windows[-1]) // 2, len(levels.thresholds)
    rows, near, second = _neighbourhood(labels, reach)
    cells = near * n_levels + levels.steps(scores[rows])
    order = np.argsort(second, kind="stable")
    ends = np.searchsorted(second[order], np.arange(reach + 2))
    arriving = _flagged(cells, reach + 1, n_levels)
    reached_once = np.zeros((reach + 1, n_levels))
    reached_twice = np.zeros(n_levels)
    credit = np.zeros((len(windows), n_levels))
    for distance in range(1, reach + 1):
        reached_once[distance] = arriving[distance]
        twice = order[ends[distance] : ends[distance + 1]]
        if len(twice):
            moved = _flagged(cells[twice], distance + 1, n_levels)
            reached_once[: distance + 1] -= moved
            reached_twice += moved.sum(axis=0)
        for k in np.flatnonzero(windows // 2 == distance):
            worth = np.sqrt(1 - np.arange(1, distance + 1) / windows[k])
            credit[k] = reached_twice + worth @ reached_once[1 : distance + 1]
    return credit


def _flagged(cells: Rows, n_distances: int, n_levels: int) -> Matrix:
    """Rows flagged at each distance (first axis) and threshold."""
    counts = np.bincount(cells, minlength=n_distances * n_levels).reshape(n_distances, n_levels)
    return np.cumsum(counts, axis=1).astype(np.float64)


def _neighbourhood(labels: Flags, reach: int) -> tuple[Rows, Rows, Rows]:
    """Unlabelled rows within `reach` of an event; distances to the nearest event and to the next (capped)."""
    n_rows, (first, last) = len(labels), runs(labels)
    cover = np.zeros(n_rows + 1, dtype=np.int64)
    np.add.at(cover, np.maximum(first - reach, 0), 1)
    np.add.at(cover, np.minimum(last + reach + 1, n_rows), -1)
    rows = np.flatnonzero((np.cumsum(cover[:-1]) > 0) & ~labels)
    nowhere = 2 * (n_rows + reach) + 1
    ends = np.concatenate([[-nowhere, -nowhere], last])
    heads = np.concatenate([first, [nowhere, nowhere]])
    before = np.searchsorted(first, rows)
    distances = np.stack([rows - ends[before + 1], rows - ends[before], heads[before] - rows, heads[before + 1] - rows])
    distances.sort(axis=0)
    return rows, distances[0], np.minimum(distances[1], reach + 1)


def _share_found(first: Rows, last: Rows, inside: Rows, scores: Vector, levels: _Levels, windows: Rows) -> Matrix:
    """Share of the widened events with a flagged row, for each window and threshold; those that touch are one."""
    n_rows, gap = len(scores), first[1:] - last[:-1]
    heads = np.concatenate([[0], np.cumsum(last - first + 1)[:-1]])
    earliest = np.minimum.reduceat(inside, heads)
    share = np.empty((len(windows), len(levels.thresholds)))
    for reach in range(int(windows[-1]) // 2 + 1):
        if reach:
            tips = np.concatenate([np.maximum(first - reach, 0), np.minimum(last + reach, n_rows - 1)])
            earliest = np.minimum(earliest, levels.steps(scores[tips]).reshape(2, -1).min(axis=0))
        here = np.flatnonzero(windows // 2 == reach)
        if len(here):
            groups = np.concatenate([[0], np.flatnonzero(gap > 2 * reach) + 1])
            share[here] = levels.counted(np.minimum.reduceat(earliest, groups)) / len(groups)
    return share
