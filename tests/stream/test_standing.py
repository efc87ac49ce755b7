"""What a watch says of itself."""

from __future__ import annotations

from amiss.store.store import Store
from amiss.stream.config import SourceConfig, WatchConfig
from amiss.stream.watching import put_together


def lines(n):
    return "".join(f'{{"time": {1_700_000_000 + 60 * k}, "heat": {20 + k % 7}}}\n' for k in range(n))


def test_a_watch_says_how_it_is_doing_and_that_it_has_ended(tmp_path):
    file = tmp_path / "heat.ndjson"
    file.write_text(lines(300) + "{broken\n")
    source = SourceConfig(address=f"file:{file}")
    watching = put_together(WatchConfig(source=source, false_alarms="2/day", state=str(tmp_path / "state")))
    (monitor,) = watching.monitors
    monitor.open()
    for _ in range(3):
        watching.deliver(monitor, monitor.step())
    with Store.open(tmp_path / "state" / "amiss.db") as store:
        (running,) = store.watches()
    assert (running.n_rows, running.n_refused, running.stopped) == (300, 1, False)
    assert (running.judge, running.asked) == ("an adaptive band", "2 a day")
    watching.close()
    with Store.open(tmp_path / "state" / "amiss.db") as store:
        (ended,) = store.watches()
    assert ended.stopped
    assert ended.started == running.started <= ended.seen_at
