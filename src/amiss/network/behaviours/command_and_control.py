"""Command and control: requests to bare addresses, in a manner that browsers and updates do not have."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.network.addresses import address_of
from amiss.network.behaviours._groups import Groups
from amiss.network.behaviours._targets import Targets
from amiss.network.behaviours._told import count, finding, listed, severity, span
from amiss.network.domains import bits
from amiss.network.finding import Finding
from amiss.network.flows import TCP
from amiss.network.outcomes import attempts, failed, inside
from amiss.network.traffic import Traffic

__all__ = ["CommandAndControl"]

_GAP_SECONDS = 4 * 3600.0
_ENOUGH = 3
_WEB_PORTS, _TLS_PORTS = (
    {80, 8000, 8008, 8080, 8888, 3128, 81},
    {443, 465, 563, 636, 853, 989, 990, 993, 995, 5061, 8443, 8883},
)
_NO_BROWSER = re.compile(r"^$|^(?:curl|wget|python|go-http|java|winhttp|powershell|libwww)", re.IGNORECASE)
_PATH = re.compile(r"^/(?:[\w-]+/)*([\w-]{10,})(?:\.\w{2,4})?$")


class CommandAndControl:
    """Hosts that speak with an outside address as software without a master of its own name does.

    Signs that count one each: no name asked for, but the bare address; a port that is none of the protocol's; something
    sent (POST) rather than asked for; a path of letters at random; no browser. Three of them make a finding, as does
    TLS without a name on a port that is none of TLS where other connections tell their names. Servers that other hosts
    reach too, or that are known to be good, are none.
    """

    kind: ClassVar[str] = "command_and_control"

    def find(self, traffic: Traffic, usual: Traffic | None) -> list[Finding]:
        """Such talk, one finding for each host, server and stretch of time."""
        flows = traffic.flows
        own, targets = inside(flows), Targets.of(flows, usual)
        lone = ~targets.shared(own)[targets.code] & ~targets.known[targets.code]
        lone &= own[flows.src] & ~own[flows.dst]
        return self._of_requests(traffic, lone) + self._of_tls(traffic, lone)

    @staticmethod
    def _of_requests(traffic: Traffic, lone: npt.NDArray[np.bool_]) -> list[Finding]:
        http, flows = traffic.http, traffic.flows
        signs = [
            _signs(*one) for one in zip(http.method, http.host, http.path, http.agent, http.port.tolist(), strict=True)
        ]
        rows = np.flatnonzero(np.array([len(one) for one in signs]) >= _ENOUGH) if signs else np.zeros(0, np.int64)
        groups = Groups.of([http.client, http.server], http.time, rows, gap=_GAP_SECONDS)
        found = []
        for group in range(len(groups)):
            picked = groups.rows(group)
            mine = lone & (flows.src == http.client[picked[0]]) & (flows.dst == http.server[picked[0]])
            mine &= (flows.start <= http.time[picked[-1]] + 1) & (flows.end >= http.time[picked[0]] - 1)
            if mine.any():
                seen = max((signs[row] for row in picked), key=len)
                found.append(_told(traffic, np.flatnonzero(mine), len(picked), "request", seen))
        return found

    @staticmethod
    def _of_tls(traffic: Traffic, lone: npt.NDArray[np.bool_]) -> list[Finding]:
        flows = traffic.flows
        tls = np.isin(flows.service, [i for i, word in enumerate(flows.services) if word in {"tls", "ssl"}])
        tls &= attempts(flows) & ~failed(flows) & (flows.protocol == TCP)
        # A source that tells no names says nothing by telling none.
        if not (tls & (flows.name >= 0)).any():
            return []
        # Who speaks from a port of a service to one that is none answers, and began before the traffic did.
        answers = (flows.src_port < 1024) & (flows.dst_port >= 1024)
        bare = tls & lone & ~answers & (flows.name < 0) & ~np.isin(flows.dst_port, list(_TLS_PORTS))
        groups = Groups.of([flows.src, flows.dst], flows.start, np.flatnonzero(bare), gap=_GAP_SECONDS)
        seen = ("TLS to a bare address", "a port that is none of TLS")
        return [
            _told(traffic, groups.rows(one), int(groups.sizes[one]), "connection", seen) for one in range(len(groups))
        ]


def _signs(method: str, host: str, path: str, agent: str, port: int) -> tuple[str, ...]:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and host.count(":") == 1 else host
    found = []
    if not name or address_of(name.strip("[]")) is not None:
        found.append("no name but the bare address")
    if port not in _WEB_PORTS:
        found.append("a port that is none of the web")
    if method.upper() in {"POST", "PUT"}:
        found.append("something sent")
    word = _PATH.match(path.partition("?")[0])
    if word and _random(word.group(1)):
        found.append("a path of letters at random")
    if _NO_BROWSER.match(agent):
        found.append("no browser")
    return tuple(found)


def _random(word: str) -> bool:
    """Whether letters of both cases and figures are mixed, with hardly one twice, as words are not."""
    turns = sum(_sort(a) != _sort(b) for a, b in zip(word, word[1:], strict=False))
    return turns >= len(word) / 3 and bits([word]) >= 0.8 * np.log2(len(word))


def _sort(letter: str) -> int:
    return letter.isdigit() + 2 * letter.isupper()


def _told(traffic: Traffic, rows: npt.NDArray[np.int64], n: int, what: str, seen: tuple[str, ...]) -> Finding:
    flows, words = traffic.flows, traffic.flows.hosts.words
    host, server = int(flows.src[rows[0]]), int(flows.dst[rows[0]])
    seconds = float(np.ptp(flows.start[rows]))
    ports = listed([str(port) for port in np.unique(flows.dst_port[rows])])
    within = f" within {span(seconds)}" if n > 1 else ""
    reason = (
        f"{words[host]} made {count(n, what)} to {words[server]} on port {ports}{within} with "
        f"{listed(seen, 5)}; no other host speaks with it"
    )
    measures = (
        Measure("signs of a hidden master", len(seen), f"less than {_ENOUGH}" if what == "request" else "none"),
        Measure(f"{what}s", n),
        Measure("bytes out", float(np.nansum(flows.bytes_out[rows])), "", "bytes"),
        Measure("bytes in", float(np.nansum(flows.bytes_in[rows])), "", "bytes"),
    )
    return finding(
        traffic, "command_and_control", host, rows, grade=severity(0.6, len(seen) * n, _ENOUGH), reason=reason,
        technique="T1571" if what == "connection" else "T1071.001", measures=measures,
    )  # fmt: skip
