"""Prints results to stdout, and progress to stderr where someone watches."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from amiss.cli.options import EventForm, Form
from amiss.cli.streams import as_json_text, say
from amiss.core.errors import ConnectorError, ParameterError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl
    from rich.console import Console

    from amiss.cli.options import IfExists
    from amiss.core.source import Progress
    from amiss.io.sql.sink import Step
    from amiss.pipeline.network_result import NetworkResult
    from amiss.pipeline.result import Result

    AnyResult = Result | NetworkResult
    Place = Path | str

__all__ = [
    "Delivery", "cache_folder", "check_different", "check_file", "check_not_read", "check_places", "deliver", "finish",
    "print_results", "progress_bar", "resumable", "terminal",
]  # fmt: skip

_LISTED = 10


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on a terminal, silence elsewhere."""
    from amiss.core.source import silent

    if sys.stderr is None or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("reading", total=1.0)
        yield lambda stage, share: bar.update(task, description=stage, completed=share)


def cache_folder(verb: str) -> Path:
    """Where a verb keeps what it has done so far."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "amiss" / verb


def forget(verb: str) -> None:
    """Remove what a verb has kept."""
    shutil.rmtree(cache_folder(verb), ignore_errors=True)


@contextmanager
def resumable() -> Iterator[None]:
    """Say on Ctrl-C that what was done is kept."""
    try:
        yield
    except KeyboardInterrupt:
        say("stopped; the same command goes on from here")
        raise typer.Exit(130) from None


def check_places(inputs: Sequence[str], output: Place | None, report: Path | None) -> None:
    """Raise the error of a place that cannot be written to, or that would overwrite what is read."""
    from amiss.io.files.sink import check_ending, check_target
    from amiss.io.sql.address import is_address
    from amiss.io.sql.sink import check_table

    if isinstance(output, str) and is_address(output):
        check_table(output)
        if output in inputs:
            raise ParameterError("this would be written to the table that is read", mend="write to another table")
    elif output is not None:
        check_target(output)
    if report is not None:
        check_ending(report, (".html", ".htm"))
    for place in (output, report):
        if place is not None and not (isinstance(place, str) and is_address(place)):
            check_not_read(inputs, Path(place))


def check_file(place: Path | None) -> None:
    """Raise `ParameterError` if `place` is standard output, where a model cannot go."""
    if place is not None and str(place) == "-":
        raise ParameterError("a model is written to a file, not to standard output", mend="give -o a name")


def check_not_read(inputs: Sequence[str], place: Path) -> None:
    """Raise `ParameterError` if writing to `place` would overwrite one of `inputs`."""
    if any(place.resolve() == Path(file).resolve() for file in inputs if file != "-"):
        raise ParameterError(f"{str(place)!r} would overwrite what is read", mend="write to another file")


def check_different(targets: Sequence[tuple[Place | None, Path | None]]) -> None:
    """Raise `ParameterError` if two results would be written to one place."""
    places = [Path(place).resolve() for pair in targets for place in pair if place is not None]
    for place in places:
        if places.count(place) > 1:
            raise ParameterError(f"two results would be written to {str(place)!r}", mend="give the inputs other names")


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a scored table is written.

    Attributes
    ----------
    if_exists
        What becomes of a table of a database that is there already; None refuses.
    only : (n_rows,)
        Which rows are written; None writes all.
    step
        How far a job has come, kept together with the rows.
    """

    if_exists: IfExists | None = None
    only: npt.NDArray[np.bool_] | None = None
    step: Step | None = None


def deliver(
    result: AnyResult, output: Place | None, report: Path | None, progress: Progress, how: Delivery | None = None
) -> None:
    """Write the scored table and the report that were asked for, and say where they are."""
    how = how or Delivery()
    if output is not None:
        from amiss.io.files.sink import write_table
        from amiss.io.sql.address import is_address

        told = _told(result, progress, how.only)
        place = str(output)
        if is_address(place):
            n_rows, place = _to_database(place, told, how)
        else:
            n_rows = write_table(output, told)
        say(f"{n_rows:,} {'flows' if result.kind == 'network' else 'scored rows'}: {place}")
    if report is not None:
        result.report(report)
        say(f"report: {report}")


def _to_database(place: str, told: Iterator[pl.DataFrame], how: Delivery) -> tuple[int, str]:
    """Write to a table of a database; the number of rows, and its address without a password."""
    from amiss.io.sql.sink import check_table, write_to_table

    address = check_table(place)
    if_exists = how.if_exists or ("fail" if how.step is None else "append")
    return write_to_table(address, told, if_exists=str(if_exists), step=how.step), address.name  # type: ignore[arg-type]


def _told(result: AnyResult, progress: Progress, only: npt.NDArray[np.bool_] | None) -> Iterator[pl.DataFrame]:
    first = 0
    for table in result.scored():
        here = slice(first, first + table.height)
        first += table.height
        yield table if only is None else table.filter(only[here])
        progress("writing", result.source.share_read())


def print_results(
    results: Sequence[AnyResult], form: EventForm, top: int | None, *, many: bool = False, explain: int | None = None
) -> None:
    """Print results in the form that was asked for; several JSON results make an array.

    With `explain`, the position of a row or, in network traffic, of an event, all that can be told of it is printed in
    their place.
    """
    if sys.stdout is None:
        raise ConnectorError("standard output is closed", mend="send it somewhere, or to /dev/null")
    if explain is not None and form is EventForm.csv:
        _print_csv(results, [result.row_table(explain) for result in results], many)
    elif explain is not None:
        for result in results:
            _print_explanation(result, explain, form)
    elif form is EventForm.table:
        _print_tables(results, _LISTED if top is None else top)
    elif form is EventForm.csv:
        _print_csv(results, [result.top_table(result.n_anomalies if top is None else top) for result in results], many)
    elif form in (EventForm.json, EventForm.ndjson):
        _print_json(results, Form(form.value), top, many)
    else:
        _print_alerts(results, form, top)
    sys.stdout.flush()


def _print_tables(results: Sequence[AnyResult], n_listed: int) -> None:
    from amiss.pipeline.result import Result
    from amiss.report.network_table import print_network
    from amiss.report.terminal import print_result, rows_listed

    console = terminal()
    # What cannot be explained is said before anything is printed.
    for result in results:
        if isinstance(result, Result):
            result.explain_all(rows_listed(result, n_listed))
    for i, result in enumerate(results):
        if i:
            console.print()
        if isinstance(result, Result):
            print_result(console, result, n_listed)
        else:
            print_network(console, result, n_listed)


def _print_csv(results: Sequence[AnyResult], tables: Sequence[pl.DataFrame], many: bool) -> None:
    columns: list[str] | None = None
    for result, own in zip(results, tables, strict=True):
        table = own
        if many:
            import polars as pl

            table = table.select(pl.lit(result.source.name).alias("data"), pl.all())
        sys.stdout.write(table.write_csv(include_header=table.columns != columns or columns is None))
        columns = table.columns


def _print_alerts(results: Sequence[AnyResult], form: EventForm, top: int | None) -> None:
    """One line for each event, as other systems take them."""
    import msgspec

    from amiss.report.alerts import cef_line, ecs_document, syslog_line

    for result in results:
        for event in result.events[:top]:
            if form is EventForm.ecs:
                line = as_json_text(msgspec.json.encode(ecs_document(event, result.source.name)).decode())
            else:
                line = (cef_line if form is EventForm.cef else syslog_line)(event, result.source.name)
            sys.stdout.write(line + "\n")


def terminal() -> Console:
    """Where tables for people are printed: as wide as the terminal, 160 characters elsewhere."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 160
    console = Console(file=sys.stdout, width=width, soft_wrap=not sys.stdout.isatty())
    console.on_broken_pipe = _gone  # type: ignore[method-assign]
    return console


def _print_explanation(result: AnyResult, row: int, form: EventForm) -> None:
    if form not in (EventForm.table, EventForm.json, EventForm.ndjson):
        raise ParameterError(f"--explain has no form {form.value}", mend="give --format table, json, ndjson or csv")
    found = _explained(result, row, printed=form is EventForm.table)
    if form is EventForm.table:
        return
    import msgspec

    text = msgspec.json.encode(found)
    text = text if form is EventForm.ndjson else msgspec.json.format(text, indent=2)
    sys.stdout.write(as_json_text(text.decode()) + "\n")


def _explained(result: AnyResult, row: int, *, printed: bool) -> Any:
    """All that can be told of a row or an event, printed for people where that is asked for."""
    from amiss.pipeline.result import Result
    from amiss.report.network_table import print_network_event
    from amiss.report.terminal import print_explanation

    if isinstance(result, Result):
        found = result.explain_fully(row)
        if printed:
            print_explanation(terminal(), result, found)
        return found
    if printed:
        print_network_event(terminal(), result, row)
    return result.explain(row)


def _gone() -> NoReturn:
    raise BrokenPipeError


def _print_json(results: Sequence[AnyResult], form: Form, top: int | None, many: bool) -> None:
    import msgspec

    from amiss.pipeline.result import Result
    from amiss.report.network_record import network_record
    from amiss.report.record import detect_record

    records = [detect_record(r, top) if isinstance(r, Result) else network_record(r, top) for r in results]
    if form is Form.ndjson:
        for record in records:
            for told in getattr(record, "anomalies", record.events):
                sys.stdout.write(as_json_text(msgspec.json.encode(told).decode()) + "\n")
        return
    whole = records if many else records[0]
    sys.stdout.write(as_json_text(msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()) + "\n")


def finish(results: Sequence[AnyResult], fail_on: int | None, only: npt.NDArray[np.bool_] | None = None) -> None:
    """End with exit code 1 where `--fail-on` says so, by the rows that `only` names where it is given."""
    from amiss.pipeline.result import Result

    found = [
        int(each.is_anomaly[only].sum()) if only is not None and isinstance(each, Result) else each.n_anomalies
        for each in results
    ]
    if fail_on is not None and sum(found) >= fail_on:
        raise typer.Exit(1)
