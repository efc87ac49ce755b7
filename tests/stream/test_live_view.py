"""What is drawn on a terminal while streams are watched."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from amiss.store.store import Store
from amiss.stream.live_view import LiveView

from .feeds import Feed, monitor_of, pumps


def _drawn(view: LiveView) -> str:
    from rich.console import Console

    console = Console(width=160, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    with closing(console.file):
        console.print(view)
        return console.export_text()


def test_each_source_has_its_lines_and_its_events(tmp_path: Path) -> None:
    monitors = []
    with Store.open(tmp_path / "a.db", wait_seconds=0.02) as store:
        for k in range(2):
            feed = Feed(pumps(2_000, seed=k, faults=[(1_950, 30.0)]))
            feed.name = f"line {k}"
            monitors.append(monitor_of(feed, store=store))
        view = LiveView(monitors)
        assert "nothing is wrong so far" in _drawn(view)
        for monitor in monitors:
            monitor.open()
            for _ in range(20):
                monitor.clock.at += 0.1  # type: ignore[attr-defined]
                view.take(monitor, monitor.step())
        text = _drawn(view)
        assert all(word in text for word in ("line 0", "line 1", "4 entities", "ready", "anomaly", "pump-2"))
        assert "messages/s" in text
        assert view.rate(monitors[0]) > 0
        monitors[0].source.messages += pumps(3_000)[2_000:]  # type: ignore[attr-defined]
        with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            view.take(monitors[0], monitors[0].step())
            text = _drawn(view)
        assert "nothing is read for 0 s: the store cannot be written: database is locked" in text
        assert "! the store cannot be written" in text
