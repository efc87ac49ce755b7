"""Whether a model that comes from a file is one: its parts fit, its numbers can be, its detector scores."""

from __future__ import annotations

import warnings

import numpy as np

from amiss.core.errors import AmissError, ModelFileError
from amiss.core.schema import ROLES
from amiss.pipeline.model import Model
from amiss.pipeline.ranker import Ranker
from amiss.pipeline.recipe import KINDS
from amiss.pipeline.series_model import SeriesModel

__all__ = ["check_sound"]

_MOST_DECIMALS = 17
_TRIED = (0.0, 1.0, -1.0, 3.0, -3.0, 30.0)
"""Robust standard deviations at which a loaded detector is tried, in all columns at once."""
_MOST_TRIED = 32


def check_sound(model: Model) -> None:
    """Try a model that was put together from a file: what does not fit fails here and not on the user's data.

    Raises
    ------
    ModelFileError
        Its parts do not fit together, hold numbers that no model has, or do not score.
    """
    _check_shapes(model)
    _check_numbers(model)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if isinstance(model, SeriesModel):
                _check_series(model)
            else:
                _check_scores(model)
    except (AmissError, MemoryError):
        raise
    except Exception as error:  # a spoilt detector can raise almost anything
        raise ModelFileError(f"the model file does not hold a sound model: it does not score: {error}") from error


def _check_shapes(model: Model) -> None:
    preparation, d = model.preparation, len(model.preparation.features)
    n_numbers, n_lines = len(preparation.numbers), len(preparation.entities) + 1
    fits = (
        (isinstance(model, SeriesModel) or model.detector.n_features_in_ == d)
        and preparation.location.shape == preparation.scale.shape == (n_lines, n_numbers)
        and len(preparation.kinds) == len(preparation.share) == len(preparation.categories)
        and all(len(s) == len(k) + 2 for s, k in zip(preparation.share, preparation.kinds, strict=True))
        and model.reasons.low.shape == model.reasons.high.shape == model.reasons.missing.shape == (d,)
        and model.reasons.location.shape == (d,)
        and model.reasons.precision.shape in ((d, d), (0, 0))
        and preparation.fill.shape == (n_numbers,)
        and model.kind in KINDS
        and all(column.role in ROLES for column in model.schema.columns)
    )
    if not fits:
        raise ModelFileError("the parts of the model file do not fit together")


def _check_numbers(model: Model) -> None:
    """Raise `ModelFileError` for a number that no model has: what is learnt is finite, and scales are above zero."""
    preparation, reasons = model.preparation, model.reasons
    learnt = [
        preparation.location, preparation.scale, preparation.fill, *preparation.share,
        reasons.low, reasons.high, reasons.missing, reasons.location, reasons.precision,
    ]  # fmt: skip
    sound = (
        all(np.isfinite(array).all() for array in learnt)
        and (preparation.scale > 0).all()
        and all((share > 0).all() for share in preparation.share)
        and (np.diag(reasons.precision) > 0).all()
        and ((reasons.missing >= 0) & (reasons.missing <= 1)).all()
        and ((reasons.kept.line >= 0) & (reasons.kept.line < len(preparation.location))).all()
        and all(0 <= c.missing <= 1 and 0 <= c.decimals <= _MOST_DECIMALS for c in model.schema.columns)
        and model.facts.n_rows > 0
    )
    if not sound:
        raise ModelFileError("the model file holds numbers that no model has")
    model.threshold.check()


def _check_series(model: SeriesModel) -> None:
    """Raise `ModelFileError` unless the detector of each series scores a short one."""
    X = np.outer(_TRIED, np.ones(len(model.preparation.features)))
    for ranker in model.rankers.values():
        seen = np.ascontiguousarray(X[:, : ranker.n_seen(X.shape[1])])
        fits = ranker.fits(len(model.preparation.numbers), X.shape[1])
        scores = ranker.detector.score_rows(seen) if fits else np.empty(0)
        scores = ranker.on_scale(scores) if isinstance(ranker, Ranker) else scores
        if scores.shape != (len(X),) or not np.isfinite(scores).all():
            raise ModelFileError("a detector of the model file does not score")


def _check_scores(model: Model) -> None:
    """Raise `ModelFileError` unless rows near and far, and those that the model keeps, have scores and reasons."""
    d, kept = len(model.preparation.features), model.reasons.kept.X[:_MOST_TRIED]
    X = np.vstack([np.outer(_TRIED, np.ones(d)), 3 * np.eye(min(d, _MOST_TRIED), d), kept])
    scores, terms = model.detector.score_rows(X), model.contributions(X[:3])
    fits = scores.shape == (len(X),) and terms.shape == (3, d)
    if not (fits and np.isfinite(scores).all() and np.isfinite(terms).all()):
        raise ModelFileError("the detector of the model file does not score")
    p_values = model.threshold.p_value(scores)
    if not ((p_values > 0) & (p_values <= 1)).all():
        raise ModelFileError("the threshold of the model file gives no p-values")
