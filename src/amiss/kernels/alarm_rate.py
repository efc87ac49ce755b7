"""Alarms of a stream at an asked rate: the compiled loop and its NumPy twin."""

from __future__ import annotations

import math
from bisect import insort

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.kernels import loops

__all__ = ["CORRECTION", "ELAPSED", "LEARNT", "MEMORY", "PASSED", "RAISED", "ROWS", "TOGETHER", "advance_alarms"]

ROWS, LEARNT, RAISED, SHARE, CORRECTION, ELAPSED, PASSED, LATEST, _QUANTILES = range(9)
_LEVELS, _LEADING, _FIRST, _FEWEST = 8, 1, 100, 3.0
_SHARES = (0.5, 0.1, 0.02, 0.004, 0.0008, 0.00016, 0.000032, 0.0000064)
_LN5, _STEP, _NARROWEST, _SLOW = 1.6094379124341003, 0.02, 0.05, 1e-3
LEAST_CORRECTION, MOST_CORRECTION = -6.0, 3.0
_MOST_PAUSES, _DAY = 100.0, 86400.0
_HOUR, _TOLD, _AGAIN, _FAR, _HARDLY, _CALM, _OFTEN = 3600.0, 0.7, 1.0, 1e-3, 0.01, 0.25, 0.01
TOGETHER = 10
MEMORY = _QUANTILES + _LEVELS + _FIRST


def advance_alarms(
    scores: Vector,
    entity: npt.NDArray[np.int64],
    time: Vector | None,
    memory: Vector,
    quiet: npt.NDArray[np.int32],
    *,
    rate: float,
    least: float,
    per_day: bool,
    learning: bool,
) -> tuple[Vector, npt.NDArray[np.bool_]]:
    """p-value of each score, (n_rows,), and whether it is an alarm; see `alarm_rate.h`.

    Parameters
    ----------
    scores : (n_rows,)
        C-contiguous, finite.
    entity : (n_rows,)
        From 0, below the length of `quiet`.
    time : (n_rows,)
        Needed where the rate is `per_day`.
    memory, quiet : (116,), (n_entities,)
        Written to where `learning`.
    """
    p_values, high = np.empty(len(scores)), np.empty(len(scores), np.uint8)
    if not loops.compiled():
        _advance(scores, entity, time, memory, quiet, rate, least, per_day, learning, p_values, high)
        return p_values, high.astype(np.bool_)
    loops.lib.amiss_alarm_rate(
        loops.address(scores), loops.address(entity), loops.nothing() if time is None else loops.address(time),
        len(scores), rate, least, int(per_day), int(learning), loops.address(memory), loops.address(quiet),
        loops.address(p_values), loops.address(high),
    )  # fmt: skip
    return p_values, high.view(np.bool_)


def _advance(
    scores: Vector,
    entity: npt.NDArray[np.int64],
    time: Vector | None,
    memory: Vector,
    quiet: npt.NDArray[np.int32],
    rate: float,
    least: float,
    per_day: bool,
    learning: bool,
    p_values: Vector,
    high: npt.NDArray[np.uint8],
) -> None:
    m: list[float] = memory.tolist()
    for i, score in enumerate(scores.tolist()):
        who, judged, weight = int(entity[i]), score > 0, 1.0
        p_values[i], high[i] = 1.0, 0
        if learning:
            m[ROWS] += 1.0
            m[SHARE] += max(1.0 / m[ROWS], _SLOW) * (float(judged) - m[SHARE])
            room = rate * _passed(m, float(time[i])) / _DAY if per_day and time is not None else rate
            m[CORRECTION] = min(m[CORRECTION] + _TOLD * room, MOST_CORRECTION)
        on = bool(quiet[who] < TOGETHER)
        if judged:
            y = math.log(max(score, _CALM * least))
            if m[LEARNT] >= _FIRST:
                asked = rate * _mean_pause(m) / _DAY if per_day else rate
                room = math.exp(m[CORRECTION] + (_AGAIN if on else 0.0)) * asked / max(m[SHARE], _SLOW)
                p_values[i] = _p_value(m[_QUANTILES : _QUANTILES + _LEVELS], y)
                high[i] = p_values[i] < min(room, 1.0 / (TOGETHER + 1)) and (score > least or asked >= _OFTEN)
                if high[i] and p_values[i] < _FAR * asked:
                    weight = _HARDLY
            if learning:
                _learn(m, y, weight)
        if learning:
            _count(m, quiet, who, on=on, high=bool(high[i]), weight=weight)
    memory[:] = m


def _count(m: list[float], quiet: npt.NDArray[np.int32], who: int, *, on: bool, high: bool, weight: float) -> None:
    if high:
        if not on:
            m[RAISED] += 1.0
            m[CORRECTION] = max(m[CORRECTION] - weight * _TOLD, LEAST_CORRECTION)
        quiet[who] = 0
    elif quiet[who] < TOGETHER:
        quiet[who] += 1


def _mean_pause(m: list[float]) -> float:
    return m[ELAPSED] / max(m[PASSED], 1.0)


def _passed(m: list[float], time: float) -> float:
    if m[ROWS] <= 1:
        m[LATEST] = time
        return 0.0
    most = max(_MOST_PAUSES * _mean_pause(m), _HOUR)
    if m[PASSED] == 0 and time > m[LATEST]:
        most = time - m[LATEST]
    pause = min(max(time - m[LATEST], 0.0), most)
    if time > m[LATEST] or time < m[LATEST] - most:
        m[LATEST] = time
    if pause > 0:
        kept = math.exp(-pause / max(_DAY, 100.0 * _mean_pause(m)))
        m[ELAPSED] = kept * m[ELAPSED] + pause
        m[PASSED] *= kept
    m[PASSED] += 1.0
    return pause


def _p_value(quantiles: list[float], y: float) -> float:
    k = sum(y > quantile for quantile in quantiles)
    if k == 0:
        return 1.0 - 0.5 * math.exp(_LN5 * (y - quantiles[0]) / (quantiles[1] - quantiles[0]))
    wide = quantiles[k] - quantiles[k - 1] if k < _LEVELS else quantiles[k - 1] - quantiles[k - 2]
    return max(_SHARES[k - 1] * math.exp(-_LN5 * (y - quantiles[k - 1]) / wide), 1e-300)


def _learn(m: list[float], y: float, weight: float) -> None:
    m[LEARNT] += 1.0
    n, quantiles, first = m[LEARNT], m[_QUANTILES : _QUANTILES + _LEVELS], m[_QUANTILES + _LEVELS :]
    if n <= _FIRST:
        first = first[: int(n) - 1]
        insort(first, y)
        if n == _FIRST:
            quantiles[:3] = [first[_FIRST - 1 - int(_FIRST * share)] for share in _SHARES[:3]]
        m[_QUANTILES + _LEVELS : _QUANTILES + _LEVELS + len(first)] = first
    else:
        for k, share in enumerate(_SHARES):
            if k > 1 and n * share < _FEWEST:
                break
            wide = quantiles[k] - quantiles[k - 1] if k else quantiles[1] - quantiles[0]
            step = weight * _STEP if weight < 1 else max(_STEP, 1.0 / (_LN5 * share * n))
            moved = step * wide * (float(y > quantiles[k]) - share)
            # The rare ones hear too seldom of a spread that changes.
            for j in range(k, _LEVELS if k == _LEADING else k + 1):
                quantiles[j] += moved
    if n >= _FIRST:
        for k in range(1, _LEVELS):
            if k > 1 and n * _SHARES[k] < _FEWEST:
                quantiles[k] = 2.0 * quantiles[k - 1] - quantiles[k - 2]
            quantiles[k] = max(quantiles[k], quantiles[k - 1] + _NARROWEST)
    m[_QUANTILES : _QUANTILES + _LEVELS] = quantiles
