"""Labelled rows that follow one another: whether they do, and what detectors find of their events."""

from __future__ import annotations

from types import MappingProxyType

import msgspec
import numpy as np

from amiss.core.errors import ParameterError
from amiss.core.schema import Schema
from amiss.core.source import Source, silent
from amiss.core.summary import Vector
from amiss.evaluate.draws import Figure
from amiss.evaluate.events import at_operating_point
from amiss.evaluate.probabilities import share_figure
from amiss.evaluate.truth import Flags, Rows, runs
from amiss.evaluate.vus import volume
from amiss.pipeline.learn import look
from amiss.pipeline.recipe import DEFAULT, KINDS, Recipe
from amiss.pipeline.recognised import read_as_series

__all__ = ["SERIES_DETECTORS", "SERIES_FIGURES", "as_course", "series_figures", "stretches"]

SERIES_DETECTORS = (
    "series_ensemble", "causal_ensemble", "windowed_pca", "matrix_profile", "moving_median", "ewma",
    "spectral_residual",
)  # fmt: skip
"""Those for series that are tried unasked: unlike ones, with hindsight and without."""
SERIES_FIGURES = MappingProxyType(
    {"vus_pr": "VUS-PR", "events_found": "events found", "false_bursts": "false bursts in 1,000 rows"}
)
"""What is told of events beside the figures of rows: names and titles."""
_STRETCHES = 100
_WINDOW = 100


def as_course(source: Source, recipe: Recipe, schema: Schema, kind: str | None) -> bool:
    """Whether the rows are one series: recognised as `detect` does it, or by its `kind`.

    Raises
    ------
    ParameterError
        There is no such kind.
    """
    if kind is not None and kind not in KINDS:
        raise ParameterError(f"there is no kind {kind!r}", mend=f"give one of: {', '.join(KINDS)}")
    if kind == "table" or (kind is None and schema.first("time") is None):
        return False
    roles = {**recipe.roles, str(recipe.label): "label"}
    plain = msgspec.structs.replace(
        recipe, label=None, normal=None, select=None, kind=kind, detector=DEFAULT, params={}, roles=roles
    )
    read = read_as_series(source, plain, look(source, plain.checked(), silent), silent)
    return read is not None and len(read.series.members) == 1


def stretches(truth: Flags) -> Rows:
    """Number of the stretch of each row, (n_rows,): an event is in one, whatever its length.

    Neighbours hang together, and so do the rows of an event: intervals come from redrawing stretches.
    """
    border = np.arange(len(truth)) * _STRETCHES // max(len(truth), 1)
    begins = np.diff(border, prepend=-1) > 0
    begins &= ~(truth & np.append(False, truth[:-1]))
    return np.cumsum(begins)


def series_figures(truth: Flags, scores: Vector, flags: Flags) -> dict[str, Figure]:
    """Volume under the surface of precision and recall, share of the events found, and false bursts in 1,000 rows."""
    if truth.all() or not truth.any():
        return {}
    point = at_operating_point(truth, flags)
    return {
        "vus_pr": _plain(volume(truth, scores, _WINDOW).vus_pr),
        "events_found": share_figure(point.n_found, len(runs(truth)[0])),
        "false_bursts": _plain(point.false_bursts_per_1000_rows),
    }


def _plain(value: float) -> Figure:
    return Figure(float(value), float("nan"), float("nan"))
