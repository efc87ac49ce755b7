"""How improbably long a run is, given the runs learnt."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector

__all__ = ["Tail", "improbability", "run_ends", "run_lengths", "tail_of"]

_LONG = 0.95
"""Of the runs learnt: what is no longer than these is usual."""
_PER_LONG = 3.0
"""What another stretch as long as that takes: one run in twenty has it by chance."""
_UNKNOWN = float(np.log(2))

Tail = npt.NDArray[np.float64]
"""Rate at which the logarithm of the share of runs falls with their length, a long one's length, and what more it
falls with each row beyond."""


def run_lengths(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Length of the run of True up to each row, (n_rows,); 0 where False."""
    total = np.cumsum(inside)
    length: npt.NDArray[np.int64] = total - np.maximum.accumulate(np.where(inside, 0, total))
    return length


def run_ends(length: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Last rows of the runs that have these lengths."""
    return np.flatnonzero((length > 0) & (np.append(length[1:], 0) <= length))


def tail_of(lengths: npt.NDArray[np.int64]) -> Tail:
    """How fast runs of such lengths become rare; the longest is left out, which may be the anomaly itself.

    Runs that end by chance at each row have geometric lengths. Runs that are all of like length end more surely:
    beyond a long one the share falls by another 1/20 over another one's length.
    """
    known = np.sort(lengths)[:-1]
    if not len(known):
        return np.array([_UNKNOWN, 1.0, 0.0])
    rate = -np.log((known.sum() - len(known) + 1) / (known.sum() + 2))
    long = float(np.quantile(known, _LONG))
    return np.array([rate, long, max(_PER_LONG / long - rate, 0.0)])


def improbability(length: npt.NDArray[np.int64], tail: Tail) -> Vector:
    """Negative logarithm of the share of runs that are as long, (n_rows,); 0 for runs of 0 or 1."""
    rate, long, more = tail.T if tail.ndim > 1 else tail
    said: Vector = rate * np.maximum(length - 1, 0) + more * np.maximum(length - np.maximum(long, 1), 0)
    return said
