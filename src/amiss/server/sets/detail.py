"""All that is told of one row: columns to blame, where it lies among others, and the normal rows it is most like."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from amiss.core.frame import Frame
from amiss.explain.nearest import nearest_rows
from amiss.explain.words import range_words
from amiss.server.sets.facts import Happening, Usual, usual_numbers
from amiss.server.sets.files import SavedSet
from amiss.server.sets.happenings import read_happenings
from amiss.server.sets.listing import row_facts
from amiss.server.sets.live import LiveSet
from amiss.server.sets.telling import telling_pair

__all__ = ["detail"]

_MOST_BLAMED = 8
_N_NEAREST = 3
_DECIMALS = 6
_DRAWN = 2000
_LEAST_SHARE = 0.01

Blame = tuple[str, float, float | str | None, str]
"""Column, its share, the row's value, and what is usual, in words."""


def detail(opened: SavedSet | LiveSet, row: int) -> dict[str, Any]:
    """What is told of a row, as the API has it; takes some hundredths of a second.

    Raises
    ------
    ParameterError
        There is no such row.
    """
    facts = row_facts(opened, row)
    values = opened.values([row])[0]
    if isinstance(opened, LiveSet):
        teller: _Live | _Saved = _Live(opened, row, values)
    else:
        teller = _Saved(opened, row, values, facts["entity"])
    reason, blame = teller.blamed()
    return {
        **facts,
        "reason": reason,
        "values": values,
        "blame": [_told(each, teller.usual(each[0])) for each in blame],
        "scatter": _scatter(teller, [each[0] for each in blame], values),
        "nearest": teller.nearest(),
    }


def _told(blame: Blame, usual: Usual | None) -> dict[str, Any]:
    column, share, value, words = blame
    usual = usual or Usual()
    return {
        "column": column, "share": share, "value": value, "usual": words, "histogram": usual.histogram,
        "box": usual.box, "common": usual.common,
    }  # fmt: skip


class _Saved:
    """Tells of a row of a set that was brought."""

    def __init__(self, saved: SavedSet, row: int, values: dict[str, float | str | None], entity: str | None) -> None:
        self.saved, self.row, self.values, self.entity = saved, row, values, entity
        self.numbers = [track.name for track in saved.facts.tracks]
        # A column of nothing but a missing value is one that a model takes for missing.
        self.frame = Frame.of({name: [value] for name, value in values.items()})

    def usual(self, name: str) -> Usual | None:
        """What a column mostly holds."""
        return self.saved.facts.usual.get(name)

    def blamed(self) -> tuple[str, list[Blame]]:
        """The sentence, and the columns to blame, the worst first."""
        stored = self.saved.reasons([self.row])[0]
        if self.saved.facts.kind == "table" and self.saved.model is not None:
            reason, found = self.saved.model.reasons_of(self.frame)[0]
            listed = [(c.column, c.share, c.value, c.usual) for c in found if c.share >= _LEAST_SHARE]
            return stored or reason, listed[:_MOST_BLAMED]
        event = self._event()
        if event is not None:
            blame = [self._own(each) for each in event.blame]
            return stored or event.reason, blame[:_MOST_BLAMED]
        return stored or "no event here", self._by_band()

    def _event(self) -> Happening | None:
        found = read_happenings(self.saved.folder)
        if self.saved.facts.kind == "network":
            # Flows of an event are not all those between its first and its last; the reason is that of the flow's own.
            stored = self.saved.reasons([self.row])[0]
            return next((each for each in found if stored and each.reason == stored), None)
        here = (each for each in found if each.entity == self.entity and each.kind != "gap")
        return next((each for each in here if each.first_row <= self.row <= each.last_row), None)

    def _own(self, blame: Blame) -> Blame:
        """What was said of an event's worst row, as it is at this one."""
        column, share, _, usual = blame
        if column not in self.values:
            return blame
        expected = self._band(column)
        return column, share, self.values[column], usual if expected is None else range_words(*expected, _DECIMALS)

    def _band(self, name: str) -> tuple[float, float] | None:
        band = self.saved.track(name).band if name in self.numbers else None
        if band is None:
            return None
        place = self.saved.place_of(self.row)
        low, high = (float(side[0][place]) + band.centre for side in (band.lows, band.highs))
        return (low, high) if low == low else None

    def _by_band(self) -> list[Blame]:
        """Columns whose values are farthest from the middle of their bands."""
        found: list[tuple[float, str, tuple[float, float]]] = []
        for name in self.numbers:
            band, value = self._band(name), self.values[name]
            if band is None or not isinstance(value, float):
                continue
            half = max((band[1] - band[0]) / 2, 1e-300)
            found.append((abs(value - (band[0] + band[1]) / 2) / half, name, band))
        total = sum(far**2 for far, _, _ in found)
        found.sort(key=lambda each: -each[0])
        return [
            (name, round(far**2 / total, 4) if total > 0 else 0.0, self.values[name], range_words(*band, _DECIMALS))
            for far, name, band in found[:_MOST_BLAMED]
        ]

    def nearest(self) -> list[dict[str, Any]]:
        """The normal rows that it is most like."""
        if self.saved.model is None or not (self.saved.folder / "normal_X.npy").exists():
            return []
        rows, X = self.saved.array("normal_rows"), self.saved.array("normal_X")
        others = rows != self.row
        rows, X = rows[others], X[others]
        distance, places = nearest_rows(self.saved.model.preparation.transform(self.frame)[0], X, _N_NEAREST)
        near = [int(rows[place]) for place in places]
        held = self.saved.values(near)
        return [
            {"row": row, "distance": float(far), "values": values}
            for row, far, values in zip(near, distance, held, strict=True)
        ]

    def sampled(self) -> npt.NDArray[np.int64]:
        """Rows to draw beside it."""
        return np.asarray(self.saved.array("sampled"), np.int64)

    def flags(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which of the rows raise an alarm."""
        return self.saved.flags[rows]

    def column(self, name: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Values of some rows."""
        places = rows if self.saved.places is None else self.saved.places[rows]
        return np.asarray(self.saved.track(name).lows[0][places], np.float64)


class _Live:
    """Tells of a row of a live series, by the rows of it that are kept."""

    def __init__(self, live: LiveSet, row: int, values: dict[str, float | str | None]) -> None:
        self.live, self.row, self.values = live, row, values
        self.numbers = list(live.record.columns)
        self._usual = {name: usual_numbers(live.track(name).lows[0]) for name in self.numbers}

    def usual(self, name: str) -> Usual | None:
        """What a column mostly holds."""
        return self._usual.get(name)

    def blamed(self) -> tuple[str, list[Blame]]:
        """No sentence, as the event has it; and the columns farthest from what is usual."""
        found = []
        for name in self.numbers:
            box, value = self._usual[name].box, self.values[name]
            if box is None or not _is_finite(value):
                continue
            width = max(box.high - box.low, 1e-300)
            found.append((abs(value - box.median) / width, name, value, range_words(box.low, box.high, _DECIMALS)))
        total = sum(far**2 for far, *_ in found)
        found.sort(key=lambda each: -each[0])
        told: list[Blame] = [
            (name, round(far**2 / total, 4) if total > 0 else 0.0, value, usual)
            for far, name, value, usual in found[:_MOST_BLAMED]
        ]
        return "", told

    def nearest(self) -> list[dict[str, Any]]:
        """The normal rows that it is most like, in units of the middle half of each column."""
        rows = np.setdiff1d(self.sampled()[~self.flags(self.sampled())], [self.row])
        boxes = [self._usual[name].box for name in self.numbers]
        scale = np.array([1.0 if box is None else max(box.q3 - box.q1, 1e-12) for box in boxes])
        X = np.stack([self.column(name, np.append(rows, self.row)) for name in self.numbers], axis=1) / scale
        distance, places = nearest_rows(X[-1], X[:-1], _N_NEAREST)
        near = [int(rows[place]) for place in places]
        return [
            {"row": row, "distance": float(far), "values": values}
            for row, far, values in zip(near, distance, self.live.values(near), strict=True)
        ]

    def sampled(self) -> npt.NDArray[np.int64]:
        """Rows to draw beside it: evenly spread ones, and alarms."""
        n = len(self.live.scores)
        alarms = np.flatnonzero(self.live.flags)[-_DRAWN // 4 :]
        return np.union1d(np.linspace(0, n - 1, min(n, _DRAWN - len(alarms))).astype(np.int64), alarms)

    def flags(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which of the rows raise an alarm."""
        return self.live.flags[rows]

    def column(self, name: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Values of some rows."""
        values = np.asarray(self.live.track(name).lows[0][rows], np.float64)
        # What devices send has no end at times; nothing is near to that.
        return np.where(np.isfinite(values), values, np.nan)


def _scatter(teller: _Saved | _Live, blamed: list[str], values: dict[str, float | str | None]) -> dict[str, Any] | None:
    """The two columns of numbers in which the row stands out most from the others, and these."""
    there = [name for name in teller.numbers if _is_finite(values[name])]
    blamed = [name for name in blamed if name in there]
    rows = teller.sampled()
    rows = rows[rows != teller.row][:_DRAWN]
    if len(there) < 2 or not len(rows):
        return None
    names = [*blamed[:4], *(name for name in there if name not in blamed)][:6]
    X = np.stack([teller.column(name, rows) for name in names], axis=1)
    here = np.array([values[name] for name in names], np.float64)
    flags = teller.flags(rows)
    i, j = telling_pair(X[~flags], here, max(1, min(len(blamed), 3)))
    whole = ~np.isnan(X[:, [i, j]]).any(axis=1)
    points = zip(X[whole, i].tolist(), X[whole, j].tolist(), flags[whole].tolist(), strict=True)
    return {"x": names[i], "y": names[j], "points": [list(p) for p in points], "here": [here[i], here[j]]}


def _is_finite(value: float | str | None) -> TypeGuard[float]:
    return isinstance(value, float) and math.isfinite(value)
