"""Flows out of packets: the compiled loop and its twin."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.kernels import loops
from amiss.kernels.packets import Records
from amiss.kernels.plain_assembly import PlainTable

__all__ = ["FLOW", "FlowTable", "entropies"]

_SIDE_WHOLE = ("size_min", "size_max", "with_payload", "again", "late", "twice", "acks_again", "closed")
SIDE = np.dtype(
    [
        ("packets", "i8"), ("bytes", "i8"), ("payload", "i8"), ("squares", "f8"),
        *((name, "i8") for name in ("last", "gap_sum", "gap_min", "gap_max")),
        ("gap_squares", "f8"), ("again_bytes", "i8"),
        *((name, "u4") for name in _SIDE_WHOLE),
        ("flags", "u4", (8,)),
        *((name, "u4") for name in ("next", "hole_low", "hole_high", "sequence", "acknowledged", "id")),
        *((name, "u2") for name in ("window_first", "window_min", "window_max")),
        *((name, "u1") for name in ("ttl_min", "ttl_max", "seen", "endpoint", "known", "hello")),
        *((name, "u4") for name in ("last_size", "hello_left", "n_head")),
        ("head", "u1", (64,)),
    ],
    align=True,
)  # fmt: skip
FLOW = np.dtype(
    [
        *((name, "i8") for name in ("serial", "start", "last", "gap_sum", "gap_min", "gap_max")),
        ("gap_squares", "f8"),
        *((name, "i8") for name in ("active", "burst_bytes", "burst_bytes_max", "asked", "shaken", "spoken",
                                    "replied")),
        ("src", "u1", (16,)),
        ("dst", "u1", (16,)),
        *((name, "u2") for name in ("src_port", "dst_port", "first_port", "second_port", "protocol", "vlan")),
        *((name, "u1") for name in ("family", "kinds", "n_sizes", "turned")),
        *((name, "u4") for name in ("bursts", "burst_packets", "burst_packets_max", "fragments")),
        ("sizes", "i4", (8,)),
        ("side", SIDE, (2,)),
    ],
    align=True,
)  # fmt: skip
"""One flow; the fields are told of in assembly.h."""
FRAGMENT = np.dtype(
    [("src", "u1", (16,)), ("dst", "u1", (16,)), ("id", "u4"),
     *((name, "u2") for name in ("src_port", "dst_port", "protocol", "vlan", "family", "unused"))],
    align=True,
)  # fmt: skip
TABLE = np.dtype(
    [
        ("idle", "i8"), ("longest", "i8"), ("seed", "u8"),
        *((name, "i8") for name in ("capacity", "n_slots", "n_flows", "serial", "crowded", "backwards", "time")),
        *((name, "i4") for name in ("oldest", "newest", "vacant", "fresh")),
    ],
    align=True,
)  # fmt: skip

_FRAGMENTS = 1024
_AT_ONCE = 1024
_NANOSECONDS = 1_000_000_000
_FOREVER = (1 << 63) - 1


class FlowTable:
    """The flows that go on, of a fixed number; those that have ended are handed out.

    Parameters
    ----------
    idle_timeout
        Seconds without a packet after which a flow has ended, above 0.
    active_timeout
        Seconds from its start after which the next packet begins another flow, above 0.
    capacity
        Flows that may go on at the same time, at least 1; when there are more, those that have been without a packet
        for longest are put out. A flow takes 720 bytes,
        once there are as many.
    """

    def __init__(self, *, idle_timeout: float = 120.0, active_timeout: float = 1800.0, capacity: int = 131_072) -> None:
        idle, longest = (max(1, int(seconds * _NANOSECONDS)) for seconds in (idle_timeout, active_timeout))
        self._idle = idle
        self._plain = None if loops.compiled() else PlainTable(idle, longest, capacity, _FRAGMENTS, FLOW)
        if self._plain is not None:
            return
        n_slots = 1 << max(4, (2 * capacity - 1).bit_length())
        self._table: Records = np.zeros(1, TABLE)
        for name, value in (("idle", idle), ("longest", longest), ("capacity", capacity), ("n_slots", n_slots)):
            self._table[name] = value
        # Where packets fall in the table is not for those who send them to know.
        self._table["seed"] = int.from_bytes(os.urandom(8), "little")
        self._table["oldest"] = self._table["newest"] = self._table["vacant"] = -1
        self._flows: Records = np.zeros(capacity, FLOW)
        self._slots = np.zeros(n_slots, np.uint64)
        self._older, self._newer = np.zeros(capacity, np.int32), np.zeros(capacity, np.int32)
        self._ended: Records = np.zeros(_AT_ONCE, FLOW)
        self._fragments: Records = np.zeros(_FRAGMENTS, FRAGMENT)

    @property
    def crowded(self) -> int:
        """Flows that were put out because there was no room."""
        return self._plain.crowded if self._plain is not None else int(self._table["crowded"][0])

    @property
    def backwards(self) -> int:
        """Packets whose time is before that of the packet before."""
        return self._plain.backwards if self._plain is not None else int(self._table["backwards"][0])

    @property
    def n_flows(self) -> int:
        """Flows that go on."""
        return self._plain.n_flows if self._plain is not None else int(self._table["n_flows"][0])

    def add(self, packets: Records, block: npt.NDArray[np.uint8]) -> Iterator[Records]:
        """Add packets whose payloads lie in a block; the flows that have ended meanwhile, in pieces.

        The pieces lie in memory that is used again for the next ones. Sets `flow` (its `serial`), `side`, `again` and
        `kind` of the packets. To be gone through to its end.
        """
        if self._plain is not None:
            ended = self._plain.add(packets, block)
            if len(ended):
                yield ended
            return
        first = np.zeros(1, np.int64)
        ended = self._ended
        while first[0] < len(packets):
            n = loops.lib.amiss_assemble(
                loops.address(packets, "amiss_packet"), len(packets), loops.address(first), loops.address(block),
                *self._places(), loops.address(self._fragments, "amiss_fragment"), len(self._fragments),
                loops.address(ended, "amiss_flow"), len(ended),
            )  # fmt: skip
            if n:
                yield ended[:n]

    def put_out(self, time: float | None = None) -> Iterator[Records]:
        """All flows that still go on, in pieces as those of `add`, which thereby have ended.

        With a time, in seconds since 1970 UTC, only those that are over by then because no packet came for so long.
        """
        since = _FOREVER if time is None else int(time * _NANOSECONDS) - self._idle
        if self._plain is not None:
            ended = self._plain.put_out(since)
            if len(ended):
                yield ended
            return
        while True:
            n = loops.lib.amiss_put_out(
                *self._places(), since, loops.address(self._ended, "amiss_flow"), len(self._ended)
            )
            if not n:
                return
            yield self._ended[:n]

    def _places(self) -> tuple[object, ...]:
        return (
            loops.address(self._table, "amiss_table"), loops.address(self._flows, "amiss_flow"),
            loops.address(self._slots), loops.address(self._older), loops.address(self._newer),
        )  # fmt: skip


def entropies(heads: npt.NDArray[np.uint8], lengths: npt.NDArray[np.int64]) -> Vector:
    """Entropy of the first so many bytes of each row, at least one, in bits a byte: (n_rows,)."""
    n, width = heads.shape
    found = np.empty(n)
    counts = np.arange(width + 1.0)
    weights = counts * np.log2(np.maximum(counts, 1.0))
    if loops.compiled():
        loops.lib.amiss_entropies(
            loops.address(np.ascontiguousarray(heads)), loops.address(lengths), n, width, loops.address(weights),
            loops.address(found),
        )  # fmt: skip
        return found
    for i, length in enumerate(lengths):
        of_each = np.bincount(heads[i, :length], minlength=256)
        found[i] = weights[length] / length - sum(weights[of_each]) / length
    return found
