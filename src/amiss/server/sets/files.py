"""The columns of a set in files that are read where they lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError, ParameterError
from amiss.server.sets.course import Band, Course, Track
from amiss.server.sets.facts import SetFacts, TrackFacts, read_facts
from amiss.server.sets.pyramid import Levels, levels_of, sizes_of

if TYPE_CHECKING:
    import polars as pl

    from amiss.pipeline.model import Model

__all__ = ["MODEL", "REPORT", "RESULT", "ROWS", "SavedSet", "save", "save_scores", "save_track", "save_words"]

ROWS, RESULT, REPORT, MODEL = "rows.arrow", "result.csv", "report.html", "model.amiss"
_SMALL = 1 << 20
"""Bytes up to which a file is read whole."""
_PIECE = 500_000
Positions = npt.NDArray[np.int64]


def save(folder: Path, name: str, values: npt.NDArray[Any]) -> None:
    """An array."""
    np.save(folder / f"{name}.npy", values, allow_pickle=False)


def save_words(folder: Path, name: str, words: pl.Series) -> None:
    """A column of text: all of it in one, and where each value ends; "" and a missing one are alike."""
    filled = words.fill_null("")
    ends = np.zeros(len(filled) + 1, np.int64)
    np.cumsum(filled.str.len_bytes().to_numpy(), out=ends[1:])
    save(folder, f"{name}-ends", ends)
    with (folder / f"{name}-text.bin").open("wb") as out:
        for first in range(0, len(filled), _PIECE):
            out.write(str(filled[first : first + _PIECE].str.join("").item()).encode())


def save_track(
    folder: Path, k: int, x: npt.NDArray[Any], band: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None = None
) -> None:
    """The column number `k` and the ends of its band, less its centre; in 32 bits where they hold as much."""
    narrow = x.astype(np.float32)
    x = narrow if np.array_equal(narrow, x, equal_nan=True) else np.asarray(x, np.float64)
    _save_levels(folder, f"column{k}", x, (np.fmin, np.fmax))
    for side, extreme in zip((0, 1), (np.fmin, np.fmax), strict=True):
        if band is not None:
            _save_levels(folder, f"band{k}-{side}", band[side].astype(np.float32), (extreme,))


def save_scores(folder: Path, scores: npt.NDArray[Any], order: Positions | None, anomalies: Positions) -> None:
    """Scores by row, and as they are drawn: rows in `order`, None for their own; `anomalies` are places in that."""
    save(folder, "scores", scores)
    _save_levels(folder, "drawn", scores if order is None else scores[order], (np.fmax,))
    save(folder, "anomalies", anomalies)


def _save_levels(folder: Path, name: str, x: npt.NDArray[Any], extremes: tuple[np.ufunc, ...]) -> None:
    save(folder, name, x)
    for k, extreme in enumerate(extremes):
        above = levels_of(x, extreme)
        if above:
            save(folder, f"{name}-above{k}", np.concatenate(above))


class SavedSet:
    """A set that is ready: nothing of it is read before it is needed, and then only what is.

    Parameters
    ----------
    folder
        Where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts: SetFacts = read_facts(folder)
        self._tracks: dict[str, Track] = {}
        self._lock = Lock()

    def array(self, name: str) -> npt.NDArray[Any]:
        """An array, as it lies in its file."""
        path = self.folder / f"{name}.npy"
        with _still_there():
            if path.stat().st_size <= _SMALL:
                return np.asarray(np.load(path, allow_pickle=False))
            return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))

    def _there(self, name: str) -> npt.NDArray[Any] | None:
        return self.array(name) if (self.folder / f"{name}.npy").exists() else None

    @cached_property
    def scores(self) -> npt.NDArray[np.float64]:
        """Anomaly scores by row."""
        return self.array("scores")

    @cached_property
    def p_values(self) -> npt.NDArray[np.float64]:
        """p-values by row, NaN where there is none."""
        return self.array("p_values")

    @cached_property
    def flags(self) -> npt.NDArray[np.bool_]:
        """Which rows raise an alarm."""
        return self.array("flags")

    @cached_property
    def ranking(self) -> Positions:
        """The rows, those that raise an alarm first, and of these and the others the highest score first."""
        return self.array("ranking")

    @cached_property
    def times(self) -> npt.NDArray[np.float64]:
        """Seconds or row numbers as the rows are drawn."""
        return self.array("times")

    @cached_property
    def order(self) -> Positions | None:
        """The rows as they are drawn; None where that is their own order."""
        return self._there("order")

    @cached_property
    def places(self) -> Positions | None:
        """Where each row is drawn; None where that is its own place."""
        return self._there("places")

    @cached_property
    def codes(self) -> npt.NDArray[np.int32] | None:
        """Number of each drawn row's entity; None where there are no entities."""
        return self._there("codes")

    def values(self, rows: Sequence[int]) -> list[dict[str, float | str | None]]:
        """What some rows hold, by the names of the columns; None where missing."""
        drawn = np.asarray(rows, np.int64) if self.places is None else self.places[np.asarray(rows, np.int64)]
        columns: list[list[float | str | None]] = []
        numbers = {track.name for track in self.facts.tracks}
        for k, column in enumerate(self.facts.columns):
            if column.name in numbers:
                columns.append([_number(x) for x in self.track(column.name).lows[0][drawn].tolist()])
            else:
                columns.append(self._words(f"words{k}", rows))
        names = [column.name for column in self.facts.columns]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def reasons(self, rows: Sequence[int]) -> list[str]:
        """Why some rows raise an alarm; "" where they do not."""
        return [str(word or "") for word in self._words("reasons", rows)]

    def _words(self, name: str, rows: Sequence[int]) -> list[float | str | None]:
        ends = self.array(f"{name}-ends")
        with _still_there(), (self.folder / f"{name}-text.bin").open("rb") as text:
            return [_word(text, int(ends[row]), int(ends[row + 1])) for row in rows]

    @cached_property
    def model(self) -> Model | None:
        """What judged; None where it cannot be kept."""
        from amiss.pipeline.model_file import load

        path = self.folder / MODEL
        return load(path) if path.exists() else None

    def place_of(self, row: int) -> int:
        """Where a row is drawn."""
        return row if self.places is None else int(self.places[row])

    def track(self, name: str) -> Track:
        """A column that can be drawn."""
        with self._lock:
            if name not in self._tracks:
                place = next(k for k, each in enumerate(self.facts.tracks) if each.name == name)
                self._tracks[name] = self._read_track(place, self.facts.tracks[place])
            return self._tracks[name]

    def _read_track(self, k: int, facts: TrackFacts) -> Track:
        lows, highs = (self._levels(f"column{k}", side) for side in (0, 1))
        if facts.centre is None:
            return Track(lows, highs)
        ends = [self._levels(f"band{k}-{side}", 0) for side in (0, 1)]
        return Track(lows, highs, Band(ends[0], ends[1], facts.centre))

    def _levels(self, name: str, side: int) -> Levels:
        x = self.array(name)
        above = self._there(f"{name}-above{side}")
        cuts = np.cumsum(sizes_of(len(x)))
        return [x, *(np.split(above, cuts[:-1]) if above is not None else [])]

    @cached_property
    def _drawn(self) -> tuple[Levels, Positions]:
        return self._levels("drawn", 0), self.array("anomalies")

    def course(self, names: list[str], entity: str | None = None) -> Course:
        """What is drawn of some columns, of one entity or, where rows are drawn by time, of all.

        Raises
        ------
        ParameterError
            There is no such column or entity.
        """
        known = {track.name for track in self.facts.tracks}
        unknown = next((name for name in names if name not in known), None)
        if unknown is not None:
            raise ParameterError(f"there is no column of numbers {unknown[:100]!r}", where="columns")
        tracks = {name: self.track(name) for name in names}
        scores, anomalies = self._drawn
        groups = self.facts.groups
        if not groups:
            timed = Course(self.times, 0, self._n_timed, tracks, scores, anomalies)
            return timed if entity is None else timed.chosen(self._rows_of(entity))
        group = groups[0] if entity is None else next((g for g in groups if g.entity == entity), None)
        if group is None:
            raise _no_entity(entity)
        return Course(self.times, group.first, group.end, tracks, scores, anomalies)

    @cached_property
    def _n_timed(self) -> int:
        # Those without a time stand last.
        return int(np.searchsorted(self.times, np.inf, side="right")) if self.facts.timed else len(self.times)

    def _rows_of(self, entity: str | None) -> Positions:
        codes = self.codes
        if codes is None or entity not in self.facts.entities:
            raise _no_entity(entity)
        return np.flatnonzero(codes[: self._n_timed] == self.facts.entities.index(entity))


@contextmanager
def _still_there() -> Iterator[None]:
    """A set can be deleted while it is looked at."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError("the set is not there any more", mend="look at another one") from error


def _word(text: IO[bytes], start: int, end: int) -> str | None:
    text.seek(start)
    return text.read(end - start).decode("utf-8", "replace") or None


def _number(x: float) -> float | None:
    return x if x == x else None


def _no_entity(entity: str | None) -> ParameterError:
    return ParameterError(f"there is no entity {str(entity)[:100]!r} in this set", where="entity")
