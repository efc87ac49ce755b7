"""Packets out of the bytes of a capture: the compiled loop and its twin."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.kernels import loops
from amiss.kernels.plain_packets import dissect_plainly, packets_plainly, questions_plainly

__all__ = ["CAPTURE", "PACKET", "QUESTION", "PacketReader", "Records", "dissect", "questions"]

Records = npt.NDArray[np.void]

INTERFACE = np.dtype(
    [("zero", "i8"), ("link", "i4"), ("snap", "u4"), ("resolution", "u4"), ("unused", "u4")], align=True
)
CAPTURE = np.dtype(
    [
        *((name, "i8") for name in ("done", "skip", "time", "records", "other", "damaged", "unknown", "shortened",
                                    "sections")),
        *((name, "i4") for name in ("form", "swapped", "trouble", "link", "n_interfaces", "unused")),
        ("interfaces", INTERFACE, (256,)),
    ],
    align=True,
)  # fmt: skip
PACKET = np.dtype(
    [
        *((name, "i8") for name in ("time", "start", "flow")),
        ("src", "u1", (16,)),
        ("dst", "u1", (16,)),
        *((name, "u4") for name in ("size", "payload", "captured", "sequence", "acknowledged", "id")),
        *((name, "u2") for name in ("src_port", "dst_port", "protocol", "vlan", "window")),
        *((name, "u1") for name in ("family", "flags", "ttl", "fragment", "reply", "kind", "again", "side")),
        ("unused", "u1", (2,)),
    ],
    align=True,
)
"""One packet, by its innermost headers; the fields are told of in headers.h."""
QUESTION = np.dtype(
    [("packet", "i8"), ("name", "i8"), ("name_length", "i4"), ("type", "i4"),
     *((name, "u2") for name in ("id", "answer", "code", "question"))],
    align=True,
)  # fmt: skip

_TEXT_A_MESSAGE = 16 * 256
_MESSAGES = 1024


class PacketReader:
    """Reads the packets of one capture, pcap or pcapng, a block of bytes at a time.

    Parameters
    ----------
    capacity
        Packets that are read at once.

    Attributes
    ----------
    state
        One record of `CAPTURE`: what was met with so far.
    """

    def __init__(self, capacity: int = 4096) -> None:
        self.state: Records = np.zeros(1, CAPTURE)
        self._packets: Records = np.zeros(capacity, PACKET)

    def read(self, block: npt.NDArray[np.uint8]) -> Records:
        """Packets from the beginning of a block on; `state["done"]` says how much of it they and their frames take.

        They lie in memory that is used again for the next ones. The next block is to begin with what was left.
        """
        if loops.compiled():
            n = loops.lib.amiss_packets(
                loops.address(block), len(block), loops.address(self.state, "amiss_capture"),
                loops.address(self._packets, "amiss_packet"), len(self._packets),
            )  # fmt: skip
        else:
            n = packets_plainly(block, self.state[0], self._packets)
        return self._packets[:n]


def dissect(frame: bytes, *, link: int = 1, original: int | None = None) -> tuple[int, Records]:
    """One packet that comes with no file, of a link type: why it can be part of no flow (0 if it can), and its record.

    Reasons are 1 for what is neither IP nor ARP, 2 for headers that are cut or make no sense, and 3 for a link type
    that is not known. `original` is the length that it had before it was shortened.
    """
    packet: Records = np.zeros(1, PACKET)
    length = len(frame) if original is None else original
    if not loops.compiled():
        return dissect_plainly(frame, length, link, packet[0]), packet
    found = loops.lib.amiss_dissect(
        loops.address(np.frombuffer(frame or b"\0", np.uint8)), len(frame), length, link,
        loops.address(packet, "amiss_packet"),
    )  # fmt: skip
    return int(found), packet


def questions(block: npt.NDArray[np.uint8], packets: Records) -> list[tuple[Records, bytes]]:
    """Questions to name servers in packets of a block, with the text that their names lie in, in pieces."""
    found: list[tuple[Records, bytes]] = []
    if not loops.compiled():
        return questions_plainly(block, packets, QUESTION)
    first = np.zeros(1, np.int64)
    while first[0] < len(packets):
        records: Records = np.zeros(_MESSAGES, QUESTION)
        text = np.empty(_MESSAGES * 64 + _TEXT_A_MESSAGE, np.uint8)
        n = loops.lib.amiss_questions(
            loops.address(block), len(block), loops.address(packets, "amiss_packet"), len(packets),
            loops.address(first), loops.address(records, "amiss_question"), len(records), loops.address(text),
            len(text),
        )  # fmt: skip
        if n:
            found.append((records[:n], text.tobytes()))
    return found
