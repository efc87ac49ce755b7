"""Options that several verbs share, and how they become a Recipe."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from amiss.pipeline.model import Model
    from amiss.pipeline.recipe import Recipe

__all__ = [
    "Budget",
    "Causal",
    "Clean",
    "Config",
    "Entity",
    "EventForm",
    "EventFormat",
    "Exclude",
    "Explain",
    "FailOn",
    "FalseAlarmsWish",
    "FalseDiscoveriesWish",
    "Form",
    "Format",
    "IfExists",
    "IfExistsWish",
    "Ignore",
    "Jobs",
    "Kind",
    "KnownGood",
    "Label",
    "LimitWish",
    "Name",
    "NewBy",
    "Normal",
    "Output",
    "Query",
    "Report",
    "Seed",
    "Select",
    "State",
    "Target",
    "Time",
    "Top",
    "make_recipe",
    "promising",
    "seconds_of",
    "share_of",
    "table_to_write",
]  # fmt: skip


_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class Form(StrEnum):
    """How results are printed."""

    table = "table"
    json = "json"
    ndjson = "ndjson"
    csv = "csv"


class EventForm(StrEnum):
    """How results with events are printed: as others, or as other systems take events."""

    table = "table"
    json = "json"
    ndjson = "ndjson"
    csv = "csv"
    ecs = "ecs"
    cef = "cef"
    syslog = "syslog"


class IfExists(StrEnum):
    """What becomes of a table that is there already."""

    fail = "fail"
    append = "append"
    replace = "replace"  # type: ignore[assignment]


FalseAlarmsWish = Annotated[
    str | None,
    typer.Option(
        "--false-alarms",
        metavar="N",
        help="Most normal rows that may raise an alarm: 1%, 5 (rows), 1/day. Default 1%.",
    ),
]
FalseDiscoveriesWish = Annotated[
    str | None,
    typer.Option(
        "--false-discoveries",
        metavar="SHARE",
        help="Instead: the share of the alarms that may be false, such as 10%.",
    ),
]
LimitWish = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="COL<=X",
        help="What a column may be, such as 'temperature<=80'; rows beyond are alarms. Repeatable; also >=.",
    ),
]
Clean = Annotated[
    bool | None,
    typer.Option("--clean", help="All rows learnt from are normal: distrust none, and calibrate on all."),
]
Kind = Annotated[
    str | None, typer.Option("--kind", metavar="KIND", help="table, series or network; recognised by default.")
]
Label = Annotated[
    str | None,
    typer.Option("--label", metavar="COL", help="Column that says which rows are anomalies: 1, or words for kinds."),
]
Normal = Annotated[
    str | None, typer.Option("--normal", metavar="WORD", help="The label's word for a normal row, if it is not plain.")
]
Causal = Annotated[
    bool | None,
    typer.Option("--causal", help="Judge each row by those before it alone: what would have been said at the time."),
]
Time = Annotated[
    str | None,
    typer.Option("--time", metavar="COL", help="Column that holds the time; DATE+TIME where it stands in two."),
]
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
Budget = Annotated[
    str | None,
    typer.Option("--budget", metavar="TIME", help="Begin nothing new after so long: 90s, 10m, 1h. What is left tunes."),
]
Jobs = Annotated[
    int, typer.Option("--jobs", metavar="N", min=-1, help="Processes; −1 is one for each processor, 1 uses threads.")
]
Select = Annotated[
    str | None,
    typer.Option("--select", metavar="HOW", help="Choose columns by the rows learnt from: heavy_tails, model, l1 …"),
]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="Seed of everything random, from 0.")]
Format = Annotated[Form, typer.Option("--format", help="How the result is printed.")]
EventFormat = Annotated[
    EventForm,
    typer.Option("--format", help="How the result is printed; ecs, cef and syslog print events, one a line."),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="RULE",
        help="Network events not to tell: 'host 10.0.0.5', 'kind beaconing and port 123/udp' …; repeatable.",
    ),
]
KnownGood = Annotated[
    list[str] | None,
    typer.Option("--known-good", metavar="FILE", help="Capture, log or folder of good network traffic; repeatable."),
]


def table_to_write(what: str) -> Any:
    """The option that names the file of a table."""
    return typer.Option("-o", "--output", metavar="FILE", help=f"{what}: .parquet .arrow .csv .tsv .jsonl (.gz).")


Output = Annotated[Path | None, table_to_write("Write all rows, scored")]
Target = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Write all rows, scored: .parquet .arrow .csv .tsv .jsonl (.gz), or a table: sqlite:///FILE#TABLE, "
        "duckdb:///FILE#TABLE, postgresql://HOST/DB#TABLE.",
    ),
]
Query = Annotated[
    str | None,
    typer.Option(
        "--query",
        metavar="SELECT",
        help="What to read of a database, where FILE is sqlite:///FILE, duckdb:///FILE or postgresql://HOST/DB.",
    ),
]
IfExistsWish = Annotated[
    IfExists | None,
    typer.Option(
        "--if-exists",
        help="What becomes of a table that -o names and that is there: fail, unless --new-by appends.",
    ),
]
NewBy = Annotated[
    str | None,
    typer.Option(
        "--new-by",
        metavar="COL",
        help="Only rows that are new since the last run: those above the highest value of this column then.",
    ),
]
State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="FILE",
        help="Where --new-by keeps how far it has come; with -o to a table it is kept beside that.",
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
        help="Tell all about one row, counted from 0, in place of the list: why, its likes, what would make it normal. "
        "As csv: the row with its reason.",
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
    from amiss.thresholds.limits import beside, read_limits

    recipe = read_recipe(config) if config is not None else Recipe()
    changes = {name: value for name, value in given.items() if value is not None}
    # A promise given here takes the place of whichever the file holds.
    wishes = {"false_alarms", "false_discoveries"}
    if wishes & changes.keys():
        changes = dict.fromkeys(wishes) | changes
    if "limits" in changes:
        changes["limits"] = beside(recipe.limits, read_limits(changes["limits"]))
    for several in ("ignore", "exclude", "known_good"):
        if several in changes:
            changes[several] = tuple(changes[several])
    return msgspec.structs.replace(recipe, **changes).checked()


def seconds_of(text: str | None) -> float | None:
    """A time such as 90s, 10m, 1h or 7d in seconds."""
    import re

    from amiss.core.errors import ParameterError

    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip())
    if not found:
        raise ParameterError(f"budget {text!r} is no time", mend="give one such as 90s, 10m or 1h")
    return float(found[1]) * _SECONDS[found[2] or "s"]


def share_of(text: str, what: str = "false alarms") -> float:
    """A share such as 5% or 0.01, in (0, 1)."""
    from amiss.core.errors import ParameterError

    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise ParameterError(f"{what} {text!r} are no share of the rows", mend="give one such as 5% or 0.01")
    return share


def promising(model: Model, false_alarms: str | None, false_discoveries: str | None) -> Model:
    """The model under the promise that was given, if one was."""
    from amiss.thresholds.promise import read_wish

    read_wish(false_alarms, false_discoveries)
    if false_alarms is not None:
        return model.with_false_alarms(false_alarms)
    return model if false_discoveries is None else model.with_false_discoveries(false_discoveries)
