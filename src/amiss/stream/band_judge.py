"""Judges a stream of which nothing is known beforehand: a band that follows each entity."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Context
from amiss.core.summary import Matrix, Vector
from amiss.detectors.adaptive_band import AdaptiveBand
from amiss.explain.words import number_word, range_words
from amiss.kernels.band import AWAY, FIELDS, LEVEL, SLOW
from amiss.stream.judge import Batch, Cause, Judgement
from amiss.thresholds.adaptive import Adaptive

__all__ = ["BandJudge"]

Memory = npt.NDArray[np.float64]

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
        drifts = tuple(self._drifts(batch, before))
        return Judgement(
            scores, p_values, is_anomaly, lasting, lambda row: self._cause(batch, apart[row], before, row), drifts
        )

    def _drifts(self, batch: Batch, before: Memory) -> Iterator[tuple[int, Cause]]:
        """Rows at which a level that had left the slow one had lasted long enough to be the usual one."""
        patience, away = self.detector.patience, before[..., AWAY].max(axis=1, initial=0.0)
        if away.max(initial=0.0) + len(away) < patience:
            return
        count = np.bincount(batch.codes)[batch.codes]
        found = []
        for code in np.unique(batch.codes[away + count >= patience]).tolist():
            rows = np.flatnonzero(batch.codes == code)
            one = copy.copy(self.detector)
            one.memory_, one.n_entities_ = np.stack([before[rows[0]], np.zeros_like(before[rows[0]])]), 1
            for row in rows.tolist():
                known = one.memory_[0].copy()
                one.explain_partial_fit(batch.X[row : row + 1])
                moved = (known[:, AWAY] >= patience - 1) & (one.memory_[0, :, AWAY] == 0)
                moved &= one.memory_[0, :, SLOW] == one.memory_[0, :, LEVEL]
                if moved.any():
                    found.append((row, self._new_level(known[:, SLOW], one.memory_[0, :, SLOW], moved)))
        yield from sorted(found, key=lambda each: each[0])

    def _new_level(self, before: Vector, after: Vector, moved: npt.NDArray[np.bool_]) -> Cause:
        values, usual, said = {}, {}, []
        for j in np.flatnonzero(moved).tolist():
            name, old, new = self.columns[j], float(before[j]), float(after[j])
            words = [number_word(level, _DIGITS, abs(new - old)) for level in (old, new)]
            values[name], usual[name] = new, f"about {words[0]}"
            said.append(
                f"{name} was about {words[0]} and has been about {words[1]} for {self.detector.patience:,} rows"
            )
        return Cause("; ".join(said) + "; this is usual from here on", values, usual)

    def _as_before(self, batch: Batch) -> Memory:
        """What is known of each row's entity before the batch; zeros of one that is new."""
        n, shape = getattr(self.detector, "n_entities_", 0), (len(batch.codes), len(self.columns), FIELDS)
        if n == 0:
            return np.zeros(shape)
        known: Memory = self.detector.memory_[np.minimum(batch.codes, n - 1)]
        known[batch.codes >= n] = 0.0
        return known

    def _bands_at(self, batch: Batch, before: Memory, row: int) -> tuple[Vector, Vector]:
        """What was expected of a row: its entity's rows of this batch are learnt once more up to it."""
        one = copy.copy(self.detector)
        one.memory_, one.n_entities_ = np.stack([before[row], np.zeros_like(before[row])]), 1
        earlier = np.flatnonzero(batch.codes[:row] == batch.codes[row])
        if len(earlier):
            one.explain_partial_fit(batch.X[earlier])
        low, high = one.bands([0])
        return low[0], high[0]

    def _cause(self, batch: Batch, apart: Matrix, before: Memory, row: int) -> Cause:
        low, high = self._bands_at(batch, before, row)
        x = batch.X[row]
        far = [j for j in np.argsort(-apart).tolist() if apart[j] >= _TOLD * apart.max()][:_MOST_TOLD]
        # What is merely near the edge is not told beside what is beyond.
        order = [j for j in far if not low[j] <= x[j] <= high[j]] or far[:1]
        values = {self.columns[j]: float(x[j]) for j in order}
        usual = {self.columns[j]: range_words(float(low[j]), float(high[j]), _DIGITS) for j in order}
        said = [self._sentence(self.columns[j], float(x[j]), float(low[j]), float(high[j])) for j in order]
        return Cause("; ".join(said), values, usual)

    def _sentence(self, column: str, x: float, low: float, high: float) -> str:
        width, usual = high - low, range_words(low, high, _DIGITS)
        value = number_word(x, _DIGITS, width) if np.isfinite(width) else f"{x:.6g}"
        if low <= x <= high:
            side = "high" if 2 * x > low + high else "low"
            return f"{column} is {value}, and has been {side} for a while within its usual {usual}"
        return f"{column} is {value}, usual is {usual}"

    def readiness(self) -> float:
        """How many rows the entity with most of them has seen, against those that it needs."""
        if getattr(self.detector, "n_entities_", 0) == 0:
            return 0.0
        most = float(self.detector.memory_[..., 0].max())
        return min(most / self.detector.least_rows, 1.0)

    def forget(self, codes: npt.NDArray[np.int64], names: Sequence[str]) -> None:
        """Unlearn entities that have gone, so that others can have their numbers."""
        known = codes[codes < getattr(self.detector, "n_entities_", 0)]
        if len(known):
            self.detector.forget(known)
            self.threshold.forget(known)

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
