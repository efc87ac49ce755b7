"""Affiliation precision and recall: how near flags are to events, against flags placed at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.core.errors import DataError
from amiss.core.summary import Vector
from amiss.evaluate.truth import Rows, as_flags, runs

__all__ = ["Affiliation", "affiliation"]


@dataclass(frozen=True, slots=True)
class Affiliation:
    """Mean chances over the events.

    Attributes
    ----------
    precision
        Chance that a row placed at random around its event is no nearer to it than a flagged one, in [0, 1]; NaN where
        nothing is flagged. Flags placed at random have about 0.5.
    recall
        Chance that a row placed at random is no nearer to a row of the event than the flags are, in [0, 1].
    """

    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Unbroken flags cut at the borders between zones: [start, end) in rows, and the zone that each lies in."""

    start: Vector
    end: Vector
    zone: Rows


@dataclass(frozen=True, slots=True)
class _Zones:
    """An event [start, end) each, in the zone [left, right) of all that is nearer to it than to another event."""

    start: Vector
    end: Vector
    left: Vector
    right: Vector


def affiliation(labels: Any, flags: Any) -> Affiliation:
    """Affiliation precision and recall of flags.

    Near misses count for something, however long the event is; against a random placement it is forgiving, so it
    stands beside stricter measures and not in their place.

    Parameters
    ----------
    labels : (n_rows,)
        1 for an anomaly, 0 for a normal row, in order of time. Each run of 1 is an event.
    flags : (n_rows,)
        1 where the detector says anomaly.

    Raises
    ------
    DataError
        Labels or flags that cannot be judged, or no event in the labels.

    Examples
    --------
    >>> labels, flags = [0] * 100, [0] * 100
    >>> labels[50:60], flags[58:63] = [1] * 10, [1] * 5
    >>> near = affiliation(labels, flags)
    >>> round(near.precision, 3), round(near.recall, 3)
    (0.922, 0.936)

    References
    ----------
    Huet, A., Navarro, J. M. & Rossi, D. (2022). Local evaluation of time series anomaly detection algorithms.
    """
    truth = as_flags(labels)
    flagged = as_flags(flags, name="flags", n_rows=len(truth))
    if not truth.any():
        raise DataError(
            "labels hold no anomaly: affiliation is undefined",
            where=f"{len(truth):,} labels, all 0",
            mend="judge false alarms on such data: amiss.evaluate.events.at_operating_point",
        )
    zones = _zones(*runs(truth), len(truth))
    pieces = _pieces(*runs(flagged), zones)
    precision, recall = _precision(pieces, zones), _recall(pieces, zones)
    told = ~np.isnan(precision)
    return Affiliation(float(precision[told].mean()) if told.any() else float("nan"), float(recall.mean()))


def _zones(first: Rows, last: Rows, n_rows: int) -> _Zones:
    start, end = first.astype(np.float64), (last + 1).astype(np.float64)
    borders = (end[:-1] + start[1:]) / 2
    return _Zones(start, end, np.concatenate([[0.0], borders]), np.concatenate([borders, [float(n_rows)]]))


def _pieces(first: Rows, last: Rows, zones: _Zones) -> _Pieces:
    start, end = first.astype(np.float64), (last + 1).astype(np.float64)
    lowest = np.searchsorted(zones.left, start, side="right") - 1
    highest = np.searchsorted(zones.left, end, side="left") - 1
    n_parts = highest - lowest + 1
    run = np.repeat(np.arange(len(start)), n_parts)
    zone = lowest[run] + np.arange(len(run)) - np.repeat(np.cumsum(n_parts) - n_parts, n_parts)
    return _Pieces(np.maximum(start[run], zones.left[zone]), np.minimum(end[run], zones.right[zone]), zone)


def _precision(pieces: _Pieces, zones: _Zones) -> Vector:
    """Of each zone: the mean over its flags of the chance to be no nearer to the event; NaN without flags."""
    a, b = zones.start[pieces.zone], zones.end[pieces.zone]
    left, right = zones.left[pieces.zone], zones.right[pieces.zone]

    def beyond(near: Vector, far: Vector) -> Vector:
        """Over the flags between two distances from the event: what of the zone lies farther, summed up."""
        return _falling(a - left, near, far) + _falling(right - b, near, far)

    before = beyond(a - np.minimum(pieces.end, a), a - np.minimum(pieces.start, a))
    after = beyond(np.maximum(pieces.start, b) - b, np.maximum(pieces.end, b) - b)
    inside = np.maximum(np.minimum(pieces.end, b) - np.maximum(pieces.start, a), 0.0)
    n_zones = len(zones.start)
    chance = np.bincount(pieces.zone, inside + (before + after) / (right - left), n_zones)
    length = np.bincount(pieces.zone, pieces.end - pieces.start, n_zones)
    mean: Vector = np.divide(chance, length, out=np.full(n_zones, np.nan), where=length > 0)
    return mean


def _recall(pieces: _Pieces, zones: _Zones) -> Vector:
    """Of each event: the mean over its rows of the chance that a random flag would be no nearer; 0 without flags."""
    zone = pieces.zone
    a, b, left, right = zones.start[zone], zones.end[zone], zones.left[zone], zones.right[zone]
    # Rows of the event belong to the piece that is nearest to them.
    middle = (pieces.end[:-1] + pieces.start[1:]) / 2
    same = zone[:-1] == zone[1:]
    since = np.concatenate([left[:1], np.where(same, middle, left[1:])])
    until = np.concatenate([np.where(same, middle, right[:-1]), right[-1:]])
    inside = np.maximum(np.minimum(pieces.end, b) - np.maximum(pieces.start, a), 0.0)
    low, high = np.clip(since, a, b), np.clip(pieces.start, a, b)
    # A row y before its piece, which starts at q: what lies farther than q − y on either side of y.
    q = pieces.start
    before = (high - low) * (right - q) + (_square(2 * high - q - left) - _square(2 * low - q - left)) / 4
    low, high = np.clip(pieces.end, a, b), np.clip(until, a, b)
    p = pieces.end
    after = (high - low) * (p - left) + (_square(right + p - 2 * low) - _square(right + p - 2 * high)) / 4
    chance = np.bincount(zone, inside + (before + after) / (right - left), len(zones.start))
    share: Vector = chance / (zones.end - zones.start)
    return share


def _falling(reach: Vector, near: Vector, far: Vector) -> Vector:
    """Integral of max(reach − d, 0) over d from `near` to `far`."""
    return (_square(reach - near) - _square(reach - far)) / 2


def _square(x: Vector) -> Vector:
    positive = np.maximum(x, 0.0)
    squared: Vector = positive * positive
    return squared
