"""Model: the whole road from raw columns to a decision and its reason."""

from __future__ import annotations

import os
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.core.detector import Detector
from amiss.core.errors import ParameterError
from amiss.core.finding import Contribution, Explanation, FullExplanation
from amiss.core.frame import Frame
from amiss.core.label_detector import LabelDetector
from amiss.core.schema import Schema
from amiss.core.source import Progress, Source, first_pass, silent
from amiss.core.summary import Matrix, Vector
from amiss.core.threshold import Promise
from amiss.explain.counterfactual import Judge
from amiss.explain.full import explain_fully
from amiss.explain.permutation import permutation_terms
from amiss.explain.reasons import Reasons
from amiss.pipeline.limits import Limits
from amiss.pipeline.recipe import Recipe
from amiss.pipeline.remarks import Remarks
from amiss.pipeline.result import Result
from amiss.prepare.preparation import Preparation
from amiss.thresholds.chances import Chances
from amiss.thresholds.conformal import Conformal
from amiss.thresholds.notice_threshold import NoticeThreshold
from amiss.thresholds.peaks import PeakThreshold

__all__ = ["Facts", "Model", "Scored"]

_SMALL_BATCH = 20

_FEW_TRIES = 8


@dataclass(frozen=True, slots=True)
class Facts:
    """About the data that a model has learnt from.

    Attributes
    ----------
    name
        What they were called.
    n_rows
        Number of rows.
    span_seconds
        Time from the first to the last; None where there is no time.
    interval_seconds
        Usual time between two rows of one entity; None where there is no time.
    """

    name: str
    n_rows: int
    span_seconds: float | None = None
    interval_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """What scoring all batches gives.

    Attributes
    ----------
    scores : (n_rows,)
        Anomaly scores.
    beyond : (n_rows,)
        Whether a row is beyond a limit.
    notes
        What is to be said about the data, one sentence each.
    """

    scores: Vector
    beyond: npt.NDArray[np.bool_]
    notes: list[str]


class Model:
    """Schema, preparation, detector, threshold and reasons, fitted from a Recipe.

    Made by `amiss.fit` and `amiss.load`; scores batches of any size, and any row alike whatever stands beside it.

    Attributes
    ----------
    recipe
        How it was made.
    kind
        "table" or "series".
    schema
        What each column is.
    kinds
        Kinds of anomaly that the labels named; empty where it learnt from none.
    chances
        From a score to the probability of an anomaly, by labelled rows that were held out; None where it learnt from
        no labels, or from too few to tell. See `with_anomaly_share`.
    notes
        What was to be said of the labels or the rows as it learnt, one sentence each; not kept in a file.
    """

    def __init__(
        self,
        *,
        recipe: Recipe,
        kind: str,
        facts: Facts,
        preparation: Preparation,
        detector: Detector,
        reasons: Reasons,
        threshold: Conformal | PeakThreshold | NoticeThreshold,
        kinds: tuple[str, ...] = (),
        chances: Chances | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.recipe, self.kind, self.facts = recipe, kind, facts
        self.preparation, self.detector = preparation, detector
        self.reasons, self.threshold, self.kinds, self.chances = reasons, threshold, kinds, chances
        self.notes = notes
        self.limits = Limits(recipe.limits, preparation.schema)

    @property
    def schema(self) -> Schema:
        """What each column is."""
        return self.preparation.schema

    @property
    def promise(self) -> Promise:
        """What was asked and what the calibration rows reach."""
        return self.threshold.promise()

    def __repr__(self) -> str:
        p = self.promise
        return (
            f"Model({self.recipe.detector!r}, {len(self.preparation.features)} columns, "
            f"learnt from {self.facts.n_rows:,} rows, false alarms: {p.asked})"
        )

    def score_frame(self, frame: Frame) -> Vector:
        """Anomaly scores of some rows; the one call that every driver makes."""
        return self.detector.score_rows(self.preparation.transform(frame))

    def score(self, data: Any, *, progress: Progress = silent) -> Result:
        """Score rows that the model has not learnt from.

        Parameters
        ----------
        data
            A path, or a table of any kind that `amiss.detect` takes, with the columns that the model has learnt from.
        progress
            Called with a stage and the share of it that is done.

        Raises
        ------
        SchemaError
            A column that the model needs is not there.
        """
        from amiss.pipeline.opening import open_source

        return self.score_source(open_source(data), progress=progress, native=data)

    def score_source(self, source: Source, *, progress: Progress = silent, native: Any = None) -> Result:
        """`score` for a source that is open already."""
        scored = first_pass(source, lambda batches: self.score_batches(source, batches, progress))
        return self.judged(source, scored, native)

    def judged(self, source: Source, scored: Scored, native: Any = None) -> Result:
        """The decisions on all rows of a source together."""
        notes = list(scored.notes)
        wish = self.recipe.wish().of(self.facts.n_rows)
        if wish.is_cut(self.facts.n_rows, self.facts.span_seconds):
            notes.append(f"{wish.asked} would be more than every second row: at most 50% of the rows is promised")
        if self.threshold.of_alarms and len(scored.scores) < _SMALL_BATCH:
            notes.append(
                f"a share of false alarms among the alarms is kept over many rows judged together; these are "
                f"{len(scored.scores)}"
            )
        if self.chances is not None:
            notes.append(self.chances.sentence())
        return Result(
            model=self,
            source=source,
            scores=scored.scores,
            p_values=self.threshold.p_value(scored.scores),
            is_anomaly=self.threshold.is_anomaly(scored.scores) | scored.beyond,
            beyond=scored.beyond,
            native=native,
            notes=notes,
        )

    def score_batches(self, source: Source, batches: Iterable[Frame], progress: Progress) -> Scored:
        """Scores of all batches, the rows beyond a limit, and what is to be said about the data."""
        scores: list[Vector] = []
        beyond: list[npt.NDArray[np.bool_]] = []
        remarks = Remarks(self.schema, self.preparation.entities)
        for frame in batches:
            self.preparation.check(frame)
            remarks.take(frame, self.preparation.oddities(frame))
            scores.append(self.score_frame(frame))
            beyond.append(self.limits.beyond(frame))
            progress("scoring", source.share_read())
        return Scored(np.concatenate(scores), np.concatenate(beyond), remarks.sentences())

    def reasons_of(self, frame: Frame, prepared: Matrix | None = None) -> list[tuple[str, tuple[Contribution, ...]]]:
        """Sentence and ranked columns for each row of a frame; prepared as given where they were judged otherwise."""
        X: Matrix = self.preparation.transform(frame) if prepared is None else prepared
        found = self.reasons.of(frame, X, self.contributions(X))
        said = self.limits.sentences(frame)
        kinds = self.kinds_of(X)
        return [
            (limit or f"{kind}{sentence}", columns)
            for limit, kind, (sentence, columns) in zip(said, kinds, found, strict=True)
        ]

    def kinds_of(self, X: Matrix) -> list[str]:
        """The kind of anomaly that each prepared row is like, in words that stand before a reason; "" for one kind.

        A row that is likelier to be anything else is like none: it is odd, and no label has shown its like.
        """
        if len(self.kinds) < 2 or not isinstance(self.detector, LabelDetector):
            return [""] * len(X)
        odds = self.detector.kind_score_rows(np.ascontiguousarray(X))
        best = odds.argmax(axis=1)
        return [
            f"like {self.kinds[k]}: " if odds[row, k] > 0 else "like no kind learnt: "
            for row, k in enumerate(best.tolist())
        ]

    def contributions(self, X: Matrix) -> Matrix:
        """What speaks against prepared rows, by feature: as the detector tells, or else by replacing values."""
        if self.detector.capabilities.reasons:
            return self.detector.contribute_rows(X)
        return permutation_terms(self.detector.score_rows, X, self.reasons.kept.X, _FEW_TRIES)

    def explain_fully(self, frame: Frame, explanation: Explanation) -> FullExplanation:
        """All that can be told of the one row of a frame, beside its `explanation`."""
        limits = self.preparation.prepared_bounds(frame, self.recipe.limits)
        judge = Judge(self.detector.score_rows, self.threshold.is_anomaly, limits)
        return explain_fully(self.reasons, judge, frame, explanation, self.limits.broken(frame))

    def with_false_alarms(self, wish: str | float) -> Model:
        """The same model with another promise: most normal rows that may raise an alarm. Nothing is fitted anew.

        Raises
        ------
        PromiseError
            The calibration rows cannot support it.
        """
        return self._promising(false_alarms=wish, false_discoveries=None)

    def with_false_discoveries(self, wish: str | float) -> Model:
        """The same model with another promise: the share of the alarms that may be false. Nothing is fitted anew.

        Rows are then decided upon together with those that are scored in the same call.

        Raises
        ------
        PromiseError
            The model comes from `detect` and ranks its own rows.
        """
        return self._promising(false_alarms=None, false_discoveries=wish)

    def _promising(self, **wishes: Any) -> Model:
        recipe = msgspec.structs.replace(self.recipe, **wishes)
        assert isinstance(self.threshold, Conformal)
        wish = recipe.wish().of(self.facts.n_rows)
        return Model(
            recipe=recipe,
            kind=self.kind,
            facts=self.facts,
            preparation=self.preparation,
            detector=self.detector,
            reasons=self.reasons,
            threshold=self.threshold.at(wish.rate(self.facts.n_rows, self.facts.span_seconds), wish),
            kinds=self.kinds,
            chances=self.chances,
        )

    def with_anomaly_share(self, share: float) -> Model:
        """The same model with probabilities for rows of which another share is anomalous; decisions stay as they are.

        A probability depends on how frequent anomalies are, and labelled rows often hold more of them than are to come.

        Parameters
        ----------
        share
            Expected share of anomalies, in (0, 1).

        Raises
        ------
        ParameterError
            The model has no probabilities, or there is no such share.
        """
        if self.chances is None:
            raise ParameterError(
                "this model has no probabilities: it did not learn from enough labelled rows",
                mend="fit it with a label, see docs/labels.md",
            )
        if not 0 < share < 1:
            raise ParameterError(
                f"a share of anomalies of {share:g} is not between none and all", mend="give one in (0, 1)"
            )
        made = copy(self)
        made.chances = self.chances.at(share)
        return made

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file: a manifest and arrays, nothing that can run."""
        from amiss.pipeline.model_file import save

        save(self, path)

    def times(self, frame: Frame) -> npt.NDArray[np.float64] | None:
        """Seconds since 1970 of each row; None where the data have no time."""
        column = next((c for c in self.schema.columns if c.role == "time"), None)
        return None if column is None or column.name not in frame.names else frame.times(column.name, column.reading)

    def entities(self, frame: Frame) -> list[str | None] | None:
        """Entity of each row; None where the data have none."""
        name = self.schema.first("entity")
        return frame.words(name) if name is not None else None
