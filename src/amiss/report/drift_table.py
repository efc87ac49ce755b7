"""A comparison of two tables on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amiss.evaluate.findings import ColumnDrift, Compared, Drift
from amiss.evaluate.wording import chance

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_drift"]

_MOST_COLUMNS = 20
_STYLES = {"none": "green", "slight": "yellow", "strong": "red"}


def print_drift(console: Console, drift: Drift) -> None:
    """Print the verdict, what has changed in the schema, and a line for each column, the worst first."""
    from rich.markup import escape

    console.print(f"[bold {_STYLES[drift.severity]}]drift: {drift.severity}[/]  {escape(drift.verdict)}")
    for letter, side in (("A", drift.a), ("B", drift.b)):
        console.print(f"  {letter}: {escape(_side(side))}", highlight=False)
    for change in drift.changes:
        console.print(f"  [{_STYLES[change.severity]}]column[/]: {escape(change.sentence)}", highlight=False)
    for note in drift.notes:
        console.print(f"  note: {escape(note)}", highlight=False)
    if drift.joint is not None:
        joint = drift.joint
        console.print(
            f"  all columns together: AUC {joint.auc:.2f}, {chance(joint.p_corrected)} "
            f"({joint.n_a:,} rows against {joint.n_b:,})",
            highlight=False,
        )
    console.print()
    _print_columns(console, drift)


def _side(side: Compared) -> str:
    span = f", {side.start} to {side.end}" if side.start else ""
    return f"{side.name}, {side.n_rows:,} rows{span}"


def _print_columns(console: Console, drift: Drift) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("column", no_wrap=True)
    table.add_column("drift", no_wrap=True)
    for name in ("PSI", "shift", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("what has changed", overflow="fold")
    # What drifted is never cut off; of the rest a few show that it was looked at.
    n_shown = max(_MOST_COLUMNS, len(drift.drifted))
    for column in drift.columns[:n_shown]:
        table.add_row(*(Text(word) for word in _line(column)), style="" if column.severity != "none" else "dim")
    console.print(table)
    if len(drift.columns) > n_shown:
        console.print(f"and {len(drift.columns) - n_shown:,} more without drift", style="dim")
    console.print(
        f"PSI: population stability index; shift: Wasserstein distance in standard deviations of A; "
        f"p: corrected over all tests, drift needs at most {drift.alpha:g}",
        style="dim",
    )


def _line(column: ColumnDrift) -> tuple[str, ...]:
    return (
        column.column,
        column.severity,
        "" if column.psi is None else f"{column.psi:.2f}",
        "" if column.wasserstein_standardised is None else f"{column.wasserstein_standardised:.2f}",
        chance(column.p_corrected).removeprefix("p "),
        column.sentence.removeprefix(f"{column.column} "),
    )
