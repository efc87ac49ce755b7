"""A detector for one entity's series, and the scale that makes its scores comparable with others'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.core.detector import Matrix, SeriesDetector, Vector
from amiss.pipeline.recipe import Recipe
from amiss.pipeline.series_rows import Member
from amiss.series.bursts import peaks, reach
from amiss.thresholds.peaks import peak_scale

__all__ = ["FEWEST_CELLS", "Ranker"]

FEWEST_CELLS = 20
"""Steps that a series needs to be compared with itself."""
_BLOCKS = 4
_FLOOR = 0.01
"""Of the middle score: what is lower is all alike."""


@dataclass(frozen=True, slots=True)
class Ranker:
    """Scores one series: the logarithm of what the detector says, on the scale of its peaks.

    Attributes
    ----------
    detector
        Fitted on the series.
    lowest, floor
        Taken from scores, where they can be negative, and added to them, before the logarithm is taken.
    location, scale
        Of the logarithms of the peaks, see `peak_scale`.
    reach
        Steps over which one anomaly shows in the scores.
    """

    detector: SeriesDetector
    lowest: float
    floor: float
    location: float
    scale: float
    reach: int

    @classmethod
    def fitted(cls, member: Member, recipe: Recipe) -> tuple[Ranker, Vector]:
        """Learn from a series; gives the scores of its steps too, (n_cells,)."""
        detector = recipe.make_detector()
        raw = detector.fit_score(_seen(detector, member))
        made = cls.of(detector, raw)
        return made, made.on_scale(raw)

    @classmethod
    def of(cls, detector: SeriesDetector, raw: Vector) -> Ranker:
        """From a fitted detector and its scores of its own series."""
        lowest = min(float(raw.min()), 0.0)
        raw = raw - lowest
        middle = float(np.median(raw))
        floor = _FLOOR * (middle if middle > 0 else float(raw.mean())) or 1.0
        far = reach(raw)
        logs = np.log(raw[peaks(raw, far)] + floor)
        location, scale = peak_scale(logs)
        return cls(detector, lowest, floor, location, scale, far)

    def score(self, member: Member) -> Vector:
        """Scores of each step, (n_cells,): above 0 for what is higher than half of the peaks learnt."""
        if not member.clock.n_cells:
            return np.empty(0)
        return self.on_scale(self.detector.score_rows(_seen(self.detector, member)))

    def on_scale(self, raw: Vector) -> Vector:
        """The detector's own scores on the scale of its peaks."""
        logs = np.log(np.maximum(raw - self.lowest, 0.0) + self.floor)
        scaled: Vector = (logs - self.location) / self.scale
        return scaled

    def contributions(self, member: Member) -> Matrix:
        """What each feature adds to the detector's score at each step, (n_cells, n_features); 0 where it cannot say."""
        if not self.detector.capabilities.reasons:
            return np.zeros(member.grid.shape)
        if member.grid.shape[1] == 1:
            return np.ones(member.grid.shape)  # whatever it says, it says of the one feature
        return self.detector.contribute_rows(_seen(self.detector, member))

    def held_out(self, member: Member, recipe: Recipe) -> Vector:
        """Scores of each step by detectors that have not seen the quarter of the history that it lies in."""
        X = _seen(self.detector, member)
        cuts = np.linspace(0, len(X), _BLOCKS + 1).astype(int)
        if cuts[1] < FEWEST_CELLS:
            return self.score(member)
        parts = []
        for start, stop in zip(cuts[:-1], cuts[1:], strict=True):
            other = recipe.make_detector().fit(np.ascontiguousarray(np.vstack([X[:start], X[stop:]])))
            parts.append(other.score_rows(np.ascontiguousarray(X[start:stop])))
        return self.on_scale(np.concatenate(parts))

    def numbers(self) -> dict[str, Any]:
        """All but the detector, for the model file."""
        return {name: getattr(self, name) for name in ("lowest", "floor", "location", "scale", "reach")}

    @classmethod
    def restored(cls, detector: SeriesDetector, numbers: dict[str, Any]) -> Ranker:
        """From a detector that has been restored, and `numbers`; ValueError if these are none."""
        lowest, floor, location, scale = (float(numbers[name]) for name in ("lowest", "floor", "location", "scale"))
        finite = np.isfinite([lowest, floor, location, scale]).all()
        if not (finite and floor > 0 and scale > 0 and numbers["reach"] >= 1):
            raise ValueError("the scale of a series is none")
        return cls(detector, lowest, floor, location, scale, int(numbers["reach"]))


def _seen(detector: SeriesDetector, member: Member) -> Matrix:
    """The series as the detector takes it: with holes where it knows what to do with them."""
    return np.ascontiguousarray(member.grid if detector.capabilities.missing else member.whole)
