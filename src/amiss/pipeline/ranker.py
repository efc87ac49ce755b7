"""A detector for one entity's series, and the scale that makes its scores comparable with others'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.core.detector import Matrix, SeriesDetector, Vector
from amiss.pipeline.recipe import SERIES_DEFAULT, Recipe
from amiss.pipeline.series_rows import Member
from amiss.series.bursts import excursions, reach
from amiss.series.marks import Marks
from amiss.thresholds.peaks import peak_scale

__all__ = ["FEWEST_CELLS", "Ranker", "holes_for"]

FEWEST_CELLS = 20
"""Steps that a series needs to be compared with itself."""
_BLOCKS = 4
_NUMBERS = ("lowest", "floor", "location", "scale", "reach", "n_peaks")
_MARKS = "marks."
_SILENT, _CHANCES = 0.5, 20
_GAP = "gap"
_FLOOR = 0.01
"""Of the middle score: what is lower is all alike."""


@dataclass(frozen=True, slots=True)
class Ranker:
    """Scores one series: the logarithm of what the detector says, on the scale of its peaks; or a mark that is louder.

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
    n_peaks
        Number of the peaks.
    marks
        Beside the default detector, which sees numbers alone: values that repeat or stay away, and rare kinds. None
        where another detector was asked for.
    """

    detector: SeriesDetector
    lowest: float
    floor: float
    location: float
    scale: float
    reach: int
    n_peaks: int
    marks: Marks | None = None

    @classmethod
    def fitted(cls, member: Member, recipe: Recipe) -> tuple[Ranker, Vector]:
        """Learn from a series; gives the scores of its steps too, (n_cells,)."""
        detector = recipe.make_detector()
        marked = recipe.detector == SERIES_DEFAULT and member.n_numbers > 0
        marks = Marks.learnt(member.grid, member.n_numbers) if marked else None
        raw = detector.fit_score(_seen(detector, member, marks))
        made = cls.of(detector, raw, marks)
        return made, made._with_marks(made.on_scale(raw), member)

    @classmethod
    def of(cls, detector: SeriesDetector, raw: Vector, marks: Marks | None = None) -> Ranker:
        """From a fitted detector and its scores of its own series."""
        lowest = min(float(raw.min()), 0.0)
        raw = raw - lowest
        middle = float(np.median(raw))
        floor = _FLOOR * (middle if middle > 0 else float(raw.mean())) or 1.0
        far = reach(raw)
        logs = np.log(raw[excursions(raw, far)] + floor)
        silent = float(np.mean(raw <= 0))
        if silent > _SILENT:
            # A detector that speaks at single rows alone: the long silences are chances to speak that were not taken.
            logs = np.append(logs, np.full(round(silent * _CHANCES), np.log(floor)))
        location, scale = peak_scale(logs)
        return cls(detector, lowest, floor, location, scale, far, len(logs), marks)

    def score(self, member: Member) -> Vector:
        """Scores of each step, (n_cells,): above 0 for what is higher than half of the peaks learnt."""
        if not member.clock.n_cells:
            return np.empty(0)
        raw = self.detector.score_rows(_seen(self.detector, member, self.marks))
        return self._with_marks(self.on_scale(raw), member)

    def on_scale(self, raw: Vector) -> Vector:
        """The detector's own scores on the scale of its peaks."""
        logs = np.log(np.maximum(raw - self.lowest, 0.0) + self.floor)
        scaled: Vector = (logs - self.location) / self.scale
        return scaled

    def _with_marks(self, scores: Vector, member: Member) -> Vector:
        return scores if self.marks is None else np.maximum(scores, self._marks(self.marks, member).max(axis=1))

    def _marks(self, marks: Marks, member: Member) -> Matrix:
        """The marks of each channel on the scale of the peaks: as rare in a history, as high."""
        loud: Matrix = marks.loudness(member.grid) + np.log(max(self.n_peaks / 2, 1.0))
        return loud

    def contributions(self, member: Member) -> Matrix:
        """What each feature adds to the score at each step, (n_cells, n_features); 0 where it cannot say."""
        if not self.detector.capabilities.reasons:
            return np.zeros(member.grid.shape)
        if member.grid.shape[1] == 1:
            return np.ones(member.grid.shape)  # whatever it says, it says of the one feature
        seen = _seen(self.detector, member, self.marks)
        raw = self.detector.score_rows(seen)
        found = self.detector.contribute_scored(seen, raw)
        if self.marks is None:
            return found
        # Both as powers on one scale, so that the louder one tells.
        said = np.exp(np.clip(self.on_scale(raw), -50, 50))
        whole = found.sum(axis=1)
        total = np.exp(np.clip(self._marks(self.marks, member), -50, 50))
        total[:, : found.shape[1]] += found * (said / np.where(whole > 0, whole, 1.0))[:, None]
        return total

    def held_out(self, member: Member, recipe: Recipe) -> Vector:
        """Scores of each step by detectors that have not seen the quarter of the history that it lies in."""
        X = _seen(self.detector, member, self.marks)
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
        marks = {} if self.marks is None else {f"{_MARKS}{k}": v for k, v in self.marks.state().items()}
        return {name: getattr(self, name) for name in _NUMBERS} | marks

    @classmethod
    def restored(cls, detector: SeriesDetector, numbers: dict[str, Any]) -> Ranker:
        """From a detector that has been restored, and `numbers`; ValueError if these are none."""
        lowest, floor, location, scale = (float(numbers[name]) for name in ("lowest", "floor", "location", "scale"))
        finite = np.isfinite([lowest, floor, location, scale]).all()
        if not (finite and floor > 0 and scale > 0 and numbers["reach"] >= 1 and numbers["n_peaks"] >= 0):
            raise ValueError("the scale of a series is none")
        state = {name.removeprefix(_MARKS): value for name, value in numbers.items() if name.startswith(_MARKS)}
        marks = Marks.restored(state) if state else None
        return cls(detector, lowest, floor, location, scale, int(numbers["reach"]), int(numbers["n_peaks"]), marks)

    def n_seen(self, n_features: int) -> int:
        """How many of the features, the first ones, the detector sees."""
        return n_features if self.marks is None else len(self.marks.repeats)

    def fits(self, n_numbers: int, n_features: int) -> bool:
        """Whether its parts are made for so many features."""
        marks, n_seen = self.marks, self.n_seen(n_features)
        marked = marks is None or (n_seen == n_numbers and len(marks.changes) == n_features - n_numbers)
        return marked and self.detector.n_features_in_ == n_seen


def holes_for(detector: SeriesDetector, member: Member) -> Matrix:
    """The series with its holes; one that looks for holes sees those alone that rows have."""
    return member.as_rows if _GAP in detector.finds else member.grid


def _seen(detector: SeriesDetector, member: Member, marks: Marks | None) -> Matrix:
    """The series as the detector takes it: with holes where it knows what to do with them, numbers alone with marks."""
    X = holes_for(detector, member) if detector.capabilities.missing else member.whole
    # A flag that is the only channel is seen as it is: there is none whose scale it should be on.
    if marks is None or X.shape[1] == 1:
        return np.ascontiguousarray(X)
    X, flags = X[:, : member.n_numbers].copy(), member.flags[: member.n_numbers]
    thrown = X[:, flags]
    X[:, flags] = thrown > (thrown.min(axis=0) + thrown.max(axis=0)) / 2
    return X
