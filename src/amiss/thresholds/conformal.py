"""Conformal p-values: a row's score among the scores of rows taken to be normal."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from amiss.core.errors import PromiseError
from amiss.core.summary import Vector
from amiss.core.threshold import Promise, Threshold

__all__ = ["Conformal"]

_EXACT = 100_000


class Conformal(Threshold):
    """Calls a row an anomaly if at most a share `rate` of the calibration rows score as high.

    If a normal row and the calibration rows are exchangeable, its p-value is at or below any α with probability at
    most α, whatever the detector and the data. Anomalies among the calibration rows make for fewer alarms, never for
    more.

    Parameters
    ----------
    rate
        Largest share of normal rows that may raise an alarm, in (0, 1).
    asked
        The promise in the user's words.
    same_rows
        The calibration rows are the very rows to be judged: each is then counted among them once, not twice.

    Attributes
    ----------
    values_ : (n_knots,)
        Different scores of the calibration rows, ascending: all of the highest 100,000, and enough of the others.
    n_at_least_ : (n_knots + 1,)
        How many of the rows score higher than the knot before each; then 0.
    n_calibration_
        Number of calibration rows.

    References
    ----------
    Laxhammar, R. and Falkman, G. (2010). Conformal prediction for distribution-independent anomaly detection.
    Vovk, V. (2015). Cross-conformal predictors. Annals of Mathematics and Artificial Intelligence.
    """

    def __init__(self, rate: float, *, asked: str, same_rows: bool = False) -> None:
        self.rate, self.asked, self.same_rows = rate, asked, same_rows

    def calibrate(self, scores: Vector) -> Self:
        """Learn from the scores of rows taken to be normal.

        Raises
        ------
        PromiseError
            There are too few rows for so low a rate; says how many it takes.
        """
        n = len(scores)
        self.check_support(n)
        ordered = np.sort(scores)
        knots = _knots(ordered)
        self.values_ = ordered[knots]
        # A score between two knots is counted as if it stood just above the lower one: never too small a p-value.
        n_below = np.append(0, np.searchsorted(ordered, self.values_, side="right"))
        self.n_at_least_ = n - n_below
        self.n_calibration_ = n
        return self

    def check_support(self, n_rows: int) -> None:
        """Raise `PromiseError` if so many calibration rows cannot support the rate; says how many it takes."""
        extra = 0 if self.same_rows else 1
        needed = math.ceil(1 / self.rate - 1e-9) - extra
        if n_rows < needed:
            raise PromiseError(
                f"{self.asked} cannot be promised from {n_rows:,} rows",
                where=f"the lowest rate that they support is {1 / (n_rows + extra):.3%} of the rows",
                mend=f"give {needed - n_rows:,} more rows ({needed:,} in all), or allow more false alarms",
            )

    def at(self, rate: float, asked: str) -> Conformal:
        """The same calibration under another promise."""
        made = Conformal(rate, asked=asked, same_rows=self.same_rows)
        made.check_support(self.n_calibration_)
        made.values_, made.n_at_least_ = self.values_, self.n_at_least_
        made.n_calibration_ = self.n_calibration_
        return made

    def p_value(self, scores: Vector) -> Vector:
        """Share of rows that score at least as high, the row itself included: in (0, 1]."""
        n_higher = self.n_at_least_[np.searchsorted(self.values_, scores, side="left")]
        n = self.n_calibration_
        p: Vector = np.maximum(n_higher, 1) / n if self.same_rows else (n_higher + 1) / (n + 1)
        return p

    def is_anomaly(self, scores: Vector) -> npt.NDArray[np.bool_]:
        """Whether a row's p-value is at or below the rate."""
        # The margin is for rates such as 5 / n, which double precision cannot hold exactly.
        found: npt.NDArray[np.bool_] = self.p_value(scores) <= self.rate * (1 + 1e-9)
        return found

    def promise(self) -> Promise:
        """What was asked and what the calibration rows reach."""
        counts = -np.diff(self.n_at_least_)
        reached = float(counts[self.is_anomaly(self.values_)].sum() / self.n_calibration_)
        if self.same_rows:
            note = "each row's rank among all rows; holds for normal rows even where anomalies are among them"
        else:
            note = "scores of rows by models that had not seen them (cross-conformal)"
        return Promise(self.asked, self.rate, reached, self.n_calibration_, note)

    def state(self) -> dict[str, Any]:
        """The calibration, as arrays and numbers."""
        return {
            "values": self.values_,
            "n_at_least": self.n_at_least_,
            "rate": self.rate,
            "asked": self.asked,
            "same_rows": self.same_rows,
            "n_calibration": self.n_calibration_,
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Conformal:
        """The threshold that had this `state`."""
        made = cls(state["rate"], asked=state["asked"], same_rows=state["same_rows"])
        made.values_, made.n_at_least_ = state["values"], state["n_at_least"]
        made.n_calibration_ = state["n_calibration"]
        return made


def _knots(ordered: Vector) -> npt.NDArray[np.intp]:
    """Places of the scores to keep: the last of each run of equal ones, thinned out far below the tail."""
    last_of_run = np.flatnonzero(np.diff(ordered, append=np.inf) > 0)
    if len(last_of_run) <= 2 * _EXACT:
        return last_of_run
    tail = len(last_of_run) - _EXACT
    step = -(-tail // _EXACT)
    return np.concatenate([last_of_run[:tail:step], last_of_run[tail:]])
