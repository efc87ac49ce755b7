"""A generated network as a capture: read by another program, it holds the same, without a fault."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections import Counter

import numpy as np
import pytest

from amiss.datasets import make_network
from amiss.datasets.network.messages import dns_answer, dns_question, http_response, question_bytes
from amiss.datasets.network.streams import stream_of
from amiss.network.flows import TCP, UDP

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
_CHECKS = ("ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    behaviours = ["vertical_scan/syn", "sweep/arp", "sweep/icmp", "dns_tunnel/txt", "dns_tunnel/null", "beaconing",
                  "dns_tunnel/cname", "brute_force/ssh", "generated_names", "web_attack", "flood/dhcp",
                  "odd_protocol/xmas"]  # fmt: skip
    network = make_network(n_hosts=18, hours=0.05, behaviours=behaviours, exposed=True, seed=7)
    path = tmp_path_factory.mktemp("network") / "made.pcap"
    return network, path, network.write_pcap(path)


def _read(path, *fields, keep=""):
    options = [part for check in _CHECKS for part in ("-o", check)]
    asked = [part for name in fields for part in ("-e", name)]
    command = ["tshark", "-r", path, *options, *(["-Y", keep] if keep else []), "-T", "fields", *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_a_capture_has_as_many_packets_as_the_flows_in_order_of_time(written):
    network, path, n_packets = written
    flows = network.traffic.flows
    assert n_packets == flows.packets_out.sum() + flows.packets_in.sum()
    data, at, last = path.read_bytes(), 24, 0.0
    while at < len(data):
        seconds, micros, length, _ = struct.unpack_from("<IIII", data, at)
        assert seconds + micros / 1e6 >= last
        last, at = seconds + micros / 1e6, at + 16 + length


@needs_tshark
def test_no_packet_has_a_wrong_checksum_or_is_malformed_below_its_service(written):
    _, path, _ = written
    wrong = "ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0 || icmp.checksum.status==0"
    assert _read(path, "frame.number", keep=f"{wrong} || icmpv6.checksum.status==0") == []
    core = "dns || http || tls || ssh || ntp || dhcp || arp || icmp || mqtt || modbus"
    assert _read(path, "frame.number", "_ws.col.protocol", keep=f"_ws.malformed && ({core})") == []


@needs_tshark
def test_conversations_have_the_packets_of_the_flows(written):
    network, path, _ = written
    flows = network.traffic.flows
    words = flows.hosts.words
    told: Counter[tuple[str, ...]] = Counter()
    rows = np.flatnonzero(np.isin(flows.protocol, [TCP, UDP]))
    for i in rows:
        one = words[flows.src[i]], str(flows.src_port[i]), words[flows.dst[i]], str(flows.dst_port[i])
        told[one] += int(flows.packets_out[i])
        told[(*one[2:], *one[:2])] += int(flows.packets_in[i])
    seen: Counter[tuple[str, ...]] = Counter()
    columns = ("ip.src", "ipv6.src", "tcp.srcport", "udp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport", "udp.dstport")
    for row in _read(path, *columns, keep="(tcp || udp) && !icmp"):
        seen[row[0] or row[1], row[2] or row[3], row[4] or row[5], row[6] or row[7]] += 1
    assert seen == +told


@needs_tshark
def test_names_and_requests_are_read_as_they_were_made(written):
    network, path, _ = written
    asked = Counter(
        row[0].lower() for row in _read(path, "dns.qry.name", keep="dns.flags.response==0 && udp.dstport==53")
    )
    assert asked == Counter(network.traffic.dns.name)
    paths = Counter(row[0] for row in _read(path, "http.request.uri", keep="http.request && tcp"))
    assert paths == Counter(network.traffic.http.path)
    names = {row[0] for row in _read(path, "tls.handshake.extensions_server_name", keep="tls.handshake.type==1")}
    assert {name for name in names if name} <= set(network.traffic.flows.names)
    assert len(names) > 5


@pytest.mark.parametrize("kind", [1, 28, 16, 10, 5, 12, 15, 33, 65])
@pytest.mark.parametrize("size", [40, 63, 120, 228])
def test_an_answer_has_the_bytes_asked_for(kind, size):
    name = "a.b.example"
    each = {1: 16, 28: 28}.get(kind, 1)
    total = question_bytes(name) + size // each * each
    assert len(dns_answer(3, name, kind, 0, total)) == total
    assert len(dns_question(3, name, kind)) == question_bytes(name)


@pytest.mark.parametrize("size", [*range(160, 260), 1110, 10_117, 10_118, 1_000_000])
def test_a_response_has_the_bytes_asked_for(size):
    assert len(http_response(200, size)) == size


@pytest.mark.parametrize("service", ["tls", "ssh", "mqtt", "modbus", ""])
@pytest.mark.parametrize("total", [64, 517, 16_900, 16_902, 40_000])
def test_a_stream_reads_the_same_in_any_pieces(service, total):
    read = stream_of(service, "www.name.example", total, from_client=True)
    whole = read(0, total)
    assert len(whole) == total
    assert b"".join(read(at, min(113, total - at)) for at in range(0, total, 113)) == whole
