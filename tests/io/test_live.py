"""Packets taken from the loopback interface as they pass."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from amiss.core.errors import ConnectorError
from amiss.io.captures.live import LiveCapture
from amiss.network.capture import traffic_of


def listening(seconds: float) -> LiveCapture:
    try:
        return LiveCapture("lo", seconds=seconds)
    except ConnectorError as error:
        if "right to listen" in str(error):
            pytest.skip("the right to listen at interfaces is not given")
        raise


def blocks(live: LiveCapture):
    while block := live.read(1 << 20):
        yield block


def test_datagrams_are_seen_once_each_in_both_directions() -> None:
    live = listening(1.0)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        server.bind(("127.0.0.1", 0))
        client.bind(("127.0.0.1", 0))
        ports = client.getsockname()[1], server.getsockname()[1]

        def talk() -> None:
            for _ in range(20):
                client.sendto(b"ask", server.getsockname())
                server.sendto(b"answer", client.getsockname())
                time.sleep(0.01)

        speaker = threading.Thread(target=talk)
        before = time.time()
        speaker.start()
        flows = traffic_of(blocks(live)).flows
        speaker.join()
    live.close()
    ours = (flows.src_port == ports[0]) & (flows.dst_port == ports[1])
    assert ours.sum() == 1
    row = int(ours.argmax())
    assert (flows.packets_out[row], flows.packets_in[row]) == (20, 20)
    assert (flows.payload_out[row], flows.payload_in[row]) == (60, 120)
    assert before - 1 <= flows.start[row] <= time.time()
    assert live.n_dropped == 0
    assert live.n_packets >= 40


def test_it_ends_with_nothing_to_hear() -> None:
    live = listening(0.3)
    list(blocks(live))
    assert live.share_read() == 1.0
    live.close()


def test_an_interface_that_is_not_there() -> None:
    with pytest.raises(ConnectorError, match="no interface 'eth77'") as told:
        LiveCapture("eth77")
    assert "lo" in str(told.value)
