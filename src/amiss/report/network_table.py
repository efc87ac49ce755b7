"""A result on network traffic, on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amiss.pipeline.events import iso_time
from amiss.pipeline.network_result import NetworkResult
from amiss.report.columns import Column, print_columns
from amiss.report.network_data import flow_words, to_second

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_network", "print_network_event"]

_MOST_HOSTS = 5


def print_network(console: Console, result: NetworkResult, n: int) -> None:
    """Print what was read, the hosts that misbehave, and the `n` gravest events with their evidence in a sentence."""
    from rich.markup import escape

    for line in _read_lines(result):
        console.print(escape(line) if line.startswith(" ") else f"[bold]{escape(line)}[/]", highlight=False)
    console.print()
    if not result.n_events:
        console.print("[bold]nothing stands out[/]")
        return
    n_hosts = len(result.hosts)
    console.print(
        f"[bold]{result.n_events:,} event{'' if result.n_events == 1 else 's'} of {n_hosts:,} "
        f"host{'' if n_hosts == 1 else 's'}[/]" + (", the gravest first" if result.n_events > 1 else "")
    )
    if n_hosts > 1:
        worst = [f"{rank.host} ({', '.join(k.replace('_', ' ') for k in rank.kinds)})" for rank in result.hosts]
        more = f" and {n_hosts - _MOST_HOSTS:,} more" if n_hosts > _MOST_HOSTS else ""
        console.print(f"hosts: {escape('; '.join(worst[:_MOST_HOSTS]))}{more}", style="dim", highlight=False)
    columns = [
        Column("host"), Column("kind"), Column("from", drop=3), Column("to", drop=4), Column("flows", True, 2),
        Column("severity", True, 5), Column("ATT&CK", drop=1),
    ]  # fmt: skip
    rows = [
        (
            event.entity or "", (event.kind or "").replace("_", " "), to_second(event.start),
            to_second(event.end) if event.end != event.start else "", f"{event.n_alarms:,}",
            f"{event.score:.2f}", (event.evidence.technique if event.evidence else None) or "", event.reason,
        )
        for event in result.events[:n]
    ]  # fmt: skip
    print_columns(console, columns, rows, sentence="what happened")
    if result.n_events > n:
        console.print(f"and {result.n_events - n:,} more: --top N", highlight=False)


def print_network_event(console: Console, result: NetworkResult, number: int) -> None:
    """Print all that is known of one event, by its place among the events."""
    from rich.text import Text

    event = result.explain(number)
    evidence = event.evidence
    assert evidence is not None
    console.print(
        f"[bold]event {number}: {event.entity}, {(event.kind or '').replace('_', ' ')}[/]"
        f"  severity {event.score:.2f}" + (f", ATT&CK {evidence.technique}" if evidence.technique else ""),
        highlight=False,
    )
    console.print(Text(f"  {event.reason}"))
    many = f"{_many(event.n_alarms, 'flow')} with {_many(evidence.n_peers, 'host')}"
    console.print(Text(f"  from {event.start} to {event.end}; {many}"))
    if evidence.measures:
        console.print()
        rows = [(m.name, f"{m.value:,.6g} {m.unit}".strip(), m.typical) for m in evidence.measures]
        print_columns(console, [Column("evidence"), Column("here", True), Column("usual")], rows)
    console.print()
    heads = [
        Column("time"), Column("from"), Column("to"), Column("what"), Column("state", drop=1),
        Column("packets out / in", True, 3), Column("bytes out / in", True, 2),
    ]  # fmt: skip
    print_columns(console, heads, [flow_words(result.traffic.flows, row) for row in evidence.flows])
    console.print(Text(f"\ndisplay filter:  {evidence.display_filter}"))
    console.print(Text(f"capture filter:  {evidence.capture_filter}"))


def _many(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _read_lines(result: NetworkResult) -> list[str]:
    traffic = result.traffic
    span = " to ".join((iso_time(t, zoned=True) or "?")[:19].replace("T", " ") for t in (traffic.start, traffic.end))
    lines = [
        f"{result.source.name}  {len(result):,} flows of {len(traffic.flows.hosts):,} hosts, {span} UTC",
        *(f"  note: {note}" for note in result.notes),
    ]
    if result.known_good is not None:
        lines.append(f"  known good: {result.known_good}")
    for text, n in result.hidden:
        lines.append(f"  excluded: {text}, which hides {n:,} event{'' if n == 1 else 's'}")
    if result.n_judged:
        lines.append(f"  {result.n_judged:,} flows that belong to no behaviour were judged one by one")
    return lines
