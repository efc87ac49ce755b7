"""Monitor: reads a live source, judges what comes, keeps and tells what is wrong, and loses nothing."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amiss.core.errors import StoreError
from amiss.core.live import LiveSource, Polled, Position
from amiss.core.notification import Notification
from amiss.store.store import Store
from amiss.stream.clock import Clock
from amiss.stream.decode import Decoder
from amiss.stream.events import Change
from amiss.stream.flow import Flow, Taken
from amiss.stream.groups import Groups
from amiss.stream.hold import Hold
from amiss.stream.keeping import Keeper, Round
from amiss.stream.snapshot import Saver, read_snapshot, write_snapshot

__all__ = ["Monitor", "Pace", "Step"]

_FORM = 1
"""Of the snapshot: one of another form is not read."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a Monitor goes.

    Attributes
    ----------
    batch_rows, batch_seconds
        Messages that are judged together at most, and how long the first of them is waited for.
    snapshot_seconds, snapshot_messages
        After which time, or so many messages, the state is made safe and the source told so.
    """

    batch_rows: int = 2_000
    batch_seconds: float = 0.25
    snapshot_seconds: float = 1.0
    snapshot_messages: int = 5_000


@dataclass(frozen=True, slots=True)
class Step:
    """What one round has brought.

    Attributes
    ----------
    polled
        As the source handed it out.
    taken
        What was said of it.
    changes
        Events that opened or ended, silences among them.
    told
        Notifications that were queued.
    """

    polled: Polled
    taken: Taken
    changes: list[Change]
    told: list[Notification]


class Monitor:
    """Rounds of: read, decode, judge, keep events and deliveries, snapshot of all state with the position, acknowledge.

    In this order a crash loses nothing and learns nothing twice: what is not in the snapshot comes again, raises the
    same events under the same ids, and these are in the store already.

    Where the store refuses, or the snapshot cannot be written, the round is kept in memory and tried again with growing
    pauses. Meanwhile nothing is read, shown, acknowledged or written to a snapshot: it goes on where it was.

    Parameters
    ----------
    source, decoder, flow, groups
        Where rows come from and what is made of them.
    store
        Where events and deliveries are kept; None keeps none.
    sinks
        Names of those who are told.
    snapshot
        File of the state; None keeps none.
    clock
        What time it is.
    pace
        How it goes.
    keep_history
        Whether scored rows are kept in the store.

    Attributes
    ----------
    counts
        Messages, events and the like so far.
    lag
        How many messages are known to wait; None where the source cannot say.
    hold
        Whether it waits for a store that refuses, and why.
    """

    def __init__(
        self, source: LiveSource, decoder: Decoder, flow: Flow, groups: Groups, *, clock: Clock,
        store: Store | None = None, sinks: Sequence[str] = (), snapshot: Path | None = None, pace: Pace | None = None,
        keep_history: bool = False,
    ) -> None:  # fmt: skip
        self.source, self.decoder, self.flow, self.groups = source, decoder, flow, groups
        self.clock, self.pace = clock, pace or Pace()
        self.counts: Counter[str] = Counter()
        self.lag: int | None = None
        self.hold = Hold()
        self._round: Round | None = None
        self._ended, self._idle = False, threading.Event()
        self._keeper = None if store is None else Keeper(store, source.name, tuple(sinks), history=keep_history)
        self._snapshot, self._run = snapshot, secrets.token_hex(8)
        self._position: Position | None = None
        self._unsafe, self._safe_at, self._hinted = 0, clock.now(), False
        self._saver = None if snapshot is None else Saver(snapshot)
        self._saving: Position | None = None

    def open(self) -> None:
        """Take up the last snapshot, and connect.

        Raises
        ------
        StoreError
            The snapshot is damaged, or of another stream.
        ConnectorError
            The source cannot be reached.
        """
        if self._saver is not None:
            self._saver.lock()
        state = None if self._snapshot is None else read_snapshot(self._snapshot)
        if state is not None:
            self._restore(state)
            # Nobody was listening until now.
            self.flow.resume(self.clock.now())
        self.flow.life.run = None
        self.source.open(self._position)
        if state is None and self._snapshot is not None:
            # From now on ids of events rest on this run, even if the very first batch is not survived.
            write_snapshot(self._snapshot, self._state())

    def run(self, stop: threading.Event, each: Callable[[Step], None]) -> None:
        """Go round until `stop` is set or the source has ended; `each` is called after every round."""
        try:
            while not stop.is_set():
                step = self.step()
                each(step)
                if self.is_done:
                    break
            if (rest := self.rest()) is not None:
                each(rest)
            self.finish()
        finally:
            self.close()

    @property
    def is_done(self) -> bool:
        """Whether the source has ended, and nothing is held that the store or the snapshot's folder has refused."""
        if not self._ended or self.hold.is_on:
            return False
        # A snapshot that is being written may yet be refused, and is then to be tried again.
        return self._saver is None or not self._saver.has_failed()

    def rest(self) -> Step | None:
        """Before a stop: a last try of what the store refuses; rows that wait for late ones, where no snapshot does."""
        if self.hold.is_on:
            return self._settle(self._round)
        if self._saver is not None or not self.flow.waiting.n_rows:
            return None
        return self._settle(self._round_of(Polled([], self._position or {}, self.lag, ended=True), self.clock.now()))

    def finish(self) -> None:
        """Make all safe that was read; to be called once, before `close`.

        Raises
        ------
        StoreError
            The store or the snapshot's folder still refuses.
        """
        if self._round is not None:
            raise StoreError(
                f"the store has refused to the end: {self.hold.reason}", where=self.source.name,
                mend="what was not kept comes again at the next start, where the source still has it",
            )  # fmt: skip
        self.make_safe()
        self._acknowledge()

    def close(self) -> None:
        """Let go of the source and of the snapshot; may be called twice."""
        self.source.close()
        if self._saver is not None:
            self._saver.close()

    def step(self, wait_seconds: float | None = None) -> Step:
        """One round, in which messages are waited for so long (by default as the pace says).

        While the store refuses it waits instead, tries again what is to be kept, and gives an empty round until then.
        """
        wait = self.pace.batch_seconds if wait_seconds is None else wait_seconds
        if not self.hold.is_on:
            return self._settle(self._judged(wait))
        left = self.hold.left(self.clock.now())
        if left <= 0:
            return self._settle(self._round)
        self.clock.wait(self._idle, min(left, wait))
        return self._nothing()

    def _judged(self, wait_seconds: float) -> Round:
        """Read, decode and judge."""
        polled = self.source.poll(self.pace.batch_rows, wait_seconds)
        now = self.clock.now()
        return self._round_of(polled, now)

    def _round_of(self, polled: Polled, now: float) -> Round:
        readings = self.decoder.decode(polled.messages, now)
        if readings.n_rows and not self._hinted:
            self._hinted = True
            polled.notes.extend(filter(None, [self.decoder.hint(readings)]))
        crowded = self.flow.roster.n_forgotten > 0
        taken = self.flow.take(readings, now, last=polled.ended)
        if self.flow.roster.n_forgotten and not crowded:
            most = self.flow.roster.most
            polled.notes.append(
                f"more than {most:,} entities: from now on the longest silent are forgotten for new ones"
            )
        self.flow.life.run = None if self.decoder.time is not None else self._run
        return Round(polled, taken, taken.changes + self.flow.silences(now), now)

    def _nothing(self) -> Step:
        return Step(Polled([], self._position or {}, self.lag), Taken(), [], [])

    def _settle(self, round_: Round | None) -> Step:
        """Keep a round, then write the snapshot that is due; what the store refuses is left for a later step."""
        self._round, step = round_, self._nothing()
        try:
            if round_ is not None:
                step = self._kept(round_)
                self._round = None
            self._save_if_due()
        except StoreError as error:
            said = self.hold.refused(error, self.clock.now())
        else:
            now, since = self.clock.now(), self.hold.since
            said = self.hold.over(now)
            if since is not None:
                self.flow.resume(now, since)
        step.polled.notes.extend(filter(None, [said]))
        return step

    def _kept(self, round_: Round) -> Step:
        polled, taken, changes = round_.polled, round_.taken, round_.changes
        if self._keeper is None:
            round_.told = self.groups.offer(changes, round_.now)
        else:
            self._keeper.keep(round_, self.groups)
            try:
                self._keeper.tidy(round_.now)
            except StoreError as error:
                # The round is safe; this can be done later.
                polled.notes.append(f"{error.what}; old rows are summed up later")
        told = round_.told or []
        self._position, self.lag, self._ended = polled.position, polled.lag, polled.ended
        self._unsafe += len(polled.messages) + bool(changes)
        self._count(polled, taken, changes, told)
        return Step(polled, taken, changes, told)

    def _save_if_due(self) -> None:
        if self._saving is not None and self._saver is not None and not self._saver.busy:
            self._acknowledge()
        now, held = self.clock.now(), self.hold.is_on
        due = now - self._safe_at >= self.pace.snapshot_seconds or self._unsafe >= self.pace.snapshot_messages
        if (due or held) and self._saving is None and self._unsafe:
            self.make_safe()
        if held:
            # Whether the snapshot can be written again is to be known before more is read.
            self._acknowledge()

    def make_safe(self) -> None:
        """Begin to write the snapshot; once it lies on the disk, the source is told that all up to it is safe."""
        self._acknowledge()
        if self._position is None:
            return
        self._saving = self._position
        self._unsafe, self._safe_at = 0, self.clock.now()
        if self._saver is None:
            self._acknowledge()
        else:
            self._saver.save(self._state())

    def _acknowledge(self) -> None:
        """Wait for the snapshot that is being written, and tell the source of it."""
        if self._saving is None:
            return
        safe, self._saving = self._saving, None
        if self._saver is not None:
            try:
                self._saver.wait()
            except StoreError:
                self._unsafe = max(self._unsafe, 1)
                raise
        self.source.commit(safe)

    def _count(self, polled: Polled, taken: Taken, changes: list[Change], told: list[Notification]) -> None:
        self.counts["messages"] += len(polled.messages)
        self.counts["refused"] += len(taken.refused)
        self.counts["alarms"] += 0 if taken.judged is None else int(taken.judged.is_anomaly.sum())
        self.counts["events"] += sum(change.opened for change in changes)
        self.counts["notifications"] += len(told)

    def _state(self) -> dict[str, Any]:
        return {
            "form": _FORM, "source": self.source.name, "run": self._run, "position": self._position,
            "decoder": self.decoder.state(), "flow": self.flow.state(), "groups": self.groups.state(),
            "counts": dict(self.counts),
        }  # fmt: skip

    def _restore(self, state: dict[str, Any]) -> None:
        if state.get("form") != _FORM or state.get("source") != self.source.name:
            raise StoreError(
                f"this snapshot is of {state.get('source')!r}, not of {self.source.name!r}", where=str(self._snapshot),
                mend="give another folder with --state, or move the snapshot away to begin anew",
            )  # fmt: skip
        try:
            self._run, self._position = state["run"], state["position"]
            self.decoder.restore(state["decoder"])
            self.flow.restore(state["flow"])
            self.groups.restore(state["groups"])
            self.counts = Counter(state["counts"])
        except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            raise StoreError(
                "this snapshot does not fit what is watched now: another model, or other columns",
                where=str(self._snapshot), mend="give another folder with --state, or move the snapshot away",
            ) from error  # fmt: skip
