"""Labelled rows on the bench: split, prepared once for all detectors, and each detector tried on all splits."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Matrix, MergeDetector, Vector
from amiss.core.errors import DataError, ParameterError
from amiss.core.frame import Frame
from amiss.core.label_detector import LabelDetector
from amiss.core.source import Source
from amiss.evaluate.decisions import RowJudgement, judge_rows
from amiss.evaluate.leakage import find_leaks
from amiss.evaluate.leaks import Leak
from amiss.evaluate.measures import cut_for_rate
from amiss.evaluate.splits import Folds, Split, forward_folds, official_split, stratified_folds
from amiss.pipeline.labelled import fitted_on
from amiss.pipeline.recipe import Recipe
from amiss.prepare.labels import Labels, read_label_column
from amiss.prepare.preparation import Preparation
from amiss.prepare.roles import infer_schema
from amiss.summaries.table import TableSummary

__all__ = ["Bench", "Candidate", "Told"]

_CALIBRATION_FOLDS = 5
_SAMPLE_ROWS = 10_000
_USUAL = (0.5, 0.95)

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One detector on all splits.

    Attributes
    ----------
    name
        Of the detector.
    learns_from
        "labels", or "normal rows".
    judged
        Its scores and decisions on all test rows together; None where it failed or there was no time.
    fit_seconds, score_seconds
        CPU time of one fit, and of scoring 1,000 rows; means over the splits.
    failure
        Why it is not judged; empty where it is.
    """

    name: str
    learns_from: str
    judged: RowJudgement | None
    fit_seconds: float = float("nan")
    score_seconds: float = float("nan")
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A candidate, and what it says of the test rows of all splits, in their order."""

    candidate: Candidate
    flags: npt.NDArray[np.bool_]
    scores: Vector


@dataclass(frozen=True, slots=True)
class _Part:
    """One split, prepared: rows learnt from, rows for the cut, rows judged."""

    X: Matrix
    y: Rows
    X_normal: Matrix
    X_test: Matrix


@dataclass(frozen=True, slots=True)
class Bench:
    """Labelled rows, their splits, and what was prepared of them, by whether missing values are filled."""

    frame: Frame
    recipe: Recipe
    labels: Labels
    folds: Folds
    inner: tuple[Split, ...]
    rate: float
    findings: tuple[Leak, ...]
    prepared: dict[bool, list[_Part]]

    @classmethod
    def of(cls, source: Source, test: Source | None, recipe: Recipe, n_folds: int, rate: float) -> Bench:
        """Read, split and look at labelled rows."""
        recipe = recipe.for_labels().checked()
        assert recipe.label is not None
        frame, n_train = _all_rows(source, test)
        if recipe.label not in frame.names:
            raise DataError(f"there is no column {recipe.label!r}", mend=f"columns: {', '.join(frame.names)}")
        labels = read_label_column(frame.table[recipe.label].to_list(), recipe.label, recipe.normal)
        known = labels.y >= 0
        if test is not None:
            n_train = int(known[:n_train].sum())
        frame = Frame(frame.rows(known).table)
        labels = replace(labels, y=labels.y[known])
        summary = TableSummary.of(frame, capacity=_SAMPLE_ROWS)
        schema = infer_schema(summary, recipe.wishes())
        whole = Preparation.of(schema, summary).transform(frame)
        folds = _split(frame, labels, whole, schema, n_train if test is not None else None, n_folds, recipe.seed)
        inner = tuple(_held_out(split, labels, whole, folds.kind, recipe.seed) for split in folds)
        rows, y = Frame(frame.table.drop(recipe.label)), (labels.y > 0).astype(np.int64)
        split = n_train if test is not None else len(y)
        findings = find_leaks(
            Frame(rows.table[:split]), y[:split], seed=recipe.seed,
            test=Frame(rows.table[split:]) if test is not None else None,
            test_labels=y[split:] if test is not None else None,
        )  # fmt: skip
        return cls(frame, recipe, labels, folds, inner, rate, findings, {})

    @property
    def truth(self) -> npt.NDArray[np.bool_]:
        """Which test rows are anomalies, split by split."""
        return np.concatenate([self.labels.y[split.test] for split in self.folds]) > 0

    def parts(self, fill: bool) -> list[_Part]:
        """The splits prepared, each by its rows learnt from alone; made once for all detectors."""
        if fill not in self.prepared:
            self.prepared[fill] = [self._part(*both, fill) for both in zip(self.folds, self.inner, strict=True)]
        return self.prepared[fill]

    def _part(self, split: Split, inner: Split, fill: bool) -> _Part:
        learnt = self.frame.rows(inner.train)
        summary = TableSummary.of(Frame(learnt.table), capacity=_SAMPLE_ROWS)
        preparation = Preparation.of(infer_schema(summary, self.recipe.wishes()), summary, fill_missing=fill)
        normal = inner.test[self.labels.y[inner.test] == 0]
        X, X_normal, X_test = (
            preparation.transform(Frame(self.frame.rows(rows).table)) for rows in (inner.train, normal, split.test)
        )
        return _Part(X, self.labels.y[inner.train], X_normal, X_test)

    def tried(self, name: str) -> Told:
        """One detector on all splits."""
        recipe = self.recipe.for_labels(name)
        detector = recipe.make_detector()
        if not isinstance(detector, LabelDetector | MergeDetector):
            raise ParameterError(f"{name} is for series", mend="name another detector")
        flags, scores, fits, costs = [], [], [], []
        for part in self.parts(not detector.capabilities.missing):
            start = time.process_time()
            fitted = fitted_on(recipe.make_detector(), part.X, part.y)
            middle = time.process_time()
            said = fitted.score_rows(np.ascontiguousarray(part.X_test))
            costs.append((time.process_time() - middle) / max(len(part.X_test), 1) * 1000)
            fits.append(middle - start)
            usual = fitted.score_rows(np.ascontiguousarray(part.X_normal))
            flags.append(said > cut_for_rate(usual, self.rate))
            scores.append(_on_scale(said, usual))
        flagged, scored = np.concatenate(flags), np.concatenate(scores)
        learns = "labels" if isinstance(detector, LabelDetector) else "normal rows"
        judged = judge_rows(self.truth, scored, flags=flagged, seed=self.recipe.seed, **self._kinds())
        return Told(Candidate(name, learns, judged, float(np.mean(fits)), float(np.mean(costs))), flagged, scored)

    def _kinds(self) -> dict[str, Any]:
        if len(self.labels.kinds) < 2:
            return {}
        names = np.array(["", *self.labels.kinds])
        kinds = np.concatenate([names[self.labels.y[split.test]] for split in self.folds])
        known = {str(names[k]) for split in self.folds for k in np.unique(self.labels.y[split.train]) if k > 0}
        return {"kinds": kinds.tolist(), "known_kinds": known}


def _all_rows(source: Source, test: Source | None) -> tuple[Frame, int]:
    frames = list(source.batches())
    n_train = sum(frame.n_rows for frame in frames)
    return Frame.stacked([*frames, *(test.batches() if test is not None else ())]), n_train


def _split(frame: Frame, labels: Labels, X: Matrix, schema: Any, n_train: int | None, n_folds: int, seed: int) -> Folds:
    truth = labels.y > 0
    if n_train is not None:
        return official_split(truth[:n_train], truth[n_train:], X_train=X[:n_train], X_test=X[n_train:])
    column = next((column for column in schema.columns if column.role == "time"), None)
    if column is not None:
        seconds = frame.times(column.name, column.reading)
        if not np.isnan(seconds).any():
            return forward_folds(truth, seconds, n_folds=n_folds)
    return stratified_folds(truth, n_folds=n_folds, X=X, kinds=labels.y, seed=seed)


def _held_out(split: Split, labels: Labels, X: Matrix, kind: str, seed: int) -> Split:
    """Training rows parted into those learnt from and, a fifth, those for the cut: the latest ones in time."""
    train = split.train
    if kind == "forward":
        cut = len(train) * (_CALIBRATION_FOLDS - 1) // _CALIBRATION_FOLDS
        return Split(train[:cut], train[cut:])
    parts = next(iter(stratified_folds(labels.y[train] > 0, n_folds=_CALIBRATION_FOLDS, X=X[train], seed=seed)))
    return Split(train[parts.train], train[parts.test])


def _on_scale(scores: Vector, usual: Vector) -> Vector:
    """Scores of one split on a scale that all share: that of the normal rows held out."""
    middle, high = np.quantile(usual, _USUAL)
    scaled: Vector = (scores - middle) / (float(high - middle) or 1.0)
    return scaled
