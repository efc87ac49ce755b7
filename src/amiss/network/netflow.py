"""Flow exports: what exporters tell of flows in NetFlow 5 and 9 and IPFIX."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from amiss.kernels.netflow import WRONG, Records, Templates
from amiss.network.addresses import Addresses
from amiss.network.flows import Flows
from amiss.network.pairing import OneWay, paired

__all__ = ["PORTS", "FlowExports", "is_export"]

PORTS = (2055, 4739, 9995, 9996)
"""Ports of UDP that exports are usually sent to."""
_AT_ONCE = 2048
_MOST_WAITING, _WAITING_BYTES = 1000, 4 << 20
_MOST_EXPORTERS = 65_536
_LAST_TIME = 1e11
_IMPOSSIBLE = "with times that cannot be"
_GAP = 1_000_000
"""A leap in the sequence numbers beyond which an exporter began anew."""


def is_export(datagram: bytes) -> bool:
    """Whether a datagram looks like NetFlow 5 or 9 or IPFIX, whatever its port."""
    if len(datagram) < 16:
        return False
    version, count = (int.from_bytes(datagram[at : at + 2], "big") for at in (0, 2))
    if version == 5:
        return 1 <= count <= 30 and len(datagram) == 24 + 48 * count
    if version == 9:
        return len(datagram) >= 20 and 1 <= count <= 1000 and _sets_fit(datagram, 20)
    return version == 10 and count == len(datagram) and _sets_fit(datagram, 16)


def _sets_fit(datagram: bytes, at: int) -> bool:
    while at + 4 <= len(datagram):
        length = int.from_bytes(datagram[at + 2 : at + 4], "big")
        if length < 4:
            return False
        at += length
    return at >= len(datagram) - 3 and at - len(datagram) <= 0


class FlowExports:
    """Takes datagrams as they come, and gives the flows that they tell of.

    Each exporter's templates are kept apart, by its observation domains. Sets that come before their template wait for
    it, up to 1,000 sets and 4 MiB. Where an exporter says that it looks at one packet of so many, packets and bytes are
    multiplied by that, and the flow's statistic "sampled" says it. Figures above the transport are not told of.

    Attributes
    ----------
    n_datagrams, n_records
        Datagrams taken, and records of flows in them.
    wrong
        Datagrams that could not be read, or not to their end, by reason.
    n_lost
        Records (of NetFlow 9, datagrams) that never came, by the sequence numbers.

    Examples
    --------
    >>> from amiss.network.netflow import FlowExports
    >>> exports = FlowExports()
    >>> exports.add(b"no export", "10.0.0.254", 0.0)
    >>> exports.flows().n_flows, dict(exports.wrong)
    (0, {'of another version': 1})
    """

    def __init__(self) -> None:
        self.n_datagrams = self.n_records = self.n_lost = self.n_dropped = 0
        self.wrong: Counter[str] = Counter()
        self._templates = Templates()
        self._exporters: dict[str, int] = {}
        self._came: list[bytes] = []
        self._from: list[int] = []
        self._waiting: list[tuple[bytes, int]] = []
        self._waiting_bytes = 0
        self._expected: dict[tuple[int, int, int], int] = {}
        self._read: list[Records] = []

    def add(self, datagram: bytes, exporter: str, time: float) -> None:
        """Take one datagram.

        Parameters
        ----------
        exporter
            Who sent it.
        time
            When it came, seconds since 1970 UTC; the records have times of their own.
        """
        if len(self._exporters) < _MOST_EXPORTERS:
            self._exporters.setdefault(exporter, len(self._exporters))
        self._came.append(datagram)
        self._from.append(self._exporters.get(exporter, _MOST_EXPORTERS))
        if len(self._came) >= _AT_ONCE:
            self._decode()

    def flows(self) -> Flows:
        """The flows of all datagrams since the last call; both directions are one, see `amiss.network.pairing`."""
        self._decode()
        records, self._read = self._read, []
        return paired(_one_way(records))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was read and what could not be, one sentence each."""
        found = [f"{self.n_datagrams:,} datagrams of flow exports told of {self.n_records:,} flows in one direction"]
        found += [f"{n:,} datagrams of flow exports were {_said(why)}" for why, n in self.wrong.most_common()]
        if self._waiting or self.n_dropped:
            n = len(self._waiting) + self.n_dropped
            found.append(f"{n:,} sets of flow exports could not be read: their templates did not come")
        if self.n_lost:
            found.append(f"by their sequence numbers {self.n_lost:,} flow exports did not arrive")
        if self._templates.n_forgotten:
            found.append(
                f"templates of flow exports were too many, and forgotten {self._templates.n_forgotten:,} times"
            )
        return tuple(found) if self.n_datagrams else ()

    def _decode(self) -> None:
        came, self._came = self._came, []
        exporter, self._from = np.array(self._from, np.int32), []
        if not came:
            return
        records = self._templates.decode(came, exporter)
        self.n_datagrams += len(came)
        self._count(records, exporter)
        self._take(records, came, exporter)
        if records.n_learnt and self._waiting:
            again, self._waiting, self._waiting_bytes = self._waiting, [], 0
            datagrams = [datagram for datagram, _ in again]
            exporter = np.array([code for _, code in again], np.int32)
            self._take(self._templates.decode(datagrams, exporter), datagrams, exporter)

    def _take(self, records: Records, came: list[bytes], exporter: npt.NDArray[np.int32]) -> None:
        self.n_dropped += records.n_dropped
        possible = (records.reals[:, 0] >= 0) & (records.reals[:, 1] < _LAST_TIME)
        if not possible.all():
            self.wrong[_IMPOSSIBLE] += len(set(records.wholes[~possible, 7].tolist()))
        self.n_records += int(possible.sum())
        if possible.any():
            kept = {name: getattr(records, name)[possible] for name in ("reals", "wholes", "addresses")}
            self._read.append(replace(records, **kept) if not possible.all() else records)
        for datagram, at, length in records.waiting.tolist():
            whole = came[datagram]
            head = 20 if whole[1] == 9 else 16
            kept = whole[:head] + whole[at : at + length]
            if head == 16:
                kept = kept[:2] + len(kept).to_bytes(2, "big") + kept[4:]
            if len(self._waiting) >= _MOST_WAITING or self._waiting_bytes + len(kept) > _WAITING_BYTES:
                self.n_dropped += 1
                continue
            self._waiting.append((kept, int(exporter[datagram])))
            self._waiting_bytes += len(kept)

    def _count(self, records: Records, exporter: npt.NDArray[np.int32]) -> None:
        """What was wrong, and what is missing in between."""
        for number, n in enumerate(np.bincount(records.told[:, 4]).tolist()):
            if number and n:
                self.wrong[WRONG[number]] += n
        unread = set(records.waiting[:, 0].tolist())
        rows = zip(exporter.tolist(), records.told.tolist(), strict=True)
        for i, (code, (version, domain, sequence, n_records, wrong)) in enumerate(rows):
            if wrong:
                continue
            key = (code, version, domain)
            expected = self._expected.get(key)
            if expected is not None:
                gap = (sequence - expected) % (1 << 32)
                if gap < _GAP:
                    self.n_lost += gap
                elif gap > (1 << 32) - _GAP:
                    # It was overtaken: what was taken for lost came late.
                    self.n_lost = max(self.n_lost - (1 if version == 9 else n_records), 0)
                    continue
            if version != 9 and i in unread:
                # How many records it has is not known before its template is.
                self._expected.pop(key, None)
            elif key in self._expected or len(self._expected) < _MOST_EXPORTERS:
                self._expected[key] = (sequence + (1 if version == 9 else n_records)) % (1 << 32)


def _said(why: str) -> str:
    return f"left out: {why}" if why.startswith(("shorter", "of")) else f"read in part: {why}"


def _one_way(parts: list[Records]) -> OneWay:
    reals = np.concatenate([part.reals for part in parts]) if parts else np.empty((0, 7))
    wholes = np.concatenate([part.wholes for part in parts]) if parts else np.empty((0, 8), np.int32)
    ends = np.concatenate([part.addresses for part in parts]) if parts else np.empty((0, 32), np.uint8)
    n = len(reals)
    hosts, codes = _hosts(np.concatenate([ends[:, :16], ends[:, 16:]]))
    sampled = np.maximum(np.nan_to_num(reals[:, 6], nan=1.0), 1.0)
    packets, size, packets_back, size_back = (reals[:, k] * sampled for k in range(2, 6))
    src_port, dst_port, protocol, flags, flags_back, vlan, exporter, _ = np.ascontiguousarray(wholes.T)
    return OneWay(
        hosts=hosts, exporter=exporter, start=reals[:, 0], end=reals[:, 1], src=codes[:n], dst=codes[n:],
        src_port=src_port, dst_port=dst_port, protocol=protocol, vlan=vlan, packets=packets, bytes=size,
        packets_back=packets_back, bytes_back=size_back, flags=flags, flags_back=flags_back, sampled=sampled,
    )  # fmt: skip


def _hosts(addresses: npt.NDArray[np.uint8]) -> tuple[Addresses, npt.NDArray[np.int32]]:
    """The distinct addresses as words, and the position of each given one."""
    halves = np.ascontiguousarray(addresses).view(">u8").astype(np.uint64)
    low_words, first, codes = np.unique(halves[:, 1], return_index=True, return_inverse=True)
    if len(halves) and (halves[:, 0] != halves[0, 0]).any():
        _, high = np.unique(halves[:, 0], return_inverse=True)
        both = high * len(low_words) + codes
        _, first, codes = np.unique(both, return_index=True, return_inverse=True)
    return Addresses(_words(addresses[first])), codes.astype(np.int32)


def _words(addresses: npt.NDArray[np.uint8]) -> list[str]:
    """Addresses as written; those of IPv4, which are most, without the way through an object."""
    mapped = np.frombuffer(bytes(10) + b"\xff\xff", np.uint8)
    fours = (addresses[:, :12] == mapped).all(axis=1)
    found = [f"{a}.{b}.{c}.{d}" for a, b, c, d in addresses[:, 12:].tolist()]
    for row in np.flatnonzero(~fours):
        found[row] = str(ipaddress.IPv6Address(addresses[row].tobytes()))
    return found
