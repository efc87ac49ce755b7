"""The HTML report on network traffic: the hosts that misbehave first, then how, since when, and on what evidence."""

from __future__ import annotations

import html
import shlex
from typing import TYPE_CHECKING

from amiss.pipeline.events import iso_time
from amiss.pipeline.recipe import DEFAULT
from amiss.report.frame import filled, framed, notes_html, tiles, versions
from amiss.report.network_data import network_data, to_second

if TYPE_CHECKING:
    from amiss.pipeline.network_result import NetworkResult

__all__ = ["network_html", "network_snippet"]

_SCRIPTS = ("common.js", "plot.js", "network.js", "talk.js")
_MOST_IN_SNIPPET = 10


def network_html(result: NetworkResult) -> str:
    """The report as one HTML page."""
    body = filled(
        "network.html",
        tiles=tiles(_tiles(result)),
        notes=notes_html(result.notes),
        kinds=_kinds(result),
        promise="".join(f"<p>{html.escape(line)}</p>" for line in _ground(result)),
        command=html.escape(_command(result)),
        versions=html.escape(versions()),
    )
    return framed(
        body, network_data(result), _SCRIPTS, title=f"{result.source.name}: network traffic", name=result.source.name,
        lead=_lead(result), styles=("page.css", "network.css"),
    )  # fmt: skip


def network_snippet(result: NetworkResult) -> str:
    """The gravest events, inside a notebook."""
    from amiss.report.compare_page import plain_table

    lines = [
        [e.entity or "", (e.kind or "").replace("_", " "), to_second(e.start), f"{e.score:.2f}", e.reason]
        for e in result.events[:_MOST_IN_SNIPPET]
    ]
    more = result.n_events - len(lines)
    return (
        f"<p><b>{result.n_events:,} events</b> of {len(result.hosts):,} hosts in {len(result):,} flows of "
        f"{html.escape(result.source.name)}</p>"
        + (plain_table(["host", "kind", "from", "severity", "what happened"], lines) if lines else "")
        + (f"<p>and {more:,} more</p>" if more > 0 else "")
    )


def _lead(result: NetworkResult) -> str:
    traffic = result.traffic
    start, end = (to_second(iso_time(t, zoned=True)) for t in (traffic.start, traffic.end))
    text = f"{len(result):,} flows of {len(traffic.flows.hosts):,} hosts, {start} to {end} UTC"
    return text + (f"; known good: {result.known_good}" if result.known_good is not None else "")


def _tiles(result: NetworkResult) -> list[tuple[str, str]]:
    traffic, hidden = result.traffic, sum(n for _, n in result.hidden)
    names = traffic.dns.n_messages
    return [
        (f"{result.n_events:,}", "event" if result.n_events == 1 else "events"),
        (f"{len(result.hosts):,}", "host misbehaves" if len(result.hosts) == 1 else "hosts misbehave"),
        (f"{len(result):,}", "flows"),
        (f"{names:,}", "names asked for") if names else (f"{len(traffic.flows.hosts):,}", "hosts"),
        *([(f"{hidden:,}", "hidden by exclusions")] if result.hidden else []),
    ]


def _kinds(result: NetworkResult) -> str:
    """A line for each kind of event: how many, of how many hosts, since when."""
    kinds: dict[str, list[int]] = {}
    for k, event in enumerate(result.events):
        kinds.setdefault(event.kind or "", []).append(k)
    lines = []
    for kind, places in kinds.items():
        told = [result.events[k] for k in places]
        techniques = {e.evidence.technique for e in told if e.evidence and e.evidence.technique}
        cells = (
            kind.replace("_", " "), ", ".join(sorted(techniques)), f"{len(told):,}",
            f"{len({e.entity for e in told}):,}", f"{sum(e.n_alarms for e in told):,}",
            to_second(min((e.start for e in told if e.start), default=None)),
            to_second(max((e.end for e in told if e.end), default=None)),
        )  # fmt: skip
        classes = ("", "", "num", "num", "num", "when", "when wide")
        marked = zip(cells, classes, strict=True)
        lines.append(
            "<tr>" + "".join(f'<td class="{name}">{html.escape(cell)}</td>' for cell, name in marked) + "</tr>"
        )
    return "".join(lines)


def _ground(result: NetworkResult) -> list[str]:
    """What the events rest on, and what is excluded."""
    usual = f"what {result.known_good} shows, which is said to be good" if result.known_good else "the traffic itself"
    lines = [f"What a host does is compared with its peers and with {usual}; each event names its figures."]
    if result.odd is not None:
        lines.append(
            f"{result.n_judged:,} flows that belong to no such event were judged one by one: false among those called "
            f"unusual are at most {result.odd.promise.asked.replace(' (default)', '')}."
        )
    lines += [f"Excluded: {text}, which hides {n:,} event{'' if n == 1 else 's'}." for text, n in result.hidden]
    return lines


def _command(result: NetworkResult) -> str:
    recipe = result.recipe
    words = ["amiss", "detect", result.source.name]
    for option, texts in (("--known-good", recipe.known_good), ("--exclude", recipe.exclude)):
        for text in texts:
            words += [option, text]
    options = {
        "--false-alarms": recipe.false_alarms, "--false-discoveries": recipe.false_discoveries,
        "--detector": None if recipe.detector == DEFAULT else recipe.detector, "--seed": recipe.seed or None,
    }  # fmt: skip
    for option, value in options.items():
        words += [option, str(value)] if value is not None else []
    return shlex.join([*words, "--report", "report.html"])
