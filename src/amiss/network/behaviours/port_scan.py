"""Scans of ports: many ports of one host, or one port of many hosts."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.network.behaviours._contacts import Contacts, Run, runs
from amiss.network.behaviours._groups import Groups, distinct
from amiss.network.behaviours._told import count, finding, listed, severity, span, usually
from amiss.network.finding import Finding
from amiss.network.flows import UDP, Flows
from amiss.network.outcomes import attempts, failed, inside, odd_flags, wordless
from amiss.network.traffic import Traffic

__all__ = ["PortScan"]

_FALSE_ALARMS = 1e-3
"""Of a host whose contacts go amiss as often as usual, at any one beginning."""
_GAP_SECONDS = 2 * 3600.0
_LEAST_TARGETS = 5
_POLLS = 3
_PROBE_BYTES = 200.0
_MOSTLY_ODD = 0.8
_LEAST_CROWD, _TIMES_NOISE, _MOST_NOISE = 30, 3.0, 64.0


class PortScan:
    """Hosts whose contacts with ever new ports or hosts nearly all go amiss.

    Each target, a port of a host, counts once, by its first contact: refused, not answered, or opened and left without
    a word. Retries of a server that is down are one target; a monitor that touches the same ports again and again is no
    scanner. Scans in which most ports answer, and are spoken to, are not seen.

    References
    ----------
    Jung, J., Paxson, V., Berger, A. W., and Balakrishnan, H. (2004). Fast portscan detection using sequential
    hypothesis testing. IEEE Symposium on Security and Privacy.
    """

    kind: ClassVar[str] = "vertical_scan"
    kinds: ClassVar[tuple[str, ...]] = ("vertical_scan", "horizontal_scan")

    def find(self, traffic: Traffic, usual: Traffic | None) -> list[Finding]:
        """Scans, one for each host and stretch of time."""
        flows = traffic.flows
        rows = np.flatnonzero((attempts(flows) & ~_heavy(flows)) | odd_flags(flows))
        if not len(rows):
            return []
        contacts = Contacts.of(flows, [flows.src, flows.dst, flows.protocol, flows.dst_port], rows, _went_amiss(flows))
        first = contacts.flows.first
        src, dst, port = flows.src[first], flows.dst[first], flows.dst_port[first]
        service = flows.protocol[first].astype(np.int64) * 65_536 + port
        least = float(np.log(1 / _FALSE_ALARMS))
        # How often contacts go amiss depends on the port where it is the same one, and on the protocol otherwise.
        vertical = runs(
            contacts, [src, dst], src, flows.protocol[first].astype(np.int64), least=least, gap=_GAP_SECONDS
        )
        horizontal = runs(
            contacts, [src, service.astype(np.int32)], src, service, least=least, gap=_GAP_SECONDS
        )  # fmt: skip
        wide = [run for run in horizontal if contacts.amiss[run.contacts].sum() >= _LEAST_TARGETS]
        deep = [run for run in vertical if contacts.amiss[run.contacts].sum() >= _LEAST_TARGETS]
        own = inside(flows)
        stretches = _stretches(contacts, src, wide + deep)
        noise, odd = _noise(contacts, src, own), odd_flags(flows)
        rest = np.ones(len(contacts.time), np.bool_)
        rest[np.concatenate([np.zeros(0, np.int64), *stretches])] = False
        usual_targets = (_usual_targets(flows, first[rest], False), _usual_targets(flows, first[rest], True))
        return [
            self._told(traffic, contacts, stretch, own, usual_targets)
            for stretch in stretches
            if (own[src[stretch[0]]] or contacts.amiss[stretch].sum() > noise)
            # What is odd in itself is told as such.
            and odd[first[stretch]].mean() < _MOSTLY_ODD
        ]

    @staticmethod
    def _told(
        traffic: Traffic,
        contacts: Contacts,
        picked: npt.NDArray[np.int64],
        own: npt.NDArray[np.bool_],
        usual_targets: tuple[float, float],
    ) -> Finding:
        flows = traffic.flows
        rows = np.concatenate([contacts.flows.rows(int(one)) for one in picked])
        first = contacts.flows.first[picked]
        host = int(flows.src[first[0]])
        peers, ports = np.unique(flows.dst[first]), np.unique(flows.dst_port[first])
        n_amiss, seconds = int(contacts.amiss[picked].sum()), float(np.ptp(flows.start[rows]))
        deep = len(ports) > len(peers)
        n = len(ports) if deep else len(peers)
        usual = usual_targets[int(deep)]
        grade = severity(0.5, n, _LEAST_TARGETS) * (1.0 if own[host] else 0.85)
        words = flows.hosts.words
        if deep:
            whom = words[peers[0]] if len(peers) == 1 else count(len(peers), "host")
            what = f"tried {count(n, 'port')} of {whom}"
        else:
            what = f"tried {_named(ports)} of {count(n, 'host')}"
        reason = (
            f"{words[host]} {what} within {span(seconds)}; {n_amiss:,} of {count(len(picked), 'attempt')} "
            f"{'was' if n_amiss == 1 else 'were'} refused, not answered or left without a word; "
            f"usual is {usually(usual)}"
        )
        measures = (
            Measure("ports tried" if deep else "hosts tried", n, usually(usual)),
            Measure("attempts that went amiss", n_amiss),
            Measure("share that went amiss", n_amiss / len(picked)),
            Measure("hosts tried" if deep else "ports tried", len(peers) if deep else len(ports)),
            Measure("duration", seconds, "", "s"),
        )
        return finding(
            traffic, "vertical_scan" if deep else "horizontal_scan", host, rows, grade=grade, reason=reason,
            technique="T1046", measures=measures,
        )  # fmt: skip


def _noise(contacts: Contacts, src: npt.NDArray[np.int32], own: npt.NDArray[np.bool_]) -> float:
    """How many targets a host outside may try in vain where many do: the noise that every public address hears.

    Three times what 99 of 100 of them stay below, at most 64; 0 where few are heard.
    """
    outside = np.flatnonzero(~own[src] & contacts.amiss)
    groups = Groups.of([src], contacts.time, outside)
    if len(groups) < _LEAST_CROWD:
        return 0.0
    return min(_TIMES_NOISE * float(np.quantile(groups.sizes, 0.99, method="lower")), _MOST_NOISE)


def _named(ports: npt.NDArray[np.int32]) -> str:
    return f"port{'s' if len(ports) > 1 else ''} {listed([str(port) for port in ports])}"


def _heavy(flows: Flows) -> npt.NDArray[np.bool_]:
    """Datagrams that carry much: who only wants to know whether a port is open sends little."""
    return np.asarray((flows.protocol == UDP) & (flows.bytes_out > _PROBE_BYTES * flows.packets_out), np.bool_)


def _went_amiss(flows: Flows) -> npt.NDArray[np.bool_]:
    bad, mute = failed(flows), wordless(flows)
    if mute.any():
        groups = Groups.of([flows.src, flows.dst, flows.dst_port], flows.start, np.flatnonzero(mute))
        polled = np.zeros(flows.n_flows, np.bool_)
        polled[groups.order] = np.repeat(groups.sizes >= _POLLS, groups.sizes)
        bad = bad | (mute & ~polled)
    return bad


def _stretches(contacts: Contacts, src: npt.NDArray[np.int32], found: list[Run]) -> list[npt.NDArray[np.int64]]:
    """Contacts of the runs, those of one source that overlap in time or follow one another closely together."""
    if not found:
        return []
    order = sorted(found, key=lambda run: (int(src[run.contacts[0]]), float(contacts.time[run.contacts[0]])))
    stretches: list[list[npt.NDArray[np.int64]]] = []
    host, end = -1, -np.inf
    for run in order:
        times = contacts.time[run.contacts]
        if int(src[run.contacts[0]]) != host or times[0] > end + _GAP_SECONDS:
            stretches.append([])
            end = -np.inf
        host, end = int(src[run.contacts[0]]), max(end, float(times[-1]))
        stretches[-1].append(run.contacts)
    return [np.unique(np.concatenate(parts)) for parts in stretches]


def _usual_targets(flows: Flows, first: npt.NDArray[np.int64], deep: bool) -> float:
    """What 99 % of the other pairs of hosts, or of host and port, stay below."""
    if not len(first):
        return 0.0
    by, what = (flows.dst[first], flows.dst_port[first]) if deep else (flows.dst_port[first], flows.dst[first])
    pairs = Groups.of([flows.src[first], by], flows.start[first], np.arange(len(first)))
    return float(np.quantile(distinct(pairs.ids, what[pairs.order], len(pairs)), 0.99, method="lower"))
