"""The kind of an event: what a channel does in it, in the field's terms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.series.decompose import Decomposition
from amiss.series.smooth import roughness

__all__ = ["Shape", "shape_of"]

_OUT = 3.0
"""Usual misses from which on a value is outside its band."""
_HARDLY_ANY = 0.99
_TOGETHER = 6
"""Rows between two that are out of their band and still belong together."""
_WEIGHTY = 0.15
"""Of the weight of the heaviest group of rows: lighter ones are chance beside it."""
_BRIEF = 3
_BRIEF_SHARE = 0.05
"""Of an event: a spike takes no more of it."""
_ONE_SIDED = 0.8
_SMOOTH = 0.3
"""Roughness up to which misses on both sides are a course of their own, and no greater variance."""
_STEADY = 0.8
"""Correlation with time from which on a miss grows rather than jumps."""
_LOUD, _QUIET = 2.0, 0.3
"""Of the usual spread: from and up to which the variance has changed."""
_STUCK_ROWS, _LONGER = 5, 3
"""Equal values that make a channel stuck, and how much longer a stretch of them is than any elsewhere."""
_GONE = 0.5
"""Share of an event's values that are missing where a channel has dropped out."""
_USUAL = (0.02, 0.98)


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
    """

    kind: str
    first: int
    last: int
    peak: int
    size: float


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
    here = miss[first : last + 1]
    peak = first + int(np.argmax(np.abs(here)))
    stuck = _stuck(x, first, last)
    if stuck is not None:
        return Shape("stuck", *stuck, peak=stuck[0], size=float(np.median(miss[stuck[0] : stuck[1] + 1])))
    gone = _gone(x, first, last)
    if gone is not None:
        return Shape("dropout", *gone, peak=gone[0], size=0.0)
    limit = _outside(miss)
    out = _weighty(first + np.flatnonzero(np.abs(here) > limit), np.abs(miss) - limit)
    if not len(out):
        return _inside(miss, parts, first, last, peak)
    begin, end = int(out[0]), int(out[-1])
    core = miss[begin : end + 1]
    size = float(np.median(miss[out]))
    kind = _kind_outside(x, parts, miss, begin, end, core, out, max(_BRIEF, int(_BRIEF_SHARE * (last - first + 1))))
    if kind == "variance_change":
        size = float(np.std(core)) / max(float(np.std(_clipped(miss))), 1e-12)
    return Shape(kind, begin, end, peak, size)


def _outside(miss: Vector) -> float:
    """Usual misses that hardly any row has: the spread of values with sharp edges or rare bursts is understated."""
    return max(_OUT, float(np.quantile(np.abs(miss), _HARDLY_ANY)))


def _weighty(out: npt.NDArray[np.intp], excess: Vector) -> npt.NDArray[np.intp]:
    """Those of some rows that hang together in groups of some weight: not every row that is out is the event's."""
    if not len(out):
        return out
    group = np.cumsum(np.diff(out, prepend=out[0]) > _TOGETHER)
    weight = np.bincount(group, weights=excess[out])
    weighty: npt.NDArray[np.intp] = out[weight[group] >= _WEIGHTY * weight.max()]
    return weighty


def _kind_outside(
    x: Vector,
    parts: Decomposition,
    miss: Vector,
    begin: int,
    end: int,
    core: Vector,
    out: npt.NDArray[np.intp],
    brief: int,
) -> str:
    one_sided = max((miss[out] > 0).mean(), (miss[out] < 0).mean()) >= _ONE_SIDED
    if parts.seasons and (one_sided or roughness(core) < _SMOOTH) and _usual_elsewhere(x, out):
        return "contextual"
    if end - begin + 1 <= brief and one_sided:
        return "spike" if miss[out].sum() > 0 else "dip"
    if not one_sided:
        return "variance_change" if np.std(core) > _LOUD else "collective"
    if len(out) < 0.5 * len(core):
        return "collective"
    steady = np.corrcoef(np.arange(len(core)), np.abs(core))[0, 1] if np.ptp(core) > 0 else 0.0
    if steady > _STEADY and abs(core[-1]) > 2 * abs(core[0]):
        return "drift" if end >= len(x) - max(2, len(core) // 10) else "trend_change"
    return "level_shift"


def _inside(miss: Vector, parts: Decomposition, first: int, last: int, peak: int) -> Shape:
    """No value is outside its band: the level has moved with the trend, the spread has changed, or the shape is odd."""
    here = miss[first : last + 1]
    before, after = parts.trend[max(first - 1, 0)], parts.trend[min(last + 1, len(miss) - 1)]
    moved = float(after - before) / float(np.median(parts.spread[first : last + 1]))
    if abs(moved) > _OUT:
        return Shape("level_shift", first, last, peak, moved)
    ratio = float(np.std(here)) / max(float(np.std(_clipped(miss))), 1e-12)
    if len(here) > _STUCK_ROWS and not _QUIET < ratio < _LOUD:
        return Shape("variance_change", first, last, peak, ratio)
    return Shape("collective", first, last, peak, float(np.median(here)))


def _usual_elsewhere(x: Vector, out: npt.NDArray[np.intp]) -> bool:
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
    """First and last of the missing values, if most are."""
    missing = np.flatnonzero(np.isnan(x[first : last + 1]))
    if len(missing) < _GONE * (last - first + 1):
        return None
    return first + int(missing[0]), first + int(missing[-1])


def _clipped(miss: Vector) -> Vector:
    clipped: Vector = np.clip(miss, -_OUT, _OUT)
    return clipped
