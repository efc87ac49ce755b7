"""This machine as a source."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

import pytest

from amiss.core.errors import ConnectorError
from amiss.core.live import LiveSource
from amiss.io.live import open_live
from tests.io.live.contract import LiveContract

pytest.importorskip("psutil")
ALWAYS = {
    "time", "cpu_percent", "cpu_percent_busiest_core", "load_1m", "memory_percent", "swap_percent",
    "disk_used_percent", "n_processes", "network_in_bytes_per_s", "network_out_bytes_per_s",
}  # fmt: skip


class TestHost(LiveContract):
    scheme, folder, resumes = "host", "host", False
    # It says something every hour, so that the suite may look at its silence.
    options: ClassVar = {"interval_seconds": 3600.0}

    @pytest.fixture
    def address(self) -> str:
        return "host:"

    def send(self, contents: Sequence[bytes]) -> None:
        pytest.skip("it makes its messages itself")


def found(source: LiveSource) -> dict[str, Any]:
    got: dict[str, Any] = json.loads(source.poll(1, 5.0).messages[0].body)
    return got


def test_flat_names_and_numbers_every_so_often() -> None:
    source = open_live("host:?interval_seconds=0.2")
    source.open(None)
    began = time.monotonic()
    messages = [found(source) for _ in range(4)]
    assert 0.7 <= time.monotonic() - began < 3
    source.close()
    for message in messages:
        assert set(message) >= ALWAYS
        assert abs(datetime.fromisoformat(message.pop("time")).timestamp() - time.time()) < 10
        assert all(isinstance(value, float) and value >= 0 for value in message.values()), message
        assert all(message[name] <= 100 for name in message if "percent" in name)


def test_a_busy_processor_is_seen() -> None:
    source = open_live("host:", interval_seconds=0.4)
    source.open(None)
    source.poll(1, 2.0)
    until = time.monotonic() + 0.41
    while time.monotonic() < until:
        sum(range(1000))
    assert found(source)["cpu_percent_busiest_core"] > 50
    source.close()


def test_intervals_that_were_missed_are_not_made_up_for() -> None:
    source = open_live("host:", interval_seconds=0.1)
    source.open(None)
    time.sleep(0.6)
    assert len(source.poll(10, 0.0).messages) == 1
    assert sum(len(source.poll(10, 0.0).messages) for _ in range(3)) <= 1
    source.close()


@pytest.mark.parametrize(
    ("options", "what"), [({"interval_seconds": 0.0}, "not over 0"), ({"disk": "/nowhere"}, "disk cannot be looked at")]
)
def test_wrong_options(options: dict[str, Any], what: str) -> None:
    with pytest.raises(ConnectorError, match=what):
        open_live("host:", **options).open(None)
