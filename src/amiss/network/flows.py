"""Flows: who spoke with whom, when, and how much, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.network.addresses import Addresses

__all__ = ["ARP", "ICMP", "ICMP6", "PROTOCOLS", "STATES", "TCP", "UDP", "Flows"]

Codes = npt.NDArray[np.int32]

TCP, UDP, ICMP, ICMP6, ARP = 6, 17, 1, 58, 0x0806
PROTOCOLS = {ICMP: "icmp", 2: "igmp", TCP: "tcp", UDP: "udp", 47: "gre", 50: "esp", ICMP6: "icmp6", 89: "ospf",
             132: "sctp", ARP: "arp"}  # fmt: skip
"""Names of the protocols, by their number in the IP header; ARP, which has none there, by its number in Ethernet."""

STATES = ("", "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH")
"""How a connection went, in Zeek's words; "" where nothing says. Of protocols without connections S0 is a flow that was
not answered, and SF one that was."""


@dataclass(frozen=True, slots=True)
class Flows:
    """Flows in both directions, one an entry of each array; "out" is from `src`, who began, to `dst`.

    What a source of flows does not say is −1 in columns of whole numbers and NaN in others.

    Attributes
    ----------
    hosts
        The addresses that `src` and `dst` are positions in.
    start : (n_flows,)
        Time of the first packet, seconds since 1970 UTC.
    duration : (n_flows,)
        Seconds from the first packet to the last.
    src, dst : (n_flows,)
        Who sent the first packet (of TCP, who opened the connection), and to whom.
    src_port, dst_port : (n_flows,)
        Ports; of ICMP its type and code; 0 where the protocol has none.
    protocol : (n_flows,)
        Number of the protocol: `TCP`, `UDP`, `ICMP`, `ICMP6`, `ARP` or another of the IP header.
    vlan : (n_flows,)
        Outermost VLAN, 0 for none.
    state : (n_flows,)
        Position in `STATES`.
    packets_out, packets_in : (n_flows,)
        Packets.
    bytes_out, bytes_in : (n_flows,)
        Bytes of the IP packets, headers included.
    payload_out, payload_in : (n_flows,)
        Bytes above the transport's headers.
    flags_out, flags_in : (n_flows,)
        TCP flags seen, as in the header (FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32).
    service, name : (n_flows,)
        Positions in `services` and `names`: what was spoken ("dns", "http", "tls", "ssh" …), and the name of the server
        that was asked for (of TLS and HTTP; of DNS the first name asked).
    services, names
        The words that these are positions in.
    statistics : (n_flows, n_statistics)
        Further figures, such as the spread of packet sizes; none where the source has none.
    statistic_names
        What they are.
    label
        What the source says of each flow, "" for nothing; empty where it says nothing at all.

    Examples
    --------
    >>> from amiss.network.flows import Flows, TCP
    >>> flows = Flows.of(["10.0.0.1"], ["8.8.8.8"], start=[0.0], dst_port=[443], protocol=[TCP])
    >>> flows.n_flows, flows.hosts.words[flows.dst[0]]
    (1, '8.8.8.8')
    """

    hosts: Addresses
    start: Vector
    duration: Vector
    src: Codes
    dst: Codes
    src_port: Codes
    dst_port: Codes
    protocol: Codes
    vlan: Codes
    state: Codes
    packets_out: Vector
    packets_in: Vector
    bytes_out: Vector
    bytes_in: Vector
    payload_out: Vector
    payload_in: Vector
    flags_out: Codes
    flags_in: Codes
    service: Codes
    name: Codes
    services: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    statistics: Matrix = field(default_factory=lambda: np.empty((0, 0)))
    statistic_names: tuple[str, ...] = ()
    label: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        src: Sequence[str],
        dst: Sequence[str],
        *,
        service: Sequence[str] | None = None,
        name: Sequence[str] | None = None,
        label: Sequence[str] = (),
        **columns: Any,
    ) -> Flows:
        """Flows from addresses, services and names as words ("" for none), and any of the other columns.

        Columns that are not given say nothing.
        """
        hosts, codes = Addresses.coded([*src, *dst])
        n = len(src)
        services, service_codes = _coded(service, n)
        names, name_codes = _coded(name, n)
        whole = {"src_port": 0, "dst_port": 0, "protocol": -1, "vlan": 0, "state": 0, "flags_out": -1, "flags_in": -1}
        made: dict[str, Any] = {}
        for one in fields(cls):
            given = columns.pop(one.name, None)
            if one.name in whole:
                made[one.name] = np.full(n, whole[one.name], np.int32) if given is None else np.asarray(given, np.int32)
            elif one.name in _REAL:
                made[one.name] = np.full(n, np.nan) if given is None else np.asarray(given, np.float64)
            elif given is not None:
                made[one.name] = given
        if columns:
            raise TypeError(f"flows have no column {next(iter(columns))!r}")
        return cls(
            hosts=hosts, src=codes[:n], dst=codes[n:], service=service_codes, services=services, name=name_codes,
            names=names, label=tuple(label), **made,
        )  # fmt: skip

    @property
    def n_flows(self) -> int:
        """Number of flows."""
        return len(self.start)

    @property
    def end(self) -> Vector:
        """Time of the last packet, where it is known, otherwise of the first: (n_flows,)."""
        return self.start + np.nan_to_num(self.duration, nan=0.0)

    def column(self, name: str) -> Vector:
        """A statistic by its name, all NaN where the source has none of that name: (n_flows,)."""
        if name in self.statistic_names:
            found: Vector = np.asarray(self.statistics[:, self.statistic_names.index(name)], np.float64)
            return found
        return np.full(self.n_flows, np.nan)

    def _statistics_as(self, names: tuple[str, ...]) -> Matrix:
        """The statistics of these names, NaN where there is none."""
        if names == self.statistic_names:
            return self.statistics
        found = np.full((self.n_flows, len(names)), np.nan)
        for k, name in enumerate(self.statistic_names):
            found[:, names.index(name)] = self.statistics[:, k]
        return found

    def take(self, which: npt.NDArray[Any]) -> Flows:
        """The flows at these positions, or where a mask is true; hosts and words stay as they are."""
        rows = np.flatnonzero(which) if which.dtype == np.bool_ else which
        picked = {one: getattr(self, one)[rows] for one in (*_REAL, *_WHOLE)}
        statistics = self.statistics[rows] if self.statistic_names else self.statistics
        label = tuple(self.label[int(row)] for row in rows) if self.label else ()
        return replace(self, statistics=statistics, label=label, **picked)

    @classmethod
    def stacked(cls, parts: Sequence[Flows]) -> Flows:
        """Flows of several sources below one another, in the order given; a statistic that one lacks is NaN there."""
        if not parts:
            return cls.of([], [])
        first = parts[0]
        hosts, services, names = first.hosts, first.services, first.names
        moved: dict[str, list[npt.NDArray[Any]]] = {one: [getattr(first, one)] for one in (*_REAL, *_WHOLE)}
        for part in parts[1:]:
            hosts, host_codes = hosts.joined(part.hosts)
            services, service_codes = _joined(services, part.services)
            names, name_codes = _joined(names, part.names)
            at = {"src": host_codes, "dst": host_codes, "service": service_codes, "name": name_codes}
            for one in (*_REAL, *_WHOLE):
                values = getattr(part, one)
                moved[one].append(_moved(values, at[one]) if one in at else values)
        told = tuple(dict.fromkeys(name for part in parts for name in part.statistic_names))
        picked = [part._statistics_as(told) for part in parts if told]
        labelled = any(part.label for part in parts)
        label = tuple(word for part in parts for word in (part.label or ("",) * part.n_flows)) if labelled else ()
        return cls(
            hosts=hosts, services=services, names=names, label=label, statistic_names=told,
            statistics=np.concatenate(picked) if told else np.empty((0, 0)),
            **{one: np.concatenate(values) for one, values in moved.items()},
        )  # fmt: skip


_REAL = ("start", "duration", "packets_out", "packets_in", "bytes_out", "bytes_in", "payload_out", "payload_in")
_WHOLE = ("src", "dst", "src_port", "dst_port", "protocol", "vlan", "state", "flags_out", "flags_in", "service", "name")


def _coded(words: Sequence[str] | None, n: int) -> tuple[tuple[str, ...], Codes]:
    if words is None:
        return (), np.full(n, -1, np.int32)
    known: dict[str, int] = {}
    codes = np.array([known.setdefault(word, len(known)) if word else -1 for word in words], np.int32)
    return tuple(known), codes


def _joined(words: tuple[str, ...], others: tuple[str, ...]) -> tuple[tuple[str, ...], Codes]:
    known = {word: code for code, word in enumerate(words)}
    codes = np.array([known.setdefault(word, len(known)) for word in others], np.int32)
    return tuple(known), codes


def _moved(values: Codes, codes: Codes) -> Codes:
    return np.where(values < 0, -1, codes[values]).astype(np.int32) if len(codes) else values
