"""Beacons: calls to an outside server at an even pace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.core.summary import Vector
from amiss.network.behaviours._groups import Groups, distinct
from amiss.network.behaviours._targets import Targets
from amiss.network.behaviours._told import count, finding, severity, span
from amiss.network.finding import Finding
from amiss.network.flows import Flows
from amiss.network.outcomes import attempts, failed, inside
from amiss.network.traffic import Traffic

__all__ = ["Beaconing", "evenness"]

_TOGETHER_SECONDS = 2.0
_LEAST_CALLS = 6
_MOST_BYTES = 250e3
_WHOLE_PERIODS, _FEW_SERVERS = 2.0, 3
_FALSE_ALARMS = 1e-5
"""Of calls at the times of a Poisson process, for one host and server."""
_WIDTHS = (1.15, 1.5, 3.1)
_LEAST_SHARE = (0.55, 0.6, 0.75)
_LEAST_FLEET, _ANOTHER = 5, 0.85
_CLOCKWORK = {53, 67, 68, 88, 102, 123, 137, 138, 161, 162, 323, 389, 445, 500, 502, 514, 546, 547, 554, 631, 636,
              853, 1812, 1813, 1883, 1900, 2055, 3478, 4500, 4739, 4840, 5222, 5223, 5228, 5246, 5247, 5353, 5355,
              5666, 5683, 5684, 6343, 6514, 8883, 9100, 9995, 10050, 10051, 20000, 44818, 47808, 51820}  # fmt: skip
"""Ports of services that are asked at an even pace by design: time, names, monitoring, queues of messages, controls."""


class Beaconing:
    """Hosts that call one outside server at an even pace, in sizes that are alike.

    Asked is whether the times between calls crowd into a narrow band far more than those of calls at random would:
    within ±7, ±20 or ±50 % of one another, whatever the period, so that jitter, gaps and missed calls do no harm.
    Servers that much of the fleet calls, services that work by the clock, calls inside the network, and attempts that
    were refused are none. A device that does nothing but call one server is taken to be made for that, where there are
    other hosts to judge by. Where there are none, software that keeps a machine up to date cannot be told from what
    takes orders; it calls several servers so, and each of them makes the finding less grave.

    References
    ----------
    Hu, X., et al. (2016). BAYWATCH: Robust beaconing detection to identify infected hosts in large-scale enterprise
    networks. DSN.
    """

    kind: ClassVar[str] = "beaconing"

    def find(self, traffic: Traffic, usual: Traffic | None) -> list[Finding]:
        """Beacons, one finding for each host; where it calls several servers so, the plainest is told of."""
        flows = traffic.flows
        own = inside(flows)
        calls = attempts(flows) & ~failed(flows) & ~np.isin(flows.dst_port, list(_CLOCKWORK))
        if not calls.any():
            return []
        calls &= own[flows.src] & ~own[flows.dst]
        targets = Targets.of(flows, usual)
        rows = np.flatnonzero(calls & ~targets.shared(own)[targets.code] & ~targets.known[targets.code])
        groups = Groups.of([flows.src, targets.code], flows.start, rows)
        habits = _Habits.of(flows, targets.code, own)
        found: dict[int, list[_Beacon]] = {}
        for group in np.flatnonzero(groups.sizes >= _LEAST_CALLS):
            picked = groups.rows(int(group))
            one = _beacon(flows, picked)
            if one is not None and not habits.made_for(int(flows.src[picked[0]]), flows.start[picked]):
                found.setdefault(int(flows.src[picked[0]]), []).append(one)
        alone = habits.fleet < _LEAST_FLEET
        return [_told(traffic, sorted(ones, key=lambda one: -one.evidence), targets, alone) for ones in found.values()]


@dataclass(frozen=True, slots=True)
class _Beacon:
    rows: npt.NDArray[np.int64]
    calls: int
    width: float
    period: float
    share: float
    alike: float
    evidence: float


def _beacon(flows: Flows, rows: npt.NDArray[np.int64]) -> _Beacon | None:
    """The beacon that calls to one server are; None where they are none."""
    starts = _sessions(flows.start[rows])
    # Who asks for orders says little and hears little; what moves much by the clock is a job.
    heavy = np.nan_to_num(flows.bytes_out[rows] + flows.bytes_in[rows], nan=0.0)
    if len(starts) < _LEAST_CALLS or np.median(heavy) > _MOST_BYTES:
        return None
    evidence, width, period, share = evenness(np.diff(starts))
    alike, sizes = _alike(flows, rows)
    evidence += 0.5 * sizes
    if not share or evidence < np.log(1 / _FALSE_ALARMS):
        return None
    return _Beacon(rows, len(starts), width, period, share, alike, evidence)


def evenness(gaps: Vector) -> tuple[float, float, float, float]:
    """How far times between calls crowd together: evidence, width of the band, period, and share within the band.

    The evidence is the logarithm of how much likelier so many gaps in the band are than under calls at random, less
    that of the number of bands tried: exp(−evidence) bounds the probability of as much by chance. The band is as wide
    as its upper end over its lower. A share of 0 says that too few lie in any band.

    Examples
    --------
    >>> import numpy as np
    >>> evidence, width, period, share = evenness(np.array([60.0, 61, 59, 60, 62, 58, 60, 120, 60]))
    >>> width, round(period), round(share, 2)
    (1.15, 60, 0.89)
    """
    known = np.log(np.sort(gaps[gaps > 0]))
    best = (0.0, _WIDTHS[-1], float(np.median(gaps)) if len(gaps) else 0.0, 0.0)
    n = len(known)
    if n < _LEAST_CALLS - 1:
        return best
    for width, least in zip(_WIDTHS, _LEAST_SHARE, strict=True):
        inside_band = np.searchsorted(known, known + np.log(width), side="right") - np.arange(n)
        at = int(np.argmax(inside_band))
        share = inside_band[at] / n
        if share < least:
            continue
        chance = _by_chance(width)
        gain = share * np.log(share / chance)
        if share < 1:
            gain += (1 - share) * np.log((1 - share) / (1 - chance))
        evidence = n * gain - np.log(len(_WIDTHS) * n)
        if evidence > best[0]:
            period = float(np.exp(np.median(known[at : at + inside_band[at]])))
            best = (float(evidence), width, period, float(share))
    return best


def _by_chance(width: float) -> float:
    """The largest share of exponential gaps in any band of this width."""
    low = np.log(width) / (width - 1)
    return float(np.exp(-low) - np.exp(-width * low))


def _sessions(start: Vector) -> Vector:
    """Starts of calls, those that follow one another at once as one: a browser opens several connections."""
    apart: Vector = start[np.append(True, np.diff(start) > _TOGETHER_SECONDS)]
    return apart


def _alike(flows: Flows, rows: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Share of calls that send about as much as the middle one, and its evidence against a chance of one half."""
    sent = np.where(np.isnan(flows.payload_out[rows]), flows.bytes_out[rows], flows.payload_out[rows])
    if np.isnan(sent).any():
        return float("nan"), 0.0
    share = float(np.mean(np.abs(sent - np.median(sent)) <= 0.2 * np.median(sent) + 8))
    if share <= 0.5:
        return share, 0.0
    gain = share * np.log(share / 0.5) + ((1 - share) * np.log((1 - share) / 0.5) if share < 1 else 0.0)
    return share, float(len(rows) * gain)


@dataclass(frozen=True, slots=True)
class _Habits:
    """What each host does outside: how many flows, to how many servers, and when most flows were seen."""

    flows: npt.NDArray[np.int64]
    servers: npt.NDArray[np.int64]
    first: float
    last: float
    fleet: int

    @classmethod
    def of(cls, flows: Flows, target: npt.NDArray[np.int64], own: npt.NDArray[np.bool_]) -> _Habits:
        away = np.flatnonzero(own[flows.src] & ~own[flows.dst] & ~np.isin(flows.dst_port, list(_CLOCKWORK)))
        n_hosts = len(flows.hosts)
        # Few flows, such as pieces of long ones, may begin far from all others.
        first, last = np.quantile(flows.start, [0.01, 0.99])
        servers = distinct(flows.src[away], target[away], n_hosts)
        n_flows = np.bincount(flows.src[away], minlength=n_hosts)
        return cls(n_flows, servers, float(first), float(last), int(np.count_nonzero(own)))

    def made_for(self, host: int, starts: Vector) -> bool:
        """Whether a host does little else than these calls, from first to last, in a fleet of others."""
        if self.fleet < _LEAST_FLEET or self.servers[host] > _FEW_SERVERS or len(starts) <= 0.5 * self.flows[host]:
            return False
        near = _WHOLE_PERIODS * float(np.median(np.diff(starts)))
        return bool(starts[0] - self.first <= near and self.last - starts[-1] <= near)


def _told(traffic: Traffic, beacons: list[_Beacon], targets: Targets, alone: bool) -> Finding:
    flows, one = traffic.flows, beacons[0]
    rows, width, period, share, alike = one.rows, one.width, one.period, one.share, one.alike
    host = int(flows.src[rows[0]])
    band = {1.15: "7%", 1.5: "20%", 3.1: "50%"}[width]
    size = "" if np.isnan(alike) else f", {alike:.0%} of them of about the same size"
    where = targets.word(int(targets.code[rows[0]]))
    n_hosts = int(targets.n_hosts[targets.code[rows[0]]])
    whom = "no other host does" if n_hosts <= 1 else f"{count(n_hosts - 1, 'other host')} did so too"
    more = f"; {count(len(beacons) - 1, 'other server')} likewise" if len(beacons) > 1 else ""
    reason = (
        f"{flows.hosts.words[host]} called {where} {count(one.calls, 'time')}, {share:.0%} of the times every "
        f"{span(period)} within ±{band}{size}; {whom}{more}"
    )
    measures = (
        Measure("period", period, "", "s"),
        Measure("calls", one.calls),
        Measure("share at that pace", share, f"{_by_chance(width):.0%} at random"),
        Measure("share of the same size", alike),
        Measure("other hosts that call it", n_hosts - 1),
    )
    return finding(
        traffic, "beaconing", host, np.concatenate([other.rows for other in beacons]),
        grade=severity(0.55, one.calls * share, _LEAST_CALLS) * (_ANOTHER ** (len(beacons) - 1) if alone else 1.0),
        reason=reason, technique="T1071", measures=measures,
    )  # fmt: skip
