"""What the page of network traffic draws: hosts, events, who spoke with whom, ports and bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Event
from amiss.core.random import priorities
from amiss.network.flows import PROTOCOLS, STATES, Flows
from amiss.pipeline.events import iso_time
from amiss.pipeline.network_result import NetworkResult
from amiss.report.moments import moment_words, seconds_of

__all__ = ["flow_words", "network_data", "to_second"]

_MOST_EVENTS, _MOST_HOSTS, _MOST_GRAPHS = 500, 200, 120
_TIME_BINS, _POINTS, _PAIRS, _SERVICES = 240, 1200, 24, 12
_EVENT_POINTS = 400


def to_second(moment: str | None) -> str:
    """A moment in words, without parts of a second."""
    return moment_words(None if moment is None else moment[:19], None)


def network_data(result: NetworkResult) -> dict[str, Any]:
    """Everything that the page shows, as plain lists and numbers."""
    flows = result.traffic.flows
    events = result.events[:_MOST_EVENTS]
    return {
        "n_events": result.n_events,
        "events": [_event(result, k, event) for k, event in enumerate(events)],
        "hosts": [
            {
                "host": rank.host, "severity": round(rank.severity, 3), "kinds": list(rank.kinds),
                "events": rank.n_events, "flows": rank.n_flows, "from": to_second(rank.start),
                "to": to_second(rank.end),
            }
            for rank in result.hosts[:_MOST_HOSTS]
        ],
        "n_hosts": len(result.hosts),
        "time": _timeline(flows),
        "points": _points(result),
        "services": _services(flows),
    }  # fmt: skip


def _event(result: NetworkResult, k: int, event: Event) -> dict[str, Any]:
    flows, evidence = result.traffic.flows, event.evidence
    assert evidence is not None
    return {
        "kind": event.kind, "host": event.entity, "severity": round(event.score, 3), "reason": event.reason,
        "from": to_second(event.start), "to": to_second(event.end),
        "at": [seconds_of(event.start), seconds_of(event.end)],
        "technique": evidence.technique, "flows": evidence.n_flows, "n_peers": evidence.n_peers,
        "peers": list(evidence.peers),
        "measures": [[m.name, _brief(m.value), m.unit, m.typical] for m in evidence.measures],
        "display": evidence.display_filter, "capture": evidence.capture_filter,
        "sample": [flow_words(flows, row) for row in evidence.flows],
        "pairs": _pairs(flows, result.flows_of(k), event) if k < _MOST_GRAPHS else [],
    }  # fmt: skip


def flow_words(flows: Flows, row: int) -> list[str]:
    """One flow in words: time, from, to, protocol, service, state, packets and bytes out and in."""
    words = flows.hosts.words
    protocol = PROTOCOLS.get(int(flows.protocol[row]), str(int(flows.protocol[row])))
    service = flows.services[flows.service[row]] if flows.service[row] >= 0 else ""
    name = flows.names[flows.name[row]] if flows.name[row] >= 0 else ""
    ported = protocol in ("tcp", "udp", "sctp")
    ends = [(words[flows.src[row]], flows.src_port[row]), (words[flows.dst[row]], flows.dst_port[row])]
    src, dst = (f"{_bracketed(host)}:{port}" if ported else host for host, port in ends)
    return [
        (iso_time(float(flows.start[row]), zoned=True) or "").replace("T", " ").removesuffix("Z")[:19], src, dst,
        " ".join(word for word in (protocol, service, name) if word), STATES[int(flows.state[row])],
        _pair(flows.packets_out[row], flows.packets_in[row]), _pair(flows.bytes_out[row], flows.bytes_in[row]),
    ]  # fmt: skip


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _pair(out: float, back: float) -> str:
    return " / ".join("?" if value != value else f"{value:,.0f}" for value in (float(out), float(back)))


def _brief(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None


def _pairs(flows: Flows, own: npt.NDArray[np.int64], event: Event) -> list[list[Any]]:
    """Who spoke with whom around an event: its own flows, then what its hosts did else at that time.

    Each is [from, to, flows, bytes, whether it is of the event].
    """
    start, end = seconds_of(event.start), seconds_of(event.end)
    near = np.zeros(flows.n_flows, np.bool_)
    if start is not None and end is not None:
        margin = max(end - start, 60.0)
        involved = np.unique(np.concatenate([flows.src[own], flows.dst[own]]))
        near = (flows.start >= start - margin) & (flows.start <= end + margin)
        near &= np.isin(flows.src, involved) | np.isin(flows.dst, involved)
    near[own] = False
    return [*_summed(flows, own, True), *_summed(flows, np.flatnonzero(near), False)]


def _summed(flows: Flows, rows: npt.NDArray[np.int64], of_event: bool) -> list[list[Any]]:
    if not len(rows):
        return []
    key = flows.src[rows].astype(np.int64) * len(flows.hosts) + flows.dst[rows]
    pairs, place, counts = np.unique(key, return_inverse=True, return_counts=True)
    volume = np.nan_to_num(flows.bytes_out[rows]) + np.nan_to_num(flows.bytes_in[rows])
    total = np.bincount(place.reshape(-1), weights=volume, minlength=len(pairs))
    words, n = flows.hosts.words, len(flows.hosts)
    order = np.lexsort((-total, -counts))[: _PAIRS if of_event else _PAIRS // 2]
    found: list[list[Any]] = [
        [words[int(pairs[i]) // n], words[int(pairs[i]) % n], int(counts[i]), _brief(float(total[i])), of_event]
        for i in order
    ]
    if len(pairs) > len(order) and of_event:
        rest = np.setdiff1d(np.arange(len(pairs)), order)
        source = words[int(pairs[rest[0]]) // n]
        found.append([source, f"{len(rest):,} more", int(counts[rest].sum()), _brief(float(total[rest].sum())), True])
    return found


def _timeline(flows: Flows) -> dict[str, Any]:
    """Flows and bytes in equal stretches of time."""
    known = np.flatnonzero(~np.isnan(flows.start))
    if not len(known):
        return {"from": 0.0, "to": 0.0, "flows": [], "bytes": []}
    start = flows.start[known]
    low, high = float(start.min()), float(max(flows.end[known].max(), start.min() + 1.0))
    place = np.clip(((start - low) / (high - low) * _TIME_BINS).astype(np.int64), 0, _TIME_BINS - 1)
    volume = np.nan_to_num(flows.bytes_out[known]) + np.nan_to_num(flows.bytes_in[known])
    return {
        "from": low, "to": high,
        "flows": np.bincount(place, minlength=_TIME_BINS).tolist(),
        "bytes": [_brief(v) for v in np.bincount(place, weights=volume, minlength=_TIME_BINS).tolist()],
    }  # fmt: skip


def _points(result: NetworkResult) -> list[list[Any]]:
    """A sample of the flows and some of the events': [port, bytes, number of the event or −1]."""
    flows = result.traffic.flows
    event, n_events = np.full(flows.n_flows, -1, np.int64), min(result.n_events, _MOST_EVENTS)
    for k in reversed(range(n_events)):
        event[result.flows_of(k)] = k
    usual = np.flatnonzero(event < 0)
    # Of each event some, or a scan of thousands hides all others.
    told = [_some(result.flows_of(k), max(_EVENT_POINTS // n_events, 2)) for k in range(n_events)]
    rows = np.concatenate([_some(usual, _POINTS), np.unique(np.concatenate([usual[:0], *told]))])
    volume = flows.bytes_out + np.nan_to_num(flows.bytes_in)
    rows = rows[~np.isnan(volume[rows])]
    port = np.where(np.isin(flows.protocol, (6, 17, 132)), flows.dst_port, 0)
    return [[int(port[row]), _brief(float(volume[row])), int(event[row])] for row in rows.tolist()]


def _some(rows: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    if len(rows) <= most:
        return rows
    return np.sort(rows[np.argpartition(priorities(rows, 0), most)[:most]])


def _services(flows: Flows) -> list[list[Any]]:
    """What was spoken most: [service or port, flows, bytes out, bytes in]."""
    named = flows.service >= 0
    key = np.where(named, flows.service, len(flows.services) + flows.dst_port.astype(np.int64) * 70_000
                   + np.maximum(flows.protocol, 0))  # fmt: skip
    kinds, first, place = np.unique(key, return_index=True, return_inverse=True)
    place = place.reshape(-1)
    counts = np.bincount(place)
    out, back = (np.bincount(place, weights=np.nan_to_num(v)) for v in (flows.bytes_out, flows.bytes_in))
    found = []
    for i in np.argsort(-counts, kind="stable")[:_SERVICES].tolist():
        row = int(first[i])
        protocol = PROTOCOLS.get(int(flows.protocol[row]), str(int(flows.protocol[row])))
        ported = protocol in ("tcp", "udp", "sctp")
        what = f"{int(flows.dst_port[row])}/{protocol}" if ported else protocol
        word = flows.services[flows.service[row]] if flows.service[row] >= 0 else what
        found.append([word, int(counts[i]), _brief(float(out[i])), _brief(float(back[i]))])
    assert len(kinds) == len(counts)
    return found
