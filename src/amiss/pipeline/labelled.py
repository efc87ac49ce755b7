"""Learning from labelled rows: a learner of both sorts, or a detector of what the normal ones are like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.core.detector import Detector, MergeDetector
from amiss.core.errors import DataError, ParameterError
from amiss.core.label_detector import LabelDetector
from amiss.core.random import priorities
from amiss.core.source import Progress, Source
from amiss.core.summary import Matrix, Vector
from amiss.explain.reasons import Reasons
from amiss.pipeline.learn import Looked
from amiss.pipeline.limits import Limits
from amiss.pipeline.recipe import LABEL_DEFAULT, Recipe
from amiss.prepare.labels import Labels, read_label_column
from amiss.prepare.narrow import chosen_features, narrowed
from amiss.prepare.preparation import Preparation

__all__ = ["LabelledLearnt", "fitted_on", "learn_labelled"]

_FOLDS = 5
_FOLD_SEED = 0xF01D
_FEWEST_ANOMALIES = 5


@dataclass(frozen=True, slots=True)
class LabelledLearnt:
    """What labelled rows give.

    Attributes
    ----------
    preparation, detector, reasons
        Fitted on all rows with a label.
    labels
        As they were read.
    held_out : (n_normal,)
        Scores of the normal rows by detectors that had not seen them, nor rows equal to them.
    recipe
        As it was followed: where no row is labelled normal, the default learns otherwise.
    """

    preparation: Preparation
    detector: Detector
    reasons: Reasons
    labels: Labels
    held_out: Vector
    recipe: Recipe


def learn_labelled(source: Source, recipe: Recipe, looked: Looked, progress: Progress) -> LabelledLearnt:
    """Fit on all rows with a label, held in memory, and score the normal ones by folds.

    Costs one fit, and five more for the calibration; 8 bytes for each prepared value.

    Raises
    ------
    DataError
        The labels cannot be learnt from.
    ParameterError
        The detector is for series.
    """
    detector = recipe.make_detector()
    if not isinstance(detector, LabelDetector | MergeDetector):
        raise ParameterError(
            f"detector {recipe.detector!r} is for series, and labels are learnt row by row",
            mend="choose another detector, or leave out the label",
        )
    preparation = Preparation.of(looked.schema, looked.table, fill_missing=not detector.capabilities.missing)
    X, labels = _gathered(source, recipe, preparation, progress)
    if labels.only_anomalies:
        labels = _with_others(labels)
        recipe = _by_positives(recipe)
        detector = recipe.make_detector()
    known = labels.y >= 0
    X, y = np.ascontiguousarray(X[known]), labels.y[known]
    _check_counts(y, recipe)
    taken = _chosen(recipe, X, y)
    if recipe.select is not None:
        # Prepared anew without the others: what is left out is not asked for when rows are scored.
        schema = narrowed(looked.schema, [preparation.features[j] for j in taken])
        preparation = Preparation.of(schema, looked.table, fill_missing=preparation.fill_missing)
    detector = fitted_on(detector, X[:, taken], y)
    held_out = _held_out(recipe, X, y, progress)
    inside = ~Limits(recipe.limits, looked.schema).beyond(looked.table.sample)
    normal = labels.y[looked.table.position] == 0
    reasons = Reasons(preparation).learn(looked.table.sample, inside & normal)
    return LabelledLearnt(preparation, detector, reasons, labels, held_out, recipe)


def _held_out(recipe: Recipe, X: Matrix, y: npt.NDArray[np.int64], progress: Progress) -> Vector:
    """Scores of the normal rows by detectors that had not seen them; columns are chosen without them too."""
    fold = _folds(X)
    parts = []
    for k in range(_FOLDS):
        held = (fold == k) & (y == 0)
        rest = fold != k
        # Equal rows are in one fold: it may hold all that there are of a sort.
        if held.any() and (y[rest] == 0).any() and (y[rest] > 0).any():
            own = _chosen(recipe, X[rest], y[rest])
            fitted = fitted_on(recipe.make_detector(), X[np.ix_(rest, own)], y[rest])
            parts.append(fitted.score_rows(np.ascontiguousarray(X[np.ix_(held, own)])))
        progress("calibrating", (k + 1) / _FOLDS)
    if not parts:
        raise DataError(
            "the rows are alike in all that can be ranked by: nothing can be told, and no cut be found",
            where=f"{len(X):,} rows, {X.shape[1]} columns",
            mend="give columns that differ between rows",
        )
    return np.concatenate(parts)


def _with_others(labels: Labels) -> Labels:
    """Rows of which nothing is known as normal ones, where no label says that any is."""
    n = int((labels.y < 0).sum())
    note = f"no row is labelled normal: the {n:,} rows without a label are taken for mostly normal"
    return replace(labels, y=np.maximum(labels.y, 0), notes=(*labels.notes, note))


def _by_positives(recipe: Recipe) -> Recipe:
    """The default, with a learner that expects anomalies among the rows without a label."""
    if recipe.detector != LABEL_DEFAULT or "learner" in recipe.params:
        return recipe
    return msgspec.structs.replace(recipe, params={**recipe.params, "learner": "positive_unlabelled"})


def _chosen(recipe: Recipe, X: Matrix, y: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Places of the features that are ranked by."""
    return np.arange(X.shape[1]) if recipe.select is None else chosen_features(X, y, recipe.select, recipe.seed)


def _gathered(source: Source, recipe: Recipe, preparation: Preparation, progress: Progress) -> tuple[Matrix, Labels]:
    assert recipe.label is not None
    parts: list[Matrix] = []
    values: list[Any] = []
    for frame in source.batches():
        parts.append(preparation.transform(frame))
        values += frame.table[recipe.label].to_list()
        progress("reading", source.share_read())
    return np.concatenate(parts), read_label_column(values, recipe.label, recipe.normal)


def _check_counts(y: npt.NDArray[np.int64], recipe: Recipe) -> None:
    n_normal, n_odd = int((y == 0).sum()), int((y > 0).sum())
    for n, what in ((n_normal, "normal"), (n_odd, "anomalous")):
        if n < _FEWEST_ANOMALIES:
            raise DataError(
                f"{n} {what} row{'' if n == 1 else 's'} are too few to learn from" if n != 1
                else f"1 {what} row is too few to learn from",
                where=f"label {recipe.label!r}",
                mend=f"give at least {_FEWEST_ANOMALIES} of each, or leave out the label",
            )  # fmt: skip


def fitted_on(detector: Any, X: Matrix, y: npt.NDArray[np.int64]) -> Detector:
    """A learner of labels on all rows; any other on the normal ones."""
    if isinstance(detector, LabelDetector):
        return detector.fit(np.ascontiguousarray(X), y)
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
