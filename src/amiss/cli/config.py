"""`amiss config`: is a configuration right?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["check"]


def check(file: Annotated[Path, typer.Argument(metavar="FILE", help="A TOML file.")]) -> None:
    """Say whether a configuration can be used, or where its first error is.

    \b
    Examples:
      amiss config check plant.toml
    """
    from amiss.io.live import open_live
    from amiss.stream.config import read_config
    from amiss.stream.watching import sinks_of

    found = read_config(file)
    names = [open_live(source.address, **source.options).name for source in found.sources]
    n = len(sinks_of(found))
    typer.echo(f"{file} is right: {', '.join(names)}, {n} channel{'' if n == 1 else 's'}")
