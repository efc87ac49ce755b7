"""Filters that cut the packets of a finding out of a capture, for Wireshark and for tcpdump."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.network.addresses import address_of
from amiss.network.finding import Finding
from amiss.network.flows import ARP, ICMP, ICMP6, TCP, UDP, Flows

__all__ = ["capture_filter", "display_filter"]

_MOST_PEERS, _MOST_RANGES = 12, 12
_MICROSECOND = 1e-6
_NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMP6: "icmpv6", ARP: "arp"}
_BPF_NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMP6: "icmp6", ARP: "arp"}


def display_filter(finding: Finding, flows: Flows) -> str:
    """The filter of Wireshark and tshark that shows a finding's packets, both ways, and as few others as it can.

    The other ends are named only where they are needed to tell the finding's flows from all others, and neither they
    nor ports where there are many, so that the filter stays short.

    Examples
    --------
    >>> from amiss.network.flows import Flows, TCP
    >>> import numpy as np
    >>> flows = Flows.of(["10.0.0.1"], ["10.0.0.2"], start=[5.0], dst_port=[22], protocol=[TCP])
    >>> one = Finding("x", "10.0.0.1", 5.0, 5.0, 1.0, "", None, (), np.array([0]), ("10.0.0.2",))
    >>> display_filter(one, flows).split(" && ")[:2], capture_filter(one, flows)
    (['ip.addr == 10.0.0.1', 'tcp'], 'host 10.0.0.1 and tcp and port 22')
    """
    cut = _cut(finding, flows, timed=True)
    arp = cut.protocols == (ARP,)
    parts = [_shown_address(cut.host, arp=arp)] if cut.host else []
    if cut.peers:
        parts.append(_any([_shown_address(peer, arp=arp) for peer in cut.peers]))
    if cut.protocols:
        names = [_NAMES.get(one, f"ip.proto == {one}") for one in cut.protocols]
        # An ICMP message quotes the packet that it answers, which then seems to be there.
        quoted = " && !icmp && !icmpv6" if set(cut.protocols) <= {TCP, UDP} else ""
        parts.append(_any(names) + quoted)
    if cut.ports:
        spans = ", ".join(str(low) if low == high else f"{low}..{high}" for low, high in cut.ports)
        single = len(cut.ports) == 1 and cut.ports[0][0] == cut.ports[0][1]
        kinds = [_NAMES[one] for one in cut.protocols if one in {TCP, UDP}] or ["tcp", "udp"]
        parts.append(_any([f"{kind}.port == {spans}" if single else f"{kind}.port in {{{spans}}}" for kind in kinds]))
    parts.append(f"frame.time_epoch >= {_time(cut.start, -1)} && frame.time_epoch <= {_time(cut.end, 1)}")
    return " && ".join(parts)


def capture_filter(finding: Finding, flows: Flows) -> str:
    """The same for tcpdump and for capturing (pcap-filter), which knows no times.

    Of tagged packets (VLAN) it looks behind the tag; inside tunnels it cannot look.
    """
    cut = _cut(finding, flows, timed=False)
    parts = [f"host {cut.host}"] if cut.host else []
    if cut.peers:
        parts.append(_any([f"host {peer}" for peer in cut.peers], " or "))
    if cut.protocols:
        parts.append(_any([_BPF_NAMES.get(one, f"ip proto {one}") for one in cut.protocols], " or "))
    if cut.ports:
        parts.append(
            _any([f"port {low}" if low == high else f"portrange {low}-{high}" for low, high in cut.ports], " or ")
        )
    plain = " and ".join(parts)
    tagged = flows.vlan[finding.flows] > 0
    if not tagged.any() or not plain:
        return plain
    return f"vlan and {plain}" if tagged.all() else f"({plain}) or (vlan and {plain})"


@dataclass(frozen=True, slots=True)
class _Cut:
    host: str
    peers: tuple[str, ...]
    protocols: tuple[int, ...]
    ports: tuple[tuple[int, int], ...]
    start: float
    end: float


def _cut(finding: Finding, flows: Flows, *, timed: bool) -> _Cut:
    """What has to be named, each further thing only where without it other flows would be cut out, too."""
    rows = finding.flows
    code = next((i for i, word in enumerate(flows.hosts.words) if word == finding.host), -1)
    mine = (flows.src[rows] == code) | (flows.dst[rows] == code)
    # A crowd need not have an end in common.
    host = finding.host if mine.all() and address_of(finding.host) is not None else ""
    start, end = float(flows.start[rows].min()), float(flows.end[rows].max())
    matched = (flows.start <= end) & (flows.end >= start) if timed else np.ones(flows.n_flows, np.bool_)
    if host:
        matched &= (flows.src == code) | (flows.dst == code)
    protocols = tuple(int(one) for one in np.unique(flows.protocol[rows]) if one >= 0)
    if protocols:
        matched &= np.isin(flows.protocol, protocols)
    ends = np.unique(np.concatenate([flows.src[rows], flows.dst[rows]]))
    peers: tuple[str, ...] = ()
    ported = bool(protocols) and set(protocols) <= {TCP, UDP}
    ports: tuple[tuple[int, int], ...] = ()
    if ported:
        ports, matched = _ported(flows, rows, matched)
    if _foreign(matched, rows) and len(ends) - bool(host) <= _MOST_PEERS:
        peers = tuple(flows.hosts.words[one] for one in ends if one != code or not host)
        peers = tuple(peer for peer in peers if address_of(peer) is not None)
    return _Cut(host, peers, protocols, ports, start, end)


def _foreign(matched: npt.NDArray[np.bool_], rows: npt.NDArray[np.int64]) -> bool:
    return int(matched.sum()) > len(rows)


def _ported(
    flows: Flows, rows: npt.NDArray[np.int64], matched: npt.NDArray[np.bool_]
) -> tuple[tuple[tuple[int, int], ...], npt.NDArray[np.bool_]]:
    """Ranges of the ports that the flows go to; none where they are too many."""
    ports = np.unique(flows.dst_port[rows])
    breaks = np.flatnonzero(np.diff(ports) > 1)
    low, high = ports[np.append(0, breaks + 1)], ports[np.append(breaks, len(ports) - 1)]
    if len(low) > _MOST_RANGES:
        return (), matched
    kept = matched & (np.isin(flows.dst_port, ports) | np.isin(flows.src_port, ports))
    return tuple((int(a), int(b)) for a, b in zip(low, high, strict=True)), kept


def _shown_address(word: str, *, arp: bool) -> str:
    if arp:
        return f"(arp.src.proto_ipv4 == {word} || arp.dst.proto_ipv4 == {word})"
    found = address_of(word)
    field = "ipv6.addr" if isinstance(found, ipaddress.IPv6Address) else "ip.addr"
    return f"{field} == {word}"


def _any(parts: Sequence[str], joint: str = " || ") -> str:
    return parts[0] if len(parts) == 1 else f"({joint.join(parts)})"


def _time(seconds: float, side: int) -> str:
    """To the microsecond, on the far side of what a float can hold of it."""
    return f"{seconds + side * _MICROSECOND:.6f}"
