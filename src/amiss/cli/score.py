"""`amiss score`: judge rows with a model that was fitted before."""

from __future__ import annotations

from typing import Annotated

import typer

from amiss.cli import options
from amiss.cli.options import EventForm
from amiss.cli.show import check_places, deliver, finish, print_results, progress_bar

__all__ = ["score"]


def score(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model file of amiss fit.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="Table to judge; - is standard input.")],
    output: options.Output = None,
    report: options.Report = None,
    form: options.EventFormat = EventForm.table,
    top: options.Top = None,
    false_alarms: options.FalseAlarmsWish = None,
    false_discoveries: options.FalseDiscoveriesWish = None,
    anomaly_share: Annotated[
        str | None,
        typer.Option(
            "--anomaly-share",
            metavar="SHARE",
            help="Probabilities for rows of which such a share is anomalous, where the model has learnt from labels.",
        ),
    ] = None,
    fail_on: options.FailOn = None,
    explain: options.Explain = None,
) -> None:
    """Score the rows of a table with a model; nothing is learnt.

    \b
    Examples:
      amiss score pump.amiss new.csv
      amiss score pump.amiss new.csv -o scored.parquet --report new.html
      amiss score pump.amiss new.csv --false-alarms 0.5% --format json --fail-on 100
      amiss score pump.amiss new.csv --false-discoveries 10%
      amiss score flows.amiss flows.csv -o scored.csv --anomaly-share 0.1%
    """
    from amiss.pipeline.model_file import load
    from amiss.pipeline.opening import open_source

    check_places([file, model], output, report)
    loaded = load(model)
    loaded = options.promising(loaded, false_alarms, false_discoveries)
    if anomaly_share is not None:
        loaded = loaded.with_anomaly_share(options.share_of(anomaly_share, "anomalies"))
    with progress_bar() as progress:
        result = loaded.score_source(open_source(file), progress=progress)
        deliver(result, output, report, progress)
    print_results([result], form, top, explain=explain)
    finish([result], fail_on)
