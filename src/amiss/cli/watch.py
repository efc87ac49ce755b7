"""`amiss watch`: alarms of a live stream as they happen."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amiss.cli import options
from amiss.cli.options import Form
from amiss.cli.show import progress_bar
from amiss.cli.streams import say
from amiss.core.errors import ParameterError

if TYPE_CHECKING:
    from amiss.stream.config import WatchConfig
    from amiss.stream.monitor import Step
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
        listen=listen, keep_history=keep_history, time=time, entity=entity, ignore=tuple(ignore or ()),
        option=option or [],
    )  # fmt: skip
    with progress_bar() as progress:
        watching = put_together(said, progress=progress)
    try:
        _run(watching, said, form, seconds)
    finally:
        watching.close()


def _configured(config: Path | None, source: str | None, **given: Any) -> WatchConfig:
    """The configuration of a file, with what the command line says in its place."""
    import msgspec

    from amiss.stream.config import SourceConfig, WatchConfig, read_config

    if config is None and source is None:
        raise ParameterError("nothing says what to watch", mend="name a source such as host: or give --config FILE")
    found = read_config(config) if config is not None else WatchConfig(source=SourceConfig(address=str(source)))
    of_source = {name: given[name] for name in ("time", "entity", "ignore") if given[name]}
    if source is not None:
        of_source["address"] = source
    if given["option"]:
        of_source["options"] = found.source.options | dict(_pair(each) for each in given["option"])
    top = {
        name: given[name]
        for name in ("model", "history", "false_alarms", "store", "listen", "keep_history")
        if given[name]
    }
    if given["state"] is not None:
        top["state"] = str(given["state"])
    return msgspec.structs.replace(found, source=msgspec.structs.replace(found.source, **of_source), **top).checked()


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ParameterError(f"--option {text!r} has no value", mend="write --option name=value")
    return name, value


def _run(watching: Watching, config: WatchConfig, form: Form, seconds: float | None) -> None:
    monitor, stop = watching.monitor, threading.Event()
    metrics = None
    if config.listen is not None:
        from amiss.stream.metrics import Metrics

        metrics = Metrics([monitor])
        say(f"metrics: port {metrics.listen(config.listen)}")
    until = None if seconds is None else monitor.clock.now() + seconds
    try:
        with _ending(stop):
            monitor.open()
            if watching.postman is not None:
                watching.postman.start()
            with _shown(watching, form) as show:

                def each(step: Step) -> None:
                    if metrics is not None:
                        metrics.take(monitor, step)
                    show(step)
                    watching.deliver(step)
                    if until is not None and monitor.clock.now() >= until:
                        stop.set()

                monitor.run(stop, each)
    finally:
        if metrics is not None:
            metrics.close()
    counts = monitor.counts
    say(f"{counts['messages']:,} messages, {counts['events']:,} events, {counts['refused']:,} refused")


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
def _shown(watching: Watching, form: Form) -> Iterator[Callable[[Step], None]]:
    """What shows a round: a view on a terminal, else lines."""
    from amiss.cli.show import terminal
    from amiss.stream.live_view import LiveView

    monitor = watching.monitor
    if form is Form.table and sys.stdout.isatty():
        from rich.live import Live

        view = LiveView(monitor)
        with Live(view, console=terminal(), refresh_per_second=_DRAWN_A_SECOND, transient=False):
            yield view.take
        return
    told = {"ready": monitor.flow.judge.readiness() >= 1}

    def lines(step: Step) -> None:
        for note in step.polled.notes:
            say(note)
        if not told["ready"] and monitor.flow.judge.readiness() >= 1:
            told["ready"] = True
            say(f"ready: what is usual is known after {monitor.counts['messages']:,} messages")
        for change in step.changes:
            _print_change(change, form)

    if not told["ready"]:
        say("learning what is usual")
    yield lines


def _print_change(change: Any, form: Form) -> None:
    import msgspec

    event = change.event
    if form is Form.ndjson:
        line = msgspec.json.encode(event).decode()
    else:
        who = f" {event.entity}" if event.entity else ""
        line = f"{event.start} {event.kind}{who}: {event.reason}"
        line = line if change.opened else f"{event.end} over:{who} {event.kind}, since {event.start}"
    print(line, flush=True)
