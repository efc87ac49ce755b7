"""The numbers behind a series' report: channels, bands and events, small enough to travel inside the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Event
from amiss.core.summary import Matrix
from amiss.pipeline.series_result import SeriesResult
from amiss.pipeline.series_rows import Member
from amiss.report.block import Block
from amiss.report.calendar_figures import Calendar
from amiss.report.layers import Grain, add_values, stretches, wide
from amiss.report.moments import moment_words
from amiss.report.track import TrackMaker

__all__ = ["series_data"]

_MOST_EVENTS, _MOST_MARKED = 200, 2000
_MOST_TRACKS = 24
_MOST_STEPS = 8_000_000
"""Of all tracks together: each is taken apart, which takes time."""
_VALUES, _BANDS, _SCORES = 92_000, 14_000, 12_000
"""Numbers in the page, of all tracks together, away from events."""
_NEAR = 45_000
"""Numbers of each kind (values, bands) in the page, of all tracks together, near events."""
_SCORE_UNIT = 0.02
_LONGEST_NEAR, _SHORTEST_NEAR = 600, 60
_SAMPLED = 400
"""Usual rows of each series that are drawn as a cloud."""
_IN_EVENTS, _MOST_IN_EVENT, _FEWEST_IN_EVENT = 16_000, 60, 6
"""Values of the rows of all events that are drawn in the cloud; rows of each."""
_FARTHEST = 8.0
"""Robust deviations at which a value is cut for correlations: one spike must not make two channels alike."""
_CORRELATED = 20_000
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Seen:
    """One series of the page: its number in the result, its channels, and its events, the most severe first."""

    k: int
    member: Member
    channels: list[int]
    alike: Matrix
    spans: list[Pair]


def series_data(result: SeriesResult) -> dict[str, Any]:
    """Everything that the page shows, as plain lists and numbers, and a block of packed arrays."""
    events = result.events[:_MOST_EVENTS]
    seen = _seen(result, events)
    names = result.model.preparation.features
    block = Block()
    tracks: list[dict[str, Any]] = []
    series: list[dict[str, Any]] = []
    place: dict[Pair, int] = {}
    n_tracks = max(1, sum(len(one.channels) for one in seen))
    for number, one in enumerate(seen):
        grain = _grain(one, n_tracks)
        maker = TrackMaker(result.story(one.k), grain, Calendar.of(one.member.clock), block)
        rows = _usual_rows(one)
        for j in one.channels:
            place[one.k, j] = len(tracks)
            tracks.append({"series": number, **maker.track(j, names[j], rows)})
        series.append(_series(result, one, grain, rows, len(seen), block))
    alarms = [float(s[h].min()) for s, h in ((each.scores, each.high) for each in result.judged) if h.any()]
    return {
        "entities": result.schema.first("entity"),
        "n_events": len(result.events),
        "threshold": round(min(alarms), 4) if alarms else None,
        "series": series,
        "tracks": tracks,
        "events": [_told(result, event, seen, place, tracks, block) for event in events],
        "numbers": block.text(),
    }


def _seen(result: SeriesResult, events: list[Event]) -> list[_Seen]:
    """Series and channels of the page: what events are in first, then what goes with it; or else the longest."""
    names = result.model.preparation.features
    numbers = {member.entity: k for k, member in enumerate(result.series.members)}
    blamed = [(numbers[e.entity], [names.index(c.column) for c in e.channels]) for e in events]
    wanted = [(k, j) for k, channels in blamed for j in channels[:1]]
    wanted += [(k, j) for k, channels in blamed for j in channels[1:]]
    longest = max(range(len(result.series.members)), key=lambda k: result.series.members[k].clock.n_cells)
    first = list(dict.fromkeys(k for k, _ in wanted))[:_MOST_TRACKS] or [longest]
    wanted += [(k, j) for k in first for j in _by_likeness(result.series.members[k], k, wanted)]
    n_cells = result.series.members[longest].clock.n_cells
    most = max(1, min(_MOST_TRACKS, _MOST_STEPS // max(n_cells, 1)))
    chosen = list(dict.fromkeys(wanted))[:most]
    seen = []
    for k in dict.fromkeys(k for k, _ in chosen):
        channels = sorted(j for one, j in chosen if one == k)
        member = result.series.members[k]
        spans = [_span(member, e) for e in events if e.entity == member.entity]
        seen.append(_Seen(k, member, channels, _alike(member, channels), spans))
    return seen


def _by_likeness(member: Member, k: int, wanted: list[Pair]) -> list[int]:
    """Channels of a series, those most like the one first blamed first."""
    all_channels = list(range(member.grid.shape[1]))
    first = next((j for one, j in wanted if one == k), 0)
    alike = np.abs(_alike(member, all_channels)[first])
    return [int(j) for j in np.argsort(-alike, kind="stable")]


def _alike(member: Member, channels: list[int]) -> Matrix:
    """Correlations of channels; 0 where one does not vary."""
    X = member.whole[:: -(-len(member.whole) // _CORRELATED) or 1][:, channels]
    gap = np.clip(X - np.median(X, axis=0), -_FARTHEST, _FARTHEST) if len(X) else X
    gap = gap - gap.mean(axis=0) if len(X) else gap
    length = np.sqrt(np.einsum("ij,ij->j", gap, gap))
    unit = np.divide(gap, length, out=np.zeros_like(gap), where=length > 0)
    alike: Matrix = unit.T @ unit
    return alike


def _span(member: Member, event: Event) -> Pair:
    """First and last step of an event."""
    rows = np.searchsorted(member.rows, [event.first_row, event.last_row])
    cells = np.sort(member.clock.cell[np.minimum(rows, len(member.rows) - 1)])
    return int(cells[0]), int(cells[1])


def _grain(one: _Seen, n_tracks: int) -> Grain:
    """How coarsely a series is shown, so that the page stays small."""
    n = one.member.clock.n_cells
    share = max(_VALUES // n_tracks, 1)
    values = 1 if n <= share else -(-2 * n // share)
    band = -(-n // max(_BANDS // n_tracks, 1))
    if values == 1 and band == 1:
        return Grain(1, 1, ())
    room = _NEAR // n_tracks
    most = int(np.clip(room // max(len(one.spans), 1), _SHORTEST_NEAR, _LONGEST_NEAR))
    windows = [wide(first, last, n) for first, last in one.spans[: max(room // most, 1)]]
    return Grain(values, band, stretches(windows, most))


def _usual_rows(one: _Seen) -> npt.NDArray[np.int64]:
    """Steps without events, evenly over the series."""
    usual = ~_empty(one.member)
    for first, last in one.spans:
        usual[first : last + 1] = False
    steps = np.flatnonzero(usual)
    # Evenly spaced steps could fall on the same hour each day; these do not.
    return np.sort(np.random.default_rng(0).permutation(steps)[:_SAMPLED])


def _series(
    result: SeriesResult, one: _Seen, grain: Grain, rows: npt.NDArray[np.int64], n_series: int, block: Block
) -> dict[str, Any]:
    member, clock = one.member, one.member.clock
    empty = _empty(member)
    scores = np.where(empty, np.nan, result.judged[one.k].scores)
    step = -(-clock.n_cells // (_SCORES // n_series or 1))
    # Where long gaps were cut short on the grid, and how many steps were cut up to there.
    cut = np.flatnonzero(np.diff(clock.step, prepend=clock.step[:1]) > 1)
    return {
        "name": member.entity, "start": clock.start, "interval": clock.interval_seconds, "n": clock.n_cells,
        "values": grain.values, "band": grain.band, "near": [list(part) for part in grain.near],
        "cuts": [[int(cell), int(clock.step[cell] - cell)] for cell in cut],
        "gaps": _runs(empty),
        "spans": [list(_span(member, e)) for e in result.events[:_MOST_MARKED] if e.entity == member.entity],
        "score": add_values(scores, Grain(step, step, grain.near), _SCORE_UNIT, block), "scored": step,
        "usual": block.add(rows.astype(np.float64), unit=1.0),
        "alike": np.round(one.alike, 2).tolist(),
    }  # fmt: skip


def _empty(member: Member) -> npt.NDArray[np.bool_]:
    """Steps at which no channel has a value."""
    return np.asarray(np.isnan(member.grid).all(axis=1), np.bool_)


def _runs(mask: npt.NDArray[np.bool_]) -> list[list[int]]:
    """First and last step of each run that is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [[int(a), int(b) - 1] for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _told(
    result: SeriesResult, event: Event, seen: list[_Seen], place: dict[Pair, int], tracks: list[dict[str, Any]],
    block: Block,
) -> dict[str, Any]:  # fmt: skip
    """An event of the page; without tracks where none of its channels is drawn."""
    names = result.model.preparation.features
    told: dict[str, Any] = {
        "entity": event.entity, "kind": event.kind or "", "score": round(event.score, 2), "p": event.p_value,
        "raised": moment_words(event.raised, event.raised_row),
        "from": moment_words(event.start, event.first_row), "to": moment_words(event.end, event.last_row),
        "reason": event.reason,
        "channels": [channel.column for channel in event.channels], "blamed": [],
    }  # fmt: skip
    one = next((one for one in seen if one.member.entity == event.entity), None)
    if one is None:
        return told
    shares = [(names.index(channel.column), channel.share) for channel in event.channels]
    told["blamed"] = [[place[one.k, j], round(share, 3)] for j, share in shares if (one.k, j) in place]
    if not told["blamed"]:
        return told
    first, last = _span(one.member, event)
    n_rows = min(_rows_of_each(seen), last - first + 1)
    rows = first + (2 * np.arange(n_rows) * (last - first) + n_rows - 1) // max(2 * (n_rows - 1), 1)
    packed = []
    for j in one.channels:
        track, values = tracks[place[one.k, j]], result.story(one.k).band(j).x[rows]
        packed.append(block.add(values, unit=track["unit"], low=track["low"])[0])
    window = wide(first, last, one.member.clock.n_cells)
    return told | {"first": first, "last": last, "window": window, "n_rows": n_rows, "rows": packed[0]}


def _rows_of_each(seen: list[_Seen]) -> int:
    """How many rows of each event are drawn in the cloud."""
    pairs = sum(len(one.channels) * len(one.spans) for one in seen)
    return int(np.clip(_IN_EVENTS // max(pairs, 1), _FEWEST_IN_EVENT, _MOST_IN_EVENT))
