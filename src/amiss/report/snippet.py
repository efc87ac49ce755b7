"""A result inside a notebook: the worst rows, or the events, each with its course."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np

from amiss.core.summary import Vector
from amiss.pipeline.result import Result
from amiss.pipeline.series_result import SeriesResult

if TYPE_CHECKING:
    from amiss.core.finding import Event

__all__ = ["notebook_html"]

_LISTED = 10
_WIDTH, _HEIGHT = 220, 34
_AROUND = 2
"""Times the length of an event that is drawn on each side of it."""
_LEAST_AROUND, _MOST_POINTS = 60, 400
_LEFT = "style='text-align:left'"


def notebook_html(result: Result) -> str:
    """The ten most severe events with their course, or the ten most anomalous rows; and the promise."""
    said = f"false alarms at most {html.escape(result.promise.asked)}</p>"
    name = html.escape(result.source.name)
    if isinstance(result, SeriesResult):
        return f"<p><b>{name}</b>: {len(result.events):,} events in {len(result):,} rows; {said}{_events(result)}"
    lines = "".join(
        f"<tr><td>{'●' if e.is_anomaly else ''}</td><td>{e.row}</td><td>{e.score:.2f}</td><td>{e.p_value:.2g}</td>"
        f"<td {_LEFT}>{html.escape(e.reason)}</td></tr>"
        for e in result.explain_top(_LISTED)
    )
    return (
        f"<p><b>{name}</b>: {result.n_anomalies:,} anomalies in {len(result):,} rows; {said}"
        f"<table><thead><tr><th></th><th>row</th><th>score</th><th>p</th><th {_LEFT}>reason</th></tr>"
        f"</thead><tbody>{lines}</tbody></table>"
    )


def _events(result: SeriesResult) -> str:
    lines = "".join(
        f"<tr><td {_LEFT}>{html.escape(e.kind or '')}</td><td {_LEFT}>{html.escape(e.entity or '')}</td>"
        f"<td>{_course(result, e)}</td><td {_LEFT}>{html.escape(e.reason)}</td></tr>"
        for e in result.events[:_LISTED]
    )
    heads = "".join(f"<th {_LEFT}>{head}</th>" for head in ("kind", "of", "course", "what"))
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"


def _course(result: SeriesResult, event: Event) -> str:
    """A small picture of the channel most to blame, the event in red."""
    if not event.channels:
        return ""
    name = event.channels[0].column
    features = result.model.preparation.numbers
    member = next((each for each in result.series.members if each.entity == event.entity), None)
    if member is None or name not in features:
        return ""
    values = member.clock.from_grid(member.grid[:, features.index(name)], np.nan)
    order = np.argsort(member.rows, kind="stable")
    rows, values = member.rows[order], values[order]
    first, last = np.searchsorted(rows, [event.first_row, event.last_row])
    wide = max(_AROUND * int(last - first + 1), _LEAST_AROUND)
    a, b = max(int(first) - wide, 0), min(int(last) + wide + 1, len(rows))
    return _line(values[a:b], int(first) - a, int(last) - a)


def _line(values: Vector, first: int, last: int) -> str:
    step = -(-len(values) // _MOST_POINTS)
    places = np.unique(np.append(np.arange(0, len(values), step), np.arange(first, last + 1, step)))
    there = places[np.isfinite(values[places])]
    if len(there) < 2:
        return ""
    low, high = float(values[there].min()), float(values[there].max())
    x = there * (_WIDTH / max(len(values) - 1, 1))
    y = _HEIGHT - 2 - (values[there] - low) / ((high - low) or 1.0) * (_HEIGHT - 4)
    whole = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    odd = (there >= first) & (there <= last)
    part = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[odd], y[odd], strict=True))
    return (
        f"<svg width='{_WIDTH}' height='{_HEIGHT}' role='img' aria-label='course'>"
        f"<polyline points='{whole}' fill='none' stroke='#888' stroke-width='1'/>"
        f"<polyline points='{part}' fill='none' stroke='#d33' stroke-width='2' stroke-linecap='round'/></svg>"
    )
