"""What went before each flow: counts over earlier flows that share something with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector

__all__ = ["Groups", "numbered"]

Codes = npt.NDArray[np.int64]


def numbered(*columns: npt.NDArray[Any]) -> Codes:
    """One number for each distinct combination of values: (n_flows,)."""
    found = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        _, code = np.unique(column, return_inverse=True)
        _, found = np.unique(found * (int(code.max(initial=0)) + 1) + code, return_inverse=True)
    return found.astype(np.int64)


class Groups:
    """Flows that share a key, in the order given, which is that of time.

    Costs O(n log n) for the order of the groups, then O(n) a question; windows O(n × window).

    Parameters
    ----------
    key : (n_flows,)
        What is shared.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.network.earlier import Groups
    >>> Groups(np.array([7, 3, 7, 7])).before()
    array([0., 0., 1., 2.])
    """

    def __init__(self, key: npt.NDArray[Any]) -> None:
        n = len(key)
        self._order = np.argsort(key, kind="stable")
        ordered = key[self._order]
        begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if n else np.empty(0, np.int64)
        sizes = np.diff(np.append(begins, n))
        self._begin = np.repeat(begins, sizes)
        self._group = np.repeat(np.arange(len(begins)), sizes)
        self._n = n

    def _back(self, values: Vector) -> Vector:
        found = np.empty(self._n)
        found[self._order] = values
        return found

    def before(self, weight: npt.NDArray[Any] | None = None, *, most: int | None = None) -> Vector:
        """How many flows of the group came before each, or the sum of their weights: (n_flows,).

        `most` looks at no more than so many of them, the latest.
        """
        here = np.arange(self._n)
        first = self._begin if most is None else np.maximum(self._begin, here - most)
        if weight is None:
            return self._back((here - first).astype(np.float64))
        total = np.concatenate([[0.0], np.cumsum(weight[self._order].astype(np.float64))])
        return self._back(total[here] - total[first])

    def lately(self, time: Vector, seconds: float) -> Vector:
        """How many flows of the group came in so many seconds before each: (n_flows,).

        `time` ascends, as the flows do.
        """
        if not self._n:
            return np.empty(0)
        moment = time - time.min()
        # Groups lie one behind the other on a line, farther apart than the window is long.
        line = self._group * (float(moment.max()) + 2 * seconds + 1.0) + moment[self._order]
        first = np.maximum(np.searchsorted(line, line - seconds), self._begin)
        return self._back((np.arange(self._n) - np.minimum(first, np.arange(self._n))).astype(np.float64))

    def most_before(self, values: Vector) -> Vector:
        """The highest value of the group before each flow, NaN for the first: (n_flows,). Values are finite."""
        known, rank = np.unique(values, return_inverse=True)
        # Each group lies above all of the one before it, so that a running maximum never comes from there.
        floor = self._group * len(known)
        highest = (np.maximum.accumulate(rank[self._order] + floor) - floor)[:-1]
        found = np.concatenate([[np.nan], known[np.maximum(highest, 0)]])[: self._n]
        found[np.arange(self._n) == self._begin] = np.nan
        return self._back(found)

    def distinct(self, value: npt.NDArray[Any], most: int) -> Vector:
        """How many distinct values the last flows of the group have, each flow itself among `most`: (n_flows,)."""
        ordered = value[self._order]
        again = np.lexsort((np.arange(self._n), ordered, self._group))
        following = np.full(self._n, self._n)
        same = (self._group[again][1:] == self._group[again][:-1]) & (ordered[again][1:] == ordered[again][:-1])
        following[again[:-1][same]] = again[1:][same]
        here = np.arange(self._n)
        found = np.zeros(self._n)
        for back in range(min(most, self._n)):
            place = here[back:] - back
            # A value counts at its last flow within the window.
            found[back:] += (place >= self._begin[back:]) & (following[place] > here[back:])
        return self._back(found)
