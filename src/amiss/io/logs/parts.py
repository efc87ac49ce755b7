"""Tables of connections, names and requests that several logs tell of, and the traffic they make together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.network.addresses import Addresses
from amiss.network.flows import STATES, Flows
from amiss.network.traffic import DnsMessages, HttpRequests, Traffic

if TYPE_CHECKING:
    import polars as pl

__all__ = ["DNS", "FLOWS", "HTTP", "TLS", "Parts", "fitted"]

_TEXT, _REAL, _WHOLE = "text", "real", "whole"
_ENDS = {"uid": _TEXT, "start": _REAL, "src": _TEXT, "dst": _TEXT, "src_port": _WHOLE, "dst_port": _WHOLE}
FLOWS = _ENDS | {
    "duration": _REAL, "protocol": _WHOLE, "vlan": _WHOLE, "state": _TEXT, "packets_out": _REAL, "packets_in": _REAL,
    "bytes_out": _REAL, "bytes_in": _REAL, "payload_out": _REAL, "payload_in": _REAL, "flags_out": _WHOLE,
    "flags_in": _WHOLE, "service": _TEXT, "name": _TEXT, "label": _TEXT,
}  # fmt: skip
"""Columns of a table of connections, and what they hold; statistics may follow, all of them numbers."""
DNS = _ENDS | {"name": _TEXT, "kind": _WHOLE, "code": _WHOLE, "question_bytes": _REAL, "answer_bytes": _REAL}
TLS = _ENDS | {"name": _TEXT}
HTTP = _ENDS | {
    "method": _TEXT, "host": _TEXT, "path": _TEXT, "agent": _TEXT, "body": _TEXT, "status": _WHOLE,
}  # fmt: skip
_ABSENT = {"src_port": 0, "dst_port": 0, "vlan": 0}
"""Whole numbers that are not −1 where nothing is said."""


def fitted(table: pl.DataFrame, columns: dict[str, str]) -> pl.DataFrame:
    """A table with exactly these columns in their types, then its other ones as numbers; what is missing is null."""
    import polars as pl

    types = {_TEXT: pl.String, _REAL: pl.Float64, _WHOLE: pl.Int32}
    more = [name for name in table.columns if name not in columns]
    return table.select(
        *(
            (pl.col(name) if name in table.columns else pl.lit(None)).cast(types[kind], strict=False).alias(name)
            for name, kind in columns.items()
        ),
        *(pl.col(name).cast(pl.Float64, strict=False) for name in more),
    )


@dataclass(slots=True)
class Parts:
    """What logs tell, as tables of `FLOWS`, `DNS`, `TLS` and `HTTP`, in the order read.

    Attributes
    ----------
    alerts
        Identities of connections of which an alarm of the source's own tells, and how often.
    """

    flows: list[pl.DataFrame] = field(default_factory=list)
    dns: list[pl.DataFrame] = field(default_factory=list)
    tls: list[pl.DataFrame] = field(default_factory=list)
    http: list[pl.DataFrame] = field(default_factory=list)
    alerts: dict[str, int] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """Rows of all tables."""
        return sum(table.height for tables in (self.flows, self.dns, self.tls, self.http) for table in tables)

    def traffic(self, notes: Sequence[str] = ()) -> Traffic:
        """All of it as one: names are given to connections by their identity.

        Connections that only a log of names or requests tells of become flows of which nothing but ends, start and
        service are known.
        """
        dns, tls, http = (_below(tables, of) for tables, of in ((self.dns, DNS), (self.tls, TLS), (self.http, HTTP)))
        flows = _below(self.flows, FLOWS)
        flows = _with_untold(flows, (("tls", tls), ("http", http), ("dns", dns)))
        flows = _named(flows, tls, http, dns)
        if self.alerts:
            flows = _alerted(flows, self.alerts)
        flows = flows.sort("start", nulls_last=True, maintain_order=True)
        hosts, codes = _coded_hosts([flows, dns, http])
        made = _flows_of(flows, hosts, codes[0])
        return Traffic(made, _dns_of(dns, codes[1]), _http_of(http, codes[2]), tuple(notes))


def _below(tables: Sequence[pl.DataFrame], columns: dict[str, str]) -> pl.DataFrame:
    import polars as pl

    if not tables:
        return fitted(pl.DataFrame(), columns).clear()
    found = pl.concat(tables, how="diagonal")
    return found if columns is FLOWS else found.sort("start", nulls_last=True, maintain_order=True)


def _with_untold(flows: pl.DataFrame, others: Sequence[tuple[str, pl.DataFrame]]) -> pl.DataFrame:
    """The connections, and those that only the other logs tell of."""
    import polars as pl

    for service, table in others:
        if not table.height:
            continue
        known = flows.select("uid").drop_nulls().unique()
        untold = table.join(known, on="uid", how="anti")
        if not untold.height:
            continue
        # Without an identity each entry is a connection of its own.
        untold = pl.concat(
            [
                untold.filter(pl.col("uid").is_null()),
                untold.drop_nulls("uid").unique("uid", keep="first", maintain_order=True),
            ]
        )
        made = untold.select(*_ENDS, pl.lit(service).alias("service"), pl.lit(_protocol_of(service)).alias("protocol"))
        flows = pl.concat([flows, fitted(made, FLOWS)], how="diagonal")
    return flows


def _protocol_of(service: str) -> int:
    return 17 if service == "dns" else 6


def _named(flows: pl.DataFrame, *others: pl.DataFrame) -> pl.DataFrame:
    """The first name that each of the others gives a connection, in their order, where it has none yet."""
    import polars as pl

    for table in others:
        name = "host" if "host" in table.columns else "name"
        names = table.select("uid", pl.col(name).alias("told")).filter(
            pl.col("told").is_not_null(), pl.col("told") != ""
        )
        names = names.drop_nulls("uid").unique("uid", keep="first", maintain_order=True)
        if names.height:
            flows = flows.join(names, on="uid", how="left", maintain_order="left")
            flows = flows.with_columns(pl.coalesce("name", "told").alias("name")).drop("told")
    return flows


def _alerted(flows: pl.DataFrame, alerts: dict[str, int]) -> pl.DataFrame:
    import polars as pl

    told = pl.DataFrame({"uid": list(alerts), "alerts": [float(n) for n in alerts.values()]})
    return flows.join(told, on="uid", how="left", maintain_order="left").with_columns(pl.col("alerts").fill_null(0.0))


def _coded_hosts(tables: Sequence[pl.DataFrame]) -> tuple[Addresses, list[tuple[npt.NDArray[np.int32], ...]]]:
    """The distinct hosts of all tables, in the order of the first, and the positions of both ends in each."""
    import polars as pl

    words = pl.concat([table[end] for table in tables for end in ("src", "dst")]).fill_null("")
    known = words.unique(maintain_order=True)
    codes = words.cast(pl.Enum(known)).to_physical().to_numpy().astype(np.int32)
    cuts = np.cumsum([table.height for table in tables for _ in range(2)])[:-1]
    each = np.split(codes, cuts)
    return Addresses(known.to_list()), [(each[i], each[i + 1]) for i in range(0, len(each), 2)]


def _words(column: pl.Series) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    """The distinct words that are there, and the position of each value, −1 where there is none."""
    import polars as pl

    column = column.set(column == "", None)
    known = column.drop_nulls().unique(maintain_order=True)
    codes = column.cast(pl.Enum(known)).to_physical().cast(pl.Int64).fill_null(-1)
    return tuple(known.to_list()), codes.to_numpy().astype(np.int32)


def _whole(table: pl.DataFrame, name: str) -> npt.NDArray[np.int32]:
    values: npt.NDArray[np.int32] = table[name].fill_null(_ABSENT.get(name, -1)).to_numpy().astype(np.int32)
    return values


def _real(table: pl.DataFrame, name: str) -> Vector:
    values: Vector = table[name].fill_null(float("nan")).to_numpy().astype(np.float64)
    # No figure of a flow is negative or without end; a log that says so says nothing.
    return np.where(np.isfinite(values) & (values >= 0), values, np.nan)


def _flows_of(table: pl.DataFrame, hosts: Addresses, ends: tuple[npt.NDArray[np.int32], ...]) -> Flows:
    services, service = _words(table["service"])
    names, name = _words(table["name"])
    state_words, state = _words(table["state"])
    known = np.array([STATES.index(word) if word in STATES else 0 for word in state_words] + [0], np.int32)
    more = [column for column in table.columns if column not in FLOWS]
    label = table["label"]
    reals = [column for column, kind in FLOWS.items() if kind == _REAL]
    wholes = [column for column, kind in FLOWS.items() if kind == _WHOLE]
    columns: dict[str, Any] = {one: _real(table, one) for one in reals} | {one: _whole(table, one) for one in wholes}
    return Flows(
        hosts=hosts, src=ends[0], dst=ends[1], state=known[state], service=service, services=services, name=name,
        names=names, statistics=np.column_stack([_real(table, one) for one in more]) if more else np.empty((0, 0)),
        statistic_names=tuple(more),
        label=tuple(label.fill_null("").to_list()) if label.null_count() < len(label) else (),
        **columns,
    )  # fmt: skip


def _dns_of(table: pl.DataFrame, ends: tuple[npt.NDArray[np.int32], ...]) -> DnsMessages:
    return DnsMessages(
        time=_real(table, "start"), client=ends[0], server=ends[1], name=_texts(table, "name"),
        kind=_whole(table, "kind"), code=_whole(table, "code"), question_bytes=_real(table, "question_bytes"),
        answer_bytes=_real(table, "answer_bytes"),
    )  # fmt: skip


def _http_of(table: pl.DataFrame, ends: tuple[npt.NDArray[np.int32], ...]) -> HttpRequests:
    return HttpRequests(
        time=_real(table, "start"), client=ends[0], server=ends[1], port=_whole(table, "dst_port"),
        method=_texts(table, "method"), host=_texts(table, "host"), path=_texts(table, "path", 2048),
        agent=_texts(table, "agent", 256), body=_texts(table, "body", 512), status=_whole(table, "status"),
    )  # fmt: skip


def _texts(table: pl.DataFrame, name: str, most: int = 0) -> tuple[str, ...]:
    column = table[name].fill_null("")
    return tuple((column.str.slice(0, most) if most else column).to_list())
