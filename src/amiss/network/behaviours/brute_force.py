"""Guessing of passwords: login after login that comes to nothing."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.network.behaviours._groups import Groups, high_of_others
from amiss.network.behaviours._login_pages import guessed_pages
from amiss.network.behaviours._told import count, finding, listed, pace, severity, span, usually
from amiss.network.finding import Finding
from amiss.network.flows import TCP, Flows
from amiss.network.outcomes import attempts, failed
from amiss.network.traffic import Traffic

__all__ = ["BruteForce"]

_LOGINS = {21: "FTP", 22: "SSH", 23: "Telnet", 110: "POP3", 143: "IMAP", 465: "SMTP", 587: "SMTP", 990: "FTP",
           993: "IMAP", 995: "POP3", 2222: "SSH", 3389: "RDP", 5900: "VNC", 5985: "WinRM"}  # fmt: skip
_SPOKEN = {"ssh": "SSH", "ftp": "FTP", "telnet": "Telnet", "rdp": "RDP", "vnc": "VNC", "rfb": "VNC"}
_GAP_SECONDS = 1800.0
_SHORT_SECONDS, _SMALL_BYTES = 120.0, 60_000.0
_LEAST_TRIES, _LEAST_SOURCES, _LEAST_TOGETHER = 10, 4, 24
_TIMES_USUAL = 3.0
_LEAST_ALIKE = 0.7


class BruteForce:
    """Many short connections to a login service that are all alike, far more than others make.

    A login that works lasts and carries what its user does; one that fails is as long as the one before. Many sources
    that each try a little against one server are one finding, of the server. Logins inside HTTPS cannot be told from
    other requests; those over HTTP are told by what they send and the answers they get.
    """

    kind: ClassVar[str] = "brute_force"

    def find(self, traffic: Traffic, usual: Traffic | None) -> list[Finding]:
        """Guessing, one finding for each source, or each server that many sources try, and stretch of time."""
        flows = traffic.flows
        service = _service(flows)
        rows = np.flatnonzero((service >= 0) & attempts(flows) & _short(flows))
        if not len(rows):
            return guessed_pages(traffic)
        pairs = Groups.of([flows.src, flows.dst, service], flows.start, rows, gap=_GAP_SECONDS)
        alone = self._of_pairs(traffic, pairs, service)
        taken = np.zeros(flows.n_flows, np.bool_)
        for one in alone:
            taken[one.flows] = True
        rest = rows[~taken[rows]]
        together = Groups.of([flows.dst, service], flows.start, rest, gap=_GAP_SECONDS)
        return alone + self._of_servers(traffic, together, service) + guessed_pages(traffic)

    @staticmethod
    def _of_pairs(traffic: Traffic, pairs: Groups, service: npt.NDArray[np.int32]) -> list[Finding]:
        flows = traffic.flows
        kinds = service[pairs.first]
        found: dict[tuple[int, int], list[int]] = {}
        usual = _usual(pairs.sizes, kinds)
        for group in np.flatnonzero((pairs.sizes >= _LEAST_TRIES) & (pairs.sizes > _TIMES_USUAL * usual)):
            rows = pairs.rows(int(group))
            if _alike(flows, rows) >= _LEAST_ALIKE and not _polls(traffic, rows):
                found.setdefault((int(flows.src[rows[0]]), int(kinds[group])), []).append(int(group))
        told = []
        for (host, kind), groups in found.items():
            rows = np.concatenate([pairs.rows(group) for group in groups])
            told.append(_told(traffic, host, rows, _NAMES[kind], float(usual[groups].min()), by_host=True))
        return told

    @staticmethod
    def _of_servers(traffic: Traffic, together: Groups, service: npt.NDArray[np.int32]) -> list[Finding]:
        flows = traffic.flows
        if not len(together):
            return []
        sources = together.distinct(flows.src)
        told = []
        usual = _usual(together.sizes, service[together.first])
        many = (together.sizes >= _LEAST_TOGETHER) & (sources >= _LEAST_SOURCES) & (together.sizes >= 2 * sources)
        for group in np.flatnonzero(many & (together.sizes > _TIMES_USUAL * usual)):
            rows = together.rows(int(group))
            if _alike(flows, rows) >= _LEAST_ALIKE:
                name, server = _NAMES[int(service[rows[0]])], int(flows.dst[rows[0]])
                told.append(_told(traffic, server, rows, name, float(usual[group]), by_host=False))
        return told


_NAMES = sorted({*_LOGINS.values(), *_SPOKEN.values()})


def _service(flows: Flows) -> npt.NDArray[np.int32]:
    """Position of the login service in `_NAMES`, −1 for none."""
    out = np.full(flows.n_flows, -1, np.int32)
    for port, name in _LOGINS.items():
        out[flows.dst_port == port] = _NAMES.index(name)
    for code, word in enumerate(flows.services):
        if word.lower() in _SPOKEN:
            out[flows.service == code] = _NAMES.index(_SPOKEN[word.lower()])
    return np.where(flows.protocol == TCP, out, -1).astype(np.int32)


def _short(flows: Flows) -> npt.NDArray[np.bool_]:
    """Connections in which both sides spoke, for a short time and little; unknown figures speak against none."""
    spoken = ~(flows.payload_out == 0) & ~(flows.payload_in == 0) & ~failed(flows)
    little = ~(flows.bytes_out + flows.bytes_in > _SMALL_BYTES)
    return np.asarray(spoken & little & ~(flows.duration > _SHORT_SECONDS), np.bool_)


def _alike(flows: Flows, rows: npt.NDArray[np.int64]) -> float:
    """Share of connections that carry about as much as the middle one, both ways."""
    share = 1.0
    for plain, whole in ((flows.payload_out, flows.bytes_out), (flows.payload_in, flows.bytes_in)):
        carried = plain[rows] if not np.isnan(plain[rows]).any() else whole[rows]
        if np.isnan(carried).all():
            continue
        middle = np.nanmedian(carried)
        share = min(share, float(np.mean(np.abs(carried - middle) <= 0.35 * middle + 40)))
    return share


def _polls(traffic: Traffic, rows: npt.NDArray[np.int64]) -> bool:
    """Whether they come at an even pace all the time: a poll of a monitor, a job that is set to a time."""
    time = traffic.flows.start[rows]
    gaps = np.diff(time)
    all_the_time = np.ptp(time) > 0.8 * (traffic.end - traffic.start)
    return bool(all_the_time and np.median(gaps) > 20 and np.mean(np.abs(gaps / np.median(gaps) - 1) < 0.15) > 0.8)


def _usual(sizes: npt.NDArray[np.int64], kinds: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """What nine of ten other groups of the same kind stay below: (n_groups,)."""
    out = np.zeros(len(sizes))
    for kind in np.unique(kinds):
        out[kinds == kind] = high_of_others(sizes[kinds == kind])
    return out


def _told(
    traffic: Traffic, host: int, rows: npt.NDArray[np.int64], service: str, usual: float, *, by_host: bool
) -> Finding:
    flows = traffic.flows
    words = flows.hosts.words
    ends = flows.dst[rows] if by_host else flows.src[rows]
    peers = [words[code] for code in np.unique(ends)]
    seconds = float(np.ptp(flows.start[rows]))
    alike = _alike(flows, rows)
    if by_host:
        what = f"{words[host]} logged in to {service} of {listed(peers)} {count(len(rows), 'time')}"
    else:
        what = f"{count(len(peers), 'host')} logged in to {service} of {words[host]} {count(len(rows), 'time')}"
    reason = (
        f"{what} within {span(seconds)}; {alike:.0%} of the connections were equally short, as logins that fail are; "
        f"usual is {usually(usual)}"
    )
    measures = (
        Measure("connections to the login", len(rows), usually(usual)),
        Measure("share that is alike", alike),
        pace(seconds, len(rows)),
    )
    return finding(
        traffic, "brute_force", host, rows, grade=severity(0.6, len(rows), _LEAST_TRIES), reason=reason,
        technique="T1110", measures=measures,
    )  # fmt: skip
