"""A detector that takes part in a comparison, and what is known of it in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.catalog import detector_class
from amiss.core.detector import SequentialDetector
from amiss.core.summary import Vector
from amiss.evaluate.bench import Bench
from amiss.evaluate.decisions import RowJudgement
from amiss.evaluate.trial import Trial

__all__ = ["Candidate", "candidate_of", "learns_in_order"]

_PER_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Candidate:
    """One detector on all splits.

    Attributes
    ----------
    detector
        Its name in the catalog.
    tuned
        Whether its parameters were chosen in each split, by the rows learnt from; otherwise they are the defaults.
    learns_from
        "labels", "normal rows", or "the course": all rows before, whatever their labels.
    judged
        Its scores and decisions on all test rows together; None where it failed or there was no time.
    scores, flags : (n_rows,)
        Of the test rows, split by split, on a scale that splits share; empty where it is not judged.
    params
        What tuning chose in each split.
    fit_seconds, score_seconds
        CPU time of one fit, and of scoring 1,000 rows; means over the splits.
    peak_bytes
        Memory at the highest while it learnt or scored, beyond what was held before; NaN where the system does not
        tell.
    failure
        Why it is not judged; empty where it is.
    """

    detector: str
    tuned: bool = False
    learns_from: str = ""
    judged: RowJudgement | None = None
    scores: Vector = field(default_factory=lambda: np.empty(0))
    flags: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, bool))
    params: tuple[Mapping[str, Any], ...] = ()
    fit_seconds: float = float("nan")
    score_seconds: float = float("nan")
    peak_bytes: float = float("nan")
    failure: str = ""

    @property
    def name(self) -> str:
        """What it is called among the others."""
        return f"{self.detector} (tuned)" if self.tuned else self.detector


def candidate_of(bench: Bench, detector: str, trials: Sequence[Trial | None], *, tuned: bool) -> Candidate:
    """A detector by its trials, one for each split; None is one that was not begun."""
    done = [trial for trial in trials if trial is not None]
    failure = next((trial.failure for trial in done if trial.failure), "")
    if not failure and len(done) < len(trials):
        failure = f"the budget was spent {'before its turn' if not done else 'before all its splits were done'}"
    if failure:
        return Candidate(detector, tuned, failure=failure)
    scores, flags = (np.concatenate([getattr(trial, name) for trial in done]) for name in ("scores", "flags"))
    rows = [max(len(trial.scores), 1) for trial in done]
    cuts = np.repeat(np.column_stack([trial.cuts for trial in done]), [len(t.scores) for t in done], axis=1)
    by_labels = detector_class(detector).capabilities.labels
    learns_from = "labels" if by_labels else "the course" if learns_in_order(detector) else "normal rows"
    return Candidate(
        detector, tuned, learns_from,
        bench.judged(scores, flags, cuts, _joined(done, "chances"), _joined(done, "own_chances")), scores, flags,
        params=tuple(trial.params for trial in done) if tuned else (),
        fit_seconds=float(np.mean([trial.fit.seconds for trial in done])),
        score_seconds=float(np.mean([t.score.seconds / n * _PER_ROWS for t, n in zip(done, rows, strict=True)])),
        peak_bytes=max(max(trial.fit.peak_bytes, trial.score.peak_bytes) for trial in done),
    )  # fmt: skip


def learns_in_order(detector: str) -> bool:
    """Whether a detector, by its name, is for series or streams: it learns the rows before, whatever their labels."""
    kind = detector_class(detector)
    return bool(kind.capabilities.ordered) or issubclass(kind, SequentialDetector)


def _joined(trials: Sequence[Trial], name: str) -> Vector | None:
    """Probabilities of all rows judged; None where those of a split are lacking."""
    parts = [getattr(trial, name) for trial in trials]
    return np.concatenate(parts) if all(len(p) == len(t.scores) for p, t in zip(parts, trials, strict=True)) else None
