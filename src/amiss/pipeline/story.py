"""What happened in an event of a series: kinds, bands and the sentence, channel by channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Channel
from amiss.core.summary import Matrix, Vector
from amiss.explain.words import number_word, range_words
from amiss.pipeline.series_rows import Member, duration_words
from amiss.series.decompose import Decomposition, decompose_in_levels
from amiss.series.kinds import Shape, shape_of, usual_width

if TYPE_CHECKING:
    from amiss.pipeline.model import Model

__all__ = ["FOLLOWING", "Band", "Story"]

_MOST_CHANNELS = 5
_FEW = 5
"""Rows that are no course by themselves: it is that of the rows around them."""
_LEAST_SHARE = 0.05
FOLLOWING = 0.15
"""Share of what speaks against an event from which on a channel is part of it."""
_DAY = 86_400.0


def _over_empty(x: Vector, empty: npt.NDArray[np.bool_]) -> Vector:
    """Values with steps that no row stands at between their neighbours: they are neither missing nor equal."""
    if not empty.any():
        return x
    steps = np.arange(len(x))
    return np.where(empty, np.interp(steps, steps[~empty], x[~empty]), x)


class Band:
    """One channel of one series, in the unit of the data: values, what was expected, and the band around it.

    Attributes
    ----------
    x, expected, half : (n_cells,)
        Values, NaN where missing; expected values; half the width of the band.
    parts
        The decomposition, in prepared units.
    """

    def __init__(self, member: Member, j: int, location: float, scale: float) -> None:
        prepared = member.grid[:, j]
        self.parts: Decomposition = decompose_in_levels(prepared, member.clock.interval_seconds)
        self.x: Vector = location + prepared * scale
        self.expected: Vector = location + self.parts.expected * scale
        self.half: Vector = usual_width(self.parts) * self.parts.spread * scale
        self.prepared = _over_empty(prepared, member.empty)
        self._location, self._scale = location, scale

    def in_unit(self, part: Vector, *, location: bool) -> Vector:
        """A part of the decomposition in the unit of the data, about its level or about 0."""
        values: Vector = part * self._scale + (self._location if location else 0.0)
        return values

    def at(self, cell: int, moved: float = 0.0) -> tuple[float, float]:
        """Ends of the band at a step, as they would be had the trend not `moved` so far, in prepared units."""
        middle = float(self.expected[cell]) - moved * self._scale
        return middle - float(self.half[cell]), middle + float(self.half[cell])


class Story:
    """Tells the events of one series."""

    def __init__(self, model: Model, member: Member) -> None:
        self.member, self._model = member, model
        preparation = model.preparation
        self._names = preparation.features
        known = preparation.entities.index(member.entity) if member.entity in preparation.entities else -1
        n = len(preparation.categories)
        self._n_numbers = len(preparation.numbers)
        self._location = np.append(preparation.location[known], np.zeros(n))
        self._scale = np.append(preparation.scale[known], np.ones(n))
        self._kinds, self._rarity, self._share = preparation.kinds, preparation.rarity, preparation.share
        self._columns = {column.name: column for column in preparation.schema.columns}
        self._bands: dict[int, Band] = {}

    def band(self, j: int) -> Band:
        """The band of one channel, made when it is asked for."""
        if j not in self._bands:
            self._bands[j] = Band(self.member, j, float(self._location[j]), float(self._scale[j]))
        return self._bands[j]

    def bounds(self, j: int) -> tuple[float | None, float | None]:
        """The least and the greatest that can be expected of one channel, None for any."""
        return self._columns[self._names[j]].bounds

    def channels(self, contributions: Matrix, first: int, last: int) -> list[tuple[Channel, Shape]]:
        """The channels most to blame for an event between two steps, and what they do."""
        blame = np.maximum(contributions[first : last + 1], 0.0).mean(axis=0)
        if not blame.sum() > 0:
            blame = self._by_misses(first, last)
        share = blame / max(float(blame.sum()), 1e-300)
        order = [int(j) for j in np.argsort(-share, kind="stable")[:_MOST_CHANNELS]]
        found = []
        for j in [j for j in order if share[j] >= _LEAST_SHARE] or order[:1]:
            band = self.band(j)
            shape = (
                shape_of(band.prepared, band.parts, first, last) if j < self._n_numbers else _rare(band.x, first, last)
            )
            low, high = self._columns[self._names[j]].within(*band.at(shape.peak, shape.moved))
            value = float(band.x[shape.peak])
            row = self.row_at(shape.peak)
            found.append(
                (Channel(self._names[j], round(float(share[j]), 4), shape.kind, row,
                         None if np.isnan(value) else value, low, high), shape)
            )  # fmt: skip
        return found

    def _by_misses(self, first: int, last: int) -> Vector:
        here = self.member.grid[first : last + 1]
        gap = np.nan_to_num(np.abs(here - np.nanmedian(np.nan_to_num(self.member.grid), axis=0)))
        worst: Vector = gap.max(axis=0) ** 2
        return worst

    def row_at(self, cell: int) -> int:
        """Position, in the source, of the row at a step, or of the nearest one."""
        clock = self.member.clock
        place = int(np.argmin(np.abs(np.where(clock.cell >= 0, clock.cell, -(1 << 40)) - cell)))
        return int(self.member.rows[place])

    def sentence(self, told: list[tuple[Channel, Shape]]) -> str:
        """One sentence: the channel most to blame, what it does, since when, and who follows."""
        channel, shape = told[0]
        said = f"{self._actual(channel, shape)}{self._doing(channel, shape)}"
        others = [c.column for c, _ in told[1:] if c.share >= FOLLOWING][:3]
        if others:
            said += f"; with {' and '.join(others) if len(others) < 3 else f'{others[0]}, {others[1]} and {others[2]}'}"
        return said

    def _actual(self, channel: Channel, shape: Shape) -> str:
        width = channel.high - channel.low
        decimals = self._columns[channel.column].decimals
        value = "missing" if channel.value is None else number_word(channel.value, decimals, width / 10)
        usual = range_words(channel.low, channel.high, decimals)
        inside = channel.value is None or channel.low <= channel.value <= channel.high
        at = self._moment(shape.peak)
        if shape.kind == "stuck":
            return f"{channel.column} stuck at {value}" + ("" if inside else f", usually {usual}{self._when(channel)}")
        if shape.kind == "dropout":
            return f"{channel.column} missing"
        if shape.kind == "rare_category":
            return self._rare_words(channel.column, shape.size)
        return f"{channel.column} {value}{at}" + ("" if inside else f", usually {usual}{self._when(channel)}")

    def _rare_words(self, column: str, rarity: float) -> str:
        k = self._names.index(column) - self._n_numbers
        place = int(np.argmin(np.abs(self._rarity[k] - rarity)))
        n = len(self._kinds[k])
        if place >= n:
            return f"{column} {'missing' if place > n else 'of an unknown kind'}"
        return f"{column} {self._kinds[k][place]!r}, as in {100 * self._share[k][place]:.2g}% of rows,"

    def _when(self, channel: Channel) -> str:
        parts = self.band(self._names.index(channel.column)).parts
        if not parts.seasons:
            return ""
        interval = self.member.clock.interval_seconds
        longest = parts.seasons[-1].period * interval
        if interval and abs(longest - _DAY) < 0.01 * _DAY:
            return " at this time of day"
        if interval and abs(longest - 7 * _DAY) < 0.07 * _DAY:
            return " at this time of the week"
        return " at this point of its cycle"

    def _moment(self, cell: int) -> str:
        clock = self.member.clock
        if not clock.interval_seconds:
            return f" in row {self.row_at(cell)}"
        return f" at {_clock(float(clock.seconds()[cell]), clock.interval_seconds)}"

    def _doing(self, channel: Channel, shape: Shape) -> str:
        n = shape.last - shape.first + 1
        lasting = self._lasting(n)
        since = self._moment(shape.first).replace(" at ", " since ", 1).replace(" in ", " since ", 1)
        up = shape.size > 0
        return {
            "spike": "" if n == 1 else f"; a spike of {lasting}",
            "dip": "" if n == 1 else f"; a dip of {lasting}",
            "level_shift": f"; level {'higher' if up else 'lower'}{since}, for {self._staying(shape) or lasting}",
            "trend_change": f"; {'rising' if up else 'falling'}{since}",
            "drift": f"; drifting {'up' if up else 'down'}{since}",
            "variance_change": f"; varies {_times(shape.size)}{since}, for {lasting}",
            "contextual": "; usual at other times, not at this one",
            "collective": "; an unusual course around it"
            if n <= _FEW
            else f"; an unusual course{since}, for {lasting}",
            "stuck": f"{since} for {lasting}",
            "dropout": f"{since} for {lasting}",
            "rare_category": f"{since} for {lasting}",
        }[shape.kind]

    def _lasting(self, n: int) -> str:
        interval = self.member.clock.interval_seconds
        return duration_words(n * interval) if interval else f"{n} row{'' if n == 1 else 's'}"

    def _staying(self, shape: Shape) -> str:
        """How long a new level that lasts is kept."""
        if shape.until is None:
            return ""
        return "good" if shape.until >= len(self.member.grid) else self._lasting(shape.until - shape.first)


def _rare(rarity: Vector, first: int, last: int) -> Shape:
    """Where a category is as rare as it gets in an event."""
    here = rarity[first : last + 1]
    highest = float(np.nanmax(here)) if not np.isnan(here).all() else 0.0
    at = first + np.flatnonzero(here >= highest)
    begin, end = (int(at[0]), int(at[-1])) if len(at) else (first, last)
    return Shape("rare_category", begin, end, begin, highest)


def _times(ratio: float) -> str:
    return "hardly at all" if ratio < 0.05 else f"{ratio:.2g} times as much as usual"


def _clock(seconds: float, interval: float) -> str:
    moment = np.datetime64(round(seconds * 1e3), "ms")
    text = str(moment.astype("datetime64[s]" if interval >= 1 else "datetime64[ms]")).replace("T", " ")
    return text.removesuffix(":00") if interval >= 60 else text
