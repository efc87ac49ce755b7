"""Traffic: flows, and what was read in them of names, requests and devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from amiss.core.source import Progress
from amiss.core.summary import Vector
from amiss.network.addresses import Addresses
from amiss.network.flows import Flows

__all__ = ["DnsMessages", "HttpRequests", "Traffic", "TrafficSource"]

Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class DnsMessages:
    """Questions to name servers, one an entry, with what is known of the answer.

    Attributes
    ----------
    time : (n_messages,)
        Of the question, seconds since 1970 UTC.
    client, server : (n_messages,)
        Positions in the `hosts` of the flows they came with.
    name
        What was asked for, in lower case, without the dot at the end.
    kind : (n_messages,)
        Type of record asked for: 1 A, 28 AAAA, 16 TXT, 12 PTR …; −1 where it is not known.
    code : (n_messages,)
        Code of the answer: 0 found, 3 no such name …; −1 where there was none or it is not known.
    question_bytes, answer_bytes : (n_messages,)
        Bytes of the two messages; NaN where there was none or it is not known.
    """

    time: Vector
    client: Codes
    server: Codes
    name: tuple[str, ...]
    kind: Codes
    code: Codes
    question_bytes: Vector
    answer_bytes: Vector

    @classmethod
    def none(cls) -> DnsMessages:
        """No message."""
        whole, real = np.empty(0, np.int32), np.empty(0)
        return cls(real, whole, whole, (), whole, whole, real, real)

    @property
    def n_messages(self) -> int:
        """Number of questions."""
        return len(self.time)


@dataclass(frozen=True, slots=True)
class HttpRequests:
    """Requests to web servers that could be read, one an entry.

    Attributes
    ----------
    time : (n_requests,)
        Seconds since 1970 UTC.
    client, server : (n_requests,)
        Positions in the `hosts` of the flows they came with.
    port : (n_requests,)
        Port of the server.
    method, host, path, agent
        As sent, "" where absent; `path` with its query, at most 2,048 characters; `agent` at most 256.
    body
        First 512 characters of what was sent along, as far as they were in the same packet; "" for none.
    status : (n_requests,)
        Code of the answer, −1 where it is not known.
    """

    time: Vector
    client: Codes
    server: Codes
    port: Codes
    method: tuple[str, ...]
    host: tuple[str, ...]
    path: tuple[str, ...]
    agent: tuple[str, ...]
    body: tuple[str, ...]
    status: Codes

    @classmethod
    def none(cls) -> HttpRequests:
        """No request."""
        whole, real = np.empty(0, np.int32), np.empty(0)
        return cls(real, whole, whole, whole, (), (), (), (), (), whole)

    @property
    def n_requests(self) -> int:
        """Number of requests."""
        return len(self.time)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a source of network data says, for the whole time it covers.

    Attributes
    ----------
    flows
        The flows, in the order of their start.
    dns, http
        What was asked of name servers and web servers; their hosts are positions in `flows.hosts`.
    start, end
        First and last moment, seconds since 1970 UTC; NaN where there are no flows.
    notes
        What was read and what could not be, one sentence each.
    """

    flows: Flows
    dns: DnsMessages = field(default_factory=DnsMessages.none)
    http: HttpRequests = field(default_factory=HttpRequests.none)
    notes: tuple[str, ...] = ()

    @property
    def start(self) -> float:
        """First moment."""
        known = self.flows.start[~np.isnan(self.flows.start)]
        return float(known.min()) if len(known) else float("nan")

    @property
    def end(self) -> float:
        """Last moment."""
        known = self.flows.end[~np.isnan(self.flows.end)]
        return float(known.max()) if len(known) else float("nan")

    @classmethod
    def stacked(cls, parts: Sequence[Traffic]) -> Traffic:
        """Traffic of several sources as one, its flows in the order of their start."""
        flows = Flows.stacked([part.flows for part in parts])
        # Joined in the same order as by `Flows.stacked`, so that the positions are the same.
        hosts, at = Addresses(), []
        for part in parts:
            hosts, codes = hosts.joined(part.flows.hosts)
            at.append(codes)
        dns = [(part.dns, codes) for part, codes in zip(parts, at, strict=True) if part.dns.n_messages]
        http = [(part.http, codes) for part, codes in zip(parts, at, strict=True) if part.http.n_requests]
        order = np.argsort(flows.start, kind="stable")
        return cls(
            flows.take(order), _stacked_dns(dns), _stacked_http(http), tuple(n for part in parts for n in part.notes)
        )


class TrafficSource(Protocol):
    """A capture, a log or a folder of them.

    Attributes
    ----------
    name
        What the user calls it.
    notes
        What was read, what was not and why, one sentence each; complete when the traffic has been read.
    """

    name: str
    notes: list[str]

    def traffic(self, progress: Progress) -> Traffic:
        """All of it, read whole."""
        ...

    def share_read(self) -> float:
        """How much of it has been read, in [0, 1]."""
        ...


def _stacked_dns(parts: Sequence[tuple[DnsMessages, Codes]]) -> DnsMessages:
    if not parts:
        return DnsMessages.none()
    order = np.argsort(np.concatenate([one.time for one, _ in parts]), kind="stable")
    names = [name for one, _ in parts for name in one.name]

    def of(values: list[npt.NDArray[Any]]) -> Any:
        return np.concatenate(values)[order]

    return DnsMessages(
        time=of([one.time for one, _ in parts]), client=of([at[one.client] for one, at in parts]),
        server=of([at[one.server] for one, at in parts]), name=tuple(names[i] for i in order),
        kind=of([one.kind for one, _ in parts]), code=of([one.code for one, _ in parts]),
        question_bytes=of([one.question_bytes for one, _ in parts]),
        answer_bytes=of([one.answer_bytes for one, _ in parts]),
    )  # fmt: skip


def _stacked_http(parts: Sequence[tuple[HttpRequests, Codes]]) -> HttpRequests:
    if not parts:
        return HttpRequests.none()
    order = np.argsort(np.concatenate([one.time for one, _ in parts]), kind="stable")

    def of(values: list[npt.NDArray[Any]]) -> Any:
        return np.concatenate(values)[order]

    def words(field_name: str) -> tuple[str, ...]:
        found = [word for one, _ in parts for word in getattr(one, field_name)]
        return tuple(found[i] for i in order)

    return HttpRequests(
        time=of([one.time for one, _ in parts]), client=of([at[one.client] for one, at in parts]),
        server=of([at[one.server] for one, at in parts]), port=of([one.port for one, _ in parts]),
        method=words("method"), host=words("host"), path=words("path"), agent=words("agent"), body=words("body"),
        status=of([one.status for one, _ in parts]),
    )  # fmt: skip
