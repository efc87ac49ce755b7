"""One detector on one split: learnt from its rows, cut by those held out, and what it says of those to be judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.core.detector import Detector, MergeDetector, SequentialDetector, SeriesDetector
from amiss.core.errors import AmissError, ParameterError
from amiss.core.label_detector import LabelDetector
from amiss.core.summary import Matrix, Vector
from amiss.evaluate.cost import Cost, measured
from amiss.evaluate.measures import RATES, cut_for_rate
from amiss.pipeline.labelled import fitted_on
from amiss.pipeline.recipe import Recipe
from amiss.thresholds.chances import Chances

__all__ = ["Part", "Trial", "failure_of", "row_detector", "tried", "with_params"]

_USUAL = (0.5, 0.95)


@dataclass(frozen=True, slots=True)
class Part:
    """One split, prepared by the rows learnt from.

    Attributes
    ----------
    X : (n_learnt, n_features)
        Rows to learn from.
    y : (n_learnt,)
        Their labels: 0, or the kind of anomaly.
    X_held, y_held
        Rows held out of learning, and their labels: the normal ones for the cut, all for probabilities.
    X_test
        Rows to be judged.
    forward
        Rows are in the order of time: what is held out for tuning comes last.
    course
        They are one series: those held out follow those learnt from, and those to be judged follow them.
    """

    X: Matrix
    y: npt.NDArray[np.int64]
    X_held: Matrix
    y_held: npt.NDArray[np.int64]
    X_test: Matrix
    forward: bool = False
    course: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it.

    Attributes
    ----------
    scores : (n_test,)
        On a scale that splits share: 0 at the median of the normal rows held out, 1 at their 95 % quantile.
    flags : (n_test,)
        Whether each score is above the cut.
    fit, score
        What learning, and what scoring all test rows cost.
    params
        Parameters that tuning chose for this split; empty for the defaults.
    failure
        Why there is nothing; empty where there is.
    chances : (n_test,)
        Probability of an anomaly, by the rows held out; empty where these hold too few of a sort.
    own_chances : (n_test,)
        What the scores of a detector from labels say as they are, read as log-odds; empty for any other.
    cuts : (n_rates,)
        For each of `RATES`, on the scale of the scores; infinite where the rows held out are too few for it.
    """

    scores: Vector = field(default_factory=lambda: np.empty(0))
    flags: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, bool))
    fit: Cost = field(default_factory=Cost)
    score: Cost = field(default_factory=Cost)
    params: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""
    chances: Vector = field(default_factory=lambda: np.empty(0))
    own_chances: Vector = field(default_factory=lambda: np.empty(0))
    cuts: Vector = field(default_factory=lambda: np.empty(0))


def tried(recipe: Recipe, part: Part, rate: float, *, n_jobs: int = -1) -> Trial:
    """The recipe's detector on one split, on `n_jobs` threads.

    Raises
    ------
    ParameterError
        It is for series or for streams, and the part is neither.
    """
    detector = any_detector(recipe, n_jobs) if part.course else row_detector(recipe, n_jobs)
    if isinstance(detector, SeriesDetector):
        with measured() as fit:
            detector.fit(np.ascontiguousarray(part.X))
        with measured() as score:
            # A row's score depends on those around it: none is scored out of its place.
            both = detector.score_rows(np.ascontiguousarray(np.vstack([part.X_held, part.X_test])))
        held, said = both[: len(part.X_held)], both[len(part.X_held) :]
    elif isinstance(detector, SequentialDetector):
        with measured() as fit:
            detector.fit(np.ascontiguousarray(part.X))
        with measured() as score:
            # It goes on learning, as it would live: each row is scored by those before it.
            both = detector.score_partial_fit(np.ascontiguousarray(np.vstack([part.X_held, part.X_test])))
        held, said = both[: len(part.X_held)], both[len(part.X_held) :]
    else:
        with measured() as fit:
            fitted = fitted_on(detector, part.X, part.y)
        with measured() as score:
            said = fitted.score_rows(np.ascontiguousarray(part.X_test))
        held = fitted.score_rows(np.ascontiguousarray(part.X_held))
    usual = held[part.y_held == 0]
    cuts = _on_scale(np.array([cut_for_rate(usual, at) for at in RATES]), usual)
    flags = said > cut_for_rate(usual, rate)
    chances = Chances.learnt(held, part.y_held > 0)
    return Trial(
        _on_scale(said, usual), flags, fit, score, dict(recipe.params), cuts=cuts,
        chances=np.empty(0) if chances is None else chances.probability(said),
        own_chances=0.5 * (1 + np.tanh(0.5 * said)) if detector.capabilities.labels else np.empty(0),
    )  # fmt: skip


def row_detector(recipe: Recipe, n_jobs: int) -> Detector:
    """A fresh detector of rows, on so many threads."""
    detector = any_detector(recipe, n_jobs)
    if isinstance(detector, SequentialDetector):
        raise ParameterError(
            f"{recipe.detector} learns row after row, and these rows have no order",
            mend="name the column with the time, or another detector",
        )
    if not isinstance(detector, LabelDetector | MergeDetector):
        raise ParameterError(f"{recipe.detector} is for series", mend="name another detector")
    return detector


def any_detector(recipe: Recipe, n_jobs: int) -> Detector:
    """A fresh detector of rows or of series, on so many threads."""
    detector: Detector = recipe.make_detector()
    if hasattr(detector, "n_jobs"):
        detector.set_params(n_jobs=n_jobs)
    return detector


def with_params(recipe: Recipe, params: Mapping[str, Any]) -> Recipe:
    """The recipe with these parameters beside its own."""
    return msgspec.structs.replace(recipe, params={**recipe.params, **params})


def failure_of(error: Exception) -> str:
    """In one line, why a detector failed."""
    return error.what if isinstance(error, AmissError) else f"{type(error).__name__}: {error}"


def _on_scale(scores: Vector, usual: Vector) -> Vector:
    middle, high = np.quantile(usual, _USUAL)
    scaled: Vector = (scores - middle) / (float(high - middle) or 1.0)
    return scaled
