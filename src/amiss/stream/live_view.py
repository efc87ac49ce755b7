"""The terminal while a stream is watched: rate, lag, entities, events that are on, the last reasons."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from amiss.stream.events import LiveEvent
from amiss.stream.monitor import Monitor, Step

__all__ = ["LiveView"]

_RATE_SECONDS = 5.0
_LISTED = 12
_COLOURS = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "cyan"}


class LiveView:
    """Draws Monitors; hands rich what is to be seen.

    Parameters
    ----------
    monitors
        What is drawn.
    """

    def __init__(self, monitors: Sequence[Monitor]) -> None:
        self._monitors = list(monitors)
        self._arrived: dict[str, deque[tuple[float, int]]] = {m.source.name: deque() for m in self._monitors}
        self._events: deque[LiveEvent] = deque(maxlen=_LISTED)
        self._notes: deque[str] = deque(maxlen=3)

    def take(self, monitor: Monitor, step: Step) -> None:
        """Take up what a round has brought."""
        now, arrived = monitor.clock.now(), self._arrived[monitor.source.name]
        arrived.append((now, len(step.polled.messages)))
        while arrived and now - arrived[0][0] > _RATE_SECONDS:
            arrived.popleft()
        self._notes.extend(step.polled.notes)
        for change in step.changes:
            known = next((k for k, e in enumerate(self._events) if e.id == change.event.id), None)
            if known is None:
                self._events.appendleft(change.event)
            else:
                self._events[known] = change.event

    def note(self, text: str) -> None:
        """Show a line below; the last three stay."""
        self._notes.append(text)

    def rate(self, monitor: Monitor) -> float:
        """Messages a second of a source, over the last five."""
        arrived = list(self._arrived[monitor.source.name])
        if len(arrived) < 2:
            return 0.0
        return sum(n for _, n in arrived[1:]) / max(arrived[-1][0] - arrived[0][0], 1e-9)

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        heads = [part for monitor in self._monitors for part in (self._head(monitor), _state_of(monitor))]
        empty = Text("nothing is wrong so far", style="dim")
        notes = [Text(f"! {note}", style="yellow") for note in self._notes]
        return Group(*heads, Text(""), self._table() if self._events else empty, *notes)

    def _head(self, monitor: Monitor) -> Any:
        from rich.text import Text

        counts, n = monitor.counts, len(monitor.flow.roster.names)
        waiting = "" if monitor.lag is None else f"   {monitor.lag:,} wait"
        return Text.assemble(
            ("amiss watch ", "bold"), monitor.source.name, "   ", (f"{self.rate(monitor):,.1f} messages/s", "bold"),
            waiting, f"   {n:,} {'entity' if n == 1 else 'entities'}", f"   {counts['events']:,} events",
            f"   {counts['refused']:,} refused",
        )  # fmt: skip

    def _table(self) -> Any:
        from rich.table import Table
        from rich.text import Text

        several = len(self._monitors) > 1
        table = Table(box=None, pad_edge=False, expand=True)
        for name, width in (("since", 19), ("what", 14), *([("source", 20)] if several else []), ("entity", 16)):
            table.add_column(name, width=width, no_wrap=True)
        table.add_column("why", ratio=1)
        for event in self._events:
            on = event.state == "firing"
            table.add_row(
                event.start[:19].replace("T", " "), Text(event.kind, style=_COLOURS[event.severity] if on else "dim"),
                *([Text(event.source)] if several else []), Text(event.entity),
                Text(event.reason if on else f"over: {event.reason}", style="" if on else "dim"),
            )  # fmt: skip
        return table


def _state_of(monitor: Monitor) -> Any:
    from rich.text import Text

    if monitor.hold.since is not None:
        seconds = max(monitor.clock.now() - monitor.hold.since, 0.0)
        return Text(f"nothing is read for {seconds:,.0f} s: {monitor.hold.reason}", style="bold red")
    ready = monitor.flow.judge.readiness()
    return Text("ready", style="green") if ready >= 1 else Text(f"learning what is usual: {ready:.0%}")
