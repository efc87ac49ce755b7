"""Captured packets to traffic, a block of bytes at a time, whatever the size of the capture."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.kernels.assembly import FLOW, FlowTable
from amiss.kernels.packets import PacketReader, Records
from amiss.network.addresses import Addresses
from amiss.network.asked import DnsLog, HttpLog, ServerNames
from amiss.network.flows import STATES, TCP, Flows
from amiss.network.services import services
from amiss.network.statistics import STATISTICS, statistics
from amiss.network.traffic import Traffic

__all__ = ["BLOCK_BYTES", "FlowMeter", "chunks", "file_header", "file_record", "traffic_of"]

BLOCK_BYTES = 1 << 20
"""Bytes that are read at once."""
_CHUNK_FLOWS = 16_384
_ASKED_A_FLOW = 4
_TOLD_AT_ONCE = 2048
_PARTS_A_BLOCK = 64
_SECOND = 1e9
_S0, _SF, _OTH, _SHR = (STATES.index(state) for state in ("S0", "SF", "OTH", "SHR"))
_SILENT, _ASKED, _ANSWERED, _MIDST, _CONNECTED, _CLOSED, _RESET = range(7)


class FlowMeter:
    """Makes flows of the packets of a capture (pcap or pcapng) as its bytes come.

    Parameters
    ----------
    idle_timeout
        Seconds without a packet after which a flow has ended, above 0.
    active_timeout
        Seconds from its start after which the next packet begins another flow, above 0.
    capacity
        Flows that may go on at the same time; when there are more, those without a packet for longest are put out.

    Examples
    --------
    >>> from amiss.network.capture import FlowMeter, file_header, file_record
    >>> packet = bytes.fromhex("4500001c00010000401100000a0000010a0000020035003500080000")
    >>> meter = FlowMeter()
    >>> meter.add(file_header(link=101) + file_record(12.5, packet))
    >>> meter.finish()
    >>> flows = meter.take().flows
    >>> flows.hosts.words, flows.start, flows.bytes_out
    (['10.0.0.1', '10.0.0.2'], array([12.5]), array([28.]))
    """

    def __init__(self, *, idle_timeout: float = 120.0, active_timeout: float = 1800.0, capacity: int = 131_072) -> None:
        self._reader = PacketReader()
        self._table = FlowTable(idle_timeout=idle_timeout, active_timeout=active_timeout, capacity=capacity)
        self._names, self._dns, self._http = ServerNames(), DnsLog(), HttpLog()
        self._left = b""
        self._buffer = np.empty(0, np.uint8)
        self._known: dict[Any, int] = {}
        self._waiting: list[Records] = []
        self._n_waiting = 0
        self._parts: list[dict[str, Any]] = []
        self._n_blocks = 0

    @property
    def state(self) -> Any:
        """What was met with so far: the fields of `amiss.kernels.packets.CAPTURE`."""
        return self._reader.state[0]

    @property
    def crowded(self) -> int:
        """Flows that were put out because there was no room for more."""
        return self._table.crowded

    @property
    def backwards(self) -> int:
        """Packets whose time is before that of the packet before."""
        return self._table.backwards

    @property
    def n_ended(self) -> int:
        """Flows that have ended since the last `take`."""
        return self._n_waiting + sum(len(part["start"]) for part in self._parts)

    @property
    def n_asked(self) -> int:
        """Messages of DNS and requests of HTTP since the last `take`."""
        return self._dns.n_messages + self._http.n_requests

    @property
    def left(self) -> int:
        """Bytes at the end that make no whole packet yet."""
        return len(self._left)

    def add(self, content: bytes) -> None:
        """Add the bytes that come next, any number of them."""
        left, length = len(self._left), len(self._left) + len(content)
        if length > len(self._buffer):
            self._buffer = np.empty(2 * length, np.uint8)
        whole = self._buffer[:length]
        whole[:left] = np.frombuffer(self._left, np.uint8)
        whole[left:] = np.frombuffer(content, np.uint8)
        at = 0
        while at < len(whole):
            block = whole[at:]
            packets = self._reader.read(block)
            if len(packets):
                self._add_packets(packets, block)
            done = int(self.state["done"])
            at += done
            if not done:
                break
        # Of what is no capture, or makes no sense any more, nothing need be kept.
        over = self.state["form"] < 0 or self.state["trouble"]
        self._left = b"" if over else whole[at:].tobytes()

    def _add_packets(self, packets: Records, block: npt.NDArray[np.uint8]) -> None:
        for flows in self._table.add(packets, block):
            self._wait(flows)
        telling = packets[packets["kind"] > 0]
        if len(telling):
            self._names.add(telling, block)
            self._http.add(telling, block, self._coded, self._names)
            self._dns.add(telling, block, self._coded, self._names)
        # A flow is told of only now: one of these packets may have named its server.
        if self._n_waiting >= _TOLD_AT_ONCE:
            self._tell()

    def _wait(self, flows: Records) -> None:
        self._waiting.append(flows.copy())
        self._n_waiting += len(flows)

    def _tell(self) -> None:
        """Make columns of the flows that have ended, many at once, which is much faster than each time one does."""
        if self._waiting:
            # As bytes, because records are joined field by field.
            whole = np.concatenate([flows.view(np.uint8) for flows in self._waiting]).view(FLOW)
            self._waiting, self._n_waiting = [], 0
            for start in range(0, len(whole), _TOLD_AT_ONCE):
                self._collect(whole[start : start + _TOLD_AT_ONCE])

    def expire(self, time: float) -> None:
        """End the flows that are over by a time, in seconds since 1970 UTC, though no packet came that shows it."""
        for flows in self._table.put_out(time):
            self._collect(flows)

    def finish(self) -> None:
        """End all flows that still go on."""
        for _ in self.finishing():
            pass

    def finishing(self) -> Iterator[None]:
        """End all flows that still go on, some at a time, so that they can be taken meanwhile."""
        self._tell()
        for flows in self._table.put_out():
            self._collect(flows)
            yield

    def take(self) -> Traffic:
        """The flows that have ended since the last time, in the order of their start, and what was asked meanwhile."""
        self._tell()
        parts, self._parts, self._n_blocks = self._parts, [], 0
        dns, http = self._dns.take(), self._http.take()
        hosts = Addresses([_word(raw) for raw in self._known])
        self._known = {}
        return Traffic(_stacked(parts, hosts), dns, http)

    def _coded(self, records: Records, end: str) -> npt.NDArray[np.int32]:
        """Positions of addresses among the hosts; each that occurs is looked up once."""
        raw = np.zeros((len(records), 3), np.uint64)
        raw[:, 0] = records["family"]
        raw[:, 1:] = np.ascontiguousarray(records[end]).view(np.uint64)
        if not raw[:, 2].any() and (raw[:, 0] == 4).all():
            whole, where = np.unique(raw[:, 1], return_inverse=True)
            keys: list[Any] = whole.tolist()
        else:
            keys, where = raw.tolist(), np.arange(len(raw))
            keys = [(family, low, high) if family != 4 else low for family, low, high in keys]
        known = self._known
        codes = np.array([known.setdefault(key, len(known)) for key in keys], np.int32)
        return codes[where]

    def _collect(self, records: Records) -> None:
        serials = records["serial"].tolist()
        self._http.end(serials)
        out, back = records["side"][:, 0], records["side"][:, 1]
        part = {
            "serial": records["serial"].copy(),
            "start": records["start"] / _SECOND,
            "duration": (records["last"] - records["start"]) / _SECOND,
            "src": self._coded(records, "src"),
            "dst": self._coded(records, "dst"),
            "state": _states(records),
            "flags_out": out["seen"].astype(np.int32),
            "flags_in": back["seen"].astype(np.int32),
            "service": services(records),
            "name": self._names.end(serials),
            "statistics": statistics(records),
        }
        for name in ("src_port", "dst_port", "protocol", "vlan"):
            part[name] = records[name].astype(np.int32)
        for name in ("packets", "bytes", "payload"):
            part[f"{name}_out"], part[f"{name}_in"] = out[name].astype(float), back[name].astype(float)
        self._parts.append(part)
        # Large blocks go back to the system when they are done with; thousands of small parts leave holes.
        if len(self._parts) - self._n_blocks >= _PARTS_A_BLOCK:
            small = self._parts[self._n_blocks :]
            self._parts[self._n_blocks :] = [_below(small)]
            self._n_blocks += 1


def _below(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Parts below one another, as one; emptied on the way, so that not all is there twice."""
    whole: dict[str, Any] = {}
    for name in list(parts[0]):
        columns = [part.pop(name) for part in parts]
        lists = isinstance(columns[0], list)
        whole[name] = [word for words in columns for word in words] if lists else np.concatenate(columns)
    return whole


def _stacked(parts: list[dict[str, Any]], hosts: Addresses) -> Flows:
    names = tuple(one.name for one in STATISTICS)
    if not parts:
        none = np.empty((0, len(names)), np.float32)
        return replace(Flows.of([], []), hosts=hosts, statistics=none, statistic_names=names)  # type: ignore[arg-type]
    # Emptied on the way, so that not all is there twice.
    serial, start = (np.concatenate([part[name] for part in parts]) for name in ("serial", "start"))
    place = np.empty(len(serial), np.int64)
    place[np.lexsort((serial, start))] = np.arange(len(serial))
    columns: dict[str, Any] = {}
    for name, words in (("service", "services"), ("name", "names")):
        known: dict[str, int] = {}
        for part in parts:
            codes = [known.setdefault(word, len(known)) if word else -1 for word in part[name]]
            part[name] = np.array(codes, np.int32)
        columns[words] = tuple(known)
    for name in [name for name in parts[0] if name != "serial"]:
        columns[name] = _gathered([part.pop(name) for part in parts], place)
    return Flows(hosts=hosts, statistic_names=names, **columns)


def _gathered(parts: list[npt.NDArray[Any]], place: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Parts below one another, each row put in its place; the list is emptied on the way."""
    whole = np.empty((len(place), *parts[0].shape[1:]), parts[0].dtype)
    at = 0
    parts.reverse()
    while parts:
        part = parts.pop()
        whole[place[at : at + len(part)]] = part
        at += len(part)
    return whole


def _word(key: Any) -> str:
    if isinstance(key, int):
        return socket.inet_ntop(socket.AF_INET, key.to_bytes(8, sys.byteorder)[:4])
    _, low, high = key
    return socket.inet_ntop(socket.AF_INET6, low.to_bytes(8, sys.byteorder) + high.to_bytes(8, sys.byteorder))


def _states(records: Records) -> npt.NDArray[np.int32]:
    """How each flow went, in Zeek's words."""
    out, back = records["side"]["endpoint"][:, 0], records["side"]["endpoint"][:, 1]
    silent_out, silent_back = np.isin(out, (_SILENT, _MIDST)), np.isin(back, (_SILENT, _MIDST))
    rejected = np.isin(out, (_ASKED, _ANSWERED)) | ((out == _RESET) & (records["side"]["payload"].sum(axis=1) == 0))
    rules = (
        ((back == _RESET) & rejected, "REJ"),
        ((back == _RESET) & silent_out, "RSTRH"),
        (back == _RESET, "RSTR"),
        ((out == _RESET) & silent_back, "RSTOS0"),
        (out == _RESET, "RSTO"),
        ((out == _CLOSED) & (back == _CLOSED), "SF"),
        ((out == _CLOSED) & silent_back, "SH"),
        (out == _CLOSED, "S2"),
        ((back == _CLOSED) & silent_out, "SHR"),
        (back == _CLOSED, "S3"),
        ((out == _ASKED) & (back == _SILENT), "S0"),
        ((out == _CONNECTED) & (back == _CONNECTED), "S1"),
    )  # fmt: skip
    connected = np.select([rule for rule, _ in rules], [STATES.index(state) for _, state in rules], _OTH)
    sent, answered = records["side"]["packets"][:, 0] > 0, records["side"]["packets"][:, 1] > 0
    others = np.where(sent & answered, _SF, np.where(sent, _S0, _SHR))
    return np.where(records["protocol"] == TCP, connected, others).astype(np.int32)


def chunks(
    blocks: Iterable[bytes],
    *,
    meter: FlowMeter | None = None,
    chunk_flows: int = _CHUNK_FLOWS,
) -> Iterator[Traffic]:
    """Traffic of a capture in pieces, each with the flows that ended in it, in bounded memory.

    Where an answer of a name server or web server is in another piece than its question, it is not known to it.

    Parameters
    ----------
    blocks
        The bytes of the capture, in pieces of any size.
    meter
        Makes the flows; None for one with the usual time-outs.
    chunk_flows
        Flows that a piece has at least, but for the last one, and for those with a great many questions.
    """
    meter = meter or FlowMeter()
    for block in blocks:
        meter.add(block)
        # Long flows may ask a great deal before they end.
        if meter.n_ended >= chunk_flows or meter.n_asked >= _ASKED_A_FLOW * chunk_flows:
            yield meter.take()
    for _ in meter.finishing():
        if meter.n_ended >= chunk_flows:
            yield meter.take()
    yield meter.take()


def traffic_of(blocks: Iterable[bytes], *, meter: FlowMeter | None = None) -> Traffic:
    """The whole traffic of a capture; memory grows with the number of its flows, not of its packets."""
    meter = meter or FlowMeter()
    for block in blocks:
        meter.add(block)
    meter.finish()
    return meter.take()


def file_header(*, link: int = 1, snap: int = 262_144) -> bytes:
    """The beginning of a capture with nanoseconds, for packets that come from elsewhere than from a file."""
    return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, snap, link)


def file_record(time: float, packet: bytes, *, original: int | None = None) -> bytes:
    """One packet as it stands in such a capture; `original` is its length before it was shortened."""
    # First the whole seconds: so large a number of nanoseconds is not exact.
    second = int(time)
    more, rest = divmod(round((time - second) * 1_000_000_000), 1_000_000_000)
    length = len(packet) if original is None else original
    return struct.pack("<IIII", second + more, rest, len(packet), length) + packet
