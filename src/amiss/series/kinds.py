"""The kind of an event: what a channel does in it, in the field's terms."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from amiss.core.summary import Vector
from amiss.series.decompose import Decomposition
from amiss.series.drifts import wander
from amiss.series.seasons import Positions
from amiss.series.smooth import roughness

__all__ = ["Shape", "shape_of", "usual_width"]

_COVERED = 0.98
_WIDTHS = (2.0, 6.0)
"""Usual misses that the band is wide to each side, at least and at most."""
_OUT = 3.0
"""Usual misses from which on a value is outside its band."""
_HARDLY_ANY = 0.99
_TOGETHER = 6
"""Rows between two that are out of their band and still belong together."""
_WEIGHTY = 0.15
"""Of the weight of the heaviest group of rows: lighter ones are chance beside it."""
_BRIEF = 5
"""Rows of a spike at most: what lasts longer is a level."""
_SLIGHT = 0.1
"""Of the weight of the heaviest rows together: others by themselves beside a spike or a level are no part of it."""
_ONE_SIDED = 0.8
_SMOOTH = 0.3
"""Roughness up to which misses on both sides are a course of their own, and no greater variance."""
_STEADY, _FEWEST_STEADY = 0.8, 20
"""Correlation with time from which on a miss grows rather than jumps, and rows to tell."""
_LOUD, _QUIET, _RARELY = 2.0, 0.4, 0.01
"""Of the usual spread of as many rows: from and up to which the variance has changed; share of them that are so too."""
_FEWEST_ROWS = 6
"""Rows that have a variance."""
_FARTHEST = 1e4
_FINEST = 1e-9
"""Of the range of the trend: spreads below are rounding."""
_QUARTILES = 1.349
"""Distance of the quartiles of a normal distribution, in deviations."""
_STUCK_ROWS, _LONGER = 5, 3
"""Equal values that make a channel stuck, and how much longer a stretch of them is than any elsewhere."""
_GONE = 0.5
"""Share of an event's values that are missing where a channel has dropped out."""
_USUAL = (0.02, 0.98)
_NEAR, _NEAR_SHARE = 120, 20
"""Rows, at most a part of all, over which a step shows in scores before and after it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What one channel does in an event.

    Attributes
    ----------
    kind
        "spike", "dip", "level_shift", "trend_change", "variance_change", "contextual", "collective", "stuck", "drift",
        "dropout".
    first, last
        Rows between which it does it.
    peak
        Row where it misses most.
    size
        Median miss in usual misses, with its sign; the ratio of the spreads where the variance has changed.
    moved
        By how much the trend at the peak is off what it was before: the band is taken from there.
    until
        Row at which a new level that lasts is left again, the number of rows if it is not; None for all else.
    """

    kind: str
    first: int
    last: int
    peak: int
    size: float
    moved: float = 0.0
    until: int | None = None


def usual_width(parts: Decomposition) -> float:
    """Usual misses that the band is wide to each side."""
    miss = np.abs(parts.rest / parts.spread)
    return float(np.clip(np.nanquantile(miss, _COVERED), *_WIDTHS)) if not np.isnan(miss).all() else _WIDTHS[0]


def shape_of(x: Vector, parts: Decomposition, first: int, last: int) -> Shape:
    """What a channel does between two rows.

    Parameters
    ----------
    x : (n_rows,)
        Its values, NaN where missing.
    parts
        Its decomposition.
    first, last
        Rows of the event.
    """
    miss = np.nan_to_num(parts.rest / parts.spread)
    stuck = _stuck(x, first, last)
    if stuck is not None:
        return Shape("stuck", *stuck, peak=stuck[0], size=float(np.median(miss[stuck[0] : stuck[1] + 1])))
    gone = _gone(x, first, last)
    if gone is not None:
        return Shape("dropout", *gone, peak=gone[0], size=0.0)
    limit = _outside(miss, first, last)
    out = _group(np.flatnonzero(np.abs(miss) > limit), np.abs(miss) - limit, first, last)
    most = float(np.abs(miss[out]).max(initial=0.0))
    moved = _step(parts, first, last, most) or _drift(parts, first, last, most)
    if moved is not None:
        return moved
    return _beyond(x, parts, miss, out, limit) if len(out) else _inside(miss, usual_width(parts), first, last)


def _step(parts: Decomposition, first: int, last: int, most: float) -> Shape | None:
    """A lasting step in an event, or near one that shows nothing else, that is greater than any miss."""
    n = len(parts.trend)
    near = 2 if most else min(_NEAR, n // _NEAR_SHARE)
    steps = parts.steps[(parts.steps >= first - near) & (parts.steps <= last + near)]
    if not len(steps):
        return None
    usual = np.maximum(parts.spread[steps], _FINEST * np.ptp(parts.trend))
    jumps = (parts.trend[steps] - parts.trend[steps - 1]) / usual
    if np.abs(jumps).max() < most:
        return None
    # Up and down again in one event: it begins with the first that counts.
    k = int(np.argmax(np.abs(jumps) >= np.abs(jumps).max() / 2))
    at = int(steps[k])
    end = max(last, at)
    later = parts.steps[parts.steps > at]
    until = int(later[0]) if len(later) else n
    peak = at + int(np.argmax(np.nan_to_num(parts.rest[at : min(end + 1, until)]) * np.sign(jumps[k])))
    moved = float(parts.trend[peak] - parts.trend[at - 1])
    return Shape("level_shift", at, end, peak, float(jumps[k]), moved, until)


def _outside(miss: Vector, first: int, last: int) -> float:
    """Usual misses that hardly any row far from an event has: of sharp edges or rare bursts the spread says too little.

    The event itself must not widen what it is measured by.
    """
    near = min(_NEAR, len(miss) // _NEAR_SHARE)
    others = np.concatenate([miss[: max(first - near, 0)], miss[last + 1 + near :]])
    others = others if len(others) >= len(miss) // 2 else miss
    others = np.abs(others[~np.isnan(others)])
    return max(_OUT, float(np.quantile(others, _HARDLY_ANY))) if len(others) else _OUT


def _drift(parts: Decomposition, first: int, last: int, most: float) -> Shape | None:
    """A trend that wanders away up to an event, further than any value in it misses."""
    found = wander(parts, last)
    if found is None or abs(found.way) < most or parts.trend[last] == parts.trend[found.onset]:
        return None
    away = (parts.trend + np.nan_to_num(parts.rest))[first : last + 1] * np.sign(found.way)
    peak = first + int(np.argmax(away))
    return Shape("drift", found.onset, last, peak, found.way, float(parts.trend[peak] - found.level))


def _group(out: Positions, excess: Vector, first: int, last: int) -> Positions:
    """Those of the rows out of their band that belong to an event, in groups of some weight.

    A group may begin before the event and go on after it: what raised the alarm need not be all of it.
    """
    if not len(out):
        return out
    group = np.cumsum(np.diff(out, prepend=out[0]) > _TOGETHER)
    weight = np.bincount(group, weights=excess[out])
    begin, end = out[np.searchsorted(group, np.arange(len(weight)))], np.zeros(len(weight), np.int64)
    end[group] = out
    weight[(end < first - _TOGETHER) | (begin > last + _TOGETHER)] = 0.0
    weighty: Positions = out[weight[group] >= max(_WEIGHTY * weight.max(), np.finfo(float).tiny)]
    return weighty


def _beyond(x: Vector, parts: Decomposition, miss: Vector, out: Positions, limit: float) -> Shape:
    """Values are outside their band."""
    begin, end = int(out[0]), int(out[-1])
    core = miss[begin : end + 1]
    weight = np.abs(miss[out]) - limit
    up = float(weight[miss[out] > 0].sum() / weight.sum())
    one_sided = max(up, 1 - up) >= _ONE_SIDED
    if parts.seasons and (one_sided or roughness(core) < _SMOOTH) and _usual_elsewhere(x, out):
        return _shape("contextual", miss, out)
    ratio, rank = _varies(miss, begin, end)
    loud = len(core) >= _FEWEST_ROWS and ratio > _LOUD and rank >= 1 - _RARELY
    if loud and not _level(core, limit) and (not one_sided or _wide(core)):
        return replace(_shape("variance_change", miss, out), size=ratio)
    if one_sided:
        out = _heavy_runs(out, weight)
        core = miss[out[0] : out[-1] + 1]
        if _level(core, limit):
            return _shape(_lasting_kind(core, int(out[-1]), len(x)), miss, out)
    # What is out here and there is told by where it is most so.
    peak = begin + int(np.argmax(np.abs(miss[begin : end + 1])))
    same = out[np.sign(miss[out]) == np.sign(miss[peak])]
    run = np.cumsum(np.diff(same, prepend=same[0]) > 1)
    out = same[run == run[np.searchsorted(same, peak)]]
    if len(out) > _BRIEF:
        return _shape("level_shift", miss, out)
    return _shape("spike" if miss[peak] > 0 else "dip", miss, out)


def _level(core: Vector, limit: float) -> bool:
    """Whether half of the rows are well off to one side."""
    return len(core) > _BRIEF and 2 * abs(float(np.median(core))) > limit


def _wide(core: Vector) -> bool:
    """Whether the middle half of the rows is wide too, and not some of them far out."""
    low, high = np.quantile(core, [0.25, 0.75])
    return len(core) >= _FEWEST_STEADY and bool((high - low) / _QUARTILES > 0.75 * _LOUD)


def _heavy_runs(out: Positions, weight: Vector) -> Positions:
    run = np.cumsum(np.diff(out, prepend=out[0]) > 1)
    total = np.bincount(run, weights=weight)
    heavy: Positions = out[total[run] >= _SLIGHT * total.max()]
    return heavy


def _shape(kind: str, miss: Vector, out: Positions) -> Shape:
    begin, end = int(out[0]), int(out[-1])
    peak = begin + int(np.argmax(np.abs(miss[begin : end + 1])))
    return Shape(kind, begin, end, peak, float(np.median(miss[out])))


def _lasting_kind(core: Vector, end: int, n: int) -> str:
    if len(core) >= _FEWEST_STEADY and np.ptp(core) > 0:
        steady = np.corrcoef(np.arange(len(core)), np.abs(core))[0, 1]
        edge = max(len(core) // 10, 1)
        if steady > _STEADY and abs(np.median(core[-edge:])) > 2 * abs(np.median(core[:edge])):
            return "drift" if end >= n - max(2, len(core) // 10) else "trend_change"
    return "level_shift"


def _inside(miss: Vector, width: float, first: int, last: int) -> Shape:
    """No value is outside its band: the spread has changed, or the shape is odd."""
    here = miss[first : last + 1]
    peak = first + int(np.argmax(np.abs(here)))
    ratio, rank = _varies(miss, first, last)
    changed = (ratio > _LOUD and rank >= 1 - _RARELY) or (ratio < _QUIET and rank <= _RARELY)
    if len(here) >= _FEWEST_ROWS and changed:
        return Shape("variance_change", first, last, peak, ratio)
    within = np.where(np.abs(here) <= width, np.abs(here), -1.0)
    if within.max() < 0:
        return Shape("spike" if miss[peak] > 0 else "dip", peak, peak, peak, float(miss[peak]))
    # What is odd is the course: the value that tells it is one in the band.
    return Shape("collective", first, last, first + int(np.argmax(within)), float(np.median(here)))


def _varies(miss: Vector, first: int, last: int) -> tuple[float, float]:
    """Spread of misses between two rows: over that of the usual stretch of as many, and share of these that have less.

    Rows next to one another are alike where misses wander: a short stretch varies less than the whole.
    """
    n = last - first + 1
    near = np.clip(miss, -_FARTHEST, _FARTHEST)
    total, square = (np.append(0.0, np.cumsum(part)) for part in (near, near * near))
    mean = (total[n:] - total[:-n]) / n
    spread = np.sqrt(np.maximum((square[n:] - square[:-n]) / n - mean * mean, 0.0))
    start = np.arange(len(spread))
    others = spread[(start + n <= first) | (start > last)]
    usual = float(np.median(others)) if len(others) else 1.0
    own = float(np.std(near[first : last + 1]))
    return own / max(usual, 1e-12), float((others < own).mean()) if len(others) else 0.5


def _usual_elsewhere(x: Vector, out: Positions) -> bool:
    """Whether the values are such as the channel has at other times."""
    there = x[~np.isnan(x)]
    low, high = np.quantile(there, _USUAL)
    return bool(((x[out] >= low) & (x[out] <= high)).mean() >= _ONE_SIDED)


def _stuck(x: Vector, first: int, last: int) -> tuple[int, int] | None:
    """The longest stretch of equal values, if it is far longer than any elsewhere."""
    same = np.append(False, np.diff(x) == 0)
    length = np.zeros(len(x), np.int64)
    run = np.cumsum(same)
    length = run - np.maximum.accumulate(np.where(same, 0, run))
    inside = length[first : last + 1]
    most = int(inside.max(initial=0)) + 1
    outside = int(np.delete(length, np.r_[first : last + 1]).max(initial=0)) + 1 if last - first + 1 < len(x) else 1
    if most < _STUCK_ROWS or most < _LONGER * outside:
        return None
    end = first + int(np.argmax(inside))
    return end - most + 1, end


def _gone(x: Vector, first: int, last: int) -> tuple[int, int] | None:
    """First and last of the missing values, if most are; from before the event on, where it was seen late."""
    gone = np.isnan(x)
    missing = np.flatnonzero(gone[first : last + 1])
    if len(missing) < _GONE * (last - first + 1):
        return None
    begin, there = first + int(missing[0]), np.flatnonzero(~gone[: first + int(missing[0])])
    return (int(there[-1]) + 1 if len(there) else 0) if gone[first] else begin, first + int(missing[-1])
