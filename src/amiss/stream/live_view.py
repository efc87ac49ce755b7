"""The terminal while a stream is watched: rate, lag, entities, events that are on, the last reasons."""

from __future__ import annotations

from collections import deque
from typing import Any

from amiss.stream.events import LiveEvent
from amiss.stream.monitor import Monitor, Step

__all__ = ["LiveView"]

_RATE_SECONDS = 5.0
_LISTED = 12
_COLOURS = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "cyan"}


class LiveView:
    """Draws a Monitor; hands rich what is to be seen.

    Parameters
    ----------
    monitor
        What is drawn.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._arrived: deque[tuple[float, int]] = deque()
        self._events: deque[LiveEvent] = deque(maxlen=_LISTED)
        self._notes: deque[str] = deque(maxlen=3)

    def take(self, step: Step) -> None:
        """Take up what a round has brought."""
        now = self._monitor.clock.now()
        self._arrived.append((now, len(step.polled.messages)))
        while self._arrived and now - self._arrived[0][0] > _RATE_SECONDS:
            self._arrived.popleft()
        self._notes.extend(step.polled.notes)
        for change in step.changes:
            known = next((k for k, e in enumerate(self._events) if e.id == change.event.id), None)
            if known is None:
                self._events.appendleft(change.event)
            else:
                self._events[known] = change.event

    @property
    def rate(self) -> float:
        """Messages a second, over the last five."""
        if len(self._arrived) < 2:
            return 0.0
        span = max(self._arrived[-1][0] - self._arrived[0][0], 1e-9)
        return sum(n for _, n in list(self._arrived)[1:]) / span

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        monitor, flow = self._monitor, self._monitor.flow
        counts, n = monitor.counts, len(flow.roster.names)
        waiting = "" if monitor.lag is None else f"   {monitor.lag:,} wait"
        head = Text.assemble(
            ("amiss watch ", "bold"), monitor.source.name, "   ", (f"{self.rate:,.1f} messages/s", "bold"), waiting,
            f"   {n:,} {'entity' if n == 1 else 'entities'}", f"   {counts['events']:,} events",
            f"   {counts['refused']:,} refused",
        )  # fmt: skip
        state = _state_of(monitor)
        table = Table(box=None, pad_edge=False, expand=True)
        for name, width in (("since", 19), ("what", 14), ("entity", 16)):
            table.add_column(name, width=width, no_wrap=True)
        table.add_column("why", ratio=1)
        for event in self._events:
            on = event.state == "firing"
            table.add_row(
                event.start[:19].replace("T", " "), Text(event.kind, style=_COLOURS[event.severity] if on else "dim"),
                Text(event.entity), Text(event.reason if on else f"over: {event.reason}", style="" if on else "dim"),
            )  # fmt: skip
        empty = Text("nothing is wrong so far", style="dim")
        notes = [Text(f"! {note}", style="yellow") for note in self._notes]
        return Group(head, state, Text(""), table if self._events else empty, *notes)


def _state_of(monitor: Monitor) -> Any:
    from rich.text import Text

    if monitor.hold.since is not None:
        seconds = max(monitor.clock.now() - monitor.hold.since, 0.0)
        return Text(f"nothing is read for {seconds:,.0f} s: {monitor.hold.reason}", style="bold red")
    ready = monitor.flow.judge.readiness()
    return Text("ready", style="green") if ready >= 1 else Text(f"learning what is usual: {ready:.0%}")
