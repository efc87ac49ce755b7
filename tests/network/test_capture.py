"""Captures to traffic: every frame, header and rule, by packets made by hand."""

from __future__ import annotations

import gzip
import struct
from contextlib import suppress

import numpy as np
import pytest

from amiss.core.errors import ConnectorError, DataError
from amiss.io.captures.recognise import looks_like_capture
from amiss.io.captures.source import CaptureSource
from amiss.kernels import loops
from amiss.kernels.assembly import entropies
from amiss.network.capture import FlowMeter, chunks, file_header, file_record, traffic_of
from amiss.network.datagrams import datagrams
from amiss.network.flows import ARP, ICMP, ICMP6, STATES, UDP, Flows
from amiss.network.statistics import STATISTICS
from amiss.network.traffic import Traffic
from tests.network.packets import (
    ACK,
    COOKED,
    COOKED_2,
    ETHERNET,
    FIN,
    LOOPBACK,
    PPP,
    PSH,
    RAW,
    RST,
    SYN,
    arp,
    block,
    client_hello,
    connection,
    dns,
    enhanced,
    ethernet,
    icmp,
    interface,
    ip,
    old,
    pcap,
    pcapng,
    section,
    simple,
    tagged,
    tcp,
    udp,
)  # fmt: skip

A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"
A6, B6 = "2001:db8::1", "2001:db8::2"


@pytest.fixture(params=["compiled", "plain"], autouse=True)
def implementation(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setattr(loops, "lib", None)
    elif not loops.compiled():
        pytest.skip(f"compiled loops are off: {loops.why_not()}")


def read(packets, *, link=ETHERNET, step=0.1, start=100.0, **meter):
    """Traffic of packets of IP that come one after the other."""
    frames = [ethernet(packet) if link == ETHERNET and packet[0] >> 4 in (4, 6) else packet for packet in packets]
    content = pcap([(start + k * step, frame) for k, frame in enumerate(frames)], link=link)
    return traffic_of([content], meter=FlowMeter(**meter))


def ends(flows: Flows, k: int = 0):
    words = flows.hosts.words
    return words[flows.src[k]], int(flows.src_port[k]), words[flows.dst[k]], int(flows.dst_port[k])


def state(*packets):
    flows = read(packets).flows
    assert flows.n_flows == 1
    return STATES[flows.state[0]]


# ---- the file ----


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_pcap_of_both_orders_and_both_units(order, nano):
    content = pcap([(1_600_000_000.125, ethernet(udp(A, B, 1000, 53)))], order=order, nano=nano)
    flows = traffic_of([content]).flows
    assert ends(flows) == (A, 1000, B, 53)
    assert flows.start[0] == 1_600_000_000.125


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_of_both_orders_with_all_kinds_of_blocks(order):
    frame = ethernet(udp(A, B, 1000, 53))
    content = b"".join(
        [
            section(order),
            interface(order=order),
            block(0x4242, bytes(40), order),
            enhanced(7_000_000, frame, order=order),
            simple(frame, order),
            old(8_000_000, frame, order=order),
            block(5, bytes(12), order),
        ]
    )
    flows = traffic_of([content]).flows
    assert flows.n_flows == 1
    assert flows.packets_out[0] == 3
    assert (flows.start[0], flows.duration[0]) == (7.0, 1.0)


@pytest.mark.parametrize(
    ("resolution", "zero", "stamp", "seconds"),
    [
        (None, None, 1_500_000, 1.5), (9, None, 1_500_000_000, 1.5), (3, 10, 1500, 11.5), (0, None, 2, 2.0),
        (0x80 | 10, None, 1536, 1.5), (0x80 | 40, None, 3 << 39, 1.5), (12, None, 1_500_000_000_000, 1.5),
        (6, -(2**63), 1_500_000, 0.5), (127, None, 2**63, 0.0), (255, None, 2**63, 0.0),
    ],
)  # fmt: skip
def test_resolutions_of_time(resolution, zero, stamp, seconds):
    frame = ethernet(udp(A, B, 1000, 53))
    content = section() + interface(resolution=resolution, zero=zero) + enhanced(stamp, frame)
    assert traffic_of([content]).flows.start[0] == pytest.approx(seconds)


def test_sections_begin_anew_and_interfaces_have_their_own_links():
    packet = udp(A, B, 1000, 53)
    content = (
        section() + interface(ETHERNET) + interface(RAW) + enhanced(1, packet, which=1) + enhanced(2, ethernet(packet))
    )
    content += section(">") + interface(RAW, order=">") + enhanced(3, packet, order=">")
    assert traffic_of([content]).flows.packets_out[0] == 3


@pytest.mark.parametrize("content", [pcap, pcapng])
def test_pieces_of_any_size_give_the_same(content):
    whole = content(
        [(k * 0.1, ethernet(p)) for k, p in enumerate(connection(A, B, 1000, 80, b"GET / HTTP/1.1\r\n\r\n"))]
    )
    once = traffic_of([whole])
    for size in (1, 7, 100):
        again = traffic_of([whole[k : k + size] for k in range(0, len(whole), size)])
        np.testing.assert_array_equal(again.flows.statistics, once.flows.statistics)
        assert again.http.path == once.http.path == ("/",)


@pytest.mark.parametrize("content", [pcap, pcapng])
def test_a_file_cut_anywhere_gives_what_was_there(content, tmp_path):
    whole = content([(k, ethernet(udp(A, B, 1000 + k, 53, b"x"))) for k in range(3)])
    seen = set()
    for length in range(len(whole)):
        path = tmp_path / "cut.pcap"
        path.write_bytes(whole[:length])
        with suppress(DataError):
            seen.add(CaptureSource(path).traffic().flows.n_flows)
    assert seen == {1, 2} if content is pcap else seen >= {1, 2}


def test_what_was_read_and_what_was_not_is_told(tmp_path):
    path = tmp_path / "mixed.pcap"
    records = [
        (1.0, ethernet(udp(A, B, 1, 2))), (0.5, ethernet(udp(A, B, 1, 2))), (2.0, ethernet(b"lldp", 0x88CC)),
        (3.0, ethernet(b"\x45\0")), (4.0, ethernet(udp(A, B, 1, 2, bytes(1000)))[:64], 1042),
    ]  # fmt: skip
    path.write_bytes(pcap(records) + b"\0" * 10)
    traffic = CaptureSource(path).traffic()
    assert traffic.flows.packets_out.tolist() == [3.0]
    assert traffic.flows.bytes_out.tolist() == [28.0 + 28.0 + 1028.0]
    assert traffic.notes == (
        "the last record is cut after 5 packets",
        "1 of 5 packets is neither IP nor ARP, and left out",
        "1 of 5 packets is left out because their headers are cut or make no sense",
        "1 of 5 packets is shortened when they were captured: sizes are those that their headers say",
        "1 packet has a time before that of the packet before",
    )


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty"),
        (b"a,b\n1,2\n", "this is no capture of packets"),
        (pcap([]), "the capture has no packets"),
        (pcap([(1, b"\0" * 40)], link=147), "link type that is not known: 147"),
        (pcap([(1, ethernet(b"x", 0x88CC))]), "none of the 1 packet can be read"),
        (pcap([])[:20], "cut or damaged before its first packet"),
        (section()[:6], "cut or damaged before its first packet"),
    ],
)
def test_what_holds_no_packets_is_an_error(content, what, tmp_path):
    path = tmp_path / "bad.pcap"
    path.write_bytes(content)
    with pytest.raises(DataError, match=what) as error:
        CaptureSource(path).traffic()
    assert str(path) in str(error.value)


def test_what_is_no_file_is_an_error(tmp_path):
    with pytest.raises(ConnectorError, match="no such file"):
        CaptureSource(tmp_path / "absent.pcap")
    with pytest.raises(ConnectorError, match="folder"):
        CaptureSource(tmp_path)


def test_gzip_and_its_cut(tmp_path):
    whole = pcap([(k, ethernet(udp(A, B, 1000 + k % 7, 53, bytes([k % 256]) * 99))) for k in range(3000)])
    path = tmp_path / "packed.pcap.gz"
    path.write_bytes(gzip.compress(whole))
    source = CaptureSource(path)
    assert source.traffic().flows.packets_out.sum() == 3000
    path.write_bytes(gzip.compress(whole)[:-2000])
    traffic = CaptureSource(path).traffic()
    assert 0 < traffic.flows.packets_out.sum() < 3000
    assert "cut or damaged after" in traffic.notes[0]


def test_damage_in_the_midst_ends_the_reading(tmp_path):
    path = tmp_path / "damaged.pcap"
    good = pcap([(1, ethernet(udp(A, B, 1, 2)))])
    path.write_bytes(good + b"\xff" * 64)
    traffic = CaptureSource(path).traffic()
    assert traffic.flows.n_flows == 1
    assert traffic.notes == ("the file makes no sense after 1 packet; what follows is left out",)


@pytest.mark.parametrize(("start", "is_one"), [(pcap([]), True), (section(), True), (b"GIF8", False), (b"", False)])
def test_recognition(start, is_one):
    assert looks_like_capture(start) is is_one


def test_packets_of_elsewhere_go_in_as_records():
    meter = FlowMeter()
    meter.add(file_header(link=RAW))
    meter.add(file_record(5.25, udp(A, B, 1, 2, bytes(100))[:60], original=128))
    meter.finish()
    flows = meter.take().flows
    assert (flows.start[0], flows.bytes_out[0]) == (5.25, 128.0)


# ---- headers ----


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(
    ("link", "wrap"),
    [
        (ETHERNET, ethernet), (RAW, bytes), (12, bytes), (14, bytes),
        (COOKED, lambda p: bytes(14) + (b"\x86\xdd" if p[0] >> 4 == 6 else b"\x08\0") + p),
        (COOKED_2, lambda p: (b"\x86\xdd" if p[0] >> 4 == 6 else b"\x08\0") + bytes(18) + p),
        (LOOPBACK, lambda p: struct.pack("<I", 30 if p[0] >> 4 == 6 else 2) + p),
        (LOOPBACK, lambda p: struct.pack(">I", 30 if p[0] >> 4 == 6 else 2) + p),
        (108, lambda p: struct.pack(">I", 24 if p[0] >> 4 == 6 else 2) + p),
        (PPP, lambda p: b"\xff\x03\0" + (b"\x57" if p[0] >> 4 == 6 else b"\x21") + p),
        (104, lambda p: b"\x0f\0" + (b"\x86\xdd" if p[0] >> 4 == 6 else b"\x08\0") + p),
        (ETHERNET, lambda p: ethernet(b"\xaa\xaa\x03\0\0\0" + (b"\x86\xdd" if p[0] >> 4 == 6 else b"\x08\0") + p, 200)),
    ],
)  # fmt: skip
def test_links(link, wrap, version):
    src, dst = (A, B) if version == 4 else (A6, B6)
    content = pcap([(1, wrap(udp(src, dst, 1000, 2000, b"abc")))], link=link)
    flows = traffic_of([content]).flows
    assert ends(flows) == (src, 1000, dst, 2000)
    assert (flows.payload_out[0], flows.bytes_out[0]) == (3.0, 31.0 if version == 4 else 51.0)


def test_tags_and_labels():
    frame = ethernet(udp(A, B, 1, 2))
    labels = struct.pack(">II", 5 << 12, 6 << 12 | 1 << 8)
    frames = [
        tagged(frame, 7), tagged(tagged(frame, 8), 9, 0x88A8), ethernet(labels + udp(A, B, 1, 2), 0x8847),
        ethernet(labels + bytes(4) + frame, 0x8847), ethernet(bytes(6) + b"\0\x21" + udp(A, B, 1, 2), 0x8864),
    ]  # fmt: skip
    flows = read(frames).flows
    assert sorted(flows.vlan.tolist()) == [0, 7, 9]
    assert flows.packets_out[flows.vlan == 0].tolist() == [3.0]


def test_tunnels_give_the_innermost_flow():
    inner = udp(A, B, 1, 2)
    inner6 = udp(A6, B6, 1, 2)
    outer = ("192.0.2.1", "192.0.2.2")
    vxlan = struct.pack(">II", 0x08000000, 77 << 8)
    tunnels = [
        ip(*outer, 4, inner), ip(*outer, 41, inner6), ip("2001:db8::8", "2001:db8::9", 4, inner),
        ip(*outer, 47, b"\0\0\x08\0" + inner), ip(*outer, 47, struct.pack(">HHIII", 0xB000, 0x0800, 1, 2, 3) + inner),
        ip(*outer, 47, b"\0\0\x65\x58" + ethernet(inner)), udp(*outer, 999, 4789, vxlan + ethernet(inner)),
        ip(*outer, 47, struct.pack(">HHI", 0x3001, 0x880B, 9) + bytes(4) + b"\xff\x03\0\x21" + inner),
    ]  # fmt: skip
    flows = read(tunnels).flows
    assert flows.n_flows == 2
    assert {ends(flows, k) for k in range(2)} == {(A, 1, B, 2), (A6, 1, B6, 2)}
    assert sorted(flows.packets_out.tolist()) == [1.0, 7.0]


def test_a_tunnel_of_what_cannot_be_read_is_itself_the_flow():
    flows = read(
        [ip(A, B, 4, b"\x00\x01"), udp(A, B, 5, 4789, bytes(8) + b"?" * 30), ip(A, B, 47, b"\0\0\x88\xbe")]
    ).flows
    assert sorted(flows.protocol.tolist()) == [4, UDP, 47]


def test_tunnels_in_tunnels_end_somewhere():
    packet = udp(A, B, 1, 2)
    for _ in range(30):
        packet = ip(A, B, 4, packet)
    assert read([packet]).flows.n_flows == 1


def test_ip_options_and_extension_headers():
    hops = bytes([17, 0]) + bytes(6)
    flows = read([udp(A, B, 1, 2, options=bytes(8)), ip(A6, B6, 0, udp(A6, B6, 1, 2)[40:], extension=hops)]).flows
    assert {ends(flows, k) for k in range(2)} == {(A, 1, B, 2), (A6, 1, B6, 2)}
    assert flows.protocol.tolist() == [UDP, UDP]


def test_later_fragments_belong_to_the_flow_of_the_first():
    whole = udp(A, B, 7, 8, bytes(100))[20:]
    first = ip(A, B, 17, whole[:64], number=9, place=0x2000)
    later = ip(A, B, 17, whole[64:], number=9, place=8)
    stray = ip(A, B, 17, bytes(8), number=10, place=8)
    flows = read([first, later, stray]).flows
    assert flows.n_flows == 2
    assert flows.packets_out.tolist() == [2.0, 1.0]
    assert flows.payload_out.tolist() == [100.0, 8.0]
    assert flows.column("fragments").tolist() == [2.0, 1.0]
    head = struct.pack(">BBHI", 17, 0, 1, 99)
    tail = struct.pack(">BBHI", 17, 0, 8 << 3, 99)
    six = [ip(A6, B6, 44, whole[:64], extension=head), ip(A6, B6, 44, whole[64:], extension=tail)]
    assert read(six).flows.packets_out.tolist() == [2.0]


def test_lengths_come_from_the_header_where_the_packet_is_shortened():
    frame = ethernet(tcp(A, B, 1, 2, ACK, bytes(1000), seq=1))
    flows = traffic_of([pcap([(1, frame[:64], len(frame))])]).flows
    assert (flows.bytes_out[0], flows.payload_out[0]) == (1040.0, 1000.0)
    offloaded = ethernet(tcp(A, B, 1, 2, ACK, bytes(1000), total=0))
    assert traffic_of([pcap([(1, offloaded)])]).flows.bytes_out[0] == 1040.0


def test_padding_is_no_payload():
    flows = traffic_of([pcap([(1, ethernet(tcp(A, B, 1, 2, SYN)) + bytes(6))])]).flows
    assert (flows.bytes_out[0], flows.payload_out[0]) == (40.0, 0.0)


# ---- flows ----


def test_both_directions_are_one_flow():
    flows = read([udp(A, B, 5000, 53, b"ab"), udp(B, A, 53, 5000, b"abcd"), udp(A, B, 5000, 53)]).flows
    assert flows.n_flows == 1
    assert (flows.packets_out[0], flows.packets_in[0]) == (2.0, 1.0)
    assert (flows.payload_out[0], flows.payload_in[0]) == (2.0, 4.0)
    assert flows.duration[0] == pytest.approx(0.2)


def test_who_opened_the_connection_is_the_source_though_the_answer_came_first():
    flows = read([tcp(B, A, 80, 5000, SYN | ACK), tcp(A, B, 5000, 80, ACK)]).flows
    assert ends(flows) == (A, 5000, B, 80)
    assert (flows.packets_out[0], flows.packets_in[0]) == (1.0, 1.0)


def test_icmp_has_type_and_code_and_one_flow_for_both_ways():
    flows = read([icmp(A, B, 8), icmp(B, A, 0), icmp(A6, B6, 128), icmp(B6, A6, 129)]).flows
    assert flows.n_flows == 2
    assert flows.protocol.tolist() == [ICMP, ICMP6]
    assert (flows.src_port.tolist(), flows.dst_port.tolist()) == ([8, 128], [0, 0])
    assert [STATES[s] for s in flows.state] == ["SF", "SF"]


def test_arp_is_a_flow_of_who_asks():
    flows = read([arp(1, A, B), arp(1, A, B), arp(2, B, A), arp(1, B, A), arp(1, A, C)]).flows
    told = {(ends(flows, k)[0], ends(flows, k)[2]): (flows.packets_out[k], flows.packets_in[k]) for k in range(3)}
    assert told == {(A, B): (2.0, 1.0), (B, A): (1.0, 0.0), (A, C): (1.0, 0.0)}
    assert set(flows.protocol.tolist()) == {ARP}


@pytest.mark.parametrize(("gap", "n_flows"), [(119.999, 1), (120.0, 2)])
def test_idle_timeout(gap, n_flows):
    assert read([udp(A, B, 1, 2)] * 2, step=gap).flows.n_flows == n_flows


def test_flows_may_be_ended_by_the_clock():
    meter = FlowMeter()
    meter.add(pcap([(10.0, ethernet(udp(A, B, 1, 2))), (50.0, ethernet(udp(A, B, 3, 4)))]))
    meter.expire(129.9)
    assert meter.take().flows.n_flows == 0
    meter.expire(130.0)
    assert meter.take().flows.start.tolist() == [10.0]
    meter.finish()
    assert meter.take().flows.start.tolist() == [50.0]


def test_payloads_of_udp_can_be_had():
    content = pcap([(1.5, ethernet(udp(A, B, 1000, 2055, b"one"))), (2.0, ethernet(udp(A6, B6, 1, 9, b"two")))])
    pieces = [content[:50], content[50:]]
    assert list(datagrams(pieces, ports=[2055])) == [(1.5, A, 1000, B, 2055, b"one")]
    assert [one.payload for one in datagrams(pieces)] == [b"one", b"two"]


def test_active_timeout():
    flows = read([udp(A, B, 1, 2)] * 61, step=60.0).flows
    assert flows.n_flows == 3
    assert flows.packets_out.tolist() == [30.0, 30.0, 1.0]
    assert read([udp(A, B, 1, 2)] * 61, step=60.0, active_timeout=1e6).flows.n_flows == 1


def test_time_may_go_backwards():
    frame = ethernet(udp(A, B, 1, 2))
    flows = traffic_of([pcap([(10.0, frame), (9.0, frame), (10.5, frame), (1e9, frame), (11.0, frame)])]).flows
    assert flows.start.tolist() == [9.0, 11.0, 1e9] or flows.n_flows == 2
    assert flows.start[0] == 9.0
    assert (flows.duration >= 0).all()


def test_when_the_table_is_full_the_longest_silent_is_put_out():
    packets = [udp(A, B, 1000 + k % 6, 53) for k in range(60)]
    meter = FlowMeter(capacity=4)
    meter.add(pcap([(k * 0.1, ethernet(p)) for k, p in enumerate(packets)]))
    meter.finish()
    flows = meter.take().flows
    assert flows.packets_out.sum() == 60
    assert meter.crowded > 0
    assert FlowMeter().crowded == 0


def test_chunks_hold_all_flows_and_their_own_hosts():
    packets = [udp(f"10.1.{k // 200}.{k % 200 + 1}", B, 1000, 2000) for k in range(600)]
    content = pcap([(k * 1.0, ethernet(p)) for k, p in enumerate(packets)])
    pieces = [content[k : k + 2000] for k in range(0, len(content), 2000)]
    parts = list(chunks(pieces, chunk_flows=100))
    assert len(parts) > 3
    assert sum(part.flows.n_flows for part in parts) == 600
    assert max(len(part.flows.hosts) for part in parts) < 400
    whole = traffic_of(pieces).flows
    names = sorted(part.flows.hosts.words[s] for part in parts for s in part.flows.src)
    assert names == sorted(whole.hosts.words[s] for s in whole.src)


def test_pieces_put_together_are_the_whole():
    packets = []
    for k in range(300):
        client = f"10.1.0.{k % 200 + 1}"
        packets.append(udp(client, B, 5000 + k, 53, dns(k, f"h{k}.example")))
        packets.append(udp(B, client, 53, 5000 + k, dns(k, f"h{k}.example", answer=True)))
    content = pcap([(k * 1.0, ethernet(p)) for k, p in enumerate(packets)])
    pieces = [content[k : k + 5000] for k in range(0, len(content), 5000)]
    parts = list(chunks(pieces, chunk_flows=20))
    whole, joined = traffic_of(pieces), Traffic.stacked(parts)
    assert len(parts) > 5
    assert joined.flows.start.tolist() == whole.flows.start.tolist()
    clients = [[one.flows.hosts.words[c] for c in one.dns.client] for one in (joined, whole)]
    assert set(clients[0]) == set(clients[1])
    assert set(joined.dns.name) == set(whole.dns.name)
    assert joined.flows.statistic_names == whole.flows.statistic_names


def test_much_asked_in_one_flow_is_handed_out_before_it_ends():
    packets = [udp(A, B, 5000, 53, dns(k, f"h{k}.example")) for k in range(500)]
    content = pcap([(k * 0.1, ethernet(p)) for k, p in enumerate(packets)])
    parts = list(chunks([content[k : k + 2000] for k in range(0, len(content), 2000)], chunk_flows=10))
    assert max(part.dns.n_messages for part in parts) < 100
    assert sum(part.dns.n_messages for part in parts) == 500


# ---- states ----


@pytest.mark.parametrize(
    ("word", "packets"),
    [
        ("S0", [tcp(A, B, 1, 2, SYN)]),
        ("REJ", [tcp(A, B, 1, 2, SYN), tcp(B, A, 2, 1, RST | ACK)]),
        ("S1", connection(A, B, 1, 2, b"x", end=False)),
        ("S1", [tcp(A, B, 1, 2, SYN), tcp(B, A, 2, 1, SYN | ACK)]),
        ("SF", connection(A, B, 1, 2, b"x", b"y")),
        ("SF", [*connection(A, B, 1, 2, b"x", b"y"), tcp(A, B, 1, 2, RST)]),
        ("S2", [*connection(A, B, 1, 2, end=False), tcp(A, B, 1, 2, FIN | ACK)]),
        ("S3", [*connection(A, B, 1, 2, end=False), tcp(B, A, 2, 1, FIN | ACK)]),
        ("RSTO", [*connection(A, B, 1, 2, b"x", end=False), tcp(A, B, 1, 2, RST)]),
        ("RSTO", [tcp(A, B, 1, 2, SYN), tcp(B, A, 2, 1, SYN | ACK), tcp(A, B, 1, 2, RST)]),
        ("RSTR", [*connection(A, B, 1, 2, b"x", end=False), tcp(B, A, 2, 1, RST)]),
        ("RSTOS0", [tcp(A, B, 1, 2, SYN), tcp(A, B, 1, 2, RST)]),
        ("RSTRH", [tcp(B, A, 2, 1, SYN | ACK), tcp(B, A, 2, 1, RST)]),
        ("SH", [tcp(A, B, 1, 2, SYN), tcp(A, B, 1, 2, FIN)]),
        ("SHR", [tcp(B, A, 2, 1, SYN | ACK), tcp(B, A, 2, 1, FIN)]),
        ("OTH", [tcp(A, B, 1, 2, ACK, b"x"), tcp(B, A, 2, 1, ACK, b"y")]),
        ("SF", [udp(A, B, 1, 2), udp(B, A, 2, 1)]),
        ("S0", [udp(A, B, 1, 2)]),
    ],
)
def test_states(word, packets):
    assert state(*packets) == word


# ---- statistics ----


def test_every_statistic_is_told_of_once():
    names = [one.name for one in STATISTICS]
    assert len(set(names)) == len(names) >= 60
    assert all(one.meaning for one in STATISTICS)
    assert read([udp(A, B, 1, 2)]).flows.statistic_names == tuple(names)


def test_sizes_gaps_bursts_and_first_sizes():
    content = pcap(
        [(t, ethernet(udp(A, B, 1, 2, bytes(n)))) for t, n in ((0.0, 72), (0.5, 172), (4.5, 272))]
        + [(5.0, ethernet(udp(B, A, 2, 1, bytes(12))))]
    )
    flows = traffic_of([content]).flows
    expected = {
        "size_out_min": 100, "size_out_mean": 200, "size_out_std": np.std([100, 200, 300]), "size_out_max": 300,
        "size_in_mean": 40, "gap_out_min": 0.5, "gap_out_mean": 2.25, "gap_out_std": 1.75, "gap_out_max": 4.0,
        "gap_min": 0.5, "gap_mean": 5 / 3, "gap_max": 4.0, "bursts": 2, "burst_packets_max": 2, "burst_bytes_max": 340,
        "active_seconds": 1.0, "first_size_1": 100, "first_size_4": -40, "bytes_out_share": 600 / 640,
        "packets_per_second": 0.8, "bytes_per_second": 128, "response_seconds": 5.0, "ttl_out_min": 64,
        "payload_packets_out": 3, "entropy_out": 0.0,
    }  # fmt: skip
    for name, value in expected.items():
        assert flows.column(name)[0] == pytest.approx(value, abs=1e-5), name
    assert np.isnan(flows.column("gap_in_mean")[0])
    assert np.isnan(flows.column("first_size_5")[0])
    assert np.isnan(flows.column("window_out_first")[0])


def test_retransmissions_holes_and_duplicates():
    there = (A, B, 1, 2)
    flows = read(
        [
            tcp(*there, SYN, seq=2**32 - 2, number=1, window=500),
            tcp(*there, ACK, b"a" * 10, seq=2**32 - 1, number=2),  # goes round the end of the numbers
            tcp(*there, ACK, b"b" * 10, seq=19, number=3),  # leaves a hole of 10
            tcp(*there, ACK, b"c" * 10, seq=9, number=4),  # fills it
            tcp(*there, ACK, b"b" * 10, seq=19, number=5),  # once more
            tcp(*there, ACK, b"b" * 10, seq=19, number=5),  # seen twice by the capture
            tcp(*there, ACK, b"d" * 15, seq=24, number=6, window=0),  # 5 old, 10 new
        ]
    ).flows
    expected = {
        "retransmitted_out": 3, "retransmitted_bytes_out": 25, "out_of_order_out": 1, "duplicates_out": 1, "syn_out": 1,
        "ack_out": 6, "window_out_first": 500, "window_out_min": 0, "window_out_max": 1000, "window_out_zero": 1,
    }  # fmt: skip
    for name, value in expected.items():
        assert flows.column(name)[0] == value, name
    assert flows.payload_out[0] == 65.0
    assert flows.flags_out[0] == SYN | ACK


def test_handshake_and_repeated_acknowledgements():
    packets = [*connection(A, B, 1, 2, b"x", end=False), *[tcp(B, A, 2, 1, ACK, seq=501, ack=102)] * 3]
    flows = read(packets).flows
    assert flows.column("handshake_seconds")[0] == pytest.approx(0.1)
    assert flows.column("repeated_acks_in")[0] == 2


def test_entropy():
    heads = np.zeros((3, 64), np.uint8)
    heads[1] = np.arange(64)
    heads[2, :4] = [0, 0, 1, 1]
    np.testing.assert_allclose(entropies(heads, np.array([64, 64, 4])), [0.0, 6.0, 1.0], atol=1e-12)


# ---- names ----


def test_dns_questions_and_answers():
    traffic = read(
        [
            udp(A, B, 5000, 53, dns(1, "WWW.Example.com")),
            udp(A, B, 5000, 53, dns(2, "no.example", kind=16)),
            udp(B, A, 53, 5000, dns(2, "no.example", kind=16, answer=True, code=3)),
            udp(B, A, 53, 5000, dns(1, "www.example.com", answer=True)),
            udp(B, A, 53, 5000, dns(1, "www.example.com", answer=True)),
            udp(B, C, 53, 6000, dns(9, "late.example", answer=True)),
            udp(A, B, 5001, 53, dns(1, "lost.example")),
        ]
    )
    dns_, words = traffic.dns, traffic.flows.hosts.words
    assert dns_.name == ("www.example.com", "no.example", "late.example", "lost.example")
    assert dns_.code.tolist() == [0, 3, 0, -1]
    assert dns_.kind.tolist() == [1, 16, 1, 1]
    assert [words[c] for c in dns_.client] == [A, A, C, A]
    assert [words[s] for s in dns_.server] == [B] * 4
    np.testing.assert_array_equal(np.isnan(dns_.question_bytes), [False, False, True, False])
    np.testing.assert_array_equal(np.isnan(dns_.answer_bytes), [False, False, False, True])
    assert dns_.question_bytes[0] == len(dns(1, "www.example.com"))
    assert traffic.flows.services == ("dns",)
    assert traffic.flows.names[traffic.flows.name[0]] == "www.example.com"


def test_dns_over_tcp_and_multicast():
    message = dns(7, "tcp.example")
    packets = connection(A, B, 5000, 53, struct.pack(">H", len(message)) + message)
    traffic = read([*packets, udp(A, "224.0.0.251", 5353, 5353, dns(0, "_http._tcp.local", kind=12))])
    assert traffic.dns.name == ("tcp.example", "_http._tcp.local")
    assert traffic.dns.question_bytes[0] == len(message)
    assert set(traffic.flows.services) == {"dns", "mdns"}


def test_what_goes_on_with_a_message_over_tcp_is_no_message():
    first, second = dns(7, "tcp.example"), dns(8, "next.example")
    whole = struct.pack(">H", len(first) + 500) + first
    packets = connection(A, B, 5000, 53, whole, end=False)
    seq = 101 + len(whole)
    rest = b"\0\x40" + second + bytes(460)
    packets.append(tcp(A, B, 5000, 53, ACK, rest, seq=seq, ack=501))
    packets.append(tcp(A, B, 5000, 53, ACK, struct.pack(">H", len(second)) + second, seq=seq + len(rest), ack=501))
    assert read(packets).dns.name == ("tcp.example", "next.example")


@pytest.mark.parametrize(
    "tail",
    [b"\xc0\x0c", b"\xc0\xff", b"\x3fabc", b"\x80abc", b"\x01", b"", b"\xc0", b"\1a\xc0\x0c" * 40],
    ids=["itself", "beyond", "short", "kind", "cut", "nothing", "half", "chain"],
)
def test_names_that_make_no_sense_are_left_out(tail):
    message = struct.pack(">HHHHHH", 1, 0x0100, 1, 0, 0, 0) + tail
    assert read([udp(A, B, 5000, 53, message)]).dns.n_messages == 0


def test_names_may_point_back_and_hold_any_byte():
    first = struct.pack(">HHHHHH", 1, 0x0100, 2, 0, 0, 0) + b"\1A\2\x00\xff\0" + b"\0\1\0\1"
    assert read([udp(A, B, 5000, 53, first + b"\1x\xc0\x0c\0\1\0\1")]).dns.name == ("a.??", "x.a.??")


def test_the_server_that_tls_asks_for_on_any_port():
    traffic = read(connection(A, B, 5000, 9443, client_hello("mail.Example.com")))
    assert traffic.flows.names == ("mail.example.com",)
    assert traffic.flows.services == ("tls",)


def test_a_hello_longer_than_a_packet():
    hello = client_hello("far.example", padding=3000)
    packets = connection(A, B, 5000, 443, end=False)
    seq = 101
    for k in range(0, len(hello), 1400):
        packets.append(tcp(A, B, 5000, 443, PSH | ACK, hello[k : k + 1400], seq=seq, ack=501))
        packets.append(packets[-1])  # seen again: it must not be put on twice
        seq += len(hello[k : k + 1400])
    assert read(packets).flows.names == ("far.example",)


@pytest.mark.parametrize("cut", [6, 20, 45, 60, 70])
def test_a_hello_that_is_cut_names_no_one(cut):
    assert read(connection(A, B, 5000, 443, client_hello("a.example")[:cut])).flows.names == ()


def test_http_requests_and_the_codes_of_their_answers():
    first = b"POST /login?a=1 HTTP/1.1\r\nhost: Shop.example:8080\r\nUser-Agent: test/1\r\n\r\nuser=x"
    there, back = (A, B, 5000, 8080), (B, A, 8080, 5000)
    traffic = read(
        [
            *connection(A, B, 5000, 8080, first, b"HTTP/1.1 404 Not Found\r\n\r\n", end=False),
            tcp(*back, ACK, b"HTTP/1.1 404 Not Found\r\n\r\n", seq=501),  # again
            tcp(*there, ACK, b"GET /\xff HTTP/1.0\r\n\r\n", seq=101 + len(first)),
            tcp(*back, ACK, b"HTTP/1.1 100 Continue\r\n\r\n", seq=527),
            tcp(*back, ACK, b"HTTP/1.1 200 OK\r\n\r\n", seq=552),
        ]
    )
    http = traffic.http
    assert (http.method, http.path) == (("POST", "GET"), ("/login?a=1", "/\xff"))
    assert (http.host, http.agent, http.body) == (("shop.example", ""), ("test/1", ""), ("user=x", ""))
    assert (http.status.tolist(), http.port.tolist()) == ([404, 200], [8080, 8080])
    assert traffic.flows.names == ("shop.example",)


@pytest.mark.parametrize(
    ("service", "packets"),
    [
        ("ssh", connection(A, B, 5000, 2222, b"SSH-2.0-x\r\n", b"SSH-2.0-y\r\n")),
        ("ftp", connection(A, B, 5000, 21, b"", b"220 ready\r\n")),
        ("smtp", connection(A, B, 5000, 2525, b"EHLO me\r\n")),
        ("mqtt", connection(A, B, 5000, 9999, b"\x10\x0c\0\4MQTT\4\2\0\x3c\0\0")),
        ("modbus", connection(A, B, 5000, 502, b"\0\1\0\0\0\6\1\3\0\0\0\1")),
        ("dhcp", [udp("0.0.0.0", "255.255.255.255", 68, 67, b"\1\1\6\0" + bytes(240))]),
        ("ntp", [udp(A, B, 123, 123, b"\x23" + bytes(47))]),
        ("tls", [tcp(A, B, 5000, 443, SYN)]),
        ("quic", [udp(A, B, 5000, 443, b"\xc3" + bytes(1199))]),
        ("", [tcp(A, B, 5000, 45_678, SYN)]),
        ("", [icmp(A, B, 8)]),
    ],
)
def test_services(service, packets):
    flows = read(packets).flows
    assert (flows.services[flows.service[0]] if flows.service[0] >= 0 else "") == service


def test_a_great_many_flows_are_those_of_smaller_pieces(monkeypatch):
    packets = [udp(f"10.0.{k % 7}.{k % 250}", B, 1000 + k, 53, dns(k % 9, f"n{k % 5}.example")) for k in range(900)]
    frames = [(100.0 + 3 * k, ethernet(packet)) for k, packet in enumerate(packets)]
    plain = traffic_of([pcap(frames)], meter=FlowMeter(idle_timeout=1.0)).flows
    monkeypatch.setattr("amiss.network.capture._TOLD_AT_ONCE", 8)
    monkeypatch.setattr("amiss.network.capture._PARTS_A_BLOCK", 3)
    blocks = traffic_of([pcap(frames)], meter=FlowMeter(idle_timeout=1.0)).flows
    assert blocks.n_flows == plain.n_flows == 900
    assert blocks.hosts.words == plain.hosts.words
    for name in ("start", "src", "dst", "src_port", "bytes_out", "statistics"):
        np.testing.assert_array_equal(getattr(blocks, name), getattr(plain, name))
    assert [blocks.names[code] for code in blocks.name] == [plain.names[code] for code in plain.name]
