"""Events in the forms that other systems take: nothing in the data can break a line or forge a field."""

from __future__ import annotations

import json
import re

import pytest

from amiss.core.finding import Event, Evidence, Measure
from amiss.report.alerts import cef_line, ecs_document, event_id, severity_of, syslog_line

SCAN = Event(
    first_row=0, last_row=99, peak_row=0, n_alarms=100, start="2026-03-02T00:03:00Z", end="2026-03-02T00:04:00Z",
    entity="10.0.0.5", score=0.9, p_value=None, kind="vertical_scan", reason="10.0.0.5 tried 100 ports of 10.0.0.9",
    evidence=Evidence(
        technique="T1046", measures=(Measure("ports tried", 100.0, "up to 3"),), peers=("10.0.0.9",), n_peers=1,
        n_flows=100, flows=(0, 99), display_filter="ip.src == 10.0.0.5", capture_filter="src host 10.0.0.5",
    ),
)  # fmt: skip
SPIKE = Event(
    first_row=3, last_row=5, peak_row=4, n_alarms=3, start=None, end=None, entity="pump | 3", score=4.2, p_value=1e-3,
    kind=None, reason="a=b\nCEF:0|forged|line\\",
)  # fmt: skip


def fields(line: str) -> dict[str, str]:
    """What a reader of the format makes of a line."""
    extension = re.split(r"(?<!\\)\|", line, maxsplit=7)[7]
    parts = re.split(r"(?:^| )(\w+)(?<!\\)=", extension)[1:]
    return {k: v.replace("\\=", "=").replace("\\\\", "\\") for k, v in zip(parts[::2], parts[1::2], strict=True)}


def test_a_scan_in_the_elastic_schema() -> None:
    document = json.loads(json.dumps(ecs_document(SCAN, "office.pcap")))
    assert document["event"]["category"] == ["network", "intrusion_detection"]
    assert document["event"]["severity"] == 90
    assert document["source"] == {"ip": "10.0.0.5"}
    assert document["destination"] == {"ip": "10.0.0.9"}
    assert document["threat"]["technique"]["id"] == ["T1046"]
    assert document["amiss"]["measures"][0]["value"] == 100
    assert document["@timestamp"] == SCAN.start


def test_a_scan_in_the_common_event_format() -> None:
    line = cef_line(SCAN, "office.pcap")
    assert line.split("|")[:3] == ["CEF:0", "amiss", "amiss"]
    assert line.split("|")[6] == "9"
    told = fields(line)
    assert (told["src"], told["dst"], told["cnt"], told["cs1"]) == ("10.0.0.5", "10.0.0.9", "100", "T1046")
    assert told["cs2"] == "ip.src == 10.0.0.5"
    assert told["start"] == "1772409780000"


def test_data_cannot_forge_a_line_or_a_field() -> None:
    line = cef_line(SPIKE, "x")
    assert "\n" not in line
    assert fields(line)["msg"] == "a=b CEF:0|forged|line\\"
    assert fields(line)["shost"] == "pump | 3"


@pytest.mark.parametrize(("event", "level"), [(SCAN, 2), (SPIKE, 5)])
def test_a_message_of_syslog(event: Event, level: int) -> None:
    line = syslog_line(event, "x", "the host")
    found = re.fullmatch(r"<(\d+)>1 (\S+) (\S+) amiss - (\S+) - (CEF:0\|.*)", line)
    assert found is not None
    assert int(found[1]) == 13 * 8 + level
    assert found[3] == "the-host"


def test_severity_and_identity() -> None:
    assert severity_of(SPIKE) == pytest.approx(0.3)
    assert event_id(SCAN, "a") == event_id(SCAN, "a") != event_id(SCAN, "b")
    assert len(event_id(SPIKE, "a")) == 16
