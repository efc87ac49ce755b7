"""Packets, bytes and flags that follow from how a connection went and what it carried."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.network.flows import STATES

__all__ = ["ESTABLISHED", "LOST_SHARE", "WAITS", "count_datagrams", "count_tcp", "last_tcp"]

Made = dict[str, npt.NDArray[Any]]
_SF, _S0, _S1, _REJ, _RSTO, _RSTR, _OTH = (STATES.index(w) for w in ("SF", "S0", "S1", "REJ", "RSTO", "RSTR", "OTH"))
ESTABLISHED = (_SF, _S1, _RSTO, _RSTR, _OTH)
WAITS = np.array([0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 63.0])
"""Seconds after the first at which a SYN without an answer is sent again."""
LOST_SHARE = 0.003
_PSH = 8


def count_tcp(made: Made, random: np.random.Generator, *, retries: bool) -> None:
    """Fill in packets, bytes and flags of connections, from their state, payload and size of segments."""
    state = made["state"]
    open_ = np.isin(state, ESTABLISHED)
    made["payload_out"], made["payload_in"] = made["payload_out"] * open_, made["payload_in"] * open_
    sent = np.ceil(made["payload_out"] / made["segment_out"])
    got = np.ceil(made["payload_in"] / made["segment_in"])
    lost = LOST_SHARE if retries else 0.0
    made["again_out"] = random.binomial(np.minimum(sent, 1e6).astype(int), lost).astype(float)
    made["again_in"] = random.binomial(np.minimum(got, 1e6).astype(int), lost).astype(float)
    for again, n in (("again_out", sent), ("again_in", got)):
        made[again] = np.minimum(made[again], np.maximum(n - 1, np.minimum(n, 1)))
    greets = open_ & (state != _OTH)
    tries = np.where(state == _S0, made["tries"], 1)
    made["packets_out"] = np.where(
        open_, 2 * greets + sent + np.ceil(got / 2) + made["again_out"] + 2 * (state == _SF) + (state == _RSTO), tries
    )
    made["packets_in"] = np.where(
        open_, greets + got + np.ceil(sent / 2) + made["again_in"] + (state == _SF) + (state == _RSTR), state == _REJ
    ).astype(float)
    header = np.where(made["six"], 40, 20) + 20
    # Established connections carry a time stamp of 12 bytes; a SYN and its answer carry 20 bytes of options.
    bare = made["first_flags"] != 2
    options = np.where(open_, 12, np.where(bare, 0, 20))
    first = np.minimum(made["segment_out"], made["payload_out"])
    made["bytes_out"] = made["payload_out"] + made["packets_out"] * (header + options) + 8 * greets
    made["bytes_out"] += made["again_out"] * first
    first = np.minimum(made["segment_in"], made["payload_in"])
    made["bytes_in"] = made["payload_in"] + made["packets_in"] * (header + np.where(open_, 12, 0)) + 8 * greets
    made["bytes_in"] += made["again_in"] * first
    made["flags_out"] = _flags(made["first_flags"], greets, open_, sent, state == _SF, state == _RSTO, state == _OTH)
    made["flags_in"] = np.where(
        open_, _flags(np.full(len(state), 18), greets, open_, got, state == _SF, state == _RSTR, state == _OTH),
        np.where(state == _REJ, 20, 0),
    ).astype(np.int32)  # fmt: skip


def _flags(
    first: npt.NDArray[Any], greets: npt.NDArray[Any], open_: npt.NDArray[Any], sent: Vector, ends: npt.NDArray[Any],
    breaks: npt.NDArray[Any], midway: npt.NDArray[Any],
) -> npt.NDArray[np.int32]:  # fmt: skip
    found = np.where(midway, 0, first) | (16 * open_) | (_PSH * (sent > 0)) | ends | (4 * breaks)
    flags: npt.NDArray[np.int32] = found.astype(np.int32)
    return flags


def last_tcp(made: Made, duration: Vector) -> None:
    """Fill in how long connections last; those without an answer, by how often they were tried."""
    tries = np.clip(made["tries"].astype(int), 1, len(WAITS))
    alone = np.where(made["state"] == _REJ, made["far"], WAITS[tries - 1])
    least = np.where(made["packets_out"] + made["packets_in"] > 1, 3 * made["far"], 0)
    made["duration"] = np.where(np.isin(made["state"], ESTABLISHED), np.maximum(duration, least), alone)


def count_datagrams(made: Made, header: int) -> None:
    """Fill in what of datagrams follows from their packets and payload."""
    n = len(made["start"])
    heads = np.where(made["six"], 40, 20) + header
    made["bytes_out"] = made["payload_out"] + made["packets_out"] * heads
    made["bytes_in"] = made["payload_in"] + made["packets_in"] * heads
    answered = made["packets_in"] > 0
    made["state"] = np.where(answered, _SF, _S0).astype(np.int32)
    made["flags_out"], made["flags_in"] = np.zeros(n, np.int32), np.zeros(n, np.int32)
    for name in ("again_out", "again_in", "segment_out", "segment_in", "first_flags"):
        made[name] = np.zeros(n)
    made["tries"] = np.ones(n)
