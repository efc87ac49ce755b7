"""Made traffic as a capture: every flow as its packets, merged in time, a few at a time."""

from __future__ import annotations

import heapq
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy.typing as npt

from amiss.datasets.network.counts import ESTABLISHED, WAITS
from amiss.datasets.network.frames import Host, arp_frame, frame, icmp_segment, tcp_segment, udp_segment
from amiss.datasets.network.messages import dns_answer, dns_question, http_request, http_response
from amiss.datasets.network.streams import Stream, datagram, stream_of
from amiss.network.flows import ARP, STATES, TCP, UDP
from amiss.network.traffic import Traffic

__all__ = ["write_capture"]

Packet = tuple[float, bytes]
_SYN_OPTIONS = bytes.fromhex("020405b40402080a0000000100000000") + b"\x01\x03\x03\x07"
_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)


def write_capture(traffic: Traffic, details: dict[str, npt.NDArray[Any]], path: Path, gateway: str) -> int:
    """Write all flows; the number of packets written."""
    source = _Packets(traffic, details, gateway)
    waiting: list[tuple[float, int, bytes, Iterator[Packet]]] = []
    starts = traffic.flows.start
    following, n_packets = 0, 0
    with path.open("wb") as file:
        file.write(_HEADER)
        while waiting or following < len(starts):
            if following < len(starts) and (not waiting or starts[following] <= waiting[0][0]):
                packets = source.of(following)
                moment, data = next(packets)
                heapq.heappush(waiting, (moment, following, data, packets))
                following += 1
                continue
            moment, number, data, packets = waiting[0]
            micros = round(moment * 1e6)
            file.write(struct.pack("<IIII", micros // 1_000_000, micros % 1_000_000, len(data), len(data)) + data)
            n_packets += 1
            coming = next(packets, None)
            if coming is None:
                heapq.heappop(waiting)
            else:
                heapq.heapreplace(waiting, (coming[0], number, coming[1], packets))
    return n_packets


class _Step(NamedTuple):
    """One segment of a connection: who sends it, its flags, where it stands, what it confirms, how long it is."""

    back: int
    flags: int
    at: int
    heard: int
    size: int


def _turns(out: int, into: int) -> Iterator[int]:
    """Whose turn it is: 0 for who began, 1 for the other, in proportion, the first first."""
    sent, got = 0, 0
    while sent < out or got < into:
        if got >= into or (sent < out and sent * into <= got * out):
            sent += 1
            yield 0
        else:
            got += 1
            yield 1


def _share(total: int, n: int, number: int) -> int:
    """The size of one of n pieces that are alike."""
    return total // n + (number < total % n)


def _letters(size: int) -> bytes:
    return (b"abcdefghijklmnopqrstuvw" * (size // 23 + 1))[:size]


def _hardware(number: int) -> bytes:
    return b"\x02\x00\x5e" + (number * 40_503 % 0xFFFFFF).to_bytes(3, "big")


class _Packets:
    """The packets of each flow."""

    def __init__(self, traffic: Traffic, details: dict[str, npt.NDArray[Any]], gateway: str) -> None:
        self.flows = traffic.flows
        self.details = details
        local = self.flows.hosts.local
        words = self.flows.hosts.words
        router = _hardware(words.index(gateway))
        self.hosts = [Host(word, _hardware(i) if local[i] or word == "0.0.0.0" else router)
                      for i, word in enumerate(words)]  # fmt: skip
        self.dns = {int(flow): i for i, flow in enumerate(details["dns_flow"])}
        self.http: dict[int, int] = {int(flow): i for i, flow in enumerate(details["http_flow"])}
        self.messages, self.requests = traffic.dns, traffic.http

    def of(self, i: int) -> Iterator[Packet]:
        """The packets of one flow, in order of time."""
        flows = self.flows
        src, dst = self.hosts[flows.src[i]], self.hosts[flows.dst[i]]
        protocol = int(flows.protocol[i])
        if protocol == TCP:
            return self._tcp(i, src, dst)
        if protocol == ARP:
            return self._arp(i, src, dst)
        return self._datagrams(i, src, dst)

    def _arp(self, i: int, src: Host, dst: Host) -> Iterator[Packet]:
        start = float(self.flows.start[i])
        yield start, arp_frame(src, dst, reply=False)
        if self.flows.packets_in[i]:
            yield start + float(self.flows.duration[i]), arp_frame(dst, src, reply=True)

    def _datagrams(self, i: int, src: Host, dst: Host) -> Iterator[Packet]:
        flows = self.flows
        counts = int(flows.packets_out[i]), int(flows.packets_in[i])
        start, lasts, total = float(flows.start[i]), float(flows.duration[i]), sum(counts)
        sizes = int(flows.payload_out[i]), int(flows.payload_in[i])
        done = [0, 0]
        for k, back in enumerate(_turns(*counts)):
            size = _share(sizes[back], counts[back], done[back])
            moment = start + (lasts * k / (total - 1) if total > 1 else 0.0)
            ends = (dst, src) if back else (src, dst)
            yield moment, self._datagram(i, ends, back=back, number=done[back], size=size)
            done[back] += 1

    def _datagram(self, i: int, ends: tuple[Host, Host], *, back: int, number: int, size: int) -> bytes:
        flows, (src, dst) = self.flows, ends
        ports = int(flows.src_port[i]), int(flows.dst_port[i])
        protocol = int(flows.protocol[i])
        if protocol == UDP:
            payload = self._udp_payload(i, back=back, number=number, size=size)
            segment = udp_segment(src, dst, ports[::-1] if back else ports, payload)
        else:
            answer = {8: 0, 128: 129}.get(ports[0], ports[0])
            if ports[0] == 3:
                inner = struct.pack("!BBHHHBBH", 0x45, 0, 28, i & 0xFFFF, 0, 60, 17, 0) + dst.packed + src.packed
                inner += struct.pack("!HHHH", 40_000, 30_000 + i % 999, 8, 0)
                segment = icmp_segment(src, dst, 3, ports[1], bytes(4), inner.ljust(size, b"\0")[:size])
            else:
                rest = struct.pack("!HH", (i * 7 + 1) & 0xFFFF, number & 0xFFFF)
                segment = icmp_segment(src, dst, answer if back else ports[0], ports[1], rest, _letters(size))
        return frame(src, dst, protocol, i + number, segment)

    def _udp_payload(self, i: int, *, back: int, number: int, size: int) -> bytes:
        if i in self.dns:
            at = self.dns[i]
            name, kind = self.messages.name[at], int(self.messages.kind[at])
            if back:
                return dns_answer(i & 0xFFFF, name, kind, int(self.messages.code[at]), size)
            return dns_question(i & 0xFFFF, name, kind)
        service = self.flows.services[self.flows.service[i]] if self.flows.service[i] >= 0 else ""
        return datagram(service, int(self.flows.dst_port[i]), i * 997 + number, size, from_client=back == 0)

    def _tcp(self, i: int, src: Host, dst: Host) -> Iterator[Packet]:
        flows, state = self.flows, int(self.flows.state[i])
        start, ports = float(flows.start[i]), (int(flows.src_port[i]), int(flows.dst_port[i]))
        first = i * 2_654_435_761 & 0xFFFFFFF
        if state in ESTABLISHED:
            yield from self._connection(i, src, dst)
            return
        flags = int(flows.flags_out[i])
        options = _SYN_OPTIONS if flags == 2 else b""
        for n in range(int(flows.packets_out[i])):
            segment = tcp_segment(src, dst, ports, first, 0, flags, options, b"")
            yield start + float(WAITS[n]), frame(src, dst, TCP, i + n, segment)
        if STATES[state] == "REJ":
            refusal = tcp_segment(dst, src, ports[::-1], 0, first + 1, 20, b"", b"")
            yield start + float(flows.duration[i]), frame(dst, src, TCP, 0, refusal)

    def _connection(self, i: int, src: Host, dst: Host) -> Iterator[Packet]:
        flows = self.flows
        ports = int(flows.src_port[i]), int(flows.dst_port[i])
        first = i * 2_654_435_761 & 0xFFFFFFF, i * 40_503 & 0xFFFFFFF
        start, lasts, far = float(flows.start[i]), float(flows.duration[i]), float(self.details["far"][i])
        read = self._streams(i)
        total = int(flows.packets_out[i] + flows.packets_in[i])
        stamp = b"\x01\x01\x08\x0a" + struct.pack("!II", i + 1, i + 7)
        # Transfers begin fast and thin out; talk of small pieces goes on evenly.
        bent = 1.0 if self.details["segment_out"][i] < 500 else 2.0
        for k, one in enumerate(self._plan(i)):
            late = far * 1.1 + (lasts - far * 1.1) * ((k + 1) / total) ** bent
            moment = (0.0, far, far * 1.02)[k] if one.flags & 2 or k == 2 else late
            back = one.back
            payload = read[back](one.at - 1, one.size) if one.size else b""
            ends, way = ((dst, src), ports[::-1]) if back else ((src, dst), ports)
            segment = tcp_segment(*ends, way, first[back] + one.at, first[not back] + one.heard, one.flags,
                                  _SYN_OPTIONS if one.flags & 2 else stamp, payload)  # fmt: skip
            yield start + min(moment, lasts), frame(*ends, TCP, i + k, segment)

    def _plan(self, i: int) -> Iterator[_Step]:
        """Greeting, data of both sides with a confirmation after every second segment, and the end."""
        flows, details, state = self.flows, self.details, STATES[int(self.flows.state[i])]
        totals = int(flows.payload_out[i]), int(flows.payload_in[i])
        pieces = int(details["segment_out"][i]), int(details["segment_in"][i])
        again = int(details["again_out"][i]), int(details["again_in"][i])
        counts = -(-totals[0] // pieces[0]), -(-totals[1] // pieces[1])
        at, done = [1, 1], [0, 0]
        yield _Step(0, 2, 0, 0, 0)
        yield _Step(1, 18, 0, 1, 0)
        yield _Step(0, 16, 1, 1, 0)
        for back in _turns(*counts):
            size = min(pieces[back], totals[back] - at[back] + 1)
            yield _Step(back, 24, at[back], at[not back], size)
            if done[back] < again[back]:
                yield _Step(back, 24, at[back], at[not back], size)
            at[back] += size
            done[back] += 1
            if done[back] % 2 == 0 or done[back] == counts[back]:
                yield _Step(1 - back, 16, at[not back], at[back], 0)
        if state == "SF":
            yield _Step(0, 17, at[0], at[1], 0)
            yield _Step(1, 17, at[1], at[0] + 1, 0)
            yield _Step(0, 16, at[0] + 1, at[1] + 1, 0)
        elif state in {"RSTO", "RSTR"}:
            back = int(state == "RSTR")
            yield _Step(back, 20, at[back], at[not back], 0)

    def _streams(self, i: int) -> tuple[Stream, Stream]:
        flows = self.flows
        service = flows.services[flows.service[i]] if flows.service[i] >= 0 else ""
        name = flows.names[flows.name[i]] if flows.name[i] >= 0 else ""
        sizes = int(flows.payload_out[i]), int(flows.payload_in[i])
        if i in self.http:
            at, requests = self.http[i], self.requests
            out = http_request(requests.method[at], requests.host[at], requests.path[at], requests.agent[at],
                               self.details["sent"][at])  # fmt: skip
            into = http_response(int(requests.status[at]), sizes[1])
            return (lambda o, n: out[o : o + n]), (lambda o, n: into[o : o + n])
        return (
            stream_of(service, name, sizes[0], from_client=True),
            stream_of(service, name, sizes[1], from_client=False),
        )
