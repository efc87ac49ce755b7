"""The twin of headers.c: the headers of one packet, plainly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["DAMAGED", "FINE", "OTHER", "UNKNOWN", "Fields", "dissected"]

Fields = dict[str, Any]

FINE, OTHER, DAMAGED, UNKNOWN = range(4)
_IP4, _ARP, _IP6, _BRIDGED, _LABELS, _PPP_OF_GRE = 0x0800, 0x0806, 0x86DD, 0x6558, 0x8847, 0x880B
_TAGS = (0x8100, 0x88A8, 0x9100, 0x9200)
_MOST_TUNNELS, _MOST_LAYERS, _LARGEST = 4, 12, 1 << 24
_TCP, _UDP, _SCTP, _ICMP, _ICMP6, _GRE = 6, 17, 132, 1, 58, 47
_WITH_PORTS = (_TCP, _UDP, _SCTP, 136, 33)
_NAME_PORTS, _NAME_PORTS_UDP = (53,), (53, 5353, 5355)
_METHODS = (
    b"GET ", b"POST ", b"PUT ", b"PATCH ", b"PROPFIND ", b"HEAD ", b"DELETE ", b"OPTIONS ", b"CONNECT ", b"TRACE ",
)  # fmt: skip


@dataclass(slots=True)
class _Rest:
    """What is left of a packet: its bytes, how many there were on the wire, and where they begin."""

    content: bytes
    wire: int
    at: int = 0

    def copy(self) -> _Rest:
        return _Rest(self.content, self.wire, self.at)

    def __len__(self) -> int:
        return len(self.content)

    def forward(self, n: int) -> bool:
        """Pass over so many bytes; whether there were as many."""
        if n > len(self.content):
            return False
        self.content = self.content[n:]
        self.at += n
        self.wire = max(self.wire - n, 0)
        return True

    def number(self, at: int, width: int = 2) -> int:
        return int.from_bytes(self.content[at : at + width], "big")


def dissected(frame: bytes, original: int, link: int) -> tuple[int, Fields]:
    """Why a packet can be part of no flow, 0 if it can, and the fields of its innermost headers that are not 0."""
    rest = _Rest(frame, max(original, len(frame)))
    if link not in _LINKS:
        return UNKNOWN, {}
    kind = _LINKS[link](rest)
    return (OTHER, {}) if kind is None else _layers(rest, kind)


def _layers(rest: _Rest, kind: int) -> tuple[int, Fields]:
    vlan = [0]
    depth = 0
    while True:
        carried = _under_tags(rest, kind, vlan)
        if carried is None:
            return OTHER, {}
        fields: Fields = {"vlan": vlan[0]}
        reason = _network(rest, carried, fields)
        if reason or carried == _ARP:
            return reason, fields
        above = rest.copy()
        _transport(above, fields)
        fields["start"] = above.at
        if depth == _MOST_TUNNELS:
            return FINE, fields
        depth += 1
        tunnelled = _inside(rest, fields)
        if tunnelled is None:
            return FINE, fields
        # What it carries may not be to be read: the tunnel itself is then the flow.
        tags = list(vlan)
        within = _under_tags(rest, tunnelled, tags)
        if within is None or _network(rest.copy(), within, {}):
            return FINE, fields
        kind, vlan = within, tags


# ---- links ----


def _of_ethernet(rest: _Rest) -> int | None:
    if len(rest) < 14:
        return None
    kind = rest.number(12)
    rest.forward(14)
    if kind >= 1536:
        return kind
    if len(rest) < 8 or rest.content[:3] != b"\xaa\xaa\x03":
        return None
    kind = rest.number(6)
    rest.forward(8)
    return kind


def _of_header(length: int, at: int) -> Any:
    """A link whose header is of fixed length and says at some place what follows."""

    def of(rest: _Rest) -> int | None:
        if len(rest) < length:
            return None
        kind = rest.number(at)
        rest.forward(length)
        return kind

    return of


def _of_version(rest: _Rest) -> int | None:
    return {4: _IP4, 6: _IP6}.get(rest.content[0] >> 4) if len(rest) else None


def _of_loopback(rest: _Rest) -> int | None:
    if len(rest) < 4:
        return None
    order: Any = "little" if rest.number(0) else "big"
    family = int.from_bytes(rest.content[:4], order)
    rest.forward(4)
    return _IP4 if family == 2 else _IP6 if family in (10, 23, 24, 28, 30) else None


def _of_ppp(rest: _Rest) -> int | None:
    if rest.content[:2] == b"\xff\x03":
        rest.forward(2)
    if not len(rest):
        return None
    short = rest.content[0] & 1
    protocol = rest.content[0] if short else rest.number(0) if len(rest) >= 2 else 0
    rest.forward(1 if short else 2)
    return {0x21: _IP4, 0x57: _IP6, 0x0281: _LABELS}.get(protocol)


def _of_pppoe(rest: _Rest) -> int | None:
    return _of_ppp(rest) if rest.forward(6) else None


_LINKS: dict[int, Any] = {
    0: _of_loopback, 1: _of_ethernet, 9: _of_ppp, 12: _of_version, 14: _of_version, 50: _of_ppp, 51: _of_pppoe,
    101: _of_version, 104: _of_header(4, 2), 108: _of_loopback, 113: _of_header(16, 14), 228: lambda rest: _IP4,
    229: lambda rest: _IP6, 276: _of_header(20, 0),
}  # fmt: skip


# ---- tags and labels ----


def _under_tags(rest: _Rest, kind: int | None, vlan: list[int]) -> int | None:
    for _ in range(_MOST_LAYERS):
        if kind in _TAGS:
            if len(rest) < 4:
                return None
            vlan[0] = vlan[0] or rest.number(0) & 0x0FFF
            kind = rest.number(2)
            rest.forward(4)
        elif kind in (_LABELS, 0x8848):
            kind = _of_labels(rest)
        elif kind == 0x8864:
            kind = _of_pppoe(rest)
        elif kind == _PPP_OF_GRE:
            kind = _of_ppp(rest)
        elif kind == _BRIDGED:
            kind = _of_ethernet(rest)
        else:
            return kind if kind in (_IP4, _IP6, _ARP) else None
    return None


def _of_labels(rest: _Rest) -> int | None:
    for _ in range(_MOST_LAYERS):
        if len(rest) < 5:
            return None
        last = rest.content[2] & 1
        rest.forward(4)
        if last:
            kind = _of_version(rest)
            if kind is None and rest.content[0] >> 4 == 0 and rest.forward(4):
                return _BRIDGED
            return kind
    return None


# ---- network ----


def _network(rest: _Rest, kind: int, fields: Fields) -> int:
    return {_ARP: _arp, _IP4: _ip4, _IP6: _ip6}[kind](rest, fields)


def _arp(rest: _Rest, fields: Fields) -> int:
    if len(rest) < 8:
        return DAMAGED
    if rest.number(2) != _IP4 or rest.content[5] != 4:
        return OTHER
    hardware = rest.content[4]
    length = 8 + 2 * (hardware + 4)
    if len(rest) < length:
        return DAMAGED
    operation = rest.number(6)
    if operation not in (1, 2):
        return OTHER
    sender = 8 + hardware
    target = sender + 4 + hardware
    fields |= {
        "family": 4, "protocol": _ARP, "reply": operation == 2, "size": length, "start": 0,
        "src": rest.content[sender : sender + 4], "dst": rest.content[target : target + 4],
    }  # fmt: skip
    return FINE


def _ip4(rest: _Rest, fields: Fields) -> int:
    if len(rest) < 20 or rest.content[0] >> 4 != 4:
        return DAMAGED
    header = (rest.content[0] & 15) * 4
    size = rest.number(2) or min(rest.wire, _LARGEST)
    if header < 20 or size < header:
        return DAMAGED
    place = rest.number(6)
    fields |= {
        "family": 4, "size": size, "id": rest.number(4), "ttl": rest.content[8], "protocol": rest.content[9],
        "fragment": 2 if place & 0x1FFF else 1 if place & 0x2000 else 0, "src": rest.content[12:16],
        "dst": rest.content[16:20],
    }  # fmt: skip
    rest.content, rest.wire = rest.content[:size], size
    if not rest.forward(header):
        rest.content, rest.wire = b"", size - header
    return FINE


def _ip6(rest: _Rest, fields: Fields) -> int:
    if len(rest) < 40 or rest.content[0] >> 4 != 6:
        return DAMAGED
    said = rest.number(4)
    size = said + 40 if said else min(rest.wire, _LARGEST)
    if size < 40:
        return DAMAGED
    fields |= {
        "family": 6, "size": size, "ttl": rest.content[7], "src": rest.content[8:24], "dst": rest.content[24:40],
        "protocol": rest.content[6],
    }  # fmt: skip
    rest.content, rest.wire = rest.content[:size], size
    rest.forward(40)
    for _ in range(_MOST_LAYERS):
        kind = fields["protocol"]
        if kind in (0, 43, 60, 135, 139, 140) and len(rest) >= 2:
            length = (rest.content[1] + 1) * 8
        elif kind == 44 and len(rest) >= 8:
            length = 8
            place = rest.number(2)
            fields["fragment"] = 2 if place & 0xFFF8 else place & 1
            fields["id"] = rest.number(4, 4)
        elif kind == 51 and len(rest) >= 2:
            length = (rest.content[1] + 2) * 4
        else:
            break
        fields["protocol"] = rest.content[0]
        if not rest.forward(length):
            rest.content, rest.wire = b"", max(rest.wire - length, 0)
        if fields.get("fragment") == 2:
            break
    return FINE


# ---- transport ----


def _transport(rest: _Rest, fields: Fields) -> None:
    protocol = fields["protocol"]
    header = 0
    if fields.get("fragment") != 2:
        if protocol in _WITH_PORTS and len(rest) >= 4:
            fields |= {"src_port": rest.number(0), "dst_port": rest.number(2)}
        elif protocol in (_ICMP, _ICMP6) and len(rest) >= 2:
            fields |= {"src_port": rest.content[0], "dst_port": rest.content[1]}
        header = {_TCP: 20, _SCTP: 12}.get(protocol, 8 if protocol in (*_WITH_PORTS, _ICMP, _ICMP6) else 0)
        if protocol == _TCP and len(rest) >= 20:
            header = max((rest.content[12] >> 4) * 4, 20)
            fields |= {
                "sequence": rest.number(4, 4), "acknowledged": rest.number(8, 4), "flags": rest.content[13],
                "window": rest.number(14),
            }  # fmt: skip
    fields["payload"] = max(rest.wire - header, 0)
    if not rest.forward(header):
        rest.content = b""
    fields["captured"] = min(len(rest), fields["payload"])
    if fields["captured"] and fields.get("fragment") != 2:
        fields["kind"] = _kind(rest.content, protocol, fields)


def _kind(content: bytes, protocol: int, fields: Fields) -> int:
    """What a payload begins with."""
    ports = (fields.get("src_port"), fields.get("dst_port"))
    known = {_TCP: _NAME_PORTS, _UDP: _NAME_PORTS_UDP}.get(protocol, ())
    if any(port in known for port in ports):
        return 1
    if protocol != _TCP:
        return 0
    if len(content) >= 6 and content[0] == 0x16 and content[1] == 3 and content[5] == 1:
        return 2
    if content.startswith(_METHODS):
        return 3
    return 4 if content.startswith(b"HTTP/") else 0


def _inside(rest: _Rest, fields: Fields) -> int | None:
    """What a tunnel carries, `rest` moved on to it; None where the packet is no tunnel."""
    protocol = fields["protocol"]
    if fields.get("fragment"):
        return None
    if protocol in (4, 41):
        return _IP4 if protocol == 4 else _IP6
    if protocol == _UDP and fields.get("dst_port") == 4789:
        if len(rest) < 16 or rest.content[8] != 0x08:
            return None
        rest.forward(16)
        return _BRIDGED
    if protocol != _GRE or len(rest) < 4:
        return None
    flags, kind = rest.number(0), rest.number(2)
    version = flags & 7
    if version > 1 or flags & 0x4000:
        return None
    header = 4 + 4 * sum(bool(flags & bit) for bit in (0x8000, 0x2000, 0x1000))
    header += 4 if version == 1 and flags & 0x0080 else 0
    return kind if rest.forward(header) else None
