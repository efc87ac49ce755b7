"""Learning in rounds over a source: what the columns are, then what the detector needs, then the calibration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.detector import DetectorSummary, MergeDetector
from amiss.core.errors import DataError, ParameterError
from amiss.core.frame import Frame
from amiss.core.random import priorities
from amiss.core.source import Progress, Source, first_pass
from amiss.core.summary import Vector
from amiss.explain.reasons import Reasons
from amiss.pipeline.recipe import Recipe
from amiss.prepare.preparation import Preparation
from amiss.prepare.roles import infer_schema
from amiss.summaries.table import TableSummary

__all__ = ["Learnt", "calibration_scores", "learn"]

FEWEST_ROWS = 10
N_FOLDS = 10
_SAMPLE_ROWS = 10_000
_SAMPLE_CELLS = 4_000_000
_CALIBRATION_ROWS = 100_000
_FOLD_SEED, _CALIBRATION_SEED = 0xF01D, 0xCA11
_ALL = 1 << 64


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the first rounds give.

    Attributes
    ----------
    table
        Summary of the raw columns.
    preparation, detector, reasons
        Fitted on all rows.
    folds
        The detector's summary of each fold, for cross-conformal calibration; one fold where none was asked for.
    """

    table: TableSummary
    preparation: Preparation
    detector: MergeDetector[Any]
    reasons: Reasons
    folds: list[DetectorSummary[Any]]


def learn(source: Source, recipe: Recipe, progress: Progress, *, n_folds: int) -> Learnt:
    """Fit everything but the threshold.

    Raises
    ------
    DataError
        There are too few rows, or no column to rank by.
    """
    detector = recipe.checked().make_detector()
    if not isinstance(detector, MergeDetector):
        raise ParameterError(f"detector {recipe.detector!r} cannot learn from a whole table", mend="choose another")
    table = first_pass(source, lambda batches: _read(source, batches, progress))
    if table.n_rows < FEWEST_ROWS:
        raise DataError(
            f"{table.n_rows} {'row is' if table.n_rows == 1 else 'rows are'} too few to tell what is usual",
            where=source.name,
            mend=f"give at least {FEWEST_ROWS} rows",
        )
    schema = infer_schema(table, recipe.wishes())
    preparation = Preparation.of(schema, table, fill_missing=not detector.capabilities.missing)
    folds = _summarize(source, preparation, detector, progress, n_folds)
    detector.fit_summary(reduce(DetectorSummary.merge, folds))
    reasons = Reasons(preparation).learn(table.sample)
    return Learnt(table, preparation, detector, reasons, folds)


def _read(source: Source, batches: Iterator[Frame], progress: Progress) -> TableSummary:
    table: TableSummary | None = None
    for frame in batches:
        capacity = min(_SAMPLE_ROWS, max(1000, _SAMPLE_CELLS // max(len(frame.names), 1)))
        part = TableSummary.of(frame, capacity=capacity)
        table = part if table is None else table.merge(part)
        progress("reading", source.share_read())
    if table is None or not table.columns:
        raise DataError("there are no rows", where=source.name, mend="give a table with a header and rows")
    return table


def _fold(positions: npt.NDArray[np.int64], n_folds: int) -> npt.NDArray[np.int64]:
    return (priorities(positions, _FOLD_SEED) % np.uint64(n_folds)).astype(np.int64)


def _summarize(
    source: Source, preparation: Preparation, detector: MergeDetector[Any], progress: Progress, n_folds: int
) -> list[DetectorSummary[Any]]:
    found: list[DetectorSummary[Any] | None] = [None] * n_folds
    for frame in source.batches():
        X = preparation.transform(frame)
        positions = np.arange(frame.first_row, frame.first_row + len(X))
        fold = _fold(positions, n_folds)
        for k in range(n_folds):
            rows = slice(None) if n_folds == 1 else fold == k
            if not len(positions[rows]):
                continue
            part = detector.summarize_rows(np.ascontiguousarray(X[rows]), positions[rows])
            before = found[k]
            found[k] = part if before is None else before.merge(part)
        progress("learning", source.share_read())
    return [summary for summary in found if summary is not None]


def calibration_scores(source: Source, recipe: Recipe, learnt: Learnt, progress: Progress, rate: float) -> Vector:
    """Scores of rows by detectors that have not seen them.

    Of all rows, or of a random part: about 100,000, and more where so low a `rate` needs them.
    """
    n_folds = len(learnt.folds)
    others = [_without(learnt, recipe, k) for k in range(n_folds)]
    wanted = max(_CALIBRATION_ROWS, int(50 / rate))
    limit = min(_ALL - 1, wanted * _ALL // learnt.table.n_rows)
    scores = []
    for frame in source.batches():
        positions = np.arange(frame.first_row, frame.first_row + frame.n_rows)
        chosen = priorities(positions, _CALIBRATION_SEED) <= np.uint64(limit)
        if not chosen.any():
            continue
        X = learnt.preparation.transform(frame)[chosen]
        fold = _fold(positions[chosen], n_folds)
        out = np.empty(len(X))
        for k in range(n_folds):
            if (fold == k).any():
                out[fold == k] = others[k].score_rows(np.ascontiguousarray(X[fold == k]))
        scores.append(out)
        progress("calibrating", source.share_read())
    return np.concatenate(scores)


def _without(learnt: Learnt, recipe: Recipe, k: int) -> MergeDetector[Any]:
    rest = [summary for other, summary in enumerate(learnt.folds) if other != k]
    detector: MergeDetector[Any] = recipe.make_detector()
    return detector.fit_summary(reduce(DetectorSummary.merge, rest))
