"""Reads a source as series, with what is to be said of its values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.frame import Frame
from amiss.core.source import Progress, Source
from amiss.pipeline.limits import Limits
from amiss.pipeline.remarks import Remarks
from amiss.pipeline.series_rows import SeriesRows, gather
from amiss.prepare.preparation import Preparation

__all__ = ["ReadSeries", "read_series"]


@dataclass(frozen=True, slots=True)
class ReadSeries:
    """The rows of a source as series.

    Attributes
    ----------
    preparation
        By which they were prepared.
    series
        One for each entity.
    beyond : (n_rows,)
        Which rows are beyond a limit.
    notes
        What is to be said about the values, one sentence each.
    """

    preparation: Preparation
    series: SeriesRows
    beyond: npt.NDArray[np.bool_]
    notes: list[str]


def read_series(
    preparation: Preparation, limits: Limits, source: Source, batches: Iterable[Frame], progress: Progress
) -> ReadSeries:
    """All rows of a source as series."""
    remarks = Remarks(preparation.schema)
    beyond: list[npt.NDArray[np.bool_]] = []

    def checked() -> Iterator[Frame]:
        for frame in batches:
            preparation.check(frame)
            remarks.take(frame, preparation.oddities(frame))
            beyond.append(limits.beyond(frame))
            yield frame

    series = gather(source, checked(), preparation, progress)
    return ReadSeries(preparation, series, np.concatenate(beyond), remarks.sentences())
