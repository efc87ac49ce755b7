"""`amiss compare`: which detector is best on labelled rows?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amiss.cli import options
from amiss.cli.options import Form
from amiss.cli.show import (
    cache_folder,
    check_different,
    check_file,
    check_not_read,
    check_places,
    progress_bar,
    resumable,
    terminal,
)
from amiss.cli.streams import as_json_text, say
from amiss.core.errors import ConnectorError

if TYPE_CHECKING:
    from amiss.evaluate.comparison import Comparison

__all__ = ["compare"]


def compare(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Labelled rows; - is standard input.")],
    label: Annotated[
        str, typer.Option("--label", metavar="COL", help="Column that says which rows are anomalies: 1, or words.")
    ],
    test: Annotated[
        str | None, typer.Option("--test", metavar="FILE", help="Rows to be judged on, instead of splits of FILE.")
    ] = None,
    detector: Annotated[
        list[str] | None,
        typer.Option("--detector", metavar="NAME", help="A detector to try; repeatable. By default all suitable ones."),
    ] = None,
    false_alarms: Annotated[
        str, typer.Option("--false-alarms", metavar="SHARE", help="False-alarm rate that each cut is chosen for.")
    ] = "5%",
    measure: Annotated[
        str,
        typer.Option("--measure", metavar="NAME", help="What decides: f1, mcc, auc_roc, auc_pr …"),
    ] = "f1",
    folds: Annotated[int, typer.Option("--folds", metavar="N", min=2, help="Splits of FILE.")] = 5,
    budget: options.Budget = None,
    tune: Annotated[
        bool | None,
        typer.Option("--tune/--no-tune", help="Try tuned parameters too. By default where there is a budget."),
    ] = None,
    select: options.Select = None,
    jobs: options.Jobs = -1,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Fit the best on all rows and save it here.")
    ] = None,
    report: options.Report = None,
    form: options.Format = Form.table,
    normal: options.Normal = None,
    ignore: options.Ignore = None,
    time: options.Time = None,
    entity: options.Entity = None,
    kind: options.Kind = None,
    config: options.Config = None,
    seed: options.Seed = None,
) -> None:
    """Try detectors on the same splits of labelled rows, judge each on rows that it has not seen, and name the best.

    Those that learn from labels, and those that learn what normal rows are like. Splits are forward in time where there
    is a time; identical rows never stand on both sides. Cuts come from held-out normal rows, never from test labels.

    \b
    Examples:
      amiss compare flows.csv --label attack
      amiss compare flows.csv --label attack --detector random_forest --detector knn --format json
      amiss compare flows.csv --label attack --detector mlp --detector pca --budget 20s -o best.amiss
      amiss compare flows.csv --label attack --detector knn --select l1 --report flows.html

    What is stopped with Ctrl-C goes on where it was when the same command is given again.
    """
    from amiss.evaluate.compare import TUNED_SETTINGS, Plan, compare_sources, fit_best
    from amiss.pipeline.opening import open_source

    recipe = options.make_recipe(
        config, label=label, normal=normal, time=time, entity=entity, seed=seed, ignore=ignore or None, select=select
    )
    check_file(output)
    inputs = [file, *([test] if test else [])]
    check_places(inputs, None, report)
    if output is not None:
        check_not_read(inputs, output)
    check_different([(output, report)])
    seconds = options.seconds_of(budget)
    tuned = seconds is not None if tune is None else tune
    plan = Plan(
        options.share_of(false_alarms), measure, folds, seconds, TUNED_SETTINGS if tuned else 0, n_jobs=jobs,
        keep=cache_folder("compare"), kind=kind,
    )  # fmt: skip
    sources = open_source(file), None if test is None else open_source(test)
    with progress_bar() as progress, resumable():
        told = compare_sources(*sources, recipe, tuple(detector or ()), plan, progress)
    if report is not None:
        told.report(report)
        say(f"report: {report}")
    _print(told, form)
    if output is not None and told.verdict is not None:
        with progress_bar() as progress:
            model = fit_best(open_source(file), recipe, told, plan, false_alarms=false_alarms, progress=progress)
        model.save(output)
        say(f"{told.verdict.best}, fitted on all rows of {file}: {output}")


def _print(told: Comparison, form: Form) -> None:
    from amiss.report.compare_table import comparison_records, print_comparison

    if sys.stdout is None:
        raise ConnectorError("standard output is closed", mend="send it somewhere, or to /dev/null")
    if form is Form.table:
        print_comparison(terminal(), told)
    else:
        import msgspec
        import polars as pl

        records = comparison_records(told)
        if form is Form.csv:
            sys.stdout.write(pl.DataFrame(records, infer_schema_length=None).write_csv())
        elif form is Form.ndjson:
            for record in records:
                sys.stdout.write(as_json_text(msgspec.json.encode(record).decode()) + "\n")
        else:
            facts = ("name", "label", "n_rows", "n_anomalies", "split", "n_splits", "rate", "measure", "notes")
            whole = {name: getattr(told, name) for name in (*facts, "findings", "selection")}
            whole |= {"detectors": records, "verdict": str(told), "weak_points": told.weak_points}
            sys.stdout.write(as_json_text(msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()) + "\n")
    sys.stdout.flush()
