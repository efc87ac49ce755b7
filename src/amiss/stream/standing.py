"""What a watch says of itself, into the store, for those who look at it from elsewhere."""

from __future__ import annotations

from collections import deque

from amiss.core.errors import StoreError
from amiss.store.store import Store
from amiss.store.watches import WatchRecord
from amiss.stream.monitor import Monitor, Step

__all__ = ["Standing"]

_EACH_SECONDS = 5.0
_NOTES = 5


class Standing:
    """Writes how a Monitor is doing, every five seconds at most.

    Parameters
    ----------
    monitor
        Of whom it is said.
    store
        Where to.
    judge, asked
        What judges, in words, and the promise as asked.
    """

    def __init__(self, monitor: Monitor, store: Store, *, judge: str, asked: str) -> None:
        self._monitor, self._store, self._judge, self._asked = monitor, store, judge, asked
        self._started = self._said_at = monitor.clock.now()
        self._n_rows = self._n_said = 0
        self._notes: deque[str] = deque(maxlen=_NOTES)
        self._due = True

    def take(self, step: Step) -> None:
        """Take up what a round has brought."""
        self._n_rows += 0 if step.taken.batch is None else len(step.taken.batch.X)
        self._notes.extend(step.polled.notes)
        now = self._monitor.clock.now()
        if self._due or now - self._said_at >= _EACH_SECONDS:
            self._say(now)

    def end(self) -> None:
        """Say that it has ended in order."""
        self._say(self._monitor.clock.now(), stopped=True)

    def _say(self, now: float, *, stopped: bool = False) -> None:
        monitor, flow, span = self._monitor, self._monitor.flow, now - self._said_at
        record = WatchRecord(
            source=monitor.source.name, seen_at=now, started=self._started, n_messages=monitor.counts["messages"],
            n_rows=self._n_rows, n_refused=monitor.counts["refused"],
            rate=(self._n_rows - self._n_said) / span if span > 0 else 0.0, lag=monitor.lag,
            n_entities=len(flow.roster.names), n_open=len(flow.life.open), readiness=flow.judge.readiness(),
            judge=self._judge, asked=self._asked, stopped=stopped, notes=tuple(self._notes),
        )  # fmt: skip
        self._said_at, self._n_said, self._due = now, self._n_rows, False
        try:
            with self._store.writing() as writer:
                writer.put_watch(record)
        except StoreError:
            # Nothing rests on it, and the next time is near; what must not be lost is the Monitor's to tell.
            self._due = True
