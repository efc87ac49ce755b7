"""Moving on inside: logins and shares of host after host that is no server."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.network.behaviours._groups import Groups
from amiss.network.behaviours._told import count, finding, listed, severity, span, usually
from amiss.network.finding import Finding
from amiss.network.flows import TCP
from amiss.network.outcomes import attempts, failed, inside, wordless
from amiss.network.traffic import Traffic

__all__ = ["LateralMovement"]

_WAYS = {22: "SSH", 23: "Telnet", 135: "RPC", 139: "SMB", 445: "SMB", 3389: "RDP", 5900: "VNC", 5985: "WinRM",
         5986: "WinRM"}  # fmt: skip
_GAP_SECONDS = 3600.0
_LEAST_HOSTS, _LEAST_IN, _SHARE_IN = 5, 3, 0.4
_SERVES = 3
_TIMES_USUAL = 2.0
_ROUTINE = 0.25


class LateralMovement:
    """Inside hosts that log in to, or open shares of, many others one after another, and often get in.

    Hosts that three or more others reach for anything are servers and do not count, nor do those that the host reaches
    again and again or that it reached in traffic known to be good. Who gets in with fewer than two of five, scans.
    """

    kind: ClassVar[str] = "lateral_movement"

    def find(self, traffic: Traffic, usual: Traffic | None) -> list[Finding]:
        """Moves, one finding for each host and stretch of time."""
        flows = traffic.flows
        own = inside(flows)
        way = (flows.protocol == TCP) & np.isin(flows.dst_port, list(_WAYS)) & attempts(flows)
        inward = ~failed(flows) & ~wordless(flows)
        if not way.any():
            return []
        way &= own[flows.src] & own[flows.dst]
        rows = np.flatnonzero(way)
        asked = Groups.of([flows.dst], flows.start, np.flatnonzero(attempts(flows) & inward))
        server = np.zeros(len(flows.hosts), np.bool_)
        server[flows.dst[asked.first]] = asked.distinct(flows.src) >= _SERVES
        serves = server[flows.dst]
        pairs = Groups.of([flows.src, flows.dst, flows.dst_port], flows.start, rows[~serves[rows]])
        if usual is not None:
            before = _pairs(usual)
            words = flows.hosts.words
            fresh = [
                (words[s], words[d]) not in before
                for s, d in zip(flows.src[pairs.first], flows.dst[pairs.first], strict=True)
            ]
        else:
            fresh = [True] * len(pairs)
        long = flows.start[pairs.last] - flows.start[pairs.first] > _ROUTINE * (traffic.end - traffic.start)
        first = pairs.first[np.array(fresh, np.bool_) & ~(long & (pairs.sizes > 2))]
        runs = Groups.of([flows.src], flows.start, first, gap=_GAP_SECONDS)
        reached = runs.distinct(flows.dst)
        got_in = np.zeros(flows.n_flows, np.bool_)
        got_in[first] = (pairs.total(inward) > 0)[np.isin(pairs.first, first)]
        entered = runs.total(got_in)
        found = []
        for group in np.flatnonzero(
            (reached >= _LEAST_HOSTS) & (entered >= np.maximum(_LEAST_IN, reached * _SHARE_IN))
        ):
            others = reached[flows.src[runs.first] != flows.src[runs.first[group]]]
            usual_hosts = float(np.quantile(others, 0.9, method="lower")) if len(others) else 0.0
            if reached[group] > _TIMES_USUAL * usual_hosts:
                begin = runs.rows(int(group))
                found.append(self._told(traffic, begin, rows, usual_hosts))
        return found

    @staticmethod
    def _told(
        traffic: Traffic, begin: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], usual_hosts: float
    ) -> Finding:
        flows, words = traffic.flows, traffic.flows.hosts.words
        host = int(flows.src[begin[0]])
        low, high = flows.start[begin].min(), flows.start[begin].max() + _GAP_SECONDS
        mine = rows[(flows.src[rows] == host) & np.isin(flows.dst[rows], flows.dst[begin])]
        mine = mine[(flows.start[mine] >= low) & (flows.start[mine] <= high)]
        peers = [words[code] for code in dict.fromkeys(flows.dst[begin].tolist())]
        ways = sorted({_WAYS[int(port)] for port in flows.dst_port[begin]})
        seconds = float(np.ptp(flows.start[begin]))
        reason = (
            f"{words[host]} reached {count(len(peers), 'host')} that are no servers by {listed(ways)} within "
            f"{span(seconds)}: {listed(peers)}; usual is {usually(usual_hosts)}"
        )
        measures = (
            Measure("hosts reached that are no servers", len(peers), usually(usual_hosts)),
            Measure("connections", len(mine)),
            Measure("duration", seconds, "", "s"),
        )
        return finding(
            traffic, "lateral_movement", host, mine, grade=severity(0.6, len(peers), _LEAST_HOSTS), reason=reason,
            technique="T1021", measures=measures,
        )  # fmt: skip


def _pairs(usual: Traffic) -> set[tuple[str, str]]:
    flows, words = usual.flows, usual.flows.hosts.words
    rows = np.flatnonzero(np.isin(flows.dst_port, list(_WAYS)) & ~failed(flows))
    return {(words[flows.src[row]], words[flows.dst[row]]) for row in rows}
