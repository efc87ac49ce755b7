"""A backtest as an HTML page: alarms over the history by promise, and when each event was told."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from amiss.evaluate.replayed import Backtest
from amiss.pipeline.series_rows import duration_words
from amiss.report.backtest_table import event_words, promise_words
from amiss.report.frame import filled, framed, notes_html, tiles, versions
from amiss.report.moments import moment_words, seconds_of

__all__ = ["backtest_html"]

_MOST_EVENTS, _MOST_ALARMS = 500, 2000


def backtest_html(told: Backtest) -> str:
    """The report of a backtest as one HTML page."""
    promise_heads, promises = promise_words(told)
    event_heads, events = event_words(told, _MOST_EVENTS)
    n = len(told.events)
    body = filled(
        "backtest.html",
        tiles=tiles(_tiles(told)),
        notes=notes_html(told.notes),
        span=html.escape(_span(told)),
        promise_heads=_heads(promise_heads),
        promises=_rows(promises),
        events_title=f"{n:,} event{'' if n == 1 else 's'} {'labelled' if told.labelled else 'seen with hindsight'}",
        events_hint="How long after its start each was told, by promise; - where it was not."
        + (f" The first {_MOST_EVENTS} of them." if n > _MOST_EVENTS else ""),
        event_heads=_heads(event_heads),
        events=_rows(events),
        versions=html.escape(versions()),
    )
    lead = f"{told.n_rows:,} rows, replayed: each is judged by those before it alone"
    scripts = ("common.js", "backtest.js")
    return framed(body, _data(told), scripts, title=f"{told.name}: backtest", name=told.name, lead=lead)


def _tiles(told: Backtest) -> list[tuple[str, str]]:
    n = len(told.events)
    return [
        (duration_words(told.span_seconds) if told.span_seconds else f"{told.n_rows:,} rows", "of history"),
        (f"{n:,}", f"event{'' if n == 1 else 's'}, {'by labels' if told.labelled else 'with hindsight'}"),
        *((f"{t.n_found:,} of {n:,}", f"told in time at {t.asked}, with {t.n_alarms:,} alarms") for t in told.tried),
    ]


def _span(told: Backtest) -> str:
    if told.start is None or told.end is None:
        return "Rows are the clock, counted from 0."
    zone = " UTC" if told.start.endswith("Z") else ""
    return f"{moment_words(told.start, None)} to {moment_words(told.end, None)}{zone}."


def _heads(words: Sequence[str]) -> str:
    return "".join(f'<th scope="col">{html.escape(word)}</th>' for word in words)


def _rows(rows: Sequence[Sequence[str]]) -> str:
    return "".join("<tr>" + "".join(f"<td>{html.escape(word)}</td>" for word in row) + "</tr>" for row in rows)


def _data(told: Backtest) -> dict[str, Any]:
    """Where events and alarms stand, in seconds or in rows."""
    timed = told.span_seconds is not None

    def place(moment: str | None, row: int) -> float:
        seconds = seconds_of(moment) if timed else None
        return float(row) if seconds is None else seconds

    events = [
        [place(e.start, e.first_row), place(e.end, e.last_row), _named(e.entity, e.start, e.first_row, e.reason)]
        for e in told.events[:_MOST_EVENTS]
    ]
    lanes = [
        {
            "asked": tried.asked,
            "alarms": [
                [place(a.time, a.row), a.in_event, _named(a.entity, a.time, a.row, "" if a.in_event else "no event")]
                for a in tried.alarms[:_MOST_ALARMS]
            ],
        }
        for tried in told.tried
    ]
    start, end = (told.start, told.end) if timed else (None, None)
    return {
        "timed": timed, "start": place(start, 0), "end": place(end, told.n_rows - 1), "events": events, "lanes": lanes,
    }  # fmt: skip


def _named(entity: str | None, moment: str | None, row: int, words: str) -> str:
    return " · ".join(part for part in (entity, moment_words(moment, row), words) if part)
