"""Exclusions: read from words, refused with the nearest word, and hiding what they say and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from amiss.core.errors import ParameterError
from amiss.core.finding import Event, Evidence, Measure
from amiss.network.behave import all_behaviours, find_behaviours
from amiss.network.exclusions import KINDS, Exclusion, kept
from amiss.network.filters import capture_filter, display_filter
from amiss.network.finding import Finding
from amiss.network.traffic import Traffic
from tests.network.behaviours.made import BEGIN, Made, office

BAD, OUT = "10.0.0.21", "203.0.113.9"


def beacon() -> Traffic:
    made: Made = office()
    for i in range(60):
        made.flow(BAD, OUT, BEGIN + 400 + 60 * i, 8443, payload_out=300.0, name="a.update.example")
    return made.traffic()


def event_of(finding: Finding, traffic: Traffic) -> Event:
    flows = traffic.flows
    evidence = Evidence(
        "T1071", (Measure("calls", 60),), finding.peers[:10], len(finding.peers), len(finding.flows), (),
        display_filter(finding, flows), capture_filter(finding, flows),
    )  # fmt: skip
    return Event(
        0, 1, 0, 2, "2023-11-14T22:20:00Z", "2023-11-14T23:19:00Z", finding.host, 0.9, 0.0, kind=finding.kind,
        reason=finding.reason, evidence=evidence,
    )  # fmt: skip


HIDING = (
    "host 10.0.0.21", "source host 10.0.0.21", "target host 203.0.113.9", "host 203.0.113.9", "net 10.0.0.0/24",
    "target net 203.0.113.0/24", "port 8443/tcp", "port 8000-8500", "domain *.update.example",
    "DOMAIN a.update.example",
    "kind beaconing", "kind beaconing and domain *.update.example and net 10.0.0.0/8", "time 22:00-04:00",
    "kind  beaconing   and port 8443 # ok; by Ann; until 2030-01-01",
)  # fmt: skip
SHOWING = (
    "host 10.0.0.22", "target host 10.0.0.21", "source net 203.0.113.0/24", "port 8443/udp", "port 443",
    "domain *.example.com", "domain update.example", "kind sweep", "kind beaconing and host 10.0.0.22",
    "time 23:00-04:00", "time 04:00-22:30", "kind beaconing # until 2020-01-01",
)  # fmt: skip


@pytest.mark.parametrize("text", HIDING)
def test_what_is_meant_is_hidden_now_and_when_stored(text: str) -> None:
    traffic, exclusion = beacon(), Exclusion.parse(text)
    (one,) = find_behaviours(traffic)
    assert exclusion.covers(one, traffic)
    assert exclusion.hides(event_of(one, traffic))
    assert find_behaviours(traffic, exclusions=[exclusion]) == []


@pytest.mark.parametrize("text", SHOWING)
def test_what_is_not_meant_is_shown_now_and_when_stored(text: str) -> None:
    traffic, exclusion = beacon(), Exclusion.parse(text)
    (one,) = find_behaviours(traffic)
    assert not exclusion.covers(one, traffic)
    assert not exclusion.hides(event_of(one, traffic))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no conditions"),
        ("hosts 10.0.0.5", "did you mean 'host'"),
        ("kind beacon", "did you mean 'beaconing'"),
        ("host", "followed by nothing"),
        ("net 10.0.0.300/8", "no network"),
        ("port 99999", "no port"),
        ("port 53/dns", "no port"),
        ("domain a b", "no domain"),
        ("time 25:00-04:00", "no time of day"),
        ("source kind sweep", "followed by host or net"),
        ("host 10.0.0.5 # until soon", "no date"),
        ("kind beaconing or kind sweep", "no kind"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_is_near(text: str, told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        Exclusion.parse(text)


def test_the_comment_is_kept() -> None:
    one = Exclusion.parse("host 10.0.0.5 # polls of the monitor; by Ann; until 2030-01-01")
    assert (one.text, one.reason, one.author) == ("host 10.0.0.5", "polls of the monitor", "Ann")
    assert one.until == 1_893_456_000.0


def test_each_exclusion_says_how_much_it_hides() -> None:
    traffic = beacon()
    exclusions = [Exclusion.parse(text) for text in ("kind beaconing", "host 10.0.0.99", "net 10.0.0.0/8")]
    left, counts = kept(find_behaviours(traffic), traffic, exclusions)
    assert (left, counts) == ([], (1, 0, 1))


def test_an_event_called_normal_makes_an_exclusion_that_hides_it_and_its_like() -> None:
    traffic = beacon()
    (one,) = find_behaviours(traffic)
    event = event_of(one, traffic)
    made = Exclusion.of_event(event, author="Ann")
    assert made.text == "source host 10.0.0.21 and kind beaconing and domain a.update.example"
    assert made.hides(event)
    assert not made.hides(msgspec.structs.replace(event, entity="10.0.0.22"))
    assert not made.hides(msgspec.structs.replace(event, kind="sweep"))


def test_many_at_the_other_end_are_not_all_known_of_a_stored_event() -> None:
    traffic = beacon()
    (one,) = find_behaviours(traffic)
    event = event_of(one, traffic)
    evidence = event.evidence
    assert evidence is not None
    many = msgspec.structs.replace(event, evidence=msgspec.structs.replace(evidence, n_peers=5000))
    assert not Exclusion.parse("target net 203.0.113.0/24").hides(many)


def test_every_kind_that_is_found_can_be_named() -> None:
    for behaviour in all_behaviours():
        assert set(getattr(behaviour, "kinds", (behaviour.kind,))) <= set(KINDS)
