"""Suricata's eve.json: flows, names, requests, and how often it raised an alarm itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from amiss.io.logs.lines import Log
from amiss.io.logs.objects import Objects, number, stamp, text
from amiss.io.logs.parts import DNS, FLOWS, HTTP, TLS, Parts, fitted
from amiss.network.flows import PROTOCOLS, STATES, TCP
from amiss.network.pairing import states_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Suricata"]

Row = dict[str, Any]
_NUMBERS = {name: code for code, name in PROTOCOLS.items()} | {"ipv6-icmp": 58, "icmpv6": 58}
_KINDS = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "NULL": 10, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "AAAA": 28,
    "SRV": 33, "NAPTR": 35, "DS": 43, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "SVCB": 64, "HTTPS": 65, "ANY": 255,
}  # fmt: skip
_CODES = {"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5}
_FRAME, _TAG = 14, 4
"""Bytes of a frame of Ethernet around the IP packet, which Suricata counts too, and of each tag of a VLAN."""


class Suricata:
    """Events as JSON, one a line: flow, dns of all versions, http, tls, quic; alerts are counted by flow.

    Suricata counts the bytes of whole frames; those of Ethernet around the IP packets are taken off.
    """

    name: ClassVar = "Suricata"

    @staticmethod
    def recognises(start: bytes) -> bool:
        """Whether a file that begins so is such a log."""
        line = start.partition(b"\n")[0]
        return start.lstrip()[:1] == b"{" and b'"event_type"' in line and b'"timestamp"' in line

    def read(self, log: Log, parts: Parts) -> None:
        """Add what the log tells to the parts."""
        questions = _Questions()
        for objects in Objects.of(log):
            found: dict[str, list[Row]] = {"flow": [], "http": [], "tls": []}
            for row, line in zip(objects.rows, objects.numbers.tolist(), strict=True):
                kind = row.get("event_type")
                if kind == "alert":
                    _count(parts.alerts, row)
                elif kind not in ("flow", "http", "tls", "quic", "dns"):
                    log.skipped[kind if isinstance(kind, str) else "events of no kind"] += 1
                elif (ends := _ends(row)) is None or not isinstance(row.get(kind), dict):
                    log.harmed("no time or no address", line)
                else:
                    log.n_rows += 1
                    _take(kind, ends, row, found, questions)
            if found["flow"]:
                parts.flows.append(_with_states(_table(found["flow"], FLOWS)))
            if found["http"]:
                parts.http.append(_table(found["http"], HTTP))
            if found["tls"]:
                parts.tls.append(_table(found["tls"], TLS))
        if asked := questions.rows():
            parts.dns.append(_table(asked, DNS))


def _count(alerts: dict[str, int], row: Row) -> None:
    uid = _uid(row)
    if uid is not None:
        alerts[uid] = alerts.get(uid, 0) + 1


def _take(kind: str, ends: Row, row: Row, found: dict[str, list[Row]], questions: _Questions) -> None:
    if kind == "dns":
        questions.take(ends, row["dns"])
    elif kind == "flow":
        found["flow"].append(_flow(ends, row))
    elif kind == "http":
        found["http"].append(_http(ends, row["http"]))
    else:
        found["tls"].append(ends | {"name": _domain(row[kind].get("sni"))})


class _Questions:
    """Questions to name servers, and the codes of their answers, which come as events of their own."""

    def __init__(self) -> None:
        self._asked: list[tuple[tuple[str, object], Row]] = []
        self._answered: dict[tuple[str, object], Row] = {}

    def take(self, ends: Row, dns: Row) -> None:
        """Take in a question or an answer; the first answer of the same number belongs to a question."""
        number_of, queries = dns.get("id"), dns.get("queries")
        key = (ends["uid"] or "", number_of if isinstance(number_of, int) else None)
        asked = [q for q in queries if isinstance(q, dict)] if isinstance(queries, list) else [dns]
        rows = [ends | {"name": _domain(q.get("rrname")), "kind": _kind(q.get("rrtype"))} for q in asked]
        if dns.get("type") in ("query", "request"):
            self._asked += [(key, row) for row in rows]
        elif rows:
            turned = {}
            if ends["src_port"] == 53:
                # An answer goes from the server to who asked.
                pairs = (("src", "dst"), ("dst", "src"), ("src_port", "dst_port"), ("dst_port", "src_port"))
                turned = {ours: ends[theirs] for ours, theirs in pairs}
            self._answered.setdefault(key, rows[0] | turned | {"code": _code(dns.get("rcode"))})

    def rows(self) -> list[Row]:
        """The questions with the codes of their answers, and the answers whose question is not there."""
        asked = {key for key, _ in self._asked}
        found = [row | {"code": self._answered.get(key, {}).get("code")} for key, row in self._asked]
        return found + [row for key, row in self._answered.items() if key not in asked]


def _uid(row: Row) -> str | None:
    found = row.get("flow_id")
    return str(found) if isinstance(found, (int, str)) else None


def _ends(row: Row) -> Row | None:
    """When, and between whom; None where that is not told."""
    when, src, dst = stamp(row.get("timestamp")), text(row.get("src_ip")), text(row.get("dest_ip"))
    if when is None or src is None or dst is None or not 0 <= when < 1e11:
        return None
    ports = {"src_port": number(row.get("src_port")), "dst_port": number(row.get("dest_port"))}
    return {"uid": _uid(row), "start": when, "src": src, "dst": dst} | ports


def _flow(ends: Row, row: Row) -> Row:
    flow, tcp = row["flow"], row.get("tcp")
    tcp = tcp if isinstance(tcp, dict) else {}
    word = (text(row.get("proto")) or "").lower()
    vlan = row.get("vlan")
    tags = vlan if isinstance(vlan, list) else [] if vlan is None else [vlan]
    start, end = stamp(flow.get("start")), stamp(flow.get("end"))
    service = text(row.get("app_proto"))
    made = ends | {
        "start": ends["start"] if start is None else start,
        "duration": None if start is None or end is None else end - start,
        "protocol": _NUMBERS.get(word, -1), "vlan": number(tags[0]) if tags else 0,
        "service": None if service in ("failed", "unknown") else service,
        "flags_out": _flags(tcp.get("tcp_flags_ts")), "flags_in": _flags(tcp.get("tcp_flags_tc")),
    }  # fmt: skip
    if word in ("icmp", "ipv6-icmp", "icmpv6"):
        made |= {"src_port": number(row.get("icmp_type")), "dst_port": number(row.get("icmp_code"))}
    around = _FRAME + _TAG * len(tags)
    for side, theirs in (("out", "toserver"), ("in", "toclient")):
        packets, size = number(flow.get(f"pkts_{theirs}")), number(flow.get(f"bytes_{theirs}"))
        made[f"packets_{side}"] = packets
        made[f"bytes_{side}"] = None if size is None or packets is None else max(size - around * packets, 0.0)
    return made


def _flags(word: object) -> int | None:
    try:
        return int(word, 16) & 255 if isinstance(word, str) else None
    except ValueError:
        return None


def _http(ends: Row, http: Row) -> Row:
    body = text(http.get("http_request_body_printable"))
    names = {"method": "http_method", "path": "url", "agent": "http_user_agent"}
    words = {ours: text(http.get(theirs)) for ours, theirs in names.items()}
    return ends | words | {"host": _domain(http.get("hostname")), "body": body, "status": number(http.get("status"))}


def _domain(value: object) -> str | None:
    word = text(value)
    return word.lower().rstrip(".") if word else None


def _kind(value: object) -> float | None:
    word = text(value)
    return number(value) if word is None else _KINDS.get(word.upper())


def _code(value: object) -> float | None:
    word = text(value)
    return number(value) if word is None else _CODES.get(word.upper())


def _table(rows: list[Row], columns: dict[str, str]) -> pl.DataFrame:
    import polars as pl

    made = {}
    for name, kind in columns.items():
        values = [row.get(name) for row in rows]
        made[name] = pl.Series(values, dtype=pl.String if kind == "text" else pl.Float64, strict=False)
    return fitted(pl.DataFrame(made), columns)


def _with_states(flows: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    out, back = (flows[name].fill_null(-1).to_numpy() for name in ("flags_out", "flags_in"))
    answered = flows["packets_in"].fill_null(0).to_numpy() > 0
    codes = states_of((flows["protocol"] == TCP).to_numpy(), out, back, answered, np.zeros(len(answered), np.bool_))
    return flows.with_columns(pl.Series("state", [STATES[code] for code in codes], pl.String))
