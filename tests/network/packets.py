"""Packets and captures made by hand, for tests: no library reads or writes them."""

from __future__ import annotations

import ipaddress
import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ETHERNET, RAW, COOKED, COOKED_2, LOOPBACK, PPP = 1, 101, 113, 276, 0, 9


def pcap(records, *, link=ETHERNET, order="<", nano=False, snap=65_535):
    """A capture of (time, bytes) or (time, bytes, original length)."""
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    parts = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, snap, link)]
    for time, frame, *original in records:
        second = int(time)
        rest = round((time - second) * 1e9)
        length = original[0] if original else len(frame)
        parts += [struct.pack(f"{order}IIII", second, rest if nano else rest // 1000, len(frame), length), frame]
    return b"".join(parts)


def block(kind, content, order="<"):
    padded = content + bytes(-len(content) % 4)
    length = struct.pack(f"{order}I", 12 + len(padded))
    return struct.pack(f"{order}I", kind) + length + padded + length


def section(order="<"):
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link=ETHERNET, *, resolution=None, zero=None, snap=0, order="<"):
    options = b""
    if resolution is not None:
        options += struct.pack(f"{order}HHB3x", 9, 1, resolution)
    if zero is not None:
        options += struct.pack(f"{order}HHq", 14, 8, zero)
    if options:
        options += bytes(4)
    return block(1, struct.pack(f"{order}HHI", link, 0, snap) + options, order)


def enhanced(stamp, frame, *, which=0, original=None, order="<"):
    length = len(frame) if original is None else original
    head = struct.pack(f"{order}IIIII", which, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), length)
    return block(6, head + frame, order)


def simple(frame, order="<"):
    return block(3, struct.pack(f"{order}I", len(frame)) + frame, order)


def old(stamp, frame, *, which=0, order="<"):
    head = struct.pack(f"{order}HHIIII", which, 0, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), len(frame))
    return block(2, head + frame, order)


def pcapng(records, *, link=ETHERNET, order="<"):
    parts = [section(order), interface(link, order=order)]
    return b"".join([*parts, *(enhanced(round(time * 1e6), frame, order=order) for time, frame in records)])


def address(word):
    return ipaddress.ip_address(word).packed


def ip(src, dst, protocol, content, *, ttl=64, number=0, place=0, options=b"", total=None, extension=b""):
    """An IP packet of the version of its addresses."""
    if ":" in src:
        length = len(extension) + len(content) if total is None else total
        return struct.pack(">IHBB", 6 << 28, length, protocol, ttl) + address(src) + address(dst) + extension + content
    length = 20 + len(options) + len(content) if total is None else total
    head = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, length, number, place, ttl, protocol, 0)
    return head + address(src) + address(dst) + options + content


def tcp(src, dst, src_port, dst_port, flags, payload=b"", *, seq=0, ack=0, window=1000, options=b"", **more):
    offset = (5 + len(options) // 4) << 4
    head = struct.pack(">HHIIBBHHH", src_port, dst_port, seq, ack, offset, flags, window, 0, 0)
    return ip(src, dst, 6, head + options + payload, **more)


def udp(src, dst, src_port, dst_port, payload=b"", **more):
    return ip(src, dst, 17, struct.pack(">HHHH", src_port, dst_port, 8 + len(payload), 0) + payload, **more)


def icmp(src, dst, kind, code=0, payload=b"", **more):
    protocol = 58 if ":" in src else 1
    return ip(src, dst, protocol, struct.pack(">BBHHH", kind, code, 0, 7, 1) + payload, **more)


def ethernet(packet, kind=None):
    if kind is None:
        kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    return b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02" + struct.pack(">H", kind) + packet


def tagged(frame, vlan, kind=0x8100):
    """A frame with one more VLAN around what it carries."""
    return frame[:12] + struct.pack(">HH", kind, vlan) + frame[12:]


def arp(operation, sender, target):
    hardware = bytes(6)
    content = (
        struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation) + hardware + address(sender) + hardware + address(target)
    )
    return ethernet(content, 0x0806)


def connection(client, server, src_port, dst_port, says=b"", answers=b"", *, end=True):
    """The packets of a connection over TCP, from its handshake to its end."""
    there, back = (client, server, src_port, dst_port), (server, client, dst_port, src_port)
    out = [
        tcp(*there, SYN, seq=100),
        tcp(*back, SYN | ACK, seq=500, ack=101),
        tcp(*there, ACK, seq=101, ack=501),
    ]
    if says:
        out.append(tcp(*there, PSH | ACK, says, seq=101, ack=501))
    if answers:
        out.append(tcp(*back, PSH | ACK, answers, seq=501, ack=101 + len(says)))
    if end:
        out.append(tcp(*there, FIN | ACK, seq=101 + len(says), ack=501 + len(answers)))
        out.append(tcp(*back, FIN | ACK, seq=501 + len(answers), ack=102 + len(says)))
        out.append(tcp(*there, ACK, seq=102 + len(says), ack=502 + len(answers)))
    return out


def dns(number, name, *, kind=1, answer=False, code=0):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    flags = 0x8180 | code if answer else 0x0100
    found = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4" if answer and not code else b""
    counts = struct.pack(">HHHH", 1, bool(found), 0, 0)
    return struct.pack(">HH", number, flags) + counts + labels + struct.pack(">HH", kind, 1) + found


def client_hello(name, *, padding=0):
    """A hello of TLS that asks for a server, behind an extension of some bytes."""
    word = name.encode()
    listed = struct.pack(">HBH", len(word) + 3, 0, len(word)) + word
    extensions = struct.pack(">HH", 21, padding) + bytes(padding) + struct.pack(">HH", 0, len(listed)) + listed
    body = b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\x01" + b"\1\0" + struct.pack(">H", len(extensions)) + extensions
    handshake = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + struct.pack(">H", len(handshake)) + handshake
