"""Scans, sweeps, floods, guessing, beacons and tunnels: each found once, with what it looks like beside it."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.network.behave import find_behaviours
from amiss.network.finding import Finding
from amiss.network.flows import UDP
from amiss.network.traffic import Traffic
from tests.network.behaviours.made import BEGIN, Made, office

BAD = "10.0.0.66"
OUT = "203.0.113.9"


def kinds(found: list[Finding]) -> list[tuple[str, str]]:
    return [(one.kind, one.host) for one in found]


def only(made: Made) -> Finding:
    found = find_behaviours(made.traffic())
    assert len(found) == 1, [one.reason for one in found]
    return found[0]


@pytest.mark.parametrize("seed", range(5))
def test_an_office_does_nothing_of_note(seed: int) -> None:
    assert [one.reason for one in find_behaviours(office(seed).traffic())] == []


def test_no_traffic_has_no_findings() -> None:
    assert find_behaviours(Traffic(Made().traffic().flows)) == []


@pytest.mark.parametrize(("n_ports", "step"), [(20, 200.0), (1000, 0.01), (65_535, 0.0005)])
def test_a_scan_of_many_ports_is_one_event(n_ports: int, step: float) -> None:
    made = office()
    ports = np.random.default_rng(1).permutation(65_535)[:n_ports] + 1
    for i, port in enumerate(ports):
        made.flow(BAD, "10.0.0.20", BEGIN + 900 + i * step, int(port), state="S0" if i % 3 else "REJ")
    one = only(made)
    assert (one.kind, one.host, one.peers, one.technique) == ("vertical_scan", BAD, ("10.0.0.20",), "T1046")
    assert len(one.flows) == n_ports
    assert f"{n_ports:,} ports of 10.0.0.20" in one.reason
    assert one.measures[0].value == n_ports


def test_one_port_of_many_hosts_is_a_horizontal_scan() -> None:
    made = office()
    for i in range(60):
        made.flow(BAD, f"10.0.0.{i + 100}", BEGIN + 900 + i * 20, 445, state="SF" if i % 10 == 5 else "S0")
    one = only(made)
    assert (one.kind, one.host, len(one.peers)) == ("horizontal_scan", BAD, 60)


def test_a_server_that_is_down_and_a_monitor_are_no_scan() -> None:
    made = office()
    for i in range(120):
        made.flow("10.0.0.20", "10.0.0.5", BEGIN + 60 * i, 8443, state="S0")
        for k in range(12):
            made.flow("10.0.0.9", f"10.0.0.{20 + k}", BEGIN + 60 * i + k, 9100, payload_out=0.0)
    assert kinds(find_behaviours(made.traffic())) == []


@pytest.mark.parametrize("how", ["ping", "arp"])
def test_addresses_asked_one_after_another_are_a_sweep(how: str) -> None:
    made = office()
    for i in range(1, 80):
        getattr(made, how)(BAD, f"10.0.0.{i}", BEGIN + 900 + i, there=i % 4 == 0)
    one = only(made)
    assert (one.kind, one.host, one.technique) == ("sweep", BAD, "T1018")


@pytest.mark.parametrize("how", ["ping", "arp"])
def test_hosts_that_are_asked_again_and_again_are_no_sweep(how: str) -> None:
    made = office()
    for i in range(40):
        for k in range(12):
            getattr(made, how)("10.0.0.9", f"10.0.0.{20 + k}", BEGIN + 240 * i + k, there=True)
    assert kinds(find_behaviours(made.traffic())) == []


@pytest.mark.parametrize("step", [0.3, 60.0])
def test_login_after_login_is_brute_force(step: float) -> None:
    made, random = office(), np.random.default_rng(2)
    for i in range(80):
        at = BEGIN + 600 + step * i * random.uniform(0.8, 1.2)
        made.flow(BAD, "10.0.0.5", at, 22, payload_out=1500 + random.normal(0, 60), payload_in=2200.0, duration=2.5)
    one = only(made)
    assert (one.kind, one.host, one.peers, one.technique) == ("brute_force", BAD, ("10.0.0.5",), "T1110")


def test_many_who_guess_at_one_server_are_one_event_of_the_server() -> None:
    made = office()
    for i in range(200):
        made.flow(f"203.0.113.{i % 30}", "10.0.0.5", BEGIN + 600 + 7 * i, 22, payload_out=1500.0, payload_in=2200.0)
    one = only(made)
    assert (one.kind, one.host, len(one.peers)) == ("brute_force", "10.0.0.5", 30)


def test_an_administrator_who_works_is_not_guessing() -> None:
    made, random = office(), np.random.default_rng(3)
    for i in range(20):
        sizes = {"payload_out": float(random.lognormal(8, 1)), "payload_in": float(random.lognormal(10, 1.5))}
        made.flow(
            "10.0.0.20", f"10.0.0.{5 + i % 4}", BEGIN + 400 * i, 22, duration=float(random.lognormal(5, 1)), **sizes
        )
    assert kinds(find_behaviours(made.traffic())) == []


def test_logins_to_a_page_are_brute_force() -> None:
    made = office()
    for i in range(40):
        made.request(
            BAD, "10.0.0.8", BEGIN + 900 + 2 * i, "/admin/login", method="POST", body="user=a&password=b", status=401
        )
    assert kinds(find_behaviours(made.traffic())) == [("brute_force", BAD)]


def test_many_who_guess_at_one_page_are_one_event_of_the_server_and_users_are_none() -> None:
    made = office()
    for i in range(200):
        at, body = BEGIN + 900 + 2 * i, f"user=a&password={i}"
        made.request(f"203.0.113.{i % 25}", "10.0.0.8", at, "/login", method="POST", body=body, status=401)
        made.request(f"10.0.0.{20 + i % 12}", "10.0.0.9", at, "/login", method="POST", body=body, status=302)
    one = only(made)
    assert (one.kind, one.host, len(one.peers)) == ("brute_force", "10.0.0.8", 25)


def test_a_flood_from_everywhere_is_of_its_target() -> None:
    made, random = office(), np.random.default_rng(4)
    for i in range(5000):
        source = f"{random.integers(11, 200)}.{random.integers(256)}.{random.integers(256)}.7"
        made.flow(source, "10.0.0.8", BEGIN + 900 + i / 200, 80, state="S0")
    one = only(made)
    assert (one.kind, one.host, one.technique) == ("flood", "10.0.0.8", "T1498")


def test_a_flood_of_packets_in_one_flow_is_of_its_source() -> None:
    made = office()
    made.flow(
        BAD, "10.0.0.8", BEGIN + 900, 7777, protocol=UDP, state="S0", duration=30.0, packets_out=90_000.0,
        packets_in=0.0, payload_out=9e7, payload_in=0.0, flags_out=-1, flags_in=-1,
    )  # fmt: skip
    assert kinds(find_behaviours(made.traffic())) == [("flood", BAD)]


def test_many_clients_of_dhcp_at_once_are_a_flood() -> None:
    made = office()
    for i in range(400):
        made.flow(f"10.0.{i // 200 + 1}.{i % 200}", "10.0.0.2", BEGIN + 900 + i / 50, 67, protocol=UDP)
    assert kinds(find_behaviours(made.traffic())) == [("flood", "10.0.0.2")]


@pytest.mark.parametrize(
    ("period", "jitter", "named"), [(60, 0.05, False), (60, 0.5, True), (300, 0.2, True), (900, 0.05, False)]
)
def test_calls_at_an_even_pace_are_a_beacon(period: float, jitter: float, named: bool) -> None:
    made, random = office(), np.random.default_rng(5)
    at = BEGIN + 400
    while at < BEGIN + 10_400:
        if random.random() > 0.1:
            size = 300.0 if random.random() > 0.05 else 9000.0
            made.flow(
                "10.0.0.21", OUT, at, 8443, payload_out=size, payload_in=200.0, name="c.drop.example" if named else ""
            )
        at += period * random.uniform(1 - jitter, 1 + jitter)
    one = only(made)
    assert (one.kind, one.host, one.peers) == ("beaconing", "10.0.0.21", (OUT,))
    assert one.measures[0].value == pytest.approx(period, rel=0.25)


def test_with_nobody_to_compare_with_several_servers_called_so_are_less_grave() -> None:
    grades = []
    for n_servers in (1, 4):
        made = Made()
        for k in range(40):
            for server in range(n_servers):
                made.flow("10.0.0.21", f"203.0.113.{server + 1}", BEGIN + 300 * k + 20 * server, payload_out=200.0)
            made.flow("10.0.0.21", f"198.51.100.{k + 1}", BEGIN + 300 * k + 7 * (k % 13))
        one = next(one for one in find_behaviours(made.traffic()) if one.kind == "beaconing")
        grades.append(one.severity)
    assert grades[1] < 0.7 * grades[0]


def test_what_all_call_what_is_refused_and_what_is_random_is_no_beacon() -> None:
    made, random = office(), np.random.default_rng(6)
    for i in range(100):
        for k in range(6):
            made.flow(f"10.0.0.{20 + k}", "192.0.2.50", BEGIN + 100 * i + 3 * k, 443, name="update.example")
        made.flow("10.0.0.22", OUT, BEGIN + 100 * i, 443, state="REJ")
        made.flow("10.0.0.23", "203.0.113.10", BEGIN + random.uniform(0, 10_000), 443, name="chat.example")
    assert kinds(find_behaviours(made.traffic())) == []


@pytest.mark.parametrize(("kind", "length"), [(16, 60), (1, 50)])
def test_new_long_names_of_one_domain_are_a_tunnel(kind: int, length: int) -> None:
    made, random = office(), np.random.default_rng(7)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz234567"))
    for i in range(60):
        text = "".join(random.choice(letters, length))
        made.ask("10.0.0.21", f"{text}.t.tunnel.example", BEGIN + 900 + 20 * i, kind=kind)
    one = only(made)
    assert (one.kind, one.host, len(one.flows)) == ("dns_tunnel", "10.0.0.21", 60)


def test_hashes_block_lists_and_content_networks_are_no_tunnel() -> None:
    made, random = office(), np.random.default_rng(8)
    for i in range(200):
        digest = "".join(random.choice(list("0123456789abcdef"), 64))
        made.ask("10.0.0.21", f"{digest[:32]}.scan.virus.example", BEGIN + 40 * i)
        made.ask("10.0.0.5", f"{random.integers(256)}.{i}.7.9.zen.block.example", BEGIN + 41 * i, code=3)
        made.ask("10.0.0.22", f"r{random.integers(9)}-sn-{digest[:6]}.cdn.example", BEGIN + 39 * i)
    assert kinds(find_behaviours(made.traffic())) == []


def test_what_is_usual_is_no_event() -> None:
    made = office()
    for i in range(60):
        made.flow(BAD, f"10.0.0.{i + 100}", BEGIN + 900 + i, 445, state="S0")
    traffic = made.traffic()
    assert kinds(find_behaviours(traffic)) == [("horizontal_scan", BAD)]
    assert find_behaviours(traffic, usual=traffic) == []
