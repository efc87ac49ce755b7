"""The numbers behind a series' report: values, bands and events, small enough to travel inside the page."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from amiss.core.finding import Event
from amiss.core.summary import Vector
from amiss.pipeline.series_result import SeriesResult
from amiss.pipeline.series_rows import Member, duration_words
from amiss.pipeline.story import Band
from amiss.series.seasons import Season

__all__ = ["series_data"]

_MOST_EVENTS, _MOST_TRACKS = 500, 24
_MOST_VALUES = 3_000_000
"""Of all tracks together; beyond, rows are averaged."""
_COARSE_POINTS, _CURVE_POINTS = 20_000, 300
_DAY = 86_400.0


def series_data(result: SeriesResult) -> dict[str, Any]:
    """Everything that the page shows, as plain lists, numbers and packed arrays."""
    events = result.events[:_MOST_EVENTS]
    tracks = _tracks(result, events)
    place = {key: i for i, key in enumerate(tracks)}
    shares = max(1, len(tracks))
    told = [_track(result, k, j, _MOST_VALUES // shares) for k, j in tracks]
    where = {id(event): _home(result, event, place) for event in events}
    alarms = [float(s[h].min()) for s, h in zip(result.cell_scores, result.high, strict=True) if h.any()]
    return {
        "entities": result.schema.first("entity"),
        "threshold": round(min(alarms), 4) if alarms else None,
        "tracks": told,
        "events": [_event(result, event, where[id(event)], told) for event in events],
    }


def _tracks(result: SeriesResult, events: list[Event]) -> list[tuple[int, int]]:
    """Number of the series and of the channel of each track: what events are in first, then the first series."""
    names = result.model.preparation.features
    members = {member.entity: k for k, member in enumerate(result.series.members)}
    found = [(members[e.entity], names.index(c.column)) for e in events for c in e.channels[:2]]
    found += [(0, j) for j in range(len(names))]
    return list(dict.fromkeys(found))[:_MOST_TRACKS]


def _home(result: SeriesResult, event: Event, place: dict[tuple[int, int], int]) -> int:
    names = result.model.preparation.features
    k = next(k for k, m in enumerate(result.series.members) if m.entity == event.entity)
    for channel in event.channels:
        if (k, names.index(channel.column)) in place:
            return place[k, names.index(channel.column)]
    return 0


def _event(result: SeriesResult, event: Event, track: int, tracks: list[dict[str, Any]]) -> dict[str, Any]:
    member = next(m for m in result.series.members if m.entity == event.entity)
    rows = np.searchsorted(member.rows, [event.first_row, event.last_row])
    cells = np.sort(member.clock.cell[np.minimum(rows, len(member.rows) - 1)])
    step = tracks[track]["step"] if tracks else 1
    return {
        "track": track, "first": int(cells[0]) // step, "last": int(cells[1]) // step, "entity": event.entity,
        "from": _words(event.start, event.first_row), "to": _words(event.end, event.last_row),
        "kind": event.kind or "", "score": round(event.score, 2), "p": event.p_value, "reason": event.reason,
        "channels": [channel.column for channel in event.channels],
    }  # fmt: skip


def _words(moment: str | None, row: int) -> str:
    return f"row {row}" if moment is None else moment.replace("T", " ").removesuffix("Z")


def _track(result: SeriesResult, k: int, j: int, most: int) -> dict[str, Any]:
    member, story = result.series.members[k], result.story(k)
    band = story.band(j)
    name = result.model.preparation.features[j]
    step = -(-len(band.x) // max(most, 1))
    x = _averaged(band.x, step)
    coarse = -(-len(x) // _COARSE_POINTS)
    clock = member.clock
    interval = clock.interval_seconds
    # Where long gaps were cut short on the grid, and how many steps were cut up to there.
    cut = np.flatnonzero(np.diff(clock.step, prepend=clock.step[:1]) > 1)
    return {
        "name": f"{member.entity}: {name}" if member.entity else name,
        "start": clock.start, "interval": interval, "step": step,
        "cuts": [[int(cell), int(clock.step[cell] - cell)] for cell in cut],
        "x": _packed(x), "coarse": coarse,
        "expected": _packed(_averaged(band.expected, step * coarse)),
        "half": _packed(_averaged(band.half, step * coarse)),
        "score": _packed(_highest(result.cell_scores[k], step * coarse)), "scored": coarse,
        "spans": [[a // step, b // step] for a, b in result.spans[k]],
        "trend": _curve(band, band.parts.trend), "rest": _curve(band, band.parts.rest, location=False),
        "seasons": [_season(band, n, season, interval) for n, season in enumerate(band.parts.seasons)],
        **_calendar(member, band),
    }  # fmt: skip


def _packed(x: Vector) -> str:
    return base64.b64encode(np.clip(x, -3e38, 3e38).astype("<f4").tobytes()).decode()


def _averaged(x: Vector, step: int) -> Vector:
    if step == 1:
        return x
    padded = np.append(x, np.full(-len(x) % step, np.nan)).reshape(-1, step)
    empty = np.isnan(padded).all(axis=1)
    padded[empty] = 0.0
    return np.where(empty, np.nan, np.nanmean(padded, axis=1))


def _highest(x: Vector, step: int) -> Vector:
    highest: Vector = np.append(x, np.full(-len(x) % step, x.min())).reshape(-1, step).max(axis=1)
    return highest


def _curve(band: Band, part: Vector, *, location: bool = True) -> list[float | None]:
    values = band.in_unit(part, location=location)
    step = -(-len(values) // _CURVE_POINTS)
    return [None if v != v else float(f"{v:.5g}") for v in _averaged(values, step).tolist()]


def _season(band: Band, n: int, season: Season, interval: float) -> dict[str, Any]:
    lasts = duration_words(season.period * interval) if interval else f"{season.period:.4g} rows"
    cycle = band.in_unit(band.parts.seasonal[n][: season.n_phases], location=False)
    step = -(-len(cycle) // _CURVE_POINTS)
    return {
        "period": lasts,
        "words": f"{lasts}, which foretells {season.strength:.0%} of what changes within it",
        "cycle": [float(f"{v:.5g}") for v in _averaged(cycle, step).tolist()],
    }


def _calendar(member: Member, band: Band) -> dict[str, Any]:
    """Deviation by hour of the week and quartiles by hour of the day, where there are two days of hours."""
    clock = member.clock
    interval = clock.interval_seconds
    empty = np.isnan(band.x).all()
    if empty or not interval or interval > _DAY / 8 or clock.step[-1] * interval < 2 * _DAY:
        return {"week": None, "day": None}
    seconds = clock.seconds()
    hour = (seconds // 3600 % 24).astype(int)
    weekday = ((seconds // _DAY + 3) % 7).astype(int)  # 1970-01-01 was a Thursday
    there = ~np.isnan(band.x)
    middle = float(np.median(band.x[there]))
    scale = 1.4826 * float(np.median(np.abs(band.x[there] - middle))) or float(band.x[there].std()) or 1.0
    week = [
        [_mean((band.x[there & (weekday == d) & (hour == h)] - middle) / scale) for h in range(24)] for d in range(7)
    ]
    day = [_quartiles(band.x[there & (hour == h)]) for h in range(24)]
    return {"week": week, "day": day}


def _mean(x: Vector) -> float | None:
    return round(float(np.mean(x)), 3) if len(x) else None


def _quartiles(x: Vector) -> list[float | None]:
    if not len(x):
        return [None] * 5
    return [float(f"{q:.5g}") for q in np.quantile(x, [0.05, 0.25, 0.5, 0.75, 0.95])]
