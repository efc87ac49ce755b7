"""What can be drawn of rows that have an order: columns over their times, in memory or in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.server.sets.pyramid import TOGETHER, Levels, levels_of

__all__ = ["Band", "Course", "Track", "track_of"]

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Band:
    """Where the values of a track were expected.

    Attributes
    ----------
    lows, highs
        Its ends and what stands above them, less `centre`.
    centre
        In the unit of the column.
    """

    lows: Levels
    highs: Levels
    centre: float


@dataclass(frozen=True, slots=True)
class Track:
    """One column of numbers.

    Attributes
    ----------
    lows, highs
        The column, (n_rows,), NaN where missing, and its lowest and highest values above it.
    band
        None where nothing is known of what was expected.
    """

    lows: Levels
    highs: Levels
    band: Band | None = None

    def chosen(self, rows: npt.NDArray[np.int64]) -> Track:
        """The same of some rows alone, with nothing above them."""
        values = [self.lows[0][rows]]
        band = self.band
        if band is not None:
            band = Band([band.lows[0][rows]], [band.highs[0][rows]], band.centre)
        return Track(values, values, band)


@dataclass(frozen=True, slots=True)
class Course:
    """Rows in the order in which they are drawn.

    Attributes
    ----------
    times : (n_rows,)
        Seconds since 1970, or row numbers; ascending from `first` to `end`.
    first, end
        Which of the rows are meant.
    tracks
        By name of the column.
    scores
        Anomaly scores, (n_rows,), and the highest above them.
    anomalies
        Positions of the rows that raise an alarm, ascending.
    """

    times: Vector
    first: int
    end: int
    tracks: dict[str, Track]
    scores: Levels
    anomalies: npt.NDArray[np.int64]

    def chosen(self, rows: npt.NDArray[np.int64]) -> Course:
        """The same of some rows alone, given by their positions, ascending."""
        flags = np.zeros(len(self.times), np.bool_)
        flags[self.anomalies] = True
        tracks = {name: track.chosen(rows) for name, track in self.tracks.items()}
        return Course(self.times[rows], 0, len(rows), tracks, [self.scores[0][rows]], np.flatnonzero(flags[rows]))


def track_of(x: npt.NDArray[Any], band: Band | None = None) -> Track:
    """A track with all that stands above it."""
    return Track([x, *levels_of(x, np.fmin)], [x, *levels_of(x, np.fmax)], band)


def grown(levels: Sequence[npt.NDArray[Any]], x: npt.NDArray[Any], n_kept: int, extreme: np.ufunc) -> list[Any]:
    """`levels_of` a column of which the first `n_kept` values are as they were when `levels` was made."""
    made: list[npt.NDArray[Any]] = []
    for before in levels:
        n_kept //= TOGETHER
        whole = len(x) // TOGETHER * TOGETHER
        new = extreme.reduce(x[n_kept * TOGETHER : whole].reshape(-1, TOGETHER), axis=1)
        x = np.concatenate([before[:n_kept], new])
        made.append(x)
    return [*made, *levels_of(x, extreme)]
