"""Flows that are exported inside a capture: NetFlow and IPFIX on their way to a collector."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from amiss.io.captures.opened import Opened
from amiss.network.capture import BLOCK_BYTES
from amiss.network.datagrams import datagrams
from amiss.network.flows import UDP, Flows
from amiss.network.netflow import PORTS, FlowExports, is_export

__all__ = ["exported_flows", "may_hold_exports"]


def may_hold_exports(flows: Flows) -> bool:
    """Whether any of the flows goes to a port that exports are usually sent to."""
    return bool(((flows.protocol == UDP) & np.isin(flows.dst_port, PORTS)).any())


def exported_flows(path: str, name: str) -> tuple[Flows, tuple[str, ...]]:
    """The flows that datagrams in a capture tell of, and what is to be said of these; the file is read once more."""
    opened, exports = Opened(path, name), FlowExports()
    try:
        for one in datagrams(_blocks(opened), ports=PORTS):
            if is_export(one.payload):
                exports.add(one.payload, one.src, one.time)
    finally:
        opened.close()
    return exports.flows(), exports.notes


def _blocks(opened: Opened) -> Iterator[bytes]:
    while block := opened.read(BLOCK_BYTES):
        yield block
