"""`amiss evaluate`: how good is a model on labelled rows?"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from amiss.cli import options
from amiss.cli.options import Form
from amiss.cli.show import progress_bar, terminal
from amiss.cli.streams import as_json_text
from amiss.core.errors import ConnectorError

__all__ = ["evaluate"]


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model file of amiss fit.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="Labelled rows that it has not learnt; - is stdin.")],
    label: Annotated[
        str, typer.Option("--label", metavar="COL", help="Column that says which rows are anomalies: 1, or words.")
    ],
    normal: options.Normal = None,
    false_alarms: options.FalseAlarmsWish = None,
    form: options.Format = Form.table,
) -> None:
    """Judge a model on labelled rows: what it finds, what it raises for nothing, kind by kind, with intervals.

    \b
    Examples:
      amiss evaluate flows.amiss flows.csv --label attack
      amiss evaluate flows.amiss flows.csv --label attack --false-alarms 0.1% --format json
    """
    from amiss.evaluate.model import judge_model_on
    from amiss.pipeline.model_file import load
    from amiss.pipeline.opening import open_source
    from amiss.report.judgement_table import judgement_record, print_judgement

    loaded = options.promising(load(model), false_alarms, None)
    source = open_source(file)
    with progress_bar() as progress:
        judged = judge_model_on(loaded, source, label, normal=normal, progress=progress)
    if sys.stdout is None:
        raise ConnectorError("standard output is closed", mend="send it somewhere, or to /dev/null")
    if form is Form.table:
        print_judgement(terminal(), source.name, judged, loaded.promise.asked)
    else:
        import msgspec

        text = msgspec.json.encode(judgement_record(judged))
        text = msgspec.json.format(text, indent=2) if form is Form.json else text
        sys.stdout.write(as_json_text(text.decode()) + "\n")
    sys.stdout.flush()
