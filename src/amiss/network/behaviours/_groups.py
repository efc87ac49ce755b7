"""Flows that belong together, by sorting: no loop over flows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Groups", "climbs", "distinct", "high_of_others"]

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows that share their keys, group after group, each in the order of time.

    Attributes
    ----------
    order : (n_rows,)
        Positions of the rows.
    bounds : (n_groups + 1,)
        Where in `order` each group begins, and the end.
    """

    order: Rows
    bounds: Rows

    @classmethod
    def of(
        cls, keys: Sequence[npt.NDArray[Any]], time: npt.NDArray[np.float64], rows: Rows, *, gap: float = np.inf
    ) -> Groups:
        """Groups of some rows by keys of all rows; a pause longer than `gap` seconds begins a new group."""
        if not len(rows):
            return cls(np.zeros(0, np.int64), np.zeros(1, np.int64))
        picked = [key[rows] for key in keys]
        order = np.lexsort((time[rows], *picked[::-1]))
        new = np.zeros(len(rows), np.bool_)
        new[0] = True
        for key in picked:
            ordered = key[order]
            new[1:] |= ordered[1:] != ordered[:-1]
        if np.isfinite(gap):
            new[1:] |= np.diff(time[rows][order]) > gap
        return cls(rows[order].astype(np.int64), np.append(np.flatnonzero(new), len(rows)).astype(np.int64))

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def sizes(self) -> Rows:
        """Rows of each group: (n_groups,)."""
        return np.diff(self.bounds)

    @property
    def first(self) -> Rows:
        """Position of each group's first row: (n_groups,)."""
        return self.order[self.bounds[:-1]]

    @property
    def last(self) -> Rows:
        """Position of each group's last row: (n_groups,)."""
        return self.order[self.bounds[1:] - 1]

    @property
    def ids(self) -> Rows:
        """Group of each entry of `order`: (n_rows,)."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def rows(self, group: int) -> Rows:
        """Positions of one group's rows, in the order of time."""
        return self.order[self.bounds[group] : self.bounds[group + 1]]

    def total(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Sum of a column over each group, missing values as 0: (n_groups,)."""
        if not len(self):
            return np.zeros(0)
        picked = np.nan_to_num(np.asarray(values[self.order], np.float64), nan=0.0)
        return np.asarray(np.add.reduceat(picked, self.bounds[:-1]), np.float64)

    def highest(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Largest value of a column in each group: (n_groups,)."""
        return np.maximum.reduceat(values[self.order], self.bounds[:-1]) if len(self) else values[:0]

    def distinct(self, values: npt.NDArray[Any]) -> Rows:
        """Number of different values of a column in each group: (n_groups,)."""
        return distinct(self.ids, values[self.order], len(self))


def distinct(groups: npt.NDArray[Any], values: npt.NDArray[Any], n_groups: int) -> Rows:
    """Number of different values in each group: (n_groups,)."""
    if not len(values):
        return np.zeros(n_groups, np.int64)
    order = np.lexsort((values, groups))
    g, v = groups[order], values[order]
    new = np.ones(len(g), np.bool_)
    new[1:] = (g[1:] != g[:-1]) | (v[1:] != v[:-1])
    return np.bincount(g[new], minlength=n_groups)


def climbs(groups: Groups, steps: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Highest rise of the running sum of steps in each group, and the running rise: (n_groups,), (n_rows,).

    This is the sum over the best unbroken part of the group (a one-sided cumulative sum, Page, 1954); `steps` are in
    the order of `groups.order`.
    """
    if not len(groups):
        return np.zeros(0), np.zeros(0)
    ids, total = groups.ids, np.cumsum(steps)
    before = total - steps
    # Each group is moved below all earlier ones, so that the running minimum begins anew with it.
    deep = (np.ptp(total) + np.abs(steps).max() + 1.0) * ids
    rise = total - deep - np.minimum.accumulate(before - deep)
    return np.maximum.reduceat(rise, groups.bounds[:-1]), rise


def high_of_others(values: npt.NDArray[Any], share: float = 0.9) -> npt.NDArray[np.float64]:
    """For each value, what a share of all the others stays below; 0 where there are no others: (n_values,).

    Examples
    --------
    >>> high_of_others(np.array([1, 2, 3, 100]), 0.5)
    array([3., 3., 2., 2.])
    """
    if len(values) < 2:
        return np.zeros(len(values))
    ordered = np.sort(values)
    rank = int(share * (len(values) - 2))
    # Without the value itself, all that stand behind it move up by one.
    own = np.searchsorted(ordered, values, side="left")
    return np.asarray(ordered[rank + (own <= rank)], np.float64)
