"""A comparison of two tables on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amiss.evaluate.findings import ColumnDrift, Compared, Drift
from amiss.evaluate.wording import chance
from amiss.report.columns import Column, print_columns

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
    return f"{side.name}, {side.n_rows:,} row{'' if side.n_rows == 1 else 's'}{span}"


def _print_columns(console: Console, drift: Drift) -> None:
    columns = [
        Column("column"), Column("drift"), Column("PSI", True, 2), Column("shift", True, 1), Column("p", True, 3),
    ]  # fmt: skip
    # What drifted is never cut off; of the rest a few show that it was looked at.
    n_shown = max(_MOST_COLUMNS, len(drift.drifted))
    shown = drift.columns[:n_shown]
    styles = ["" if column.severity != "none" else "dim" for column in shown]
    print_columns(console, columns, [_line(c) for c in shown], sentence="what has changed", styles=styles)
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
