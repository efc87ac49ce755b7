"""`amiss tune`: which parameters suit a detector and these rows?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amiss.cli import options
from amiss.cli.options import Form
from amiss.cli.show import cache_folder, check_file, check_not_read, progress_bar, resumable, terminal
from amiss.cli.streams import as_json_text, say
from amiss.core.errors import ConnectorError

if TYPE_CHECKING:
    from amiss.evaluate.tune import Tuning

__all__ = ["tune"]


def tune(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Rows, labelled or not; - is standard input.")],
    label: options.Label = None,
    detector: Annotated[
        str | None,
        typer.Option("--detector", metavar="NAME", help="Whose; by default hybrid with labels, knn without."),
    ] = None,
    settings: Annotated[
        int, typer.Option("--settings", metavar="N", min=2, help="Settings to try, the defaults among them.")
    ] = 24,
    search: Annotated[
        str, typer.Option("--search", metavar="HOW", help="halving, or optuna (extra tune); with labels.")
    ] = "halving",
    measure: Annotated[str, typer.Option("--measure", metavar="NAME", help="What decides, with labels.")] = "f1",
    false_alarms: Annotated[
        str, typer.Option("--false-alarms", metavar="SHARE", help="False-alarm rate that each cut is chosen for.")
    ] = "5%",
    folds: Annotated[int, typer.Option("--folds", metavar="N", min=2, help="Splits of FILE, with labels.")] = 5,
    budget: options.Budget = None,
    jobs: options.Jobs = -1,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Fit with what was chosen, and save it here.")
    ] = None,
    form: options.Format = Form.table,
    normal: options.Normal = None,
    ignore: options.Ignore = None,
    select: options.Select = None,
    time: options.Time = None,
    entity: options.Entity = None,
    config: options.Config = None,
    seed: options.Seed = None,
) -> None:
    """Try settings of a detector's parameters: many on few rows, the best of them on more.

    With labels, the gain over the defaults is measured on rows that had no part in the choice. Without, the setting is
    taken that agrees best with the default ensemble; nobody can say without labels that it finds more.

    \b
    Examples:
      amiss tune flows.csv --label attack --detector decision_tree
      amiss tune flows.csv --label attack --detector logistic_regression --settings 50 --budget 1m -o tuned.amiss
      amiss tune flows.csv --detector lof
    """
    from amiss.evaluate.compare import Plan
    from amiss.evaluate.tune import starting_recipe, tune_source
    from amiss.pipeline.api import fit_source
    from amiss.pipeline.opening import open_source

    recipe = options.make_recipe(
        config, label=label, normal=normal, time=time, entity=entity, seed=seed, ignore=ignore or None, select=select
    )
    recipe = starting_recipe(recipe, detector)
    check_file(output)
    if output is not None:
        check_not_read([file], output)
    share = options.share_of(false_alarms)
    plan = Plan(share, measure, folds, options.seconds_of(budget), settings, search, jobs, cache_folder("tune"))
    with progress_bar() as progress, resumable():
        found = tune_source(open_source(file), recipe, plan, progress)
    _print(found, form)
    if output is not None:
        with progress_bar() as progress:
            model = fit_source(open_source(file), found.recipe(recipe, false_alarms), progress=progress)
        model.save(output)
        say(f"{recipe.detector}, fitted on all rows of {file}: {output}")


def _print(found: Tuning, form: Form) -> None:
    import msgspec

    from amiss.report.tune_table import print_tuning, tuning_records

    if sys.stdout is None:
        raise ConnectorError("standard output is closed", mend="send it somewhere, or to /dev/null")
    records = tuning_records(found)
    if form is Form.table:
        print_tuning(terminal(), found)
    elif form is Form.csv:
        import polars as pl

        sys.stdout.write(pl.DataFrame(records, infer_schema_length=None).write_csv())
    elif form is Form.ndjson:
        for record in records:
            sys.stdout.write(as_json_text(msgspec.json.encode(record).decode()) + "\n")
    else:
        whole = {
            "name": found.name, "detector": found.detector, "params": found.params, "measure": found.measure,
            "settings": records, "said": str(found),
        }  # fmt: skip
        sys.stdout.write(as_json_text(msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()) + "\n")
    sys.stdout.flush()
