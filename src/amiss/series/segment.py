"""Where the level or the spread of a series changes, by exact search; and how noisy a series is for that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.series.seasons import Positions

__all__ = ["Cost", "Noise", "gains", "noise_of", "pelt", "sharpened"]

_SWEEP = 32
"""Steps after which candidates that are out of the race are taken off the list."""
_LAGS = (1, 2, 4, 8)
_LEAST_MEMORY = 0.1
"""Correlation at lag 1 that counts, as much more for each doubling: a little long after means a great deal."""
_CHANCE = 8.0
"""Over the root of the number of rows: correlation that is no more than chance."""
_LONGEST_MEMORY = 0.99


@dataclass(frozen=True, slots=True)
class Cost:
    """What it costs to say of a stretch that it is one: twice the negative log-likelihood of a normal distribution.

    Attributes
    ----------
    total, square : (n_rows + 1,)
        Sums of the values before each row, and of their squares.
    kind
        "normal": mean and variance are the stretch's own. "mean": the mean is, the variance is `noise`.
    noise
        For "mean" the variance, above 0; for "normal" what is added to each variance, so that constants cost something.
    """

    total: Vector
    square: Vector
    kind: str
    noise: float

    @classmethod
    def of(cls, x: Vector, kind: str, noise: float) -> Cost:
        """Of a series whose values are near 0 and of middling size."""
        return cls(np.append(0.0, np.cumsum(x)), np.append(0.0, np.cumsum(x * x)), kind, noise)

    @property
    def n_rows(self) -> int:
        """Length of the series."""
        return len(self.total) - 1

    def __call__(self, start: Positions, end: Positions) -> Vector:
        """Of the rows from each `start` to before each `end`."""
        n = (end - start).astype(np.float64)
        return self.by_sums(n, self.total[end] - self.total[start], self.square[end] - self.square[start])

    def by_sums(self, n: Vector, total: Vector, square: Vector) -> Vector:
        """Of stretches of n rows, by their sums."""
        left = np.maximum(square - total * total / n, 0.0)
        cost: Vector = left / self.noise if self.kind == "mean" else n * np.log(left / n + self.noise)
        return cost


def pelt(cost: Cost, penalty: float, min_size: int = 1, step: int = 1) -> Positions:
    """The change points that make the cost of all stretches, plus a penalty for each change, the least.

    Exact: a start is dropped only once no later end can make it the best. Where changes are common that leaves few
    candidates and costs O(n_rows); without any it costs O(n_rows²), a dozen nanoseconds each.

    Parameters
    ----------
    cost
        Of stretches.
    penalty
        What a change has to gain, above 0.
    min_size
        Rows in a stretch at least.
    step
        Changes are looked for at every so many rows.

    Returns
    -------
    First rows of all stretches but the first, ascending.

    References
    ----------
    Killick, R., Fearnhead, P. and Eckley, I. A. (2012). Optimal detection of changepoints with a linear computational
    cost. JASA.
    """
    at = np.append(np.arange(0, cost.n_rows, step), cost.n_rows)
    best, last = np.full(len(at), np.inf), np.zeros(len(at), np.int64)
    best[0] = -penalty
    # Of each candidate: its row, the sums before it, the least cost up to it, its number, when it fell out of the race.
    live = np.empty((6, len(at)))
    n_live = waiting = 0
    for i in range(1, len(at)):
        while at[i] - at[waiting] >= min_size:
            if np.isfinite(best[waiting]):
                a = at[waiting]
                live[:, n_live] = a, cost.total[a], cost.square[a], best[waiting], waiting, np.inf
                n_live += 1
            waiting += 1
        if not n_live:
            continue
        row, total, square, known, number, out = live[:, :n_live]
        end = at[i]
        sums = cost.by_sums(end - row, cost.total[end] - total, cost.square[end] - square)
        sums += known
        first = int(sums.argmin())
        best[i], last[i] = sums[first] + penalty, number[first]
        # A stretch up to here and a new one are as good from now on, or from when the new one is long enough.
        np.minimum(out, end, where=sums > best[i], out=out)
        if i % _SWEEP == 0:
            kept = end - out < min_size
            n_live = int(kept.sum())
            live[:, :n_live] = live[:, : len(kept)][:, kept]
    return _path(at, last)


def _path(at: Positions, last: Positions) -> Positions:
    found, i = [], int(last[-1])
    while i > 0:
        found.append(at[i])
        i = int(last[i])
    return np.array(found[::-1], np.int64)


def sharpened(cost: Cost, points: Positions, step: int, min_size: int) -> Positions:
    """Change points found at every so many rows, each moved to the best row between its neighbours."""
    if step == 1 or not len(points):
        return points
    moved = np.concatenate([[0], points, [cost.n_rows]])
    for k in range(1, len(moved) - 1):
        low, high = max(moved[k] - step, moved[k - 1] + min_size), min(moved[k] + step, moved[k + 1] - min_size)
        near = np.arange(low, high + 1)
        if len(near):
            before, after = np.full(len(near), moved[k - 1]), np.full(len(near), moved[k + 1])
            moved[k] = near[np.argmin(cost(before, near) + cost(near, after))]
    return moved[1:-1]


def gains(cost: Cost, points: Positions) -> Vector:
    """How much each change point lowers the cost, the others given: (n_points,)."""
    edges = np.concatenate([[0], points, [cost.n_rows]]).astype(np.int64)
    before, here, after = edges[:-2], edges[1:-1], edges[2:]
    gain: Vector = cost(before, after) - cost(before, here) - cost(here, after)
    return np.maximum(gain, 0.0)


@dataclass(frozen=True, slots=True)
class Noise:
    """How a series varies while nothing changes.

    Attributes
    ----------
    variance
        Of its values.
    memory
        By how much the mean of many values varies more than if they were independent, from 1.
    """

    variance: float
    memory: float


def noise_of(x: Vector) -> Noise:
    """The noise of a series by the differences of its values, which a few changes of level hardly touch.

    Twice as far apart, independent values differ no more; those of an autoregression by 1 + ρ^lag. Several lags are
    asked, and the longest memory counts (after Chakar et al., 2017, who ask the first).
    """
    apart = {lag: _spread_of_differences(x, lag) for lag in {*_LAGS, *(2 * lag for lag in _LAGS)} if lag < len(x)}
    found = [Noise(apart.get(1, 0.0) / 2, 1.0)]
    for doublings, lag in enumerate(_LAGS):
        if 2 * lag not in apart or not apart[lag] > 0:
            continue
        power = apart[2 * lag] / apart[lag] - 1
        if power > max(_LEAST_MEMORY * (1 + doublings), _CHANCE / np.sqrt(len(x))):
            rho = min(power ** (1 / lag), _LONGEST_MEMORY)
            found.append(Noise(apart[lag] / (2 * (1 - rho**lag)), (1 + rho) / (1 - rho)))
    most = max(found, key=lambda noise: noise.variance * noise.memory)
    return most if most.variance > 0 or not len(x) else Noise(float(np.var(x)), 1.0)


def _spread_of_differences(x: Vector, lag: int) -> float:
    difference: npt.NDArray[np.float64] = np.abs(x[lag:] - x[:-lag])
    return (1.4826 * float(np.median(difference))) ** 2
