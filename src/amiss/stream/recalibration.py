"""Finds where a stream has moved away from what its model learnt, and moves the rows back before they are judged."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.series.stream_drift import PageHinkley

__all__ = ["Moved", "Recalibration"]

Codes = npt.NDArray[np.int64]
Scorer = Callable[[Matrix], tuple[Vector, Vector]]
_RECENT = 9
"""Rows that a new level is first made of: the test fires after as many of them at the earliest."""
_AGAIN = (15, 60, 240)
"""Rows of the new level after which it is told anew, by all of them."""
_FEWEST = 30
_MOST, _PATIENCE = 5.0, 1000
"""A level that is more than so many deviations off is usual only after so many rows."""
_ODD = 2.0
"""Mean of -log(p) from which on the last rows do not fit; 1 by chance."""
_BY_CHANCE = 3.0 * 1.25 / math.sqrt(_RECENT)
"""Deviations that the median of the last rows may be off."""
_REACH = 3.0
_MOST_ENTITIES = 20_000
_LEAST_P = 1e-12


@dataclass(frozen=True, slots=True)
class Moved:
    """A drift that was found.

    Attributes
    ----------
    row
        Position of the row that tells.
    before, after : (n_numbers,)
        Level of each prepared number before, and now.
    """

    row: int
    before: Vector
    after: Vector


@dataclass(slots=True)
class _Course:
    """What is known of one entity.

    Attributes
    ----------
    recent, odd : (9, n_numbers), (9,)
        The last rows as prepared, and their -log(p); the oldest is written over.
    n_seen
        Rows in all.
    n, total, squares
        Rows of this level that are no longer among the last, and their sums.
    spread
        Deviations before the last drift; 0 before the first.
    offset
        How far rows are moved back.
    base, came_from
        The offset before the last drift and the level then; NaN in what has not moved.
    waiting
        Rows since a change that is too large to be usual; -1 where there is none.
    """

    test: PageHinkley
    recent: Matrix
    odd: Vector
    total: Vector
    squares: Vector
    spread: Vector
    offset: Vector
    base: Vector
    came_from: Vector
    n_seen: int = 0
    n: int = 0
    waiting: int = -1

    @classmethod
    def begun(cls, d: int) -> _Course:
        """Of an entity of which nothing is known."""
        nothing = np.full((2, d), np.nan)
        return cls(PageHinkley(), np.zeros((_RECENT, d)), np.zeros(_RECENT), *np.zeros((4, d)), *nothing)

    def deviations(self) -> Vector:
        """Of the level; those before the last drift where too few rows are known of this one."""
        if self.n < _FEWEST:
            return self.spread
        spread: Vector = np.sqrt(np.maximum(self.squares / self.n - (self.total / self.n) ** 2, 0.0))
        return spread

    def gap(self) -> Vector:
        """How far the median of the last rows is from the level before, where that is no chance; else 0."""
        found = np.median(self.recent, axis=0) - self.total / self.n
        return np.where(np.abs(found) > _BY_CHANCE * self.deviations(), found, 0.0)


class Recalibration:
    """Rows moved back by what each entity has drifted, for a model that learns nothing itself.

    Page-Hinkley runs with each entity's p-values. Where it fires and the last rows do not fit, the numbers that have
    moved have a new level: the median of the last 9 rows at once, the mean of all since later. What is said of rows is
    then what the model says of rows that much lower: alarms go on at the rate promised, and what is odd beside the
    drift is seen as before. A level more than 5 deviations off stays odd for 1,000 rows. The first rows of an entity,
    100 of them, are taken as they are; a drift of words, of spread or of a relation alone is not moved back.

    Keeps some 2 KB for each of the first 20,000 entities; further ones are judged as the model has it.

    Parameters
    ----------
    n_numbers
        How many of the prepared columns are numbers; these come first.
    """

    def __init__(self, n_numbers: int) -> None:
        self._d = n_numbers
        self._courses: dict[int, _Course] = {}

    def judge(self, X: Matrix, codes: Codes, scores_of: Scorer) -> tuple[Vector, Vector, Matrix, list[Moved]]:
        """Scores and p-values of prepared rows, the rows as they were judged, and drifts found on the way.

        Parameters
        ----------
        X : (n_rows, n_features)
            Prepared, in the order in which they came; NaN where a number is missing.
        codes : (n_rows,)
            Number of each row's entity.
        scores_of
            Scores and p-values of prepared rows.
        """
        judged, moved = np.array(X, np.float64), list[Moved]()
        rows_of = {int(code): np.flatnonzero(codes == code) for code in np.unique(codes)}
        for code, rows in rows_of.items():
            if code in self._courses:
                judged[rows, : self._d] -= self._courses[code].offset
        scores, p_values = scores_of(judged)
        for code, rest in rows_of.items():
            rows, course = rest, self._courses.get(code)
            if course is None and len(self._courses) < _MOST_ENTITIES:
                course = self._courses[code] = _Course.begun(self._d)
            while course is not None and len(rows):
                place, found = _until_changed(course, X[rows, : self._d], p_values[rows])
                if found is not None:
                    moved.append(Moved(int(rows[place]), *found))
                rows = rows[place + 1 :]
                if len(rows):
                    judged[rows, : self._d] = X[rows, : self._d] - course.offset
                    scores[rows], p_values[rows] = scores_of(judged[rows])
        return scores, p_values, judged, sorted(moved, key=lambda each: each.row)

    def offset(self, code: int) -> Vector:
        """How far an entity's numbers are moved back, as prepared."""
        course = self._courses.get(code)
        return np.zeros(self._d) if course is None else course.offset

    def forget(self, codes: Codes) -> None:
        """Unlearn entities that have gone, so that others can have their numbers."""
        for code in codes.tolist():
            self._courses.pop(code, None)

    def state(self) -> dict[str, Any]:
        """All that it knows."""
        return {str(code): _packed(course) for code, course in self._courses.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a `state`; ValueError if its parts do not fit together."""
        self._courses = {int(code): _unpacked(kept, self._d) for code, kept in state.items()}


def _until_changed(course: _Course, X: Matrix, p_values: Vector) -> tuple[int, tuple[Vector, Vector] | None]:
    """Take up rows to the one that changes the offset, or the last; its position, and the levels of a drift."""
    odd = -np.log(np.maximum(p_values, _LEAST_P))
    for k, each in enumerate(odd.tolist()):
        fired = len(course.test.advance(np.array([each]))) > 0
        slot, left = course.n_seen % _RECENT, None
        if course.n_seen >= _RECENT and course.waiting < 0:
            left = course.recent[slot].copy()
        level = course.total / max(course.n, 1)
        course.recent[slot], course.odd[slot] = np.where(np.isnan(X[k]), level, X[k]), each
        course.n_seen += 1
        if left is not None and _added(course, left):
            return k, None
        if course.waiting >= 0:
            found = _waited(course)
        else:
            found = _drifted(course) if fired and course.n >= _FEWEST and course.odd.mean() > _ODD else None
        if found is not None:
            return k, found
    return len(odd) - 1, None


def _added(course: _Course, row: Vector) -> bool:
    """Take a row into the level; whether the offset is made anew by it."""
    # A spike must not pull a level of few rows; NaN, of what has not moved, bounds nothing.
    level, most = course.came_from + course.offset - course.base, _REACH * course.spread
    row = np.fmin(np.fmax(row, level - most), level + most)
    course.n += 1
    course.total += row
    course.squares += row * row
    if course.n not in _AGAIN or np.isnan(course.came_from).all():
        return False
    made = course.base + course.total / course.n - course.came_from
    course.offset = np.where(np.isnan(made), course.offset, made)
    return True


def _drifted(course: _Course) -> tuple[Vector, Vector] | None:
    """Hold the last rows for the new level; the levels, where they have moved and not too far."""
    gap, spread = course.gap(), course.deviations()
    if not gap.any():
        return None
    if course.waiting < 0 and (np.abs(gap) > _MOST * spread).any():
        course.waiting = 0
        return None
    before, moves = course.total / course.n, gap != 0
    course.base, course.came_from = np.where(moves, course.offset, np.nan), np.where(moves, before, np.nan)
    course.offset, course.spread = course.offset + gap, spread
    course.n, course.total, course.squares = 0, np.zeros_like(gap), np.zeros_like(gap)
    return before, before + gap


def _waited(course: _Course) -> tuple[Vector, Vector] | None:
    """One row more of a change that is too large; the levels once it has lasted."""
    course.waiting += 1
    lasts = course.odd.mean() > _ODD
    if lasts and course.waiting < _PATIENCE:
        return None
    found = _drifted(course) if lasts else None
    course.waiting = -1
    return found


def _packed(course: _Course) -> dict[str, Any]:
    fields = {name: getattr(course, name) for name in _Course.__slots__}
    return fields | {"test": course.test.state()}


def _unpacked(kept: Mapping[str, Any], d: int) -> _Course:
    if set(kept) != set(_Course.__slots__) or np.shape(kept["recent"]) != (_RECENT, d):
        raise ValueError("the parts of a drift do not fit together")
    parts: dict[str, Any] = {name: np.array(v) if isinstance(v, np.ndarray) else v for name, v in kept.items()}
    parts["test"] = PageHinkley.restored(kept["test"])
    return _Course(**parts)
