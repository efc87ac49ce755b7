"""Rounds of a watch as lines of its log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from amiss.cli.log import Log

if TYPE_CHECKING:
    from amiss.stream.events import Change
    from amiss.stream.monitor import Monitor, Step

__all__ = ["Lines"]


class Lines:
    """Says what a log is to say of the rounds of some Monitors.

    Parameters
    ----------
    monitors
        Whose rounds.
    log
        Where it is said.
    """

    def __init__(self, monitors: Sequence[Monitor], log: Log) -> None:
        self._log, self._several = log, len(monitors) > 1
        self._held = {monitor.source.name: monitor.hold.is_on for monitor in monitors}
        self._learning = {monitor.source.name for monitor in monitors if monitor.flow.judge.readiness() < 1}
        for monitor in monitors:
            log.note("started", "reading begins", source=monitor.source.name, plain=False)
        if self._learning:
            log.note("learning", "learning what is usual")

    def take(self, monitor: Monitor, step: Step) -> None:
        """Say what a round has brought."""
        name = monitor.source.name
        notes, held = list(step.polled.notes), monitor.hold.is_on
        if held != self._held[name]:
            self._held[name] = held
            event, level = ("store_refused", "error") if held else ("store_back", "info")
            self._say(event, notes.pop(), name, level)
        for note in notes:
            self._say("source_note", note, name, "warning")
        n_messages = monitor.counts["messages"]
        if name in self._learning and monitor.flow.judge.readiness() >= 1:
            self._learning.remove(name)
            self._say("ready", f"ready: what is usual is known after {n_messages:,} messages", name, "info")
        for reason, n in Counter(each.reason for each in step.taken.refused).items():
            what = f"{n:,} records were refused: {reason}"
            self._log.note("refused", what, {"reason": reason, "records": n}, level="warning", source=name, plain=False)
        for change in step.changes:
            self._change(change)

    def _say(self, event: str, message: str, source: str, level: str) -> None:
        # One source need not be named in every line for people; an object names it.
        self._log.note(event, message, level=level, source=source, named=self._several)

    def _change(self, change: Change) -> None:
        event = change.event
        told = {"id": event.id, "entity": event.entity, "kind": event.kind, "severity": event.severity,
                "start": event.start, "end": event.end, "n_alarms": event.n_alarms}  # fmt: skip
        name, level = ("event_opened", "warning") if change.opened else ("event_ended", "info")
        self._log.note(name, event.reason, told, level=level, source=event.source, plain=False)
