"""Packets and protocols that no program of good will sends."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.network.behaviours._groups import Groups
from amiss.network.behaviours._targets import Targets
from amiss.network.behaviours._told import count, finding, listed, severity, span
from amiss.network.finding import Finding
from amiss.network.flows import TCP, UDP, Flows
from amiss.network.outcomes import attempts, failed, inside, odd_flags
from amiss.network.traffic import Traffic

__all__ = ["OddProtocol"]

_GAP_SECONDS = 2 * 3600.0
_NO_SERVICE = 10_000
_EXPECTED = {
    21: {"ftp"}, 22: {"ssh"}, 23: {"telnet"}, 25: {"smtp"}, 53: {"dns"}, 80: {"http"}, 110: {"pop3"},
    143: {"imap"}, 389: {"ldap"}, 443: {"tls", "quic"}, 445: {"smb"}, 465: {"tls", "smtp"}, 587: {"smtp"},
    993: {"tls", "imap"}, 995: {"tls", "pop3"}, 3389: {"rdp", "tls"}, 853: {"tls"}, 123: {"ntp"},
}  # fmt: skip
"""What is spoken on ports that belong to a protocol; on others anything may be."""
_SAME = {"ssl": "tls", "dtls": "tls", "https": "tls", "pop": "pop3", "imaps": "tls", "ftp-data": "ftp"}
_TELLING = {"ssh", "tls", "http", "dns", "ftp", "telnet", "smtp", "rdp", "smb", "socks", "irc", "vnc", "rfb"}
"""Protocols that are known by what they say, not by their port."""
_UPGRADES = {(25, "tls"), (587, "tls"), (143, "tls"), (110, "tls"), (21, "tls"), (389, "tls"), (443, "http")}
"""What begins in the open and goes on in secret, and web servers that are asked in the open by mistake."""


class OddProtocol:
    """Hosts whose packets begin as no connection does, come from their own target, or speak another port's protocol.

    TCP packets without a flag, with all of them or with FIN alone map a network past simple filters; packets whose
    sender is their receiver (LAND) crash old systems; SSH or the like on the port of another protocol hides
    there, and so does HTTP on a port that no service has.
    """

    kind: ClassVar[str] = "odd_protocol"

    def find(self, traffic: Traffic, usual: Traffic | None) -> list[Finding]:
        """Oddities, one finding for each host and stretch of time."""
        flows = traffic.flows
        flags = odd_flags(flows)
        same = (flows.src == flows.dst) & (flows.src_port == flows.dst_port) & (flows.src_port > 0)
        land = same & np.isin(flows.protocol, (TCP, UDP))
        foreign = _foreign(flows) | _strayed(flows, usual)
        odd = flags | land | foreign
        groups = Groups.of([flows.src], flows.start, np.flatnonzero(odd), gap=_GAP_SECONDS)
        found = []
        for group in range(len(groups)):
            rows = groups.rows(group)
            # One lone odd packet may be a broken one.
            if land[rows].any() or foreign[rows].any() or len(rows) > 1:
                found.append(_told(traffic, rows, flags, land, foreign))
        return found


def _foreign(flows: Flows) -> npt.NDArray[np.bool_]:
    """Whether a flow speaks what another port than its own is for."""
    words = [_SAME.get(word.lower(), word.lower()) for word in flows.services]
    out = np.zeros(flows.n_flows, np.bool_)
    for code, word in enumerate(words):
        if word not in _TELLING:
            continue
        spoken = flows.service == code
        for port, expected in _EXPECTED.items():
            if word not in expected and (port, word) not in _UPGRADES:
                out |= spoken & (flows.dst_port == port)
    return np.asarray(out & ~failed(flows), np.bool_)


def _strayed(flows: Flows, usual: Traffic | None) -> npt.NDArray[np.bool_]:
    """Whether a flow speaks HTTP with an outside server on a port that no service has, and nobody else reaches it."""
    web = np.isin(flows.service, [code for code, word in enumerate(flows.services) if word.lower() == "http"])
    web &= (flows.dst_port >= _NO_SERVICE) & ~failed(flows) & attempts(flows) & (flows.src_port != flows.dst_port)
    if not web.any():
        return web
    own, targets = inside(flows), Targets.of(flows, usual)
    lone = (targets.n_hosts <= 1) & ~targets.known
    return np.asarray(web & own[flows.src] & ~own[flows.dst] & lone[targets.code], np.bool_)


def _told(
    traffic: Traffic, rows: npt.NDArray[np.int64], flags: npt.NDArray[np.bool_], land: npt.NDArray[np.bool_],
    foreign: npt.NDArray[np.bool_],
) -> Finding:  # fmt: skip
    flows, words = traffic.flows, traffic.flows.hosts.words
    host = int(flows.src[rows[0]])
    parts = []
    if flags[rows].any():
        parts.append(f"{count(int(flags[rows].sum()), 'packet')} with flags that begin no connection")
    if land[rows].any():
        parts.append(f"{count(int(land[rows].sum()), 'packet')} from a host to itself on one port")
    if foreign[rows].any():
        strange = rows[foreign[rows]]
        kinds = sorted({f"{flows.services[flows.service[row]]} on port {flows.dst_port[row]}" for row in strange})
        parts.append(f"{count(len(strange), 'connection')} that speak {listed(kinds)}")
    ends = [words[code] for code in np.unique(flows.dst[rows])]
    reason = (
        f"{words[host]} sent {' and '.join(parts)} to {listed(ends)} within {span(float(np.ptp(flows.start[rows])))}"
    )
    measures = (
        Measure("odd packets", int(flags[rows].sum()), "none"),
        Measure("packets to themselves", int(land[rows].sum()), "none"),
        Measure("connections with another port's protocol", int(foreign[rows].sum()), "none"),
    )
    technique = "T1571" if foreign[rows].any() else "T1499" if land[rows].any() else "T1046"
    return finding(
        traffic, "odd_protocol", host, rows, grade=severity(0.5, len(rows), 1.0), reason=reason,
        technique=technique, measures=measures,
    )  # fmt: skip
