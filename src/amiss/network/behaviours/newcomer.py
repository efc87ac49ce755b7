"""Newcomers: devices, services and servers that were not there before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.network.behaviours._groups import Groups
from amiss.network.behaviours._told import count, finding, listed, severity
from amiss.network.finding import Finding
from amiss.network.flows import TCP, UDP, Flows
from amiss.network.outcomes import attempts, failed, inside
from amiss.network.traffic import Traffic

__all__ = ["Newcomer"]

_LONG_SECONDS = 36 * 3600.0
_LEAST_HOURS = 12
_SERVICE_PORTS = 32_768
_OWN_BUSINESS = 5
"""A host that reaches at most so many outside servers in all its history has a task of its own."""
_GIVES_OUT = {53: "names", 67: "addresses"}


class Newcomer:
    """Inside devices never seen before, inside services never offered before, and new ends of hosts that have few.

    Means something only beside a history: traffic known to be good, or the first half of what is longer than a day and
    a half. One finding for each newcomer, at its first sight, however much it does. A host that gives out addresses or
    answers about names and never did is the gravest.
    """

    kind: ClassVar[str] = "newcomer"

    def find(self, traffic: Traffic, usual: Traffic | None) -> list[Finding]:
        """Newcomers, one finding for each."""
        flows = traffic.flows
        since = traffic.start
        if usual is None:
            if not traffic.end - traffic.start > _LONG_SECONDS:
                return []
            since = (traffic.start + traffic.end) / 2
            usual = Traffic(flows.take(flows.start < since))
            if _watched_hours(usual) < _LEAST_HOURS:
                return []
        history = _History.of(usual.flows)
        own = inside(flows)
        rows = np.flatnonzero((flows.start >= since) & attempts(flows) & ~failed(flows))
        found = _services(traffic, rows, since, history, own) + _devices(traffic, rows, history, own)
        return found + _peers(traffic, rows, history, own)


def _watched_hours(usual: Traffic) -> int:
    """Hours in which anything was seen: two captures years apart are no history."""
    return len(np.unique(np.floor(usual.flows.start / 3600.0)))


@dataclass(frozen=True, slots=True)
class _History:
    hosts: set[str]
    services: set[tuple[str, int]]
    peers: dict[str, set[str]]
    outward: set[int]

    @classmethod
    def of(cls, flows: Flows) -> _History:
        words, own = flows.hosts.words, inside(flows)
        rows = np.flatnonzero((attempts(flows) & ~failed(flows)) | _leases(flows))
        seen = {words[code] for code in np.unique(np.concatenate([flows.src, flows.dst]))}
        served = np.unique(np.column_stack(_served(flows, rows)), axis=0)
        pairs = np.unique(np.column_stack([flows.src[rows], flows.dst[rows]]), axis=0)
        peers: dict[str, set[str]] = {}
        for src, dst in pairs:
            if own[src] and not own[dst]:
                peers.setdefault(words[src], set()).add(words[dst])
        away = rows[own[flows.src[rows]] & ~own[flows.dst[rows]]]
        outward = {int(port) for port in np.unique(flows.dst_port[away])}
        return cls(seen, {(words[host], int(port)) for host, port in served}, peers, outward)


def _leases(flows: Flows) -> npt.NDArray[np.bool_]:
    """Whether a flow gives out an address by DHCP: to all, so that it is no attempt to reach one."""
    return np.asarray((flows.protocol == UDP) & (flows.src_port == 67) & (flows.dst_port == 68), np.bool_)


def _served(flows: Flows, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Who serves in each flow, and on which port."""
    gives = _leases(flows)[rows]
    host = np.where(gives, flows.src[rows], flows.dst[rows]).astype(np.int32)
    return host, np.where(gives, 67, flows.dst_port[rows]).astype(np.int32)


def _services(
    traffic: Traffic,
    rows: npt.NDArray[np.int64],
    since: float,
    history: _History,
    own: npt.NDArray[np.bool_],
) -> list[Finding]:
    flows, words = traffic.flows, traffic.flows.hosts.words
    rows = np.union1d(rows, np.flatnonzero(_leases(flows) & (flows.start >= since)))
    server, port = np.full(flows.n_flows, -1), np.full(flows.n_flows, -1)
    server[rows], port[rows] = _served(flows, rows)
    rows = rows[own[server[rows]] & (port[rows] > 0) & (port[rows] < _SERVICE_PORTS)]
    rows = rows[np.isin(flows.protocol[rows], (TCP, UDP))]
    groups = Groups.of([server, port], flows.start, rows)
    by_host: dict[int, list[int]] = {}
    for group in range(len(groups)):
        row = groups.first[group]
        if (words[server[row]], int(port[row])) not in history.services:
            by_host.setdefault(int(server[row]), []).append(group)
    told = []
    for host, picked in by_host.items():
        all_rows = np.concatenate([groups.rows(group) for group in picked])
        ports = sorted({int(one) for one in port[all_rows]})
        gives = [_GIVES_OUT[one] for one in ports if one in _GIVES_OUT]
        what = f"gives out {listed(gives)}" if gives else f"answers on port {listed([str(one) for one in ports])}"
        clients = len(np.unique(flows.src[all_rows]))
        reason = f"{words[host]} {what}, which it never did before; {count(clients, 'host')} asked it"
        measures = (
            Measure("new services", len(ports), "none"),
            Measure("hosts that use them", clients),
            Measure("connections", len(all_rows)),
        )
        grade = severity(0.6 if gives else 0.35, clients, 1.0)
        told.append(
            finding(
                traffic,
                "newcomer",
                host,
                all_rows,
                grade=grade,
                reason=reason,
                technique="T1557" if gives else "T1571",
                measures=measures,
                other_end=flows.src[np.unique(all_rows)],
            )
        )
    return told


def _devices(
    traffic: Traffic, rows: npt.NDArray[np.int64], history: _History, own: npt.NDArray[np.bool_]
) -> list[Finding]:
    flows, words = traffic.flows, traffic.flows.hosts.words
    groups = Groups.of([flows.src], flows.start, rows[own[flows.src[rows]]])
    told = []
    for group in range(len(groups)):
        picked = groups.rows(group)
        host = int(flows.src[picked[0]])
        if words[host] in history.hosts:
            continue
        peers = [words[code] for code in np.unique(flows.dst[picked])]
        strange = sum(peer not in history.hosts for peer in peers)
        reason = (
            f"{words[host]} was never seen before; it made {count(len(picked), 'connection')} to "
            f"{count(len(peers), 'host')}, {strange:,} of them as new as itself"
        )
        measures = (
            Measure("connections", len(picked), "none"),
            Measure("hosts reached", len(peers)),
            Measure("of them new", strange),
        )
        told.append(
            finding(
                traffic,
                "newcomer",
                host,
                picked,
                grade=severity(0.4, len(peers), 4.0),
                reason=reason,
                technique="T1200",
                measures=measures,
            )
        )
    return told


def _peers(
    traffic: Traffic, rows: npt.NDArray[np.int64], history: _History, own: npt.NDArray[np.bool_]
) -> list[Finding]:
    flows, words = traffic.flows, traffic.flows.hosts.words
    away = rows[own[flows.src[rows]] & ~own[flows.dst[rows]]]
    away = away[~np.isin(flows.dst_port[away], (53, 123))]
    groups = Groups.of([flows.src], flows.start, away)
    told = []
    for group in range(len(groups)):
        picked = groups.rows(group)
        host = words[flows.src[picked[0]]]
        before = history.peers.get(host, set())
        if not before:
            continue
        fresh = picked[[words[code] not in before and words[code] not in history.hosts for code in flows.dst[picked]]]
        if len(before) > _OWN_BUSINESS:
            # Who reaches many reaches new ones all day; a service that nobody ever used outside is another matter.
            fresh = fresh[[int(port) not in history.outward for port in flows.dst_port[fresh]]]
        peers = [words[code] for code in np.unique(flows.dst[fresh])]
        if not peers:
            continue
        ports = listed([str(port) for port in np.unique(flows.dst_port[fresh])])
        reason = (
            f"{host} reached {listed(peers)} on port {ports}, which nobody did before; in all its history it reaches "
            f"{count(len(before), 'outside server')}"
        )
        measures = (
            Measure("new servers", len(peers), f"{len(before)} in all its history"),
            Measure("connections", len(fresh), "none"),
        )
        told.append(
            finding(
                traffic,
                "newcomer",
                int(flows.src[picked[0]]),
                fresh,
                grade=severity(0.35, len(fresh), 1.0),
                reason=reason,
                technique="T1071",
                measures=measures,
            )
        )
    return told
