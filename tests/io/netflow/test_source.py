"""Exports sent to a port arrive as flows; too many are dropped and counted."""

from __future__ import annotations

import socket

import pytest

from amiss.core.errors import ConnectorError
from amiss.io.netflow.source import NetflowCollector
from tests.network.exports import Record, version_5


def sent(port: int, *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for datagram in datagrams:
            out.sendto(datagram, ("127.0.0.1", port))


def test_flows_arrive() -> None:
    with NetflowCollector("127.0.0.1", 0, seconds=0.3) as collector:
        sent(collector.port, version_5([Record("10.0.0.1", "8.8.8.8", 4000, 443, packets=3)]), b"no export")
        found = next(collector.batches())
    assert found.flows.packets_out.tolist() == [3]
    assert any("left out: of another version" in note for note in found.notes)


def test_what_waits_is_bounded() -> None:
    with NetflowCollector("127.0.0.1", 0, seconds=0.2, most_waiting=2) as collector:
        sent(collector.port, *[version_5([Record("10.0.0.1", "8.8.8.8")], i) for i in range(40)])
        collector._thread.join(0.5)
        assert collector.n_dropped == 38
        assert next(collector.batches()).flows.packets_out.tolist() == [2]
    assert any("38 datagrams were dropped" in note for note in collector.notes)


def test_a_port_in_use_is_told() -> None:
    with NetflowCollector("127.0.0.1", 0) as collector, pytest.raises(ConnectorError, match="cannot be listened on"):
        NetflowCollector("127.0.0.1", collector.port)
