"""Tunnels through name servers: data carried in the names that are asked for, and in the answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.core.summary import Vector
from amiss.network.behaviours._groups import Groups
from amiss.network.behaviours._told import amount, count, finding, severity, span
from amiss.network.domains import bits, registered, subdomain
from amiss.network.finding import Finding
from amiss.network.traffic import DnsMessages, Traffic

__all__ = ["DnsTunnel"]

_LEAST_NAMES, _LEAST_LENGTH, _LEAST_BITS = 12, 24.0, 3.0
_RARE_TYPES = (5, 10, 15, 16, 25, 33, 65_399)
"""Types of records that carry much, or anything: CNAME, NULL, MX, TXT, KEY, SRV, private use."""
_LEAST_BYTES = 800.0
_TIMES_OTHERS = 8.0
_HASH = re.compile(r"^[0-9a-f]{32}(?:[0-9a-f]{8}|[0-9a-f]{24}|[0-9a-f]{64}|[0-9a-f]{96})?$")
_NUMBERS = re.compile(r"^(?:\d{1,3}\.){3}\d{1,3}$|^(?:[0-9a-f]\.){16,}[0-9a-f]$")
_GAP_SECONDS = 4 * 3600.0


class DnsTunnel:
    """Hosts that ask for ever new long names of one domain.

    A name server that belongs to the domain reads the names; so what counts is how much new text was sent to one
    domain: the number of different names, their length and the entropy of their letters, and whether types of records
    are asked for whose answers carry much. Look-ups of block lists (addresses written backwards) and of virus scanners
    (one hash of fixed length) send little that the asker chooses, and content networks serve the same names again;
    domains that many hosts ask in this manner are a service.

    References
    ----------
    Paxson, V., et al. (2013). Practical comprehensive bounds on surreptitious communication over DNS. USENIX Security.
    """

    kind: ClassVar[str] = "dns_tunnel"

    def find(self, traffic: Traffic, usual: Traffic | None) -> list[Finding]:
        """Tunnels, one for each host and domain and stretch of time."""
        dns = traffic.dns
        if not dns.n_messages:
            return []
        names = _Names.of(dns)
        rows = np.flatnonzero(~names.harmless & (names.length > 0))
        found = self._of(traffic, names, Groups.of([dns.client, names.domain], dns.time, rows, gap=_GAP_SECONDS))
        # A tunnel straight to its server needs no domain: each name then has an ending of its own.
        lone = np.bincount(names.domain, minlength=len(names.domains))[names.domain] <= 2
        rest = np.flatnonzero(lone & ~names.harmless)
        whole = _Names(names.domain, names.domains, names.name, names.whole, names.whole, names.harmless)
        return found + self._of(traffic, whole, Groups.of([dns.client, dns.server], dns.time, rest, gap=_GAP_SECONDS))

    @staticmethod
    def _of(traffic: Traffic, names: _Names, groups: Groups) -> list[Finding]:
        dns = traffic.dns
        different = groups.distinct(names.name)
        mean = groups.total(names.length) / np.maximum(groups.sizes, 1)
        strange = groups.total(np.isin(dns.kind, _RARE_TYPES)) / np.maximum(groups.sizes, 1)
        sent = different * mean
        found = []
        for group in np.flatnonzero((different >= _LEAST_NAMES) & (different > 0.5 * groups.sizes)):
            rows = groups.rows(int(group))
            texts = [dns.name[row] for row in rows[np.unique(names.name[rows], return_index=True)[1]]]
            entropy = bits(subdomain(text) or text for text in texts)
            load = sent[group] * entropy / 8
            # Whole names, with their endings, are as long as domains are; those that carry data are far longer.
            least = _LEAST_LENGTH * (2 if names.length is names.whole else 1)
            long_enough = mean[group] >= (least if strange[group] < 0.5 else least / 2)
            others = sent[(names.domain[groups.first] == names.domain[rows[0]]) & (np.arange(len(groups)) != group)]
            service = len(others) >= 2 and sent[group] <= _TIMES_OTHERS * np.median(others)
            if long_enough and entropy >= _LEAST_BITS and load >= _LEAST_BYTES / 2 and not service:
                domain = names.domains[names.domain[rows[0]]] if names.length is not names.whole else ""
                found.append(
                    _told(traffic, rows, domain, (len(texts), float(mean[group]), entropy, float(strange[group])))
                )
        return [one for one in found if one is not None]


@dataclass(frozen=True, slots=True)
class _Names:
    domain: npt.NDArray[np.int64]
    domains: list[str]
    name: npt.NDArray[np.int64]
    length: Vector
    whole: Vector
    harmless: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, dns: DnsMessages) -> _Names:
        """What the names are made of, each different one looked at once."""
        known: dict[str, int] = {}
        code = np.array([known.setdefault(name, len(known)) for name in dns.name], np.int64)
        domains: dict[str, int] = {}
        of = np.array([domains.setdefault(registered(name), len(domains)) for name in known], np.int64)
        parts = [subdomain(name) for name in known]
        length = np.array([len(part) for part in parts], np.float64)
        whole = np.array([len(name) for name in known], np.float64)
        harmless = np.array([_is_harmless(name, part) for name, part in zip(known, parts, strict=True)], np.bool_)
        return cls(of[code], list(domains), code, length[code], whole[code], harmless[code])


def _is_harmless(name: str, part: str) -> bool:
    """Addresses looked up backwards, in block lists or to learn a name, and hashes of fixed length."""
    first, _, rest = part.partition(".")
    return (
        name.endswith((".arpa", ".local"))
        or _NUMBERS.match(part) is not None
        or any(_NUMBERS.match(part[: at.start()]) for at in re.finditer(r"\.[a-z]", part))
        or (_HASH.match(first) is not None and len(rest) <= 12)
    )


def _told(
    traffic: Traffic, rows: npt.NDArray[np.int64], domain: str, seen: tuple[int, float, float, float]
) -> Finding | None:
    dns, flows = traffic.dns, traffic.flows
    n, length, entropy, strange = seen
    host = int(dns.client[rows[0]])
    servers = np.unique(dns.server[rows])
    time = dns.time[rows]
    mine = (flows.src == host) & np.isin(flows.dst, servers) & (flows.dst_port == 53)
    mine &= (flows.start <= time[-1] + 1) & (flows.end >= time[0] - 1)
    if domain and len(flows.names):
        of_domain = np.array([registered(name) == domain for name in flows.names])
        mine &= (flows.name < 0) | of_domain[np.maximum(flows.name, 0)]
    carried = n * length * entropy / 8
    back = float(np.nansum(dns.answer_bytes[rows]))
    where = f"names of {domain}" if domain else f"names at {flows.hosts.words[int(servers[0])]}"
    reason = (
        f"{flows.hosts.words[host]} asked for {count(n, 'different one', 'different')} {where} within "
        f"{span(float(np.ptp(time)))}, {length:.0f} characters long on average and as good as random "
        f"({entropy:.1f} bits each), {strange:.0%} of them for types of record that carry data: room for "
        f"{amount(carried)} out and {amount(back)} back"
    )
    measures = (
        Measure("different names", n),
        Measure("length of a name", length, f"up to {_LEAST_LENGTH:.0f}", "characters"),
        Measure("entropy", entropy, "", "bits a character"),
        Measure("share of types that carry data", strange),
        Measure("room for data", carried, "", "bytes"),
    )
    picked = np.flatnonzero(mine)
    if not len(picked):
        return None
    return finding(
        traffic, "dns_tunnel", host, picked, grade=severity(0.65, carried, _LEAST_BYTES / 2), reason=reason,
        technique="T1071.004", measures=measures,
    )  # fmt: skip
