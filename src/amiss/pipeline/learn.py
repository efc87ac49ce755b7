"""Learning in rounds over a source: what the columns are, then what the detector needs, then the calibration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.detector import DetectorSummary, MergeDetector, SequentialDetector
from amiss.core.errors import DataError, ParameterError
from amiss.core.frame import Frame
from amiss.core.random import priorities
from amiss.core.schema import Schema
from amiss.core.source import Progress, Source, first_pass
from amiss.core.summary import Matrix, Vector
from amiss.explain.reasons import Reasons
from amiss.pipeline.limits import Limits, check_limits
from amiss.pipeline.recipe import Recipe
from amiss.prepare.narrow import chosen_features, narrowed
from amiss.prepare.preparation import Preparation
from amiss.prepare.roles import infer_schema
from amiss.summaries.table import TableSummary
from amiss.thresholds.effective import n_effective

__all__ = ["Calibration", "Learnt", "Looked", "calibrate", "learn", "look", "n_folds_for", "relearn"]

FEWEST_ROWS = 10
_FEWEST_FOLDS, _MOST_FOLDS, _FEW_ROWS = 10, 50, 1000
_SAMPLE_ROWS = 10_000
_SAMPLE_CELLS = 4_000_000
_CALIBRATION_ROWS = 100_000
_FOLD_SEED, _CALIBRATION_SEED = 0xF01D, 0xCA11
_ALL = 1 << 64


@dataclass(frozen=True, slots=True)
class Looked:
    """What a first look at all rows gives: a summary of the columns, and what each of them is."""

    table: TableSummary
    schema: Schema


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
        The detector's summary of each fold, for cross-conformal calibration; one fold where none was asked for. None
        for a fold that no row fell into.
    """

    table: TableSummary
    preparation: Preparation
    detector: MergeDetector[Any]
    reasons: Reasons
    folds: list[DetectorSummary[Any] | None]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Scores of rows by detectors that have not seen them.

    Attributes
    ----------
    scores : (n_rows,)
        In the order of the source.
    n_effective
        Number of independent rows that they are worth.
    others
        The detector without each fold.
    """

    scores: Vector
    n_effective: float
    others: list[MergeDetector[Any]]


def n_folds_for(n_rows: int) -> int:
    """Folds of the cross-fitting: 10, and up to 50 below 1,000 rows, where a tenth of them is missed."""
    return min(_MOST_FOLDS, max(_FEWEST_FOLDS, _FEWEST_FOLDS * _FEW_ROWS // max(n_rows, 1)))


def look(source: Source, recipe: Recipe, progress: Progress) -> Looked:
    """Read all rows once, to know what the columns are.

    Raises
    ------
    DataError
        There are too few rows.
    """
    table = first_pass(source, lambda batches: _read(source, batches, progress))
    if table.n_rows < FEWEST_ROWS:
        raise DataError(
            f"{table.n_rows} {'row is' if table.n_rows == 1 else 'rows are'} too few to tell what is usual",
            where=source.name,
            mend=f"give at least {FEWEST_ROWS} rows",
        )
    schema = infer_schema(table, recipe.wishes())
    check_limits(schema, recipe.limits)
    if recipe.select is not None and recipe.label is None:
        # With labels this is done by all labelled rows, and in each fold anew: see `learn_labelled`.
        preparation = Preparation.of(schema, table)
        taken = chosen_features(preparation.transform(table.sample), None, recipe.select, recipe.seed)
        schema = narrowed(schema, [preparation.features[j] for j in taken])
    return Looked(table, schema)


def learn(source: Source, recipe: Recipe, looked: Looked, progress: Progress, *, calibrated: bool) -> Learnt:
    """Fit everything but the threshold; in folds where it is to be calibrated on rows unseen.

    Raises
    ------
    DataError
        There is no column to rank by.
    """
    detector = recipe.make_detector()
    if detector.capabilities.labels:
        raise ParameterError(
            f"detector {recipe.detector!r} learns from labels", mend="fit it, and name their column: --label COLUMN"
        )
    if isinstance(detector, SequentialDetector):
        raise ParameterError(
            f"detector {recipe.detector!r} learns row after row, and a table has no order",
            mend="choose another detector; this one is for streams",
        )
    if not isinstance(detector, MergeDetector):
        raise ParameterError(
            f"detector {recipe.detector!r} is for series, and these rows are a table",
            mend="name the column with the time: --time COLUMN; or choose another detector",
        )
    preparation = Preparation.of(looked.schema, looked.table, fill_missing=not detector.capabilities.missing)
    n_folds = n_folds_for(looked.table.n_rows) if calibrated else 1
    folds = _summarize(source, preparation, detector, progress, n_folds)
    detector.fit_summary(_merged(folds))
    inside = ~Limits(recipe.limits, looked.schema).beyond(looked.table.sample)
    reasons = Reasons(preparation).learn(looked.table.sample, inside)
    return Learnt(looked.table, preparation, detector, reasons, folds)


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
) -> list[DetectorSummary[Any] | None]:
    found: list[DetectorSummary[Any] | None] = [None] * n_folds
    for frame in source.batches():
        X = preparation.transform(frame)
        positions = np.arange(frame.first_row, frame.first_row + len(X))
        _add(found, detector, X, positions, _fold(positions, n_folds))
        progress("learning", source.share_read())
    return found


def _merged(folds: list[DetectorSummary[Any] | None]) -> DetectorSummary[Any]:
    return reduce(DetectorSummary.merge, (summary for summary in folds if summary is not None))


def _add(
    found: list[DetectorSummary[Any] | None],
    detector: MergeDetector[Any],
    X: Matrix,
    positions: npt.NDArray[np.int64],
    fold: npt.NDArray[np.int64],
) -> None:
    """Merge some rows into the summaries of their folds."""
    for k in np.unique(fold).tolist():
        rows = slice(None) if len(found) == 1 else fold == k
        part = detector.summarize_rows(np.ascontiguousarray(X[rows]), positions[rows])
        before = found[k]
        found[k] = part if before is None else before.merge(part)


def calibrate(source: Source, recipe: Recipe, learnt: Learnt, progress: Progress, rate: float) -> Calibration:
    """Scores of rows by detectors that have not seen them, and how many independent rows they are worth.

    Of all rows, or of a random part: about 100,000, and more where so low a `rate` needs them.
    """
    n_folds = len(learnt.folds)
    others = [_without(learnt, recipe, k) for k in range(n_folds)]
    wanted = max(_CALIBRATION_ROWS, int(50 / rate))
    limit = min(_ALL - 1, wanted * _ALL // learnt.table.n_rows)
    preparation = learnt.preparation
    time = next((column for column in preparation.schema.columns if column.role == "time"), None)
    scores, times, entities = [], [], []
    for frame in source.batches():
        positions = np.arange(frame.first_row, frame.first_row + frame.n_rows)
        chosen = priorities(positions, _CALIBRATION_SEED) <= np.uint64(limit)
        if not chosen.any():
            continue
        X = preparation.transform(frame)[chosen]
        scores.append(_cross_scores(others, X, _fold(positions[chosen], n_folds)))
        if time is not None:
            times.append(frame.times(time.name, time.reading)[chosen])
            entities.append(preparation.entity_codes(frame)[chosen])
        progress("calibrating", source.share_read())
    whole = np.concatenate(scores)
    if time is None:
        return Calibration(whole, float(len(whole)), others)
    order = np.argsort(np.concatenate(times), kind="stable")
    return Calibration(whole, n_effective(whole[order], np.concatenate(entities)[order]), others)


def relearn(
    source: Source, recipe: Recipe, learnt: Learnt, calibration: Calibration, highest: float, progress: Progress
) -> Learnt | None:
    """Learn anew without the rows whose score, by a detector that has not seen them, is at or above `highest`.

    None if most of those rows are nothing special to the detector that has seen them: they were odd for being the
    outermost of their kind, not for being of another kind.
    """
    n_folds = len(learnt.folds)
    detector: MergeDetector[Any] = recipe.make_detector()
    found: list[DetectorSummary[Any] | None] = [None] * n_folds
    n_odd = n_confirmed = 0
    for frame in source.batches():
        X = learnt.preparation.transform(frame)
        positions = np.arange(frame.first_row, frame.first_row + len(X))
        fold = _fold(positions, n_folds)
        odd = _cross_scores(calibration.others, X, fold) >= highest
        if odd.any():
            n_odd += int(odd.sum())
            n_confirmed += int((learnt.detector.score_rows(np.ascontiguousarray(X[odd])) >= highest).sum())
        _add(found, detector, X[~odd], positions[~odd], fold[~odd])
        progress("learning again", source.share_read())
    if n_confirmed < 0.5 * n_odd:
        return None
    return replace(learnt, detector=detector.fit_summary(_merged(found)), folds=found)


def _cross_scores(others: list[MergeDetector[Any]], X: Matrix, fold: npt.NDArray[np.int64]) -> Vector:
    out = np.empty(len(X))
    for k in np.unique(fold).tolist():
        out[fold == k] = others[k].score_rows(np.ascontiguousarray(X[fold == k]))
    return out


def _without(learnt: Learnt, recipe: Recipe, k: int) -> MergeDetector[Any]:
    rest = [summary for other, summary in enumerate(learnt.folds) if other != k]
    detector: MergeDetector[Any] = recipe.make_detector()
    return detector.fit_summary(_merged(rest))
