"""The Detector contract: it ranks rows, and what it has learnt merges."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError, ParameterError
from amiss.core.estimator import Estimator
from amiss.core.summary import Matrix, Sample, Summary, Vector

__all__ = [
    "Capabilities",
    "Context",
    "Detector",
    "DetectorSummary",
    "Matrix",
    "MergeDetector",
    "SequentialDetector",
    "SequentialSeriesDetector",
    "SeriesDetector",
    "Vector",
]

S = TypeVar("S", bound=Summary)

PREDICT_RATE = 0.01
"""Share of the fitted rows that scikit-learn's `predict` calls anomalies. Promises are made by a Threshold."""

_OFFSET_ROWS = 2048


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a detector can do; declared, and held to by the contract suite.

    Attributes
    ----------
    missing
        NaN in `X` is data to it. Otherwise the preparation fills the gaps before.
    reasons
        `contributions` says how much each feature adds to a score.
    additive
        The contributions of a row, plus one constant for all rows, sum to `additive_target` of its score.
    additive_target
        "score" or "log2": of what the contributions are a sum.
    exact_merge
        Merged chunks give what the whole gives, at any number of rows. Otherwise a uniform Sample stands between.
    context
        Scores depend on time or entity: the hooks are handed a `Context` too.
    ordered
        The rows are one series: in the order of time, at equal steps. A score depends on the rows around it.
    causal
        Of an ordered one: no score depends on rows that come later, whatever the parameters.
    labels
        Learns from labels: `fit` needs `y`.
    unlabelled
        Of such a one: rows of which nothing is known teach it too; their label is NaN.
    saves
        What it has learnt is arrays, so a model file can hold it.
    """

    missing: bool = False
    reasons: bool = False
    additive: bool = False
    additive_target: str = "score"
    exact_merge: bool = False
    context: bool = False
    ordered: bool = False
    causal: bool = False
    labels: bool = False
    unlabelled: bool = False
    saves: bool = True


@dataclass(frozen=True, slots=True)
class Context:
    """What stands beside the features of each row.

    Attributes
    ----------
    time : (n_rows,)
        Seconds since 1970-01-01 UTC, or None.
    entity : (n_rows,)
        Number of the row's device, host or user, from 0; or None.
    """

    time: Vector | None = None
    entity: npt.NDArray[np.int64] | None = None


class Detector(Estimator, ABC):
    """Ranks rows by `anomaly_score`; higher is more anomalous.

    A detector does not decide: `predict` and `decision_function` are there so that it can stand wherever
    scikit-learn expects an outlier detector, and call the worst 1 % of the fitted rows anomalies.
    """

    capabilities: ClassVar[Capabilities] = Capabilities()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.allow_nan = cls.capabilities.missing

    def fit(self, X: Any, y: Any = None, *, context: Context | None = None) -> Self:
        """Learn from the rows of `X`.

        Parameters
        ----------
        X : (n_rows, n_features)
            Finite numbers; NaN too where `capabilities.missing` says so.
        y : (n_rows,)
            Labels, 1 anomaly and 0 normal; ignored by a detector that does not learn from labels.
        context
            Time and entity of each row, for a detector that asks for them.
        """
        self._check_parameters()
        valid = self._door(X, learning=True)
        if len(valid) < 2:
            raise DataError(
                f"Found array with {len(valid)} sample(s) while a minimum of 2 is required",
                mend="give at least 2 rows; a single 1 sample has nothing to be compared with",
            )
        self._fit(valid, y, context)
        return self

    def anomaly_score(self, X: Any, *, context: Context | None = None) -> Vector:
        """Score of each row, (n_rows,); a row's score does not depend on the rows beside it."""
        self._check_fitted()
        return self.score_rows(self._door(X), context)

    def contributions(self, X: Any) -> Matrix:
        """How much each feature adds to the score of each row, (n_rows, n_features).

        Raises
        ------
        ParameterError
            This detector gives no reasons; see `capabilities.reasons`.
        """
        self._check_fitted()
        return self.contribute_rows(self._door(X))

    def score_rows(self, X: Matrix, context: Context | None = None) -> Vector:
        """`anomaly_score` for a matrix known to be valid."""
        return self._score_in(X, context) if self.capabilities.context else self._score(X)

    def contribute_rows(self, X: Matrix) -> Matrix:
        """`contributions` for a matrix known to be valid."""
        if not self.capabilities.reasons:
            raise ParameterError(
                f"{type(self).__name__} gives no contributions",
                mend="ask a detector whose capabilities.reasons is True",
            )
        return self._contributions(X)

    # scikit-learn's polarity, derived here and nowhere else -----------------------------------------

    def score_samples(self, X: Any) -> Vector:
        """scikit-learn's score: the negated `anomaly_score`."""
        return -self.anomaly_score(X)

    def decision_function(self, X: Any) -> Vector:
        """scikit-learn's decision function: negative for anomalies."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """−1 for the rows beyond the worst 1 % of the fitted ones, +1 for the others."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def fit_predict(self, X: Any, y: Any = None) -> npt.NDArray[np.int64]:
        """Fit, then predict the same rows."""
        return self.fit(X, y).predict(X)

    def _set_offset(self, X: Matrix, context: Context | None = None) -> None:
        self.offset_ = -float(np.quantile(self.score_rows(X, context), 1 - PREDICT_RATE))

    # What a detector writes ---------------------------------------------------------------------------

    @abstractmethod
    def _fit(self, X: Matrix, y: Any, context: Context | None) -> None: ...

    def _score(self, X: Matrix) -> Vector:
        raise NotImplementedError

    def _score_in(self, X: Matrix, context: Context | None) -> Vector:
        raise NotImplementedError

    def _contributions(self, X: Matrix) -> Matrix:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class DetectorSummary(Generic[S]):
    """A detector's own summary, where it has one, and a uniform Sample of the rows."""

    own: S | None
    sample: Sample

    def merge(self, other: DetectorSummary[S]) -> DetectorSummary[S]:
        """The summary of both sets of rows."""
        own = self.own.merge(other.own) if self.own is not None and other.own is not None else None
        return DetectorSummary(own, self.sample.merge(other.sample))


class MergeDetector(Detector, Generic[S]):
    """A detector whose `fit` is solve(merge of the chunks' summaries).

    A subclass writes `_solve` and `_score`; `_summarize` too where a summary of all rows beats a Sample.
    """

    def summarize(self, X: Any, *, first_row: int = 0) -> DetectorSummary[S]:
        """Summarize a chunk whose first row stands at position `first_row` of the whole."""
        self._check_parameters()
        valid = self._door(X, learning=True)
        return self.summarize_rows(valid, np.arange(first_row, first_row + len(valid)))

    def summarize_rows(self, X: Matrix, positions: npt.NDArray[np.int64] | None = None) -> DetectorSummary[S]:
        """`summarize` for a matrix known to be valid, whose rows stand at `positions` of the whole."""
        sample = Sample.of(X, capacity=self._capacity(), seed=self._seed(), positions=positions)
        return DetectorSummary(self._summarize(X), sample)

    def fit_summary(self, summary: DetectorSummary[S]) -> Self:
        """Learn from a summary, merged from any number of chunks."""
        self._check_parameters()
        self.n_features_in_ = summary.sample.kept.shape[1]
        self._solve(summary.own, summary.sample)
        self._set_offset(summary.sample.head(_OFFSET_ROWS))
        return self

    def _fit(self, X: Matrix, y: Any, context: Context | None) -> None:
        self.fit_summary(self.summarize_rows(X))

    def _capacity(self) -> int | None:
        size: int | None = getattr(self, "sample_size", _OFFSET_ROWS)
        return size

    def _seed(self) -> int:
        return int(getattr(self, "random_state", 0))

    def _summarize(self, X: Matrix) -> S | None:
        return None

    @abstractmethod
    def _solve(self, summary: S | None, sample: Sample) -> None: ...


class SequentialDetector(Detector):
    """A detector for which the order of rows matters; it scales out by entity.

    Its state lies in arrays with one row an entity, so that 100,000 devices cost 100,000 array rows and no objects.
    A subclass writes `_grow`, `_update` and `_score_in`.
    """

    def partial_fit(self, X: Any, y: Any = None, *, context: Context | None = None) -> Self:
        """Learn from further rows, in their order."""
        first = not self.__sklearn_is_fitted__()
        self._check_parameters()
        valid = self._door(X, learning=first)
        self._advance(valid, context, first)
        return self

    def score_partial_fit(self, X: Any, *, context: Context | None = None) -> Vector:
        """Score each row before it is learnt, then learn it, in one pass over the rows."""
        valid = self._door(X)
        scores = np.empty(len(valid))
        for i in range(len(valid)):
            row = slice(i, i + 1)
            here = _rows(context, row)
            scores[i] = self._score_in(valid[row], here)[0]
            self._advance(valid[row], here, False)
        return scores

    def _fit(self, X: Matrix, y: Any, context: Context | None) -> None:
        self._advance(X, context, True)

    def _advance(self, X: Matrix, context: Context | None, first: bool) -> None:
        entity = _entities(context, len(X))
        if first:
            self.n_entities_ = 0
        needed = int(entity.max()) + 1 if len(entity) else 0
        if needed > self.n_entities_:
            self._grow(needed)
            self.n_entities_ = needed
        self._update(X, entity, context)
        if first:
            self._set_offset(X[-_OFFSET_ROWS:], _rows(context, slice(-_OFFSET_ROWS, None)))

    @abstractmethod
    def _grow(self, n_entities: int) -> None:
        """Make room for entities 0 … n_entities − 1, keeping what earlier ones have learnt."""

    @abstractmethod
    def _update(self, X: Matrix, entity: npt.NDArray[np.int64], context: Context | None) -> None: ...


class SeriesDetector(Detector):
    """Ranks the rows of one series, which stand in the order of time, at equal steps.

    A row's score depends on the rows around it: those before it alone where `is_causal`. A subclass writes `_learn` and
    `_score`, and says in `finds` what kinds of anomaly it is made for.
    """

    finds: ClassVar[tuple[str, ...]] = ()

    @property
    def is_causal(self) -> bool:
        """Whether no score depends on rows that come later, so that a live stream gets the same."""
        return self.capabilities.causal or bool(getattr(self, "causal", False))

    def fit_score(self, X: Any) -> Vector:
        """Fit, and the scores of the rows learnt, (n_rows,): `fit` and `anomaly_score` at half the cost."""
        self._check_parameters()
        return self._learn_score(self._door(X, learning=True))

    def contribute_scored(self, X: Matrix, scores: Vector) -> Matrix:
        """`contribute_rows` where the scores of the rows are known already, (n_rows, n_features)."""
        return self.contribute_rows(X)

    def _fit(self, X: Matrix, y: Any, context: Context | None) -> None:
        self._learn_score(X)

    def _learn_score(self, X: Matrix) -> Vector:
        known = self._learn(X)
        scores = self._score(X) if known is None else known
        self.offset_ = -float(np.quantile(scores, 1 - PREDICT_RATE))
        return scores

    @abstractmethod
    def _learn(self, X: Matrix) -> Vector | None:
        """Learn; gives the scores of the rows learnt where they are a by-product."""


class SequentialSeriesDetector(SeriesDetector):
    """A series detector that learns as it goes: each row is scored by those before it alone, and is then known.

    `fit` begins with the first row, and `fit_score` gives the scores that the rows had when they came. `partial_fit`
    and `score_partial_fit` go on, in parts of any size. `anomaly_score` says what rows would get that followed, and
    learns nothing. A subclass writes `_begin` and `_advance`, says in `_copied` how one is made that goes its own way,
    and may learn in `_settle` from all that a fit was given.
    """

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Learn from further rows, in their order."""
        if not self.__sklearn_is_fitted__():
            return self.fit(X)
        self.score_partial_fit(X)
        return self

    def score_partial_fit(self, X: Any) -> Vector:
        """Score each further row before it is learnt, then learn it: (n_rows,)."""
        self._check_fitted()
        return self._advance(self._door(X), learning=True)

    def _learn_score(self, X: Matrix) -> Vector:
        self._begin(X.shape[1])
        scores = self._advance(X, learning=True)
        self._settle()
        self.offset_ = -float(np.quantile(scores, 1 - PREDICT_RATE))
        return scores

    def _learn(self, X: Matrix) -> None:
        self._learn_score(X)

    def _score(self, X: Matrix) -> Vector:
        return self._copied()._advance(X, learning=False)

    @abstractmethod
    def _begin(self, n_features: int) -> None: ...

    @abstractmethod
    def _advance(self, X: Matrix, *, learning: bool) -> Vector: ...

    def _settle(self) -> None:
        """Learn from all rows of a fit, once they are there."""

    @abstractmethod
    def _copied(self) -> Self: ...


def _entities(context: Context | None, n_rows: int) -> npt.NDArray[np.int64]:
    if context is None or context.entity is None:
        return np.zeros(n_rows, dtype=np.int64)
    return context.entity


def _rows(context: Context | None, rows: slice) -> Context | None:
    if context is None:
        return None
    time = None if context.time is None else context.time[rows]
    entity = None if context.entity is None else context.entity[rows]
    return Context(time, entity)
