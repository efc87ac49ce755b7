"""A new model from an old one and what people have said of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError, ParameterError
from amiss.core.label_detector import UNKNOWN
from amiss.core.source import Progress, Source, silent
from amiss.core.summary import Matrix, Vector
from amiss.feedback.labelled_rows import LabelledSource
from amiss.feedback.shadow import Comparison, compare
from amiss.pipeline.api import fit_source
from amiss.pipeline.labelled import fitted_on
from amiss.pipeline.model import Model
from amiss.pipeline.opening import open_source
from amiss.pipeline.recipe import DEFAULT, Recipe
from amiss.store.records import Verdict

__all__ = ["Challenger", "learn_challenger"]

_COLUMN = "verdict"
_FOLDS = 3
_WORDS: Mapping[str, str] = {"anomaly": "anomaly", "normal": "normal"}


@dataclass(frozen=True, slots=True)
class Challenger:
    """A model that has learnt from verdicts, beside the one that it may replace.

    Attributes
    ----------
    model
        An ordinary model, to be saved and loaded like any other.
    compared
        How well it ranks the rows with a verdict, each judged without its own, and how well the old model does; NaN
        where all verdicts are the same.
    n_anomalies, n_normal
        Rows with a verdict that were learnt from.
    reason
        What it has learnt and how it compares, in one sentence.
    """

    model: Model
    compared: Comparison
    n_anomalies: int
    n_normal: int
    reason: str


def learn_challenger(
    model: Model, rows: Any, verdicts: Mapping[int, Verdict], *, progress: Progress = silent
) -> Challenger:
    """Learn again from rows and the verdicts on some of them, with the model's own recipe: promise, roles and columns.

    A detector that does not learn from labels is replaced by one that does: where most rows have no verdict, the
    default corrected by the few (`partly_labelled`), elsewhere the hybrid of learners and novelties. Without an anomaly
    among the verdicts there is nothing to learn of them but which rows are fine: the rows are learnt from anew.

    Whether it should replace the old one, `Challenger.compared` and `adaptation.judge` say; this does not decide.

    Parameters
    ----------
    model
        The old model, of rows of a table.
    rows
        What to learn from: a path, a table, or a source.
    verdicts
        By position of the row, from 0; "not_now" and "unsure" are left out.
    progress
        Called with a stage and the share of it that is done.

    Raises
    ------
    ParameterError
        The model is for series or network traffic, whose rows are not judged one by one.
    DataError
        There is nothing to learn from: no verdict is "anomaly" or "normal", or too few rows are left.

    Examples
    --------
    >>> import amiss, numpy as np
    >>> from amiss.feedback import learn_challenger
    >>> random = np.random.default_rng(0)
    >>> X = random.normal(size=(600, 3))
    >>> X[:40, 0] += 4
    >>> X[40:80, 1] += 4
    >>> verdicts = {row: "anomaly" if row < 15 else "normal" for row in [*range(15), *range(40, 60)]}
    >>> made = learn_challenger(amiss.fit(X), X, verdicts)
    >>> made.compared.better
    True
    """
    if model.kind != "table":
        raise ParameterError(
            f"a model of {model.kind} does not learn from verdicts on rows", mend="give a model of rows of a table"
        )
    source = open_source(rows)
    said = {row: word for row, word in verdicts.items() if word in _WORDS}
    odd = np.array([word == "anomaly" for word in said.values()], np.bool_)
    if not said:
        raise DataError("no verdict says of a row that it is an anomaly or normal", mend="give some that do")
    column = _free_name(model)
    recipe = _recipe(model.recipe, column, has_anomalies=bool(odd.any()))
    made = fit_source(LabelledSource(source, column, said), recipe, progress=progress)
    compared = compare(np.zeros(len(odd)), np.zeros(len(odd)), np.zeros(len(odd), np.bool_))
    if odd.any() and not odd.all():
        compared = _compared(made, model, source, said, odd)
    return Challenger(made, compared, int(odd.sum()), int((~odd).sum()), _reason(made, compared, odd))


def _free_name(model: Model) -> str:
    name = _COLUMN
    while name in {column.name for column in model.schema.columns}:
        name += "_"
    return name


def _recipe(old: Recipe, column: str, *, has_anomalies: bool) -> Recipe:
    """The old recipe, with the verdicts as its label."""
    roles = {name: role for name, role in old.roles.items() if name != old.label}
    ignore = (*old.ignore, *((old.label,) if old.label is not None else ()))
    learns = old.make_detector().capabilities.labels
    detector, params = (old.detector, old.params) if learns else (DEFAULT, {})
    if not has_anomalies:
        ignore, label, normal = (*ignore, column), None, None
        detector, params = (DEFAULT, {}) if learns else (old.detector, old.params)
    else:
        label, normal = column, None
    return msgspec.structs.replace(
        old, detector=detector, params=dict(params), roles=roles, ignore=tuple(dict.fromkeys(ignore)), label=label,
        normal=normal, kind="table",
    )  # fmt: skip


def _compared(
    made: Model, old: Model, source: Source, said: Mapping[int, str], odd: npt.NDArray[np.bool_]
) -> Comparison:
    """How both rank the rows with a verdict; the new one as it would be without the verdict in question."""
    X, before = _gathered(made, old, source)
    rows = np.array(list(said), np.intp)
    inside = rows < len(X)
    rows, odd = rows[inside], odd[inside]
    y = np.full(len(X), UNKNOWN, np.int64)
    y[rows] = odd
    alone, fold = np.full(len(rows), np.nan), _folds(odd)
    for k in range(_FOLDS):
        held = fold == k
        rest = y.copy()
        rest[rows[held]] = UNKNOWN
        if held.any() and (rest > 0).any():
            known = rest != UNKNOWN if not made.detector.capabilities.unlabelled else np.ones(len(X), np.bool_)
            if (rest[known] <= 0).any():
                fitted = fitted_on(made.recipe.make_detector(), X[known], rest[known])
                alone[held] = fitted.score_rows(np.ascontiguousarray(X[rows[held]]))
    judged = ~np.isnan(alone)
    return compare(alone[judged], before[rows][judged], odd[judged])


def _gathered(made: Model, old: Model, source: Source) -> tuple[Matrix, Vector]:
    """All rows as the new model prepares them, and the scores of the old one."""
    parts, scores = [], []
    for frame in source.batches():
        parts.append(made.preparation.transform(frame))
        scores.append(old.score_frame(frame))
    return np.ascontiguousarray(np.concatenate(parts)), np.concatenate(scores)


def _folds(odd: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Part of each row: both kinds spread over all parts."""
    fold = np.empty(len(odd), np.intp)
    for kind in (True, False):
        of_kind = np.flatnonzero(odd == kind)
        fold[of_kind] = np.arange(len(of_kind)) % _FOLDS
    return fold


def _reason(made: Model, compared: Comparison, odd: npt.NDArray[np.bool_]) -> str:
    n_odd, n_normal = int(odd.sum()), int((~odd).sum())
    learnt = f"learnt from {made.facts.n_rows:,} rows and {len(odd)} verdicts ({n_odd} anomalies, {n_normal} normal)"
    if np.isnan(compared.first):
        return f"{learnt}; with verdicts of one kind it cannot be told whether that helps"
    return (
        f"{learnt}; each judged without its own verdict, {compared.first:.2f} of the pairs are in order, by the old "
        f"model {compared.second:.2f}"
    )
