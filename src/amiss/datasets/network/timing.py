"""When things happen: people in bursts and by the hour of the day, machines by the clock."""

from __future__ import annotations

import numpy as np

from amiss.core.summary import Vector

__all__ = ["by_people", "by_the_clock", "by_work", "heavy"]

_WORK = np.array(
    [
        0.03,
        0.02,
        0.02,
        0.02,
        0.02,
        0.04,
        0.12,
        0.35,
        0.75,
        1,
        1,
        0.9,
        0.6,
        0.8,
        1,
        0.95,
        0.85,
        0.6,
        0.35,
        0.2,
        0.15,
        0.12,
        0.08,
        0.05,
    ]
)
"""How busy an office is at each hour of the day."""


def by_people(random: np.random.Generator, begin: float, end: float, per_hour: float) -> Vector:
    """Moments at which people do something: by the hour of the day, and in bursts with pauses between."""
    slots = np.arange(begin, end, 600.0)
    # Rates that are themselves drawn give the spread of counts that people have, far beyond that of Poisson's.
    busy = random.gamma(0.6, 1 / 0.6, len(slots)) * by_work(slots)
    counts = random.poisson(busy * per_hour / 6)
    moments = np.repeat(slots, counts) + random.random(int(counts.sum())) * 600.0
    return np.sort(moments[moments < end])


def by_work(moments: Vector) -> Vector:
    """How busy the office is at these moments, in [0, 1]."""
    hour = moments / 3600.0 % 24
    weekend = (moments // 86_400 + 3) % 7 >= 5
    rate: Vector = np.interp(hour, np.arange(25), np.append(_WORK, _WORK[0])) * np.where(weekend, 0.15, 1.0)
    return rate


def by_the_clock(
    random: np.random.Generator, begin: float, end: float, interval: float, jitter: float = 0.01, *, walks: bool = False
) -> Vector:
    """Moments at a regular interval, with jitter as a share of it.

    Each moment is late or early by itself, or (`walks`) each waits from the one before, so that delays add up.
    """
    phase = begin + random.random() * min(interval, end - begin)
    n = int((end - phase) / interval * 1.5) + 2
    if walks:
        waits = interval * np.maximum(1 + jitter * random.uniform(-1, 1, n), 0.05)
        moments = phase + np.cumsum(waits) - waits[0]
    else:
        moments = phase + interval * (np.arange(n) + jitter * random.uniform(-0.5, 0.5, n))
    moments = moments + random.exponential(0.02, n)
    return np.sort(moments[(moments >= begin) & (moments < end)])


def heavy(random: np.random.Generator, median: float, spread: float, n: int, most: float = 4e8) -> Vector:
    """Sizes with a heavy tail: log-normal, and one in thirty of Pareto's kind beyond."""
    sizes = median * np.exp(random.normal(0, spread, n))
    tail = random.random(n) < 0.03
    sizes[tail] *= 1 + random.pareto(1.1, int(tail.sum())) * 3
    return np.floor(np.clip(sizes, 1, most))
