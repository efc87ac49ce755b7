"""Flows as a table with plain names of columns, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import SchemaError
from amiss.core.frame import Frame
from amiss.network.flows import PROTOCOLS, STATES, Flows

if TYPE_CHECKING:
    import polars as pl

__all__ = ["COLUMNS", "flows_of_table", "table_of_flows"]

_COUNTS = ("packets_out", "packets_in", "bytes_out", "bytes_in", "payload_out", "payload_in")
_WHOLE = ("src_port", "dst_port", "vlan", "flags_out", "flags_in")
COLUMNS = (
    "time", "duration", "src_ip", "src_port", "dst_ip", "dst_port", "protocol", "vlan", "service", "server_name",
    "state", *_COUNTS, "flags_out", "flags_in",
)  # fmt: skip
"""The columns that each flow has, before its statistics and its label; what is not known is missing."""
_NUMBERS = {name: number for number, name in PROTOCOLS.items()}


def table_of_flows(flows: Flows) -> Frame:
    """Flows as a table: `COLUMNS`, the statistics, and `label` where the flows have labels.

    Times are in UTC. Protocols stand by name, those without a common one by their number.

    Examples
    --------
    >>> from amiss.network.flows import Flows, UDP
    >>> from amiss.network.table import table_of_flows
    >>> flows = Flows.of(["10.0.0.1"], ["8.8.8.8"], start=[0.0], dst_port=[53], protocol=[UDP], service=["dns"])
    >>> table = table_of_flows(flows)
    >>> table.words("protocol"), table.words("service"), table.words("server_name")
    (['udp'], ['dns'], [None])
    """
    import polars as pl

    hosts = pl.Series(flows.hosts.words, dtype=pl.String)
    known, where = np.unique(flows.protocol, return_inverse=True)
    protocols = [PROTOCOLS.get(int(number), str(number)) if number >= 0 else None for number in known]
    microseconds = pl.Series(np.round(flows.start * 1e6)).fill_nan(None).cast(pl.Int64)
    columns: dict[str, pl.Series] = {
        "time": microseconds.cast(pl.Datetime("us", "UTC")),
        "duration": _real(flows.duration),
        "src_ip": hosts.gather(flows.src),
        "src_port": _whole(flows.src_port),
        "dst_ip": hosts.gather(flows.dst),
        "dst_port": _whole(flows.dst_port),
        "protocol": pl.Series(protocols, dtype=pl.String).gather(where),
        "vlan": _whole(flows.vlan),
        "service": _worded(flows.services, flows.service),
        "server_name": _worded(flows.names, flows.name),
        "state": _worded(STATES[1:], flows.state - 1),
        **{name: _counted(getattr(flows, name)) for name in _COUNTS},
        "flags_out": _whole(flows.flags_out),
        "flags_in": _whole(flows.flags_in),
    }
    for k, name in enumerate(flows.statistic_names):
        columns[name] = _real(flows.statistics[:, k])
    if flows.label:
        columns["label"] = pl.Series([word or None for word in flows.label], dtype=pl.String)
    return Frame(pl.DataFrame(columns))


def _real(values: npt.NDArray[Any]) -> pl.Series:
    import polars as pl

    return pl.Series(np.ascontiguousarray(values)).fill_nan(None)


def _counted(values: npt.NDArray[Any]) -> pl.Series:
    import polars as pl

    return _real(values).cast(pl.Int64, strict=False)


def _whole(values: npt.NDArray[Any]) -> pl.Series:
    import polars as pl

    series = pl.Series(values)
    return series.set(series < 0, None)


def _worded(words: Sequence[str], codes: npt.NDArray[Any]) -> pl.Series:
    """The words at some positions; missing where a position is below 0."""
    import polars as pl

    places = pl.Series(codes)
    return pl.Series([*words, None], dtype=pl.String).gather(places.set(places < 0, len(words)))


def flows_of_table(frame: Frame) -> Flows:
    """Flows from a table with such columns; those that are absent say nothing, further numbers become statistics.

    Raises
    ------
    SchemaError
        A column that says who spoke with whom is absent.
    """
    for name in ("src_ip", "dst_ip"):
        if name not in frame.names:
            raise SchemaError(
                f"there is no column {name!r} in the flows", mend="give the columns that amiss flows writes"
            )
    known = set(frame.names)
    columns: dict[str, Any] = {name: frame.numbers(name) for name in ("duration", *_COUNTS) if name in known}
    columns |= {name: _codes(frame.numbers(name)) for name in _WHOLE if name in known}
    words = {"service": "service", "server_name": "name", "label": "label"}
    columns |= {own: [word or "" for word in frame.words(name)] for name, own in words.items() if name in known}
    if "time" in known:
        columns["start"] = frame.times("time")
    if "protocol" in known:
        columns["protocol"] = [_protocol(word) for word in frame.words("protocol")]
    if "state" in known:
        columns["state"] = np.maximum(frame.codes("state", STATES), 0) % len(STATES)
    further = [name for name in frame.names if name not in (*COLUMNS, "label") and frame.kind(name) == "number"]
    if further:
        columns["statistics"] = np.column_stack([frame.numbers(name) for name in further])
        columns["statistic_names"] = tuple(further)
    hosts = ([word or "" for word in frame.words(name)] for name in ("src_ip", "dst_ip"))
    return Flows.of(*hosts, **columns)


def _codes(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    fine = np.isfinite(values) & (np.abs(values) < np.iinfo(np.int32).max)
    return np.where(fine, values, -1).astype(np.int32)


def _protocol(word: str | None) -> int:
    word = (word or "").strip().lower()
    return _NUMBERS.get(word, int(word) if word.isascii() and word.isdigit() and len(word) < 6 else -1)
