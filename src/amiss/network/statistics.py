"""What is told of each flow beyond its counts: sizes, gaps, flags, windows, bursts, first bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.kernels.assembly import entropies

__all__ = ["STATISTICS", "Statistic", "statistics"]

Records = npt.NDArray[np.void]
_SECONDS = 1e-9
_FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")
_N_SIZES = 8


class Statistic(NamedTuple):
    """One column of the statistics of flows.

    Attributes
    ----------
    name
        Of the column; `out` is from who began to the other, `in` the way back.
    unit
        "bytes", "seconds", "packets", "share", "bits a byte", or "" for a plain number.
    meaning
        What it says, and when it is missing.
    """

    name: str
    unit: str
    meaning: str


def _described() -> Iterator[Statistic]:
    for way, said in (("out", "from who began"), ("in", "from the other")):
        for part, word in (("min", "smallest"), ("mean", "mean"), ("std", "standard deviation"), ("max", "largest")):
            yield Statistic(
                f"size_{way}_{part}", "bytes", f"size of the IP packets {said}: {word}; missing without any"
            )
        for part, word in (("min", "shortest"), ("mean", "mean"), ("std", "standard deviation"), ("max", "longest")):
            yield Statistic(
                f"gap_{way}_{part}", "seconds",
                f"time from one packet {said} to the next: {word}; missing below two packets",
            )  # fmt: skip
        yield Statistic(f"payload_packets_{way}", "packets", f"packets with payload {said}")
        for flag in _FLAGS:
            yield Statistic(f"{flag}_{way}", "packets", f"packets of TCP with the flag {flag.upper()} {said}")
        for part, word in (("min", "lowest"), ("max", "highest")):
            yield Statistic(
                f"ttl_{way}_{part}", "", f"hops that packets {said} may still go: {word}; missing without any"
            )
        for part, word in (("first", "first"), ("min", "smallest"), ("max", "largest")):
            yield Statistic(
                f"window_{way}_{part}", "", f"window of TCP as in the header, {said}: {word}; missing elsewhere"
            )
        yield Statistic(f"window_{way}_zero", "packets", f"packets of TCP {said} with a window of 0, resets aside")
        yield Statistic(
            f"retransmitted_{way}", "packets", f"packets of TCP {said} whose sequence numbers had been there before"
        )
        yield Statistic(f"retransmitted_bytes_{way}", "bytes", "payload of these that had been there before")
        yield Statistic(
            f"out_of_order_{way}", "packets",
            f"packets of TCP {said} that fill the last gap in sequence numbers; of several gaps the earlier ones are "
            "not known, and what fills them counts as retransmitted",
        )  # fmt: skip
        yield Statistic(
            f"duplicates_{way}", "packets",
            f"packets {said} with the identification and size of the one before, as where a capture sees each twice",
        )  # fmt: skip
        yield Statistic(f"repeated_acks_{way}", "packets", f"bare acknowledgements of TCP {said} like the one before")
        yield Statistic(
            f"entropy_{way}", "bits a byte",
            f"of the first payload's first 64 bytes {said}, in [0, 6]; missing without any",
        )  # fmt: skip
    for part, word in (("min", "shortest"), ("mean", "mean"), ("std", "standard deviation"), ("max", "longest")):
        yield Statistic(f"gap_{part}", "seconds", f"time from one packet to the next, either way: {word}")
    yield Statistic("active_seconds", "seconds", "time of gaps that are shorter than a second, summed")
    yield Statistic("bursts", "", "groups of packets with a second or more between one group and the next")
    yield Statistic("burst_packets_max", "packets", "packets in the largest such group")
    yield Statistic("burst_bytes_max", "bytes", "bytes in the largest such group")
    yield Statistic("bytes_out_share", "share", "of all bytes, those that went out, in [0, 1]")
    yield Statistic("packets_per_second", "", "packets over the duration; missing where that is 0")
    yield Statistic("bytes_per_second", "", "bytes over the duration; missing where that is 0")
    yield Statistic("handshake_seconds", "seconds", "from the packet that opens a connection of TCP to its answer")
    yield Statistic("response_seconds", "seconds", "from the first payload out to the first that came in after it")
    yield Statistic("fragments", "packets", "packets that are fragments of IP packets")
    for k in range(1, _N_SIZES + 1):
        yield Statistic(
            f"first_size_{k}", "bytes", f"size of packet {k}, below 0 if it came in; missing where there is none"
        )


STATISTICS = tuple(_described())
"""All of them, in the order of the columns."""


def statistics(flows: Records) -> npt.NDArray[np.float32]:
    """The statistics of flows, from the records of the assembly: (n_flows, n_statistics)."""
    found = dict(_of_sides(flows))
    found.update(_of_both(flows))
    made = np.empty((len(flows), len(STATISTICS)), np.float32)
    for k, one in enumerate(STATISTICS):
        made[:, k] = found[one.name]
    return made


def _of_sides(flows: Records) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    tcp = flows["protocol"] == 6
    for k, way in enumerate(("out", "in")):
        side = flows["side"][:, k]
        n = side["packets"]
        some = n > 0
        mean, std = _spread(side["bytes"], side["squares"], n)
        yield f"size_{way}_min", _where(some, side["size_min"])
        yield f"size_{way}_mean", mean
        yield f"size_{way}_std", std
        yield f"size_{way}_max", _where(some, side["size_max"])
        yield from _gaps(f"gap_{way}", side, n - 1)
        yield f"payload_packets_{way}", side["with_payload"]
        for place, flag in enumerate(_FLAGS):
            yield f"{flag}_{way}", side["flags"][:, place]
        yield f"ttl_{way}_min", _where(some & (flows["protocol"] != 0x0806), side["ttl_min"])
        yield f"ttl_{way}_max", _where(some & (flows["protocol"] != 0x0806), side["ttl_max"])
        for part in ("first", "min", "max"):
            yield f"window_{way}_{part}", _where(some & tcp, side[f"window_{part}"])
        yield f"window_{way}_zero", side["closed"]
        yield f"retransmitted_{way}", side["again"]
        yield f"retransmitted_bytes_{way}", side["again_bytes"]
        yield f"out_of_order_{way}", side["late"]
        yield f"duplicates_{way}", side["twice"]
        yield f"repeated_acks_{way}", side["acks_again"]
        yield f"entropy_{way}", _entropy(side)


def _of_both(flows: Records) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    out, back = flows["side"][:, 0], flows["side"][:, 1]
    n_bytes = (out["bytes"] + back["bytes"]).astype(float)
    n_packets = out["packets"] + back["packets"]
    duration = (flows["last"] - flows["start"]) * _SECONDS
    yield from _gaps("gap", flows, n_packets - 1)
    yield "active_seconds", flows["active"] * _SECONDS
    yield "bursts", flows["bursts"]
    yield "burst_packets_max", flows["burst_packets_max"]
    yield "burst_bytes_max", flows["burst_bytes_max"]
    yield "bytes_out_share", _over(out["bytes"], n_bytes)
    yield "packets_per_second", _over(n_packets, duration)
    yield "bytes_per_second", _over(n_bytes, duration)
    yield "handshake_seconds", _where(flows["shaken"] >= 0, _later(flows["shaken"], flows["asked"]))
    yield "response_seconds", _where(flows["replied"] >= 0, _later(flows["replied"], flows["spoken"]))
    yield "fragments", flows["fragments"]
    for k in range(_N_SIZES):
        yield f"first_size_{k + 1}", _where(flows["n_sizes"] > k, flows["sizes"][:, k])


def _gaps(name: str, record: Records, n: npt.NDArray[Any]) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    mean, std = _spread(record["gap_sum"] * _SECONDS, record["gap_squares"] * _SECONDS**2, n)
    yield f"{name}_min", _where(n > 0, record["gap_min"] * _SECONDS)
    yield f"{name}_mean", mean
    yield f"{name}_std", std
    yield f"{name}_max", _where(n > 0, record["gap_max"] * _SECONDS)


def _spread(total: npt.NDArray[Any], squares: npt.NDArray[Any], n: npt.NDArray[Any]) -> tuple[Vector, Vector]:
    mean = _over(total, n)
    return mean, np.sqrt(np.maximum(_over(squares, n) - mean**2, 0.0))


def _over(total: npt.NDArray[Any], n: npt.NDArray[Any]) -> Vector:
    shares: Vector = np.divide(total, n, out=np.full(len(total), np.nan), where=n > 0)
    return shares


def _where(known: npt.NDArray[np.bool_], values: npt.NDArray[Any]) -> Vector:
    return np.where(known, values, np.nan)


def _later(time: npt.NDArray[Any], than: npt.NDArray[Any]) -> Vector:
    gaps: Vector = np.maximum(time - than, 0) * _SECONDS
    return gaps


def _entropy(side: Records) -> Vector:
    found = np.full(len(side), np.nan)
    rows = np.flatnonzero(side["n_head"])
    found[rows] = entropies(side["head"][rows], side["n_head"][rows].astype(np.int64))
    return found
