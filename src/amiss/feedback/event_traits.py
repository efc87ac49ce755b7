"""What of an event tells whether another one is like it, in arrays; and how alike two are, in numbers and in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.store.records import EventRecord, LabelRecord

__all__ = ["Traits", "directed_columns", "gravity_of", "when"]

Ints = npt.NDArray[np.int32]
Places = npt.NDArray[np.intp]
Vector = npt.NDArray[np.float64]
_BLAMED = 5
"""Columns to blame that are looked at, the worst first."""
_SEVERITY = {"info": 0, "warning": 1, "error": 2, "critical": 3}
_GRAVITY = (0.5, 2.0, 5.0, 8.0)
"""By severity, where there is no p-value: orders of magnitude below 1."""
_HIGHEST_GRAVITY = 30.0
_OTHER_KIND, _OTHER_SOURCE, _OTHER_ENTITY = 0.15, 0.5, 0.5
_NO_COLUMN_SHARED = 0.1
_OTHER_HOUR = 0.25
"""What likeness loses between hours of the day that lie opposite."""
_GRAVITY_SPAN = 6.0
"""Orders of magnitude after which two events are alike by a third."""
_GRID = 4096.0
"""Likenesses are multiples of one part in so many: their sums are exact, in whichever order they are added."""
_DAY = 86_400.0
_BLANK = -1


class Traits:
    """Traits of events, a line for each: kind, source, entity, hour, gravity, and columns to blame with directions.

    Two events are alike by the product of what each trait finds, in [0, 1]; 1 for an event and itself. An event of
    another kind, source or entity, or that blames other columns, is less alike, and never quite unlike.
    """

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], int] = {}
        self.n = 0
        self.kind, self.source, self.entity = (np.empty(0, np.int32) for _ in range(3))
        self.severity, self.row_key = np.empty(0, np.int32), np.empty(0, np.int32)
        self.hour, self.gravity, self.score, self.opened, self.ended = (np.empty(0) for _ in range(5))
        self.columns, self.weights = np.empty((0, _BLAMED), np.int32), np.empty((0, _BLAMED))

    def code(self, what: str, word: str) -> int:
        """The number of a word, the same for ever."""
        return self._codes.setdefault((what, word), len(self._codes))

    def put(self, place: int, event: EventRecord) -> None:
        """Note an event's traits in the line `place`, at most one behind the last."""
        self._reserve(place + 1)
        self.n = max(self.n, place + 1)
        self.kind[place] = self.code("kind", event.kind)
        self.source[place] = self.code("source", event.source)
        self.entity[place] = self.code("entity", event.entity or "")
        self.row_key[place] = self.code("row", str(event.body.get("row_key")))
        self.severity[place] = _SEVERITY.get(event.severity, 1)
        self.opened[place] = event.opened
        self.ended[place] = event.ended if event.ended is not None else max(event.updated, event.opened)
        self.hour[place] = event.opened % _DAY / _DAY
        self.gravity[place] = gravity_of(event)
        self.score[place] = event.score
        columns = directed_columns(event)[:_BLAMED]
        self.columns[place], self.weights[place] = _BLANK, 0.0
        for i, column in enumerate(columns):
            self.columns[place, i] = self.code("column", column)
            self.weights[place, i] = 1.0 / (1 + i)

    def meant(self, label: LabelRecord) -> Places:
        """Places of the events that a label is about.

        By the key of the row; or the one that opened when the label's span starts; or where there is none, those that
        share half of the shorter of the two spans. A label without key and time is about all of its source and entity.
        """
        n = self.n
        owner = (self.source[:n] == self.code("source", label.source)) & (
            self.entity[:n] == self.code("entity", label.entity or "")
        )
        places = np.flatnonzero(owner)
        chosen: Places = places[self._chosen(label, places)]
        return chosen

    def _chosen(self, label: LabelRecord, places: Places) -> npt.NDArray[np.bool_]:
        if label.row_key is not None:
            named: npt.NDArray[np.bool_] = self.row_key[places] == self.code("row", label.row_key)
            return named
        starts = -math.inf if label.starts is None else label.starts
        ends = math.inf if label.ends is None else label.ends
        opened, ended = self.opened[places], self.ended[places]
        exact: npt.NDArray[np.bool_] = opened == starts
        if exact.any():
            return exact
        shared = np.minimum(ended, ends) - np.maximum(opened, starts)
        half: npt.NDArray[np.bool_] = (shared >= 0) & (2 * shared >= np.minimum(ended - opened, ends - starts))
        return half

    def likeness(self, place: int, others: slice = slice(None)) -> npt.NDArray[np.float32]:
        """How alike the event at `place` and others are, in [0, 1]."""
        others = slice(*others.indices(self.n))
        alike = np.where(self.kind[others] == self.kind[place], 1.0, _OTHER_KIND)
        alike *= np.where(self.source[others] == self.source[place], 1.0, _OTHER_SOURCE)
        alike *= np.where(self.entity[others] == self.entity[place], 1.0, _OTHER_ENTITY)
        alike *= _NO_COLUMN_SHARED + (1 - _NO_COLUMN_SHARED) * self._shared(place, others)
        apart = np.sin(np.pi * (self.hour[others] - self.hour[place])) ** 2
        alike *= 1.0 - _OTHER_HOUR * apart
        alike *= np.exp(-np.abs(self.gravity[others] - self.gravity[place]) / _GRAVITY_SPAN)
        return (np.rint(alike * _GRID) / _GRID).astype(np.float32)

    def no_graver(self, place: int, others: slice = slice(None)) -> npt.NDArray[np.bool_]:
        """Which events are not clearly graver than the one at `place`: by a step, ten times rarer, or half as high."""
        others = slice(*others.indices(self.n))
        level = (self.severity[others] <= self.severity[place]) & (self.gravity[others] <= self.gravity[place] + 1.0)
        most = 1.5 * self.score[place]
        found: npt.NDArray[np.bool_] = level & ((self.score[others] <= most) | ~(most > 0))
        return found

    def in_common(self, place: int, other: int, words: Sequence[str]) -> str:
        """What two events share, in words; `words` are the columns that the second blames."""
        same = [
            name for name in ("kind", "source", "entity") if getattr(self, name)[place] == getattr(self, name)[other]
        ]
        blamed = set(self.columns[place].tolist()) - {_BLANK}
        shared = [word for word in words if self._codes.get(("column", word)) in blamed]
        said = []
        if same:
            said.append("same " + ", ".join(same))
        if shared:
            said.append("both blame " + ", ".join(shared))
        apart = abs(self.hour[place] - self.hour[other])
        if min(apart, 1 - apart) < 1 / 24:
            said.append("at the same hour of the day")
        return "; ".join(said) or "nothing but how grave they are"

    def _shared(self, place: int, others: slice) -> Vector:
        """Share of the columns to blame that are blamed by both, the first ones counting most."""
        columns, weights = self.columns[others], self.weights[others]
        both = np.zeros(len(columns))
        for column, weight in zip(self.columns[place].tolist(), self.weights[place].tolist(), strict=True):
            if column != _BLANK:
                both += np.minimum(np.where(columns == column, weights, 0.0).max(axis=1), weight)
        either = weights.sum(axis=1) + self.weights[place].sum() - both
        share: Vector = np.divide(both, either, out=np.ones(len(columns)), where=either > 0)
        return share

    def _reserve(self, n: int) -> None:
        room = len(self.kind)
        if n <= room:
            return
        more = max(64, room, n - room)
        for name, array in vars(self).items():
            if isinstance(array, np.ndarray):
                grown: npt.NDArray[Any] = np.zeros((room + more, *array.shape[1:]), array.dtype)
                grown[:room] = array
                setattr(self, name, grown)


def gravity_of(event: EventRecord) -> float:
    """How rare an event is, in orders of magnitude below 1: by its p-value, or else by its severity."""
    p_value = event.p_value
    if p_value is None or not 0 <= p_value <= 1:
        return _GRAVITY[_SEVERITY.get(event.severity, 1)]
    return min(-math.log10(max(p_value, 1e-300)), _HIGHEST_GRAVITY)


def directed_columns(event: EventRecord) -> list[str]:
    """Columns that an event blames, the worst first, with ↑ or ↓ where the value lies beyond a usual range."""
    channels = event.body.get("channels")
    if isinstance(channels, list):
        return [_of_channel(channel) for channel in channels if isinstance(channel, dict) and "column" in channel]
    values, usual = event.body.get("values"), event.body.get("usual")
    if not isinstance(values, dict):
        return []
    ranges = usual if isinstance(usual, dict) else {}
    return [f"{name}{_direction(value, *_ends(ranges.get(name)))}" for name, value in values.items()]


def _of_channel(channel: dict[str, Any]) -> str:
    return f"{channel['column']}{_direction(channel.get('value'), channel.get('low'), channel.get('high'))}"


def _ends(usual: Any) -> tuple[float | None, float | None]:
    """The ends of a range in words; None where there is none."""
    low, separator, high = str(usual).partition(" to ")
    try:
        return (float(low), float(high)) if separator else (None, None)
    except ValueError:
        return None, None


def _direction(value: Any, low: Any, high: Any) -> str:
    numbers = [each if isinstance(each, (int, float)) else math.nan for each in (value, low, high)]
    return "↓" if numbers[0] < numbers[1] else "↑" if numbers[0] > numbers[2] else ""


def when(seconds: float) -> str:
    """A moment to the minute, in UTC."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return f"{seconds:g} s"
