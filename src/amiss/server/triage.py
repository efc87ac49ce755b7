"""The queue as the server keeps it: what the store has, in the order that the verdicts so far give."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from typing import Any

from amiss.feedback import EventQueue, QueuedEvent, SimilarEvent
from amiss.server.problems import Problem
from amiss.store.records import EventRecord, LabelRecord, SilenceRecord, Verdict
from amiss.store.store import Store

__all__ = ["Triage", "covers"]

_MOST_EVENTS = 20_000
"""The latest so many are looked at; older ones stay in the store."""
_OVERLAP_SECONDS = 2.0
"""Events are asked for anew from so long before the last: another process may have written them in between."""
_CHUNK = 200


class Triage:
    """Events in the order in which to look at them. Any thread may use it.

    A verdict lies in the store before it is answered, so that nothing that was acknowledged is lost.

    Parameters
    ----------
    store
        Where events, labels and silences are.
    now
        What time it is.
    """

    def __init__(self, store: Store, now: Callable[[], float]) -> None:
        self._store, self._now = store, now
        self._lock = threading.RLock()
        self._queue = EventQueue()
        self._events: dict[str, EventRecord] = {}
        self._newest = -1e300
        self._labels: list[LabelRecord] = []
        self._silences: list[SilenceRecord] = []
        self._silenced: dict[str, str] = {}
        self.refresh()

    def refresh(self) -> list[EventRecord]:
        """Take up what the store has got since; gives the events that are new or have changed, the oldest first."""
        with self._lock:
            since = self._newest - _OVERLAP_SECONDS
            found = self._store.events(since=since, limit=_MOST_EVENTS)
            changed = [event for event in reversed(found) if self._events.get(event.id) != event]
            self._events |= {event.id: event for event in changed}
            self._newest = max([self._newest, *(event.updated for event in changed)])
            self._queue.put(changed)
            self._let_go()
            self._take_labels()
            self._silence(changed)
            return changed

    def page(
        self, offset: int, limit: int, *, search: str = "", hidden: bool = False, decided: bool = False
    ) -> tuple[list[QueuedEvent], int]:
        """Some of the queue in its order, and how many there are.

        Parameters
        ----------
        offset, limit
            How many to leave out, and how many to give at most.
        search
            Only events in whose words this stands.
        hidden
            Hidden and silenced ones too, behind the others.
        decided
            Instead, those with a verdict.
        """
        with self._lock:
            words = search.casefold().split()
            fitting = [
                item for item in self._all(hidden=hidden, decided=decided)
                if (hidden or decided or item.event.id not in self._silenced) and _holds(item.event, words)
            ] if words or self._silenced else None  # fmt: skip
            if fitting is not None:
                return fitting[offset : offset + limit], len(fitting)
            items = self._queue.page(self._now(), offset=offset, limit=limit, hidden=hidden, decided=decided)
            state = self._queue.state(self._now())
            n_decided = sum(state.n_verdicts.values())
            return items, n_decided if decided else state.n_open + hidden * state.n_hidden

    def item(self, event_id: str) -> QueuedEvent:
        """One event in its place.

        Raises
        ------
        Problem
            There is none of this id (404).
        """
        with self._lock:
            self._known(event_id)
            return self._queue.item(event_id, self._now())

    def similar(self, event_id: str, k: int = 6) -> list[SimilarEvent]:
        """Events that are like one, those with a verdict first."""
        with self._lock:
            self._known(event_id)
            judged = self._queue.similar(event_id, k // 2, labelled=True)
            known = {each.event.id for each in judged}
            others = [each for each in self._queue.similar(event_id, k) if each.event.id not in known]
            return (judged + others)[:k]

    def label(self, event_id: str, verdict: Verdict, *, author: str, reason: str) -> LabelRecord:
        """Say of an event what it is."""
        with self._lock:
            self._known(event_id)
            record = self._queue.label(event_id, verdict, author=author, at=self._now(), reason=reason)
            self._keep(record)
            return record

    def label_data(self, record: LabelRecord) -> None:
        """Say of data what they are."""
        with self._lock:
            self._queue.take([record])
            self._keep(record)

    def undo(self, author: str) -> LabelRecord | None:
        """Take back what an author said last; None where there is nothing."""
        with self._lock:
            record = self._queue.undo(author, at=self._now())
            if record is not None:
                self._keep(record)
            return record

    def next(self, skip: Collection[str] = ()) -> QueuedEvent | None:
        """What to ask about next; None where all is judged or hidden."""
        with self._lock:
            return self._queue.next_question(self._now(), skip=[*skip, *self._silenced])

    def meant(self, record: LabelRecord) -> str | None:
        """The id of the event that a label was given for; None where it was of data without one."""
        with self._lock:
            return next(
                (event.id for event in self._events.values()
                 if (event.source, event.entity, event.opened) == (record.source, record.entity, record.starts)),
                None,
            )  # fmt: skip

    def events(self) -> list[EventRecord]:
        """All that are looked at, in no order."""
        with self._lock:
            return list(self._events.values())

    def reload(self, event_id: str) -> None:
        """Take up an event as the store now has it."""
        with self._lock:
            event = self._store.event(event_id)
            if event is not None:
                self._events[event_id] = event
                self._queue.put([event])

    def verdicts(self) -> dict[str, str]:
        """What stands, by the event's id."""
        with self._lock:
            return {i.event.id: i.label.verdict for i in self._all(decided=True) if i.label is not None}

    def labels(self) -> list[LabelRecord]:
        """What was said and not taken back."""
        with self._lock:
            return self._queue.labels()

    def silenced(self) -> dict[str, str]:
        """The id of the silence that hides an event, by the event's id."""
        with self._lock:
            return dict(self._silenced)

    def state(self) -> dict[str, Any]:
        """How far the queue is."""
        with self._lock:
            state = self._queue.state(self._now())
            n_silenced = sum(1 for event_id in self._silenced if self._is_open(event_id)) if self._silenced else 0
            return {
                "n_left": state.n_open - n_silenced, "n_hidden": state.n_hidden + n_silenced,
                "n_judged": sum(state.n_verdicts.values()), "learner": state.why,
            }  # fmt: skip

    def renew_silences(self) -> None:
        """Look anew at which events are silenced."""
        with self._lock:
            self._silences, self._silenced = [], {}
            self._silence(list(self._events.values()))

    def _is_open(self, event_id: str) -> bool:
        item = self._queue.item(event_id, self._now())
        return item.label is None and not item.hidden

    def _all(self, *, hidden: bool = False, decided: bool = False) -> Iterator[QueuedEvent]:
        now, offset = self._now(), 0
        while items := self._queue.page(now, offset=offset, limit=_CHUNK, hidden=hidden, decided=decided):
            yield from items
            offset += len(items)

    def _keep(self, record: LabelRecord) -> None:
        try:
            self._store.add_label(record)
        except BaseException:
            # What is not kept was not said.
            self._queue = EventQueue(self._events.values(), self._labels)
            raise
        self._labels.append(record)

    def _take_labels(self) -> None:
        """Labels that another process has added."""
        if self._store.n_labels() == len(self._labels):
            return
        labels = self._store.labels()
        new, self._labels = labels[len(self._labels) :], labels
        self._queue.take(new)

    def _silence(self, events: list[EventRecord]) -> None:
        now = self._now()
        active = self._store.silences(active_at=now)
        if [s.id for s in active] != [s.id for s in self._silences]:
            self._silences, events, self._silenced = active, list(self._events.values()), {}
        for event in events:
            found = next((s for s in active if covers(s, event)), None)
            if found is not None:
                self._silenced[event.id] = found.id

    def _let_go(self) -> None:
        """Keep the latest events alone."""
        if len(self._events) > 2 * _MOST_EVENTS:
            order = sorted(self._events.values(), key=lambda event: event.opened)
            gone = [event.id for event in order[:-_MOST_EVENTS]]
            self._queue.forget(gone)
            for event_id in gone:
                del self._events[event_id]
                self._silenced.pop(event_id, None)

    def _known(self, event_id: str) -> None:
        if event_id in self._events:
            return
        event = self._store.event(event_id)
        if event is None:
            raise Problem(404, f"there is no event {event_id[:60]!r}", mend="it may be older than events are kept")
        self._events[event.id] = event
        self._queue.put([event])
        self._silence([event])


def covers(silence: SilenceRecord, event: EventRecord) -> bool:
    """Whether a silence hides a stored event: one that opened while it holds, or goes on when it begins."""
    if not silence.covers(event.source, event.entity, event.kind):
        return False
    ended = event.updated if event.ended is None else event.ended
    return silence.starts <= max(event.opened, ended) and event.opened < silence.ends


def _holds(event: EventRecord, words: list[str]) -> bool:
    if not words:
        return True
    text = " ".join(
        [event.kind, event.source, event.entity or "", event.reason, event.severity, *event.body.get("values", {})]
    ).casefold()
    return all(word in text for word in words)
