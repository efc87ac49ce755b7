"""A result of detect as a set: its rows, columns, report and all that is told of it, in files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import ParameterError
from amiss.core.frame import Frame
from amiss.core.schema import ADDED_COLUMNS, PROBABILITY
from amiss.core.source import Progress
from amiss.io.files.sink import write_table
from amiss.pipeline.network_result import NetworkResult
from amiss.pipeline.result import Result
from amiss.pipeline.series_result import SeriesResult
from amiss.pipeline.story import Story
from amiss.server.sets import files
from amiss.server.sets.cells import harmless_table
from amiss.server.sets.facts import (
    ColumnKind,
    Group,
    SetColumn,
    SetFacts,
    TrackFacts,
    Usual,
    usual_numbers,
    usual_words,
    write_facts,
)
from amiss.server.sets.happenings import happenings_of, write_happenings
from amiss.server.sets.likeness import save_likeness

if TYPE_CHECKING:
    import polars as pl

    from amiss.pipeline.series_rows import Member

__all__ = ["save_result"]

_MOST_ENTITIES = 1000
_MOST_BANDED = 20_000_000
"""Values of which a band is kept: to find it takes longer than to judge them."""
_SHARE = {"rows": 0.35, "report": 0.55}

Vector = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]


def save_result(result: Result | NetworkResult, folder: Path, progress: Progress) -> SetFacts:
    """Write all of a result into a folder that is there and empty.

    Raises
    ------
    ConnectorError
        The disk is full.
    """
    progress("writing", 0.0)
    write_table(folder / files.ROWS, _written(result, folder / files.RESULT))
    progress("report", _SHARE["rows"])
    result.report(folder / files.REPORT)
    progress("writing", _SHARE["report"])
    _save_model(result, folder)
    facts = _Columns(result, folder).save()
    (folder / files.ROWS).unlink()
    write_facts(folder, facts)
    write_happenings(folder, happenings_of(result))
    progress("writing", 1.0)
    return facts


def _written(result: Result | NetworkResult, target: Path) -> Iterator[pl.DataFrame]:
    """The scored rows, which are written as CSV in passing."""
    with target.open("wb") as stream:
        for k, table in enumerate(result.scored()):
            harmless_table(table).write_csv(stream, include_header=not k)
            yield table


def _save_model(result: Result | NetworkResult, folder: Path) -> None:
    if isinstance(result, Result):
        try:
            result.model.save(folder / files.MODEL)
        except ParameterError:
            # Another library's detector lies in no file; rows are then told of without it.
            (folder / files.MODEL).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Rows in the order in which they are drawn; None: their own."""

    order: Positions | None
    times: Vector
    groups: list[Group]
    entities: list[str]
    codes: npt.NDArray[np.int32] | None


class _Columns:
    """Writes the columns of one result."""

    def __init__(self, result: Result | NetworkResult, folder: Path) -> None:
        import polars as pl

        self.result, self.folder = result, folder
        self.rows = Frame(pl.read_ipc(folder / files.ROWS))
        self.n_rows = self.rows.n_rows
        self.readings: dict[str, str] = {}
        self.roles: dict[str, str] = {}
        if isinstance(result, Result):
            self.readings = {c.name: c.reading for c in result.schema.columns}
            self.roles = {c.name: c.role for c in result.schema.columns}
        added = set(ADDED_COLUMNS) | {"event_kind" if isinstance(result, NetworkResult) else PROBABILITY}
        self.written = [name for name in self.rows.names if name not in added]
        # Columns that are called as ours are have got another name.
        given = {f"{name}_original": name for name in (*added, "row")}
        self.names = {given.get(name, name) if given.get(name) in self.roles else name: name for name in self.written}

    def save(self) -> SetFacts:
        """All columns, and what is to be known of them."""
        kinds = {name: self._kind(name) for name in self.names}
        scores, p_values, flags = (self._numbers(name) for name in ADDED_COLUMNS[:3])
        drawn = self._drawn(scores)
        files.save(self.folder, "times", drawn.times)
        files.save(self.folder, "p_values", p_values)
        files.save(self.folder, "flags", flags > 0)
        for name, found in (("order", drawn.order), ("places", _inverse(drawn.order)), ("codes", drawn.codes)):
            if found is not None:
                files.save(self.folder, name, found)
        flagged = flags > 0 if drawn.order is None else flags[drawn.order] > 0
        files.save_scores(self.folder, scores, drawn.order, np.flatnonzero(flagged))
        files.save(self.folder, "ranking", np.lexsort((-np.nan_to_num(scores, nan=-np.inf), flags < 1)))
        tracks, usual = self._tracks(kinds, drawn)
        self._words(kinds)
        save_likeness(self.result, self.folder, self.rows, scores, flags > 0)
        timed = self._times() is not None
        there = drawn.times[~np.isnan(drawn.times)]
        columns = [SetColumn(name, kind) for name, kind in kinds.items()]
        return SetFacts(
            kind=self.result.kind, n_rows=self.n_rows, n_anomalies=int((flags > 0).sum()), columns=columns,
            time_column=next((c.name for c in columns if c.kind == "time"), None) if timed else None,
            entities=drawn.entities[:_MOST_ENTITIES], start=float(there.min()) if len(there) else None,
            stop=float(there.max()) if len(there) else None, timed=timed, tracks=tracks, groups=drawn.groups,
            usual=usual, **self._promise(p_values, flags > 0),
        )  # fmt: skip

    def _promise(self, p_values: Vector, flags: npt.NDArray[np.bool_]) -> dict[str, Any]:
        notes = list(self.result.notes)
        if not isinstance(self.result, Result):
            return {"detector": "behaviours", "notes": notes}
        promise = self.result.promise
        alarms = p_values[flags]
        cut = float(np.nanmax(alarms)) if len(alarms) and promise.share_of == "alarms" else promise.rate
        reached = promise.reached if np.isfinite(promise.reached) else None
        name = self.result.model.recipe.detector
        return {"detector": name, "asked": promise.asked, "reached": reached, "cut": cut, "notes": notes}

    def _kind(self, name: str) -> ColumnKind:
        role, kind = self.roles.get(name, ""), self.rows.kind(self.names[name])
        if role == "time" or kind == "time":
            return "time"
        if role == "number" or (kind in ("number", "bool") and role not in ("category", "entity", "label")):
            return "number"
        if role in ("category", "entity", "label") or (not role and kind == "text"):
            return "category"
        return "text"

    def _numbers(self, name: str) -> Vector:
        return self.rows.numbers(name)

    def _times(self) -> Vector | None:
        column = next((c for c in self._schema() if c.role == "time"), None)
        if column is not None and self.names.get(column.name, column.name) in self.rows.names:
            return self.rows.times(self.names.get(column.name, column.name), column.reading)
        return self.rows.times("time", "") if isinstance(self.result, NetworkResult) else None

    def _schema(self) -> tuple[Any, ...]:
        return self.result.schema.columns if isinstance(self.result, Result) else ()

    def _drawn(self, scores: Vector) -> _Drawn:
        times = self._times()
        if isinstance(self.result, SeriesResult):
            return self._by_entity(self.result.series.members, times, scores)
        entities, codes = self._entities(scores)
        if times is None:
            return _Drawn(None, np.arange(self.n_rows, dtype=np.float64), [], entities, codes)
        if (np.diff(times) >= 0).all():
            return _Drawn(None, times, [], entities, codes)
        order = np.argsort(times, kind="stable").astype(np.int64)
        return _Drawn(order, times[order], [], entities, None if codes is None else codes[order])

    def _by_entity(self, members: list[Member], times: Vector | None, scores: Vector) -> _Drawn:
        """Series stand one after another, the one with the highest score first."""
        members = sorted(members, key=lambda member: -float(scores[member.rows].max(initial=-np.inf)))
        x = np.arange(self.n_rows, dtype=np.float64) if times is None else times
        groups, parts, first = [], [], 0
        for member in members:
            rows = member.rows[np.argsort(x[member.rows], kind="stable")]
            parts.append(rows)
            n_timed = len(rows) - int(np.isnan(x[rows]).sum())
            groups.append(Group(member.entity, first, first + n_timed))
            first += len(rows)
        order = np.concatenate(parts).astype(np.int64)
        named = [member.entity for member in members if member.entity is not None]
        own = len(order) == self.n_rows and bool((np.diff(order) == 1).all())
        return _Drawn(None if own else order, x if own else x[order], groups, named, None)

    def _entities(self, scores: Vector) -> tuple[list[str], npt.NDArray[np.int32] | None]:
        """Names of the entities of a table, the worst first, and their numbers row by row."""
        import polars as pl

        name = next((c.name for c in self._schema() if c.role == "entity"), None)
        name = "src_ip" if isinstance(self.result, NetworkResult) else name
        if name is None or self.names.get(name, name) not in self.rows.names:
            return [], None
        words = self.rows.text(self.names.get(name, name)).alias("entity")
        table = pl.DataFrame({"entity": words, "score": pl.Series(scores).fill_nan(None)})
        worst = table.drop_nulls("entity").group_by("entity", maintain_order=True).agg(pl.col("score").max())
        known = worst.sort("score", descending=True, nulls_last=True, maintain_order=True)["entity"].to_list()
        known = known[:_MOST_ENTITIES]
        return known, self.rows.codes(self.names.get(name, name), known).astype(np.int32)

    def _tracks(self, kinds: dict[str, ColumnKind], drawn: _Drawn) -> tuple[list[TrackFacts], dict[str, Usual]]:
        tracks: list[TrackFacts] = []
        usual: dict[str, Usual] = {}
        bands = self._bands(drawn)
        for name, kind in kinds.items():
            if kind == "number":
                x = self.rows.numbers(self.names[name], self.readings.get(name))
                usual[name] = usual_numbers(x)
                x = x if drawn.order is None else x[drawn.order]
                centre = _centre(x) if name in bands else None
                band = bands[name].ends(centre) if centre is not None else None
                files.save_track(self.folder, len(tracks), x, band)
                tracks.append(TrackFacts(name, centre))
            elif kind == "category":
                usual[name] = usual_words(self.rows.table[self.names[name]])
        return tracks, usual

    def _words(self, kinds: dict[str, ColumnKind]) -> None:
        for k, (name, kind) in enumerate(kinds.items()):
            if kind != "number":
                files.save_words(self.folder, f"words{k}", self.rows.text(self.names[name]))
        files.save_words(self.folder, "reasons", self.rows.text("reason"))

    def _bands(self, drawn: _Drawn) -> dict[str, _SeriesBand]:
        if not isinstance(self.result, SeriesResult):
            return {}
        numbers = self.result.model.preparation.numbers
        members = {member.entity: member for member in self.result.series.members}
        n_values = sum(member.grid.shape[0] for member in members.values()) * len(numbers)
        if n_values > _MOST_BANDED:
            return {}
        return {name: _SeriesBand(self.result, j, members, drawn) for j, name in enumerate(numbers)}


class _SeriesBand:
    """The band of one channel in the order in which rows are drawn, found when it is asked for."""

    def __init__(self, result: SeriesResult, channel: int, members: dict[str | None, Member], drawn: _Drawn) -> None:
        self._result, self._channel, self._members, self._drawn = result, channel, members, drawn

    def ends(self, centre: float) -> tuple[Vector, Vector]:
        """Lower and upper end of each row's band, less `centre`."""
        low, high = (np.full(len(self._drawn.times), np.nan) for _ in range(2))
        order = self._drawn.order
        for group in self._drawn.groups:
            member = self._members[group.entity]
            story = Story(self._result.model, member)
            band, (floor, ceiling) = story.band(self._channel), story.bounds(self._channel)
            here = slice(group.first, group.end)
            rows = np.arange(group.first, group.end) if order is None else order[here]
            cells = member.clock.cell[np.searchsorted(member.rows, rows)]
            ends = [band.expected[cells] + sign * band.half[cells] for sign in (-1.0, 1.0)]
            low[here], high[here] = (np.clip(end, floor, ceiling) - centre for end in ends)
        return low, high


def _inverse(order: Positions | None) -> Positions | None:
    if order is None:
        return None
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return places


def _centre(x: Vector) -> float:
    there = x[~np.isnan(x)]
    return float(np.median(there)) if len(there) else 0.0
