"""Queue of events, re-ranked by what people have said of others."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import get_args

import numpy as np
import numpy.typing as npt

from amiss.core.errors import ParameterError
from amiss.feedback.event_ranks import EventRanks, rank_events
from amiss.feedback.event_traits import Traits, directed_columns, when
from amiss.feedback.examples import Examples
from amiss.feedback.queued import QueuedEvent, QueueState, SimilarEvent, Why
from amiss.feedback.verdict_log import TAKEN_BACK, VerdictLog
from amiss.store.records import EventRecord, LabelRecord, Verdict

__all__ = ["EventQueue"]

Places = npt.NDArray[np.intp]
_VERDICTS: tuple[str, ...] = get_args(Verdict)
_DECIDED = ("anomaly", "normal")
_EVERY = 10
"""Each such question is an uncertain or a novel one."""
_HEARD = 0.25
"""Likeness to what was decided from which on that is told as what has moved an event."""


class EventQueue:
    """Events in the order in which a person should look at them, which each verdict changes at once.

    At first the p-value (or the severity) orders them. A verdict speaks for or against each event as much as that is
    like the one it was given for: in kind, source, entity, hour, gravity and the columns to blame. Near-duplicates of
    what was called normal are hidden, with the reason, unless they are graver or more like something called an
    anomaly; likewise those of "not_now", for a time. "unsure" is kept and changes nothing. Every tenth question is one
    that the verdicts so far leave most uncertain, or that is least like any of them. Where each verdict, judged by all
    others, would have been told better by the p-values alone, the order goes back to these.

    It is pure: no clock, no store; the same events and labels give the same queue, in whichever order the data were
    labelled. A verdict on 10,000 events takes a few milliseconds.

    Parameters
    ----------
    events
        To begin with; see `put`.
    labels
        To begin with; see `take`.
    snooze_seconds
        How long "not_now" hides what it was said of and its near-duplicates, above 0.

    Examples
    --------
    >>> from amiss.feedback import EventQueue
    >>> from amiss.store.records import EventRecord
    >>> def spike(i, pump, p_value):
    ...     body = {"values": {"temp": 97.0}, "usual": {"temp": "20 to 60"}}
    ...     return EventRecord(id=f"e{i}", source="plant", kind="spike", entity=pump, opened=i * 86400.0,
    ...                        updated=i * 86400.0, p_value=p_value, fingerprint=pump, body=body)
    >>> queue = EventQueue([spike(0, "pump-1", 1e-6), spike(1, "pump-1", 1e-6), spike(2, "pump-2", 1e-4)])
    >>> [item.event.id for item in queue.page(now=200000.0)]
    ['e1', 'e0', 'e2']
    >>> record = queue.label("e1", "normal", author="kim", at=200000.0)
    >>> [item.event.id for item in queue.page(now=200000.0)]
    ['e2']
    >>> queue.item("e0", now=200000.0).hidden
    'like the spike of pump-1 at 1970-01-02 00:00 that kim called normal'
    """

    def __init__(
        self,
        events: Iterable[EventRecord] = (),
        labels: Iterable[LabelRecord] = (),
        *,
        snooze_seconds: float = 86_400.0,
    ) -> None:
        if not snooze_seconds > 0:
            raise ParameterError(f"snooze_seconds is {snooze_seconds:g}", mend="give more than 0")
        self._snooze_seconds = snooze_seconds
        self._events: list[EventRecord] = []
        self._place: dict[str, int] = {}
        self._traits = Traits()
        self._log = VerdictLog()
        self._verdict: dict[int, LabelRecord] = {}
        self._examples = Examples(self._traits)
        self._static = np.empty(0, np.intp)
        self._ranks: EventRanks | None = None
        self.put(events)
        self.take(labels)

    # What comes in -----------------------------------------------------------------------------------------

    def put(self, events: Iterable[EventRecord]) -> None:
        """Take up events, new or changed: one with the same id takes the place of the older."""
        new = []
        for event in events:
            place = self._place.setdefault(event.id, len(self._events))
            if place == len(self._events):
                self._events.append(event)
            elif self._events[place] == event:
                continue
            self._events[place] = event
            self._traits.put(place, event)
            new.append(place)
        if new:
            self._examples.renew(new)
            self._settle({(self._events[place].source, self._events[place].entity or "") for place in new})
            self._static = self._static_order()

    def take(self, labels: Iterable[LabelRecord]) -> None:
        """Take up labels in the order in which they were given, as the store keeps them.

        One counts for the event that opened when its span starts, and if there is none for all events of its source
        and entity that share half of the shorter of the two spans. The later of two labels of one event stands.
        """
        new, undone = [], False
        for label in labels:
            undone |= self._log.add(label) is not None
            new.append(label)
        if undone:
            self._settle({(label.source, label.entity or "") for label in new})
            return
        for label in new:
            if label.reason != TAKEN_BACK:
                self._verdict |= dict.fromkeys(self._traits.meant(label).tolist(), label)
        self._taught()

    def label(self, event_id: str, verdict: Verdict, *, author: str, at: float, reason: str = "") -> LabelRecord:
        """Say of an event what it is: the record to keep, which has taken effect.

        Raises
        ------
        ParameterError
            There is no such event, or no such verdict.
        """
        place = self._place_of(event_id)
        if verdict not in _VERDICTS:
            raise ParameterError(f"there is no verdict {verdict!r}", mend=f"say one of {', '.join(_VERDICTS)}")
        event = self._events[place]
        row_key = event.body.get("row_key")
        record = LabelRecord(
            verdict=verdict, author=author, at=at, reason=reason, source=event.source, entity=event.entity,
            starts=event.opened, ends=float(self._traits.ended[place]),
            row_key=None if row_key is None else str(row_key),
        )  # fmt: skip
        self.take([record])
        return record

    def undo(self, author: str, *, at: float) -> LabelRecord | None:
        """Take back what an author said last and still stands: the record to keep; None if there is nothing.

        The queue is then as if it had never been said.
        """
        record = self._log.undo(author, at=at)
        if record is not None:
            self._settle({(record.source, record.entity or "")})
        return record

    def forget(self, event_ids: Iterable[str]) -> None:
        """Let go of events; what was said of them is kept, and no longer counts for others."""
        gone = {self._place_of(event_id) for event_id in event_ids}
        if not gone:
            return
        self.__init__(  # type: ignore[misc]
            [event for place, event in enumerate(self._events) if place not in gone],
            self._log.all(), snooze_seconds=self._snooze_seconds,
        )  # fmt: skip

    # What is told ------------------------------------------------------------------------------------------

    def page(
        self, now: float, *, offset: int = 0, limit: int = 50, hidden: bool = False, decided: bool = False
    ) -> list[QueuedEvent]:
        """Some of the queue, in its order.

        Parameters
        ----------
        now
            The time, in seconds: after a while "not_now" is over.
        offset, limit
            How many to leave out, and how many to give at most.
        hidden
            Behind those that are shown, those that are not.
        decided
            Instead, those that somebody has said something about.
        """
        ranks, covers = self._ranked(), self._covers(now)
        if decided:
            places = np.array([p for p in ranks.order.tolist() if p in self._verdict], np.intp)
        else:
            places = self._open(ranks, covers, now)
            if hidden:
                places = np.concatenate([places, self._open(ranks, covers, now, hidden=True)])
        return [self._item(place, ranks, covers) for place in places[offset : offset + limit].tolist()]

    def item(self, event_id: str, now: float) -> QueuedEvent:
        """One event in its place; ParameterError if there is none of this id."""
        return self._item(self._place_of(event_id), self._ranked(), self._covers(now))

    def next_question(self, now: float, *, skip: Collection[str] = ()) -> QueuedEvent | None:
        """The event to ask about next, none of those to `skip`; None where all is decided or hidden."""
        ranks, covers = self._ranked(), self._covers(now)
        away = [self._place[event_id] for event_id in skip if event_id in self._place]
        places = self._open(ranks, covers, now)
        places = places[~np.isin(places, away)]
        if not len(places):
            return None
        why = self._turn(len(away))
        if why == "rank":
            return self._item(int(places[0]), ranks, covers)
        doubt = np.abs(ranks.chance - 0.5) if why == "uncertain" else ranks.weight
        return self._item(int(places[np.argmin(doubt[places])]), ranks, covers, why)

    def similar(self, event_id: str, k: int = 5, *, labelled: bool = False) -> list[SimilarEvent]:
        """Events that are like one, the most alike first, of like ones the latest first.

        Parameters
        ----------
        event_id
            Of the event; ParameterError if there is none.
        k
            How many at most.
        labelled
            Only those that somebody has said something about.
        """
        place = self._place_of(event_id)
        alike = self._traits.likeness(place).astype(np.float64)
        alike[place] = -1.0
        if labelled:
            said = np.zeros(len(alike), np.bool_)
            said[list(self._verdict)] = True
            alike[~said] = -1.0
        order = np.lexsort((-self._traits.opened[: len(alike)], -alike))[: max(k, 0)]
        return [
            SimilarEvent(
                event=self._events[other], likeness=float(alike[other]), label=self._verdict.get(other),
                why=self._traits.in_common(place, other, directed_columns(self._events[other])),
            )
            for other in order.tolist() if alike[other] > 0
        ]  # fmt: skip

    def state(self, now: float) -> QueueState:
        """How far it has learnt."""
        ranks, covers = self._ranked(), self._covers(now)
        said: list[str] = [label.verdict for label in self._verdict.values()]
        return QueueState(
            n_events=len(self._events),
            n_open=len(self._open(ranks, covers, now)),
            n_hidden=len(self._open(ranks, covers, now, hidden=True)),
            n_verdicts={verdict: said.count(verdict) for verdict in _VERDICTS},
            learns=ranks.learns,
            why=ranks.why,
        )

    def labels(self) -> list[LabelRecord]:
        """What was said and not taken back, in the order in which it was said."""
        return self._log.standing()

    # Inside ------------------------------------------------------------------------------------------------

    def _place_of(self, event_id: str) -> int:
        place = self._place.get(event_id)
        if place is None:
            raise ParameterError(f"there is no event {event_id!r} in the queue")
        return place

    def _settle(self, owners: set[tuple[str, str]]) -> None:
        """Find anew what stands for the events of some sources and entities."""
        self._verdict = {
            place: label for place, label in self._verdict.items() if (label.source, label.entity or "") not in owners
        }
        for label in self._log.standing():
            if (label.source, label.entity or "") in owners:
                self._verdict |= dict.fromkeys(self._traits.meant(label).tolist(), label)
        self._taught()

    def _taught(self) -> None:
        self._examples.set({place: label.verdict for place, label in self._verdict.items()})
        self._ranks = None

    def _static_order(self) -> Places:
        """By what was known before: the gravest first, then the highest score, then the latest."""
        n = self._traits.n
        score = np.nan_to_num(self._traits.score[:n], nan=-np.inf)
        ids = np.array([event.id for event in self._events])
        order: Places = np.lexsort((ids, -self._traits.opened[:n], -score, -self._traits.gravity[:n]))
        return order

    def _ranked(self) -> EventRanks:
        if self._ranks is None:
            said = {p: label.verdict for p, label in self._verdict.items() if label.verdict in _DECIDED}
            self._ranks = rank_events(
                self._traits.gravity[: self._traits.n], self._static,
                self._examples.total("anomaly"), self._examples.total("normal"),
                np.array(list(said), np.intp), np.array([verdict == "anomaly" for verdict in said.values()], np.bool_),
            )  # fmt: skip
        return self._ranks

    def _covers(self, now: float) -> Places:
        """The event that each one is hidden for, −1 where it is not hidden: (n_events,)."""
        normal = self._examples.duplicate_of()
        off = [p for p, label in self._verdict.items() if label.verdict == "not_now" and self._until(label) > now]
        return np.where(normal >= 0, normal, self._examples.put_off(off)) if off else normal

    def _open(self, ranks: EventRanks, covers: Places, now: float, *, hidden: bool = False) -> Places:
        """Events that nobody has said anything about that still holds, in order."""
        free = (covers >= 0) == hidden
        free[[p for p, label in self._verdict.items() if label.verdict != "not_now" or self._until(label) > now]] = (
            False
        )
        places: Places = ranks.order[free[ranks.order]]
        return places

    def _until(self, label: LabelRecord) -> float:
        return label.at + self._snooze_seconds

    def _turn(self, n_ahead: int) -> Why:
        """Why the next question is asked, when so many before it are not answered yet."""
        number = len(self._verdict) + n_ahead + 1
        if number % _EVERY:
            return "rank"
        return "uncertain" if number // _EVERY % 2 else "novel"

    def _item(self, place: int, ranks: EventRanks, covers: Places, asked: Why = "rank") -> QueuedEvent:
        rank, static_rank, label = int(ranks.rank[place]), int(ranks.static_rank[place]), self._verdict.get(place)
        hidden = "" if label is not None or covers[place] < 0 else self._hidden(int(covers[place]))
        return QueuedEvent(
            event=self._events[place], place=rank, static_place=static_rank, chance=float(ranks.chance[place]),
            label=label, hidden=hidden, moved=self._moved(place, ranks), asked=asked,
        )  # fmt: skip

    def _hidden(self, example: int) -> str:
        label = self._verdict[example]
        if label.verdict == "not_now":
            return f"{self._like(example)} put off until {when(self._until(label))}"
        return f"{self._like(example)} called normal"

    def _moved(self, place: int, ranks: EventRanks) -> str:
        """What has moved an event: what was said of the one that it is most like."""
        if not ranks.learns or ranks.weight[place] < _HEARD or ranks.rank[place] == ranks.static_rank[place]:
            return ""
        verdict, example = self._examples.loudest(place)
        said = "normal" if verdict == "normal" else "an anomaly"
        return "" if example in (None, place) else f"{self._like(example)} called {said}"

    def _like(self, example: int) -> str:
        event = self._events[example]
        whose = f" of {event.entity}" if event.entity else ""
        return f"like the {event.kind}{whose} at {when(event.opened)} that {self._verdict[example].author}"
