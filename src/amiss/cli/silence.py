"""`amiss silence`: events that nobody is to be told of for a while."""

from __future__ import annotations

import secrets
import time
from typing import Annotated

import typer

from amiss.cli import options
from amiss.cli.options import Form
from amiss.cli.stores import StateFolder, StorePlace, opened, print_records, user_name, utc_minute
from amiss.core.errors import ParameterError

__all__ = ["add", "end", "listed"]

_PATTERN = "Pattern of the shell: *, ?, [ab]."


def add(
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the list.")],
    state: StateFolder = None,
    store: StorePlace = None,
    lasting: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="For so long from now, such as 2h or 7d.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Until then: 2026-03-05T18:00, in UTC unless it says.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="PATTERN", help=_PATTERN)] = None,
    entity: Annotated[str | None, typer.Option("--entity", metavar="PATTERN", help=_PATTERN)] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="PATTERN", help="anomaly, no_data, 'stuck*'. " + _PATTERN)
    ] = None,
    author: Annotated[
        str | None, typer.Option("--author", metavar="NAME", help="Who wants it. Default: this machine's user.")
    ] = None,
) -> None:
    """Keep events from being told for a while: of those that fit all patterns given. They are found all the same.

    A watch that runs takes it up within five seconds. What was told before stays told, and so is its end.

    \b
    Examples:
      amiss silence add --state plant --entity 'pump-*' --for 2h --reason "new bearing"
      amiss silence add --state plant --kind 'stuck*' --until 2030-03-05T18:00 --reason "gauges are replaced"
    """
    from amiss.store.records import SilenceRecord

    now = time.time()
    ends = _end(lasting, until, now)
    if source is None and entity is None and kind is None:
        raise ParameterError(
            "nothing says what is not to be told", mend="give --source, --entity or --kind; --entity '*' is all"
        )
    if not reason.strip():
        raise ParameterError("the reason is empty", mend='give one: --reason "new bearing"')
    silence = SilenceRecord(
        id=secrets.token_hex(4), author=user_name(author), reason=reason, starts=now, ends=ends, created=now,
        source=source or "*", entity=entity or "*", kind=kind or "*",
    )  # fmt: skip
    with opened(state, store) as found, found.writing() as writer:
        writer.put_silences([silence])
    typer.echo(f"{silence.id} until {utc_minute(ends)} (UTC)")


def _end(lasting: str | None, until: str | None, now: float) -> float:
    from amiss.stream.moments import moments_of

    if (lasting is None) == (until is None):
        raise ParameterError("a silence has one end", mend="give --for 2h, or --until 2026-03-05T18:00")
    ends = now + (options.seconds_of(lasting) or 0.0) if lasting is not None else float(moments_of([until])[0])
    if not ends > now:
        what = f"{lasting or until!r} is no time" if ends != ends else f"{lasting or until!r} is over already"
        raise ParameterError(what, mend="give --for 2h, or --until 2026-03-05T18:00, a time to come")
    return ends


def listed(
    state: StateFolder = None,
    store: StorePlace = None,
    every: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False,
    form: options.Format = Form.table,
) -> None:
    """Silences that hold, who wants them and why, and how many events each has kept from being told.

    \b
    Examples:
      amiss silence list --state plant
      amiss silence list --state plant --all --format json
    """
    from amiss.stream.moments import utc_words

    now = time.time()
    with opened(state, store) as found:
        silences = [s for s in found.silences() if every or s.ends > now]
    columns = [
        ("id", [s.id for s in silences]),
        ("until", [utc_minute(s.ends) + ("" if s.ends > now else ", over") for s in silences]),
        ("by", [s.author for s in silences]),
        ("source", [s.source for s in silences]),
        ("entity", [s.entity for s in silences]),
        ("kind", [s.kind for s in silences]),
        ("hidden", [f"{s.n_hidden:,}" for s in silences]),
        ("why", [s.reason for s in silences]),
    ]
    records = [
        {"id": s.id, "author": s.author, "reason": s.reason, "starts": utc_words(s.starts), "ends": utc_words(s.ends),
         "source": s.source, "entity": s.entity, "kind": s.kind, "n_hidden": s.n_hidden, "holds": s.ends > now}
        for s in silences
    ]  # fmt: skip
    print_records(records, form, columns, "nothing is silenced")


def end(
    silence_id: Annotated[str, typer.Argument(metavar="ID", help="Of the silence, as amiss silence list has it.")],
    state: StateFolder = None,
    store: StorePlace = None,
) -> None:
    """End a silence now.

    \b
    Examples:
      amiss silence end 1f0a22c9 --state plant
    """
    with opened(state, store) as found:
        ended = found.end_silence(silence_id, time.time())
        where = found.name
    if not ended:
        raise ParameterError(f"no silence {silence_id!r} holds", where=where, mend="amiss silence list says which do")
    typer.echo(f"{silence_id} is over")
