"""A flow's context is what went before it, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.network.context import flow_features, own_hosts
from amiss.network.earlier import Groups, numbered
from amiss.network.flows import TCP, UDP, Flows
from amiss.network.traffic import Traffic

KEYS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 50)), min_size=1, max_size=40)


@settings(max_examples=100, deadline=None)
@given(KEYS, st.integers(1, 9))
def test_groups_are_what_a_loop_finds(rows: list[tuple[int, int, int]], most: int) -> None:
    key, value, weight = (np.array(column) for column in zip(*rows, strict=True))
    time = np.sort(weight).astype(float)
    groups = Groups(key)
    before, summed, latest, lately, high, distinct = [], [], [], [], [], []
    for i in range(len(key)):
        same = [j for j in range(i) if key[j] == key[i]]
        before.append(len(same))
        summed.append(weight[same].sum() if same else 0)
        latest.append(weight[same[-most:]].sum() if same else 0)
        lately.append(sum(time[j] >= time[i] - most for j in same))
        high.append(weight[same].max() if same else np.nan)
        distinct.append(len({value[j] for j in [*same, i][-most:]}))
    assert groups.before().tolist() == before
    assert groups.before(weight).tolist() == summed
    assert groups.before(weight, most=most).tolist() == latest
    assert groups.lately(time, most).tolist() == lately
    np.testing.assert_allclose(groups.most_before(weight.astype(float)), high)
    assert groups.distinct(value, most).tolist() == distinct
    pairs = numbered(key, value)
    assert all((pairs[i] == pairs[0]) == (rows[i][:2] == rows[0][:2]) for i in range(len(rows)))


def random_traffic(n: int, seed: int) -> Traffic:
    random = np.random.default_rng(seed)
    inside = [f"10.0.0.{i}" for i in random.integers(1, 9, n)]
    outside = [f"8.8.{i % 9}.{i}" for i in random.integers(1, 99, n)]
    turned = random.random(n) < 0.2
    flows = Flows.of(
        [o if t else i for i, o, t in zip(inside, outside, turned, strict=True)],
        [i if t else o for i, o, t in zip(inside, outside, turned, strict=True)],
        start=np.sort(random.uniform(0, 3000, n)), dst_port=random.choice([53, 80, 443, 9999], n),
        protocol=random.choice([TCP, UDP], n), packets_in=random.poisson(2, n), duration=random.exponential(2000, n),
        payload_out=random.lognormal(9, 4, n), payload_in=np.where(turned, np.nan, random.lognormal(9, 4, n)),
    )  # fmt: skip
    return Traffic(flows)


def same(a, b) -> None:
    for name in a.names:
        if a.kind(name) == "text":
            assert a.words(name) == b.words(name), name
        else:
            np.testing.assert_array_equal(a.numbers(name), b.numbers(name), name)


def test_what_comes_later_changes_nothing() -> None:
    traffic = random_traffic(600, 1)
    first = flow_features(Traffic(traffic.flows.take(np.arange(400))))
    same(first, flow_features(traffic).rows(np.arange(400)))


def test_usual_traffic_goes_before() -> None:
    a, b = random_traffic(300, 1), random_traffic(200, 2)
    with_usual = flow_features(b, a)
    assert with_usual.n_rows == 200
    assert with_usual.numbers("service used before").min() > flow_features(b).numbers("service used before").min()


def test_neither_addresses_nor_the_time_of_day_matter() -> None:
    traffic = random_traffic(500, 3)
    words = [word.replace("10.0.0.", "192.168.7.").replace("8.8.", "9.9.") for word in traffic.flows.hosts.words]
    f = traffic.flows
    moved = Flows.of(
        [words[code] for code in f.src], [words[code] for code in f.dst], start=f.start + 86_400.0,
        dst_port=f.dst_port, protocol=f.protocol, packets_in=f.packets_in, duration=f.duration,
        payload_out=f.payload_out, payload_in=f.payload_in,
    )  # fmt: skip
    same(flow_features(traffic), flow_features(Traffic(moved)))


def test_a_scan_by_a_stranger_stands_out() -> None:
    n = 200
    flows = Flows.of(
        [*["10.0.0.1"] * n, *["6.6.6.6"] * 40], [*["8.8.8.8"] * n, *["10.0.0.1"] * 40], start=np.arange(n + 40),
        dst_port=[*[443] * n, *range(40)], protocol=[TCP] * (n + 40), packets_in=[*[5] * n, *[0] * 40],
    )  # fmt: skip
    frame = flow_features(Traffic(flows))
    assert set(frame.words("way")) == {"tcp out", "tcp in"}
    assert frame.numbers("mute ports")[-1] == 5.0
    assert frame.numbers("source failures")[-1] > 4.0
    assert frame.numbers("service used before")[n:].max() == 0.0
    assert np.all(frame.numbers("source failures")[:n] == 0.0)


@pytest.mark.parametrize(
    ("src", "dst", "own"),
    [
        (["10.0.0.1", "8.8.8.8"], ["8.8.8.8", "10.0.0.2"], {"10.0.0.1", "10.0.0.2"}),
        (["147.32.1.5"] * 30, [f"8.{i}.8.8" for i in range(30)], {"147.32.1.5"}),
        ([f"8.{i}.8.8" for i in range(30)], ["147.32.1.5"] * 30, {"147.32.1.5"}),
        ([f"8.{i}.8.8" for i in range(30)], [f"9.{i}.8.8" for i in range(30)], set()),
    ],
)
def test_own_hosts(src: list[str], dst: list[str], own: set[str]) -> None:
    flows = Flows.of(src, dst, start=np.arange(len(src)))
    found = own_hosts(flows)
    assert {word for word, is_own in zip(flows.hosts.words, found, strict=True) if is_own} == own


def test_no_flows() -> None:
    assert flow_features(Traffic(Flows.of([], []))).n_rows == 0
