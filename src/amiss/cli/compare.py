"""`amiss compare`: which detector is best on labelled rows?"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amiss.cli import options
from amiss.cli.options import Form
from amiss.cli.show import progress_bar, terminal
from amiss.cli.streams import as_json_text, say
from amiss.core.errors import ConnectorError, ParameterError

if TYPE_CHECKING:
    from amiss.evaluate.compare import Comparison

__all__ = ["compare"]

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


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
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="TIME", help="Begin no detector after so long: 90s, 10m, 1h.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Fit the best on all rows and save it here.")
    ] = None,
    form: options.Format = Form.table,
    normal: options.Normal = None,
    ignore: options.Ignore = None,
    time: options.Time = None,
    entity: options.Entity = None,
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
      amiss compare flows.csv --label attack --false-alarms 1% --budget 10m -o best.amiss
    """
    import msgspec

    from amiss.evaluate.compare import compare_sources
    from amiss.pipeline.api import fit_labelled
    from amiss.pipeline.opening import open_source

    recipe = options.make_recipe(
        config, label=label, normal=normal, time=time, entity=entity, seed=seed, ignore=ignore or None
    )
    with progress_bar() as progress:
        told = compare_sources(
            open_source(file), None if test is None else open_source(test), recipe, tuple(detector or ()),
            rate=_share(false_alarms), measure=measure, n_folds=folds, budget_seconds=_seconds(budget),
            progress=progress,
        )  # fmt: skip
        model = None
        if output is not None and told.verdict is not None:
            wishes = msgspec.structs.replace(recipe, false_alarms=false_alarms)
            model = fit_labelled(open_source(file), wishes.for_labels(told.verdict.best), progress=progress)
    _print(told, form)
    if model is not None and output is not None:
        model.save(output)
        say(f"{model.recipe.detector}, fitted on all rows of {file}: {output}")


def _share(text: str) -> float:
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise ParameterError(f"false alarms {text!r} are no share of the rows", mend="give one such as 5% or 0.01")
    return share


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if not found:
        raise ParameterError(f"budget {text!r} is no time", mend="give one such as 90s, 10m or 1h")
    return float(found[1]) * _SECONDS[found[2] or "s"]


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
            whole = {name: getattr(told, name) for name in facts} | {
                "findings": list(told.findings), "detectors": records, "verdict": str(told)
            }  # fmt: skip
            sys.stdout.write(as_json_text(msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()) + "\n")
    sys.stdout.flush()
