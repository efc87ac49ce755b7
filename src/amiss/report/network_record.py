"""The result on network traffic as a record: what `--format json` prints."""

from __future__ import annotations

from typing import Any

import msgspec

from amiss import __version__
from amiss.core.finding import Event
from amiss.pipeline.events import iso_time
from amiss.pipeline.network_events import HostRank
from amiss.pipeline.network_result import NetworkResult

__all__ = ["NetworkRecord", "network_record", "network_record_schema"]


class TrafficRecord(msgspec.Struct, frozen=True):
    """What was read."""

    name: str
    kind: str
    n_flows: int
    n_hosts: int
    start: str | None
    end: str | None
    notes: list[str]


class ExclusionRecord(msgspec.Struct, frozen=True):
    """An exclusion, and how many events it hides."""

    exclusion: str
    n_hidden: int


class NetworkRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A result of detect on network traffic."""

    format: str
    amiss_version: str
    data: TrafficRecord
    known_good: str | None
    n_events: int
    n_judged: int
    hosts: list[HostRank]
    events: list[Event]
    exclusions: list[ExclusionRecord]


def network_record(result: NetworkResult, n: int | None = None) -> NetworkRecord:
    """The record of a result, with its `n` gravest events; by default all."""
    traffic = result.traffic
    return NetworkRecord(
        format="amiss-network/1",
        amiss_version=__version__,
        data=TrafficRecord(
            result.source.name, result.kind, len(result), len(traffic.flows.hosts),
            iso_time(traffic.start, zoned=True), iso_time(traffic.end, zoned=True), result.notes,
        ),
        known_good=result.known_good,
        n_events=result.n_events,
        n_judged=result.n_judged,
        hosts=list(result.hosts),
        events=result.events if n is None else result.events[:n],
        exclusions=[ExclusionRecord(text, hidden) for text, hidden in result.hidden],
    )  # fmt: skip


def network_record_schema() -> dict[str, Any]:
    """JSON schema of a `NetworkRecord`."""
    return msgspec.json.schema(NetworkRecord)
