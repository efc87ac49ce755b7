"""`amiss backtest`: what would a live watch have said over this history?"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from amiss.cli import options
from amiss.cli.options import Form
from amiss.cli.show import check_places, progress_bar, terminal
from amiss.cli.streams import as_json_text, say
from amiss.core.errors import ConnectorError

__all__ = ["backtest"]

_TOP = 20


def backtest(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A history; - is standard input.")],
    false_alarms: Annotated[
        list[str] | None,
        typer.Option(
            "--false-alarms",
            metavar="N",
            help="A promise to try: 1/week, 1/day, 5 (in all). Repeatable; by default "
            "those that suit the length of the history.",
        ),
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="COL", help="Column with 1 in anomalies: the events to be found.")
    ] = None,
    report: options.Report = None,
    form: options.Format = Form.table,
    top: options.Top = None,
    ignore: options.Ignore = None,
    time: options.Time = None,
    entity: options.Entity = None,
    kind: options.Kind = None,
    detector: options.Name = None,
    config: options.Config = None,
    seed: options.Seed = None,
) -> None:
    """Replay a history row by row: alarms a day for each promise, and how long after its start each event was told.

    Nothing is known of a row but what came before it, so that is what a live watch would have said. The events are
    those of --label; without it, those that detect finds with hindsight.

    \b
    Examples:
      amiss backtest pump.csv
      amiss backtest pump.csv --false-alarms 1/week --false-alarms 1/day
      amiss backtest pump.csv --report pump.html
      amiss backtest pump.csv --format json
    """  # fmt: skip
    from amiss.evaluate.backtest import backtest_source
    from amiss.pipeline.opening import open_source

    check_places([file], None, report)
    recipe = options.make_recipe(
        config, causal=True, kind=kind, time=time, entity=entity, detector=detector, seed=seed, ignore=ignore or None,
    )  # fmt: skip
    with progress_bar() as progress:
        told = backtest_source(open_source(file), recipe, false_alarms or (), label, progress=progress)
    if report is not None:
        told.report(report)
        say(f"report: {report}")
    if sys.stdout is None:
        raise ConnectorError("standard output is closed", mend="send it somewhere, or to /dev/null")
    if form is Form.table:
        from amiss.report.backtest_table import print_backtest

        print_backtest(terminal(), told, _TOP if top is None else top)
    else:
        _print_records(told, form)
    sys.stdout.flush()


def _print_records(told: object, form: Form) -> None:
    import msgspec
    import polars as pl

    plain = msgspec.to_builtins(told)
    if form is Form.csv:
        sys.stdout.write(pl.DataFrame(plain["tried"], infer_schema_length=None).drop("alarms").write_csv())
    elif form is Form.ndjson:
        for event in plain["events"]:
            sys.stdout.write(as_json_text(msgspec.json.encode(event).decode()) + "\n")
    else:
        sys.stdout.write(as_json_text(msgspec.json.format(msgspec.json.encode(plain), indent=2).decode()) + "\n")
