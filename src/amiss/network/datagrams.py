"""The payloads of UDP in a capture, as for flows that are exported inside it."""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from amiss.kernels.packets import PacketReader
from amiss.network.flows import UDP

__all__ = ["Datagram", "datagrams"]


class Datagram(NamedTuple):
    """One payload of UDP.

    Attributes
    ----------
    time
        Seconds since 1970 UTC.
    src, src_port, dst, dst_port
        From whom to whom.
    payload
        As much of it as the capture has.
    """

    time: float
    src: str
    src_port: int
    dst: str
    dst_port: int
    payload: bytes


def datagrams(blocks: Iterable[bytes], *, ports: Collection[int] | None = None) -> Iterator[Datagram]:
    """The payloads of UDP of a capture that comes in blocks, those to some ports, or all; fragments are left out.

    Examples
    --------
    >>> from amiss.network.capture import file_header, file_record
    >>> from amiss.network.datagrams import datagrams
    >>> packet = bytes.fromhex("4500001e00010000401100000a0000010a000002003507ff000a0000") + b"hi"
    >>> [one.payload for one in datagrams([file_header(link=101) + file_record(1.0, packet)], ports=[2047])]
    [b'hi']
    """
    reader, left = PacketReader(), b""
    for content in blocks:
        whole = np.frombuffer(left + content, np.uint8)
        at = 0
        while at < len(whole):
            block = whole[at:]
            packets = reader.read(block)
            wanted = (packets["protocol"] == UDP) & (packets["fragment"] == 0)
            if ports is not None:
                wanted &= np.isin(packets["dst_port"], list(ports))
            for packet in packets[wanted]:
                start = int(packet["start"])
                ends = [_word(packet["family"], packet[end].tobytes()) for end in ("src", "dst")]
                yield Datagram(
                    packet["time"] / 1e9, ends[0], int(packet["src_port"]), ends[1], int(packet["dst_port"]),
                    block[start : start + int(packet["captured"])].tobytes(),
                )  # fmt: skip
            done = int(reader.state["done"][0])
            at += done
            if not done:
                break
        left = b"" if reader.state["form"][0] < 0 or reader.state["trouble"][0] else whole[at:].tobytes()


def _word(family: int, raw: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET, raw[:4]) if family == 4 else socket.inet_ntop(socket.AF_INET6, raw)
