"""Bands that many streams are expected to stay in: the compiled loop and its NumPy twin."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.kernels import loops

__all__ = ["AWAY", "COUNT", "FIELDS", "LEVEL", "SLOW", "Pace", "advance_bands", "half_widths"]

COUNT, LEVEL, SPREAD, SLOW, SLOW_SPREAD, WANDER, STEP, STEPS, LAST, AWAY = range(10)
FIELDS = 10
_LARGEST, _FARTHEST, _TINY = 1e150, 1e6, 1e-300
_SIGMA, _REACH, _FREE_ROWS, _UNKNOWN, _STEP_SHARE, _STEP_RATE = 1.2533141373155001, 3.0, 5.0, 0.1, 0.7, 0.02
_PULL, _STEEP, _CALM = 1.0, 3.0, 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """How quickly bands follow.

    Attributes
    ----------
    rates : (3,)
        Weight of the newest value in the level, its spread, and the slow level and its spreads.
    share
        Share of the distance to the slow level that counts.
    most
        How odd a level can be at most that is not the usual one, whatever the values about it.
    least
        Values before any is judged, at least 2.
    patience
        Rows after which a level that has left the slow one is the usual one.
    """

    rates: Vector
    share: float
    most: float
    least: int
    patience: int


def advance_bands(
    X: Matrix, entity: npt.NDArray[np.int64], memory: npt.NDArray[np.float64], pace: Pace, *, learning: bool
) -> tuple[Vector, Matrix]:
    """Score of each row, (n_rows,), and distance of each of its values, (n_rows, n_features); see `band.h`.

    Parameters
    ----------
    X : (n_rows, n_features)
        C-contiguous, finite or NaN.
    entity : (n_rows,)
        From 0, below the number of entities in `memory`.
    memory : (n_entities, n_features, 10)
        Written to where `learning`; zeros for an entity of which nothing is known.
    """
    scores, apart = np.empty(len(X)), np.empty(X.shape)
    if not loops.compiled():
        _advance(X, entity, memory, pace, learning, scores, apart)
        return scores, apart
    loops.lib.amiss_band(
        loops.address(X), loops.address(entity), len(X), X.shape[1], loops.address(pace.rates), pace.share, pace.most,
        pace.least, pace.patience, int(learning), loops.address(memory), loops.address(scores), loops.address(apart),
    )  # fmt: skip
    return scores, apart


def half_widths(memory: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """What counts as a distance of 1 from the level and from the slow level, for each feature in `memory`."""
    least = _STEP_SHARE * memory[..., STEP] + _TINY
    return np.maximum(_SIGMA * memory[..., SPREAD], least), np.maximum(_SIGMA * memory[..., SLOW_SPREAD], least)


def _advance(
    X: Matrix,
    entity: npt.NDArray[np.int64],
    memory: npt.NDArray[np.float64],
    pace: Pace,
    learning: bool,
    scores: Vector,
    apart: Matrix,
) -> None:
    apart[:] = 0.0
    for i, row in enumerate(np.clip(X, -_LARGEST, _LARGEST).tolist()):
        for j, value in enumerate(row):
            if value != value:
                continue
            m = memory[entity[i], j].tolist()
            if m[COUNT] >= pace.least:
                apart[i, j] = _distance(m, value, pace)
            if learning:
                _learn(m, value, pace)
                memory[entity[i], j] = m
    scores[:] = apart.max(axis=1, initial=0.0)


def _distance(m: list[float], x: float, pace: Pace) -> float:
    least = _STEP_SHARE * m[STEP] + _TINY
    z = abs(x - m[LEVEL]) / max(_SIGMA * m[SPREAD], least)
    far = pace.share * (abs(x - m[SLOW]) / max(_SIGMA * m[SLOW_SPREAD], least))
    away = min(abs(m[LEVEL] - m[SLOW]) / max(_SIGMA * m[WANDER], _CALM * least), _FARTHEST)
    away *= _STEEP / pace.most
    return min(max(z, far, pace.most * away / math.sqrt(1.0 + away * away)), _FARTHEST)


def _learn(m: list[float], x: float, pace: Pace) -> None:
    if m[COUNT] == 0:
        m[COUNT], m[LEVEL], m[SLOW], m[LAST] = 1.0, x, x, x
        m[STEP] = max(_UNKNOWN * abs(x), float(np.rint(x) == x))
        return
    m[COUNT] += 1.0
    step = abs(x - m[LAST])
    if step > 0:
        m[STEPS] += 1.0
        step = min(step, m[STEP] if m[STEPS] == 1 else _REACH * m[STEP])
        m[STEP] += max(1.0 / m[STEPS], _STEP_RATE) * (step - m[STEP])
        m[LAST] = x
    least = _STEP_SHARE * m[STEP] + _TINY
    n, (level, spread, slow) = m[COUNT], pace.rates.tolist()
    gap, most = x - m[LEVEL], _most(m[SPREAD], n, least, _REACH)
    m[SPREAD] = _widened(m[SPREAD], abs(gap), n, least, spread)
    m[LEVEL] += max(1.0 / n, level) * min(max(gap, -most), most)
    m[SLOW_SPREAD] = _widened(m[SLOW_SPREAD], abs(x - m[SLOW]), n, least, slow)
    least *= _CALM
    gap, most = m[LEVEL] - m[SLOW], _most(m[WANDER], n, least, _PULL)
    m[WANDER] = _widened(m[WANDER], abs(gap), n, least, slow)
    m[SLOW] += max(1.0 / n, slow) * min(max(gap, -most), most)
    m[AWAY] = m[AWAY] + 1.0 if abs(gap) > _REACH * max(_SIGMA * m[WANDER], least) else 0.0
    if m[AWAY] >= pace.patience:
        m[SLOW], m[AWAY] = m[LEVEL], 0.0


def _most(spread: float, n: float, least: float, reach: float) -> float:
    return reach * max(_SIGMA * spread, least) if n > _FREE_ROWS else 2.0 * _LARGEST


def _widened(spread: float, gap: float, n: float, least: float, rate: float) -> float:
    return spread + max(1.0 / (n - 1.0), rate) * (min(gap, _most(spread, n, least, _REACH)) - spread)
