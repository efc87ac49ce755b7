"""Flows in the making: batches of connections, from which packets, bytes and flags follow."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.datasets.network import counts
from amiss.datasets.network.messages import answer_bytes, question_bytes, request_bytes
from amiss.datasets.network.timing import heavy
from amiss.network.addresses import address_of, within
from amiss.network.flows import ARP, ICMP, ICMP6, STATES, TCP, UDP

__all__ = ["Label", "Sheet"]

Codes = npt.NDArray[np.int32]
Hosts = int | np.integer[Any] | Sequence[int] | npt.NDArray[Any]
Numbers = float | np.integer[Any] | Sequence[float] | npt.NDArray[Any]

_NEAR = tuple(ipaddress.ip_network(word) for word in ("10.0.0.0/8", "192.168.0.0/16", "fc00::/7", "fe80::/10"))


@dataclass(slots=True)
class Label:
    """What a stretch of the making is about; its flows carry its number."""

    kind: str
    variant: str
    host: str
    peers: tuple[str, ...]
    planted: bool


@dataclass(slots=True)
class Sheet:
    """Collects flows, questions and requests; all hosts, services and names by number.

    Methods take arrays or single values, which are repeated; they return the numbers of the new flows.
    """

    random: np.random.Generator
    hosts: dict[str, int] = field(default_factory=dict)
    services: dict[str, int] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    labels: list[Label] = field(default_factory=list)
    parts: list[dict[str, npt.NDArray[Any]]] = field(default_factory=list)
    dns_parts: list[dict[str, Any]] = field(default_factory=list)
    http_parts: list[dict[str, Any]] = field(default_factory=list)
    tag: int = 0
    n_flows: int = 0
    _far: list[float] = field(default_factory=list)
    _six: list[bool] = field(default_factory=list)
    _ports: list[int] = field(default_factory=list)

    def host(self, word: str) -> int:
        """The number of a host."""
        if word not in self.hosts:
            self.hosts[word] = len(self.hosts)
            address = address_of(word)
            near = within(word, _NEAR)
            self._six.append(address is not None and address.version == 6)
            self._far.append(float(np.exp(self.random.normal(-8.0 if near else -3.6, 0.3 if near else 0.7))))
            self._ports.append(int(self.random.integers(0, 16_000)))
        return self.hosts[word]

    @contextmanager
    def about(
        self, kind: str, variant: str, host: str, peers: Sequence[str] = (), *, planted: bool = True
    ) -> Iterator[Label]:
        """Flows that are added within carry this label."""
        label = Label(kind, variant, host, tuple(peers), planted)
        self.labels.append(label)
        before, self.tag = self.tag, len(self.labels)
        try:
            yield label
        finally:
            self.tag = before

    def tcp(
        self, start: Numbers, src: Hosts, dst: Hosts, port: Hosts, out: Numbers = 0, into: Numbers = 0, *,
        state: str | Sequence[str] = "SF", duration: Numbers | None = None, service: str = "",
        name: Sequence[str] | None = None, src_port: Hosts | None = None, segment_out: Numbers = 1448,
        segment_in: Numbers = 1448, tries: Hosts = 1, flags: int = 2, retries: bool = True,
    ) -> npt.NDArray[np.int64]:  # fmt: skip
        """Connections with these bytes of payload; `tries` is how often a SYN without an answer is sent."""
        made, n = self._batch(start, src, dst, port, TCP, src_port)
        words = [state] * n if isinstance(state, str) else state
        made["state"] = np.array([STATES.index(word) for word in words], np.int32)
        made["payload_out"], made["payload_in"] = np.floor(_full(out, n)), np.floor(_full(into, n))
        made["segment_out"], made["segment_in"] = _full(segment_out, n), _full(segment_in, n)
        if service == "ssh":
            # A packet of it is never shorter than its length and its check.
            for way in ("out", "in"):
                left = made[f"payload_{way}"] % made[f"segment_{way}"]
                made[f"payload_{way}"] += np.where((left > 0) & (left < 28), 28, 0)
        made["tries"], made["first_flags"] = _full(tries, n), np.full(n, flags, np.int32)
        counts.count_tcp(made, self.random, retries=retries)
        far = made["far"]
        usual = far * (2 + self.random.exponential(2, n)) + (made["payload_out"] + made["payload_in"]) / 4e6
        counts.last_tcp(made, usual if duration is None else _full(duration, n))
        return self._add(made, service, name)

    def udp(
        self, start: Numbers, src: Hosts, dst: Hosts, port: Hosts, out: Numbers, into: Numbers = 0, *,
        packets_out: Numbers = 1, packets_in: Numbers | None = None, duration: Numbers | None = None,
        service: str = "", name: Sequence[str] | None = None, src_port: Hosts | None = None,
    ) -> npt.NDArray[np.int64]:  # fmt: skip
        """Exchanges of datagrams with these bytes of payload; without an answer where `into` is 0."""
        made, n = self._batch(start, src, dst, port, UDP, src_port)
        made["payload_out"], made["payload_in"] = np.floor(_full(out, n)), np.floor(_full(into, n))
        made["packets_out"] = np.maximum(np.floor(_full(packets_out, n)), np.ceil(made["payload_out"] / 1400))
        answered = (made["payload_in"] > 0) | (_full(0 if packets_in is None else packets_in, n) > 0)
        wanted = np.maximum(
            np.floor(_full(1 if packets_in is None else packets_in, n)), np.ceil(made["payload_in"] / 1400)
        )
        made["packets_in"] = np.where(answered, wanted, 0)
        counts.count_datagrams(made, 8)
        both = made["packets_out"] + made["packets_in"]
        usual = np.where(both > 1, made["far"] * (1 + self.random.exponential(0.2, n)), 0)
        made["duration"] = usual if duration is None else np.where(both > 1, _full(duration, n), 0)
        return self._add(made, service, name)

    def icmp(
        self, start: Numbers, src: Hosts, dst: Hosts, *, packets: Numbers = 1, answered: Numbers = 1,
        size: Numbers = 56, kind: int = 8, code: int = 0, duration: Numbers | None = None,
    ) -> npt.NDArray[np.int64]:  # fmt: skip
        """Echo requests (or another `kind`), answered or not."""
        made, n = self._batch(start, src, dst, code, ICMP, kind)
        made["protocol"] = np.where(made["six"], ICMP6, ICMP).astype(np.int32)
        made["src_port"] = np.where(made["six"] & (made["src_port"] == 8), 128, made["src_port"]).astype(np.int32)
        made["packets_out"] = _full(packets, n)
        made["packets_in"] = made["packets_out"] * _full(answered, n)
        made["payload_out"], made["payload_in"] = made["packets_out"] * size, made["packets_in"] * size
        counts.count_datagrams(made, 8)
        usual = np.where(made["packets_in"] > 0, made["far"], 0) + np.maximum(made["packets_out"] - 1, 0)
        made["duration"] = usual if duration is None else _full(duration, n)
        return self._add(made, "", None)

    def arp(self, start: Numbers, src: Hosts, dst: Hosts, answered: Numbers = 1) -> npt.NDArray[np.int64]:
        """Questions for a neighbour's hardware address."""
        made, n = self._batch(start, src, dst, 0, ARP, 0)
        made["packets_out"], made["packets_in"] = np.ones(n), _full(answered, n)
        made["payload_out"], made["payload_in"] = np.zeros(n), np.zeros(n)
        counts.count_datagrams(made, 0)
        made["bytes_out"], made["bytes_in"] = made["packets_out"] * 28, made["packets_in"] * 28
        made["duration"] = np.where(made["packets_in"] > 0, made["far"], 0)
        return self._add(made, "", None)

    def dns(
        self, start: Numbers, client: Hosts, server: Hosts, name: Sequence[str], *, kind: Hosts = 1, code: Hosts = 0,
        answer: Numbers = 16,
    ) -> npt.NDArray[np.int64]:  # fmt: skip
        """Questions of one message each, with `answer` bytes of records in what comes back; none where code is −1."""
        n = len(name)
        codes, kinds = np.broadcast_to(code, n).astype(np.int32), np.broadcast_to(kind, n).astype(np.int32)
        question = np.array([question_bytes(word) for word in name], np.float64).reshape(n)
        reply = np.where(codes < 0, 0, answer_bytes(question, kinds, codes, _full(answer, n)))
        ids = self.udp(start, client, server, 53, question, reply, service="dns", name=name)
        part = self.parts[-1]
        self.dns_parts.append({
            "time": part["start"], "client": part["src"], "server": part["dst"], "name": list(name), "kind": kinds,
            "code": codes, "question_bytes": question, "answer_bytes": np.where(codes < 0, np.nan, reply), "flow": ids,
        })  # fmt: skip
        return ids

    def http(
        self, start: Numbers, client: Hosts, server: Hosts, port: Hosts, *, host: Sequence[str], path: Sequence[str],
        method: str | Sequence[str] = "GET", agent: str | Sequence[str] = "", body: str | Sequence[str] = "",
        status: Hosts = 200, into: Numbers | None = None, duration: Numbers | None = None, state: str = "SF",
    ) -> npt.NDArray[np.int64]:  # fmt: skip
        """Connections with one request each that can be read."""
        n = len(path)
        methods, agents, bodies = (_words(word, n) for word in (method, agent, body))
        out = [request_bytes(*parts) for parts in zip(methods, host, path, agents, bodies, strict=True)]
        sizes = heavy(self.random, 6000, 1.4, n) if into is None else _full(into, n)
        ids = self.tcp(
            start, client, server, port, np.array(out, np.float64).reshape(n), np.maximum(sizes, 160), service="http",
            name=host, duration=duration, state=state,
        )  # fmt: skip
        part = self.parts[-1]
        self.http_parts.append({
            "time": part["start"] + np.minimum(2 * part["far"], part["duration"]), "client": part["src"],
            "server": part["dst"], "port": part["dst_port"], "method": methods, "host": list(host), "path": list(path),
            "agent": agents, "body": [word[:512] for word in bodies],
            "status": np.broadcast_to(status, n).astype(np.int32), "flow": ids, "sent": bodies,
        })  # fmt: skip
        return ids

    def _batch(
        self, start: Numbers, src: Hosts, dst: Hosts, port: Hosts, protocol: int, src_port: Hosts | None
    ) -> tuple[dict[str, npt.NDArray[Any]], int]:
        starts, froms, tos, ports = np.broadcast_arrays(np.atleast_1d(start), src, dst, port)
        n = len(starts)
        made: dict[str, npt.NDArray[Any]] = {
            "start": starts.astype(np.float64), "src": froms.astype(np.int32), "dst": tos.astype(np.int32),
            "dst_port": ports.astype(np.int32), "protocol": np.full(n, protocol, np.int32),
        }  # fmt: skip
        made["six"] = np.array(self._six, np.bool_)[made["dst"]]
        made["far"] = np.array(self._far)[made["dst"]] * self.random.uniform(0.9, 1.3, n)
        given = self._ephemeral(made) if src_port is None else np.broadcast_to(src_port, n)
        made["src_port"] = given.astype(np.int32)
        return made, n

    def _ephemeral(self, made: dict[str, npt.NDArray[Any]]) -> Codes:
        """Ports that each host counts up, with gaps, as systems do."""
        src = made["src"]
        order = np.lexsort((made["start"], src))
        steps = np.cumsum(self.random.integers(1, 4, len(src)))
        first = np.flatnonzero(np.diff(src[order], prepend=-1))
        base = np.repeat(steps[first] if len(first) else steps, np.diff(np.append(first, len(src))))
        offset = np.empty(len(src), np.int64)
        offset[order] = steps - base
        at = np.array(self._ports)
        ports = at[src] + offset
        for host in src[order][first]:
            self._ports[host] = int(at[host] + offset[src == host].max() + 1) if len(first) < 400 else self._ports[host]
        # Two families of systems: half of the hosts use the upper range alone, as Windows does.
        windows = src % 2 == 0
        found: Codes = np.where(windows, 49_152 + ports % 16_384, 32_768 + ports % 28_232).astype(np.int32)
        return found

    def _add(
        self, made: dict[str, npt.NDArray[Any]], service: str, name: Sequence[str] | None
    ) -> npt.NDArray[np.int64]:
        n = len(made["start"])
        made["service"] = np.full(n, _number(self.services, service), np.int32)
        known = self.names
        made["name"] = (
            np.full(n, -1, np.int32)
            if name is None
            else np.array([_number(known, w) for w in name], np.int32).reshape(n)
        )
        made["tag"] = np.full(n, self.tag, np.int32)
        self.parts.append(made)
        ids = np.arange(self.n_flows, self.n_flows + n)
        self.n_flows += n
        return ids


def _number(known: dict[str, int], word: str) -> int:
    return known.setdefault(word, len(known)) if word else -1


def _full(values: Numbers, n: int) -> Vector:
    found: Vector = np.floor(np.broadcast_to(values, n).astype(np.float64) * 1e6) / 1e6
    return found.copy()


def _words(words: str | Sequence[str], n: int) -> list[str]:
    return [words] * n if isinstance(words, str) else list(words)
