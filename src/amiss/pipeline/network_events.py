"""From what hosts do to events: with evidence, filters, and an order of hosts."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.core.finding import Event, Evidence
from amiss.network.filters import capture_filter, display_filter
from amiss.network.finding import Finding
from amiss.network.traffic import Traffic
from amiss.pipeline.events import iso_time

__all__ = ["HostRank", "event_of", "rank_hosts"]

_MOST_SHOWN = 10


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
