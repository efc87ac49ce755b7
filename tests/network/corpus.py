"""Small captures that hold a bit of everything, and mutations of them."""

from __future__ import annotations

import struct

from tests.network import packets as wire

A, B, A6, B6 = "10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2"
EDGES = (
    b"\0",
    b"\x01",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\xff\xff\xff\xff",
)


def corpus() -> list[bytes]:
    """Captures of all forms, link types, tunnels and payloads that are read."""
    message = wire.dns(7, "over.tcp.example")
    web = wire.connection(A, B, 5000, 80, b"GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")
    hello = wire.client_hello("far.example", padding=400)
    tls = [
        wire.tcp(A, B, 6000, 443, wire.SYN, seq=9), wire.tcp(A, B, 6000, 443, wire.ACK, hello[:300], seq=10),
        wire.tcp(A, B, 6000, 443, wire.ACK, hello[300:], seq=310),
    ]  # fmt: skip
    names = [
        wire.udp(A, B, 5353, 53, wire.dns(1, "one.example")),
        wire.udp(B, A, 53, 5353, wire.dns(1, "one.example", answer=True)),
        *wire.connection(A, B, 5001, 53, struct.pack(">H", len(message)) + message),
    ]
    whole = wire.udp(A, B, 7, 8, bytes(100))[20:]
    pieces = [wire.ip(A, B, 17, whole[:64], number=9, place=0x2000), wire.ip(A, B, 17, whole[64:], number=9, place=8)]
    inner = wire.ethernet(wire.udp(A, B, 1, 2, b"abc"))
    tunnels = [
        wire.ip(A, B, 4, wire.udp(B, A, 1, 2)),
        wire.ip(A, B, 41, wire.udp(A6, B6, 1, 2)),
        wire.ip(A6, B6, 4, wire.udp(A, B, 3, 4)),
        wire.ip(A, B, 47, struct.pack(">HHIII", 0xB000, 0x0800, 1, 2, 3) + wire.udp(A, B, 1, 2)),
        wire.udp(A, B, 9, 4789, struct.pack(">II", 0x08000000, 7) + inner),
        wire.ip(A, B, 47, b"\0\0\x65\x58" + inner),
        wire.ip(A6, B6, 0, wire.udp(A6, B6, 1, 2)[40:], extension=bytes([17, 0]) + bytes(6)),
    ]
    odd = [
        wire.tagged(wire.tagged(inner, 8), 9, 0x88A8),
        wire.ethernet(struct.pack(">I", 6 << 12 | 1 << 8) + wire.udp(A, B, 1, 2), 0x8847),
        wire.ethernet(bytes(6) + b"\0\x21" + wire.udp(A, B, 1, 2), 0x8864),
        wire.arp(1, A, B),
        wire.arp(2, B, A),
    ]
    packets = [*web, *tls, *names, *pieces, *tunnels, wire.icmp(A, B, 8), wire.icmp(A6, B6, 128)]
    timed = [(k * 0.3, wire.ethernet(p)) for k, p in enumerate(packets)] + [
        (20.0 + k, frame) for k, frame in enumerate(odd)
    ]
    few = [(k * 0.5, p) for k, p in enumerate([*tls, *names])]
    frame = wire.ethernet(wire.udp(A, B, 1000, 53, message))
    blocks = [
        wire.section(),
        wire.interface(resolution=9, zero=5),
        wire.interface(wire.RAW),
        wire.enhanced(7, frame),
        wire.enhanced(8, tls[1], which=1),
        wire.simple(frame),
        wire.old(9, frame),
        wire.section(">"),
        wire.interface(order=">"),
        wire.enhanced(3, frame, order=">"),
    ]
    return [
        wire.pcap(timed),
        wire.pcap(timed, order=">", nano=True),
        wire.pcapng(timed),
        wire.pcapng(timed[:6], order=">"),
        b"".join(blocks),
        wire.pcap(few, link=wire.RAW),
        wire.pcap([(t, bytes(14) + b"\x08\0" + p) for t, p in few], link=wire.COOKED),
        wire.pcap([(t, b"\x08\0" + bytes(18) + p) for t, p in few], link=wire.COOKED_2),
        wire.pcap([(t, b"\2\0\0\0" + p) for t, p in few], link=wire.LOOPBACK),
        wire.pcap([(t, b"\0\x21" + p) for t, p in few], link=wire.PPP),
        wire.pcap([(t, frame[:64], len(frame)) for t, frame in timed]),
    ]


def mutated(content: bytes, random) -> bytes:
    """A capture some bytes of which were changed, left out, put in or moved; `random` is of the standard library."""
    made = bytearray(content)
    for _ in range(random.randint(1, 20)):
        at = random.randrange(len(made) + 1)
        how = random.randrange(5)
        if how == 0:
            made[at : at + 1] = bytes([random.randrange(256)])
        elif how == 1:
            edge = random.choice(EDGES)
            made[at : at + len(edge)] = edge
        elif how == 2:
            del made[at : at + random.randint(1, 40)]
        elif how == 3:
            made[at:at] = random.randbytes(random.randint(1, 20))
        else:
            source = random.randrange(len(made) + 1)
            made[at:at] = made[source : source + random.randint(1, 80)]
    return bytes(made)
