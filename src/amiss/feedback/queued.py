"""What a queue of events tells: its items, events that are like one, and how far it has learnt."""

from __future__ import annotations

from typing import Literal

import msgspec

from amiss.store.records import EventRecord, LabelRecord

__all__ = ["QueueState", "QueuedEvent", "SimilarEvent", "Why"]

Why = Literal["rank", "uncertain", "novel"]


class QueuedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event in its place.

    Attributes
    ----------
    event
        As it was put.
    place, static_place
        From 0: where it stands, and where it would stand had nobody said anything.
    chance
        That it is called an anomaly, in [0, 1]; to rank by, not calibrated.
    label
        The verdict that stands for it; None where nobody has said anything.
    hidden
        Why it is not shown, in words; "" where it is.
    moved
        Why it does not stand where it would have stood, in words; "" where nothing has moved it.
    asked
        Why it is asked about: "rank"; or every tenth time "uncertain" or "novel".
    """

    event: EventRecord
    place: int
    static_place: int
    chance: float
    label: LabelRecord | None = None
    hidden: str = ""
    moved: str = ""
    asked: Why = "rank"


class SimilarEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is like another.

    Attributes
    ----------
    event
        As it was put.
    likeness
        In [0, 1]; 1 for one that cannot be told from it.
    label
        The verdict that stands for it; None where nobody has said anything.
    why
        What both have in common, in words.
    """

    event: EventRecord
    likeness: float
    label: LabelRecord | None
    why: str


class QueueState(msgspec.Struct, frozen=True, kw_only=True):
    """How far a queue has learnt.

    Attributes
    ----------
    n_events, n_open, n_hidden
        All; those that are shown and nobody has decided; those that are hidden and nobody has decided.
    n_verdicts
        Verdicts that stand, by verdict.
    learns
        Whether the verdicts order the queue; if not, the scores alone do.
    why
        Why, in one sentence.
    """

    n_events: int
    n_open: int
    n_hidden: int
    n_verdicts: dict[str, int]
    learns: bool
    why: str
