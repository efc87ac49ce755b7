"""One-way records of flow exports brought together: both directions of a connection as one flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.network.addresses import Addresses
from amiss.network.flows import ICMP, ICMP6, STATES, TCP, Flows

__all__ = ["OneWay", "paired", "states_of"]

Codes = npt.NDArray[np.int32]
_IDLE = 60.0
"""Seconds of silence after which the same ends and ports are another connection."""
_TOGETHER = 0.001
"""Seconds within which two directions began at once: exporters count milliseconds."""
_FIN, _SYN, _RST = 1, 2, 4


@dataclass(frozen=True, slots=True)
class OneWay:
    """Records as exporters send them, each of one direction, or of both where it has figures for the way back.

    Attributes
    ----------
    hosts
        The addresses that `src` and `dst` are positions in.
    exporter : (n_records,)
        Who saw it; what two saw is not added up.
    start, end : (n_records,)
        Seconds since 1970 UTC.
    src, dst, src_port, dst_port, protocol, vlan : (n_records,)
        As in `Flows`.
    packets, bytes, packets_back, bytes_back : (n_records,)
        NaN where nothing is said.
    flags, flags_back : (n_records,)
        −1 where nothing is said.
    sampled : (n_records,)
        Of so many packets one was looked at; the counts are already multiplied by it.
    """

    hosts: Addresses
    exporter: Codes
    start: Vector
    end: Vector
    src: Codes
    dst: Codes
    src_port: Codes
    dst_port: Codes
    protocol: Codes
    vlan: Codes
    packets: Vector
    bytes: Vector
    packets_back: Vector
    bytes_back: Vector
    flags: Codes
    flags_back: Codes
    sampled: Vector


def paired(records: OneWay) -> Flows:
    """Flows in both directions, in the order of their start.

    Records of the same exporter, protocol, VLAN, hosts and ports (of ICMP only hosts), in either direction, are one
    flow as long as no more than 60 seconds lie between them. So the parts of a long connection that an exporter sends
    from time to time are one flow again. Who began is whose record began first; where both began within the same
    millisecond, the one with SYN and the other with SYN and ACK cannot be told apart by flags that are added up, so it
    is the one with the higher port, which clients have. Costs O(n log n).
    """
    n = len(records.start)
    if not n:
        return Flows.of([], [])
    order, key, turned = _connections(records)
    group = _segments(key, records.start[order], records.end[order])
    begin = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    # The two sides of each flow, the lower end of the two first.
    first, second = (_side(records, order, begin, own) for own in (~turned, turned))
    begins = first.start < second.start - _TOGETHER
    alike = np.abs(first.start - second.start) <= _TOGETHER
    lead = order[begin]
    turn = turned[lead]
    low_port = np.where(turn, records.dst_port[lead], records.src_port[lead])
    high_port = np.where(turn, records.src_port[lead], records.dst_port[lead])
    begins = np.where(alike, low_port >= high_port, begins)
    return _flows(records, lead, turn, begins, first, second)


@dataclass(frozen=True, slots=True)
class _Side:
    """What one end of each connection sent."""

    start: Vector
    end: Vector
    packets: Vector
    bytes: Vector
    flags: Codes

    def or_else(self, other: _Side, which: npt.NDArray[np.bool_]) -> _Side:
        names = ("start", "end", "packets", "bytes", "flags")
        return _Side(*(np.where(which, getattr(self, name), getattr(other, name)) for name in names))


def _connections(
    records: OneWay,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The order by connection and start, the connection of each in it, and which records go from the higher end."""
    icmp = (records.protocol == ICMP) | (records.protocol == ICMP6)
    ends = []
    for host, port in ((records.src, records.src_port), (records.dst, records.dst_port)):
        ends.append(host.astype(np.int64) << 16 | np.where(icmp, 0, port))
    low, high = np.minimum(*ends), np.maximum(*ends)
    rest = (records.exporter.astype(np.int64) << 24) + ((records.protocol.astype(np.int64) + 1) << 12) + records.vlan
    order = np.lexsort((records.start, high, low, rest))
    new = np.zeros(len(order), np.bool_)
    for key in (rest, low, high):
        ordered = key[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    return order, np.cumsum(new), ends[0] > ends[1]


def _segments(key: npt.NDArray[np.int64], start: Vector, end: Vector) -> npt.NDArray[np.int64]:
    """The flow of each record, in the order of key and start: a connection that fell silent begins anew."""
    begin = float(start.min())
    span = float(end.max()) - begin + 2 * _IDLE
    # Connections lie one behind the other on a line, so that the latest end so far never is that of another.
    reached = np.maximum.accumulate(end - begin + key * span) - key * span + begin
    new = np.r_[True, (key[1:] != key[:-1]) | (start[1:] > reached[:-1] + _IDLE)]
    found: npt.NDArray[np.int64] = np.cumsum(new) - 1
    return found


def _side(
    records: OneWay, order: npt.NDArray[np.int64], begin: npt.NDArray[np.int64], own: npt.NDArray[np.bool_]
) -> _Side:
    """What one end sent: its `own` records, and the way back of the other's. Groups begin at `begin` in the order."""
    own = own[order]
    start = np.minimum.reduceat(np.where(own, records.start[order], np.inf), begin)
    end = np.maximum.reduceat(np.where(own, records.end[order], -np.inf), begin)
    told = {}
    for name in ("packets", "bytes"):
        values = np.where(own, getattr(records, name)[order], getattr(records, f"{name}_back")[order])
        unknown = np.isnan(values)
        total = np.add.reduceat(np.where(unknown, 0.0, values), begin)
        # A direction without a record was not seen, which is none; one whose records say nothing is unknown.
        silent = np.logical_and.reduceat(unknown, begin) & np.isfinite(start)
        told[name] = np.where(silent, np.nan, total)
    flags = np.where(own, records.flags[order], records.flags_back[order])
    seen = np.bitwise_or.reduceat(np.maximum(flags, 0), begin)
    return _Side(start, end, told["packets"], told["bytes"], seen.astype(np.int32))


def _flows(
    records: OneWay, lead: npt.NDArray[Any], turned: npt.NDArray[np.bool_], begins: npt.NDArray[np.bool_], first: _Side,
    second: _Side,
) -> Flows:  # fmt: skip
    out, back = first.or_else(second, begins), second.or_else(first, begins)
    # The record that leads a group may go the other way: then its ends are swapped.
    swap = turned == begins
    start = np.minimum(out.start, back.start)
    ends = {}
    for name, other in (("src", "dst"), ("dst", "src"), ("src_port", "dst_port"), ("dst_port", "src_port")):
        ends[name] = np.where(swap, getattr(records, other)[lead], getattr(records, name)[lead])
    protocol = records.protocol[lead]
    icmp = (protocol == ICMP) | (protocol == ICMP6)
    for name in ("src_port", "dst_port"):
        ends[name] = np.where(icmp, getattr(records, name)[lead], ends[name])
    tcp, sampled = protocol == TCP, records.sampled[lead]
    told = tcp & (np.maximum(out.flags, back.flags) > 0)
    flags = [np.where(told, side.flags, -1).astype(np.int32) for side in (out, back)]
    state = states_of(tcp, out.flags, back.flags, back.packets > 0, sampled > 1)
    order = np.argsort(start, kind="stable")
    unknown, unsaid = np.full(len(lead), np.nan), np.full(len(lead), -1, np.int32)
    return Flows(
        hosts=records.hosts, start=start, duration=np.maximum(out.end, back.end) - start, **ends, protocol=protocol,
        vlan=records.vlan[lead], state=state, packets_out=out.packets,
        packets_in=back.packets, bytes_out=out.bytes, bytes_in=back.bytes, payload_out=unknown, payload_in=unknown,
        flags_out=flags[0], flags_in=flags[1], service=unsaid, name=unsaid, statistics=sampled[:, None],
        statistic_names=("sampled",),
    ).take(order)  # fmt: skip


def states_of(
    tcp: npt.NDArray[np.bool_],
    flags_out: Codes,
    flags_in: Codes,
    answered: npt.NDArray[np.bool_],
    unsure: npt.NDArray[np.bool_],
) -> Codes:
    """How connections went, as positions in `STATES`, as far as flags that were added up over a connection tell.

    Parameters
    ----------
    flags_out, flags_in : (n_flows,)
        Of TCP; both below 1 where they are not told of.
    unsure : (n_flows,)
        Where an answer may have been missed: then a flow without one says nothing.
    """
    out, back = np.maximum(flags_out, 0), np.maximum(flags_in, 0)
    fin_out, fin_in = out & _FIN > 0, back & _FIN > 0
    reset_out, reset_in = out & _RST > 0, back & _RST > 0
    opened, accepted = out & _SYN > 0, back & _SYN > 0
    cases = (
        ((np.maximum(out, back) == 0) | (unsure & ~answered), ""), (opened & ~answered & reset_out, "RSTOS0"),
        (opened & ~answered & fin_out, "SH"), (opened & ~answered, "S0"), (~opened, "OTH"),
        (~accepted & reset_in, "REJ"), (reset_out, "RSTO"), (reset_in, "RSTR"), (fin_out & fin_in, "SF"),
        (fin_out, "S2"), (fin_in, "S3"), (accepted, "S1"),
    )  # fmt: skip
    words = np.select([which for which, _ in cases], [STATES.index(word) for _, word in cases], STATES.index("OTH"))
    without = np.where(unsure, STATES.index(""), STATES.index("S0"))
    other = np.where(answered, STATES.index("SF"), without)
    return np.where(tcp, words, other).astype(np.int32)
