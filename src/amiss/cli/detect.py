"""`amiss detect`: what is odd in a table, a series or network traffic, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amiss.cli import options
from amiss.cli.options import EventForm
from amiss.cli.show import Delivery, check_different, check_places, deliver, finish, print_results, progress_bar
from amiss.cli.streams import say
from amiss.core.errors import AmissError, ParameterError

__all__ = ["detect"]


def detect(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Tables, captures or logs to look at; - is standard input.")
    ],
    false_alarms: options.FalseAlarmsWish = None,
    false_discoveries: options.FalseDiscoveriesWish = None,
    limit: options.LimitWish = None,
    report: options.Report = None,
    output: options.Target = None,
    form: options.EventFormat = EventForm.table,
    top: options.Top = None,
    clean: options.Clean = None,
    ignore: options.Ignore = None,
    time: options.Time = None,
    entity: options.Entity = None,
    kind: options.Kind = None,
    causal: options.Causal = None,
    exclude: options.Exclude = None,
    known_good: options.KnownGood = None,
    detector: options.Name = None,
    config: options.Config = None,
    seed: options.Seed = None,
    fail_on: options.FailOn = None,
    explain: options.Explain = None,
    query: options.Query = None,
    if_exists: options.IfExistsWish = None,
) -> None:
    """Find what is odd in tables, series and network traffic, with no settings, and say why.

    Reads CSV and its kin, JSON lines, Parquet, Arrow and Excel, packet captures, and logs of Zeek, Suricata, NetFlow
    and CICFlowMeter, also gzipped, and tables and queries of SQLite, DuckDB and PostgreSQL. Several files are looked
    at one by one; --report and -o then name folders. A folder of captures and logs is looked at as one.

    \b
    Examples:
      amiss detect pump.csv
      amiss detect pump.csv --report pump.html -o scored.parquet
      amiss detect pump.csv --false-alarms 5 --top 5 --format json
      amiss detect pump.csv --false-discoveries 10% --limit 'flow_m3h>=0'
      amiss detect pump.csv --explain 12
      amiss detect sqlite:///plant.db#readings -o sqlite:///plant.db#scored
      cat pump.csv | amiss detect - --ignore note --format ndjson
      amiss detect office.pcap --known-good monday.pcap --exclude 'port 123/udp' --format ecs
    """
    from amiss.io.sql.address import is_address
    from amiss.pipeline.api import detect_source
    from amiss.pipeline.opening import open_source

    recipe = options.make_recipe(
        config, false_alarms=false_alarms, false_discoveries=false_discoveries, limits=limit or None, clean=clean,
        time=time, entity=entity, kind=kind, causal=causal, detector=detector, seed=seed, ignore=ignore or None,
        exclude=exclude or None, known_good=known_good or None,
    )  # fmt: skip
    if files.count("-") > 1:
        raise ParameterError("standard input can be read only once", mend="name - once, and files beside it")
    many = len(files) > 1
    if many and output is not None and is_address(output):
        raise ParameterError("one table cannot take several results", mend="run amiss for each, or name a folder")
    folder = Path(output) if output is not None else None
    targets = [(_inside(folder, file, ".parquet"), _inside(report, file, ".html")) if many else (output, report)
               for file in files]  # fmt: skip
    # A wrong place to write to is said before the work, not after it.
    for scored, page in targets:
        check_places(files, scored, page)
    check_different(targets)
    results, failures = [], []
    with progress_bar() as progress:
        for file, (scored, page) in zip(files, targets, strict=True):
            try:
                result = detect_source(open_source(file, query), recipe, progress=progress)
                deliver(result, scored, page, progress, Delivery(if_exists=if_exists))
                results.append(result)
            except AmissError as error:
                # One bad file among several is told at the end; the others have their results.
                failures.append(error)
    if results:
        print_results(results, form, top, many=many, explain=explain)
    for failure in failures[1:]:
        say(f"amiss: {failure}")
    if failures:
        raise failures[0]
    finish(results, fail_on)


def _inside(folder: Path | None, file: str, ending: str) -> Path | None:
    """A file for each of several inputs, in a folder that is made."""
    if folder is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    return folder / (Path(file).name + ending)
