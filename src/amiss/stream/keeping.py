"""What a Monitor puts into the store after each round, in one transaction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import numpy as np

from amiss.core.errors import StoreError
from amiss.core.live import Polled
from amiss.core.notification import Notification
from amiss.store.records import DeadLetter, EventRecord, HistoryBatch, SilenceRecord
from amiss.store.store import Store
from amiss.stream.events import Change
from amiss.stream.flow import Taken
from amiss.stream.groups import Groups

__all__ = ["Keeper", "Round"]

_SUMS_SECONDS, _DAY = 60.0, 86_400.0
_SILENCES_SECONDS = 5.0
"""Silences are asked for so often."""


@dataclass(slots=True)
class Round:
    """What a Monitor has read and judged at once, until it is kept.

    Attributes
    ----------
    polled, taken, changes
        As in a `Step`.
    now
        When it was judged, in seconds since 1970.
    told
        Notifications that it gave rise to; None before they were made.
    history
        Its scored rows, where they are kept.
    hidden
        Events that silences have kept from being told, by silence.
    """

    polled: Polled
    taken: Taken
    changes: list[Change]
    now: float
    told: list[Notification] | None = None
    history: HistoryBatch | None = None
    hidden: Counter[str] = field(default_factory=Counter)


class Keeper:
    """Writes events, scored rows, deliveries and records that were refused.

    Parameters
    ----------
    store
        Where.
    source
        Name of the stream.
    sinks
        Names of those who are told.
    history
        Whether scored rows are kept.
    """

    def __init__(self, store: Store, source: str, sinks: tuple[str, ...], *, history: bool) -> None:
        self._store, self._source, self._sinks, self._history = store, source, sinks, history
        self._silences: list[SilenceRecord] = []
        self._asked_at = self._summed_at = self._pruned_at = self._rests_until = -np.inf

    def keep(self, round_: Round, groups: Groups) -> None:
        """Keep what a round has brought, and queue its notifications, those silenced left out.

        It may be called again with a round that it could not keep: nothing is then told or counted twice.

        Raises
        ------
        StoreError
            The store refuses; nothing of the round is kept.
        """
        now = round_.now
        if round_.told is None:
            if any(change.opened for change in round_.changes):
                self._ask_silences(now)
            heard = [change for change in round_.changes if not self._is_hidden(change, round_.hidden)]
            round_.history, round_.told = self._history_of(round_.taken), groups.offer(heard, now)
        if round_.changes or round_.told or round_.history or round_.taken.refused or round_.hidden:
            self._write(round_, round_.told)

    def _write(self, round_: Round, told: list[Notification]) -> None:
        with self._store.writing() as writer:
            writer.put_events([_record(change, round_.now) for change in round_.changes])
            writer.put_dead_letters(
                DeadLetter(at=round_.now, source=each.topic or self._source, reason=each.reason, body=each.body)
                for each in round_.taken.refused
            )
            if round_.history is not None:
                writer.put_history(round_.history)
            writer.count_hidden(round_.hidden)
            if self._sinks:
                writer.queue(told, self._sinks, round_.now)

    def tidy(self, now: float) -> None:
        """Sum up scored rows once a minute, and take away what is older than is kept once a day.

        Raises
        ------
        StoreError
            The store refuses; it is tried again in a minute.
        """
        if now < self._rests_until:
            return
        try:
            if self._history and now - self._summed_at >= _SUMS_SECONDS:
                self._store.roll_up()
                self._summed_at = now
            if now - self._pruned_at >= _DAY:
                self._store.prune(now)
                self._pruned_at = now
        except StoreError:
            self._rests_until = now + _SUMS_SECONDS
            raise

    def _ask_silences(self, now: float) -> None:
        if now - self._asked_at >= _SILENCES_SECONDS:
            self._silences, self._asked_at = self._store.silences(active_at=now), now

    def _is_hidden(self, change: Change, hidden: Counter[str]) -> bool:
        """Whether a silence keeps an event that opens from being told; its end is then not told either."""
        if not change.opened:
            return False
        event = change.event
        found = next((s for s in self._silences if s.covers(event.source, event.entity, event.kind)), None)
        if found is not None:
            hidden[found.id] += 1
        return found is not None

    def _history_of(self, taken: Taken) -> HistoryBatch | None:
        batch, judged = taken.batch, taken.judged
        if not self._history or batch is None or judged is None:
            return None
        return HistoryBatch(
            source=self._source, columns=tuple(batch.columns),
            entities=[batch.names[code] or None for code in batch.codes.tolist()], times=batch.readings.times,
            scores=judged.scores, p_values=judged.p_values, is_anomaly=judged.is_anomaly, values=batch.X,
        )  # fmt: skip


def _record(change: Change, now: float) -> EventRecord:
    event = change.event
    return EventRecord(
        id=event.id, source=event.source, entity=event.entity or None, kind=event.kind, severity=event.severity,
        opened=_seconds(event.start), updated=now, ended=None if event.end is None else _seconds(event.end),
        score=event.score, p_value=event.p_value if event.kind == "anomaly" else None, n_alarms=event.n_alarms,
        reason=event.reason,
        fingerprint=event.fingerprint, state=event.state, body=msgspec.to_builtins(event),
    )  # fmt: skip


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
