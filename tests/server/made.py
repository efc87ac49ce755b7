"""Events as watches leave them, and a clock that stands."""

from __future__ import annotations

import threading

from amiss.store.records import EventRecord

NOW = 1_790_000_000.0
SOURCE = "mqtt://plant/#"
KINDS = ("spike", "stuck", "level shift", "no_data")


class SetClock:
    """A clock that stands where it is set."""

    def __init__(self, now: float) -> None:
        self.at = now

    def now(self) -> float:
        return self.at

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """As long as the event is not set: what waits does not make time go by."""
        return event.wait()


def event(i: int = 0, **changed) -> EventRecord:
    column = ("temp", "flow", "load")[i % 3]
    opened = NOW - 3_000.0 * (i + 1)
    told = {
        "id": f"event-{i}", "source": SOURCE, "entity": f"pump-{i % 7}", "kind": KINDS[i % 4], "severity": "warning",
        "opened": opened, "updated": opened + 60.0, "ended": opened + 60.0, "state": "resolved", "score": 3.5 + i,
        "p_value": 10.0 ** -(3 + i % 9), "reason": f"{column} is 91.2, usually 60 to 70", "fingerprint": f"f-{i % 7}",
        "body": {"values": {column: 91.2}, "usual": {column: "60 to 70"}},
    }  # fmt: skip
    return EventRecord(**(told | changed))


def events(n: int) -> list[EventRecord]:
    return [event(i) for i in range(n)]
