"""The Threshold contract: from a score to a p-value to a decision."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector

__all__ = ["Promise", "Threshold"]


@dataclass(frozen=True, slots=True)
class Promise:
    """What was asked and what was reached, in words and numbers.

    Attributes
    ----------
    asked
        The promise as the user gave it.
    rate
        Largest share of normal rows that may raise an alarm.
    reached
        Share of the calibration rows that would have raised one.
    n_calibration
        Number of calibration rows.
    note
        What the promise rests on.
    """

    asked: str
    rate: float
    reached: float
    n_calibration: int
    note: str


class Threshold(ABC):
    """Turns scores into p-values and decisions; stands apart from every detector."""

    @abstractmethod
    def p_value(self, scores: Vector) -> Vector:
        """p-value of "this row is normal" for each score, in (0, 1]."""

    @abstractmethod
    def is_anomaly(self, scores: Vector) -> npt.NDArray[np.bool_]:
        """The decision for each score."""

    @abstractmethod
    def promise(self) -> Promise:
        """What was asked and what was reached."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What has been calibrated, as arrays and numbers."""
