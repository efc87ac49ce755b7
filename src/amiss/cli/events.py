"""`amiss events`: what a watch has found, and who has taken it on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amiss.cli import options
from amiss.cli.options import Form
from amiss.cli.stores import StateFolder, StorePlace, opened, pattern_fits, print_records, user_name, utc_minute
from amiss.core.errors import ParameterError

if TYPE_CHECKING:
    from amiss.core.notification import Notification
    from amiss.store.records import EventRecord
    from amiss.store.store import Store

__all__ = ["HELP", "acknowledge", "listed"]

_DAY = 86_400.0
_PAGE = 500

HELP = """What a watch has found: events that are on, and those that were within a day.

\b
Examples:
  amiss events --state plant
  amiss events --state plant --open --entity 'pump-*'
  amiss events --store postgresql://me@db/plant --since 7d --format ndjson
  amiss events ack 3f0c5e1f2a7b9d44 --state plant
"""


def listed(
    context: typer.Context,
    state: StateFolder = None,
    store: StorePlace = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are on.")] = False,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Those that were within so long, such as 2h or 7d. Default 1d."),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="PATTERN", help="Only of these sources, as in the shell: mqtt*.")
    ] = None,
    entity: Annotated[
        str | None, typer.Option("--entity", metavar="PATTERN", help="Only of these entities: 'pump-*'.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="PATTERN", help="Only these kinds: anomaly, no_data, 'stuck*'.")
    ] = None,
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, help="So many at most, the newest.")] = 100,
    form: options.Format = Form.table,
) -> None:
    """What a watch has found: events that are on, and those that were within a day."""
    if context.invoked_subcommand is not None:
        # `amiss events --state DIR ack ID` means the same store.
        context.obj = (state, store)
        return
    seconds = _DAY if since is None else options.seconds_of(since)
    with opened(state, store) as found:
        records = _wanted(
            found, only_open, time.time() - (seconds or _DAY), top,
            lambda e: pattern_fits(e.source, source) and pattern_fits(e.entity, entity) and pattern_fits(e.kind, kind),
        )  # fmt: skip
    several = len({e.source for e in records}) > 1
    columns = [
        ("id", [e.id for e in records]),
        ("since", [utc_minute(e.opened) for e in records]),
        ("until", [utc_minute(e.ended) if e.state == "resolved" else "on" for e in records]),
        ("source", [e.source if several else "" for e in records]),
        ("entity", [e.entity or "" for e in records]),
        ("what", [e.kind for e in records]),
        ("how grave", [e.severity for e in records]),
        ("taken on by", [e.acknowledged_by or "" for e in records]),
        ("why", [e.reason for e in records]),
    ]
    print_records([_told(e) for e in records], form, columns, "no event is on, and none was within that time")


def _wanted(store: Store, only_open: bool, since: float, top: int, fits: Any) -> list[EventRecord]:
    """Events that are on, however old, and those that changed since; the newest first."""
    found: dict[str, EventRecord] = {}
    wishes: list[dict[str, Any]] = [{"state": "firing"}] + ([] if only_open else [{"since": since}])
    for wish in wishes:
        after, n_found = None, 0
        while n_found < top:
            page = store.events(limit=_PAGE, after=after, **wish)
            fit = [event for event in page if fits(event)]
            found |= {event.id: event for event in fit}
            n_found += len(fit)
            if len(page) < _PAGE:
                break
            after = (page[-1].opened, page[-1].id)
    return sorted(found.values(), key=lambda e: (-e.opened, e.id))[:top]


def _told(event: EventRecord) -> dict[str, Any]:
    """An event as the watch prints it, and who has taken it on."""
    from amiss.stream.moments import utc_words

    at = event.acknowledged_at
    taken = {"acknowledged_by": event.acknowledged_by, "acknowledged_at": None if at is None else utc_words(at)}
    return event.body | taken


def acknowledge(
    context: typer.Context,
    event_id: Annotated[str, typer.Argument(metavar="ID", help="Of the event, as amiss events lists it.")],
    state: StateFolder = None,
    store: StorePlace = None,
    who: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who takes it on. Default: this machine's user.")
    ] = None,
) -> None:
    """Take an event on: the list says so, and the channels that were told of it are told so too.

    The first who does it stays. What the event does after is not changed by it.

    \b
    Examples:
      amiss events ack 3f0c5e1f2a7b9d44 --state plant
      amiss events ack 3f0c5e1f2a7b9d44 --state plant --by kim
    """
    if state is None and store is None:
        state, store = context.obj or (None, None)
    name, now = user_name(who), time.time()
    with opened(state, store) as found:
        event = found.event(event_id)
        if event is None:
            raise ParameterError(
                f"there is no event {event_id!r}", where=found.name, mend="amiss events lists them with their ids"
            )
        if event.acknowledged_by is None:
            _tell(found, event, name, now)
            found.acknowledge(event_id, name, now)
            event = found.event(event_id) or event
    typer.echo(f"{event_id} is taken on by {event.acknowledged_by}, {utc_minute(event.acknowledged_at)}")


def _tell(store: Store, event: EventRecord, who: str, now: float) -> None:
    """Queue the news for those who were told that the event began, and not that it is over."""
    import msgspec

    if event.state != "firing":
        return
    told = store.deliveries_of(f"{event.id}-trigger")
    if not told:
        return
    begun: Notification = told[0].notification
    title = f"{begun.title}: taken on by {who}"
    news = msgspec.structs.replace(begun, id=f"{event.id}-acknowledge", action="acknowledge", title=title)
    with store.writing() as writer:
        writer.queue([news], [delivery.sink for delivery in told], now)
