"""Traffic through the doors of the library: detect, fit, score, load, and the verbs for tables."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

import amiss
from amiss.core.errors import ConnectorError, DataError, ModelFileError, ParameterError
from amiss.datasets import make_network
from amiss.network.traffic import Traffic
from amiss.pipeline.kept_traffic import arrays_of, traffic_of, words_of
from amiss.pipeline.network_result import NetworkResult
from amiss.pipeline.opening import known_traffic, open_source
from amiss.report.network_record import network_record

from ..network.logs import office, scan, write_zeek


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An office, and a scan in it."""
    return write_zeek(tmp_path_factory.mktemp("zeek") / "conn.log", [*office(), *scan()])


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_zeek(tmp_path_factory.mktemp("good") / "conn.log", office(seed=1))


@pytest.fixture(scope="module")
def found(day: Path) -> NetworkResult:
    result = amiss.detect(str(day))
    assert isinstance(result, NetworkResult)
    return result


def test_a_scan_is_one_event_with_its_evidence(found: NetworkResult) -> None:
    event = found.events[0]
    assert (event.entity, event.kind, event.n_alarms) == ("10.0.0.66", "vertical_scan", 300)
    assert sum(e.kind == "vertical_scan" for e in found.events) == 1
    assert event.evidence is not None
    assert event.evidence.technique == "T1046"
    assert event.evidence.peers == ("10.0.0.3",)
    assert "10.0.0.66" in event.evidence.display_filter
    assert event.start == "2026-03-02T01:23:20Z"
    assert found.hosts[0].host == "10.0.0.66"


def test_flows_of_an_event_are_those_of_the_scan(found: NetworkResult) -> None:
    flows = found.traffic.flows
    rows = found.flows_of(0)
    assert {flows.hosts.words[k] for k in flows.src[rows]} == {"10.0.0.66"}
    with pytest.raises(ParameterError, match="no event 99"):
        found.explain(99)


def test_the_scored_flows_say_what_they_belong_to(found: NetworkResult) -> None:
    table = pl.concat(list(found.scored()))
    assert table.height == len(found) == 900
    told = table.filter(pl.col("event_kind") == "vertical_scan")
    assert told.height == 300
    assert told["is_anomaly"].all()
    assert told["anomaly_score"].is_null().all()  # told by the event, not judged one by one
    assert table["anomaly_score"].is_not_null().sum() == found.n_judged


def test_the_record_is_json(found: NetworkResult) -> None:
    record = json.loads(msgspec.json.encode(network_record(found, 1)))
    assert record["format"] == "amiss-network/1"
    assert record["n_events"] == found.n_events
    assert len(record["events"]) == 1
    assert record["events"][0]["p_value"] is None


def test_an_exclusion_hides_and_says_how_much(day: Path) -> None:
    result = amiss.detect(str(day), exclude=["host 10.0.0.66"])
    assert isinstance(result, NetworkResult)
    assert all(event.entity != "10.0.0.66" for event in result.events)
    assert result.hidden == (("host 10.0.0.66", 1),)


def test_an_exclusion_that_cannot_be_read_is_told_before_the_work(day: Path) -> None:
    with pytest.raises(ParameterError):
        amiss.detect(str(day), exclude=["hots 10.0.0.66"])


def test_what_is_known_to_be_good_is_usual(day: Path, good: Path) -> None:
    for known in (str(good), [str(good)], open_source(str(good)).traffic()):  # type: ignore[attr-defined]
        result = amiss.detect(str(day), known_good=known)
        assert isinstance(result, NetworkResult)
        assert result.events[0].entity == "10.0.0.66"
        assert result.known_good is not None
    itself = amiss.detect(str(day), known_good=str(day))
    assert all(event.kind != "vertical_scan" for event in itself.events)


def test_good_traffic_alone_raises_hardly_anything(good: Path) -> None:
    result = amiss.detect(str(good))
    assert all(event.kind == "unusual_flows" for event in result.events)
    assert result.n_events <= 2


def test_a_model_of_good_traffic_and_its_file(day: Path, good: Path, tmp_path: Path) -> None:
    model = amiss.fit(str(good))
    assert model.kind == "network"
    model.save(tmp_path / "office.amiss")
    again = amiss.load(tmp_path / "office.amiss")
    one, other = model.score(str(day)), again.score(str(day))
    assert isinstance(one, NetworkResult)
    assert isinstance(other, NetworkResult)
    assert one.events == other.events
    assert one.events[0].entity == "10.0.0.66"
    assert one.odd is not None
    np.testing.assert_array_equal(one.odd.scores, other.odd.scores)  # type: ignore[union-attr]
    assert again.with_false_alarms("1%").score(str(day)).kind == "network"


def test_kept_traffic_must_fit_together(good: Path) -> None:
    traffic = open_source(str(good)).traffic()  # type: ignore[attr-defined]
    arrays, words = arrays_of(traffic), words_of(traffic)
    back = traffic_of(arrays, words)
    assert back.flows.hosts.words == traffic.flows.hosts.words
    np.testing.assert_array_equal(back.flows.start, traffic.flows.start)
    for broken in ({**arrays, "src": arrays["src"] + 1000}, {**arrays, "start": arrays["start"][1:]},
                   {**arrays, "state": arrays["state"] + 99}):  # fmt: skip
        with pytest.raises(ModelFileError):
            traffic_of(broken, words)


def test_traffic_in_memory(day: Path) -> None:
    traffic = open_source(str(day)).traffic()  # type: ignore[attr-defined]
    assert isinstance(traffic, Traffic)
    assert amiss.detect(traffic).events[0].kind == "vertical_scan"


def test_flows_are_rows_of_a_table_where_that_is_asked_for(day: Path) -> None:
    result = amiss.detect(str(day), kind="table")
    assert result.kind == "table"
    assert len(result) == 900
    assert not {"src_ip", "dst_ip"} & set(result.model.preparation.features)  # type: ignore[union-attr]


def test_compare_takes_a_log(tmp_path: Path) -> None:
    scans = [row for k in range(12) for row in scan(ports=20, at=600.0 + 1100 * k)]
    log = write_zeek(tmp_path / "conn.log", [*office(), *scans])
    told = amiss.compare(str(log), label="label", normal="Benign", detectors=["isolation_forest", "decision_tree"])
    assert told.candidates[0].judged is not None


def test_a_folder_says_of_each_file_what_was_read(day: Path, tmp_path: Path) -> None:
    (tmp_path / "conn.log").write_bytes(day.read_bytes())
    (tmp_path / "notes.txt").write_text("to do: call the plumber\n")
    result = amiss.detect(tmp_path)
    assert result.events[0].kind == "vertical_scan"
    assert any("notes.txt: not read" in note for note in result.notes)
    assert any("conn.log" in note and "900" in note for note in result.notes)


def test_folders_without_traffic(tmp_path: Path) -> None:
    with pytest.raises(ConnectorError, match="folder is empty"):
        amiss.detect(tmp_path)
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="tables by their names"):
        amiss.detect(tmp_path)


def test_options_for_traffic_are_refused_for_a_table() -> None:
    X = np.random.default_rng(0).normal(size=(100, 2))
    with pytest.raises(ParameterError, match="exclude is for network traffic"):
        amiss.detect(X, exclude=["host 10.0.0.1"])
    with pytest.raises(DataError, match="no network traffic"):
        amiss.detect(X, kind="network")
    with pytest.raises(ParameterError, match="no network traffic"):
        known_traffic(X)


def test_traffic_is_no_series(day: Path) -> None:
    with pytest.raises(ParameterError, match="looked at whole"):
        amiss.detect(str(day), causal=True)
    with pytest.raises(ParameterError, match="flows are no series"):
        amiss.detect(str(day), kind="series")


def test_a_folder_of_rough_files(day: Path, tmp_path: Path) -> None:
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    (tmp_path / "empty.pcap").write_bytes(header)
    (tmp_path / "conn.log.gz").write_bytes(gzip.compress(day.read_bytes()))
    (tmp_path / "cut.log").write_bytes(b"#separator \\x09\n#fields\tts\tuid\n")
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)) * 4)
    result = amiss.detect(tmp_path)
    assert result.events[0].kind == "vertical_scan"
    said = {note.partition(":")[0].rpartition("/")[2] for note in result.notes}
    assert {"empty.pcap", "conn.log.gz", "noise.bin"} <= said


def test_a_compressed_capture_is_known(tmp_path: Path) -> None:
    network = make_network(n_hosts=16, hours=0.1, look_alikes=False, behaviours=["vertical_scan/syn"], seed=3)
    network.write_pcap(tmp_path / "a.pcap", most_packets=500)
    (tmp_path / "b").write_bytes(gzip.compress((tmp_path / "a.pcap").read_bytes()))
    plain, packed = amiss.detect(tmp_path / "a.pcap"), amiss.detect(tmp_path / "b")
    assert plain.events == packed.events
    assert [(e.kind, e.entity) for e in plain.events[:1]] == [("vertical_scan", network.planted[0].host)]


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_harmless_office_raises_less_than_one_event_a_host_day(seed: int) -> None:
    network = make_network(n_hosts=30, hours=8, seed=seed)
    result = amiss.detect(network.traffic)
    assert result.n_events <= 30 * 8 / 24
    assert sum(event.kind == "unusual_flows" for event in result.events) <= 2
    assert any("further flows are unlike the others" in note for note in result.notes)
