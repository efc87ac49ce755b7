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
        Largest share of the normal rows that may raise an alarm, or of the alarms that may be false: see `share_of`.
    reached
        Share of the calibration rows that would have raised one.
    n_calibration
        Number of calibration rows.
    note
        What the promise rests on.
    share_of
        "rows" for false alarms among normal rows, "alarms" for false ones among the alarms; of a series "peaks" for
        the separate peaks of its score, and "steps" where alarms are counted as its rows come.
    n_effective
        Number of independent rows that the calibration rows are worth; fewer where they follow one another in time.
    dirt
        Share of the rows learnt from that look like anomalies, and were left out of the calibration.
    if_normal
        Share of the calibration rows that would have raised an alarm if those were normal too; `reached` if they are
        anomalies.
    model_based
        The rate lies where hardly any calibration row does, so it rests on a modelled tail.
    version
        1 when fitted, one more with each change of the promise.
    """

    asked: str
    rate: float
    reached: float
    n_calibration: int
    note: str
    share_of: str = "rows"
    n_effective: int = 0
    dirt: float = 0.0
    if_normal: float = 0.0
    model_based: bool = False
    version: int = 1


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
