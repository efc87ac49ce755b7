"""Decisions on a live stream of scores, at an asked rate of alarms."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError, ParameterError
from amiss.core.params import Between, Domain, OneOf, check
from amiss.core.summary import Vector
from amiss.core.threshold import Promise, Threshold
from amiss.kernels.alarm_rate import (
    CORRECTION,
    ELAPSED,
    LEARNT,
    LEAST_CORRECTION,
    MEMORY,
    MOST_CORRECTION,
    PASSED,
    RAISED,
    ROWS,
    TOGETHER,
    advance_alarms,
)

__all__ = ["Adaptive"]

_PER = ("row", "day")
_DAY = 86_400.0


class Adaptive(Threshold):
    """Alarms among the scores of many entities as they come, about as many as asked for; needs no calibration.

    The scores of all entities are one stream. Eight quantiles of it, down to 6 in a million, follow the scores row by
    row and give each its p-value; those for which too few scores have come are laid through the ones below. What is
    wrong with that is put right by counting: each alarm halves the rate allowed, down to a 400th; time without one
    raises it again, up to 20 times what was asked. So asked and reached agree whatever the scores are like. What is far
    beyond the usual, by a thousandth of the rate, is always an alarm, and is hardly counted or learnt from: a storm of
    real anomalies is told to its end, beyond what was asked for, and does not deafen what comes after.

    An alarm of an entity whose last one is no more than 10 of its rows ago is the same alarm, and not counted: of one
    entity about one in 30 rows can begin one, and fewer where odd rows follow one another. A score of 0, of an entity
    not known yet, is never one; nor are the first 100 others. How the stream is cut into batches changes nothing.

    Costs some 0.1 µs a score, 1 KB, and 4 bytes an entity.

    Parameters
    ----------
    rate
        Alarms asked for, above 0; below 0.5 where it is for each row.
    per
        "row", or "day" of the rows' times.
    least_score
        A score up to it is never an alarm, from 0: without one, the oddest rows of a fleet that stands still are alarms
        too. What is below a quarter of it is all the same. Where a detector has a `usual_score`, that. It does not
        count where one row in a hundred or more is asked for.

    Attributes
    ----------
    n_rows, n_raised
        Rows, and alarms, so far.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.thresholds.adaptive import Adaptive
    >>> scores = np.abs(np.random.default_rng(0).normal(size=20_000))
    >>> scores[15_000] = 9
    >>> threshold = Adaptive(1e-3)
    >>> p_values, is_anomaly = threshold.advance(scores)
    >>> bool(is_anomaly[15_000]), 10 <= threshold.n_raised <= 40
    (True, True)

    References
    ----------
    Robbins, H. and Monro, S. (1951). A stochastic approximation method. Annals of Mathematical Statistics.
    Gibbs, I. and Candès, E. (2021). Adaptive conformal inference under distribution shift. NeurIPS.
    """

    def __init__(self, rate: float, *, per: str = "row", least_score: float = 0.0) -> None:
        high = 0.5 if per == "row" else float("inf")
        domains: dict[str, Domain] = {
            "rate": Between(0, high, open_low=True),
            "per": OneOf(_PER),
            "least_score": Between(0),
        }
        check("Adaptive", domains, {"rate": rate, "per": per, "least_score": least_score})
        self.rate, self.per, self.least_score = float(rate), per, float(least_score)
        self._memory = np.zeros(MEMORY)
        self._quiet = np.zeros(0, np.int32)

    @property
    def n_rows(self) -> int:
        """Rows so far."""
        return int(self._memory[ROWS])

    @property
    def n_raised(self) -> int:
        """Alarms raised so far."""
        return int(self._memory[RAISED])

    @property
    def rows_per_day(self) -> float | None:
        """Rows in a day, by about the last one; None where times are not known."""
        elapsed = float(self._memory[ELAPSED])
        return _DAY * float(self._memory[PASSED]) / elapsed if elapsed > 0 else None

    def advance(
        self, scores: Vector, entity: npt.NDArray[np.int64] | None = None, time: Vector | None = None
    ) -> tuple[Vector, npt.NDArray[np.bool_]]:
        """p-value of each score, (n_rows,), and whether it is an alarm, each by those before it; then all are known.

        Parameters
        ----------
        scores : (n_rows,)
            Finite; higher is more anomalous, 0 is not judged.
        entity : (n_rows,)
            From 0; None where there is one.
        time : (n_rows,)
            Seconds since any moment, about ascending; needed where the rate is for each day.

        Raises
        ------
        ParameterError
            The rate is for each day, and there is no time.
        DataError
            A score or a time is not finite, or the lengths do not agree.
        """
        if self.per == "day" and time is None:
            raise ParameterError("alarms per day need the time of each row", mend="give time, or a rate per row")
        return self._advance(scores, entity, time, learning=True)

    def _advance(self, scores: Any, entity: Any, time: Any, *, learning: bool) -> tuple[Vector, npt.NDArray[np.bool_]]:
        scores = np.ascontiguousarray(scores, np.float64)
        entity = np.zeros(len(scores), np.int64) if entity is None else np.ascontiguousarray(entity, np.int64)
        time = None if time is None or self.per == "row" else np.ascontiguousarray(time, np.float64)
        fit = scores.ndim == 1 and entity.shape == scores.shape and (time is None or time.shape == scores.shape)
        if not fit or not np.isfinite(scores).all() or entity.min(initial=0) < 0:
            raise DataError("scores must be finite numbers in a row, with an entity from 0 for each", mend="check them")
        if time is not None and not np.isfinite(time).all():
            raise DataError("a time is missing or infinite", mend="give each row a time, or ask for a rate per row")
        most = int(entity.max(initial=-1)) + 1
        if most > len(self._quiet):
            room = np.full(max(most, 2 * len(self._quiet)), TOGETHER, np.int32)
            room[: len(self._quiet)] = self._quiet
            self._quiet = room
        return advance_alarms(
            scores,
            entity,
            time,
            self._memory,
            self._quiet,
            rate=self.rate,
            least=self.least_score,
            per_day=self.per == "day",
            learning=learning,
        )

    def forget(self, entity: npt.ArrayLike) -> None:
        """Forget the alarms of entities that have gone, so that others can have their numbers."""
        self._quiet[np.asarray(entity, np.int64)] = TOGETHER

    def p_value(self, scores: Vector) -> Vector:
        """p-value of each score by what is known now, (n_rows,); nothing is learnt."""
        return self._advance(scores, None, np.zeros(len(scores)), learning=False)[0]

    def is_anomaly(self, scores: Vector) -> npt.NDArray[np.bool_]:
        """Whether each score would raise an alarm now, of an entity that has none; nothing is learnt."""
        quiet, self._quiet = self._quiet, np.zeros(0, np.int32)
        try:
            return self._advance(scores, None, np.zeros(len(scores)), learning=False)[1]
        finally:
            self._quiet = quiet

    def promise(self) -> Promise:
        """What was asked and what was reached so far, for each row."""
        per_row = self.rate if self.per == "row" else self.rate / (self.rows_per_day or _DAY)
        return Promise(
            asked=f"{self.rate:g} alarms per {self.per}",
            rate=per_row,
            reached=self.n_raised / max(self.n_rows, 1),
            n_calibration=int(self._memory[LEARNT]),
            note="counted as the rows come: all alarms, false or not",
            share_of="steps",
        )

    def state(self) -> dict[str, Any]:
        """What is known, as arrays, numbers and words."""
        return {
            "rate": self.rate,
            "per": self.per,
            "least_score": self.least_score,
            "memory": self._memory,
            "quiet": self._quiet,
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        """From a copy of a `state`; ValueError if its parts do not fit together."""
        made = cls(float(state["rate"]), per=str(state["per"]), least_score=float(state["least_score"]))
        memory, quiet = np.array(state["memory"], np.float64), np.array(state["quiet"], np.int32)
        if memory.shape != (MEMORY,) or quiet.ndim != 1 or not np.isfinite(memory).all():
            raise ValueError("the threshold's numbers do not fit together")
        # Of a hand-made one: the compiled loop writes where these say.
        sound = 0 <= memory[LEARNT] <= memory[ROWS] and memory[LEARNT] % 1 == 0
        if not sound or not LEAST_CORRECTION <= memory[CORRECTION] <= MOST_CORRECTION:
            raise ValueError("the threshold's numbers do not fit together")
        made._memory, made._quiet = memory, quiet
        return made
