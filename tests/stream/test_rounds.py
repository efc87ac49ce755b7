"""Several sources in one watch: each as if it were alone, one store, one who tells."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from amiss.core.errors import ConnectorError, ParameterError, RecipeError
from amiss.core.live import Polled
from amiss.store.store import Store
from amiss.stream.config import WatchConfig, config_schema, read_config
from amiss.stream.metrics import Metrics
from amiss.stream.monitor import Monitor, Step
from amiss.stream.rounds import take_turns
from amiss.stream.watching import put_together

from .feeds import Feed, monitor_of, pumps

_FAULTS = [(row, 30.0) for row in (800, 804, 1_402, 1_701)]


def _feed(name: str, seed: int, n: int = 2_000) -> Feed:
    feed = Feed(pumps(n, seed=seed, faults=_FAULTS))
    feed.name = name
    return feed


def _watch(feeds: list[Feed], folder: Path, store: Store | None = None) -> list[tuple[str, str, bool]]:
    """What changes, in a folder of each source's own snapshot."""
    told: list[tuple[str, str, bool]] = []
    monitors = []
    for k, feed in enumerate(feeds):
        (folder / str(k)).mkdir(exist_ok=True)
        monitors.append(monitor_of(feed, folder / str(k), store=store, batch_rows=100 + 50 * k, sinks=["mail"]))

    def each(monitor: Monitor, step: Step) -> None:
        told.extend((monitor.source.name, change.event.id, change.opened) for change in step.changes)

    for monitor in monitors:
        monitor.open()
    take_turns(monitors, threading.Event(), each)
    return told


def test_each_source_says_what_it_says_alone(tmp_path: Path) -> None:
    alone = []
    for k in range(3):
        (tmp_path / f"alone {k}").mkdir()
        alone += _watch([_feed(f"line {k}", k)], tmp_path / f"alone {k}")
    with Store.open(tmp_path / "a.db") as store:
        feeds = [_feed(f"line {k}", k) for k in range(3)]
        together = _watch(feeds, tmp_path, store)
        assert sorted(together) == sorted(alone)
        assert {event.source for event in store.events()} == {"line 0", "line 1", "line 2"}
        assert {d.notification.source for d in store.deliveries()} == {"line 0", "line 1", "line 2"}
    assert [feed.committed for feed in feeds] == [2_000] * 3
    assert len({line[0] for line in together[:6]}) > 1  # in turn, and not one after the other


class _Waits(Feed):
    """A source that is silent, and counts how long it was waited for."""

    waited = 0.0
    rounds = 0

    def poll(self, most: int, timeout_seconds: float) -> Polled:
        self.rounds += 1
        self.waited += timeout_seconds
        return Polled([], {"place": 0}, ended=self.rounds >= 200)


def test_a_silent_source_is_not_waited_for_while_another_talks() -> None:
    silent, busy = _Waits([]), _feed("busy", 0)
    silent.name = "silent"
    monitors = [monitor_of(silent), monitor_of(busy)]
    rounds: list[str] = []
    metrics = Metrics(monitors)
    for monitor in monitors:
        monitor.open()

    def each(monitor: Monitor, step: Step) -> None:
        metrics.take(monitor, step)
        rounds.append(monitor.source.name)
        if busy.place < len(busy.messages):
            assert silent.waited <= monitors[0].pace.batch_seconds

    take_turns(monitors, threading.Event(), each)
    assert rounds.count("busy") == 20
    assert silent.waited > 10.0  # alone it is waited for again
    of = metrics.registry.get_sample_value
    assert of("amiss_messages_total", {"source": "busy"}) == 2_000
    assert of("amiss_messages_total", {"source": "silent"}) == 0
    for monitor in monitors:
        monitor.clock.at += 1e6  # type: ignore[attr-defined]
    assert metrics.health() == (True, "ok")  # what has ended is not expected to go round


class _Breaks(Feed):
    def poll(self, most: int, timeout_seconds: float) -> Polled:
        if self.place >= 500:
            raise ConnectorError("the line was cut")
        return super().poll(most, timeout_seconds)


def test_where_one_breaks_the_others_are_made_safe(tmp_path: Path) -> None:
    broken, sound = _Breaks(pumps(1_000)), _feed("sound", 1)
    (tmp_path / "0").mkdir()
    with pytest.raises(ConnectorError, match="the line was cut"):
        _watch([broken, sound], tmp_path)
    assert sound.committed == sound.place > 0
    assert broken.committed == 500


_TOML = """
false_alarms = "3/day"
[[source]]
address = "file:{folder}/a.ndjson"
[[source]]
address = "file:{folder}/b.ndjson"
entity = "device"
false_alarms = "0.1%"
history = "{folder}/b.csv"
"""


def _config(folder: Path, text: str) -> WatchConfig:
    place = folder / "watch.toml"
    place.write_text(text.format(folder=folder))
    return read_config(place)


def test_a_source_says_for_itself_what_the_watch_says_for_all(tmp_path: Path) -> None:
    first, second = _config(tmp_path, 'model = "all.amiss"\n' + _TOML).sources
    assert (first.model, first.history, first.false_alarms, first.entity) == ("all.amiss", None, "3/day", None)
    assert (second.model, second.history, second.false_alarms) == (None, f"{tmp_path}/b.csv", "0.1%")


@pytest.mark.parametrize(
    ("right", "wrong", "where"),
    [
        ('address = "file:{folder}/b', 'adress = "file:{folder}/b', "source[1]"),
        ('address = "file:{folder}/b', 'address = "file:{folder}/a', "source[1]"),
        ('false_alarms = "0.1%"', 'false_alarms = "7"', "in all cannot be promised"),
        ("history", 'model = "x"\nhistory', "model, history"),
        ('entity = "device"', "entity = 7", "source[1].entity"),
        ('entity = "device"', "lateness_seconds = -1", "source[1].lateness_seconds"),
    ],
)
def test_what_is_wrong_with_one_of_several_is_said_with_its_place(
    tmp_path: Path, right: str, wrong: str, where: str
) -> None:
    with pytest.raises((RecipeError, ParameterError)) as error:
        _config(tmp_path, _TOML.replace(right, wrong))
    assert where in str(error.value)


def test_no_source_at_all_is_said() -> None:
    with pytest.raises(RecipeError, match="there is no source"):
        WatchConfig(source=()).checked()


def test_the_schema_knows_one_source_and_several() -> None:
    of = config_schema()["$defs"]["WatchConfig"]["properties"]["source"]["anyOf"]
    assert {part.get("type", "one") for part in of} == {"array", "one"}


def test_a_watch_of_two_files_is_put_together_with_a_snapshot_each(tmp_path: Path) -> None:
    for name in "ab":
        rows = pumps(500, seed=ord(name), faults=[(480, 30.0)])
        (tmp_path / f"{name}.ndjson").write_bytes(b"".join(m.body + b"\n" for m in rows))
    text = _TOML.replace('history = "{folder}/b.csv"\n', "") + 'options = {{ name = "line b" }}\n'
    config = msgspec.structs.replace(_config(tmp_path, text), state=str(tmp_path / "state"))
    for expected in (500, 0):  # the second time there is nothing new
        watching = put_together(config)
        counts: dict[str, Any] = {}
        stop = threading.Event()
        try:
            for monitor in watching.monitors:
                monitor.open()

            def each(monitor: Monitor, step: Step, counts: Any = counts, stop: Any = stop) -> None:
                n = counts.get(monitor.source.name, 0) + len(step.polled.messages)
                counts[monitor.source.name] = n
                quiet = 0 if step.polled.messages else counts.get("", 0) + 1
                counts[""] = quiet
                if quiet >= 6:
                    stop.set()

            take_turns(watching.monitors, stop, each)
        finally:
            watching.close()
        assert counts == {f"file:{tmp_path}/a.ndjson": expected, "line b": expected, "": 6}
    assert len(list((tmp_path / "state").glob("*.snapshot"))) == 2
