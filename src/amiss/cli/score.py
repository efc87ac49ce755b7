"""`amiss score`: judge rows with a model that was fitted before."""

from __future__ import annotations

from typing import Annotated

import typer

from amiss.cli import options
from amiss.cli.news import News
from amiss.cli.options import EventForm
from amiss.cli.show import Delivery, check_places, deliver, finish, print_results, progress_bar
from amiss.core.errors import ParameterError

__all__ = ["score"]


def score(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model file of amiss fit.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="Table to judge; - is standard input.")],
    output: options.Target = None,
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
    query: options.Query = None,
    if_exists: options.IfExistsWish = None,
    new_by: options.NewBy = None,
    state: options.State = None,
) -> None:
    """Score the rows of a table with a model; nothing is learnt.

    \b
    Examples:
      amiss score pump.amiss new.csv
      amiss score pump.amiss new.csv -o scored.parquet --report new.html
      amiss score pump.amiss new.csv --false-alarms 0.5% --format json --fail-on 100
      amiss score pump.amiss new.csv --false-discoveries 10%
      amiss score flows.amiss flows.csv -o scored.csv --anomaly-share 0.1%
      amiss score pump.amiss sqlite:///plant.db#readings -o sqlite:///plant.db#scored --new-by id --fail-on 1
    """
    from amiss.pipeline.model_file import load
    from amiss.pipeline.opening import open_source

    check_places([file, model], output, report)
    loaded = load(model)
    loaded = options.promising(loaded, false_alarms, false_discoveries)
    if anomaly_share is not None:
        loaded = loaded.with_anomaly_share(options.share_of(anomaly_share, "anomalies"))
    news = None if new_by is None else News(file, query, new_by, output, state, if_exists)
    if news is None and state is not None:
        raise ParameterError("--state is for --new-by", mend="name the column that tells what is new: --new-by id")
    with progress_bar() as progress:
        source = open_source(file, query) if news is None else news.open(whole=loaded.kind == "series")
        if source is None:
            return
        result = loaded.score_source(source, progress=progress)
        only = None if news is None else news.only
        deliver(result, output, report, progress, Delivery(if_exists, only, None if news is None else news.step))
        if news is not None:
            news.keep()
    print_results([result], form, top, explain=explain)
    finish([result], fail_on, only)
