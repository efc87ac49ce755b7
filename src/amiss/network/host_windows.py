"""What each host did in each window of time: counts that merge, for pieces of a day, streams and clusters."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from amiss.core.errors import ParameterError
from amiss.network.addresses import Addresses
from amiss.network.outcomes import failed
from amiss.network.traffic import Traffic
from amiss.summaries.cardinality import Cardinality, hashed

__all__ = ["HostWindows"]

_SUMS = ("flows", "failed", "packets_out", "packets_in", "bytes_out", "bytes_in")
_DIFFERENT = ("peers", "ports", "targets", "failed_targets")


@dataclass(frozen=True, slots=True)
class HostWindows:
    """Counts of what hosts began, one line for each host and window of time in which it began anything.

    Attributes
    ----------
    seconds
        Length of a window; windows begin at multiples of it since 1970 UTC.
    hosts
        The addresses that `host` are positions in.
    host : (n_lines,)
        Who.
    window : (n_lines,)
        Number of the window since 1970 UTC; lines are in the order of window, then host.
    sums : (n_lines, 6)
        Flows, those that failed, packets and bytes out and in.
    different : 4 entries
        Different peers, ports, targets (a port of a peer), and targets of which an attempt failed.

    Examples
    --------
    >>> from amiss.network.flows import Flows, TCP
    >>> flows = Flows.of(["10.0.0.1"] * 2, ["10.0.0.2", "10.0.0.3"], start=[5.0, 6.0], dst_port=[22, 22],
    ...                  protocol=[TCP, TCP])
    >>> one = HostWindows.of(Traffic(flows), seconds=60)
    >>> one.column("flows"), one.column("peers"), one.column("ports")
    (array([2.]), array([2.]), array([1.]))
    """

    seconds: float
    hosts: Addresses
    host: npt.NDArray[np.int64]
    window: npt.NDArray[np.int64]
    sums: npt.NDArray[np.float64]
    different: tuple[Cardinality, ...]

    @classmethod
    def of(cls, traffic: Traffic, *, seconds: float = 300.0) -> HostWindows:
        """Of some traffic; a flow belongs to the window in which it began.

        Raises
        ------
        ParameterError
            `seconds` is not above 0.
        """
        if not seconds > 0:
            raise ParameterError(f"windows of {seconds} s hold nothing", mend="give a number above 0")
        flows = traffic.flows
        known = np.flatnonzero(np.isfinite(flows.start))
        window = np.floor(flows.start[known] / seconds).astype(np.int64)
        host = flows.src[known].astype(np.int64)
        lines, line = _lines(window, host)
        n = len(lines[0])
        bad = failed(flows)[known]
        columns = (np.ones(len(known)), bad, *(getattr(flows, name)[known] for name in _SUMS[2:]))
        counted = [np.bincount(line, np.nan_to_num(one.astype(np.float64)), n) for one in columns]
        sums = np.column_stack(counted).astype(np.float64)
        peer = _names(flows.hosts)[flows.dst[known]] if len(known) else np.zeros(0, np.uint64)
        service = hashed(flows.protocol[known].astype(np.int64) * 65_536 + flows.dst_port[known])
        target = hashed(peer ^ service)
        different = (
            Cardinality.of(line, peer, n), Cardinality.of(line, service, n), Cardinality.of(line, target, n),
            Cardinality.of(line[bad], target[bad], n),
        )  # fmt: skip
        return cls(seconds, flows.hosts, lines[1], lines[0], sums, different)

    def merge(self, other: HostWindows) -> HostWindows:
        """Of the flows of both.

        Raises
        ------
        ParameterError
            Their windows are of different length.
        """
        if self.seconds != other.seconds:
            what = f"windows of {self.seconds:g} s and of {other.seconds:g} s do not go together"
            raise ParameterError(what, mend="count both in windows of the same length")
        hosts, codes = self.hosts.joined(other.hosts)
        theirs = codes[other.host] if len(other.host) else other.host
        window, host = np.concatenate([self.window, other.window]), np.concatenate([self.host, theirs])
        lines, line = _lines(window, host.astype(np.int64))
        n, cut = len(lines[0]), len(self.host)
        sums = np.zeros((n, len(_SUMS)))
        sums[line[:cut]] += self.sums
        sums[line[cut:]] += other.sums
        different = tuple(
            a.moved(line[:cut], n).merge(b.moved(line[cut:], n))
            for a, b in zip(self.different, other.different, strict=True)
        )
        return HostWindows(self.seconds, hosts, lines[1], lines[0], sums, different)

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """A count by its name: "flows", "failed", "packets_out", …, "peers", "ports", "targets", "failed_targets"."""
        if name in _SUMS:
            return self.sums[:, _SUMS.index(name)]
        return self.different[_DIFFERENT.index(name)].counts()

    @property
    def start(self) -> npt.NDArray[np.float64]:
        """When each line's window begins, seconds since 1970 UTC: (n_lines,)."""
        return np.asarray(self.window * self.seconds, np.float64)


def _lines(
    window: npt.NDArray[np.int64], host: npt.NDArray[np.int64]
) -> tuple[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]], npt.NDArray[np.int64]]:
    """The different pairs in ascending order, and which of them each is."""
    if not len(window):
        return (window, host), np.zeros(0, np.int64)
    order = np.lexsort((host, window))
    w, h = window[order], host[order]
    new = np.ones(len(w), np.bool_)
    new[1:] = (w[1:] != w[:-1]) | (h[1:] != h[:-1])
    line = np.empty(len(w), np.int64)
    line[order] = np.cumsum(new) - 1
    return (w[new], h[new]), line


def _names(hosts: Addresses) -> npt.NDArray[np.uint64]:
    """A hash of each address that is the same whatever its position."""
    digests = b"".join(blake2b(word.encode(), digest_size=8).digest() for word in hosts.words)
    return np.frombuffer(digests, np.uint64)
