"""Marks of trouble beside the score: a value that repeats, values that stay away, a slow drift, a kind that is rare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.series.drifts import drifting
from amiss.thresholds.peaks import peak_scale

__all__ = ["Marks"]

Mask = npt.NDArray[np.bool_]

_LEAST_SCALE = 0.3
"""Of the logarithm of the length of a run."""
_FEWEST_RUNS = 10
"""Runs from which on their usual length is known; before, they are taken to be of one step."""
_FEWEST_REPEATS, _FEWEST_MISSING = 4, 3
"""Steps that make a stuck channel, and one that has dropped out."""
_OFTEN = 0.2
"""Share of the steps, without the longest run, from which on it is a channel's way to repeat or to be missing."""
_MOST = 0.5
"""Of the history: a run longer than this is what is usual."""
_RARE = 1.645
"""Deviation from which on a kind is called rare: one row in twenty."""
_ROWS_A_CHANCE = 50
"""A category that hardly changes still had a chance to be odd every so many rows."""


@dataclass(frozen=True, slots=True)
class Marks:
    """How long values usually repeat and stay away, and how often categories change.

    Attributes
    ----------
    repeats, missing : (n_numbers, 3)
        Location and scale of the logarithms of the lengths of runs, see `peak_scale`, and number of runs; 0 where a
        channel is not judged.
    changes : (n_categories,)
        Chances that each category had to be odd.
    """

    repeats: Matrix
    missing: Matrix
    changes: Vector

    @classmethod
    def learnt(cls, grid: Matrix, n_numbers: int) -> Marks:
        """From the channels of a series, (n_rows, n_features): numbers first, then how rare each category's kind is."""
        values, kinds = grid[:, :n_numbers], grid[:, n_numbers:]
        absent = _absent(values)
        moves = (np.diff(kinds, axis=0) != 0) & ~np.isnan(kinds[1:])
        return cls(
            np.array([_usual(_repeated(x)) for x in values.T]).reshape(-1, 3),
            np.array([_usual(x) for x in absent.T]).reshape(-1, 3),
            np.maximum(moves.sum(axis=0) + 1.0, len(grid) / _ROWS_A_CHANCE),
        )

    def loudness(self, grid: Matrix) -> Matrix:
        """What each channel shows at each row, (n_rows, n_features): −log of how often chance does so in a history."""
        from scipy.special import log_ndtr

        n_numbers = len(self.repeats)
        values, kinds = grid[:, :n_numbers], grid[:, n_numbers:]
        loud = np.full(grid.shape, -np.inf)
        absent = _absent(values)
        for j, x in enumerate(values.T):
            stuck = _loudness(_repeated(x), self.repeats[j], _FEWEST_REPEATS)
            # The value that is repeated belongs to it.
            stuck[:-1] = np.maximum(stuck[:-1], stuck[1:])
            loud[:, j] = np.maximum(stuck, _loudness(absent[:, j], self.missing[j], _FEWEST_MISSING))
            drift = drifting(x)
            if drift is not None:
                said, first = drift
                loud[first:, j] = np.maximum(loud[first:, j], said)
        loud[:, :n_numbers] -= np.log(max(n_numbers, 1))
        rare = -log_ndtr(-kinds) - np.log(self.changes * max(len(self.changes), 1))
        loud[:, n_numbers:] = np.where(kinds > _RARE, rare, -np.inf)
        return loud

    def state(self) -> dict[str, Any]:
        """What has been learnt, as arrays."""
        return {"repeats": self.repeats, "missing": self.missing, "changes": self.changes}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Marks:
        """From a `state`; ValueError if it is none."""
        repeats, missing, changes = (np.asarray(state[name]) for name in ("repeats", "missing", "changes"))
        fits = repeats.ndim == 2 and repeats.shape == missing.shape == (len(repeats), 3) and changes.ndim == 1
        if not (fits and all(np.isfinite(part).all() for part in (repeats, missing, changes)) and (changes > 0).all()):
            raise ValueError("the marks of a series are none")
        return cls(repeats, missing, changes)


def _repeated(x: Vector) -> Mask:
    """Where a value is that of the row before."""
    return np.append(False, np.diff(x) == 0)


def _absent(values: Matrix) -> Mask:
    """Where a channel is missing while another is there: where none is, there is a gap and no row."""
    absent = np.isnan(values)
    there: Mask = absent & ~absent.all(axis=1, keepdims=True)
    return there


def _ends(on: Mask) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """First row of each run, and the row behind its last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    return edges[::2], edges[1::2]


def _usual(on: Mask) -> Vector:
    """Location and scale of the logarithms of the lengths of runs, and their number."""
    first, behind = _ends(on)
    length = behind - first
    if not len(length):
        return np.array([0.0, _LEAST_SCALE, 1.0])
    longest = int(length.max())
    if longest > _MOST * len(on) or length.sum() - longest > _OFTEN * (len(on) - longest):
        return np.array([0.0, _LEAST_SCALE, 0.0])
    location, scale = peak_scale(np.log(length)) if len(length) >= _FEWEST_RUNS else (0.0, _LEAST_SCALE)
    return np.array([location, max(scale, _LEAST_SCALE), float(len(length))])


def _loudness(on: Mask, usual: Vector, fewest: int) -> Vector:
    location, scale, n_runs = usual
    loud = np.full(len(on), -np.inf)
    if not n_runs:
        return loud
    first, behind = _ends(on)
    length = behind - first
    said = (np.log(length) - location) / scale - np.log(max(n_runs / 2, 1.0))
    loud[on] = np.repeat(np.where(length >= fewest, said, -np.inf), length)
    return loud
