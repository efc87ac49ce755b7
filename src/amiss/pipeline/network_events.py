"""From what hosts do to events: with evidence, filters, and an order of hosts."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.core.finding import Event, Evidence
from amiss.core.summary import Vector
from amiss.network.context import own_hosts
from amiss.network.filters import capture_filter, display_filter
from amiss.network.finding import Finding
from amiss.network.traffic import Traffic
from amiss.pipeline.events import iso_time

__all__ = ["UNUSUAL", "HostRank", "event_of", "rank_hosts", "unusual_findings"]

UNUSUAL = "unusual_flows"
_MOST_SHOWN = 10
_APART_SECONDS = 3600.0
"""Unusual flows of one host that are further apart are two events."""
_LEAST, _MOST = 0.2, 0.4
"""Severity of one unusual flow, and what that of many comes close to: less than that of a behaviour that has a name."""


class HostRank(msgspec.Struct, frozen=True):
    """One host and what it does, over all its events.

    Attributes
    ----------
    host
        Its address.
    severity
        Of all its events together, in [0, 1].
    kinds
        What it does, the gravest first.
    n_events, n_flows
        Its events, and the flows that belong to them.
    start, end
        First and last moment of its events (ISO 8601).
    """

    host: str
    severity: float
    kinds: tuple[str, ...]
    n_events: int
    n_flows: int
    start: str | None
    end: str | None


def event_of(finding: Finding, traffic: Traffic, p_value: float | None = None) -> Event:
    """The event that a finding is told as."""
    rows = finding.flows
    start, end = (iso_time(moment, zoned=True) for moment in (finding.start, finding.end))
    return Event(
        first_row=int(rows[0]), last_row=int(rows[-1]), peak_row=int(rows[0]), n_alarms=len(rows),
        start=start, end=end, entity=finding.host, score=finding.severity, p_value=p_value, kind=finding.kind,
        reason=finding.reason,
        evidence=Evidence(
            technique=finding.technique, measures=finding.measures, peers=finding.peers[:_MOST_SHOWN],
            n_peers=len(finding.peers), n_flows=len(rows), flows=tuple(_spread(rows)),
            display_filter=display_filter(finding, traffic.flows),
            capture_filter=capture_filter(finding, traffic.flows),
        ),
    )  # fmt: skip


def _spread(rows: npt.NDArray[np.int64]) -> list[int]:
    """Some of the flows, from the first to the last."""
    places = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MOST_SHOWN)).astype(np.int64))
    return [int(row) for row in rows[places]]


def rank_hosts(events: Sequence[Event]) -> tuple[HostRank, ...]:
    """Hosts by what they do: events of one host add up as chances that are independent do."""
    by_host: dict[str, list[Event]] = {}
    for event in events:
        by_host.setdefault(event.entity or "", []).append(event)
    ranks = [_rank(host, told) for host, told in by_host.items()]
    return tuple(sorted(ranks, key=lambda rank: (-rank.severity, rank.host)))


def _rank(host: str, told: Sequence[Event]) -> HostRank:
    harmless = np.prod([1.0 - min(max(event.score, 0.0), 1.0) for event in told])
    return HostRank(
        host=host, severity=float(1.0 - harmless),
        kinds=tuple(dict.fromkeys(e.kind or "" for e in sorted(told, key=lambda e: -e.score))),
        n_events=len(told), n_flows=sum(event.n_alarms for event in told),
        start=min((e.start for e in told if e.start), default=None),
        end=max((e.end for e in told if e.end), default=None),
    )  # fmt: skip


def unusual_findings(
    traffic: Traffic, rows: npt.NDArray[np.int64], scores: Vector, reasons: Sequence[str]
) -> list[Finding]:
    """Flows that are unlike the others, those of one host together.

    Parameters
    ----------
    rows : (n_flows,)
        Positions of the flows, in ascending order.
    scores : (n_flows,)
        Their anomaly scores.
    reasons
        Why each of them is unusual.
    """
    flows = traffic.flows
    own = own_hosts(flows)
    src, dst = flows.src[rows], flows.dst[rows]
    # Of a flow that crosses the border the host inside is the one that can be looked after; and of thousands of
    # strangers that each knock once, one event is told.
    host = np.where(~own[src] & own[dst], dst, src)
    order = np.lexsort((flows.start[rows], host))
    breaks = np.flatnonzero((np.diff(host[order]) != 0) | (np.diff(flows.start[rows][order]) > _APART_SECONDS)) + 1
    found = []
    for group in np.split(order, breaks):
        if len(group):
            found.append(_unusual(traffic, rows, np.sort(group), scores, reasons, int(host[group[0]])))
    return found


def _unusual(
    traffic: Traffic, rows: npt.NDArray[np.int64], group: npt.NDArray[np.int64], scores: Vector,
    reasons: Sequence[str], host: int,
) -> Finding:  # fmt: skip
    flows, mine = traffic.flows, rows[group]
    words = flows.hosts.words
    others = np.where(flows.src[mine] == host, flows.dst[mine], flows.src[mine])
    peers, counts = np.unique(others, return_counts=True)
    peers = peers[np.argsort(-counts, kind="stable")]
    worst = int(group[np.argmax(scores[group])])
    n = len(mine)
    many = f"{n:,} flows of {words[host]} are" if n > 1 else f"a flow of {words[host]} is"
    between = "with " + words[int(peers[0])] + (f" and {len(peers) - 1:,} more" if len(peers) > 1 else "")
    return Finding(
        kind=UNUSUAL, host=words[host], start=float(flows.start[mine].min()), end=float(flows.end[mine].max()),
        severity=_LEAST + (_MOST - _LEAST) * (1.0 - 1.0 / n),
        reason=f"{many} unlike the others, {between}: {reasons[worst]}",
        technique=None, measures=(), flows=mine, peers=tuple(words[int(peer)] for peer in peers),
    )  # fmt: skip
