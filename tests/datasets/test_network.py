"""A generated network: seeds, what is planted and where, and traffic that is like an office's."""

from __future__ import annotations

import ipaddress

import numpy as np
import pytest

from amiss.datasets import make_network
from amiss.datasets.network import KINDS
from amiss.network.addresses import address_of, within
from amiss.network.flows import ARP, STATES, TCP

_VARIANTS = [f"{kind}/{variant}" for kind, (_, variants) in KINDS.items() for variant in variants]
_RESERVED = [ipaddress.ip_network(word) for word in (
    "10.0.0.0/8", "192.168.0.0/16", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "224.0.0.0/4",
    "0.0.0.0/32", "255.255.255.255/32", "2001:db8::/32", "fd00::/8")]  # fmt: skip


@pytest.fixture(scope="module")
def day():
    return make_network(n_hosts=40, hours=24, seed=11)


def test_equal_seeds_make_equal_networks_and_others_do_not():
    one, same, other = (make_network(n_hosts=20, hours=1, behaviours=["beaconing", "sweep"], seed=s) for s in (4, 4, 5))
    for name in ("start", "src", "dst", "src_port", "payload_in", "state", "duration"):
        np.testing.assert_array_equal(getattr(one.traffic.flows, name), getattr(same.traffic.flows, name))
    assert one.traffic.dns.name == same.traffic.dns.name
    assert [p.host for p in one.planted] == [p.host for p in same.planted]
    assert one.traffic.flows.n_flows != other.traffic.flows.n_flows


def test_one_site_has_one_set_of_hosts_on_all_days():
    one, other = (make_network(n_hosts=20, hours=1, site=3, seed=s) for s in (1, 2))
    assert one.roles == other.roles
    assert one.traffic.flows.n_flows != other.traffic.flows.n_flows


@pytest.mark.parametrize("word", _VARIANTS)
def test_planted_flows_are_of_the_host_and_within_the_times_named(word):
    network = make_network(n_hosts=20, hours=2, behaviours=[word], look_alikes=False, seed=2)
    flows, (planted,) = network.traffic.flows, network.planted
    assert planted.kind == word.partition("/")[0]
    assert len(planted.flows)
    assert np.all(np.diff(planted.flows) > 0)
    code = flows.hosts.words.index(planted.host)
    part = flows.take(planted.flows)
    # The flows that carry a name's question and its answer's are the resolver's, not the host's.
    about = (part.src == code) | (part.dst == code)
    assert about.mean() > 0.45
    assert part.start.min() == planted.start
    assert part.end.max() == pytest.approx(planted.end)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_planted_leaves_the_rest_as_it_was(kind):
    plain = make_network(n_hosts=20, hours=1, seed=6)
    with_one = make_network(n_hosts=20, hours=1, behaviours=[kind], seed=6)
    rest = with_one.traffic.flows.take(~with_one.is_planted)
    np.testing.assert_array_equal(np.sort(rest.start), np.sort(plain.traffic.flows.start))


def test_flows_are_in_order_and_their_bytes_fit_their_packets(day):
    flows = day.traffic.flows
    assert np.all(np.diff(flows.start) >= 0)
    for packets, size, payload in (
        (flows.packets_out, flows.bytes_out, flows.payload_out),
        (flows.packets_in, flows.bytes_in, flows.payload_in),
    ):
        assert np.all(size >= payload + packets * np.where(flows.protocol == ARP, 28, 20 + 8))
        assert np.all(packets[payload > 0] > 0)
        for column in (packets, size, payload):
            np.testing.assert_array_equal(column, np.floor(column))
    assert np.all(flows.duration >= 0)
    assert np.all(flows.packets_out >= 1)
    assert np.all((flows.src_port >= 0) & (flows.src_port < 65_536) & (flows.dst_port < 65_536))
    unanswered = (flows.protocol == TCP) & (flows.state == STATES.index("S0"))
    assert np.all(flows.packets_in[unanswered] == 0)


def test_questions_and_requests_belong_to_flows_of_their_hosts(day):
    flows, dns, http = day.traffic.flows, day.traffic.dns, day.traffic.http
    np.testing.assert_array_equal(flows.src[day.details["dns_flow"]], dns.client)
    np.testing.assert_array_equal(flows.dst[day.details["http_flow"]], http.server)
    assert np.all(flows.dst_port[day.details["dns_flow"]] == 53)
    assert {len(dns.name), len(dns.kind), len(dns.answer_bytes)} == {dns.n_messages}
    assert {len(http.path), len(http.body), len(http.status)} == {http.n_requests}


def test_addresses_and_names_belong_to_nobody():
    network = make_network(n_hosts=20, hours=2, behaviours=list(KINDS), exposed=True, seed=8)
    for word in network.traffic.flows.hosts.words:
        assert address_of(word) is not None
        assert within(word, _RESERVED), word
    names = {*network.traffic.flows.names, *network.traffic.dns.name, *network.traffic.http.host}
    allowed = (".example", ".test", ".invalid", ".example.com", ".example.net", ".example.org")
    assert [name for name in names if name and not name.endswith(allowed)] == []


def test_people_work_by_day(day):
    flows = day.traffic.flows
    web = np.isin(flows.dst_port, [443, 80]) & np.isin(
        flows.src, [flows.hosts.words.index(h) for h in day.roles["people"]]
    )
    hour = (flows.start[web] // 3600 % 24).astype(int)
    counts = np.bincount(hour, minlength=24)
    assert counts[9:17].mean() > 5 * counts[0:5].mean()


def test_sizes_have_a_heavy_tail(day):
    sizes = day.traffic.flows.payload_in[day.traffic.flows.dst_port == 443]
    ordered = np.sort(sizes[sizes > 0])[::-1]
    assert ordered[: len(ordered) // 100].sum() > 0.3 * ordered.sum()
    assert ordered[0] > 1000 * np.median(ordered)


def test_gaps_of_people_are_bursty_and_ports_move(day):
    flows = day.traffic.flows
    host = flows.hosts.words.index(day.roles["people"][0])
    mine = (flows.src == host) & (flows.dst_port == 443)
    gaps = np.diff(flows.start[mine])
    assert gaps.std() > 1.5 * gaps.mean()
    assert len(np.unique(flows.src_port[mine])) > 0.9 * mine.sum()


def test_look_alikes_are_there_unless_unwanted():
    network = make_network(n_hosts=20, hours=2, seed=3)
    kinds = {one.kind for one in network.look_alikes}
    assert {"time_keeping", "update_check", "backup", "monitoring", "keep_alive", "mail_server", "upload"} <= kinds
    assert network.planted == ()
    assert "monitoring" not in {
        one.kind for one in make_network(n_hosts=20, hours=2, look_alikes=False, seed=3).look_alikes
    }


def test_unknown_behaviours_and_tiny_networks_are_refused():
    with pytest.raises(ValueError, match="no behaviour 'telepathy'"):
        make_network(behaviours=["telepathy"])
    with pytest.raises(ValueError, match="no behaviour 'sweep/quick'; there are icmp, arp"):
        make_network(behaviours=["sweep/quick"])
    with pytest.raises(ValueError, match="at least 16 hosts"):
        make_network(n_hosts=3)
    with pytest.raises(ValueError, match="hours"):
        make_network(hours=0)
