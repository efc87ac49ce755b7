"""Flows and traffic: put together from words, picked, and joined without losing who is who."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.network.addresses import Addresses, within
from amiss.network.flows import TCP, UDP, Flows
from amiss.network.traffic import DnsMessages, Traffic


def one(src: str, dst: str, start: float, service: str, extra: float) -> Flows:
    return Flows.of(
        [src], [dst], start=[start], duration=[1.0], protocol=[TCP], service=[service], name=["a.example"],
        statistics=np.array([[extra, 2.0]]), statistic_names=("extra", service or "none"), label=["x"],
    )  # fmt: skip


def test_what_is_not_said_is_missing() -> None:
    flows = Flows.of(["10.0.0.1"], ["10.0.0.2"], start=[5.0], protocol=[UDP])
    assert np.isnan(flows.bytes_out[0])
    assert flows.flags_out[0] == -1
    assert flows.service[0] == -1
    assert np.isnan(flows.column("anything")[0])
    assert flows.end[0] == 5.0


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(TypeError, match="no column 'bits'"):
        Flows.of([], [], bits=[])


def test_joined_flows_keep_their_hosts_words_and_labels() -> None:
    a, b = one("10.0.0.1", "10.0.0.2", 1.0, "dns", 7.0), one("10.0.0.2", "8.8.8.8", 2.0, "tls", 8.0)
    both = Flows.stacked([a, b])
    words = both.hosts.words
    assert [(words[s], words[d]) for s, d in zip(both.src, both.dst, strict=True)] == [
        ("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "8.8.8.8"),
    ]  # fmt: skip
    assert [both.services[s] for s in both.service] == ["dns", "tls"]
    assert both.statistic_names == ("extra", "dns", "tls")
    assert both.column("extra").tolist() == [7.0, 8.0]
    np.testing.assert_array_equal(both.column("dns"), [2.0, np.nan])
    assert both.label == ("x", "x")
    assert both.take(np.array([1])).label == ("x",)


def test_joined_traffic_is_in_the_order_of_time_and_its_names_keep_their_hosts() -> None:
    late = Traffic(one("10.0.0.1", "10.0.0.2", 9.0, "dns", 7.0))
    early = Traffic(
        one("10.0.0.3", "10.0.0.1", 2.0, "dns", 7.0),
        DnsMessages(
            np.array([2.0]), np.array([0], np.int32), np.array([1], np.int32), ("x.example",),
            np.array([1], np.int32), np.array([0], np.int32), np.array([30.0]), np.array([60.0]),
        ),
    )  # fmt: skip
    both = Traffic.stacked([late, early])
    assert both.flows.start.tolist() == [2.0, 9.0]
    words = both.flows.hosts.words
    assert (words[both.dns.client[0]], words[both.dns.server[0]]) == ("10.0.0.3", "10.0.0.1")
    assert (both.start, both.end) == (2.0, 10.0)


def test_addresses_know_their_kind() -> None:
    hosts = Addresses(["192.168.1.4", "8.8.8.8", "239.255.255.250", "fe80::1%eth0", "::ffff:10.1.2.3", "printer"])
    assert hosts.local.tolist() == [True, False, False, True, True, False]
    assert hosts.groups.tolist() == [False, False, True, False, False, False]
    assert not within("printer", [])
