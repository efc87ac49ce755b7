"""A long series in a small page: coarse over all of it, every row around the events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from amiss.core.summary import Vector
from amiss.report.block import Block, Place

__all__ = ["Grain", "Stretch", "add_band", "add_values", "averaged", "extremes", "stretches", "wide"]

_FEWEST_AROUND = 48
"""Steps that are shown before and after an event, however short it is."""

Stretch = tuple[int, int, int]
"""First and last step of a part of a series, and how many steps are drawn as one in it."""


@dataclass(frozen=True, slots=True)
class Grain:
    """How coarsely the series of one entity is shown.

    Attributes
    ----------
    values, band
        Steps that are drawn as one, for values and for expected bands, away from events.
    near
        Stretches around events that are shown more finely; in order, none overlaps another.
    """

    values: int
    band: int
    near: tuple[Stretch, ...]


def wide(first: int, last: int, n: int) -> tuple[int, int]:
    """First and last step of what is shown around an event, in a series of `n`."""
    around = max(2 * (last - first + 1), _FEWEST_AROUND)
    return max(0, first - around), min(n - 1, last + around)


def stretches(windows: Sequence[tuple[int, int]], most: int) -> tuple[Stretch, ...]:
    """What the windows cover, each step once; of two that overlap the earlier in the list goes first.

    Parameters
    ----------
    windows
        First and last step of each, the most important first.
    most
        Values of each window; longer ones take several steps as one.
    """
    taken: list[Stretch] = []
    for first, last in windows:
        step = -(-(last - first + 1) // most)
        at = first
        for a, b, _ in sorted(taken):
            if b < at or a > last:
                continue
            if a > at:
                taken.append((at, a - 1, step))
            at = b + 1
        if at <= last:
            taken.append((at, last, step))
    return tuple(sorted(taken))


def averaged(x: Vector, step: int) -> Vector:
    """Means of so many steps each; NaN where all are missing."""
    if step == 1:
        return x
    padded = np.append(x, np.full(-len(x) % step, np.nan)).reshape(-1, step)
    count = (~np.isnan(padded)).sum(axis=1)
    empty = np.full(len(padded), np.nan)
    means: Vector = np.divide(np.nansum(padded, axis=1), count, out=empty, where=count > 0)
    return means


def extremes(x: Vector, step: int) -> tuple[Vector, Vector]:
    """Lowest and highest of so many steps each; NaN where all are missing."""
    padded = x if step == 1 else np.append(x, np.full(-len(x) % step, np.nan))
    each = padded.reshape(-1, step)
    return np.fmin.reduce(each, axis=1), np.fmax.reduce(each, axis=1)


def add_values(x: Vector, grain: Grain, unit: float, block: Block) -> list[Place]:
    """Lowest values, and how far the highest are above them: over all, then in the stretches near events."""
    base = extremes(x, grain.values)
    near = [extremes(x[first : last + 1], step) for first, last, step in grain.near]
    places = []
    for low, high in (base, _joined(near)):
        # What follows from the rounded ends is drawn: rounding each would let a range of one value have two.
        lowest = np.round(low / unit) * unit
        places += [block.add(lowest, unit=unit), block.add(np.round(high / unit) * unit - lowest, unit=unit)]
    return places


def add_band(part: Vector, grain: Grain, unit: float, block: Block) -> list[Place]:
    """Means of a part of the band: over all, then in the stretches near events."""
    near = [averaged(part[first : last + 1], step) for first, last, step in grain.near]
    base, fine = averaged(part, grain.band), np.concatenate([*near, np.empty(0)])
    return [block.add(base, unit=unit), block.add(fine, unit=unit)]


def _joined(parts: list[tuple[Vector, Vector]]) -> tuple[Vector, Vector]:
    empty = np.empty(0)
    return np.concatenate([*(low for low, _ in parts), empty]), np.concatenate([*(high for _, high in parts), empty])
