"""`amiss benchmark`: which detector is best over many labelled data sets?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from amiss.cli import options
from amiss.cli.options import Form
from amiss.cli.show import cache_folder, check_places, forget, progress_bar, resumable, terminal
from amiss.cli.streams import as_json_text, say
from amiss.core.errors import ConnectorError

if TYPE_CHECKING:
    from amiss.evaluate.benchmark import Benchmark

__all__ = ["benchmark"]


def benchmark(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Labelled data sets, two or more.")],
    label: Annotated[
        str, typer.Option("--label", metavar="COL", help="Column that says, in each, which rows are anomalies.")
    ],
    detector: Annotated[
        list[str] | None,
        typer.Option("--detector", metavar="NAME", help="A detector to try; repeatable. By default all suitable ones."),
    ] = None,
    false_alarms: Annotated[
        str, typer.Option("--false-alarms", metavar="SHARE", help="False-alarm rate that each cut is chosen for.")
    ] = "5%",
    measure: Annotated[
        str, typer.Option("--measure", metavar="NAME", help="What decides: f1, mcc, auc_roc, auc_pr …")
    ] = "auc_pr",
    folds: Annotated[int, typer.Option("--folds", metavar="N", min=2, help="Splits of each file.")] = 5,
    jobs: options.Jobs = -1,
    report: options.Report = None,
    form: options.Format = Form.table,
    normal: options.Normal = None,
    ignore: options.Ignore = None,
    select: options.Select = None,
    time: options.Time = None,
    entity: options.Entity = None,
    config: options.Config = None,
    seed: options.Seed = None,
) -> None:
    """Compare detectors on each of many data sets, and say which are told apart over all of them.

    Each data set is split, cut and judged as `amiss compare` does it. Over data sets, mean ranks are compared by
    Friedman's and Nemenyi's tests.

    \b
    Examples:
      amiss benchmark line1.csv line2.csv line3.csv --label fault --detector ensemble --detector knn --detector ecod
      amiss benchmark line*.csv --label fault --measure f1 --detector naive_bayes --detector pca --report lines.html
    """
    from amiss.evaluate.benchmark import benchmark_sources
    from amiss.evaluate.compare import Plan
    from amiss.pipeline.opening import open_source

    recipe = options.make_recipe(
        config, label=label, normal=normal, time=time, entity=entity, seed=seed, ignore=ignore or None, select=select
    )
    plan = Plan(options.share_of(false_alarms), measure, folds, n_jobs=jobs, keep=cache_folder("benchmark"))
    check_places(files, None, report)
    sources = [open_source(file) for file in files]
    with progress_bar() as progress, resumable():
        told = benchmark_sources(sources, recipe, tuple(detector or ()), plan, progress)
    forget("benchmark")
    if report is not None:
        told.report(report)
        say(f"report: {report}")
    _print(told, form)


def _print(told: Benchmark, form: Form) -> None:
    import msgspec

    from amiss.report.benchmark_table import benchmark_records, print_benchmark

    if sys.stdout is None:
        raise ConnectorError("standard output is closed", mend="send it somewhere, or to /dev/null")
    records = benchmark_records(told)
    if form is Form.table:
        print_benchmark(terminal(), told)
    elif form is Form.csv:
        import polars as pl

        sys.stdout.write(pl.DataFrame(records, infer_schema_length=None).write_csv())
    elif form is Form.ndjson:
        for record in records:
            sys.stdout.write(as_json_text(msgspec.json.encode(record).decode()) + "\n")
    else:
        whole = {
            "measure": told.measure, "sets": records, "failures": told.failures, "said": str(told),
            "mean_ranks": {} if told.ranked is None else dict(
                zip(told.ranked.names, told.ranked.mean_ranks.tolist(), strict=True)
            ),
            "groups": () if told.ranked is None else told.ranked.groups,
        }  # fmt: skip
        sys.stdout.write(as_json_text(msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()) + "\n")
    sys.stdout.flush()
