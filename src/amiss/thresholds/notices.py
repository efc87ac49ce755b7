"""Decisions as scores come: when an alarm is raised, how long it lasts, and how often for nothing."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Self, overload

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.thresholds.peaks import peak_scale

__all__ = ["TOGETHER", "Notices", "news", "separation"]

TOGETHER = 10
"""Rows without an alarm between two that are one."""

# All numbers were chosen together on the development series and on generated ones, see benchmarks/accuracy/live.py.
_SEPARATION, _LEAST_ROWS, _MOST_ROWS = 0.05, 10, 375
_MARGIN = 0.1
"""What comes soon after an alarm is news only if it is higher by so much."""
_TRUST = 20
"""The scale that the detector gives its scores counts like so many peaks."""
_FIRST_ROWS = 50
"""Rows that are too early to be judged."""
_STEP, _MOST_CORRECTION, _FIRST_CORRECTION = 1.0, 2.0, 0.7
"""By how much, as a logarithm, an alarm lowers the rate allowed, and the time without one raises it again."""
_AGAIN = 0.3
"""The same for an alarm that comes soon after another: it may well be the same thing."""
_FALLEN = 0.65
"""An alarm ends when less than this of its height is left."""
_COURSE, _LASTING = 100, 30
"""Rows whose median is its height; and how long it lasts for the level at its end to be the new usual one."""
_MOST_PEAKS = 2000


@overload
def separation(n_rows: int) -> int: ...
@overload
def separation(n_rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]: ...
def separation(n_rows: int | npt.NDArray[np.int64]) -> int | npt.NDArray[np.int64]:
    """Rows, after so many, within which a second alarm is the first one's."""
    if isinstance(n_rows, int):
        return min(max(int(_SEPARATION * n_rows), _LEAST_ROWS), _MOST_ROWS)
    apart: npt.NDArray[np.int64] = np.clip(_SEPARATION * n_rows, _LEAST_ROWS, _MOST_ROWS).astype(np.int64)
    return apart


def news(scores: Vector) -> Vector:
    """Scores that say something new as they come: higher than all of the last rows; the others as low as the lowest.

    Parameters
    ----------
    scores : (n_rows,)
        Of one stream, from its first row on.
    """
    told = np.full(len(scores), scores.min(initial=0.0))
    recent: deque[tuple[int, float]] = deque()
    for t, score in enumerate(scores.tolist()):
        while recent and recent[0][0] < t - separation(t):
            recent.popleft()
        if not recent or score > recent[0][1] + _MARGIN:
            told[t] = score
        _take(recent, t, score)
    return told


@dataclass(slots=True)
class Notices:
    """When alarms of one stream are raised, so that about `rate` of its rows raise one for nothing.

    A score is judged by the separate peaks of the scores before it: their upper half is taken to be exponential, as in
    `peak_scale`, and at first to be as the detector says. So the height that so many rows allow is known at each row.
    What is left of the error is corrected by counting: each alarm lowers the rate allowed, time without one raises it.
    An alarm lasts until the score has fallen by a third of its height; is that level higher than before, the next alarm
    is measured from there, until the score has come down.

    Attributes
    ----------
    rate
        Alarms that a row may raise, in (0, 1).
    n_rows, n_raised
        Rows, and alarms, so far.
    n_learnt, peaks
        Rows learnt, and scores of their separate peaks, ascending.
    correction
        Logarithm of what the rate allowed is multiplied by.
    base
        Level that scores are measured from.
    """

    rate: float
    n_rows: int = 0
    n_raised: int = 0
    n_learnt: int = 0
    peaks: list[float] = field(default_factory=list)
    correction: float = _FIRST_CORRECTION
    base: float = 0.0
    _candidate: tuple[int, float] | None = None
    _recent: deque[tuple[int, float]] = field(default_factory=deque)
    _course: deque[float] = field(default_factory=deque)
    _sorted: list[float] = field(default_factory=list)
    _lasted: int = 0
    _last_on: int = -(1 << 40)

    def at(self, rate: float) -> Notices:
        """The same peaks under this rate, at a row where no alarm is on and none has been counted."""
        return Notices(rate, self.n_rows, 0, self.n_learnt, list(self.peaks))

    def advance(self, scores: Vector, *, learning: bool) -> tuple[Vector, npt.NDArray[np.bool_]]:
        """p-value of a peak as high as each score, and whether an alarm is on, row by row.

        With `learning` the peaks are known from then on; without, those known before judge all.
        """
        p_values, high = np.ones(len(scores)), np.zeros(len(scores), np.bool_)
        location, size = self._scale()
        for i, score in enumerate(scores.tolist()):
            if self.n_rows >= _FIRST_ROWS or not learning:
                p_values[i] = _p_value((score - location) / size)
                high[i] = self._judge(score, location + size * self._height())
            self.n_rows += 1
            self.n_learnt += learning
            if learning and self._calibrate(score):
                location, size = self._scale()
        return p_values, high

    def _scale(self) -> tuple[float, float]:
        n = len(self.peaks)
        location, size = peak_scale(np.array(self.peaks)) if n else (0.0, 1.0)
        return n * location / (n + _TRUST), (n * size + _TRUST) / (n + _TRUST)

    def _height(self) -> float:
        """Above which, in peaks' sizes above their middle, as many of them lie as the rate allows."""
        allowed = min(self.rate * math.exp(self.correction) * (self.n_learnt + 1) / (len(self.peaks) + 1), 0.99)
        return -math.log(2 * allowed) if allowed <= 0.5 else math.log(2 * (1 - allowed))

    def _judge(self, score: float, height: float) -> bool:
        self.correction = min(self.correction + _STEP * self.rate, _MOST_CORRECTION)
        while self._recent and self._recent[0][0] < self.n_rows - separation(self.n_rows):
            self._recent.popleft()
        limit = self.base + height
        fresh = score > limit and (not self._recent or score > self._recent[0][1] + _MARGIN)
        if score > limit:
            separate = not self._recent
            _take(self._recent, self.n_rows, score)
            if not self._lasted and fresh:
                self._lasted = 1
                if self.n_rows - self._last_on > TOGETHER:
                    self.n_raised += 1
                    step = _STEP if separate else _AGAIN
                    self.correction = max(self.correction - step, -_MOST_CORRECTION)
        if self._lasted and not self._lasts(score, limit):
            self._end(score)
        elif not self._lasted and score < self.base:
            self.base = max(self.base + (score - self.base) / _COURSE, 0.0)
        if self._lasted:
            self._last_on = self.n_rows
        return self._lasted > 0

    def _lasts(self, score: float, limit: float) -> bool:
        insort(self._sorted, score)
        self._course.append(score)
        if len(self._course) > _COURSE:
            del self._sorted[bisect_left(self._sorted, self._course.popleft())]
        middle = self._sorted[len(self._sorted) // 2]
        self._lasted += 1
        return score > max(limit, self.base + _FALLEN * (middle - self.base))

    def _end(self, score: float) -> None:
        if self._lasted > _LASTING:
            self.base = max(self.base, score)
        self._course.clear()
        self._sorted.clear()
        self._lasted = 0

    def _calibrate(self, score: float) -> bool:
        """Take up a score; says whether a peak has become known: none as high came within reach."""
        if self.n_rows <= _FIRST_ROWS:
            return False
        if self._candidate is None or score > self._candidate[1]:
            self._candidate = (self.n_rows, score)
        elif self.n_rows - self._candidate[0] >= separation(self.n_rows):
            insort(self.peaks, self._candidate[1])
            self._candidate = None
            if len(self.peaks) > _MOST_PEAKS:
                # Every second of them says as much about the middle and the upper half.
                self.peaks, self.n_learnt = self.peaks[::2], self.n_learnt // 2
            return True
        return False

    def state(self) -> dict[str, Any]:
        """What is known, as arrays and numbers; an alarm that is on is over."""
        return {
            "rate": self.rate, "n_rows": self.n_rows, "n_raised": self.n_raised, "n_learnt": self.n_learnt,
            "peaks": np.array(self.peaks), "correction": self.correction,
        }  # fmt: skip

    def moment(self) -> dict[str, Any]:
        """As `state`, and where an alarm that is on stands: to go on as if nothing had been."""
        return self.state() | {
            "base": self.base, "candidate": self._candidate, "recent": list(self._recent),
            "course": np.array(self._course, np.float64), "lasted": self._lasted, "last_on": self._last_on,
        }  # fmt: skip

    @classmethod
    def resumed(cls, moment: dict[str, Any], rate: float) -> Self:
        """From a `moment`, under a rate; ValueError if its numbers do not fit together."""
        made = cls.restored(moment | {"rate": rate})
        made.base, made._lasted, made._last_on = moment["base"], int(moment["lasted"]), int(moment["last_on"])
        made._candidate = None if moment["candidate"] is None else (moment["candidate"][0], moment["candidate"][1])
        made._recent = deque((int(row), float(score)) for row, score in moment["recent"])
        made._course = deque(np.asarray(moment["course"], np.float64).tolist())
        made._sorted = sorted(made._course)
        return made

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        """From a `state`; ValueError if its numbers do not fit together."""
        peaks = np.sort(np.asarray(state["peaks"], np.float64))
        rate, correction = float(state["rate"]), float(state["correction"])
        n_rows, n_raised, n_learnt = (int(state[name]) for name in ("n_rows", "n_raised", "n_learnt"))
        sound = 0 < rate < 1 and n_rows >= n_learnt >= 0 <= n_raised and abs(correction) <= _MOST_CORRECTION
        if not sound or peaks.ndim != 1 or len(peaks) > _MOST_PEAKS or not np.isfinite(peaks).all():
            raise ValueError("the threshold's numbers do not fit together")
        return cls(rate, n_rows, n_raised, n_learnt, peaks.tolist(), correction)


def _take(recent: deque[tuple[int, float]], row: int, score: float) -> None:
    """Keep those of the last rows that none after them is as high as."""
    while recent and recent[-1][1] <= score:
        recent.pop()
    recent.append((row, score))


def _p_value(score: float) -> float:
    half = 0.5 * math.exp(-min(abs(score), 600.0))
    return half if score > 0 else 1 - half
