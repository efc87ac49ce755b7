"""Reads a capture once, from a file, a pipe or standard input, and makes traffic of it."""

from __future__ import annotations

import gzip
import lzma
import os
import zlib
from collections.abc import Iterator

from amiss.core.errors import DataError
from amiss.core.source import Progress, silent
from amiss.core.written import readable
from amiss.io.captures.opened import Opened
from amiss.io.captures.recognise import looks_like_capture
from amiss.network.capture import BLOCK_BYTES, FlowMeter, chunks, traffic_of
from amiss.network.flows import Flows
from amiss.network.traffic import Traffic

__all__ = ["CaptureSource"]


class CaptureSource:
    """A capture of packets, pcap or pcapng, plain or compressed by gzip, bzip2 or xz.

    Parameters
    ----------
    path
        The file; "-" for standard input. It is read once, from its beginning to its end.
    idle_timeout, active_timeout
        Seconds without a packet after which a flow has ended, and seconds after which a flow is divided; above 0.

    Raises
    ------
    ConnectorError
        The file is not there, is a folder, or may not be read.
    DataError
        Its content is no capture.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, idle_timeout: float = 120.0, active_timeout: float = 1800.0
    ) -> None:
        given = os.fspath(path)
        self.name = "standard input" if given == "-" else readable(given)
        self.notes: list[str] = []
        self._meter = FlowMeter(idle_timeout=idle_timeout, active_timeout=active_timeout)
        self._opened = Opened(given, self.name)
        self._damage: str | None = None
        self._start = self._block(64)
        while 0 < len(self._start) < 4 and (more := self._block(64)):
            self._start += more
        if looks_like_capture(self._start):
            return
        self._opened.close()
        if self._damage:
            raise DataError(f"the file is cut or damaged: {self._damage}", where=self.name, mend="copy it again")
        if not self._start:
            raise DataError("the file is empty", where=self.name, mend="give a capture with packets")
        raise DataError("this is no capture of packets", where=self.name, mend="give a pcap or pcapng file")

    def traffic(self, progress: Progress = silent) -> Traffic:
        """The whole traffic; what was read and what could not be stands in its notes.

        Raises
        ------
        DataError
            There are no packets, or none that can be read.
        """
        traffic = traffic_of(self._blocks(progress), meter=self._meter)
        self._conclude()
        return Traffic(traffic.flows, traffic.dns, traffic.http, tuple(self.notes))

    def flows(self, progress: Progress = silent) -> Iterator[Flows]:
        """Its flows in pieces as they end, in bounded memory whatever the size of the capture.

        Raises
        ------
        DataError
            There are no packets, or none that can be read; told at the end.
        """
        for piece in chunks(self._blocks(progress), meter=self._meter):
            if piece.flows.n_flows:
                yield piece.flows
        self._conclude()

    def share_read(self) -> float:
        """Share of the file's bytes read."""
        return self._opened.share_read()

    def _blocks(self, progress: Progress) -> Iterator[bytes]:
        block, self._start = self._start, b""
        try:
            while block:
                yield block
                progress("reading", self.share_read())
                block = self._block(BLOCK_BYTES)
        finally:
            self._opened.close()

    def _block(self, n_bytes: int) -> bytes:
        try:
            return self._opened.read(n_bytes)
        except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, OSError) as error:
            # What was read until then is good.
            self._damage = str(error)
            return b""

    def _conclude(self) -> None:
        """Say what was read and what could not be; raise where there is nothing."""
        state, meter = self._meter.state, self._meter
        records, unknown = int(state["records"]), int(state["unknown"])
        if not records:
            cut = self._damage or meter.left or state["trouble"]
            what = "the capture is cut or damaged before its first packet" if cut else "the capture has no packets"
            raise DataError(what, where=self.name, mend="capture again, or copy the file again")
        if unknown == records:
            raise DataError(
                f"the packets are of a link type that is not known: {int(state['link'])}", where=self.name,
                mend="capture on an interface of Ethernet, Linux cooked or raw IP",
            )  # fmt: skip
        used = records - int(state["other"]) - int(state["damaged"]) - unknown
        if not used:
            raise DataError(
                f"none of the {_packets(records)} can be read: {int(state['other']):,} are neither IP nor ARP, "
                f"{int(state['damaged']):,} have headers that make no sense", where=self.name,
                mend="give a capture of IP packets",
            )  # fmt: skip
        self.notes += _notes(meter, self._damage)


def _packets(n: int) -> str:
    return f"{n:,} packet{'' if n == 1 else 's'}"


def _notes(meter: FlowMeter, damage: str | None) -> Iterator[str]:
    state = meter.state
    records = int(state["records"])
    if state["trouble"]:
        yield f"the file makes no sense after {_packets(records)}; what follows is left out"
    elif damage:
        yield f"the file is cut or damaged after {_packets(records)}: {damage}"
    elif meter.left or state["skip"]:
        yield f"the last record is cut after {_packets(records)}"
    told = (
        ("other", "neither IP nor ARP, and left out"),
        ("damaged", "left out because their headers are cut or make no sense"),
        ("unknown", f"left out because their link type is not known: {int(state['link'])}"),
        ("shortened", "shortened when they were captured: sizes are those that their headers say"),
    )
    for field, words in told:
        if n := int(state[field]):
            yield f"{n:,} of {_packets(records)} {'is' if n == 1 else 'are'} {words}"
    if meter.backwards:
        n = meter.backwards
        yield f"{_packets(n)} {'has' if n == 1 else 'have'} a time before that of the packet before"
    if meter.crowded:
        yield f"{meter.crowded:,} flows were ended early because too many went on at the same time"
