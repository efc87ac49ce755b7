"""The postman: takes notifications from the outbox to their sinks until they have arrived."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from amiss.core.errors import ConnectorError, StoreError, TerminalError, TransientError
from amiss.core.notification import AlarmSink, Notification
from amiss.core.one_line import one_line
from amiss.stream.clock import Clock, WallClock

__all__ = ["Delivery", "Outbox", "Pauses", "Postman"]

_LOG = logging.getLogger(__name__)
_BATCH, _LARGEST_BATCH = 100, 10_000
_REASON = 500


class Delivery(Protocol):
    """One notification on its way to one sink, as the store's `DeliveryRecord`."""

    @property
    def id(self) -> str:
        """Of the delivery, not of the notification."""
        ...

    @property
    def sink(self) -> str:
        """Name of the sink."""
        ...

    @property
    def notification(self) -> Notification:
        """What is to be told."""
        ...

    @property
    def n_tries(self) -> int:
        """How often it was tried."""
        ...

    @property
    def created(self) -> float:
        """When it was queued, in seconds since 1970."""
        ...


class Outbox(Protocol):
    """Where deliveries wait; the store has one. It is called from one thread at a time."""

    def due_deliveries(self, now: float, limit: int) -> list[Any]:
        """Deliveries to be tried, the oldest first; of one fingerprint and sink only the oldest that waits."""
        ...

    def mark_delivered(self, delivery_id: str, now: float) -> Any:
        """It has arrived."""
        ...

    def mark_failed(self, delivery_id: str, reason: str, due_at: float | None) -> Any:
        """A try has failed: the next is at `due_at`, or None gives it up."""
        ...


@dataclass(frozen=True, slots=True)
class Pauses:
    """How long to wait between tries: drawn evenly from nothing to a longest pause that doubles ("full jitter").

    Attributes
    ----------
    first_seconds
        Longest pause after the first try.
    most_seconds
        Longest pause after any.
    give_up_seconds
        A try that fails at this age or later was the last; one at just this age is made.
    """

    first_seconds: float = 1.0
    most_seconds: float = 600.0
    give_up_seconds: float = 86_400.0

    def draw(self, n_tries: int, rng: random.Random) -> float:
        """Seconds to wait after so many tries, at least 1.

        Examples
        --------
        >>> import random
        >>> from amiss.stream.outbox import Pauses
        >>> rng = random.Random(0)
        >>> [round(Pauses().draw(n, rng), 1) for n in (1, 4, 40)]
        [0.8, 6.1, 252.3]
        """
        # The exponent is bounded: after a thousand tries the power is no float any more.
        return rng.uniform(0.0, min(self.most_seconds, self.first_seconds * 2.0 ** min(n_tries - 1, 40)))


class Postman:
    """Delivers what is due, at least once, each sink in a thread of its own: a slow one holds up no other.

    A sink that fails rests too, by the same rule, and its other deliveries wait: a service that is away is asked once a
    pause and not once an alarm. Of one alarm and sink the news go in the order in which they were queued; a
    resolve waits for its trigger, and goes when that has arrived or was given up. A delivery is given up at once for
    a `TerminalError`, otherwise when it has aged; each is tried at least once. After a crash, or where the outbox
    cannot note that something has arrived, it is sent again with the same id.

    Parameters
    ----------
    outbox
        Where deliveries wait.
    sinks
        By the name that deliveries have; one to a name that is not here is given up (the store can revive it).
    clock
        Time and waiting.
    rng
        Draws the pauses.
    pauses
        Between tries.
    poll_seconds
        How often to look for what is due when nobody calls `wake`.

    Attributes
    ----------
    n_delivered, n_retried, n_dead
        Tries by the name of the sink: that arrived, that are made again later, that were the last.

    Examples
    --------
    >>> from amiss.core.notification import AlarmSink
    >>> from amiss.stream.outbox import Postman
    >>> class Empty:
    ...     def due_deliveries(self, now, limit): return []
    ...     def mark_delivered(self, delivery_id, now): pass
    ...     def mark_failed(self, delivery_id, reason, due_at): pass
    >>> with Postman(Empty(), {}) as postman:
    ...     postman.wake()
    >>> dict(postman.n_delivered)
    {}
    """

    def __init__(
        self, outbox: Outbox, sinks: Mapping[str, AlarmSink], *, clock: Clock | None = None,
        rng: random.Random | None = None, pauses: Pauses | None = None, poll_seconds: float = 0.5,
    ) -> None:  # fmt: skip
        self._outbox, self._clock = outbox, clock or WallClock()
        self._rng, self._pauses, self._poll = rng or random.Random(), pauses or Pauses(), poll_seconds
        self._results: queue.SimpleQueue[tuple[Delivery, ConnectorError | None]] = queue.SimpleQueue()
        self._stopping, self._news = threading.Event(), threading.Event()
        self._rounds = {name: _Round(sink, self._results, self._news) for name, sink in sinks.items()}
        self._thread = threading.Thread(target=self._run, name="amiss-postman", daemon=True)
        self._unnoted: list[tuple[Delivery, ConnectorError | None, float]] = []
        self._limit = _BATCH
        self.n_delivered: Counter[str] = Counter()
        self.n_retried: Counter[str] = Counter()
        self.n_dead: Counter[str] = Counter()

    def start(self) -> None:
        """Begin to deliver."""
        for round_ in self._rounds.values():
            round_.thread.start()
        self._thread.start()

    def wake(self) -> None:
        """Look for what is due now: something was queued."""
        self._news.set()

    def stop(self, timeout_seconds: float = 2.0) -> None:
        """End, behind the tries that run at this moment where they take no longer than this; may be called twice.

        A try that takes longer is left alone: its delivery stays in the outbox, and is sent again after the next start.
        """
        self._stopping.set()
        self._news.set()
        if self._thread.ident is not None:
            threads = [self._thread, *(round_.end() for round_ in self._rounds.values())]
            until = time.monotonic() + timeout_seconds
            for thread in threads:
                thread.join(max(until - time.monotonic(), 0.0))
            if not self._thread.is_alive():
                self._round(self._note_results)
        for round_ in self._rounds.values():
            round_.sink.close()

    def __enter__(self) -> Postman:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.clear()
            if not self._round(lambda: self._note_results() or self._hand_out()):
                self._clock.wait(self._news, self._poll)

    def _round(self, work: Callable[[], bool]) -> bool:
        """Do it; what the outbox cannot do now is said, and done in a later round."""
        try:
            return work()
        # Whatever it is: without this thread nobody would be told of any alarm.
        except Exception as error:
            what = error.what if isinstance(error, StoreError) else type(error).__name__
            _LOG.error("the outbox cannot be read or written: %s", one_line(what), extra={"event": "outbox_refused"})
            return False

    def _hand_out(self) -> bool:
        """Give what is due to sinks that are free; whether there may be more behind it."""
        now = self._clock.now()
        due: list[Delivery] = self._outbox.due_deliveries(now, self._limit)
        n_handed = 0
        for delivery in due:
            round_ = self._rounds.get(delivery.sink)
            if round_ is None:
                lost = TerminalError(f"no channel is called {one_line(delivery.sink)[:60]!r}")
                self._results.put((delivery, lost))
            elif round_.ready(now):
                round_.hand(delivery)
            else:
                continue
            n_handed += 1
        self._note_results()
        # Where a full batch is all of sinks that are busy or rest, what is of others lies behind it.
        crowded = len(due) >= self._limit and not n_handed
        grown = min(self._limit * 2, _LARGEST_BATCH)
        again = crowded and grown > self._limit
        self._limit = grown if crowded else max(self._limit // 2, _BATCH)
        return again

    def _note_results(self) -> bool:
        """Write down how tries went; False, as nothing is left to do."""
        now = self._clock.now()
        while True:
            try:
                delivery, error = self._results.get_nowait()
            except queue.Empty:
                break
            round_ = self._rounds.get(delivery.sink)
            if round_ is not None:
                round_.free = True
                self._rest(round_, error, now)
            self._unnoted.append((delivery, error, now))
        # One after the other: what the store refuses now stays here, and nothing is handed out before it is noted.
        while self._unnoted:
            self._note(*self._unnoted[0])
            del self._unnoted[0]
        return False

    def _rest(self, round_: _Round, error: ConnectorError | None, now: float) -> None:
        round_.failures = round_.failures + 1 if isinstance(error, TransientError) else 0
        seconds = self._pause(round_.failures, error) if round_.failures else 0.0
        round_.rests_since, round_.rests_seconds = now, seconds

    def _pause(self, n_tries: int, error: ConnectorError | None) -> float:
        asked = error.retry_after_seconds if isinstance(error, TransientError) else None
        return max(self._pauses.draw(n_tries, self._rng), asked or 0.0)

    def _note(self, delivery: Delivery, error: ConnectorError | None, now: float) -> None:
        name = delivery.sink
        if error is None:
            self._outbox.mark_delivered(delivery.id, now)
            self.n_delivered[name] += 1
            return
        reason = one_line(error.what + (f" ({error.where})" if error.where else ""))[:_REASON]
        due_at: float | None = None
        last = delivery.created + self._pauses.give_up_seconds
        if not isinstance(error, TerminalError) and now < last:
            due_at = min(now + self._pause(delivery.n_tries + 1, error), last)
        self._outbox.mark_failed(delivery.id, reason, due_at)
        (self.n_dead if due_at is None else self.n_retried)[name] += 1
        level = logging.ERROR if due_at is None else logging.WARNING
        words = "given up" if due_at is None else "tried again later"
        told = {"channel": name, "delivery": one_line(delivery.id)[:200], "reason": reason}
        event = "delivery_given_up" if due_at is None else "delivery_failed"
        _LOG.log(
            level, "channel %s: %s is %s: %s", name, told["delivery"], words, reason,
            extra={"event": event, "fields": told},
        )  # fmt: skip


class _Round:
    """One sink's thread, which has one delivery in its hands at a time."""

    def __init__(
        self, sink: AlarmSink, results: queue.SimpleQueue[tuple[Delivery, ConnectorError | None]],
        news: threading.Event,
    ) -> None:  # fmt: skip
        self.sink, self._results, self._news = sink, results, news
        self._hands: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, name=f"amiss-channel-{sink.name}", daemon=True)
        self.free, self.failures = True, 0
        self.rests_since, self.rests_seconds = 0.0, 0.0

    def ready(self, now: float) -> bool:
        """Whether it may be given a delivery. A clock that was set back ends a rest: it could last for ever."""
        return self.free and not 0.0 <= now - self.rests_since < self.rests_seconds

    def hand(self, delivery: Delivery) -> None:
        """Deliver this, and no other before its result is there."""
        self.free = False
        self._hands.put(delivery)

    def end(self) -> threading.Thread:
        """End behind the delivery in hand."""
        self._hands.put(None)
        return self.thread

    def _run(self) -> None:
        while (delivery := self._hands.get()) is not None:
            error: ConnectorError | None = None
            try:
                self.sink.deliver(delivery.notification)
            except (TransientError, TerminalError) as refused:
                error = refused
            # A fault in one sink must not end its thread, and its words may hold secrets.
            except Exception as fault:
                error = TransientError(f"the channel failed: {type(fault).__name__}")
            self._results.put((delivery, error))
            self._news.set()
