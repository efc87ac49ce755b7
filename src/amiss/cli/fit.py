"""`amiss fit`: learn a model from rows that are mostly normal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amiss.cli import options
from amiss.cli.show import check_file, check_not_read, progress_bar
from amiss.cli.streams import say

__all__ = ["fit"]


def fit(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Table to learn from; - is standard input.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="MODEL", help="Model file to write.")],
    false_alarms: options.FalseAlarmsWish = None,
    false_discoveries: options.FalseDiscoveriesWish = None,
    limit: options.LimitWish = None,
    clean: options.Clean = None,
    ignore: options.Ignore = None,
    time: options.Time = None,
    entity: options.Entity = None,
    kind: options.Kind = None,
    label: options.Label = None,
    normal: options.Normal = None,
    causal: options.Causal = None,
    select: options.Select = None,
    detector: options.Name = None,
    config: options.Config = None,
    seed: options.Seed = None,
    query: options.Query = None,
) -> None:
    """Learn a model and write it to one file that holds no code.

    \b
    Examples:
      amiss fit pump.csv -o pump.amiss
      amiss fit pump.csv -o pump.amiss --false-alarms 0.5% --detector isolation_forest
      amiss fit pump.csv -o pump.amiss --false-alarms 1/day --limit 'flow_m3h>=0' --clean
      amiss fit pump.csv -o pump.amiss --select correlation --kind table
      amiss fit sqlite:///plant.db -o pump.amiss --query 'SELECT * FROM readings ORDER BY time'
    """
    from amiss.io.files.sink import check_folder
    from amiss.pipeline.api import fit_source
    from amiss.pipeline.model_file import check_saves
    from amiss.pipeline.opening import open_source
    from amiss.report.promise import promise_words

    recipe = options.make_recipe(
        config, false_alarms=false_alarms, false_discoveries=false_discoveries, limits=limit or None, clean=clean,
        time=time, entity=entity, kind=kind, label=label, normal=normal, causal=causal, detector=detector, seed=seed,
        ignore=ignore or None, select=select,
    )  # fmt: skip
    check_file(output)
    check_saves(recipe)
    check_folder(output)
    check_not_read([file], output)
    with progress_bar() as progress:
        model = fit_source(open_source(file, query), recipe, progress=progress)
    model.save(output)
    for note in model.notes:
        say(f"note: {note}")
    promise = model.promise
    say(f"learnt from {model.facts.n_rows:,} rows; {promise_words(promise)}: {output}")
