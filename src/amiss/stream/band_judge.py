"""Judges a stream of which nothing is known beforehand: a band that follows each entity."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from amiss.core.detector import Context
from amiss.core.summary import Matrix
from amiss.detectors.adaptive_band import AdaptiveBand
from amiss.explain.words import number_word, range_words
from amiss.stream.judge import Batch, Cause, Judgement
from amiss.thresholds.adaptive import Adaptive

__all__ = ["BandJudge"]

_LASTING = 0.01
"""p-value up to which a row keeps an event going."""
_TOLD, _MOST_TOLD = 0.5, 3
"""Columns at least so far out, as a share of the farthest, are told beside it; and how many at most."""
_DIGITS = 6


class BandJudge:
    """An `AdaptiveBand` and an `Adaptive` threshold, which learn from every row from the first on.

    Parameters
    ----------
    rate, per
        Alarms asked for, by "row" or "day", over all entities together.
    """

    def __init__(self, rate: float, per: str) -> None:
        self.columns: list[str] = []
        self.detector, self.threshold = AdaptiveBand(), Adaptive(rate, per=per)

    def begin(self, columns: list[str]) -> None:
        """Take these columns, where it has none."""
        self.columns = self.columns or columns

    def advance(self, batch: Batch) -> Judgement:
        """Judge rows, then learn from them."""
        before = self._as_before(batch)
        scores, apart = self.detector.explain_partial_fit(batch.X, context=Context(entity=batch.codes))
        # What is usual by itself is no alarm, however still the rest is.
        self.threshold.least_score = self.detector.usual_score
        p_values, is_anomaly = self.threshold.advance(scores, batch.codes, batch.readings.times)
        lasting = is_anomaly | (p_values <= _LASTING)
        return Judgement(scores, p_values, is_anomaly, lasting, lambda row: self._cause(batch, apart[row], before, row))

    def _as_before(self, batch: Batch) -> AdaptiveBand | None:
        """The detector with what it knows of each row's entity now; None before the first rows."""
        n = getattr(self.detector, "n_entities_", 0)
        if n == 0:
            return None
        before = copy.copy(self.detector)
        # The last line is that of an entity of which nothing is known.
        before.memory_ = self.detector.memory_[np.where(batch.codes < n, batch.codes, len(self.detector.memory_) - 1)]
        return before

    def _cause(self, batch: Batch, apart: Matrix, before: AdaptiveBand | None, row: int) -> Cause:
        order = [j for j in np.argsort(-apart).tolist() if apart[j] >= _TOLD * apart.max()][:_MOST_TOLD]
        low, high = (np.full((1, len(apart)), np.nan),) * 2 if before is None else before.bands([row])
        if not np.isfinite(low[0, order]).all():
            # The entity's first rows came in this very batch.
            low, high = self.detector.bands(batch.codes[row : row + 1])
        values = {self.columns[j]: float(batch.X[row, j]) for j in order}
        usual = {self.columns[j]: range_words(float(low[0, j]), float(high[0, j]), _DIGITS) for j in order}
        said = []
        for j in order:
            x, width = float(batch.X[row, j]), float(high[0, j] - low[0, j])
            value = number_word(x, _DIGITS, width) if np.isfinite(width) else f"{x:.6g}"
            said.append(f"{self.columns[j]} is {value}, usual is {usual[self.columns[j]]}")
        return Cause("; ".join(said), values, usual)

    def readiness(self) -> float:
        """How many rows the entity with most of them has seen, against those that it needs."""
        if getattr(self.detector, "n_entities_", 0) == 0:
            return 0.0
        most = float(self.detector.memory_[..., 0].max())
        return min(most / self.detector.least_rows, 1.0)

    def state(self) -> dict[str, Any]:
        """All that it knows."""
        learnt = self.detector.state() if hasattr(self.detector, "memory_") else {}
        return {"columns": self.columns, "threshold": self.threshold.state(), "detector": learnt}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a `state`; ValueError if its parts do not fit together. The promise is that of now."""
        self.columns = list(state["columns"])
        asked = {"rate": self.threshold.rate, "per": self.threshold.per}
        self.threshold = Adaptive.restored(state["threshold"] | asked)
        if state["detector"]:
            self.detector.restore(state["detector"])
