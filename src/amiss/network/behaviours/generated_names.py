"""Names made by a machine: domain after domain that does not exist."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.network.behaviours._contacts import Contacts, runs
from amiss.network.behaviours._groups import Groups, high_of_others
from amiss.network.behaviours._told import count, finding, listed, severity, span, usually
from amiss.network.domains import bits, registered
from amiss.network.finding import Finding
from amiss.network.traffic import Traffic

__all__ = ["GeneratedNames"]

_FALSE_ALARMS = 1e-4
_GAP_SECONDS = 2 * 3600.0
_LEAST_DOMAINS = 8
_NO_SUCH_NAME = 3


class GeneratedNames:
    """Hosts that ask for domain after domain of which nearly none exists.

    Software that meets its master under names made from the date asks for many before one is registered. A domain
    counts once, however many names are asked for in it: block lists and virus scanners, which answer "no such name" all
    day, are one domain each. Name servers that ask on behalf of others are left out.
    """

    kind: ClassVar[str] = "generated_names"

    def find(self, traffic: Traffic, usual: Traffic | None) -> list[Finding]:
        """Generated names, one finding for each host and stretch of time."""
        dns = traffic.dns
        if not dns.n_messages:
            return []
        known: dict[str, int] = {}
        domain = np.array([known.setdefault(registered(name), len(known)) for name in dns.name], np.int32)
        plain = np.array([not name.endswith((".arpa", ".local")) and "." in name for name in dns.name])
        rows = np.flatnonzero(plain & (dns.code >= 0) & ~asks_for_others(traffic)[dns.client])
        if not len(rows):
            return []
        groups = Groups.of([dns.client, domain], dns.time, rows)
        amiss = groups.total(dns.code == _NO_SUCH_NAME) == groups.sizes
        contacts = Contacts(groups, dns.time[groups.first], amiss)
        client = dns.client[groups.first]
        each = Groups.of([client], contacts.time, np.arange(len(client)))
        highs = dict(zip(client[each.first].tolist(), high_of_others(each.total(amiss)).tolist(), strict=True))
        found = []
        least = float(np.log(1 / _FALSE_ALARMS))
        for run in runs(contacts, [client], client, np.zeros(len(client), np.int64), least=least, gap=_GAP_SECONDS):
            high = highs[int(client[run.contacts[0]])]
            if amiss[run.contacts].sum() >= max(_LEAST_DOMAINS, 2 * high + 1):
                found.append(_told(traffic, contacts, run.contacts, high))
        return [one for one in found if one is not None]


def asks_for_others(traffic: Traffic) -> npt.NDArray[np.bool_]:
    """Whether each host answers several others about names, and so asks on their behalf: (n_hosts,)."""
    dns, n_hosts = traffic.dns, len(traffic.flows.hosts)
    pairs = np.unique(dns.server.astype(np.int64) * n_hosts + dns.client)
    return np.asarray(np.bincount(pairs // n_hosts, minlength=n_hosts) >= 2, np.bool_)


def _told(traffic: Traffic, contacts: Contacts, picked: npt.NDArray[np.int64], high: float) -> Finding | None:
    dns, flows = traffic.dns, traffic.flows
    rows = np.concatenate([contacts.flows.rows(int(one)) for one in picked])
    host = int(dns.client[rows[0]])
    lost = [registered(dns.name[int(contacts.flows.first[one])]) for one in picked if contacts.amiss[one]]
    time = dns.time[rows]
    mine = (flows.src == host) & np.isin(flows.dst, dns.server[rows]) & (flows.dst_port == 53)
    mine &= (flows.start <= time.max() + 1) & (flows.end >= time.min() - 1)
    if len(flows.names):
        asked = {dns.name[int(row)] for row in rows}
        of_them = np.array([name in asked for name in flows.names])
        mine &= (flows.name < 0) | of_them[np.maximum(flows.name, 0)]
    if not mine.any():
        return None
    entropy = bits(name.partition(".")[0] for name in lost)
    reason = (
        f"{flows.hosts.words[host]} asked for {count(len(lost), 'domain')} that do not exist within "
        f"{span(float(np.ptp(time)))}, such as {listed(lost)}; usual is {usually(high)}"
    )
    measures = (
        Measure("domains that do not exist", len(lost), usually(high)),
        Measure("share that does not exist", len(lost) / len(picked)),
        Measure("entropy of the names", entropy, "", "bits a character"),
        Measure("length of the names", float(np.mean([len(name) for name in lost])), "", "characters"),
    )
    return finding(
        traffic, "generated_names", host, np.flatnonzero(mine), grade=severity(0.6, len(lost), _LEAST_DOMAINS),
        reason=reason, technique="T1568.002", measures=measures,
    )  # fmt: skip
