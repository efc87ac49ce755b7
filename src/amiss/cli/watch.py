"""`amiss watch`: alarms of a live stream as they happen."""

from __future__ import annotations

import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amiss.cli import options
from amiss.cli.log import Log, LogForm
from amiss.cli.options import Form
from amiss.cli.show import progress_bar
from amiss.cli.watch_lines import Lines
from amiss.core.errors import AmissError, ParameterError

if TYPE_CHECKING:
    from amiss.stream.config import WatchConfig
    from amiss.stream.monitor import Monitor, Step
    from amiss.stream.watching import Watching

__all__ = ["watch"]

_DRAWN_A_SECOND = 4
_STATE = "amiss-state"


def watch(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="mqtt://HOST/TOPIC, kafka://HOST/TOPIC, http://:PORT/, file:PATH, host: or - for standard input.",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="All of it in one TOML file.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="FILE", help="Judge by a model that amiss fit has written.")
    ] = None,
    history: Annotated[
        str | None, typer.Option("--history", metavar="FILE", help="Learn from earlier readings first.")
    ] = None,
    learn: Annotated[
        bool, typer.Option("--learn", help="Learn what is usual as it comes; so it is without --model and --history.")
    ] = False,
    false_alarms: Annotated[
        str | None,
        typer.Option("--false-alarms", metavar="N", help="How many are accepted: 3/day, 0.1%. Default 1/day."),
    ] = None,
    time: options.Time = None,
    entity: options.Entity = None,
    ignore: options.Ignore = None,
    lateness: Annotated[
        str | None,
        typer.Option("--lateness", metavar="TIME", help="Wait so long, such as 30s, for rows that come late."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME=VALUE", help="Of the source; see docs/live.md. Repeatable."),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="DIR", help="Folder to be taken up again from; events are kept there too."),
    ] = None,
    store: Annotated[
        str | None, typer.Option("--store", metavar="URL", help="Keep events here: a path, or postgresql://...")
    ] = None,
    keep_history: Annotated[
        bool, typer.Option("--keep-history", help="Keep scored rows in the store too, at some 75 bytes each.")
    ] = False,
    listen: Annotated[
        str | None, typer.Option("--listen", metavar="HOST:PORT", help="Serve /metrics and /healthz there.")
    ] = None,
    log_form: Annotated[
        LogForm | None,
        typer.Option("--log", help="Standard error as JSON, one object a line, or as text with time and level."),
    ] = None,
    form: options.Format = Form.table,
    stop_after: Annotated[
        str | None, typer.Option("--stop-after", metavar="TIME", help="End after so long, such as 30s or 10m.")
    ] = None,
) -> None:
    """Watch a live stream: what is wrong is told as it happens, with its reason.

    Nothing has to be known beforehand: it learns what is usual as readings come. With --state a stop or a crash loses
    nothing and tells nothing twice. Ends on Ctrl-C, or where the source ends.

    \b
    Examples:
      amiss watch host: --stop-after 2s --format ndjson
      cat pump.csv | amiss watch - --format ndjson
      amiss watch mqtt://127.0.0.1/plant/# --entity device --state plant
      amiss watch kafka://127.0.0.1:9092/metrics --model pump.amiss --false-alarms 3/day
      amiss watch --config plant.toml
    """
    from amiss.stream.watching import put_together

    if form not in (Form.table, Form.ndjson):
        raise ParameterError(f"a stream has no end, so it cannot be told as {form}", mend="use --format ndjson")
    if learn and (model or history):
        raise ParameterError("--learn begins with nothing known", mend="leave out --learn, or --model and --history")
    seconds = options.seconds_of(stop_after)
    said = _configured(
        config, source, model=model, history=history, false_alarms=false_alarms, state=state, store=store,
        listen=listen, keep_history=keep_history, log=log_form and log_form.value, time=time, entity=entity,
        ignore=tuple(ignore or ()), option=option or [], lateness_seconds=options.seconds_of(lateness),
    )  # fmt: skip
    log = Log(None if said.log is None else LogForm(said.log))
    try:
        # Beside a view nothing may be written: it shows such lines itself.
        with nullcontext() if _is_drawn(form) else log.listening():
            with progress_bar() as progress:
                watching = put_together(said, progress=progress)
            try:
                _run(watching, said, form, seconds, log)
            finally:
                watching.close()
    except AmissError as error:
        if said.log is None:
            raise
        # Whoever reads objects is to find the reason of the end among them.
        log.note("error", error.what, {"where": error.where, "mend": error.mend}, level="error")
        raise typer.Exit(error.exit_code) from None
    finally:
        log.close()


def _configured(config: Path | None, source: str | None, **given: Any) -> WatchConfig:
    """The configuration of a file, with what the command line says in its place."""
    import msgspec

    from amiss.stream.config import SourceConfig, WatchConfig, read_config

    if config is None and source is None:
        raise ParameterError("nothing says what to watch", mend="name a source such as host: or give --config FILE")
    found = read_config(config) if config is not None else WatchConfig(source=SourceConfig(address=str(source)))
    of_source = {name: given[name] for name in ("time", "entity", "ignore", "lateness_seconds") if given[name]}
    if source is not None:
        of_source["address"] = source
    one = found.source[0] if isinstance(found.source, tuple) and len(found.source) == 1 else found.source
    if isinstance(one, tuple):
        if of_source or given["option"]:
            raise ParameterError(
                f"there are {len(one)} sources in {config}, and it cannot be said which of them is meant",
                mend="leave out SOURCE and its options, and write them below their [[source]]",
            )
        one_or_all: Any = one
    else:
        if given["option"]:
            of_source["options"] = one.options | dict(_pair(each) for each in given["option"])
        # What the command line says holds, whatever the source says for itself.
        of_source |= {"model": None, "history": None} if given["model"] or given["history"] else {}
        of_source |= {"false_alarms": None} if given["false_alarms"] else {}
        one_or_all = msgspec.structs.replace(one, **of_source)
    top = {
        name: given[name]
        for name in ("model", "history", "false_alarms", "store", "listen", "keep_history", "log")
        if given[name]
    }
    if given["state"] is not None:
        top["state"] = str(given["state"])
    return msgspec.structs.replace(found, source=one_or_all, **top).checked()


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ParameterError(f"--option {text!r} has no value", mend="write --option name=value")
    return name, value


def _run(watching: Watching, config: WatchConfig, form: Form, seconds: float | None, log: Log) -> None:
    from amiss.stream.rounds import take_turns

    monitors, stop = watching.monitors, threading.Event()
    metrics = None
    if config.listen is not None:
        from amiss.stream.metrics import Metrics

        metrics = Metrics(monitors)
        port = metrics.listen(config.listen)
        log.note("metrics", f"metrics: port {port}", {"port": port})
    clock = monitors[0].clock
    until = None if seconds is None else clock.now() + seconds
    try:
        with _ending(stop):
            for monitor in monitors:
                monitor.open()
            if watching.postman is not None:
                watching.postman.start()
            with _shown(watching, form, log) as show:

                def each(monitor: Monitor, step: Step) -> None:
                    if metrics is not None:
                        metrics.take(monitor, step)
                    show(monitor, step)
                    watching.deliver(monitor, step)
                    if until is not None and clock.now() >= until:
                        stop.set()

                take_turns(monitors, stop, each)
    finally:
        if metrics is not None:
            metrics.close()
    counts = sum((monitor.counts for monitor in monitors), Counter[str]())
    told = {name: counts[name] for name in ("messages", "events", "refused")}
    log.note("ended", ", ".join(f"{n:,} {name}" for name, n in told.items()), told)


@contextmanager
def _ending(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the watch after the round that is on, with a snapshot."""
    before = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, lambda *_: stop.set())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _shown(watching: Watching, form: Form, log: Log) -> Iterator[Callable[[Monitor, Step], None]]:
    """What shows a round: a view on a terminal, else lines."""
    from amiss.cli.show import terminal
    from amiss.stream.live_view import LiveView

    monitors = watching.monitors
    if _is_drawn(form):
        from rich.live import Live

        view = LiveView(monitors)
        # Lines beside a view would tear it, so that it shows them too.
        seen = Log(write=view.note) if sys.stderr is None or sys.stderr.isatty() else log
        with seen.listening(), Live(view, console=terminal(), refresh_per_second=_DRAWN_A_SECOND, transient=False):
            yield view.take
        return
    lines = Lines(monitors, log)

    def show(monitor: Monitor, step: Step) -> None:
        lines.take(monitor, step)
        for change in step.changes:
            _print_change(change, form, f"{monitor.source.name}: " if len(monitors) > 1 else "")

    yield show


def _is_drawn(form: Form) -> bool:
    return form is Form.table and sys.stdout.isatty()


def _print_change(change: Any, form: Form, source: str) -> None:
    import msgspec

    event = change.event
    if form is Form.ndjson:
        line = msgspec.json.encode(event).decode()
    else:
        who = f" {event.entity}" if event.entity else ""
        line = f"{event.start} {source}{event.kind}{who}: {event.reason}"
        line = line if change.opened else f"{event.end} {source}over:{who} {event.kind}, since {event.start}"
    print(line, flush=True)
