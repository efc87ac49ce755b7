"""Learning from labelled rows: a learner of both sorts, or a detector of what the normal ones are like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.core.detector import Detector, MergeDetector, SequentialDetector
from amiss.core.errors import DataError, ParameterError
from amiss.core.label_detector import UNKNOWN, LabelDetector
from amiss.core.random import priorities
from amiss.core.source import Progress, Source
from amiss.core.summary import Matrix, Vector
from amiss.explain.reasons import Reasons
from amiss.pipeline.learn import Looked
from amiss.pipeline.limits import Limits
from amiss.pipeline.recipe import FEW_LABELS_DEFAULT, LABEL_DEFAULT, Recipe
from amiss.prepare.labels import Labels, read_label_column
from amiss.prepare.narrow import chosen_features, narrowed
from amiss.prepare.preparation import Preparation
from amiss.thresholds.chances import Chances

__all__ = ["LabelledLearnt", "fitted_on", "learn_labelled"]

_FOLDS = 5
_FOLD_SEED = 0xF01D
_FEWEST = 5


@dataclass(frozen=True, slots=True)
class LabelledLearnt:
    """What labelled rows give.

    Attributes
    ----------
    preparation, detector, reasons
        Fitted on all rows learnt from.
    labels
        Of these, as they were read.
    held_out : (n_held_out,)
        Scores of the rows that are not known for anomalies, by detectors that had not seen them, nor rows equal to
        them.
    chances
        From a score to the probability of an anomaly, by such scores of the rows of both sorts; None where too few are
        labelled, or rows without a label were learnt from: then those with one are no fair sample.
    dirty
        Rows of which nothing is known are among those held out.
    recipe
        As it was followed: where most rows have no label, another default.
    """

    preparation: Preparation
    detector: Detector
    reasons: Reasons
    labels: Labels
    held_out: Vector
    chances: Chances | None
    dirty: bool
    recipe: Recipe


def learn_labelled(
    source: Source, recipe: Recipe, looked: Looked, progress: Progress, *, free: bool = False
) -> LabelledLearnt:
    """Fit on the labelled rows, and on the others where the detector learns from them too; score them by folds.

    All rows learnt from are held in memory. Costs one fit, and five more for the calibration; 8 bytes for each
    prepared value.

    Parameters
    ----------
    free
        Nobody has named a detector: where most rows have no label, one that learns from these too is taken.

    Raises
    ------
    DataError
        The labels cannot be learnt from.
    ParameterError
        The detector is for series or for streams.
    """
    _check_detector(recipe)
    shown = _shown(_labels(source, recipe, progress), recipe, free)
    recipe, kept = shown.recipe, shown.kept
    detector = recipe.make_detector()
    preparation = Preparation.of(looked.schema, looked.table, fill_missing=not detector.capabilities.missing)
    X, y = _gathered(source, preparation, kept, progress), shown.labels.y[kept]
    _check_counts(y, recipe)
    taken = _chosen(recipe, X, y)
    if recipe.select is not None:
        # Prepared anew without the others: what is left out is not asked for when rows are scored.
        schema = narrowed(looked.schema, [preparation.features[j] for j in taken])
        preparation = Preparation.of(schema, looked.table, fill_missing=preparation.fill_missing)
    detector = fitted_on(detector, X[:, taken], y)
    scores, truth = _held_out(recipe, X, y, progress)
    usual = kept & (shown.labels.y <= 0)
    inside = ~Limits(recipe.limits, looked.schema).beyond(looked.table.sample)
    reasons = Reasons(preparation).learn(looked.table.sample, inside & usual[looked.table.position])
    chances = None if shown.dirty else Chances.learnt(scores, truth > 0)
    return LabelledLearnt(
        preparation, detector, reasons, shown.labels, scores[truth <= 0], chances, shown.dirty, recipe
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Shown:
    """The rows that a detector is shown.

    Attributes
    ----------
    recipe
        With that detector.
    labels
        Of all rows: −1 where nothing is known.
    kept : (n_rows,)
        Which rows are learnt from.
    dirty
        Whether rows without a label are among these.
    """

    recipe: Recipe
    labels: Labels
    kept: npt.NDArray[np.bool_]
    dirty: bool


def _shown(labels: Labels, recipe: Recipe, free: bool) -> _Shown:
    """Which rows are learnt from, and by which detector where nobody has named one."""
    if free and labels.few:
        recipe = msgspec.structs.replace(recipe, detector=FEW_LABELS_DEFAULT)
    every = np.ones(len(labels.y), bool)
    if recipe.make_detector().capabilities.unlabelled and (labels.y == UNKNOWN).any():
        return _Shown(recipe, _with_others(labels), every, True)
    if labels.only_anomalies:
        # What cannot tell them from normal rows takes them for such.
        normal = replace(_with_others(labels), y=np.maximum(labels.y, 0))
        return _Shown(_by_positives(recipe), normal, every, True)
    return _Shown(recipe, replace(labels, notes=labels.known().notes), labels.y != UNKNOWN, False)


def _check_detector(recipe: Recipe) -> None:
    detector = recipe.make_detector()
    if isinstance(detector, SequentialDetector):
        raise ParameterError(
            f"detector {recipe.detector!r} learns row after row, and labels are learnt whatever the order",
            mend="choose another detector; this one is for streams",
        )
    if not isinstance(detector, LabelDetector | MergeDetector):
        raise ParameterError(
            f"detector {recipe.detector!r} is for series, and labels are learnt row by row",
            mend="choose another detector, or leave out the label",
        )


def _held_out(
    recipe: Recipe, X: Matrix, y: npt.NDArray[np.int64], progress: Progress
) -> tuple[Vector, npt.NDArray[np.int64]]:
    """Scores of the rows by detectors that had not seen them, and their labels; columns are chosen without them too."""
    fold = _folds(X)
    parts, labels = [], []
    for k in range(_FOLDS):
        held = fold == k
        rest = ~held
        # Equal rows are in one fold: it may hold all that there are of a sort.
        if held.any() and (y[rest] <= 0).any() and (y[rest] > 0).any():
            own = _chosen(recipe, X[rest], y[rest])
            fitted = fitted_on(recipe.make_detector(), X[np.ix_(rest, own)], y[rest])
            parts.append(fitted.score_rows(np.ascontiguousarray(X[np.ix_(held, own)])))
            labels.append(y[held])
        progress("calibrating", (k + 1) / _FOLDS)
    if not any((said <= 0).any() for said in labels):
        raise DataError(
            "the rows are alike in all that can be ranked by: nothing can be told, and no cut be found",
            where=f"{len(X):,} rows, {X.shape[1]} columns",
            mend="give columns that differ between rows",
        )
    return np.concatenate(parts), np.concatenate(labels)


def _with_others(labels: Labels) -> Labels:
    """With a note on rows of which nothing is known, where these are learnt from."""
    n = int((labels.y == UNKNOWN).sum())
    none = "no row is labelled normal: " if labels.only_anomalies else ""
    row = "row without a label is" if n == 1 else "rows without a label are"
    return replace(labels, notes=(*labels.notes, f"{none}the {n:,} {row} taken for mostly normal"))


def _by_positives(recipe: Recipe) -> Recipe:
    """The hybrid with a learner that expects anomalies among the rows without a label."""
    if recipe.detector != LABEL_DEFAULT or "learner" in recipe.params:
        return recipe
    return msgspec.structs.replace(recipe, params={**recipe.params, "learner": "positive_unlabelled"})


def _chosen(recipe: Recipe, X: Matrix, y: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Places of the features that are ranked by; labels choose them, where there are some of both sorts."""
    if recipe.select is None:
        return np.arange(X.shape[1])
    known = y >= 0 if (y == 0).any() else np.ones(len(y), bool)
    return chosen_features(X[known], np.maximum(y[known], 0), recipe.select, recipe.seed)


def _labels(source: Source, recipe: Recipe, progress: Progress) -> Labels:
    assert recipe.label is not None
    values: list[Any] = []
    for frame in source.batches():
        values += frame.table[recipe.label].to_list()
        progress("reading labels", source.share_read())
    return read_label_column(values, recipe.label, recipe.normal)


def _gathered(source: Source, preparation: Preparation, kept: npt.NDArray[np.bool_], progress: Progress) -> Matrix:
    """The rows that are kept, prepared."""
    parts = []
    for frame in source.batches():
        parts.append(preparation.transform(frame)[kept[frame.first_row : frame.first_row + frame.n_rows]])
        progress("reading", source.share_read())
    return np.ascontiguousarray(np.concatenate(parts))


def _check_counts(y: npt.NDArray[np.int64], recipe: Recipe) -> None:
    n_normal, n_odd = int((y <= 0).sum()), int((y > 0).sum())
    # Beside rows without a label, a single anomaly teaches something.
    fewest_odd = 1 if (y == UNKNOWN).any() else _FEWEST
    for n, fewest, what in ((n_normal, _FEWEST, "normal"), (n_odd, fewest_odd, "anomalous")):
        if n < fewest:
            raise DataError(
                f"{n} {what} row{'' if n == 1 else 's'} are too few to learn from" if n != 1
                else f"1 {what} row is too few to learn from",
                where=f"label {recipe.label!r}",
                mend=f"give at least {_FEWEST} of each, or leave out the label",
            )  # fmt: skip


def fitted_on(detector: Any, X: Matrix, y: npt.NDArray[np.int64]) -> Detector:
    """A learner of labels on all rows, those of which nothing is known being −1; any other on the normal ones."""
    if isinstance(detector, LabelDetector):
        return detector.fit(np.ascontiguousarray(X), np.where(y == UNKNOWN, np.nan, y))
    normal = np.ascontiguousarray(X[y == 0])
    made: Detector = detector.fit_summary(detector.summarize_rows(normal))
    return made


def _folds(X: Matrix) -> npt.NDArray[np.int64]:
    """Fold of each row, equal rows in the same: a copy among the rows learnt would know it."""
    bits = np.ascontiguousarray(X + 0.0).view(np.int64)
    mixed = np.zeros(len(X), np.int64)
    for j in range(X.shape[1]):
        mixed = priorities(mixed ^ bits[:, j], _FOLD_SEED + j).view(np.int64)
    return (mixed.view(np.uint64) % np.uint64(_FOLDS)).astype(np.int64)
