"""Windows of hosts: plain counts of a small table, the same however the traffic was divided."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.core.errors import ParameterError
from amiss.network.host_windows import HostWindows
from amiss.network.outcomes import failed
from amiss.network.traffic import Traffic
from tests.network.behaviours.made import BEGIN, office

NAMES = ("flows", "failed", "packets_out", "packets_in", "bytes_out", "bytes_in", "peers", "ports", "targets",
         "failed_targets")  # fmt: skip


def table(windows: HostWindows) -> dict[tuple[str, int], list[float]]:
    columns = [windows.column(name) for name in NAMES]
    return {
        (windows.hosts.words[host], int(window)): [float(column[i]) for column in columns]
        for i, (host, window) in enumerate(zip(windows.host, windows.window, strict=True))
    }


def test_counts_are_those_of_plain_loops() -> None:
    made = office()
    for i in range(900):
        made.flow("10.0.0.66", f"10.0.{i % 250}.5", BEGIN + 900 + i / 10, 1 + i % 3, state="S0")
    traffic = made.traffic()
    flows, seen = traffic.flows, table(HostWindows.of(traffic, seconds=600))
    bad = failed(flows)
    assert sum(line[0] for line in seen.values()) == flows.n_flows
    for (word, window), line in seen.items():
        mine = (flows.src == flows.hosts.words.index(word)) & (np.floor(flows.start / 600) == window)
        targets = {(flows.dst[row], flows.dst_port[row]) for row in np.flatnonzero(mine)}
        lost = {(flows.dst[row], flows.dst_port[row]) for row in np.flatnonzero(mine & bad)}
        assert line[:2] == [mine.sum(), (mine & bad).sum()]
        assert line[4] == pytest.approx(flows.bytes_out[mine].sum())
        assert line[6] == len({dst for dst, _ in targets})
        assert line[8] == pytest.approx(len(targets), rel=0.06)
        assert line[9] == pytest.approx(len(lost), rel=0.06)


@pytest.mark.parametrize("seed", range(4))
def test_parts_merge_to_the_whole_in_any_order(seed: int) -> None:
    whole = office(seed, hours=0.5).traffic()
    cut = np.random.default_rng(seed).integers(0, 3, whole.flows.n_flows)
    parts = []
    for i in range(3):
        flows = whole.flows.take(cut == i)
        # Each part knows its hosts in an order of its own.
        words = flows.hosts.words
        back = [words[code] for code in flows.src], [words[code] for code in flows.dst]
        columns = {name: getattr(flows, name) for name in (
            "start", "duration", "dst_port", "protocol", "state", "packets_out", "packets_in", "bytes_out", "bytes_in",
            "payload_out", "payload_in", "flags_out", "flags_in")}  # fmt: skip
        parts.append(HostWindows.of(Traffic(type(flows).of(*back, **columns))))
    a, b, c = parts
    expected = {key: pytest.approx(line) for key, line in table(HostWindows.of(whole)).items()}
    assert table(a.merge(b).merge(c)) == expected
    assert table(a.merge(b.merge(c))) == expected
    assert table(c.merge(b).merge(a)) == expected


def test_windows_of_different_length_are_refused() -> None:
    traffic = office(hours=0.1).traffic()
    with pytest.raises(ParameterError, match="do not go together"):
        HostWindows.of(traffic, seconds=60).merge(HostWindows.of(traffic, seconds=300))
    with pytest.raises(ParameterError, match="hold nothing"):
        HostWindows.of(traffic, seconds=0)
