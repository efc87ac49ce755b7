"""Sweeps: who is there? asked of address after address, by ICMP or ARP."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.network.behaviours._contacts import Contacts, runs
from amiss.network.behaviours._groups import Groups, high_of_others
from amiss.network.behaviours._told import count, finding, severity, span, usually
from amiss.network.finding import Finding
from amiss.network.flows import ARP, Flows
from amiss.network.outcomes import asks, failed, inside
from amiss.network.traffic import Traffic

__all__ = ["Sweep"]

_FALSE_ALARMS = 1e-3
_GAP_SECONDS = 2 * 3600.0
_LEAST_TARGETS = 8
_AGAIN_SECONDS = 300.0


class Sweep:
    """Hosts that ask address after address whether it is there.

    An address counts as amiss that does not answer, or, of ICMP, that is asked at one moment and never again: monitors
    come back, and so do routers that renew what they know. Answers of ARP go to one host alone and are often not seen;
    how often that is so among the other hosts is taken into account.

    References
    ----------
    Jung, J., Paxson, V., Berger, A. W., and Balakrishnan, H. (2004). Fast portscan detection using sequential
    hypothesis testing. IEEE Symposium on Security and Privacy.
    """

    kind: ClassVar[str] = "sweep"

    def find(self, traffic: Traffic, usual: Traffic | None) -> list[Finding]:
        """Sweeps, one for each host, protocol and stretch of time."""
        flows = traffic.flows
        found: list[Finding] = []
        for name, mask in (("ICMP", asks(flows)), ("ARP", flows.protocol == ARP)):
            rows = np.flatnonzero(mask & _named(flows))
            if len(rows):
                found += self._swept(traffic, rows, name)
        return found

    def _swept(self, traffic: Traffic, rows: npt.NDArray[np.int64], name: str) -> list[Finding]:
        flows = traffic.flows
        bad = failed(flows)
        contacts = Contacts.of(flows, [flows.src, flows.dst], rows, bad)
        stays = flows.start[contacts.flows.last] - contacts.time > _AGAIN_SECONDS
        once = ~stays if name == "ICMP" else contacts.amiss & ~stays
        contacts = Contacts(contacts.flows, contacts.time, once)
        src = flows.src[contacts.flows.first]
        same = np.zeros(len(src), np.int64)
        least = float(np.log(1 / _FALSE_ALARMS))
        found = runs(contacts, [src], src, same, least=least, gap=_GAP_SECONDS)
        peers = Groups.of([src], contacts.time, np.arange(len(src)))
        high = dict(zip(src[peers.first].tolist(), high_of_others(peers.total(contacts.amiss)).tolist(), strict=True))
        told = []
        for run in found:
            usual = high[int(src[run.contacts[0]])]
            if contacts.amiss[run.contacts].sum() >= max(_LEAST_TARGETS, 2.0 * usual):
                told.append(self._told(traffic, contacts, run.contacts, name, usual))
        return told

    @staticmethod
    def _told(traffic: Traffic, contacts: Contacts, picked: npt.NDArray[np.int64], name: str, usual: float) -> Finding:
        flows = traffic.flows
        rows = np.concatenate([contacts.flows.rows(int(one)) for one in picked])
        host = int(flows.src[rows[0]])
        unanswered = int((contacts.flows.total(failed(flows)) == contacts.flows.sizes)[picked].sum())
        seconds = float(np.ptp(flows.start[rows]))
        own = bool(inside(flows)[host])
        reason = (
            f"{flows.hosts.words[host]} asked {count(len(picked), 'address', 'addresses')} by {name} whether they are "
            f"there, within {span(seconds)}; {unanswered:,} did not answer; usual is {usually(usual)}"
        )
        measures = (
            Measure("addresses asked", len(picked), usually(usual)),
            Measure("not answered", unanswered),
            Measure("duration", seconds, "", "s"),
        )
        grade = severity(0.45, len(picked), _LEAST_TARGETS) * (1.0 if own else 0.85)
        return finding(
            traffic, "sweep", host, rows, grade=grade, reason=reason, technique="T1018", measures=measures
        )  # fmt: skip


def _named(flows: Flows) -> npt.NDArray[np.bool_]:
    """Not to groups, not from nobody, and not about oneself, as ARP announces an address."""
    if not len(flows.hosts):
        return np.zeros(0, np.bool_)
    groups = flows.hosts.groups
    return np.asarray(~groups[flows.dst] & ~groups[flows.src] & (flows.src != flows.dst), np.bool_)
