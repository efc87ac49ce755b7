"""How attempts to reach a host went: refused, not answered, or opened and left without a word."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.network.flows import ICMP, ICMP6, STATES, TCP, UDP, Flows

__all__ = ["asks", "attempts", "failed", "inside", "odd_flags", "wordless"]

Bools = npt.NDArray[np.bool_]

_FIN, _SYN, _RST, _PSH, _ACK, _URG = 1, 2, 4, 8, 16, 32
_FAILED = np.isin(STATES, ("S0", "REJ", "RSTOS0", "RSTRH", "SH", "SHR"))
_UNSAID = np.isin(STATES, ("", "OTH"))
_FEW_PACKETS = 3
_WELL_KNOWN = 1024


def odd_flags(flows: Flows) -> Bools:
    """TCP flows that begin as no connection does: without a flag, with FIN alone, with FIN and SYN, with all lit."""
    flags = flows.flags_out
    lone = (flags == 0) | ((flags & _FIN != 0) & (flags & (_SYN | _ACK | _RST) == 0))
    clash = flags & (_SYN | _FIN | _URG | _PSH) == _SYN | _FIN | _URG | _PSH
    short = ~(flows.packets_out > _FEW_PACKETS) & ~(flows.payload_out > 0)
    clash |= (flags & (_SYN | _FIN | _ACK | _RST) == _SYN | _FIN) & short
    sent = ~(flows.packets_out == 0)
    return np.asarray((flows.protocol == TCP) & (flags >= 0) & sent & short & (lone | clash), np.bool_)


def failed(flows: Flows) -> Bools:
    """Attempts that were refused or not answered; not those of which nothing is known."""
    state = np.clip(flows.state, 0, len(STATES) - 1)
    said = ~_UNSAID[state]
    nothing_back = (flows.packets_in == 0) | (np.isnan(flows.packets_in) & (flows.bytes_in == 0))
    refused = (
        (flows.protocol == TCP)
        & (flows.flags_in >= 0)
        & (flows.flags_in & _RST != 0)
        & (flows.flags_in & _SYN == 0)
        & ~(flows.payload_in > 0)
        & ~(flows.packets_out > _FEW_PACKETS)
    )
    # A connection that was there before the traffic begins has packets one way, too, but more of them or with content.
    cut = (flows.protocol == TCP) & ((flows.packets_out > _FEW_PACKETS) | (flows.payload_out > 0))
    return np.asarray(np.where(said, _FAILED[state], (nothing_back & ~cut) | refused) | odd_flags(flows), np.bool_)


def wordless(flows: Flows) -> Bools:
    """TCP connections that were opened and closed while the opener said nothing."""
    return np.asarray((flows.protocol == TCP) & (flows.payload_out == 0) & ~failed(flows), np.bool_)


def attempts(flows: Flows) -> Bools:
    """TCP and UDP flows that ask one host for something: neither answers without their question, nor to groups."""
    ports = (flows.protocol == TCP) | (flows.protocol == UDP)
    flags = np.maximum(flows.flags_out, 0)
    back = (flags & (_SYN | _ACK) == _SYN | _ACK) & (flows.packets_in == 0)
    back |= (flags & _RST != 0) & (flags & _SYN == 0) & ~(flows.packets_in > 0)
    answers = (
        (flows.protocol == UDP)
        & (flows.src_port < _WELL_KNOWN)
        & (flows.src_port > 0)
        & (flows.dst_port >= _WELL_KNOWN)
        & ~(flows.packets_in > 0)
    )
    alone = flows.src != flows.dst
    named = ~flows.hosts.groups[flows.dst] if len(flows.hosts) else np.zeros(0, np.bool_)
    return np.asarray(ports & ~back & ~answers & alone & named, np.bool_)


def asks(flows: Flows) -> Bools:
    """ICMP flows that ask for an answer: echo, timestamp, mask."""
    icmp = (flows.protocol == ICMP) | (flows.protocol == ICMP6)
    kinds = np.where(flows.protocol == ICMP6, flows.src_port == 128, np.isin(flows.src_port, (8, 13, 15, 17)))
    return np.asarray(icmp & kinds, np.bool_)


def inside(flows: Flows) -> Bools:
    """Whether each host is of the network that is watched: (n_hosts,).

    Private addresses are. Between two public ones it is the end that has far more of such flows: whoever watches sees
    all that his own hosts do, and little of what others do.
    """
    local = flows.hosts.local.copy() if len(flows.hosts) else np.zeros(0, np.bool_)
    if not len(local):
        return local
    groups = flows.hosts.groups
    public = ~local[flows.src] & ~local[flows.dst] & ~groups[flows.src] & ~groups[flows.dst]
    if public.any():
        n_hosts = len(local)
        pairs = np.unique(flows.src[public].astype(np.int64) * n_hosts + flows.dst[public])
        src, dst = pairs // n_hosts, pairs % n_hosts
        peers = np.bincount(src, minlength=n_hosts) + np.bincount(dst, minlength=n_hosts)
        # Without a host that stands out, the one who began is taken for the own one.
        own = np.where(peers[src] >= peers[dst], src, dst)
        chosen = np.bincount(own, minlength=n_hosts)
        local |= (chosen >= 0.05 * chosen.sum()) & (chosen * 2 > peers)
    return local
