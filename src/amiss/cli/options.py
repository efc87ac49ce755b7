"""Options that several verbs share, and how they become a Recipe."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from amiss.pipeline.recipe import Recipe

__all__ = [
    "Config", "Entity", "Explain", "FailOn", "FalseAlarmsWish", "Form", "Format", "Ignore", "Kind", "Name", "Output",
    "Report", "Seed", "Time", "Top", "make_recipe",
]  # fmt: skip


class Form(StrEnum):
    """How results are printed."""

    table = "table"
    json = "json"
    ndjson = "ndjson"
    csv = "csv"


FalseAlarmsWish = Annotated[
    str | None,
    typer.Option(
        "--false-alarms",
        metavar="N",
        help="Most normal rows that may raise an alarm: 1%, 5 (rows), 1/day. Default 1%.",
    ),
]
Kind = Annotated[str | None, typer.Option("--kind", metavar="KIND", help="table or series; recognised by default.")]
Time = Annotated[str | None, typer.Option("--time", metavar="COL", help="Column that holds the time.")]
Entity = Annotated[
    str | None, typer.Option("--entity", metavar="COL", help="Column that names the device, host or user.")
]
Ignore = Annotated[list[str] | None, typer.Option("--ignore", metavar="COL", help="Column to leave out; repeatable.")]
Name = Annotated[
    str | None,
    typer.Option("--detector", metavar="NAME", help="One detector instead of the default ensemble."),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Recipe in TOML; options given here overrule it."),
]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="Seed of everything random, from 0.")]
Format = Annotated[Form, typer.Option("--format", help="How the result is printed.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Write all rows, scored: .parquet .arrow .csv .tsv .jsonl (.gz).",
    ),
]
Report = Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write an HTML report.")]
Top = Annotated[
    int | None,
    typer.Option("--top", metavar="N", min=0, help="Rows to list; by default 10 in a table, all alarms otherwise."),
]
Explain = Annotated[
    int | None,
    typer.Option(
        "--explain",
        metavar="ROW",
        min=0,
        help="Tell all about one row, counted from 0, in place of the list: why, its likes, what would make it normal.",
    ),
]
FailOn = Annotated[
    int | None,
    typer.Option("--fail-on", metavar="N", min=1, help="End with exit code 1 if at least N rows raise an alarm."),
]


def make_recipe(config: Path | None, **given: Any) -> Recipe:
    """The recipe of a configuration file, overruled by the options that were given."""
    import msgspec

    from amiss.pipeline.recipe import Recipe, read_recipe

    recipe = read_recipe(config) if config is not None else Recipe()
    changes = {name: value for name, value in given.items() if value is not None}
    if "ignore" in changes:
        changes["ignore"] = tuple(changes["ignore"])
    return msgspec.structs.replace(recipe, **changes).checked()
