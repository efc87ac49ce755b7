"""`amiss promise`: show what a model promises, or change it without a fit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amiss.cli import options
from amiss.cli.show import check_file
from amiss.cli.streams import say

__all__ = ["promise"]


def promise(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model file of amiss fit.")],
    false_alarms: options.FalseAlarmsWish = None,
    false_discoveries: options.FalseDiscoveriesWish = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="MODEL", help="Model file to write; the same one to change it."),
    ] = None,
) -> None:
    """Show what a model promises about false alarms, or promise something else; nothing is learnt anew.

    \b
    Examples:
      amiss promise pump.amiss
      amiss promise pump.amiss --false-alarms 0.5% -o pump.amiss
      amiss promise pump.amiss --false-discoveries 10% -o ranked.amiss
    """
    from amiss.core.errors import ParameterError
    from amiss.io.files.sink import check_folder
    from amiss.pipeline.model_file import load
    from amiss.report.promise import promise_lines, promise_words

    check_file(output)
    if output is not None:
        check_folder(output)
    asked = false_alarms is not None or false_discoveries is not None
    if output is not None and not asked:
        raise ParameterError("nothing is asked to be changed", mend="give --false-alarms or --false-discoveries")
    loaded = options.promising(load(model), false_alarms, false_discoveries)
    typer.echo(f"promise {loaded.promise.version}: {promise_words(loaded.promise)}")
    for line in promise_lines(loaded.promise):
        typer.echo(f"  {line}")
    if output is not None:
        loaded.save(output)
        say(f"written: {output}")
