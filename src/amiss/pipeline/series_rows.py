"""The rows of a source as series: one for each entity, in the order of time, on its grid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError
from amiss.core.frame import Frame
from amiss.core.schema import Schema
from amiss.core.source import Progress, Source
from amiss.core.summary import Matrix, Vector
from amiss.prepare.preparation import FARTHEST, Preparation
from amiss.series.clock import Clock
from amiss.series.decompose import bridged

__all__ = ["Member", "SeriesRows", "duration_words", "gather", "neighbours_alike"]

_SAMPLED = 0.5
"""Correlation of neighbouring rows from which on rows at odd times are samples of something, not events."""
_SAMPLED_REGULARLY = 0.1
"""The same for several channels at a regular clock: what is no course at all is better looked at row by row."""
_FEWEST_ROWS = 20
_FAR = 8.0
_FEW_MISSING = 0.01
_ROUNDING = 1e-9
_UNITS = ((604_800.0, "week"), (86_400.0, "day"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


@dataclass(frozen=True, slots=True)
class Member:
    """The series of one entity.

    Attributes
    ----------
    entity
        Its name; None where there is one series alone.
    rows : (n_rows,)
        Positions of its rows in the source, from 0, in the order of the source.
    clock
        Where they stand in time.
    grid : (n_cells, n_features)
        Prepared values at equal steps; NaN where missing.
    whole : (n_cells, n_features)
        The same with its holes bridged by what was to be expected.
    n_numbers
        How many of the features are numbers; categories come after them.
    flags : (n_features,)
        Which features are 0 and 1 in the data: prepared, these are any two numbers.
    """

    entity: str | None
    rows: npt.NDArray[np.int64]
    clock: Clock
    grid: Matrix
    whole: Matrix
    n_numbers: int
    flags: npt.NDArray[np.bool_]

    @property
    def name(self) -> str:
        """Its entity in words."""
        return "the rows without one" if self.entity is None else self.entity or "''"

    @property
    def empty(self) -> npt.NDArray[np.bool_]:
        """Steps of an irregular clock that no row stands at, (n_cells,): nothing is missing there."""
        if self.clock.regular:
            return np.zeros(self.clock.n_cells, np.bool_)
        there = np.bincount(self.clock.cell[self.clock.cell >= 0], minlength=self.clock.n_cells)
        empty: npt.NDArray[np.bool_] = there == 0
        return empty

    @property
    def as_rows(self) -> Matrix:
        """The values at equal steps, those of the row before where a step is `empty`: NaN where a row lacks a value."""
        empty = self.empty
        if not empty.any():
            return self.grid
        filled: Matrix = self.grid[np.maximum.accumulate(np.where(empty, 0, np.arange(len(empty))))]
        return filled

    @property
    def n_missing(self) -> int:
        """Number of values that are missing at steps that have a row."""
        if self.grid is self.whole:
            return 0
        there = np.bincount(self.clock.cell[self.clock.cell >= 0], minlength=self.clock.n_cells) > 0
        return int(np.isnan(self.grid[there]).sum())


@dataclass(frozen=True, slots=True)
class SeriesRows:
    """All rows of a source as series.

    Attributes
    ----------
    members
        One for each entity, in the order of their first rows.
    n_rows
        Number of rows of the source.
    """

    members: list[Member]
    n_rows: int

    @property
    def span_seconds(self) -> float | None:
        """Time from the first row of all to the last; None where there is no time."""
        timed = [m.clock for m in self.members if m.clock.interval_seconds > 0]
        if not timed:
            return None
        return float(max(c.seconds()[-1] for c in timed) - min(c.start for c in timed)) or None

    @property
    def interval_seconds(self) -> float | None:
        """Usual time between two rows of one entity; None where there is no time."""
        found = [m.clock.interval_seconds for m in self.members if m.clock.interval_seconds > 0]
        return float(np.median(found)) if found else None

    @property
    def sampled(self) -> bool:
        """Whether the rows are samples of something that goes on, rather than events of their own.

        Rows of one channel at a regular clock are; others where neighbouring rows are alike, and few of them belong to
        entities with hardly any.
        """
        n = sum(len(m.rows) for m in self.members)
        long = [m for m in self.members if m.clock.n_cells >= _FEWEST_ROWS]
        regular = sum(len(m.rows) for m in long if m.clock.regular) > 0.5 * n
        single = self.members[0].whole.shape[1] == 1
        if single and regular:
            return True
        if not single and sum(len(m.rows) for m in long) <= 0.5 * n:
            return False
        alike = [np.median(r) for m in long if len(r := _alike(m.whole[:, : m.n_numbers]))]
        least = _SAMPLED_REGULARLY if regular else _SAMPLED
        return bool(alike) and float(np.median(alike)) > least

    def notes(self) -> list[str]:
        """What is to be said of the clocks, one sentence each."""
        return _notes(self.members)


def gather(source: Source, batches: Iterable[Frame], preparation: Preparation, progress: Progress) -> SeriesRows:
    """Read all rows and sort them into series; takes 8 bytes for each value, and as much again for each time."""
    time = next((column for column in preparation.schema.columns if column.role == "time"), None)
    known: dict[str | None, int] = {}
    parts: list[Matrix] = []
    times: list[Vector] = []
    codes: list[npt.NDArray[np.int64]] = []
    for frame in batches:
        parts.append(preparation.transform(frame))
        if time is not None and time.name in frame.names:
            times.append(frame.times(time.name, time.reading))
        codes.append(_codes(frame, preparation.schema, known))
        progress("reading the series", source.share_read())
    X, code = np.concatenate(parts), np.concatenate(codes)
    del parts
    when = np.concatenate(times) if len(times) == len(codes) else None
    if when is not None and time is not None and np.isnan(when).all():
        raise DataError(
            f"not one time in column {time.name!r} can be read", where=source.name,
            mend="write times as 2026-01-31 12:00:00 or as seconds since 1970",
        )  # fmt: skip
    names: list[str | None] = [*known] or [None]
    order = np.argsort(code, kind="stable")
    cuts = np.searchsorted(code[order], np.arange(len(names) + 1))
    members = [
        _member(name, order[cuts[k] : cuts[k + 1]], X, when, preparation)
        for k, name in enumerate(names)
        if cuts[k] < cuts[k + 1]
    ]
    return SeriesRows(members, len(X))


def _codes(frame: Frame, schema: Schema, known: dict[str | None, int]) -> npt.NDArray[np.int64]:
    """Number of each row's entity, new ones added to `known`; missing is an entity of its own."""
    name = schema.first("entity")
    if name is None or name not in frame.names:
        return np.zeros(frame.n_rows, np.int64)
    for entity in sorted(frame.counts(name), key=str):
        known.setdefault(entity, len(known))
    named = [entity for entity in known if entity is not None]
    place = frame.codes(name, named)
    if (place < 0).any():
        known.setdefault(None, len(known))
    number = np.array([*(known[entity] for entity in named), known.get(None, -1)], np.int64)
    return number[place]


def _member(
    entity: str | None, rows: npt.NDArray[np.int64], X: Matrix, when: Vector | None, preparation: Preparation
) -> Member:
    one = len(rows) == len(X)
    values = X if one else X[rows]
    clock = Clock.counting(len(rows)) if when is None else Clock.of(when if one else when[rows])
    grid = clock.onto_grid(values)
    facts = len(preparation.numbers), _flags(grid, entity, preparation)
    if not np.isnan(grid).any():
        return Member(entity, rows, clock, grid, grid, *facts)
    whole = np.stack([bridged(x, clock.interval_seconds) for x in grid.T], axis=1)
    return Member(entity, rows, clock, grid, whole, *facts)


def _flags(grid: Matrix, entity: str | None, preparation: Preparation) -> npt.NDArray[np.bool_]:
    line = preparation.entities.index(entity) if entity in preparation.entities else -1
    flags = np.zeros(grid.shape[1], np.bool_)
    for j, x in enumerate(grid[:, : len(preparation.numbers)].T):
        there = x[~np.isnan(x)]
        if len(there) and ((there == there.min()) | (there == there.max())).all():
            ends = preparation.location[line, j] + preparation.scale[line, j] * np.array([there.min(), there.max()])
            flags[j] = np.abs(ends - (0.0, 1.0)).max() < _ROUNDING
    return flags


def neighbours_alike(X: Matrix) -> float:
    """Middle correlation, over the prepared features, of rows with the next ones; 0 where that says nothing."""
    if len(X) < _FEWEST_ROWS:
        return 0.0
    # One spike, which its neighbours do not share, must not hide what all other rows share.
    alike = _alike(np.clip(np.nan_to_num(X), -_FAR, _FAR))
    return float(np.median(alike)) if len(alike) else 0.0


def _alike(X: Matrix) -> Vector:
    """Correlation of neighbouring rows, by feature that has more than two values."""
    gap = X - X.mean(axis=0)
    square = np.einsum("ij,ij->j", gap, gap)
    varies = (square > 0) & ((X.min(axis=0) != X) & (X.max(axis=0) != X)).any(axis=0)
    alike: Vector = np.einsum("ij,ij->j", gap[1:], gap[:-1])[varies] / square[varies]
    return alike


def duration_words(seconds: float) -> str:
    """A time such as "5 min" or "2 days"."""
    for size, unit in _UNITS:
        if seconds >= size:
            number = round(seconds / size, 1 if seconds < 10 * size else 0)
            plural = "s" if unit in ("week", "day") and number != 1 else ""
            return f"{number:g} {unit}{plural}"
    return f"{seconds:.3g} s"


def _notes(members: list[Member]) -> list[str]:
    clocks = [m.clock for m in members]
    who = "" if len(members) == 1 else f" in {len(members):,} series"
    said = []
    odd = [c for c in clocks if not c.regular and c.n_cells > 1]
    if odd:
        share = "" if len(odd) == len(clocks) else f" of {len(odd):,} of {len(clocks):,} series"
        said.append(f"the times{share} are irregular: rows are averaged over steps of {_usual(odd)}")
    gaps = [(gap, m) for m in members for gap in m.clock.gaps]
    if gaps and not odd:
        longest, member = max(gaps, key=lambda pair: pair[0].n_missing)
        total = sum(gap.n_missing for gap, _ in gaps)
        of = f" of {member.name}" if len(members) > 1 else ""
        said.append(
            f"{_count(len(gaps), 'gap')}{who}, {_count(total, 'row')} missing; the longest{of} lasts "
            f"{duration_words(longest.before - longest.after)}"
        )
    repeated, disordered = sum(c.n_repeated for c in clocks), sum(c.n_disordered for c in clocks)
    if repeated:
        said.append(f"{_count(repeated, 'row')} had the time of another{who}: they were averaged")
    if disordered:
        said.append(f"the clock went back {_count(disordered, 'time')}{who}: rows were put in order")
    changes = [c for c in clocks if c.clock_changes]
    if changes:
        said.append("it went back by half an hour or an hour, as at the end of daylight saving; times without a zone "
                    "cannot tell the two hours apart")  # fmt: skip
    missing, n_values = sum(m.n_missing for m in members), sum(m.grid.size for m in members)
    if missing > _FEW_MISSING * n_values:
        said.append(f"{missing / n_values:.0%} of the values are missing: bridged by what was to be expected there")
    far = sum(int((np.abs(m.grid) >= FARTHEST).sum()) for m in members)
    if far:
        said.append(f"{_count(far, 'value')} immensely far out: taken to be {FARTHEST:.0g} usual deviations away")
    untimed = sum(c.n_untimed for c in clocks)
    if untimed:
        said.append(f"{_count(untimed, 'row')} without a time{who}: not judged")
    return said


def _usual(clocks: list[Clock]) -> str:
    return duration_words(float(np.median([c.interval_seconds for c in clocks])))


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
