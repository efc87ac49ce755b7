"""Small traffic for tests: an office that does ordinary things, and whatever is added to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from amiss.network.addresses import Addresses
from amiss.network.flows import ARP, ICMP, STATES, TCP, UDP, Flows
from amiss.network.traffic import DnsMessages, HttpRequests, Traffic

BEGIN = 1_700_000_000.0


@dataclass
class Made:
    """Rows that become traffic."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    questions: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)

    def flow(self, src: str, dst: str, at: float, port: int = 443, **more: Any) -> None:
        ok = more.get("state", "SF") not in {"S0", "REJ"}
        out, back = more.get("payload_out", 500.0 if ok else 0.0), more.get("payload_in", 3000.0 if ok else 0.0)
        refused = more.get("state") == "REJ"
        row = {
            "src": src, "dst": dst, "start": at, "duration": float(ok), "src_port": 40_000 + len(self.rows) % 20_000,
            "dst_port": port, "protocol": TCP, "state": "SF", "packets_out": 4 + out // 1400 if ok else 1.0,
            "packets_in": 4 + back // 1400 if ok else float(refused), "payload_out": out, "payload_in": back,
            "flags_out": 27 if ok else 2, "flags_in": 27 if ok else 20 * refused, "service": "", "name": "",
        }  # fmt: skip
        row |= more
        row["bytes_out"] = more.get("bytes_out", row["payload_out"] + 40 * row["packets_out"])
        row["bytes_in"] = more.get("bytes_in", row["payload_in"] + 40 * row["packets_in"])
        self.rows.append(row)

    def ping(self, src: str, dst: str, at: float, *, there: bool) -> None:
        self.flow(
            src, dst, at, 0, src_port=8, protocol=ICMP, state="SF" if there else "S0", flags_out=-1, flags_in=-1,
            payload_out=56.0, payload_in=56.0 * there, packets_out=1.0, packets_in=float(there),
        )  # fmt: skip

    def arp(self, src: str, dst: str, at: float, *, there: bool) -> None:
        self.flow(
            src, dst, at, 0, src_port=0, protocol=ARP, state="SF" if there else "S0", flags_out=-1, flags_in=-1,
            payload_out=0.0, payload_in=0.0, packets_out=1.0, packets_in=float(there),
        )  # fmt: skip

    def ask(self, src: str, name: str, at: float, *, kind: int = 1, code: int = 0, server: str = "10.0.0.2") -> None:
        self.flow(
            src, server, at, 53, protocol=UDP, service="dns", name=name, flags_out=-1, flags_in=-1, packets_out=1.0,
            packets_in=1.0, payload_out=30.0 + len(name), payload_in=60.0 + len(name), duration=0.02,
        )  # fmt: skip
        self.questions.append({"time": at, "client": src, "server": server, "name": name, "kind": kind, "code": code})

    def request(self, src: str, dst: str, at: float, path: str, **more: Any) -> None:
        self.flow(src, dst, at, 80, service="http", name=more.get("host", ""))
        row = {"time": at, "client": src, "server": dst, "port": 80, "method": "GET", "host": "", "path": path}
        self.requests.append({**row, "agent": "Mozilla/5.0", "body": "", "status": 200, **more})

    def traffic(self) -> Traffic:
        rows = sorted(self.rows, key=lambda row: row["start"])
        columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else {})}
        words = {name: columns.pop(name, []) for name in ("src", "dst", "service", "name", "state")}
        flows = Flows.of(
            words["src"], words["dst"], service=words["service"], name=words["name"],
            state=[STATES.index(word) for word in words["state"]], **columns,
        )  # fmt: skip
        return Traffic(flows, self._dns(flows.hosts), self._http(flows.hosts))

    def _dns(self, hosts: Addresses) -> DnsMessages:
        at, rows = (
            {word: code for code, word in enumerate(hosts.words)},
            sorted(self.questions, key=lambda q: q["time"]),
        )
        if not rows:
            return DnsMessages.none()
        long = np.array([len(row["name"]) for row in rows], np.float64)
        return DnsMessages(
            np.array([row["time"] for row in rows]), np.array([at[row["client"]] for row in rows], np.int32),
            np.array([at[row["server"]] for row in rows], np.int32), tuple(row["name"] for row in rows),
            np.array([row["kind"] for row in rows], np.int32), np.array([row["code"] for row in rows], np.int32),
            30 + long, 60 + long,
        )  # fmt: skip

    def _http(self, hosts: Addresses) -> HttpRequests:
        at = {word: code for code, word in enumerate(hosts.words)}
        rows = sorted(self.requests, key=lambda row: row["time"])
        if not rows:
            return HttpRequests.none()
        whole = {name: np.array([row[name] for row in rows], np.int32) for name in ("port", "status")}
        codes = {name: np.array([at[row[name]] for row in rows], np.int32) for name in ("client", "server")}
        words = {name: tuple(row[name] for row in rows) for name in ("method", "host", "path", "agent", "body")}
        return HttpRequests(time=np.array([row["time"] for row in rows]), **whole, **codes, **words)


def office(seed: int = 0, hours: float = 3.0, n_hosts: int = 12) -> Made:
    """Hosts that browse in bursts, look up names, ask the time and mail, with failures now and then."""
    random = np.random.default_rng(seed)
    made = Made()
    sites = [f"www.site{i}.example" for i in range(60)]
    for number in range(n_hosts):
        host, at = f"10.0.0.{20 + number}", BEGIN + random.uniform(0, 600)
        made.flow(host, "10.0.0.2", BEGIN + random.uniform(0, 60), 67, protocol=UDP, payload_out=300.0)
        for minute in np.arange(random.uniform(0, 17), 60 * hours, 17.07):
            time = BEGIN + 60 * minute + random.normal()
            made.flow(host, "192.0.2.123", time, 123, protocol=UDP, payload_out=48.0, payload_in=48.0)
        while at < BEGIN + 3600 * hours:
            site = int(random.zipf(1.6)) % len(sites)
            made.ask(host, sites[site], at, code=0 if random.random() > 0.02 else 3)
            for _ in range(random.integers(1, 6)):
                state = "SF" if random.random() > 0.03 else str(random.choice(["S0", "REJ"]))
                sizes = {} if state != "SF" else {
                    "payload_out": float(random.lognormal(6.5, 1.0)), "payload_in": float(random.lognormal(9, 1.8)),
                }  # fmt: skip
                made.flow(
                    host, f"198.51.100.{site + 1}", at + random.exponential(1.0), name=sites[site], service="tls",
                    duration=float(random.lognormal(1, 1.5)), state=state, **sizes,
                )  # fmt: skip
            at += float(random.lognormal(3.5, 1.5))
    return made
