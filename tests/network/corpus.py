"""Small captures that hold a bit of everything, and mutations of them."""

from __future__ import annotations

import struct

from tests.network.packets import (
    ACK,
    COOKED,
    COOKED_2,
    LOOPBACK,
    PPP,
    RAW,
    SYN,
    arp,
    client_hello,
    connection,
    dns,
    enhanced,
    ethernet,
    icmp,
    interface,
    ip,
    old,
    pcap,
    pcapng,
    section,
    simple,
    tagged,
    tcp,
    udp,
)  # fmt: skip

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
    message = dns(7, "over.tcp.example")
    web = connection(A, B, 5000, 80, b"GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")
    hello = client_hello("far.example", padding=400)
    tls = [
        tcp(A, B, 6000, 443, SYN, seq=9), tcp(A, B, 6000, 443, ACK, hello[:300], seq=10),
        tcp(A, B, 6000, 443, ACK, hello[300:], seq=310),
    ]  # fmt: skip
    names = [
        udp(A, B, 5353, 53, dns(1, "one.example")), udp(B, A, 53, 5353, dns(1, "one.example", answer=True)),
        *connection(A, B, 5001, 53, struct.pack(">H", len(message)) + message),
    ]  # fmt: skip
    whole = udp(A, B, 7, 8, bytes(100))[20:]
    pieces = [ip(A, B, 17, whole[:64], number=9, place=0x2000), ip(A, B, 17, whole[64:], number=9, place=8)]
    inner = ethernet(udp(A, B, 1, 2, b"abc"))
    tunnels = [
        ip(A, B, 4, udp(B, A, 1, 2)), ip(A, B, 41, udp(A6, B6, 1, 2)), ip(A6, B6, 4, udp(A, B, 3, 4)),
        ip(A, B, 47, struct.pack(">HHIII", 0xB000, 0x0800, 1, 2, 3) + udp(A, B, 1, 2)),
        udp(A, B, 9, 4789, struct.pack(">II", 0x08000000, 7) + inner), ip(A, B, 47, b"\0\0\x65\x58" + inner),
        ip(A6, B6, 0, udp(A6, B6, 1, 2)[40:], extension=bytes([17, 0]) + bytes(6)),
    ]  # fmt: skip
    odd = [
        tagged(tagged(inner, 8), 9, 0x88A8), ethernet(struct.pack(">I", 6 << 12 | 1 << 8) + udp(A, B, 1, 2), 0x8847),
        ethernet(bytes(6) + b"\0\x21" + udp(A, B, 1, 2), 0x8864), arp(1, A, B), arp(2, B, A),
    ]  # fmt: skip
    packets = [*web, *tls, *names, *pieces, *tunnels, icmp(A, B, 8), icmp(A6, B6, 128)]
    timed = [(k * 0.3, ethernet(p)) for k, p in enumerate(packets)] + [(20.0 + k, frame) for k, frame in enumerate(odd)]
    few = [(k * 0.5, p) for k, p in enumerate([*tls, *names])]
    frame = ethernet(udp(A, B, 1000, 53, message))
    blocks = [
        section(), interface(resolution=9, zero=5), interface(RAW), enhanced(7, frame), enhanced(8, tls[1], which=1),
        simple(frame), old(9, frame), section(">"), interface(order=">"), enhanced(3, frame, order=">"),
    ]  # fmt: skip
    return [
        pcap(timed), pcap(timed, order=">", nano=True), pcapng(timed), pcapng(timed[:6], order=">"), b"".join(blocks),
        pcap(few, link=RAW), pcap([(t, bytes(14) + b"\x08\0" + p) for t, p in few], link=COOKED),
        pcap([(t, b"\x08\0" + bytes(18) + p) for t, p in few], link=COOKED_2),
        pcap([(t, b"\2\0\0\0" + p) for t, p in few], link=LOOPBACK),
        pcap([(t, b"\0\x21" + p) for t, p in few], link=PPP),
        pcap([(t, frame[:64], len(frame)) for t, frame in timed]),
    ]  # fmt: skip


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
