"""How many independent rows a sequence of scores is worth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector

__all__ = ["n_effective"]


def n_effective(scores: Vector, series: npt.NDArray[np.int64]) -> float:
    """Number of independent rows that tell as much about a high score's frequency as these, at most their number.

    The number of rows over the integrated autocorrelation time of "is among the highest tenth", summed up to the first
    pair of lags that no longer adds.

    Parameters
    ----------
    scores : (n_rows,)
        In the order of time within each series.
    series : (n_rows,)
        The series, such as a device, that each row belongs to; rows of different series are taken to be independent.

    References
    ----------
    Geyer, C. J. (1992). Practical Markov chain Monte Carlo. Statistical Science.
    """
    n = len(scores)
    if n < 4:
        return float(n)
    order = np.argsort(series, kind="stable")
    high = (scores >= np.quantile(scores, 0.9)).astype(np.float64)[order]
    high -= high.mean()
    starts = np.flatnonzero(np.diff(series[order], prepend=series[order[0]] - 1))
    covariance = np.zeros(n)
    for part in np.split(high, starts[1:]):
        covariance[: len(part)] += _autocovariance(part)
    if covariance[0] <= 0:
        return float(n)
    correlation = covariance / covariance[0]
    pairs = correlation[0 : n - n % 2 : 2] + correlation[1::2][: n // 2]
    ends = np.flatnonzero(pairs <= 0)
    time = 2 * pairs[: ends[0] if len(ends) else len(pairs)].sum() - 1
    return float(n / max(time, 1.0))


def _autocovariance(values: Vector) -> Vector:
    size = 1 << (2 * len(values) - 1).bit_length()
    power = np.abs(np.fft.rfft(values, size)) ** 2
    found: Vector = np.fft.irfft(power, size)[: len(values)]
    return found
