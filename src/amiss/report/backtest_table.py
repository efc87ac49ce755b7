"""A backtest on the terminal: a line for each promise, and one for each event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amiss.evaluate.replayed import Backtest
from amiss.pipeline.series_rows import duration_words
from amiss.report.columns import Column, print_columns
from amiss.report.moments import moment_words

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["event_words", "print_backtest", "promise_words"]


def print_backtest(console: Console, told: Backtest, n: int) -> None:
    """Print what was read, what each promise would have raised, and when the first `n` events were told."""
    from rich.markup import escape

    span = f" over {duration_words(told.span_seconds)}" if told.span_seconds else ""
    span += " (times in UTC)" if told.start is not None and told.start.endswith("Z") else ""
    console.print(f"[bold]{escape(told.name)}[/]  {told.n_rows:,} rows{span}, each judged by those before it alone")
    for note in told.notes:
        console.print(f"  note: {escape(note)}", highlight=False)
    console.print()
    _print_promises(console, told)
    console.print()
    source = "labelled" if told.labelled else "that detect finds with hindsight"
    if not told.events:
        console.print(f"[bold]no event[/] {source}")
        return
    n_events = len(told.events)
    console.print(f"[bold]{n_events:,} event{'' if n_events == 1 else 's'}[/] {source}, and the delay of the alarm")
    _print_events(console, told, n)


def _print_promises(console: Console, told: Backtest) -> None:
    heads, rows = promise_words(told)
    drops = {"without event": 1, "a day": 2}
    print_columns(console, [Column(head, k > 0, drops.get(head, 0)) for k, head in enumerate(heads)], rows)


def promise_words(told: Backtest) -> tuple[list[str], list[list[str]]]:
    """Headings, and the words of a row for each promise."""
    timed = told.span_seconds is not None
    heads = ["false alarms asked for", "alarms", *(["a day"] if timed else []), "without event", "events found",
             "median delay"]  # fmt: skip
    rows = []
    for tried in told.tried:
        words = [tried.asked, f"{tried.n_alarms:,}"]
        words += [f"{tried.alarms_per_day:.3g}"] if timed and tried.alarms_per_day is not None else []
        words += [f"{tried.n_false:,}", f"{tried.n_found:,} of {len(told.events):,}"]
        words += [_wait(tried.median_delay_rows, tried.median_delay_seconds)]
        rows.append(words)
    return heads, rows


def _print_events(console: Console, told: Backtest, n: int) -> None:
    heads, rows = event_words(told, n)
    asked = {tried.asked for tried in told.tried}
    sentence = "" if told.labelled else heads.pop()
    print_columns(
        console, [Column(head, head in asked, 2 if head == "to" else 0) for head in heads], rows, sentence=sentence
    )
    if len(told.events) > n:
        console.print(f"and {len(told.events) - n:,} more: --top N, or --format json", highlight=False)


def event_words(told: Backtest, n: int) -> tuple[list[str], list[list[str]]]:
    """Headings, and the words of a row for each of the first `n` events: when it was told, and what it was."""
    entity = [told.entity] if told.entity is not None else []
    heads = ["from", "to", *entity, *(tried.asked for tried in told.tried)] + ["what it was"] * (not told.labelled)
    rows = []
    for event in told.events[:n]:
        words = [moment_words(event.start, event.first_row), moment_words(event.end, event.last_row)]
        words += [event.entity or ""] if entity else []
        words += [_wait(r, s) for r, s in zip(event.delay_rows, event.delay_seconds, strict=True)]
        rows.append(words + ([event.reason] if not told.labelled else []))
    return heads, rows


def _wait(rows: float | None, seconds: float | None) -> str:
    if rows is None:
        return "-"
    if seconds is None:
        return f"{rows:g} row{'' if rows == 1 else 's'}"
    return duration_words(seconds) if seconds else "at once"
