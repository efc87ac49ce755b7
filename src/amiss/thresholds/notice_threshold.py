"""A promise on alarms that are raised row by row, as scores come."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.core.threshold import Promise, Threshold
from amiss.thresholds.promise import Wish

__all__ = ["NoticeThreshold"]


class NoticeThreshold(Threshold):
    """So many alarms a row as were asked for, whatever the scores do: each stream has its own `Notices`, which count.

    Parameters
    ----------
    rate
        Alarms that a row may raise for nothing, in (0, 1).
    asked
        The promise in the user's words.
    n_rows, n_raised
        Rows learnt, and alarms that they raised.
    same_rows
        The rows learnt are those to be judged.
    version
        Number of the promise, from 1.
    """

    of_alarms = False

    def __init__(
        self, rate: float, *, asked: str, n_rows: int, n_raised: int, same_rows: bool = False, version: int = 1
    ) -> None:
        self.rate, self.asked, self.same_rows, self.version = rate, asked, same_rows, version
        self.n_rows, self.n_raised = n_rows, n_raised

    def p_value(self, scores: Vector) -> Vector:
        """p-value of a separate peak with each score, (n_rows,), in (0, 1], before anything is known of the stream."""
        half = 0.5 * np.exp(-np.minimum(np.abs(scores), 600.0))
        p: Vector = np.where(scores > 0, half, 1 - half)
        return p

    def is_anomaly(self, scores: Vector) -> npt.NDArray[np.bool_]:
        """Whether the p-value is at or below the rate, before anything is known of the stream."""
        found: npt.NDArray[np.bool_] = self.p_value(scores) <= self.rate
        return found

    def at(self, rate: float, wish: Wish) -> NoticeThreshold:
        """Another promise, with the next version; what it would have raised is not known."""
        return NoticeThreshold(
            rate, asked=wish.asked, n_rows=self.n_rows, n_raised=0, same_rows=self.same_rows, version=self.version + 1
        )

    def promise(self) -> Promise:
        """What was asked, and the share of the rows learnt that raised an alarm: anomalies among them included."""
        reached = self.n_raised / max(self.n_rows, 1)
        return Promise(
            self.asked, self.rate, reached, self.n_rows,
            "separate peaks of the score before each row; what is left of the error is corrected by counting alarms",
            "steps", self.n_rows, 0.0, reached, True, self.version,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """The promise, as numbers."""
        return {name: getattr(self, name) for name in ("rate", "asked", "same_rows", "version", "n_rows", "n_raised")}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> NoticeThreshold:
        """The threshold that had this `state`."""
        return cls(**state)

    def check(self) -> None:
        """Raise `ValueError` if what was restored is no promise."""
        if not (0 < self.rate < 1 and self.version >= 1 and self.n_rows >= 0 <= self.n_raised):
            raise ValueError("the threshold's numbers do not fit together")
