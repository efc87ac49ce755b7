"""`amiss alert`: do alarms reach those who are to be told?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from amiss.cli.streams import say
from amiss.core.errors import ConnectorError, ParameterError

__all__ = ["try_channels"]


def try_channels(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The TOML file of a watch.")],
    channel: Annotated[
        list[str] | None, typer.Option("--channel", metavar="NAME", help="Only this one. Repeatable.")
    ] = None,
) -> None:
    """Send an alarm that is none, and its end, to every channel of a configuration.

    \b
    Examples:
      amiss alert test plant.toml
      amiss alert test plant.toml --channel mail
    """
    from amiss.io.alarms.making import trial_notification
    from amiss.stream.config import read_config
    from amiss.stream.watching import sinks_of

    sinks = sinks_of(read_config(file))
    unknown = next((name for name in channel or () if name not in sinks), None)
    if unknown is not None or not sinks:
        what = "this configuration has no channel" if unknown is None else f"there is no channel {unknown!r}"
        raise ParameterError(what, where=str(file), mend=f"channels: {', '.join(sinks) or 'none'}")
    failed: list[ConnectorError] = []
    now = time.time()
    for name, sink in sinks.items():
        if channel and name not in channel:
            continue
        try:
            sink.deliver(trial_notification(now))
            sink.deliver(trial_notification(now, resolve=True))
            typer.echo(f"{name}: delivered")
        except ConnectorError as error:
            say(f"{name}: {error}")
            failed.append(error)
        finally:
            sink.close()
    if failed:
        raise typer.Exit(failed[0].exit_code)
