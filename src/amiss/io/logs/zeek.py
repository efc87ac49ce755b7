"""Zeek's logs of connections, names and requests: tab-separated or JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from amiss.io.logs.lines import Log, whole_lines
from amiss.io.logs.objects import Objects, number, stamp, text
from amiss.io.logs.parts import DNS, FLOWS, HTTP, TLS, Parts, fitted

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Zeek", "ZeekJson"]

_NORMAL = ("benign", "normal", "background", "unknown")
_LAST_TIME = 1e11
"""Seconds; a later time is none."""
_REAL = ("ts", "duration", "orig_bytes", "resp_bytes", "orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes",
         "missed_bytes", "id_orig_p", "id_resp_p", "vlan", "qtype", "rcode", "status_code")  # fmt: skip
_TEXT = ("uid", "id_orig_h", "id_resp_h", "proto", "service", "conn_state", "history", "label", "detailedlabel",
         "query", "server_name", "method", "host", "uri", "user_agent", "post_body")  # fmt: skip
_FLAGS = {"S": 2, "H": 18, "A": 16, "D": 16, "F": 17, "R": 4}
"""Flags of TCP that the letters of a history tell of."""


@dataclass(slots=True)
class _Header:
    """How the lines that follow are written."""

    separator: bytes = b"\t"
    unset: str = "-"
    empty: str = "(empty)"
    path: str = ""
    fields: tuple[str, ...] = ()
    loose: bool = False

    def heed(self, line: bytes) -> None:
        """Take in a line that begins with #."""
        word, _, value = line[1:].partition(b" " if line.startswith(b"#separator") else self.separator)
        if word == b"separator":
            mark = re.fullmatch(rb"\\x([0-9a-fA-F]{2})", value.strip())
            letter = bytes([int(mark[1], 16)]) if mark else value.strip()[:1]
            self.separator = letter if letter.isascii() and letter not in (b"", b"\n", b"#") else b"\t"
        elif word == b"unset_field":
            self.unset = value.decode("utf-8", "replace")
        elif word == b"empty_field":
            self.empty = value.decode("utf-8", "replace")
        elif word == b"path":
            self.path = value.decode("utf-8", "replace").strip()
        elif word == b"fields":
            # Labels are added to published logs with blanks where the others have tabs.
            self.loose = self.separator == b"\t" and b"  " in value
            if self.loose:
                value = re.sub(rb" {2,}", b"\t", value)
            self.fields = tuple(plain_name(f) for f in value.decode("utf-8", "replace").split(self.separator.decode()))


class Zeek:
    """Logs as Zeek writes them by default: a header of lines that begin with #, then fields between tabs."""

    name: ClassVar = "Zeek"

    @staticmethod
    def recognises(start: bytes) -> bool:
        """Whether a file that begins so is such a log."""
        titled = start.startswith((b"#separator", b"#fields")) or b"\n#fields" in start[:4096]
        return (start.startswith(b"#") and titled) or _bare_header(start) is not None

    def read(self, log: Log, parts: Parts) -> None:
        """Add what the log tells to the parts."""
        header = _Header()
        for first, block in log.blocks():
            at = 0
            if first == 1 and (bare := _bare_header(block)) is not None:
                header, at = bare, block.index(b"\n") + 1
            while at < len(block):
                if block[at : at + 1] == b"#":
                    end = block.index(b"\n", at)
                    header.heed(block[at:end])
                    at = end + 1
                    continue
                end = block.find(b"\n#", at) + 1 or len(block)
                self._lines(log, parts, header, block[at:end], first + block.count(b"\n", 0, at))
                at = end

    def _lines(self, log: Log, parts: Parts, header: _Header, block: bytes, first: int) -> None:
        if header.loose:
            block = re.sub(rb" {2,}", b"\t", block)
        if "id_orig_h" not in header.fields:
            if header.fields:
                log.skipped[header.path or "entries without addresses"] += block.count(b"\n")
            else:
                log.harmed("no #fields line before", first, block.count(b"\n"))
            return
        lines, numbers = whole_lines(log, block, first, header.separator, len(header.fields))
        if len(numbers):
            add(log, parts, header.path or kind_of(header.fields), _table(lines, header), numbers)


class ZeekJson:
    """Logs of Zeek with one JSON object a line, of one kind or of several (`_path` tells)."""

    name: ClassVar = "Zeek"

    @staticmethod
    def recognises(start: bytes) -> bool:
        """Whether a file that begins so is such a log."""
        line = start.partition(b"\n")[0]
        return start.lstrip()[:1] == b"{" and (b'"id.orig_h"' in line or b'"id_orig_h"' in line)

    def read(self, log: Log, parts: Parts) -> None:
        """Add what the log tells to the parts."""
        import polars as pl

        for objects in Objects.of(log):
            kinds: dict[str, list[int]] = {}
            known: dict[tuple[str, ...], str] = {}
            for i, row in enumerate(objects.rows):
                path, fields = row.get("_path"), tuple(row)
                if fields not in known:
                    known[fields] = kind_of(fields)
                kinds.setdefault(path if isinstance(path, str) else known[fields], []).append(i)
            for kind, which in kinds.items():
                rows = [objects.rows[i] for i in which]
                spelled = {plain_name(name): name for name in set().union(*rows)}
                columns = [
                    pl.Series(name, [number(row.get(spelled[name])) for row in rows], pl.Float64)
                    for name in _REAL[1:]
                    if name in spelled
                ]
                columns += [
                    pl.Series(name, [text(row.get(spelled[name])) for row in rows], pl.String)
                    for name in _TEXT
                    if name in spelled
                ]
                times = pl.Series("ts", [stamp(row.get("ts")) for row in rows], pl.Float64)
                add(log, parts, kind, pl.DataFrame([*columns, times]), objects.numbers[which])


def _bare_header(start: bytes) -> _Header | None:
    """How a log is written that begins with the names of its fields, as one exported as CSV; None for any other."""
    line = start.partition(b"\n")[0].replace(b'"', b"").strip()
    fields = re.split(rb"[,\t;]", line)
    if not {b"id.orig_h", b"id_orig_h"} & set(fields) or line.startswith((b"#", b"{")):
        return None
    names = tuple(plain_name(field.decode("utf-8", "replace")) for field in fields)
    separator = re.search(rb"[,\t;]", line)
    return _Header(separator=separator[0] if separator else b",", fields=names)


def plain_name(name: str) -> str:
    """A name of a field as this file says it: `id.orig_h` and `id_orig_h` are one."""
    name = name.strip().replace(".", "_")
    return "detailedlabel" if name in ("detailed-label", "detailed_label") else name


def kind_of(fields: tuple[str, ...]) -> str:
    """Which log has these fields, where it does not say so itself; "" for none of those that are read."""
    telling = (
        ("conn", ("conn_state", "orig_pkts", "orig_ip_bytes")), ("dns", ("query", "qtype", "rcode")),
        ("http", ("uri", "status_code", "user_agent", "method")), ("ssl", ("server_name", "cipher", "ssl_history")),
    )  # fmt: skip
    return next((kind for kind, words in telling if any(word in fields for word in words)), "")


def _table(lines: bytes, header: _Header) -> pl.DataFrame:
    import polars as pl

    names: list[str] = []
    for i, name in enumerate(header.fields):
        names.append(name if name not in names else f"{name} {i}")
    wanted = [i for i, name in enumerate(names) if name in _REAL or name in _TEXT]
    types = {name: pl.Float64 if name in _REAL else pl.String for name in names}
    return pl.read_csv(
        lines, has_header=False, separator=header.separator.decode(), quote_char=None, schema=types, columns=wanted,
        null_values=[header.unset, header.empty], ignore_errors=True, encoding="utf8-lossy",
    )  # fmt: skip


def add(log: Log, parts: Parts, kind: str, raw: pl.DataFrame, numbers: np.ndarray[Any, Any]) -> None:
    """Add entries with Zeek's names of fields, read at these lines, to the parts."""
    import polars as pl

    made = {
        "conn": (_conn, parts.flows), "dns": (_dns, parts.dns), "ssl": (_ssl, parts.tls), "http": (_http, parts.http),
    }  # fmt: skip
    if kind not in made:
        log.skipped[kind or "entries of no known kind"] += raw.height
        return
    absent = [name for name in (*_REAL, *_TEXT) if name not in raw.columns]
    raw = raw.with_columns(pl.lit(None, pl.Float64 if name in _REAL else pl.String).alias(name) for name in absent)
    whole = raw["ts"].is_between(0, _LAST_TIME) & raw["id_orig_h"].is_not_null() & raw["id_resp_h"].is_not_null()
    whole = whole.fill_null(value=False)
    if not whole.all():
        log.harmed("no time or no address", int(numbers[whole.arg_min() or 0]), int((~whole).sum()))
        raw = raw.filter(whole)
    if raw.height:
        work, tables = made[kind]
        tables.append(work(raw))
        log.n_rows += raw.height


def _ends() -> list[pl.Expr]:
    import polars as pl

    named = {
        "uid": "uid", "start": "ts", "src": "id_orig_h", "dst": "id_resp_h", "src_port": "id_orig_p",
        "dst_port": "id_resp_p",
    }  # fmt: skip
    return [pl.col(theirs).alias(ours) for ours, theirs in named.items()]


def _conn(raw: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    icmp, v6 = pl.col("proto") == "icmp", pl.col("id_orig_h").str.contains(":", literal=True)
    numbers = {"tcp": 6, "udp": 17, "icmp": 1, "icmp6": 58, "sctp": 132, "gre": 47, "arp": 0x0806}
    made = raw.with_columns(pl.col("proto").str.to_lowercase()).select(
        *_ends(),
        duration=pl.when(pl.col("duration").is_null() & (_packets() == 1)).then(0.0).otherwise(pl.col("duration")),
        protocol=pl.when(icmp & v6).then(58).otherwise(pl.col("proto").replace_strict(numbers, default=-1)),
        vlan="vlan",
        # Zeek says OTH of everything without connections but UDP; whether it was answered is known all the same.
        state=pl.when(icmp & pl.col("resp_pkts").is_not_null())
        .then(pl.when(pl.col("resp_pkts") > 0).then(pl.lit("SF")).otherwise(pl.lit("S0")))
        .otherwise(pl.col("conn_state")),
        packets_out="orig_pkts", packets_in="resp_pkts", bytes_out="orig_ip_bytes", bytes_in="resp_ip_bytes",
        payload_out=_payload("orig", v6), payload_in=_payload("resp", v6),
        flags_out=_flags(upper=True), flags_in=_flags(upper=False),
        service=_service(),
        label=_label(), missed_bytes="missed_bytes",
    )  # fmt: skip
    return fitted(made, FLOWS)


def _service() -> pl.Expr:
    """The first of the services named; TLS is called by its name."""
    import polars as pl

    first = pl.col("service").str.to_lowercase().str.split(",").list.first().str.strip_prefix("-")
    return first.replace("ssl", "tls")


def _packets() -> pl.Expr:
    import polars as pl

    return pl.col("orig_pkts").fill_null(0) + pl.col("resp_pkts").fill_null(0)


def _payload(side: str, v6: pl.Expr) -> pl.Expr:
    """Bytes above the transport. Zeek says nothing of connections without a duration: then what headers leave over."""
    import polars as pl

    headers = pl.when(v6).then(48).otherwise(28) * pl.col(f"{side}_pkts")
    letters = pl.col("history").fill_null("d").str.contains("D" if side == "orig" else "d", literal=True)
    left = (
        pl.when(pl.col("proto") == "tcp")
        .then(pl.when(letters).then(None).otherwise(0.0))
        .otherwise((pl.col(f"{side}_ip_bytes") - headers).clip(0))
    )
    return pl.coalesce(f"{side}_bytes", pl.when(pl.col("duration").is_null()).then(left))


def _flags(*, upper: bool) -> pl.Expr:
    """Flags of TCP as far as the letters of the history tell; the responder's are lower case.

    0 where a side sent nothing; −1 where it did and no letter tells of flags, as of packets with a wrong checksum.
    """
    import polars as pl

    history = pl.col("history")
    all_letters = "".join(letter if upper else letter.lower() for letter in _FLAGS)
    total = pl.lit(0)
    for bit in (1, 2, 4, 16):
        letters = "".join(letter if upper else letter.lower() for letter, flags in _FLAGS.items() if flags & bit)
        total = total + pl.when(history.str.contains(f"[{letters}]")).then(bit).otherwise(0)
    silent = pl.col("orig_pkts" if upper else "resp_pkts") == 0
    told = (pl.col("proto") == "tcp") & (history.str.contains(f"[{all_letters}]") | (history.is_not_null() & silent))
    return pl.when(told.fill_null(value=False)).then(total).otherwise(-1)


def _label() -> pl.Expr:
    """The label, and of attacks the detail behind it."""
    import polars as pl

    plain = pl.col("label").str.to_lowercase().is_in(_NORMAL) | pl.col("detailedlabel").is_null()
    detailed = pl.concat_str("label", pl.lit(": "), "detailedlabel")
    return pl.when(plain).then(pl.col("label")).otherwise(detailed)


def _domain(name: str) -> pl.Expr:
    import polars as pl

    return pl.col(name).str.to_lowercase().str.strip_chars_end(".")


def _dns(raw: pl.DataFrame) -> pl.DataFrame:
    return fitted(raw.select(*_ends(), name=_domain("query"), kind="qtype", code="rcode"), DNS)


def _ssl(raw: pl.DataFrame) -> pl.DataFrame:
    return fitted(raw.select(*_ends(), name=_domain("server_name")), TLS)


def _http(raw: pl.DataFrame) -> pl.DataFrame:
    made = raw.select(
        *_ends(), method="method", host=_domain("host"), path="uri", agent="user_agent", body="post_body",
        status="status_code",
    )  # fmt: skip
    return fitted(made, HTTP)
