"""Packets as bytes: Ethernet, ARP, IPv4 and IPv6, TCP, UDP and ICMP, with their checksums."""

from __future__ import annotations

import ipaddress
import struct

__all__ = ["Host", "arp_frame", "frame", "icmp_segment", "tcp_segment", "udp_segment"]

_ALL = b"\xff" * 6


class Host:
    """What a packet needs to know of a host: its address, and the hardware address it is reached by."""

    __slots__ = ("group", "hardware", "packed", "six")

    def __init__(self, word: str, hardware: bytes) -> None:
        address = ipaddress.ip_address(word)
        self.packed = address.packed
        self.six = address.version == 6
        self.group = address.is_multicast
        self.hardware = hardware
        if word.endswith(".255"):
            self.hardware = _ALL
        elif address.is_multicast:
            self.hardware = b"\x33\x33" + self.packed[-4:] if self.six else b"\x01\x00\x5e" + bytes(
                [self.packed[1] & 0x7F]
            ) + self.packed[2:]  # fmt: skip


def _checksum(data: bytes) -> int:
    # The sum in ones' complement of words of 16 bits is the number as a whole, modulo 65,535.
    left = int.from_bytes(data + b"\0" if len(data) % 2 else data, "big") % 0xFFFF
    return 0xFFFF - left if left else 0


def _pseudo(src: Host, dst: Host, protocol: int, length: int) -> bytes:
    if src.six:
        return src.packed + dst.packed + struct.pack("!II", length, protocol)
    return src.packed + dst.packed + struct.pack("!HH", protocol, length)


def tcp_segment(
    src: Host, dst: Host, ports: tuple[int, int], seq: int, ack: int, flags: int, options: bytes, payload: bytes
) -> bytes:
    """A TCP segment with its checksum."""
    offset = (20 + len(options)) // 4 << 4
    head = struct.pack(
        "!HHIIBBHHH", *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF if flags & 16 else 0, offset, flags, 64_240, 0, 0
    )
    whole = head + options + payload
    total = _checksum(_pseudo(src, dst, 6, len(whole)) + whole)
    return whole[:16] + struct.pack("!H", total) + whole[18:]


def udp_segment(src: Host, dst: Host, ports: tuple[int, int], payload: bytes) -> bytes:
    """A datagram with its checksum."""
    head = struct.pack("!HHHH", *ports, 8 + len(payload), 0)
    total = _checksum(_pseudo(src, dst, 17, 8 + len(payload)) + head + payload) or 0xFFFF
    return head[:6] + struct.pack("!H", total) + payload


def icmp_segment(src: Host, dst: Host, kind: int, code: int, rest: bytes, payload: bytes) -> bytes:
    """A message of ICMP, or of ICMPv6 between hosts of version 6; `rest` is the second word of its header."""
    whole = struct.pack("!BBH", kind, code, 0) + rest + payload
    total = _checksum((_pseudo(src, dst, 58, len(whole)) if src.six else b"") + whole)
    return whole[:2] + struct.pack("!H", total) + whole[4:]


def frame(src: Host, dst: Host, protocol: int, number: int, segment: bytes) -> bytes:
    """An Ethernet frame around a segment."""
    if src.six:
        head = struct.pack("!IHBB", 6 << 28, len(segment), protocol, 64) + src.packed + dst.packed
        return dst.hardware + src.hardware + b"\x86\xdd" + head + segment
    head = struct.pack(
        "!BBHHHBBH", 0x45, 0, 20 + len(segment), number & 0xFFFF, 0x4000, 1 if dst.group else 64, protocol, 0
    )
    head += src.packed + dst.packed
    head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
    return dst.hardware + src.hardware + b"\x08\x00" + head + segment


def arp_frame(src: Host, dst: Host, *, reply: bool) -> bytes:
    """A question for a neighbour, or its answer."""
    to = dst.hardware if reply else _ALL
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2 if reply else 1) + src.hardware + src.packed
    body += (dst.hardware if reply else b"\0" * 6) + dst.packed
    return to + src.hardware + b"\x08\x06" + body
