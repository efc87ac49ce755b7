"""Labelled rows on the bench: split, and prepared once for all detectors, each split by its own rows alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError
from amiss.core.frame import Frame
from amiss.core.schema import Schema
from amiss.core.source import Source
from amiss.core.summary import Matrix, Vector
from amiss.evaluate.courses import as_course, series_figures, stretches
from amiss.evaluate.decisions import RowJudgement, judge_rows
from amiss.evaluate.leakage import find_leaks
from amiss.evaluate.leaks import Leak
from amiss.evaluate.splits import Folds, Split, forward_folds, official_split, stratified_folds
from amiss.evaluate.trial import Part
from amiss.pipeline.recipe import Recipe
from amiss.prepare.labels import Labels, read_label_column
from amiss.prepare.narrow import chosen_features, narrowed
from amiss.prepare.preparation import Preparation
from amiss.prepare.roles import infer_schema
from amiss.summaries.table import TableSummary

__all__ = ["Bench", "whole_part"]

_CALIBRATION_FOLDS = 5
_SAMPLE_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Bench:
    """Labelled rows, their splits, and what was prepared of them, by whether missing values are filled.

    Attributes
    ----------
    frame
        All rows with a label, those of a test set last.
    recipe
        What holds for all detectors.
    labels, folds
        Of these rows.
    inner
        Of each split, the training rows parted into those learnt from and those held out for the cut.
    findings
        What has to be known before a figure is believed.
    prepared
        Splits, by their number and whether missing values are filled; made when they are first asked for.
    chosen
        Of each split, the columns that the recipe's selection chose.
    seconds : (n_rows,)
        Time of each row; None where there is none, or not for all.
    course
        The rows are one series.
    """

    frame: Frame
    recipe: Recipe
    labels: Labels
    folds: Folds
    inner: tuple[Split, ...]
    findings: tuple[Leak, ...]
    prepared: dict[tuple[int, bool], Part] = field(default_factory=dict)
    chosen: dict[int, tuple[str, ...]] = field(default_factory=dict)
    seconds: Vector | None = None
    course: bool = False

    @classmethod
    def of(cls, source: Source, test: Source | None, recipe: Recipe, n_folds: int, kind: str | None = None) -> Bench:
        """Read, split and look at labelled rows; `kind` says whether they are series, None asks as `detect` does."""
        recipe = recipe.for_labels().checked()
        frame, labels, n_train = _labelled_rows(source, test, recipe)
        summary = TableSummary.of(frame, capacity=_SAMPLE_ROWS)
        schema = infer_schema(summary, recipe.wishes())
        course = test is None and as_course(source, recipe, schema, kind)
        if test is None:
            frame, labels, seconds = _in_order(frame, labels, schema)
        else:
            seconds = _seconds(frame, schema)
        whole = Preparation.of(schema, summary).transform(frame)
        truth = labels.y > 0
        if test is not None:
            folds = official_split(truth[:n_train], truth[n_train:], X_train=whole[:n_train], X_test=whole[n_train:])
        elif course or seconds is not None:
            folds = forward_folds(truth, np.arange(len(truth)) if seconds is None else seconds, n_folds=n_folds)
        else:
            folds = stratified_folds(truth, n_folds=n_folds, X=whole, kinds=labels.y, seed=recipe.seed)
        inner = tuple(_held_out(split, labels, whole, folds.kind, recipe.seed) for split in folds)
        rows, y = Frame(frame.table.drop(str(recipe.label))), (labels.y > 0).astype(np.int64)
        split = n_train if test is not None else len(y)
        findings = find_leaks(
            Frame(rows.table[:split]), y[:split], seed=recipe.seed,
            test=Frame(rows.table[split:]) if test is not None else None,
            test_labels=y[split:] if test is not None else None,
        )  # fmt: skip
        return cls(frame, recipe, labels, folds, inner, findings, seconds=seconds, course=course)

    @property
    def y(self) -> npt.NDArray[np.int64]:
        """Label of each row judged, split by split: 0, or the kind of anomaly."""
        return np.concatenate([self.labels.y[split.test] for split in self.folds])

    @property
    def columns(self) -> list[str]:
        """Columns that could be ranked by, in any split."""
        summary = TableSummary.of(self.frame, capacity=_SAMPLE_ROWS)
        return infer_schema(summary, self.recipe.wishes()).named("number", "category")

    @property
    def content(self) -> bytes:
        """What tells these rows from others."""
        return self.frame.table.hash_rows(seed=0).to_numpy().tobytes()

    def part(self, k: int, fill: bool) -> Part:
        """Split `k` prepared by its rows learnt from alone; made once for all detectors."""
        if (k, fill) not in self.prepared:
            self.prepared[k, fill] = self._part(k, fill)
        return self.prepared[k, fill]

    def _part(self, k: int, fill: bool) -> Part:
        split, inner = self.folds.splits[k], self.inner[k]
        learnt, y = self.frame.rows(inner.train), self.labels.y[inner.train]
        summary = TableSummary.of(Frame(learnt.table), capacity=_SAMPLE_ROWS)
        schema = infer_schema(summary, self.recipe.wishes())
        preparation = Preparation.of(schema, summary, fill_missing=fill)
        if self.recipe.select is not None:
            if k not in self.chosen:
                X = preparation.transform(Frame(learnt.table))
                taken = chosen_features(X, y, self.recipe.select, self.recipe.seed)
                self.chosen[k] = tuple(preparation.features[j] for j in taken)
            preparation = Preparation.of(narrowed(schema, self.chosen[k]), summary, fill_missing=fill)
        X, X_held, X_test = (
            preparation.transform(Frame(self.frame.rows(rows).table)) for rows in (inner.train, inner.test, split.test)
        )
        return Part(X, y, X_held, self.labels.y[inner.test], X_test, self.folds.kind == "forward", self.course)

    def judged(
        self, scores: Vector, flags: npt.NDArray[np.bool_], cuts: Matrix, chances: Vector | None,
        own_chances: Vector | None,
    ) -> RowJudgement:  # fmt: skip
        """What is said of the rows judged, split by split, is worth; see `judge_rows` for the arguments."""
        truth = self.y > 0
        judged = judge_rows(
            truth, scores, flags=flags, cuts=cuts, chances=chances, own_chances=own_chances,
            groups=stretches(truth) if self.course else None, seed=self.recipe.seed, time=self._time(), **self._kinds(),
        )  # fmt: skip
        if not self.course:
            return judged
        return replace(judged, figures={**judged.figures, **series_figures(truth, scores, flags)})

    def _time(self) -> Vector | None:
        """Time of each row judged; None where none passes."""
        if self.seconds is None:
            return None
        judged = np.concatenate([self.seconds[split.test] for split in self.folds])
        return judged if judged.max() > judged.min() else None

    def _kinds(self) -> dict[str, Any]:
        if len(self.labels.kinds) < 2:
            return {}
        names = np.array(["", *self.labels.kinds])
        known = {str(names[k]) for split in self.folds for k in np.unique(self.labels.y[split.train]) if k > 0}
        return {"kinds": names[self.y].tolist(), "known_kinds": known}


def whole_part(source: Source, recipe: Recipe) -> Part:
    """All rows with a label, prepared to learn from: none is held out."""
    frame, labels, _ = _labelled_rows(source, None, recipe)
    summary = TableSummary.of(frame, capacity=_SAMPLE_ROWS)
    schema = infer_schema(summary, recipe.wishes())
    frame, labels, seconds = _in_order(frame, labels, schema)
    fill = not recipe.make_detector().capabilities.missing
    preparation = Preparation.of(schema, summary, fill_missing=fill)
    X = preparation.transform(Frame(frame.table))
    if recipe.select is not None:
        X = np.ascontiguousarray(X[:, chosen_features(X, labels.y, recipe.select, recipe.seed)])
    return Part(X, labels.y, X[:0], labels.y[:0], X[:0], forward=seconds is not None)


def _labelled_rows(source: Source, test: Source | None, recipe: Recipe) -> tuple[Frame, Labels, int]:
    """Rows with a label, what it says, and how many of them are no test rows."""
    assert recipe.label is not None
    frames = list(source.batches())
    n_train = sum(frame.n_rows for frame in frames)
    frame = Frame.stacked([*frames, *(test.batches() if test is not None else ())])
    if recipe.label not in frame.names:
        raise DataError(f"there is no column {recipe.label!r}", mend=f"columns: {', '.join(frame.names)}")
    labels = read_label_column(frame.table[recipe.label].to_list(), recipe.label, recipe.normal)
    known = labels.y >= 0
    if not (labels.y == 0).any():
        raise DataError(
            "no row is labelled normal: without any nobody can tell a false alarm",
            where=f"label {recipe.label!r}, {int((labels.y > 0).sum()):,} anomalies",
            mend="label normal rows too; amiss fit --label learns from anomalies alone where the others have no label",
        )
    return Frame(frame.rows(known).table), labels.known(), int(known[:n_train].sum())


def _in_order(frame: Frame, labels: Labels, schema: Schema) -> tuple[Frame, Labels, Vector | None]:
    """Rows in the order of time, and the time of each; as they are, and None, where not all have one."""
    seconds = _seconds(frame, schema)
    if seconds is None:
        return frame, labels, None
    order = np.argsort(seconds, kind="stable")
    return frame.rows(order), replace(labels, y=labels.y[order]), seconds[order]


def _seconds(frame: Frame, schema: Schema) -> Vector | None:
    """Time of each row; None where there is none, or not for all."""
    column = next((column for column in schema.columns if column.role == "time"), None)
    if column is None:
        return None
    seconds = frame.times(column.name, column.reading)
    return None if np.isnan(seconds).any() else seconds


def _held_out(split: Split, labels: Labels, X: Matrix, kind: str, seed: int) -> Split:
    """Training rows parted into those learnt from and, a fifth, those for the cut: the latest ones in time."""
    train = split.train
    if kind == "forward":
        cut = len(train) * (_CALIBRATION_FOLDS - 1) // _CALIBRATION_FOLDS
        normal = np.flatnonzero(labels.y[train] == 0)
        if len(normal) and (normal >= cut).sum() < len(normal) / (2 * _CALIBRATION_FOLDS):
            # An attack fills that time, and the threshold comes from normal rows: they take their fifth further back.
            cut = int(normal[len(normal) * (_CALIBRATION_FOLDS - 1) // _CALIBRATION_FOLDS])
        return Split(train[:cut], train[cut:])
    parts = next(iter(stratified_folds(labels.y[train] > 0, n_folds=_CALIBRATION_FOLDS, X=X[train], seed=seed)))
    return Split(train[parts.train], train[parts.test])
