"""The twin of assembly.c: flows out of packets, plainly."""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["PlainTable"]

Records = npt.NDArray[np.void]
Values = dict[str, Any]

_TCP, _ARP, _WITHOUT_PORTS = 6, 0x0806, (1, 58)
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_SILENT, _ASKED, _ANSWERED, _MIDST, _CONNECTED, _CLOSED, _RESET = range(7)
_DNS, _HELLO, _HELLO_GOES_ON = 1, 2, 5
_SECOND, _SWEEP, _HEAD, _LONGEST_HELLO = 1_000_000_000, 2, 64, 16_384
_WORD, _LONG = 1 << 32, (1 << 64) - 1


class PlainTable:
    """The flows that go on; see `FlowTable`, of which it is the twin."""

    def __init__(self, idle: int, longest: int, capacity: int, n_fragments: int, kind: np.dtype[Any]) -> None:
        self._idle, self._longest, self._capacity, self._kind = idle, longest, capacity, kind
        self._n_fragments = n_fragments
        self._flows: OrderedDict[tuple[Any, ...], Values] = OrderedDict()
        self._fragments: dict[int, tuple[tuple[Any, ...], tuple[int, int]]] = {}
        self._serial, self._time = 0, 0
        self.crowded = self.backwards = 0
        self._ended: list[Values] = []

    @property
    def n_flows(self) -> int:
        """Flows that go on."""
        return len(self._flows)

    def add(self, packets: Records, block: npt.NDArray[np.uint8]) -> Records:
        """Add packets; the flows that have ended meanwhile."""
        for packet in packets:
            values = {name: packet[name].item() for name in packet.dtype.names if packet[name].shape == ()}
            values["src"], values["dst"] = packet["src"].tobytes(), packet["dst"].tobytes()
            if values["captured"]:
                values["begin"] = block[values["start"] : values["start"] + min(values["captured"], _HEAD)].tobytes()
            self._add(values)
            for name in ("flow", "side", "again", "kind", "src_port", "dst_port"):
                packet[name] = values[name]
        return self._handed()

    def put_out(self, since: int) -> Records:
        """Flows that have had no packet since a time, which thereby have ended."""
        while self._flows and self._flows[next(iter(self._flows))]["last"] <= since:
            self._ended.append(self._flows.popitem(last=False)[1])
        return self._handed()

    def _handed(self) -> Records:
        ended, self._ended = self._ended, []
        records: Records = np.zeros(len(ended), self._kind)
        for record, flow in zip(records, ended, strict=True):
            _write(record, flow)
        return records

    def _add(self, p: Values) -> None:
        if p["fragment"]:
            self._fragment(p)
        self.backwards += p["time"] < self._time
        self._time = p["time"]
        for _ in range(_SWEEP):
            oldest = next(iter(self._flows), None)
            if oldest is None or p["time"] - self._flows[oldest]["last"] < self._idle:
                break
            self._ended.append(self._flows.pop(oldest))
        key, turned = _key(p)
        flow = self._flows.get(key)
        if flow and (p["time"] - flow["last"] >= self._idle or p["time"] - flow["start"] >= self._longest):
            self._ended.append(self._flows.pop(key))
            flow = None
        if flow is None:
            if len(self._flows) == self._capacity:
                self._ended.append(self._flows.popitem(last=False)[1])
                self.crowded += 1
            flow = self._flows[key] = _new_flow(p, key, turned, self._serial)
            self._serial += 1
        self._flows.move_to_end(key)
        _add_to_flow(flow, p, turned)

    def _fragment(self, p: Values) -> None:
        key = tuple(p[name] for name in ("src", "dst", "id", "protocol", "vlan", "family"))
        place = _hash(p) >> 32 & (self._n_fragments - 1)
        if p["fragment"] == 1:
            self._fragments[place] = key, (p["src_port"], p["dst_port"])
        elif place in self._fragments and self._fragments[place][0] == key:
            p["src_port"], p["dst_port"] = self._fragments[place][1]


def _hash(p: Values) -> int:
    """Which place a fragment's packet has: of two that have the same, the later one is known."""
    ends = [p[end][at : at + 8] for end in ("src", "dst") for at in (0, 8)]
    words = [int.from_bytes(end, sys.byteorder) for end in ends]
    h = 0
    for word in (*words, p["id"], p["protocol"] << 24 | p["vlan"] << 8 | p["family"]):
        h = ((h ^ word) * 0x9E3779B97F4A7C15) & _LONG
        h ^= h >> 29
    return h ^ h >> 32


def _key(p: Values) -> tuple[tuple[Any, ...], bool]:
    """What both directions of a flow have in common, and whether this packet goes from its second end to its first."""
    bare = p["protocol"] in _WITHOUT_PORTS
    src = p["src"], 0 if bare else p["src_port"]
    dst = p["dst"], 0 if bare else p["dst_port"]
    # Of ARP the one who asks comes first.
    turned = bool(p["reply"]) if p["protocol"] == _ARP else src > dst
    first, second = (dst, src) if turned else (src, dst)
    return (*first, *second, p["protocol"], p["vlan"], p["family"]), turned


def _new_flow(p: Values, key: tuple[Any, ...], turned: bool, serial: int) -> Values:
    if p["protocol"] == _ARP:
        answers = bool(p["reply"])
    else:
        answers = p["protocol"] == _TCP and p["flags"] & (_SYN | _ACK) == _SYN | _ACK
    src, dst = ("dst", "src") if answers else ("src", "dst")
    flow: Values = dict.fromkeys(
        ("gap_sum", "gap_min", "gap_max", "active", "burst_bytes", "burst_bytes_max", "kinds", "n_sizes", "bursts",
         "burst_packets", "burst_packets_max", "fragments"), 0,
    )  # fmt: skip
    flow |= dict.fromkeys(("asked", "shaken", "spoken", "replied"), -1)
    return flow | {
        "serial": serial, "start": p["time"], "last": p["time"], "gap_squares": 0.0, "sizes": [], "src": p[src],
        "dst": p[dst], "src_port": p[f"{src}_port"], "dst_port": p[f"{dst}_port"], "first_port": key[1],
        "second_port": key[3], "protocol": p["protocol"], "vlan": p["vlan"], "family": p["family"],
        "turned": turned != answers, "side": [_new_side(), _new_side()],
    }  # fmt: skip


def _new_side() -> Values:
    side: Values = dict.fromkeys(
        ("packets", "bytes", "payload", "last", "gap_sum", "gap_min", "gap_max", "again_bytes", "size_min", "size_max",
         "with_payload", "again", "late", "twice", "acks_again", "closed", "next", "hole_low", "hole_high", "sequence",
         "acknowledged", "id", "window_first", "window_min", "window_max", "ttl_min", "ttl_max", "seen", "endpoint",
         "known", "hello", "last_size", "hello_left", "n_head"), 0,
    )  # fmt: skip
    return side | {"squares": 0.0, "gap_squares": 0.0, "flags": [0] * 8, "head": b""}


def _write(record: Any, flow: Values) -> None:
    for name in record.dtype.names:
        value = flow[name]
        if name == "side":
            for place, side in enumerate(value):
                _write(record["side"][place], side)
        elif isinstance(value, bytes):
            record[name][: len(value)] = np.frombuffer(value, np.uint8)
        elif isinstance(value, list):
            record[name][: len(value)] = value
        else:
            record[name] = value


def _add_gap(of: Values, gap: int, first: bool) -> None:
    of["gap_sum"] += gap
    of["gap_squares"] += float(gap) * float(gap)
    of["gap_min"] = gap if first else min(of["gap_min"], gap)
    of["gap_max"] = max(of["gap_max"], gap)


def _add_to_flow(flow: Values, p: Values, turned: bool) -> None:
    n = flow["side"][0]["packets"] + flow["side"][1]["packets"]
    p["flow"], p["side"] = flow["serial"], int(turned != flow["turned"])
    if n:
        gap = max(p["time"] - flow["last"], 0)
        _add_gap(flow, gap, n == 1)
        if gap < _SECOND:
            flow["active"] += gap
        else:
            flow["burst_packets"] = 0
    if not flow["burst_packets"]:
        flow["bursts"] += 1
        flow["burst_bytes"] = 0
    flow["burst_packets"] += 1
    flow["burst_bytes"] += p["size"]
    for name in ("burst_packets", "burst_bytes"):
        flow[f"{name}_max"] = max(flow[f"{name}_max"], flow[name])
    flow["start"], flow["last"] = min(flow["start"], p["time"]), max(flow["last"], p["time"])
    if len(flow["sizes"]) < 8:
        flow["sizes"].append(-p["size"] if p["side"] else p["size"])
        flow["n_sizes"] = len(flow["sizes"])
    flow["fragments"] += p["fragment"] != 0
    _moments(flow, p)
    _add_to_side(flow["side"][p["side"]], flow["side"][1 - p["side"]], p)
    if p["kind"]:
        flow["kinds"] |= 1 << p["kind"]


def _moments(flow: Values, p: Values) -> None:
    if p["protocol"] == _TCP and p["fragment"] != 2 and p["flags"] & _SYN:
        answers = p["flags"] & _ACK
        if not answers and not p["side"] and flow["asked"] < 0:
            flow["asked"] = p["time"]
        if answers and p["side"] and flow["asked"] >= 0 and flow["shaken"] < 0:
            flow["shaken"] = p["time"]
    if p["payload"]:
        if not p["side"] and flow["spoken"] < 0:
            flow["spoken"] = p["time"]
        if p["side"] and flow["spoken"] >= 0 and flow["replied"] < 0:
            flow["replied"] = p["time"]


def _add_to_side(s: Values, other: Values, p: Values) -> None:
    first = not s["packets"]
    if first:
        s["last"] = p["time"]
    else:
        _add_gap(s, max(p["time"] - s["last"], 0), s["packets"] == 1)
        s["last"] = max(s["last"], p["time"])
        like = p["protocol"] != _TCP or all(p[name] == s[name] for name in ("sequence", "acknowledged"))
        s["twice"] += bool(
            p["id"] and p["id"] == s["id"] and p["size"] == s["last_size"] and not p["fragment"] and like
        )
    for name in ("size", "ttl"):
        s[f"{name}_min"] = p[name] if first else min(s[f"{name}_min"], p[name])
        s[f"{name}_max"] = p[name] if first else max(s[f"{name}_max"], p[name])
    if p["protocol"] == _TCP and p["fragment"] != 2:
        _of_tcp(s, other, p, first)
    _head(s, p)
    s["packets"] += 1
    s["bytes"] += p["size"]
    s["payload"] += p["payload"]
    s["squares"] += float(p["size"]) * float(p["size"])
    s["with_payload"] += p["payload"] > 0
    s["last_size"] = p["size"]
    for name in ("id", "sequence", "acknowledged"):
        s[name] = p[name]


def _of_tcp(s: Values, other: Values, p: Values, first: bool) -> None:
    flags = p["flags"]
    s["seen"] |= flags
    s["flags"] = [n + (flags >> k & 1) for k, n in enumerate(s["flags"])]
    if first:
        s["window_first"] = s["window_min"] = s["window_max"] = p["window"]
    else:
        s["window_min"], s["window_max"] = min(s["window_min"], p["window"]), max(s["window_max"], p["window"])
        bare = not p["payload"] and flags & (_SYN | _FIN | _RST | _ACK) == _ACK
        like = all(p[name] == s[name] for name in ("sequence", "acknowledged")) and p["size"] == s["last_size"]
        s["acks_again"] += bool(bare and like)
    s["closed"] += not p["window"] and not flags & _RST
    _place_payload(s, p)
    _endpoints(s, other, flags)


def _before(a: int, b: int) -> bool:
    """Whether one sequence number comes before another, on the circle that they go round."""
    return (a - b) % _WORD >= _WORD // 2


def _place_payload(s: Values, p: Values) -> None:
    length = p["payload"] + bool(p["flags"] & _SYN) + bool(p["flags"] & _FIN)
    if not length:
        return
    begin, end = p["sequence"], (p["sequence"] + length) % _WORD
    if not s["known"]:
        s |= {"known": 1, "next": end, "hole_low": begin, "hole_high": begin}
        return
    if not _before(begin, s["next"]):
        if begin != s["next"]:
            s["hole_low"], s["hole_high"] = s["next"], begin
        s["next"] = end
        return
    p["again"] = 1
    hole = s["hole_low"] != s["hole_high"]
    if hole and not _before(begin, s["hole_low"]) and _before(begin, s["hole_high"]):
        s["late"] += 1
        s["hole_low"] = end if _before(end, s["hole_high"]) else s["hole_high"]
        return
    if _before(s["next"], end):
        s["again_bytes"] += min((s["next"] - begin) % _WORD, p["payload"])
        s["next"] = end
    else:
        s["again_bytes"] += p["payload"]
    s["again"] += 1


def _endpoints(mine: Values, other: Values, flags: int) -> None:
    """What a packet says of how the connection goes."""
    if flags & _RST:
        if not (mine["endpoint"] == other["endpoint"] == _CLOSED):
            mine["endpoint"] = _RESET
    elif flags & (_SYN | _ACK) == _SYN | _ACK:
        if mine["endpoint"] in (_SILENT, _ASKED):
            if other["endpoint"] == _ASKED:
                mine["endpoint"] = other["endpoint"] = _CONNECTED
            else:
                mine["endpoint"] = _ANSWERED if other["endpoint"] == _SILENT else _CONNECTED
    elif flags & _SYN:
        if mine["endpoint"] == _SILENT:
            mine["endpoint"] = _ASKED
    elif mine["endpoint"] == _SILENT:
        mine["endpoint"] = _MIDST
    if flags & _FIN and mine["endpoint"] != _RESET:
        mine["endpoint"] = _CLOSED


def _head(s: Values, p: Values) -> None:
    # Over TCP, what goes on with a message has no beginning of its own.
    goes_on = p["kind"] == _DNS and p["protocol"] == _TCP and s["n_head"]
    if goes_on and (p["captured"] < 2 or int.from_bytes(p["begin"][:2], "big") + 2 != p["payload"]):
        p["kind"] = 0
    if not s["n_head"] and p["captured"]:
        s["head"], s["n_head"] = p["begin"], len(p["begin"])
    if p["again"]:
        p["kind"] = _DNS if p["kind"] == _DNS else 0
    elif p["kind"] == _HELLO:
        whole = 5 + int.from_bytes(p["begin"][3:5], "big")
        s["hello"] = int(p["payload"] < whole <= _LONGEST_HELLO)
        s["hello_left"] = whole - p["payload"] if s["hello"] else 0
    elif s["hello"] and p["payload"]:
        p["kind"] = _HELLO_GOES_ON
        s["hello"] = int(s["hello_left"] > p["payload"])
        s["hello_left"] = s["hello_left"] - p["payload"] if s["hello"] else 0
