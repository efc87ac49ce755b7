"""What nfdump prints of its files: CSV, and the lines of `line`, `long` and `extended`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from amiss.core.frame import Frame
from amiss.io.logs.lines import Log, whole_lines, without_zone
from amiss.io.logs.parts import FLOWS, Parts, fitted
from amiss.network.addresses import Addresses
from amiss.network.flows import PROTOCOLS, STATES
from amiss.network.pairing import OneWay, paired

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Nfdump", "NfdumpText"]

_SPELLINGS = {
    "start": ("ts", "firstSeen", "first"), "duration": ("td", "duration"), "src": ("sa", "srcAddr", "src4_addr"),
    "dst": ("da", "dstAddr", "dst4_addr"), "src_port": ("sp", "srcPort"), "dst_port": ("dp", "dstPort"),
    "protocol": ("pr", "proto"), "flags": ("flg", "flags", "tcpFlags"), "packets": ("ipkt", "packets", "inPackets"),
    "bytes": ("ibyt", "bytes", "inBytes"), "packets_back": ("opkt", "outPackets"), "bytes_back": ("obyt", "outBytes"),
    "vlan": ("svln", "srcVlan"),
}  # fmt: skip
_NUMBERS = {name: code for code, name in PROTOCOLS.items()} | {"icmp6": 58, "ipv6-icmp": 58}
_TEXT = ("start", "src", "dst", "protocol", "flags", "src_port", "dst_port")
_FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128}
_UNITS = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "": 1.0}
_LONGEST_SECONDS = 1e9
_NUMBER = r"\d+(?:\.\d*)?"
_LINE = re.compile(
    rf"(?P<start>\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) +(?P<duration>(?:\d+:)*{_NUMBER}) +(?P<protocol>\S+) +"
    r"(?P<src>\S+) +(?P<way><?->) +(?P<dst>\S+) +"
    rf"(?:(?P<flags>[.CEUAPRSF0-9x]{{6,8}}) +\d+ +)?"
    rf"(?P<packets>{_NUMBER}(?: ?[KMGT])?) +(?P<bytes>{_NUMBER}(?: ?[KMGT])?)\s"
)


class Nfdump:
    """CSV of `nfdump -o csv`, the records of both directions paired as those of flow exports are.

    Times are printed without a zone, and taken for UTC; older versions print no fractions of a second.
    """

    name: ClassVar = "nfdump"

    @staticmethod
    def recognises(start: bytes) -> bool:
        """Whether a file that begins so is such a table."""
        names = start.partition(b"\n")[0].decode("utf-8", "replace").strip().split(",")
        return {"start", "src", "dst", "protocol", "bytes"} <= set(_named(names))

    def read(self, log: Log, parts: Parts) -> None:
        """Add what the table tells to the parts."""
        import polars as pl

        names: list[str] = []
        tables, reading = [], ""
        for first, whole in log.blocks():
            block, line = whole, first
            if not names:
                head, _, block = block.partition(b"\n")
                names, line = _named(head.decode("utf-8", "replace").strip().split(",")), first + 1
            # The sums at the end are no flows.
            block = re.split(rb"(?m)^(?:Summary|No matched flows)\b", block, maxsplit=1)[0]
            lines, numbers = whole_lines(log, block, line, b",", len(names))
            if not len(numbers):
                continue
            raw = _table(lines, names)
            frame = Frame(raw)
            reading = reading or frame.reading("start")[0]
            log.zoneless |= without_zone(raw["start"])
            raw = raw.with_columns(start=pl.Series(frame.times("start", reading)))
            tables.append(_whole_rows(log, raw, numbers))
        _paired_into(log, parts, tables)


class NfdumpText:
    """Lines of `nfdump -o line`, `long` or `extended`; large numbers are printed rounded, as 1.2 M."""

    name: ClassVar = "nfdump"

    @staticmethod
    def recognises(start: bytes) -> bool:
        """Whether a file that begins so is such a list."""
        return start.startswith((b"Date first seen", b"Date flow start")) and b"IP Addr:Port" in start[:300]

    def read(self, log: Log, parts: Parts) -> None:
        """Add what the lines tell to the parts."""
        import polars as pl

        tables = []
        for first, block in log.blocks():
            rows: list[dict[str, Any]] = []
            numbers = []
            for i, line in enumerate(block.decode("utf-8", "replace").split("\n"), first):
                found = _LINE.match(line + " ")
                if found:
                    rows.append(_of_line(found))
                    numbers.append(i)
                elif line[:2].isdigit():
                    log.harmed("not as nfdump prints it", i)
            if rows:
                log.zoneless = True
                frame = Frame(pl.DataFrame({"start": [row["start"] for row in rows]}))
                made = pl.DataFrame(rows).with_columns(start=pl.Series(frame.times("start", "")))
                tables.append(_whole_rows(log, made, np.array(numbers)))
        _paired_into(log, parts, tables)


def _of_line(found: re.Match[str]) -> dict[str, Any]:
    row: dict[str, Any] = found.groupdict()
    clock = [float(part) for part in row["duration"].split(":")]
    row["duration"] = sum(part * 60.0**i for i, part in enumerate(reversed(clock)))
    for name in ("src", "dst"):
        # Addresses of IPv6 have a point before the port, because they are full of colons.
        mark = ":" if row[name].count(":") == 1 else "."
        row[name], _, row[f"{name}_port"] = row[name].rpartition(mark)
    for name in ("packets", "bytes"):
        digits = row[name].rstrip("KMGT ")
        row[name] = float(digits) * _UNITS[row[name][len(digits) :].strip()]
    return row


def _named(written: list[str]) -> list[str]:
    known = {word: ours for ours, words in _SPELLINGS.items() for word in words}
    names: list[str] = []
    for i, name in enumerate(written):
        ours = known.get(name.strip(), name.strip())
        names.append(ours if ours not in names else f"{ours} {i}")
    return names


def _table(lines: bytes, names: list[str]) -> pl.DataFrame:
    import polars as pl

    types = {name: pl.Float64 if name in _SPELLINGS and name not in _TEXT else pl.String for name in names}
    wanted = [i for i, name in enumerate(names) if name in _SPELLINGS]
    return pl.read_csv(
        lines, has_header=False, quote_char=None, schema=types, columns=wanted, ignore_errors=True,
        encoding="utf8-lossy",
    )  # fmt: skip


def _whole_rows(log: Log, raw: pl.DataFrame, numbers: np.ndarray[Any, Any]) -> pl.DataFrame:
    import polars as pl

    absent = [name for name in _SPELLINGS if name not in raw.columns]
    raw = raw.with_columns(pl.lit(None, pl.String if name in _TEXT else pl.Float64).alias(name) for name in absent)
    whole = raw["start"].is_between(0, 1e11) & (raw["src"].str.strip_chars() != "") & raw["dst"].is_not_null()
    whole = whole.fill_null(value=False)
    if not whole.all():
        log.harmed("no time or no address", int(numbers[whole.arg_min() or 0]), int((~whole).sum()))
    log.n_rows += int(whole.sum())
    return raw.filter(whole)


def _paired_into(log: Log, parts: Parts, tables: list[pl.DataFrame]) -> None:
    import polars as pl

    if not tables or not (table := pl.concat(tables, how="diagonal_relaxed")).height:
        return
    n = table.height
    hosts, ends = Addresses.coded([word.strip() for name in ("src", "dst") for word in table[name].to_list()])
    words = [(word or "").strip().lower() for word in table["protocol"].to_list()]
    protocol = np.array([int(w) if w.isdigit() and len(w) < 4 else _NUMBERS.get(w, -1) for w in words], np.int32)
    src_port, dst_port = _ports(table, np.isin(protocol, (1, 58)))
    flags = np.array([_flags_of(word) for word in table["flags"].to_list()], np.int32)
    start = table["start"].to_numpy()
    numbers = {name: _figures(table, name) for name in ("packets", "bytes", "packets_back", "bytes_back")}
    duration = np.nan_to_num(_figures(table, "duration", _LONGEST_SECONDS))
    flows = paired(OneWay(
        hosts=hosts, exporter=np.zeros(n, np.int32), start=start,
        end=start + duration, src=ends[:n], dst=ends[n:], src_port=src_port,
        dst_port=dst_port, protocol=protocol,
        vlan=table["vlan"].cast(pl.Int32, strict=False).fill_null(0).clip(0, 4095).to_numpy(), flags=flags,
        flags_back=np.full(n, -1, np.int32), sampled=np.ones(n), **numbers,
    ))  # fmt: skip
    columns = {
        name: getattr(flows, name)
        for name in FLOWS
        if name not in ("uid", "src", "dst", "service", "name", "label", "state")
    }
    made = pl.DataFrame(columns).with_columns(
        src=pl.Series([flows.hosts.words[code] for code in flows.src], dtype=pl.String),
        dst=pl.Series([flows.hosts.words[code] for code in flows.dst], dtype=pl.String),
        state=pl.Series([STATES[code] for code in flows.state], dtype=pl.String),
    )
    parts.flows.append(fitted(made, FLOWS))


def _figures(table: pl.DataFrame, name: str, most: float = 1e18) -> np.ndarray[Any, Any]:
    """Numbers from 0 to `most`; NaN for what is none or cannot be."""
    values = table[name].fill_null(float("nan")).to_numpy()
    return np.where((values >= 0) & (values <= most), values, np.nan)


def _ports(table: pl.DataFrame, icmp: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Ports; of ICMP, printed as type.code in the place of the target's, its type and code."""
    import polars as pl

    found = []
    for name in ("src_port", "dst_port"):
        column = table[name].cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)
        found.append(column.fill_null(0.0).clip(0, 65535).to_numpy())
    src, dst = (values.astype(np.int32) for values in found)
    code = np.round((found[1] - dst) * 10).astype(np.int32)
    return np.where(icmp, dst, src).astype(np.int32), np.where(icmp, code, dst).astype(np.int32)


def _flags_of(word: str | None) -> int:
    if word is None or not word.strip():
        return -1
    if word.strip().startswith("0x"):
        try:
            return int(word, 16) & 255
        except ValueError:
            return -1
    return sum(bit for letter, bit in _FLAGS.items() if letter in word)
