"""Bytes from the network are hostile: mutated captures give traffic or a clear error, whatever they hold."""

from __future__ import annotations

import random
from contextlib import suppress

import numpy as np
import pytest

from amiss.core.errors import DataError
from amiss.io.captures.source import CaptureSource
from amiss.network.capture import FlowMeter, traffic_of
from amiss.network.first_packets import request_of, server_name, status_of
from tests.network.corpus import corpus, mutated
from tests.network.packets import client_hello


@pytest.mark.parametrize("seed", range(6))
def test_mutated_captures_give_sound_traffic(seed):
    draw = random.Random(seed)
    captures = corpus()
    for _ in range(100):
        content = mutated(draw.choice(captures), draw)
        meter = FlowMeter(idle_timeout=1.0, active_timeout=20.0, capacity=16)
        traffic = traffic_of([content], meter=meter)
        flows, state = traffic.flows, meter.state
        used = state["records"] - state["other"] - state["damaged"] - state["unknown"]
        assert flows.packets_out.sum() + flows.packets_in.sum() == used
        assert (flows.duration >= 0).all()
        assert (np.diff(flows.start) >= 0).all()
        for codes in (flows.src, flows.dst, traffic.dns.client, traffic.dns.server, traffic.http.client):
            assert ((codes >= 0) & (codes < len(flows.hosts))).all()
        assert not np.isinf(flows.statistics).any()


def test_mutated_files_end_in_traffic_or_in_a_clear_error(tmp_path):
    draw = random.Random(99)
    captures = corpus()
    path = tmp_path / "mutated.pcap"
    for _ in range(60):
        path.write_bytes(mutated(draw.choice(captures), draw))
        with suppress(DataError):
            CaptureSource(path).traffic()


def test_decoders_take_any_bytes():
    draw = random.Random(5)
    request = b"GET /a HTTP/1.1\r\nHost: [::1]:80\r\nUser-Agent: b\r\n\r\nbody"
    good = [client_hello("some.example", padding=30), request, b"HTTP/1.1 200"]
    for _ in range(3000):
        content = mutated(draw.choice(good), draw)
        name = server_name(content)
        assert name is None or len(name) <= 255
        request = request_of(content)
        assert len(request.path) <= 2048
        assert len(request.body) <= 512
        assert -1 <= status_of(content) <= 999
