"""Receives flow exports on a port of UDP, and hands on the flows in batches."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from amiss.core.errors import ConnectorError
from amiss.network.netflow import FlowExports
from amiss.network.traffic import Traffic

__all__ = ["NetflowCollector"]

_LONGEST = 65_535
_BUFFER = 8 << 20
"""Bytes that the system keeps of what has arrived and was not yet taken."""
_WAKE = 0.2


class NetflowCollector:
    """Listens for NetFlow 5 and 9 and IPFIX, until it is closed.

    A thread of its own takes datagrams off the socket, so that none is missed while a batch is worked on. What waits is
    bounded: datagrams beyond that are dropped and counted.

    Parameters
    ----------
    host, port
        Where to listen, such as "0.0.0.0" and 2055; port 0 takes a free one.
    seconds
        How long a batch lasts.
    most_waiting
        Datagrams that may wait.

    Attributes
    ----------
    exports
        What was read, damaged and lost so far, see `FlowExports`.
    n_dropped
        Datagrams dropped because too many waited.

    Raises
    ------
    ConnectorError
        The port cannot be listened on.

    Examples
    --------
    >>> from amiss.io.netflow.source import NetflowCollector
    >>> with NetflowCollector("127.0.0.1", 0, seconds=0.05) as collector:
    ...     traffic = next(collector.batches())
    >>> traffic.flows.n_flows
    0
    """

    def __init__(self, host: str, port: int, *, seconds: float = 10.0, most_waiting: int = 65_536) -> None:
        self.exports, self.n_dropped, self.seconds = FlowExports(), 0, seconds
        self._queue: queue.Queue[tuple[bytes, str, float]] = queue.Queue(most_waiting)
        self._closed = threading.Event()
        try:
            self._socket = _bound(host, port)
        except OSError as error:
            what = f"UDP port {port} cannot be listened on: {error.strerror or error}"
            raise ConnectorError(what, where=f"{host}:{port}", mend="free the port, or name another") from error
        self.port: int = self._socket.getsockname()[1]
        self.name = f"flow exports on {host}:{self.port}"
        self._thread = threading.Thread(target=self._receive, name="netflow", daemon=True)
        self._thread.start()

    def batches(self) -> Iterator[Traffic]:
        """Flows of each stretch of time; a stretch in which none arrived is an empty one."""
        while not self._closed.is_set():
            until = time.monotonic() + self.seconds
            while (left := until - time.monotonic()) > 0 and not self._closed.is_set():
                try:
                    self.exports.add(*self._queue.get(timeout=min(left, _WAKE)))
                except queue.Empty:
                    continue
            yield Traffic(self.exports.flows(), notes=self.notes)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was read and what could not be so far, one sentence each."""
        if not self.n_dropped:
            return self.exports.notes
        return (*self.exports.notes, f"{self.n_dropped:,} datagrams were dropped: too many waited")

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _receive(self) -> None:
        while not self._closed.is_set():
            try:
                datagram, sender = self._socket.recvfrom(_LONGEST)
            except TimeoutError:
                continue
            except OSError:
                # Of an earlier answer, as that a port is closed: nothing that ends the listening.
                continue
            try:
                self._queue.put_nowait((datagram, str(sender[0]), time.time()))
            except queue.Full:
                self.n_dropped += 1


def _bound(host: str, port: int) -> socket.socket:
    family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    made = socket.socket(family, kind)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        made.settimeout(_WAKE)
        made.bind(place)
    except OSError:
        made.close()
        raise
    return made
