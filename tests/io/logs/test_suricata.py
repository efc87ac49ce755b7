"""Suricata's events become flows, names and requests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.core.errors import DataError
from amiss.io.logs.source import LogSource
from amiss.network.flows import STATES


def event(
    kind: str, flow_id: int, src: str, src_port: int, dst: str, dst_port: int, proto: str = "TCP", **more
) -> dict:
    return {"timestamp": "2023-01-01T00:00:01.500000+0000", "flow_id": flow_id, "event_type": kind, "src_ip": src,
            "src_port": src_port, "dest_ip": dst, "dest_port": dst_port, "proto": proto} | more  # fmt: skip


def flow(flow_id: int, *ends, proto: str = "TCP", out: tuple = (3, 342), back: tuple = (2, 228), **more) -> dict:
    told = {"pkts_toserver": out[0], "bytes_toserver": out[1], "pkts_toclient": back[0], "bytes_toclient": back[1],
            "start": "2023-01-01T00:00:00.000000+0000", "end": "2023-01-01T00:00:02.500000+0000"}  # fmt: skip
    return event("flow", flow_id, *ends, proto=proto, flow=told, **more)


EVENTS = [
    flow(1, "10.0.0.1", 4000, "8.8.8.8", 443, app_proto="tls", tcp={"tcp_flags_ts": "1b", "tcp_flags_tc": "1b"}),
    flow(2, "10.0.0.1", 4001, "10.0.0.9", 23, back=(0, 0), tcp={"tcp_flags_ts": "02"}, app_proto="failed"),
    flow(3, "10.0.0.2", 5000, "8.8.4.4", 53, proto="UDP", app_proto="dns", vlan=[7]),
    flow(4, "10.0.0.2", 0, "8.8.4.4", 0, proto="ICMP", icmp_type=8, icmp_code=0, back=(0, 0)),
    event("tls", 1, "10.0.0.1", 4000, "8.8.8.8", 443, tls={"sni": "WWW.example.org"}),
    event("http", 2, "10.0.0.1", 4001, "10.0.0.9", 80,
          http={"hostname": "box", "url": "/a", "http_method": "GET", "http_user_agent": "curl", "status": 404}),
    event("alert", 2, "10.0.0.1", 4001, "10.0.0.9", 23, alert={"signature": "x"}),
    event("alert", 2, "10.0.0.1", 4001, "10.0.0.9", 23, alert={"signature": "y"}),
    {"timestamp": "2023-01-01T00:00:03.000000+0000", "event_type": "stats", "stats": {}},
]  # fmt: skip
ASK = ("10.0.0.2", 5000, "8.8.4.4", 53)
ANSWER = ("8.8.4.4", 53, "10.0.0.2", 5000)
QUESTIONS = {
    1: [event("dns", 3, *ASK, dns={"type": "query", "id": 5, "rrname": "Example.org", "rrtype": "AAAA"}),
        event("dns", 3, *ANSWER, dns={"type": "answer", "id": 5, "rcode": "NXDOMAIN", "rrname": "example.org"}),
        event("dns", 3, *ANSWER, dns={"type": "answer", "id": 5, "rcode": "NOERROR", "rrname": "example.org"})],
    2: [event("dns", 3, *ASK, dns={"version": 2, "type": "query", "id": 5, "rrname": "Example.org", "rrtype": "AAAA"}),
        event("dns", 3, *ANSWER, dns={"version": 2, "type": "answer", "id": 5, "rcode": "NXDOMAIN",
                                      "rrname": "example.org", "rrtype": "AAAA", "answers": []})],
    3: [event("dns", 3, *ASK, dns={"version": 3, "type": "request", "id": 5,
                                   "queries": [{"rrname": "Example.org", "rrtype": "AAAA"}]}),
        event("dns", 3, *ASK, dns={"version": 3, "type": "response", "id": 5, "rcode": "NXDOMAIN",
                                   "queries": [{"rrname": "example.org", "rrtype": "AAAA"}]})],
}  # fmt: skip


def written(path: Path, events: list) -> LogSource:
    path.write_text("\n".join(json.dumps(each) for each in events) + "\n")
    return LogSource([path])


def test_flows(tmp_path: Path) -> None:
    source = written(tmp_path / "eve.json", EVENTS)
    traffic = source.traffic()
    flows = traffic.flows
    assert flows.n_flows == 4
    assert flows.start.tolist() == [1672531200.0] * 4
    assert flows.duration.tolist() == [2.5] * 4
    # 14 bytes of Ethernet a packet, and 4 of a VLAN's tag, are not of the IP packets.
    assert flows.bytes_out.tolist() == [300, 300, 288, 300]
    assert [STATES[code] for code in flows.state] == ["SF", "S0", "SF", "S0"]
    assert [flows.services[code] if code >= 0 else "" for code in flows.service] == ["tls", "", "dns", ""]
    assert [flows.names[code] if code >= 0 else "" for code in flows.name] == ["www.example.org", "box", "", ""]
    assert (flows.src_port[3], flows.dst_port[3], flows.vlan[2], flows.flags_out[0]) == (8, 0, 7, 0x1B)
    assert flows.column("alerts").tolist() == [0, 2, 0, 0]
    assert np.isnan(flows.payload_out).all()
    assert (traffic.http.method, traffic.http.status.tolist()) == (("GET",), [404])
    assert any("not used: stats (1)" in note for note in source.notes)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_questions_and_answers_of_all_versions(tmp_path: Path, version: int) -> None:
    dns = written(tmp_path / "eve.json", [EVENTS[2], *QUESTIONS[version]]).traffic().dns
    assert dns.name == ("example.org",)
    assert (dns.kind.tolist(), dns.code.tolist()) == ([28], [3])


def test_an_answer_alone_is_turned(tmp_path: Path) -> None:
    traffic = written(tmp_path / "eve.json", QUESTIONS[2][1:]).traffic()
    assert traffic.flows.hosts.words[traffic.dns.client[0]] == "10.0.0.2"
    assert traffic.flows.n_flows == 1


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_events_of_any_shape_never_raise(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    odd = st.sampled_from(
        [None, -1, 2**70, 1e300, "x", "", [], {}, [1], {"a": 1}, True, "zz", "2023-01-01", "99999-01-01"]
    )
    events = []
    for each in data.draw(st.lists(st.sampled_from(EVENTS + QUESTIONS[3]), min_size=1, max_size=6)):
        changed = dict(each)
        for key in data.draw(st.lists(st.sampled_from(sorted(changed)), max_size=3)):
            inner = changed[key]
            if isinstance(inner, dict) and inner and data.draw(st.booleans()):
                changed[key] = inner | {data.draw(st.sampled_from(sorted(inner))): data.draw(odd)}
            else:
                changed[key] = data.draw(odd)
        events.append(changed)
    path = tmp_path_factory.mktemp("eve")
    # Always recognised, whatever the first line has become.
    try:
        traffic = written(path / "eve.json", [EVENTS[-1], *events]).traffic()
    except DataError:
        return
    assert (traffic.flows.src >= 0).all()
