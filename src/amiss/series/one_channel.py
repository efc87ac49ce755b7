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
_TINY = 1e-12
_RESIDUE = 1e-7


@dataclass(frozen=True, slots=True)
class OneChannel:
    """What is usual in one channel.

    Attributes
    ----------
    location, scale
        Mean and deviation.
    width
        Rows that the score is smoothed over, twice.
    level_share
        How much a window's own level counts, in [0, 1]: little where the level wanders.
    usual
        Mean of what each length of windows, and last the level, says of the rows learnt.
    levels : (n_kept,)
        Levels of the rows learnt, ascending.
    shapes
        Windows learnt, by their length.
    """

    location: float
    scale: float
    width: int
    level_share: float
    usual: Vector
    levels: Vector
    shapes: dict[int, NearWindows]

    @classmethod
    def learnt(cls, X: Matrix, *, causal: bool) -> OneChannel:
        """From a series, (n_rows, 1)."""
        n = len(X)
        unit = max(float(np.abs(X).max()), np.finfo(float).tiny)
        location, scale = float((X / unit).mean()) * unit, float((X / unit).std()) * unit
        scale = scale if scale > _TINY * max(unit, abs(location)) else 0.0
        x = _standard(X, location, scale)
        rough = roughness(x[:, 0])
        width = max(2, round((_SMOOTHING[0] + _SMOOTHING[1] * rough) * np.sqrt(n)))
        share = _level_share(x[:, 0])
        lengths = sorted({max(min(m, n // 4), 1) for m in (*_WINDOWS, usual_window(X))})
        shapes = {m: NearWindows.of(_taker(x, m, share, causal=False), n - m + 1, _KEPT) for m in lengths}
        levels = np.sort(moving_mean(x[:, 0], _LEVEL_ROWS, before=causal))
        # Evenly thinned: ranks are all that is asked of them.
        levels = levels[np.unique(np.linspace(0, n - 1, min(n, _MOST_LEVELS)).astype(int))]
        made = cls(location, scale, min(width, max(n // 8, 1)), share, np.empty(0), levels, shapes)
        usual = np.array([max(float(said.mean()), _TINY) for said in made._said(x, causal=causal)])
        return replace(made, usual=usual)

    def _said(self, x: Matrix, *, causal: bool) -> list[Vector]:
        """How odd each row is by each length of windows, and by its level."""
        said = [self._shape(x, m, causal=causal) ** _POWER for m in self.shapes]
        return [*said, self._rarity(moving_mean(x[:, 0], _LEVEL_ROWS, before=causal)) ** _LEVEL_POWER]

    def _shape(self, x: Matrix, m: int, *, causal: bool) -> Vector:
        take, n_windows = _taker(x, m, self.level_share, causal=causal), len(x) if causal else max(len(x) - m + 1, 1)
        step = 1 if causal else max(1, m // _STEPS_A_WINDOW)
        at, distance = self.shapes[m].distances(
            take, n_windows, step=step, n_neighbors=_N_NEIGHBORS, apart=0 if causal else m
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
        said = self._said(_standard(X, self.location, self.scale), causal=causal)
        weight = np.append(np.ones(len(self.shapes)), _LEVEL_WEIGHT)
        loudest = np.max([w * s / u for w, s, u in zip(weight, said, self.usual, strict=True)], axis=0)
        width = min(self.width, max(len(X), 1))
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
            "usual": self.usual, "levels": self.levels,
        }  # fmt: skip
        for m, near in self.shapes.items():
            state |= {f"reference.{m}": near.reference, f"places.{m}": near.places}
        return state

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> OneChannel:
        """From a `state`; ValueError if its parts do not fit together."""
        lengths = sorted(int(name.removeprefix("places.")) for name in state if name.startswith("places."))
        shapes = {m: NearWindows(state[f"reference.{m}"], state[f"places.{m}"]) for m in lengths}
        if len(state["usual"]) != len(shapes) + 1 or any(s.reference.shape[1] != m + 1 for m, s in shapes.items()):
            raise ValueError("the windows of the series do not fit together")
        return cls(
            float(state["location"]), float(state["scale"]), int(state["width"]), float(state["level_share"]),
            state["usual"], state["levels"], shapes,
        )  # fmt: skip


def _standard(X: Matrix, location: float, scale: float) -> Matrix:
    standard: Matrix = np.clip((X - location) / (scale or 1.0), -1e100, 1e100)
    return standard


def _level_share(x: Vector) -> float:
    """How much a window's own level counts: all where it stays, nothing where the level wanders."""
    whole = float(x.var())
    between = float(np.var([part.mean() for part in np.array_split(x, _DRIFT_PARTS) if len(part)]))
    return (1 - min(between / whole, 1.0)) ** _DRIFT_POWER if whole > 0 else 0.0


def _taker(x: Matrix, m: int, level_share: float, *, causal: bool) -> Take:
    """Windows as they are compared: what is left of their mean, and last the mean as far as it counts."""
    parts = windows(x, m, before=causal)

    def take(at: npt.NDArray[np.int64]) -> Matrix:
        chosen = parts[at]
        mean = chosen.mean(axis=1, keepdims=True)
        return np.hstack([chosen - mean, np.sqrt(level_share * m) * mean])

    return take
