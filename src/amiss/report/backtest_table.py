"""A backtest on the terminal: a line for each promise, and one for each event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amiss.evaluate.backtest import Backtest
from amiss.pipeline.series_rows import duration_words
from amiss.report.columns import Column, print_columns
from amiss.report.moments import moment_words

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_backtest"]


def print_backtest(console: Console, told: Backtest, n: int) -> None:
    """Print what was read, what each promise would have raised, and when the first `n` events were told."""
    from rich.markup import escape

    span = f" over {duration_words(told.span_seconds)}" if told.span_seconds else ""
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
    timed = told.span_seconds is not None
    columns = [
        Column("false alarms asked for"), Column("alarms", True), *([Column("a day", True, 2)] if timed else []),
        Column("without event", True, 1), Column("events found", True), Column("median delay", True),
    ]  # fmt: skip
    rows = []
    for tried in told.tried:
        words = [tried.asked, f"{tried.n_alarms:,}"]
        words += [f"{tried.alarms_per_day:.3g}"] if timed and tried.alarms_per_day is not None else []
        words += [f"{tried.n_false:,}", f"{tried.n_found:,} of {len(told.events):,}"]
        words += [_wait(tried.median_delay_rows, tried.median_delay_seconds)]
        rows.append(words)
    print_columns(console, columns, rows)


def _print_events(console: Console, told: Backtest, n: int) -> None:
    entity = any(event.entity for event in told.events)
    columns = [Column("from"), Column("to", drop=2), *([Column("entity")] if entity else [])]
    columns += [Column(tried.asked, True) for tried in told.tried]
    rows = []
    for event in told.events[:n]:
        words = [moment_words(event.start, event.first_row), moment_words(event.end, event.last_row)]
        words += [event.entity or ""] if entity else []
        words += [_wait(r, s) for r, s in zip(event.delay_rows, event.delay_seconds, strict=True)]
        rows.append([*words, event.reason] if not told.labelled else words)
    print_columns(console, columns, rows, sentence="" if told.labelled else "what it was")
    if len(told.events) > n:
        console.print(f"and {len(told.events) - n:,} more: --top N, or --format json", highlight=False)


def _wait(rows: float | None, seconds: float | None) -> str:
    if rows is None:
        return "-"
    if seconds is None:
        return f"{rows:g} row{'' if rows == 1 else 's'}"
    return duration_words(seconds) if seconds else "at once"
