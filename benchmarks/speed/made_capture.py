"""A capture of a million packets for the figures of flows: a made office hour, the same each time."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

__all__ = ["SMALL", "USUAL", "write_capture"]

HOUR = 3600.0
FULL = 1448
HELLO_HEAD = bytes.fromhex("16030100b8010000b40303")


USUAL = {"dns": 0.4, "web": 0.3, "page": 0.1, "bulk": 0.02, "poll": 0.1, "ping": 0.05, "long": 0.03}
SMALL = {"dns": 0.6, "ping": 0.2, "page": 0.2}
"""Share of each kind of conversation: as in an office, and such as have few packets."""


def write_capture(path: Path, n_packets: int = 1_000_000, seed: int = 0, shares: dict[str, float] = USUAL) -> None:
    """Write a pcap (Ethernet, microseconds) with about so many packets, in the order of their times."""
    random = np.random.default_rng(seed)
    pool = random.integers(0, 256, 1 << 16, dtype=np.uint8).tobytes()
    packets: list[tuple[float, bytes]] = []
    while len(packets) < n_packets:
        kind = random.choice(list(shares), p=list(shares.values()))
        packets += flow(str(kind), random, pool)
    packets.sort(key=lambda packet: packet[0])
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))
        for time, frame in packets[:n_packets]:
            micro = round((1_700_000_000 + time) * 1e6)
            file.write(struct.pack("<IIII", micro // 1_000_000, micro % 1_000_000, len(frame), len(frame)))
            file.write(frame)


def flow(kind: str, random: np.random.Generator, pool: bytes) -> list[tuple[float, bytes]]:
    """The packets of one conversation between a client of the office and a server."""
    client = bytes([10, 0, int(random.integers(4)), int(random.integers(2, 250))])
    server = bytes([int(x) for x in random.integers(1, 224, 4)])
    port = int(random.integers(1024, 65_000))
    begin = float(random.uniform(0, HOUR))
    name = f"host{int(random.integers(5000))}.example".encode()
    if kind == "dns":
        question = labels(name) + b"\0\1\0\1"
        number = int(random.integers(1, 65_536)).to_bytes(2, "big")
        asked = number + bytes.fromhex("01000001000000000000") + question
        found = bytes.fromhex("c00c000100010000003c0004") + server
        answer = number + bytes.fromhex("81800001000100000000") + question + found
        resolver = bytes([10, 0, 0, 1])
        later = begin + float(random.uniform(1e-3, 5e-2))
        return [(begin, udp(client, resolver, port, 53, asked)), (later, udp(resolver, client, 53, port, answer))]
    if kind == "poll":
        size = int(random.integers(20, 300))
        times = begin + np.arange(int(random.integers(2, 30))) * random.choice([1.0, 30.0, 300.0])
        return [(float(t), udp(client, server, port, 8125, pool[:size])) for t in times if t < 2 * HOUR]
    if kind == "ping":
        n = int(random.integers(1, 10))
        ask, reply = icmp(client, server, 8), icmp(server, client, 0)
        return [packet for k in range(n) for packet in ((begin + k, ask), (begin + k + 0.02, reply))]
    n = {"web": int(random.lognormal(3, 1)), "page": int(random.lognormal(2, 1)), "bulk": int(random.lognormal(7, 0.7)),
         "long": int(random.lognormal(4, 1))}[kind] + 4  # fmt: skip
    if kind == "page":
        first = b"GET /" + name + b" HTTP/1.1\r\nHost: " + name + b"\r\nUser-Agent: made\r\n\r\n"
    else:
        extension = struct.pack(">HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name
        body = struct.pack(">H", 0x0303) + pool[:32] + b"\0" + struct.pack(">H", 4) + b"\x13\x01\x13\x02" + b"\1\0"
        body += struct.pack(">H", len(extension)) + extension
        hello = b"\1" + len(body).to_bytes(3, "big") + body
        first = b"\x16\3\1" + struct.pack(">H", len(hello)) + hello
    return conversation(
        client, server, port, 80 if kind == "page" else 443, first, n, begin, kind == "long", random, pool
    )


def conversation(client, server, port, service, first, n, begin, slow, random, pool):  # type: ignore[no-untyped-def]
    """A connection over TCP with a handshake, payloads of many sizes, acknowledgements and an end."""
    sequence = [int(x) for x in random.integers(0, 1 << 32, 2)]
    hosts, ports = (client, server), (port, service)
    gaps = random.exponential(20.0 if slow else 0.02, n + 4)
    times = begin + np.cumsum(gaps)
    kinds, sizes = random.random(n), random.integers(1, FULL, n)
    out: list[tuple[float, bytes]] = []

    def send(k: int, way: int, flags: int, payload: bytes) -> None:
        a, b = hosts[way], hosts[1 - way]
        out.append(
            (float(times[k]), tcp(a, b, ports[way], ports[1 - way], sequence[way], sequence[1 - way], flags, payload))
        )
        sequence[way] = (sequence[way] + len(payload) + (flags & 3 != 0)) % (1 << 32)

    send(0, 0, 2, b"")
    send(1, 1, 18, b"")
    send(2, 0, 16, b"")
    send(3, 0, 24, first)
    for k in range(n - 1):
        if kinds[k] < 0.4:
            send(k + 4, 0, 16, b"")
        else:
            size = FULL if kinds[k] < 0.75 else int(sizes[k])
            send(k + 4, int(kinds[k] < 0.92), 24, pool[k % 4096 : k % 4096 + size])
    send(n + 3, 0, 17, b"")
    return out


def labels(name: bytes) -> bytes:
    return b"".join(bytes([len(part)]) + part for part in name.split(b".")) + b"\0"


def ip(src: bytes, dst: bytes, protocol: int, content: bytes) -> bytes:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(content), 0, 0x4000, 64, protocol, 0) + src + dst
    return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + head + content


def udp(src: bytes, dst: bytes, src_port: int, dst_port: int, payload: bytes) -> bytes:
    return ip(src, dst, 17, struct.pack(">HHHH", src_port, dst_port, 8 + len(payload), 0) + payload)


def icmp(src: bytes, dst: bytes, kind: int) -> bytes:
    return ip(src, dst, 1, struct.pack(">BBHHH", kind, 0, 0, 1, 1) + bytes(56))


def tcp(src: bytes, dst: bytes, src_port: int, dst_port: int, seq: int, ack: int, flags: int, payload: bytes) -> bytes:
    options = b"\1\1\x08\x0a" + bytes(8)
    head = struct.pack(">HHIIBBHHH", src_port, dst_port, seq, ack if flags & 16 else 0, 0x80, flags, 64_000, 0, 0)
    return ip(src, dst, 6, head + options + payload)
