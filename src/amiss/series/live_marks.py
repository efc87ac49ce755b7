"""Marks of trouble as the rows come: a channel that repeats its value, or stays away, longer than its past explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector

__all__ = ["LiveMarks"]

Mask = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

_EDGES = np.unique(np.round(2.0 ** np.arange(0, 24.01, 0.25)))
"""Lengths of runs that are told apart."""
_FALL = 4.0
"""Runs so long as none before become rarer with this power of their length; less where longer ones are less rare."""
_TRUST = 5.0
"""That power counts like so many of the longer half of the runs."""
_TOLERANCE = 2.0
"""A run is judged as if it were so many times shorter: a value held a little longer is no news. Nor is each row of it:
what is said changes with each doubling."""
_FEWEST = 4
"""Steps that make a mark."""


@dataclass(slots=True)
class _Runs:
    """Lengths of the runs of one mark in each channel so far.

    Attributes
    ----------
    length, others : (n_channels,)
        Rows of the run that is on, 0 for none; and rows so far that were in no run.
    counts : (n_channels, n_edges)
        Runs that are over, by their length.
    """

    length: Counts
    others: Counts
    counts: Counts

    @classmethod
    def begun(cls, n_channels: int) -> Self:
        none = np.zeros(n_channels, np.int64)
        return cls(none, none.copy(), np.zeros((n_channels, len(_EDGES)), np.int64))

    def copy(self) -> _Runs:
        return _Runs(self.length.copy(), self.others.copy(), self.counts.copy())

    def advance(self, on: Mask, n_rows: int) -> Matrix:
        """−log of the share of the rows that begin as long a run by chance, for those after `n_rows`."""
        loud = np.full(on.shape, -np.inf)
        for j in np.flatnonzero(on.any(axis=0) | (self.length > 0)).tolist():
            loud[:, j] = self._channel(j, on[:, j], n_rows)
        self.length = np.where(on.all(axis=0), self.length + len(on), _last_length(on))
        self.others = self.others + (~on).sum(axis=0)
        return loud

    def _channel(self, j: int, on: Mask, n_rows: int) -> Vector:
        loud = np.full(len(on), -np.inf)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
        first, behind = edges[::2], edges[1::2]
        goes_on = self.length[j] > 0 and on[0]
        length = behind - first
        length[:1] += self.length[j] * goes_on
        if self.length[j] > 0 and not goes_on:
            self._over(j, self.length[j : j + 1])
        others = self.others[j] + np.append(0, np.cumsum(~on))[first]
        known = 0
        # A run is judged by those that were over before it; the short ones say nothing but that they were.
        for k in np.flatnonzero(length >= _FEWEST).tolist():
            self._over(j, length[known:k])
            known = k
            steps = np.arange(length[k] - (behind[k] - first[k]), length[k]) + 1
            said = self._improbable(j, steps, n_rows + int(behind[k]) - int(length[k]))
            # What is longer than all that was else is this channel's way.
            loud[first[k] : behind[k]] = np.where((steps >= _FEWEST) & (steps <= others[k]), said, -np.inf)
        self._over(j, length[known : len(length) - bool(on[-1])])
        return loud

    def _over(self, j: int, length: Counts) -> None:
        place = np.searchsorted(_EDGES, length, side="right") - 1
        self.counts[j] += np.bincount(place, minlength=len(_EDGES))

    def _improbable(self, j: int, steps: Counts, n_before: int) -> Vector:
        n_runs, logs = int(self.counts[j].sum()), np.log(_EDGES)
        fall = _fall(self.counts[j], n_runs)
        reached = self.counts[j][::-1].cumsum()[::-1] / max(n_runs, 1)
        reached[0] = 1.0
        # Up to the longest run as they were, beyond it by the law.
        last = int(np.flatnonzero(reached)[-1])
        share = np.log(np.where(reached > 0, reached, reached[last])) - fall * np.maximum(logs - logs[last], 0.0)
        doubled = np.maximum(2.0 ** np.floor(np.log2(steps)) / _TOLERANCE, 1.0)
        said: Vector = -np.interp(np.log(doubled), logs, share) - np.log((n_runs + 1) / (n_before + 1))
        return said


def _fall(counts: Counts, n_runs: int) -> float:
    """Power of their length with which the longer half of the runs becomes rarer, at most the usual one."""
    middle = int(np.searchsorted(np.cumsum(counts), 0.5 * n_runs)) if n_runs else 0
    longer = counts[middle:]
    excess = float(longer @ np.log(_EDGES[middle:] / _EDGES[middle]))
    return min((_TRUST + float(longer.sum())) / (_TRUST / _FALL + excess), _FALL)


def _last_length(on: Mask) -> Counts:
    """Length of the run that each channel ends with, (n_channels,)."""
    n: Counts = np.where(on.all(axis=0), len(on), np.argmin(on[::-1], axis=0) if len(on) else 0)
    return n


@dataclass(slots=True)
class LiveMarks:
    """How long each channel has repeated its value and been missing so far; `advance` writes to it.

    Attributes
    ----------
    n_rows
        Rows so far.
    last : (n_channels,)
        Values of the last row.
    known : (n_channels, 2)
        The first two values that differ, NaN for none; a channel of two values is a switch, which rests as it likes.
    varied : (n_channels,)
        Whether there was a third one.
    repeats, missing
        Runs of each.
    """

    n_rows: int
    last: Vector
    known: Matrix
    varied: Mask
    repeats: _Runs
    missing: _Runs

    @classmethod
    def begun(cls, n_channels: int) -> Self:
        """Before the first row."""
        return cls(
            0, np.full(n_channels, np.nan), np.full((n_channels, 2), np.nan), np.zeros(n_channels, np.bool_),
            _Runs.begun(n_channels), _Runs.begun(n_channels),
        )  # fmt: skip

    def copy(self) -> LiveMarks:
        """One that goes its own way."""
        return LiveMarks(
            self.n_rows, self.last, self.known.copy(), self.varied.copy(), self.repeats.copy(), self.missing.copy()
        )

    def advance(self, X: Matrix) -> Matrix:
        """What each channel shows at each further row, (n_rows, n_channels); −inf where it is nothing.

        As −log of the share of the rows at which chance begins a run, in any of the channels, that gets as long.
        """
        if not len(X):
            return np.empty(X.shape)
        same = np.vstack([self.last, X[:-1]]) == X
        stuck = np.where(self._varied(X), self.repeats.advance(same, self.n_rows), -np.inf)
        gone = self.missing.advance(np.isnan(X), self.n_rows)
        self.n_rows += len(X)
        self.last = X[-1].copy()
        loud: Matrix = np.maximum(stuck, gone) - np.log(X.shape[1])
        return loud

    def _varied(self, X: Matrix) -> Mask:
        """Where a channel has had a third value by each row."""
        varied = np.broadcast_to(self.varied, X.shape).copy()
        for j in np.flatnonzero(~self.varied).tolist():
            x = X[:, j]
            for k in range(2):
                others = x[~np.isnan(x) & ~np.isin(x, self.known[j])]
                if np.isnan(self.known[j, k]) and len(others):
                    self.known[j, k] = others[0]
            varied[:, j] = np.logical_or.accumulate(~np.isnan(x) & ~np.isin(x, self.known[j]))
        self.varied = varied[-1].copy()
        return varied

    def state(self) -> dict[str, Any]:
        """What has been learnt, as arrays and numbers."""
        state = {name: getattr(self, name) for name in ("n_rows", "last", "known", "varied")}
        for kind, runs in (("repeats", self.repeats), ("missing", self.missing)):
            state |= {f"{kind}.{part.name}": getattr(runs, part.name) for part in fields(_Runs)}
        return state

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Self:
        """From a `state`; ValueError if its parts do not fit together."""
        made = [_Runs(*(state[f"{kind}.{part.name}"] for part in fields(_Runs))) for kind in ("repeats", "missing")]
        last, known, varied = (np.asarray(state[name]) for name in ("last", "known", "varied"))
        n = len(last)
        fit = last.shape == varied.shape == (n,) and known.shape == (n, 2) and int(state["n_rows"]) >= 0
        for runs in made:
            fit = fit and runs.length.shape == runs.others.shape == (n,) and runs.counts.shape == (n, len(_EDGES))
            fit = fit and all((getattr(runs, part.name) >= 0).all() for part in fields(_Runs))
        if not fit:
            raise ValueError("the marks of the stream do not fit together")
        return cls(int(state["n_rows"]), last, known, varied, *made)
