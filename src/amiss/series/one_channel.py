"""One channel: the distance of its windows to the most similar ones, and levels seldom held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.prepare.windows import windows
from amiss.series.seasons import usual_window
from amiss.series.shapes import NearWindows, Take
from amiss.series.smooth import moving_mean, roughness

__all__ = ["OneChannel"]

# All numbers were chosen together on the development series, see benchmarks/accuracy/series.py.
_WINDOWS = (64, 128)
"""Lengths looked at beside the one at which the series is most like itself."""
_N_NEIGHBORS = 5
_KEPT = 3000
_POWER = 1.5
_STEPS_A_WINDOW = 16
_DRIFT_PARTS, _DRIFT_POWER = 10, 3
"""How much of the variance lies between tenths of the history says how little a window's own level counts."""
_LEVEL_ROWS, _LEVEL_RANKS, _LEVEL_POWER, _LEVEL_WEIGHT = 10, 10, 2.0, 0.2
"""Rows of the mean that is a level; it is rare if this part of all levels reaches far; and how loudly that counts."""
_SMOOTHING = (1.0, 2.0)
"""Width of the smoothing in roots of the number of rows: for a smooth series, and more for a rough one."""
_MOST_LEVELS = 20_000
_LONGEST_COURSE = 100_000
"""Rows up to which a series itself is kept rather than its windows, which take more: there may be many series."""
_USUAL, _FARTHEST = (0.01, 0.99), 2e4
"""Half the range between these quantiles, so many times, is how far out a value counts."""
_HUGE = 1e9
_TINY = 1e-12
_RESIDUE = 1e-7


@dataclass(frozen=True, slots=True)
class OneChannel:
    """What is usual in one channel.

    Attributes
    ----------
    location, scale
        Mean and deviation.
    ends
        Values beyond which all are alike.
    width
        Rows that the score is smoothed over, twice.
    level_share
        How much a window's own level counts, in [0, 1]: little where the level wanders.
    usual
        Mean of what each length of windows, and last the level, says of the rows learnt.
    levels : (n_kept,)
        Levels of the rows learnt, ascending.
    course : (n_rows,)
        The series learnt, about its mean and in deviations; empty where it is so long that windows stand for it.
    lengths
        Rows of the windows that are compared, ascending.
    shapes
        Windows learnt, by their length, of a long series.
    """

    location: float
    scale: float
    ends: tuple[float, float]
    width: int
    level_share: float
    usual: Vector
    levels: Vector
    course: Vector
    lengths: tuple[int, ...]
    shapes: dict[int, NearWindows]

    @classmethod
    def learnt(cls, X: Matrix, *, causal: bool) -> tuple[OneChannel, Vector]:
        """From a series, (n_rows, 1); and the scores of its rows, (n_rows,)."""
        n = len(X)
        ends = _ends(X)
        X = np.clip(X, *ends)
        unit = max(float(np.abs(X).max()), np.finfo(float).tiny)
        location, scale = float((X / unit).mean()) * unit, float((X / unit).std()) * unit
        scale = scale if scale > _TINY * max(unit, abs(location)) else 0.0
        x = _standard(X, location, scale, ends)
        rough = roughness(x[:, 0])
        width = max(2, round((_SMOOTHING[0] + _SMOOTHING[1] * rough) * np.sqrt(n)))
        share = _level_share(x[:, 0])
        lengths = tuple(sorted({max(min(m, n // 4), 1) for m in (*_WINDOWS, usual_window(X))}))
        long = n > _LONGEST_COURSE
        shapes = {m: _near(x, m, share) for m in lengths} if long else {}
        levels = np.sort(moving_mean(x[:, 0], _LEVEL_ROWS, before=causal))
        # Evenly thinned: ranks are all that is asked of them.
        levels = levels[np.unique(np.linspace(0, n - 1, min(n, _MOST_LEVELS)).astype(int))]
        course = np.empty(0) if long else x[:, 0].copy()
        width = min(width, max(n // 8, 1))
        made = cls(location, scale, ends, width, share, np.empty(0), levels, course, lengths, shapes)
        said = made._said(x, causal=causal, own=True)
        made = replace(made, usual=np.array([max(float(s.mean()), _TINY) for s in said]))
        return made, made._together(said, causal=causal) if scale else np.zeros(n)

    def _said(self, x: Matrix, *, causal: bool, own: bool = False) -> list[Vector]:
        """How odd each row is by each length of windows, and by its level; `own` for the series learnt itself."""
        said = [self._shape(x, m, causal=causal, own=own) ** _POWER for m in self.lengths]
        return [*said, self._rarity(moving_mean(x[:, 0], _LEVEL_ROWS, before=causal)) ** _LEVEL_POWER]

    def _shape(self, x: Matrix, m: int, *, causal: bool, own: bool) -> Vector:
        if len(x) < m and not causal:
            return np.zeros(len(x))  # so short a piece cannot be compared
        take, n_windows = _taker(x, m, self.level_share, causal=causal), len(x) if causal else max(len(x) - m + 1, 1)
        step = 1 if causal else max(1, m // _STEPS_A_WINDOW)
        near = self.shapes[m] if m in self.shapes else _near(self.course[:, None], m, self.level_share)
        at, distance = near.distances(
            take, n_windows, step=step, n_neighbors=_N_NEIGHBORS, apart=0 if causal else m, own=own
        )
        if causal:
            return distance
        rows: Vector = np.interp(np.arange(len(x)), at + (m - 1) / 2, distance)
        return rows

    def _rarity(self, level: Vector) -> Vector:
        """How far from a level, on its nearer side, so many of the levels learnt reach."""
        n = len(self.levels)
        k = max(2, n // _LEVEL_RANKS)
        rank = np.searchsorted(self.levels, level)
        below = np.where(rank < k, np.inf, level - self.levels[np.clip(rank - k, 0, n - 1)])
        above = np.where(rank + k > n - 1, np.inf, self.levels[np.clip(rank + k, 0, n - 1)] - level)
        nearer = np.minimum(below, above)
        far: Vector = np.where(np.isfinite(nearer), nearer, np.abs(level - self.levels[n // 2]))
        return far

    def score(self, X: Matrix, *, causal: bool) -> Vector:
        """Score of each row, (n_rows,)."""
        if self.scale == 0.0:
            return np.zeros(len(X)) if np.ptp(X) == 0 and X[0, 0] == self.location else np.abs(X[:, 0] - self.location)
        return self._together(
            self._said(_standard(X, self.location, self.scale, self.ends), causal=causal), causal=causal
        )

    def _together(self, said: list[Vector], *, causal: bool) -> Vector:
        """The loudest of what is said of each row, smoothed."""
        weight = np.append(np.ones(len(self.lengths)), _LEVEL_WEIGHT)
        loudest = np.max([w * s / u for w, s, u in zip(weight, said, self.usual, strict=True)], axis=0)
        width = min(self.width, max(len(loudest), 1))
        smooth = moving_mean(moving_mean(loudest, width, before=causal), width, before=causal)
        # A running sum leaves residues of what has left it, which must not rank.
        return np.where(smooth > _RESIDUE, smooth, 0.0)

    def contributions(self, X: Matrix, scores: Vector) -> Matrix:
        """All is due to the one channel: (n_rows, 1)."""
        return scores[:, None]

    def state(self) -> dict[str, Any]:
        """What has been learnt, as arrays and numbers."""
        state: dict[str, Any] = {
            "location": self.location, "scale": self.scale, "width": self.width, "level_share": self.level_share,
            "usual": self.usual, "levels": self.levels, "course": self.course,
            "lengths": np.array(self.lengths, np.int64), "ends": np.array(self.ends),
        }  # fmt: skip
        for m, near in self.shapes.items():
            state |= {f"reference.{m}": near.reference, f"places.{m}": near.places}
        return state

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> OneChannel:
        """From a `state`; ValueError if its parts do not fit together."""
        course, lengths = state["course"], tuple(int(m) for m in state["lengths"])
        kept = () if len(course) else lengths
        shapes = {m: NearWindows(state[f"reference.{m}"], state[f"places.{m}"]) for m in kept}
        sound = (
            lengths
            and len(state["usual"]) == len(lengths) + 1
            and np.isfinite(course).all()
            and state["ends"].shape == (2,)
            and state["ends"][0] < state["ends"][1]
            and all(1 <= m <= len(course) or m in shapes for m in lengths)
            and all(s.reference.shape == (len(s.places), m + 1) for m, s in shapes.items())
        )
        if not sound:
            raise ValueError("the windows of the series do not fit together")
        return cls(
            float(state["location"]), float(state["scale"]), (float(state["ends"][0]), float(state["ends"][1])),
            int(state["width"]), float(state["level_share"]),
            state["usual"], state["levels"], course, lengths, shapes,
        )  # fmt: skip


def _ends(X: Matrix) -> tuple[float, float]:
    """Values so far beyond the usual ones that what is farther must not hide everything else."""
    low, high = (float(q) for q in np.quantile(X, _USUAL))
    reach = min(_FARTHEST * (high / 2 - low / 2), np.finfo(float).max / 4)
    return (low - reach, high + reach) if reach > 0 else (-np.inf, np.inf)


def _standard(X: Matrix, location: float, scale: float, ends: tuple[float, float]) -> Matrix:
    with np.errstate(over="ignore"):
        standard: Matrix = np.clip((np.clip(X, *ends) - location) / (scale or 1.0), -_HUGE, _HUGE)
    return standard


def _level_share(x: Vector) -> float:
    """How much a window's own level counts: all where it stays, nothing where the level wanders."""
    whole = float(x.var())
    between = float(np.var([part.mean() for part in np.array_split(x, _DRIFT_PARTS) if len(part)]))
    return (1 - min(between / whole, 1.0)) ** _DRIFT_POWER if whole > 0 else 0.0


def _near(x: Matrix, m: int, level_share: float) -> NearWindows:
    """The windows of a series that others are compared with."""
    return NearWindows.of(_taker(x, m, level_share, causal=False), len(x) - m + 1, _KEPT)


def _taker(x: Matrix, m: int, level_share: float, *, causal: bool) -> Take:
    """Windows as they are compared: what is left of their mean, and last the mean as far as it counts."""
    parts, weight = windows(x, m, before=causal), np.sqrt(level_share * m)

    def take(at: npt.NDArray[np.int64]) -> Matrix:
        chosen = _rows_at(parts, at)
        mean = chosen.mean(axis=1)
        out = np.empty((len(chosen), m + 1))
        np.subtract(chosen, mean[:, None], out=out[:, :m])
        np.multiply(weight, mean, out=out[:, m])
        return out

    return take


def _rows_at(parts: Matrix, at: npt.NDArray[np.int64]) -> Matrix:
    """Some of the windows; a view, where they are evenly spaced."""
    if len(at) < 2:
        return parts[at]
    step = int(at[1] - at[0])
    even = step > 0 and bool((np.diff(at) == step).all())
    return parts[int(at[0]) : int(at[-1]) + 1 : step] if even else parts[at]
