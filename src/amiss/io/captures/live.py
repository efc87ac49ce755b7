"""Packets from an interface of this machine, as they pass (Linux, AF_PACKET)."""

from __future__ import annotations

import socket
import struct
import time

from amiss.core.errors import ConnectorError
from amiss.network.capture import file_header, file_record

__all__ = ["PREFIX", "LiveCapture"]

PREFIX = "pcap+live:"
"""Before the name of an interface, where a capture is named."""
_EVERYTHING = 0x0003
_SOL_PACKET, _STATISTICS, _AUXDATA = 263, 6, 8
_TIMESTAMP_NS = 35
_VLAN_VALID, _TPID_VALID = 1 << 4, 1 << 6
_OUTGOING = 4
_ETHERNET, _LOOPBACK = 1, 772
_LINK_ETHERNET, _LINK_RAW = 1, 101
_LONGEST = 262_144
_BUFFER = 16 << 20
_ANCILLARY = 256
_PATIENCE = 0.2
"""Seconds after which packets that have come are handed on, however few."""


class LiveCapture:
    """Packets that pass an interface, as the bytes of a capture; read until its time is over or Ctrl-C.

    Takes some 200,000 packets a second on one core; the system keeps 16 MB that wait, and what it drops is counted.

    Parameters
    ----------
    interface
        Name of the interface, such as "eth0" or "lo".
    seconds
        How long to listen; None until Ctrl-C.

    Attributes
    ----------
    n_packets
        Packets taken.

    Raises
    ------
    ConnectorError
        There is no such interface, this system has no AF_PACKET, or the right to listen is not given.
    """

    def __init__(self, interface: str, *, seconds: float | None = None) -> None:
        self.name = PREFIX + interface
        self.n_packets = self._n_dropped = 0
        self._socket = _opened(interface, self.name)
        hardware = self._socket.getsockname()[3]
        self._loopback = hardware == _LOOPBACK
        self._link = _LINK_ETHERNET if hardware in (_ETHERNET, _LOOPBACK) else _LINK_RAW
        self._end = None if seconds is None else time.monotonic() + seconds
        self._begun = self._over = False

    def read(self, n_bytes: int) -> bytes:
        """The next packets, some `n_bytes` at most; empty when its time is over."""
        if not self._begun:
            self._begun = True
            return file_header(link=self._link)
        found: list[bytes] = []
        size, until = 0, time.monotonic() + _PATIENCE
        try:
            while size < n_bytes and not self._over and (not found or time.monotonic() < until):
                self._over = self._end is not None and time.monotonic() >= self._end
                record = self._next()
                if record:
                    found.append(record)
                    size += len(record)
        except KeyboardInterrupt:
            self._over = True
        return b"".join(found)

    def _next(self) -> bytes:
        try:
            packet, ancillary, _, address = self._socket.recvmsg(_LONGEST, _ANCILLARY)
        except TimeoutError:
            return b""
        except OSError as error:
            self._over = True
            raise ConnectorError(f"the interface went away: {error.strerror}", where=self.name) from error
        if self._loopback and address[2] == _OUTGOING:
            return b""  # what leaves by this interface comes in by it, too
        self.n_packets += 1
        moment, tag = _told(ancillary)
        if tag and self._link == _LINK_ETHERNET:
            packet = packet[:12] + tag + packet[12:]
        return file_record(moment, packet)

    def close(self) -> None:
        """Listen no more."""
        if self._socket.fileno() >= 0:
            self._count_dropped()
            self._socket.close()

    @property
    def n_dropped(self) -> int:
        """Packets that the system dropped because nobody took them in time."""
        if self._socket.fileno() >= 0:
            self._count_dropped()
        return self._n_dropped

    def _count_dropped(self) -> None:
        _, dropped = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))
        self._n_dropped += dropped  # asking sets the system's count back

    def share_read(self) -> float:
        """Share of its time that is over; 0 where it has no end."""
        return 0.0 if self._end is None or not self._over else 1.0


def _opened(interface: str, name: str) -> socket.socket:
    if not hasattr(socket, "AF_PACKET"):
        raise ConnectorError(
            "this system cannot listen at an interface", where=name, mend="capture with tcpdump, on Linux"
        )
    known = [word for _, word in socket.if_nameindex()]
    if interface not in known:
        raise ConnectorError(f"there is no interface {interface!r}", where=name, mend=f"one of: {', '.join(known)}")
    try:
        found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERYTHING))
    except PermissionError as error:
        raise ConnectorError(
            "the right to listen at interfaces is not given", where=name,
            mend="run as root, or allow the interpreter: setcap cap_net_raw+ep $(readlink -f $(which python3))",
        ) from error  # fmt: skip
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    found.setsockopt(socket.SOL_SOCKET, _TIMESTAMP_NS, 1)
    found.setsockopt(_SOL_PACKET, _AUXDATA, 1)
    found.settimeout(_PATIENCE / 4)
    found.bind((interface, 0))
    return found


def _told(ancillary: list[tuple[int, int, bytes]]) -> tuple[float, bytes]:
    """When a packet came, and the tag of its VLAN, which the interface may have taken off."""
    moment, tag = time.time(), b""
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMP_NS and len(content) >= 16:
            second, rest = struct.unpack("qq", content[:16])
            moment = second + rest / 1e9
        elif level == _SOL_PACKET and kind == _AUXDATA and len(content) >= 20:
            status, *_, control, protocol = struct.unpack("IIIHHHH", content[:20])
            if status & _VLAN_VALID:
                tag = struct.pack("!HH", protocol if status & _TPID_VALID else 0x8100, control)
    return moment, tag
