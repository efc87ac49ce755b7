"""`amiss demo`: a pumping station with planted faults, made here, looked at with no settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amiss.cli.show import progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from amiss.core.finding import Event
    from amiss.datasets import Plant
    from amiss.pipeline.result import Result

__all__ = ["demo"]


def demo(
    folder: Annotated[
        str, typer.Option("--folder", metavar="DIR", help="Where the table and the report are put.")
    ] = "amiss-demo",
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of everything random, from 0.")] = 0,
) -> None:
    """Make a plant's history with planted faults, detect with no settings, compare, write a report.

    \b
    Examples:
      amiss demo
      amiss demo --folder plant --seed 7
    """
    from rich.console import Console

    from amiss.datasets import make_plant
    from amiss.io.files.sink import write_table
    from amiss.pipeline.api import detect_source
    from amiss.pipeline.opening import open_source
    from amiss.pipeline.recipe import Recipe
    from amiss.report.terminal import print_result

    plant = make_plant(seed=seed)
    table, page = _places(folder, plant)
    write_table(table, iter([plant.frame.table]))
    with progress_bar() as progress:
        result = detect_source(open_source(table), Recipe(), progress=progress)
    result.report(page)
    console = Console(width=None if Console().is_terminal else 140)
    print_result(console, result, 8)
    _compare(console, plant, result)
    console.print(f"\nthe table:  {table}\nthe report: {page.resolve()}", highlight=False, markup=False, soft_wrap=True)


def _places(folder: str, plant: Plant) -> tuple[Path, Path]:
    """Where the table and the report go: nothing that someone else has written is written over."""
    from amiss.core.errors import ConnectorError, ParameterError

    if not folder:
        raise ParameterError("the name of the folder is empty", mend="give --folder DIR")
    table, page = Path(folder) / "plant.csv", Path(folder) / "report.html"
    marks = {table: ",".join(plant.frame.names).encode() + b"\n", page: b'<meta name="generator" content="amiss">'}
    for place, mark in marks.items():
        if place.exists() and not (place.is_file() and mark in place.read_bytes()[:500]):
            raise ConnectorError("this is not of amiss demo's making", where=str(place), mend="give another --folder")
    table.parent.mkdir(parents=True, exist_ok=True)
    return table, page


def _compare(console: Console, plant: Plant, result: Result) -> None:
    from rich.text import Text

    from amiss.report.columns import Column, print_columns

    columns = [
        Column("planted fault"), Column("pump"), Column("from", drop=2), Column("rows", True, 1),
        Column("alarms", True, 3), Column(""),
    ]  # fmt: skip
    rows = []
    n_found = 0
    for fault in plant.faults:
        n_alarms = int(result.is_anomaly[fault.rows].sum())
        n_found += n_alarms > 0
        start = str(fault.start)[:16].replace("T", " ")
        told = f"{fault.kind} in {', '.join(fault.columns)}"
        said = Text("found", style="green") if n_alarms else Text("missed", style="red")
        rows.append((told, fault.pump, start, str(len(fault.rows)), str(n_alarms), said))
    console.print()
    print_columns(console, columns, rows)
    n_beside = sum(not _touches(event, plant) for event in result.events)
    console.print(
        f"\nfound {n_found} of {len(plant.faults)} planted faults; {n_beside} of {len(result.events)} events are "
        f"beside them (asked: {result.promise.asked})",
        highlight=False,
    )


def _touches(event: Event, plant: Plant) -> bool:
    """Whether a planted fault of the event's pump lies in it."""
    return any(
        fault.pump == event.entity and event.first_row <= fault.rows[-1] and event.last_row >= fault.rows[0]
        for fault in plant.faults
    )
