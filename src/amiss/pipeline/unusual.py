"""Flows that are unlike the others, as events of the hosts that can be looked after, and no more than can be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.network.context import own_hosts
from amiss.network.finding import Finding
from amiss.network.flows import Flows
from amiss.network.traffic import Traffic
from amiss.pipeline.flow_words import flow_reason
from amiss.pipeline.result import Result

__all__ = ["UNUSUAL", "unusual_findings"]

UNUSUAL = "unusual_flows"
_APART_SECONDS = 3600.0
"""Unusual flows of one host that are further apart are two events."""
_ONE_OF = 1000
"""Flows of which, where nothing else is asked, one is told at most."""
_HOST_DAYS = 10.0
"""Days of a host for each of which, where nothing else is asked, one such event is told at most."""
_LEAST, _MOST = 0.2, 0.4
"""Severity of one unusual flow, and what that of many comes close to: less than that of a behaviour that has a name."""
_DAY_SECONDS = 86_400.0

Positions = npt.NDArray[np.int64]


def unusual_findings(
    traffic: Traffic, rows: Positions, odd: Result, *, all_of_them: bool
) -> tuple[list[Finding], list[str]]:
    """Flows that are unlike the others, those of one host together; and what is to be said of those not told.

    In most traffic much is unlike the rest and harmless. Where no promise was asked for, no more than one flow in 1,000
    is, and of their events those with the oddest flows are told: one for each ten days of a host at most, and one in
    all at the least.

    Parameters
    ----------
    rows : (n_judged,)
        Positions of the flows that were judged one by one, in ascending order.
    odd
        The result of that.
    all_of_them
        Tell all that raise an alarm, as a promise was asked for.
    """
    alarms = np.flatnonzero(odd.is_anomaly)
    n_all = len(alarms)
    if not all_of_them:
        highest = np.argsort(-odd.scores[alarms], kind="stable")[: -(-len(rows) // _ONE_OF)]
        alarms = np.sort(alarms[highest])
    own = own_hosts(traffic.flows)
    groups = _groups(traffic.flows, rows[alarms], own)
    peaks = [alarms[group][np.argmax(odd.scores[alarms[group]])] for group in groups]
    order = np.argsort([-odd.scores[peak] for peak in peaks], kind="stable").tolist()
    told = order if all_of_them else order[: _budget(traffic, own)]
    reasons = odd.explain_all(np.array([peaks[k] for k in told], np.int64))
    found = [
        _finding(traffic.flows, rows[alarms[groups[k]]], own, flow_reason(traffic.flows, int(rows[peaks[k]]), why))
        for k, why in zip(told, reasons, strict=True)
    ]
    n_left = n_all - sum(len(finding.flows) for finding in found)
    if not n_left:
        return found, []
    said = (
        f"{n_left:,} further flows are unlike the others, but less so: told are one flow in {_ONE_OF:,}, and one event"
    )
    return found, [f"{said} in ten host-days; --false-alarms or --false-discoveries ask for another promise"]


def _budget(traffic: Traffic, own: npt.NDArray[np.bool_]) -> int:
    flows = traffic.flows
    n_hosts = np.count_nonzero(own[np.unique(np.concatenate([flows.src, flows.dst]))])
    days = (traffic.end - traffic.start) / _DAY_SECONDS
    return max(1, int(n_hosts * days / _HOST_DAYS)) if days == days else 1


def _host(flows: Flows, rows: Positions, own: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Of a flow that crosses the border the host inside is the one that can be looked after; and of thousands of
    strangers that each knock once, one event is told."""
    src, dst = flows.src[rows], flows.dst[rows]
    return np.where(~own[src] & own[dst], dst, src)


def _groups(flows: Flows, rows: Positions, own: npt.NDArray[np.bool_]) -> list[Positions]:
    """Places in `rows` of flows of one host that are not far apart in time, each group in ascending order."""
    if not len(rows):
        return []
    host, start = _host(flows, rows, own), flows.start[rows]
    order = np.lexsort((start, host))
    breaks = np.flatnonzero((np.diff(host[order]) != 0) | (np.diff(start[order]) > _APART_SECONDS)) + 1
    return [np.sort(group) for group in np.split(order, breaks)]


def _finding(flows: Flows, rows: Positions, own: npt.NDArray[np.bool_], reason: str) -> Finding:
    words = flows.hosts.words
    host = int(_host(flows, rows[:1], own)[0])
    others = np.where(flows.src[rows] == host, flows.dst[rows], flows.src[rows])
    peers, counts = np.unique(others, return_counts=True)
    peers = peers[np.argsort(-counts, kind="stable")]
    n = len(rows)
    many = f"{n:,} flows of {words[host]} are" if n > 1 else f"a flow of {words[host]} is"
    between = "with " + words[int(peers[0])] + (f" and {len(peers) - 1:,} more" if len(peers) > 1 else "")
    return Finding(
        kind=UNUSUAL, host=words[host], start=float(flows.start[rows].min()), end=float(flows.end[rows].max()),
        severity=_LEAST + (_MOST - _LEAST) * (1.0 - 1.0 / n),
        reason=f"{many} unlike the others, {between}: {reason}",
        technique=None, measures=(), flows=rows, peers=tuple(words[int(peer)] for peer in peers),
    )  # fmt: skip
