"""Data that leave: far more bytes out to one outside server than this host, and others, send."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.core.summary import Vector
from amiss.network.behaviours._groups import Groups
from amiss.network.behaviours._targets import Targets
from amiss.network.behaviours._told import amount, count, finding, severity, span
from amiss.network.finding import Finding
from amiss.network.flows import ICMP, ICMP6, Flows
from amiss.network.outcomes import attempts, failed, inside
from amiss.network.traffic import Traffic

__all__ = ["Exfiltration"]

_GAP_SECONDS = 2 * 3600.0
_LEAST_BYTES, _LEAST_ICMP_BYTES = 10e6, 20e3
_OUT_TO_IN = 3.0
_DEVIATIONS, _TIMES_OTHERS = 4.0, 3.0
_JOB_SECONDS, _JOB_SHARE, _MOST_JOBS = 1200.0, 0.5, 48
_MAIL, _CALLS = 25, (3478, 3479, 3480, 3481)
_PING_BYTES = 150.0
"""Of a packet with its headers: no program that asks whether somebody is there sends more by itself."""


class Exfiltration:
    """Hosts that send far more to one outside server than is usual, and get little back.

    What a host sends to one server in a stretch of time is compared with what all pairs of hosts and servers send, on a
    scale of magnitudes: four robust deviations above the middle one, three times the second largest of the others, at
    least 10 MB, and three times what comes back.
    Servers that much of the fleet sends to, those of traffic known to be good, and jobs that go by the clock as long as
    anybody watched, are none. ICMP that carries more
    than an echo does is judged by itself; data inside names that are asked for are a tunnel.
    """

    kind: ClassVar[str] = "exfiltration"

    def find(self, traffic: Traffic, usual: Traffic | None) -> list[Finding]:
        """Data that leave, one finding for each host, server and stretch of time."""
        flows = traffic.flows
        own, targets = inside(flows), Targets.of(flows, usual)
        away = own[flows.src] & ~own[flows.dst] & ~flows.hosts.groups[flows.dst]
        rows = np.flatnonzero(away & attempts(flows) & ~failed(flows) & ~_delivers(flows))
        groups = Groups.of([flows.src, targets.code], flows.start, rows, gap=_GAP_SECONDS)
        out, back = groups.total(_content(flows, out=True)), groups.total(_content(flows, out=False))
        code = targets.code[groups.first]
        limit = _limit(out)
        lone = ~targets.shared(own)[code] & ~targets.known[code]
        hot = np.flatnonzero(lone & (out > max(limit, _LEAST_BYTES)) & (out > _OUT_TO_IN * back))
        rest = np.sort(np.delete(out, hot)[np.delete(lone, hot)])[::-1]
        hot = hot[[not _is_job(traffic, groups.rows(int(one))) for one in hot]] if len(hot) else hot
        found = []
        for one in hot:
            # The largest of the others may be such a one itself.
            others = np.sort(np.append(out[hot[hot != one]], rest[:2]))[::-1]
            high = max(limit, _TIMES_OTHERS * float(others[1]) if len(others) > 1 else 0.0)
            if out[one] > high:
                found.append(self._told(traffic, groups.rows(int(one)), targets, high))
        return found + self._of_icmp(traffic, away, targets)

    @staticmethod
    def _of_icmp(traffic: Traffic, away: npt.NDArray[np.bool_], targets: Targets) -> list[Finding]:
        flows = traffic.flows
        size = flows.bytes_out / np.maximum(flows.packets_out, 1)
        icmp = np.isin(flows.protocol, (ICMP, ICMP6)) & away & (size > _PING_BYTES)
        groups = Groups.of([flows.src, flows.dst], flows.start, np.flatnonzero(icmp), gap=_GAP_SECONDS)
        hot = np.flatnonzero(groups.total(flows.bytes_out) > _LEAST_ICMP_BYTES)
        return [Exfiltration._told(traffic, groups.rows(int(one)), targets, _LEAST_ICMP_BYTES) for one in hot]

    @staticmethod
    def _told(traffic: Traffic, rows: npt.NDArray[np.int64], targets: Targets, limit: float) -> Finding:
        flows = traffic.flows
        host, target = int(flows.src[rows[0]]), int(targets.code[rows[0]])
        out, back = float(_content(flows, out=True)[rows].sum()), float(_content(flows, out=False)[rows].sum())
        seconds = float(flows.end[rows].max() - flows.start[rows].min())
        mine = _content(flows, out=True)[flows.src == host]
        share = out / max(float(mine.sum()), 1.0)
        by = "ICMP" if flows.protocol[rows[0]] in {ICMP, ICMP6} else count(len(rows), "connection")
        n_hosts = int(targets.n_hosts[target])
        reason = (
            f"{flows.hosts.words[host]} sent {amount(out)} to {targets.word(target)} by {by} within {span(seconds)} "
            f"and got {amount(back)} back; that is {share:.0%} of all that it sent, and usual is up to {amount(limit)}"
        )
        measures = (
            Measure("bytes out", out, f"up to {amount(limit)}", "bytes"),
            Measure("bytes in", back, "", "bytes"),
            Measure("share of all that the host sent", share),
            Measure("other hosts that reach the server", max(n_hosts - 1, 0)),
            Measure("duration", seconds, "", "s"),
        )
        least = _LEAST_ICMP_BYTES if by == "ICMP" else max(limit, _LEAST_BYTES)
        return finding(
            traffic, "exfiltration", host, rows, grade=severity(0.55, out, least), reason=reason,
            technique="T1048", measures=measures,
        )  # fmt: skip


def _content(flows: Flows, *, out: bool) -> Vector:
    """Bytes above the headers where they are known, whole packets otherwise; 0 where neither is."""
    plain, whole = (flows.payload_out, flows.bytes_out) if out else (flows.payload_in, flows.bytes_in)
    return np.nan_to_num(np.where(np.isnan(plain), whole, plain), nan=0.0)


def _delivers(flows: Flows) -> npt.NDArray[np.bool_]:
    """Whether a flow is mail that a mail server hands on, given by others, or a call, which goes both ways by turns."""
    mail = flows.dst_port == _MAIL
    serves = np.zeros(len(flows.hosts), np.bool_)
    serves[flows.dst[mail & ~failed(flows)]] = True
    return np.asarray((mail & serves[flows.src]) | np.isin(flows.dst_port, _CALLS), np.bool_)


def _is_job(traffic: Traffic, rows: npt.NDArray[np.int64]) -> bool:
    """Whether it goes by the clock as long as anybody watched, as copies that are kept elsewhere do."""
    start = traffic.flows.start[rows]
    start = start[np.append(True, np.diff(start) > _JOB_SECONDS / 10)]
    if not 3 <= len(start) <= _MOST_JOBS:
        return False
    periods = np.unique(np.round(start[:, None] - start[None, :]))
    for period in periods[periods >= _JOB_SECONDS]:
        for begin in start:
            turns = (start - begin) / period
            kept = np.abs(turns - np.round(turns)) < 0.05
            covers = np.ptp(start[kept]) >= _JOB_SHARE * np.ptp(traffic.flows.start)
            if kept.sum() >= max(3, 0.6 * len(start)) and covers and np.ptp(turns[kept]) <= 1.5 * kept.sum():
                return True
    return False


def _limit(out: Vector) -> float:
    """What is far above the middle one, on a scale of magnitudes."""
    known = np.log(out[out > 0])
    if not len(known):
        return 0.0
    middle = float(np.median(known))
    spread = max(1.4826 * float(np.median(np.abs(known - middle))), 0.5)
    return float(np.exp(middle + _DEVIATIONS * spread))
