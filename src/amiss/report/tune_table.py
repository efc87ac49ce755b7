"""What came of tuning on the terminal: a line for each setting that came far, and what to make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amiss.evaluate.tune import Tuning
from amiss.report.columns import Column, print_columns

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_tuning", "tuning_records"]

_LISTED = 8


def print_tuning(console: Console, found: Tuning) -> None:
    """Print the best settings and the defaults, the figures on unseen rows, and the sentence."""
    from rich.markup import escape

    names = sorted({name for setting in found.settings for name in setting.params})
    console.print(f"[bold]{escape(found.name)}[/]  {found.detector}: {len(found.settings)} settings tried")
    console.print()
    shown = list(found.settings[:_LISTED])
    shown += [setting for setting in found.settings[_LISTED:] if not setting.params]
    columns = [Column(name, True, 0 if k < 3 else k) for k, name in enumerate(names)]
    columns += [Column("rows learnt", True, 2), Column(found.measure, True)]
    lines = []
    for setting in shown:
        own = [str(setting.params.get(name, "default" if not setting.params else "")) for name in names]
        value = setting.failure if setting.failure else f"{setting.value:.3f}"
        lines.append([*own, f"{setting.n_rows:,}", value])
    print_columns(console, columns, lines)
    if len(found.settings) > len(shown):
        console.print(f"  and {len(found.settings) - len(shown)} more", highlight=False)
    if found.comparison is not None:
        console.print()
        for each in found.comparison.candidates:
            told = f"not judged: {each.failure}" if each.judged is None else _told(found, each.judged.figures)
            console.print(f"  on unseen rows, {escape(each.name)}: {escape(told)}", highlight=False)
    console.print()
    console.print(f"[bold]{escape(str(found))}[/]", highlight=False)


def tuning_records(found: Tuning) -> list[dict[str, Any]]:
    """One record for each setting, the best first."""
    return [
        {
            "params": dict(setting.params), "n_rows": setting.n_rows,
            "value": setting.value if setting.value > float("-inf") else None, "failure": setting.failure,
        }
        for setting in found.settings
    ]  # fmt: skip


def _told(found: Tuning, figures: Any) -> str:
    return f"{found.measure} {figures[found.measure]}, false alarms {figures['false_alarm_rate']}"
