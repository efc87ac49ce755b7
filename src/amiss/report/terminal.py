"""A result on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from amiss.core.finding import FullExplanation
from amiss.core.schema import ColumnSchema
from amiss.pipeline.result import Result
from amiss.pipeline.series_result import SeriesResult
from amiss.report.columns import Column, print_columns
from amiss.report.moments import moment_words
from amiss.report.promise import promise_lines, series_promise_lines

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_explanation", "print_result", "rows_listed"]

_MOST_NAMES = 6


def print_result(console: Console, result: Result, n: int) -> None:
    """Print what was read, what was promised, and the `n` most anomalous rows with their reasons."""
    from rich.markup import escape

    promise = result.promise
    console.print(
        f"[bold]{escape(result.source.name)}[/]  {_rows(len(result))}, "
        f"{result.n_columns} column{'' if result.n_columns == 1 else 's'}, "
        f"kind: {result.kind}, detector: {result.model.recipe.detector}"
    )
    learnt = not result.model.threshold.same_rows
    if learnt:
        # The model's columns are not those of these rows: what is missing there need not be missing here.
        console.print(f"  as learnt from {escape(result.model.facts.name)}:", highlight=False)
    for line in column_lines(result.schema.columns):
        console.print(f"  {'  ' if learnt else ''}{escape(line)}", highlight=False)
    for note in result.notes:
        console.print(f"  note: {escape(note)}", highlight=False)
    if isinstance(result, SeriesResult):
        for line in series_promise_lines(promise, result.n_promised):
            console.print(f"  {escape(line)}", highlight=False)
        console.print()
        _print_events(console, result, n)
        return
    if result.model.threshold.same_rows:
        reached = f"{result.n_anomalies / len(result):.3%}".rstrip("%").rstrip("0").rstrip(".") + "%"
        said = f"{_rows(result.n_anomalies)} ({reached})"
    else:
        said = f"{_rows(result.n_anomalies)}; {promise.reached:.2%} of the rows that the model was calibrated on"
    if result.beyond.any():
        said += f"; {_rows(int(result.beyond.sum()))} beyond a limit among them"
    console.print(f"  false alarms: at most {escape(promise.asked)}; raised by {said}", highlight=False)
    for line in promise_lines(promise):
        console.print(f"  {escape(line)}", highlight=False)
    console.print()
    if result.timed and result.n_events:
        _print_events(console, result, n)
    else:
        _print_rows(console, result, n)


def rows_listed(result: Result, n: int) -> npt.NDArray[np.int64]:
    """Positions of the rows whose reasons `print_result` prints."""
    if result.timed and result.n_events:
        return np.array([event.peak_row for event in result.top_events(n)], np.int64)
    return result.ranking(n)


def print_explanation(console: Console, result: Result, found: FullExplanation) -> None:
    """Print all that can be told of one row: why, beside its likes, and what would make it normal."""
    from rich.markup import escape
    from rich.text import Text

    alarm = "raises an alarm" if found.is_anomaly else "raises no alarm"
    console.print(
        f"[bold]{escape(result.source.name)}, row {found.row:,}[/] (from 0): {alarm}, "
        f"score {found.score:.2f}, p {found.p_value:.2g}",
        highlight=False,
    )
    console.print(Text(f"  why: {found.reason}"))
    console.print(Text(f"  normal again: {found.change}\n"))
    drop = dict(found.permutation)
    n_near = len(found.nearest)
    columns = [
        Column("column"), Column("blame", True, n_near + 2), Column("without it", True, n_near + 1),
        Column("value", True), Column("usual", True),
        *(Column(f"normal row {k + 1}", True, n_near - k) for k in range(n_near)),
    ]  # fmt: skip
    shown = result.shown(found.row)
    rows = []
    for c in found.contributions:
        without = f"{-drop[c.column]:+.2f}" if c.column in drop else ""
        likes = [near.shown[c.column] for near in found.nearest]
        rows.append((c.column, f"{c.share:.0%}", without, shown[c.column], c.usual, *likes))
    print_columns(console, columns, rows)
    if found.nearest:
        console.print(
            "without it: change of the score with other normal rows' values; normal rows: the nearest, the first at "
            f"{found.nearest[0].distance:.1f} robust standard deviations",
            style="dim",
        )


def _rows(n: int) -> str:
    return f"{n:,} row" if n == 1 else f"{n:,} rows"


def column_lines(columns: tuple[ColumnSchema, ...]) -> list[str]:
    """What was done with the columns, a line for each role."""
    lines = []
    verbs = {
        "number": "ranked as numbers", "category": "ranked as categories", "time": "time", "entity": "entity",
        "label": "left out, looks like a label", "identifier": "left out, identifier", "constant": "left out, constant",
        "empty": "left out, empty", "text": "shown, not ranked", "ignored": "left out",
    }  # fmt: skip
    for role, verb in verbs.items():
        names = [c.name + (f" ({c.missing:.1%} missing)" if c.missing and role in ("number", "category") else "")
                 for c in columns if c.role == role]  # fmt: skip
        if names:
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            lines.append(f"{verb}: {', '.join(names[:_MOST_NAMES])}{more}")
    lines += [
        f"{c.name}: {c.note}"
        for c in columns
        if c.role in ("number", "entity", "time") and c.note not in ("", "as asked")
    ]
    return lines


def _print_rows(console: Console, result: Result, n: int) -> None:
    from rich.text import Text

    chances = result.probabilities
    columns = [Column(""), Column("row (from 0)", True), Column("score", True, 2), Column("p", True, 1)]
    columns += [] if chances is None else [Column("probability", True, 3)]
    rows = [
        (
            Text("●", style="red") if e.is_anomaly else "",
            str(e.row),
            f"{e.score:.2f}",
            f"{e.p_value:.2g}",
            *(() if chances is None else (f"{chances[e.row]:.2g}",)),
            e.reason,
        )
        for e in result.explain_top(n)
    ]
    print_columns(console, columns, rows, sentence="reason")
    if result.n_anomalies:
        console.print("● raises an alarm", style="dim")


def _print_events(console: Console, result: Result, n: int) -> None:
    """Alarms close in time belong together: one line for each event, worded by its highest row."""
    n_events, entity = result.n_events, result.schema.first("entity")
    if not n_events:
        console.print("[bold]nothing stands out[/]")
        return
    shown = result.top_events(n)
    n_gaps = sum(event.kind == "gap" for event in result.events) if isinstance(result, SeriesResult) else 0
    counts = [(n_events - n_gaps, "event"), (n_gaps, "gap")]
    said = " and ".join(f"{k:,} {what}{'' if k == 1 else 's'}" for k, what in counts if k)
    console.print(f"[bold]{said}[/]" + (", the most severe first" if n_events > 1 else ""))
    kinds = any(event.kind for event in shown)
    causal = any(event.raised_row is not None for event in shown)
    columns = [
        *([Column("raised")] if causal else []), Column("from"), Column("to", drop=5),
        *([Column(entity)] if entity else []), *([Column("kind")] if kinds else []),
        Column("alarms", True, 3), Column("peak row", True, 2), Column("score", True, 4), Column("p", True, 1),
    ]  # fmt: skip
    rows = []
    for event in shown:
        words = [moment_words(event.raised, event.raised_row)] if causal else []
        words += [moment_words(event.start, event.first_row)]
        lasts = event.end != event.start or event.last_row != event.first_row
        words += [moment_words(event.end, event.last_row) if lasts else ""]
        words += [event.entity or ""] if entity else []
        words += [(event.kind or "").replace("_", " ")] if kinds else []
        words += [str(event.n_alarms), str(event.peak_row), f"{event.score:.2f}"]
        words += ["" if event.p_value is None else f"{event.p_value:.2g}"]
        rows.append([*words, event.reason])
    print_columns(console, columns, rows, sentence="reason")
    if n_events > n:
        console.print(f"and {n_events - n:,} more: --top N", highlight=False)
