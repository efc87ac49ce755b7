"""Floods: more than a host can bear, from one source or from many."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.core.summary import Vector
from amiss.network.behaviours._groups import Groups
from amiss.network.behaviours._told import count, finding, listed, severity, span
from amiss.network.finding import Finding
from amiss.network.flows import ICMP, ICMP6, TCP, UDP, Flows
from amiss.network.outcomes import failed
from amiss.network.traffic import Traffic

__all__ = ["Flood"]

_WINDOW_SECONDS, _GAP_SECONDS = 10.0, 120.0
_LEAST_FLOWS, _LEAST_PACKETS, _LEAST_ECHOES = 100.0, 1000.0, 200.0
"""In ten seconds: what a single busy client comes to without being a flood; an echo a second is usual."""
_TIMES_USUAL = 5.0
_UNANSWERED, _LEAST_HISTORY = 0.8, 30
_DHCP, _ONE_SIDED, _CONTENT_BYTES = 67, 0.1, 1000.0


class Flood:
    """Hosts that get far more new connections or packets than they, and others, usually do.

    Counted are, in windows of ten seconds, new flows to one service of a host, and packets of UDP and ICMP that are not
    answered in kind. A flood is at least 100 flows, 1,000 packets or 200 of ICMP, and five times what three of four
    windows of that service stay below; what is not answered needs no such comparison. With one source the finding is
    the source's, with many it is the target's. Many clients that ask for an address (DHCP) are a flood of the server,
    whoever they say they are.
    """

    kind: ClassVar[str] = "flood"

    def find(self, traffic: Traffic, usual: Traffic | None) -> list[Finding]:
        """Floods, one for each target or source and stretch of time."""
        flows = traffic.flows
        if not flows.n_flows:
            return []
        found = []
        for protocol, name in ((TCP, "TCP"), (UDP, "UDP"), (ICMP, "ICMP"), (ICMP6, "ICMP")):
            mask = flows.protocol == protocol
            if not mask.any():
                continue
            rows = np.flatnonzero(mask & (flows.dst_port != _DHCP))
            port = flows.dst_port if protocol == TCP else np.zeros_like(flows.dst_port)
            found += _crowds(traffic, rows, [flows.dst, port], name, "flows", _LEAST_FLOWS)
            if protocol != TCP:
                least = _LEAST_ECHOES if name == "ICMP" else _LEAST_PACKETS
                found += _crowds(traffic, rows, [flows.dst, port], name, "packets", least)
        dhcp = np.flatnonzero((flows.protocol == UDP) & (flows.dst_port == _DHCP))
        nobody = np.zeros_like(flows.dst)
        # Who asks for leases under ever new names of hardware is one flow to a source that does not look at those.
        return found + _crowds(traffic, dhcp, [nobody], "DHCP", "packets", _LEAST_FLOWS)


def _crowds(
    traffic: Traffic, rows: npt.NDArray[np.int64], keys: list[npt.NDArray[np.int32]], name: str, what: str, least: float
) -> list[Finding]:
    flows = traffic.flows
    if name == "UDP" and what == "flows":
        # Names, time and the like are asked in many short flows; of a flood nearly nothing is answered.
        rows = rows[_heavy(flows, rows)]
    weight = np.ones(flows.n_flows) if what == "flows" else _packets_a_window(flows, all_of_them=name == "DHCP")
    window = np.floor((flows.start - np.nanmin(flows.start)) / _WINDOW_SECONDS)
    windows = Groups.of([*keys, window], flows.start, rows[~np.isnan(flows.start[rows])])
    if not len(windows):
        return []
    load = windows.total(weight)
    target = Groups.of([key[windows.first] for key in keys], window[windows.first], np.arange(len(windows)))
    n_windows = int((np.nanmax(flows.start) - np.nanmin(flows.start)) / _WINDOW_SECONDS) + 1
    usual = _TIMES_USUAL * _usual(load, target, n_windows)
    if what == "flows":
        # What is not answered is wanted by nobody, however long it has gone on.
        usual = np.where(windows.total(failed(flows)) > _UNANSWERED * load, 0.0, usual)
    limit = np.maximum(least, usual)
    hot = np.flatnonzero(load > limit)
    if not len(hot):
        return []
    at = windows.first[hot]
    stretches = Groups.of([key[at] for key in keys], flows.start[at], np.arange(len(hot)), gap=_GAP_SECONDS)
    told = []
    for group in range(len(stretches)):
        picked = hot[stretches.rows(group)]
        all_rows = np.concatenate([windows.rows(int(one)) for one in picked])
        told.append(_told(traffic, all_rows, name, what, float(load[picked].max()), float(limit[picked].min())))
    return [one for one in told if one is not None]


def _usual(load: Vector, target: Groups, n_windows: int) -> Vector:
    """For each window, what three of four windows of the same target stay below, those without any among them."""
    out = np.zeros(len(load))
    rank = n_windows // 4
    if n_windows < _LEAST_HISTORY:
        return out
    for group in np.flatnonzero(target.sizes > rank):
        rows = target.rows(int(group))
        out[rows] = np.sort(load[rows])[::-1][rank]
    return out


def _heavy(flows: Flows, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    big = flows.bytes_out[rows] > 200 * np.maximum(flows.packets_out[rows], 1)
    return np.asarray(failed(flows)[rows] & (big | (flows.packets_out[rows] > 3)), np.bool_)


def _packets_a_window(flows: Flows, *, all_of_them: bool) -> Vector:
    """Packets that go unanswered, of each flow, in ten seconds of its life."""
    back = np.nan_to_num(flows.packets_in, nan=0.0)
    out = np.nan_to_num(flows.packets_out, nan=0.0)
    icmp = (flows.protocol == ICMP) | (flows.protocol == ICMP6)
    # Whoever answers with content, if only now and then, takes in what he asked for.
    content = np.nan_to_num(flows.payload_in, nan=0.0) > _CONTENT_BYTES
    one_sided = icmp | ((back <= _ONE_SIDED * out) & ~content)
    spread = np.maximum(np.nan_to_num(flows.duration, nan=0.0) / _WINDOW_SECONDS, 1.0)
    return np.where(one_sided | all_of_them, out / spread, 0.0)


def _told(
    traffic: Traffic, rows: npt.NDArray[np.int64], name: str, what: str, peak: float, limit: float
) -> Finding | None:
    flows, words = traffic.flows, traffic.flows.hosts.words
    targets, n_of_each = np.unique(flows.dst[rows], return_counts=True)
    sources, n_from_each = np.unique(flows.src[rows], return_counts=True)
    target, source = int(targets[np.argmax(n_of_each)]), int(sources[np.argmax(n_from_each)])
    n_amiss = int(failed(flows)[rows].sum())
    packets = float(np.nansum(flows.packets_out[rows]))
    seconds = float(np.ptp(flows.start[rows]))
    one = n_from_each.max() > 0.8 * len(rows)
    host = source if one else target
    n_targets = len(targets)
    by = words[source] if one else count(len(sources), "source")
    at = listed([words[code] for code in targets[np.argsort(-n_of_each)]], 2) if n_targets > 1 else words[target]
    reason = (
        f"{by} flooded {at} with {name}: {count(len(rows), 'flow')} and {count(packets, 'packet')} within "
        f"{span(seconds)}, {n_amiss:,} of them not answered; up to {peak:,.0f} {what} in 10 s, where usual is less "
        f"than {limit / _TIMES_USUAL if limit > _LEAST_FLOWS else limit:,.0f}"
    )
    full = _LEAST_FLOWS if what == "flows" else _LEAST_ECHOES if name == "ICMP" else _LEAST_PACKETS
    measures = (
        Measure(f"{what} in 10 s", peak, f"up to {limit:,.0f}"),
        Measure("flows", len(rows)),
        Measure("packets", packets),
        Measure("sources", len(sources)),
        Measure("not answered", n_amiss),
    )
    technique = "T1499" if name == "DHCP" else "T1498"
    return finding(
        traffic, "flood", host, rows, grade=severity(0.6, peak, full), reason=reason, technique=technique,
        measures=measures, other_end=flows.dst[rows] if one else flows.src[rows],
    )  # fmt: skip
