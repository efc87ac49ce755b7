"""`amiss demo`: a pumping station with planted faults, made here, looked at with no settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amiss.cli.options import Seed
from amiss.cli.show import progress_bar

if TYPE_CHECKING:
    from amiss.datasets import Plant
    from amiss.pipeline.result import Result

__all__ = ["demo"]


def demo(
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="Where the table and the report are put.")
    ] = Path("amiss-demo"),
    seed: Seed = None,
) -> None:
    """Make a plant's history with planted faults, detect with no settings, compare, write a report.

    \b
    Examples:
      amiss demo
      amiss demo --folder /tmp/plant --seed 7
    """
    from rich.console import Console

    from amiss.datasets import make_plant
    from amiss.io.files.sink import write_table
    from amiss.pipeline.api import detect_source
    from amiss.pipeline.opening import open_source
    from amiss.pipeline.recipe import Recipe
    from amiss.report.terminal import print_result

    plant = make_plant(seed=seed or 0)
    folder.mkdir(parents=True, exist_ok=True)
    table, page = folder / "plant.csv", folder / "report.html"
    write_table(table, iter([plant.frame.table]))
    with progress_bar() as progress:
        result = detect_source(open_source(table), Recipe(), progress=progress)
    result.report(page)
    console = Console(width=None if Console().is_terminal else 140)
    print_result(console, result, 8)
    _compare(console, plant, result)
    console.print(f"\nthe table:  {table}\nthe report: {page.resolve()}", highlight=False, soft_wrap=True)


def _compare(console: object, plant: Plant, result: Result) -> None:
    from rich.console import Console
    from rich.table import Table

    assert isinstance(console, Console)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("planted fault", "pump", "from", "rows", "alarms", ""):
        grid.add_column(name, justify="right" if name in ("rows", "alarms") else "left")
    n_found = 0
    for fault in plant.faults:
        n_alarms = int(result.is_anomaly[fault.rows].sum())
        n_found += n_alarms > 0
        grid.add_row(
            f"{fault.kind} in {', '.join(fault.columns)}",
            fault.pump,
            str(fault.start)[:16].replace("T", " "),
            str(len(fault.rows)),
            str(n_alarms),
            "[green]found[/]" if n_alarms else "[red]missed[/]",
        )
    console.print()
    console.print(grid)
    n_beside = int((result.is_anomaly & ~plant.is_fault).sum())
    n_normal = int((~plant.is_fault).sum())
    console.print(
        f"\nfound {n_found} of {len(plant.faults)} planted faults; {n_beside} alarms on {n_normal:,} normal rows "
        f"({n_beside / n_normal:.2%}, at most {result.promise.rate:.0%} was promised)",
        highlight=False,
    )
